"""The program: the commands `admix` and `admix-merge`, and `python -m admix_merge`, whatever else is called `admix`."""

from __future__ import annotations

import os
import signal
import sys
import sysconfig


def _file() -> str:
    """The script that starts the program anew, for the workers of a sweep."""
    called = os.path.abspath(sys.argv[0])
    if os.path.basename(called) == "admix-merge":
        return called
    # `admix` may be another package's.
    folders = [sysconfig.get_path("scripts"), sysconfig.get_path("scripts", f"{os.name}_user"), os.path.dirname(called)]
    files = [os.path.join(folder, "admix-merge") for folder in folders]
    return next((file for file in files if os.access(file, os.X_OK)), called)


def main() -> None:
    """Runs the program."""
    from . import _native

    # Python would only note a signal, and look at it when the program is over.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(int(_native.command_line(_file(), ["admix", *sys.argv[1:]])))


if __name__ == "__main__":
    main()
