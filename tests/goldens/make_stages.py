#!/usr/bin/env python3
"""Merges stages/two.yaml with mergekit-multi into expected/stages/two.safetensors: see README.md.

Needs mergekit 0.1.5; no network.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main():
    multi = Path(sys.executable).with_name("mergekit-multi")
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["--intermediate-dir", f"{folder}/stages", "--out-path", f"{folder}/out"]
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
        subprocess.run([multi, "stages/two.yaml", *arguments], cwd=HERE, env=environment, check=True)
        target = HERE / "expected/stages/two.safetensors"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(f"{folder}/out/model.safetensors", target)


if __name__ == "__main__":
    main()
