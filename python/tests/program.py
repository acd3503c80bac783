"""The program that was installed with the package."""

from __future__ import annotations

import subprocess
import sys


def admix(*arguments: str) -> str:
    """Runs the program and gives its output."""
    command = [sys.executable, "-m", "admix_merge", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
