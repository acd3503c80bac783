"""Builds wheels: maturin's build with the program `admix` beside the module.

Both are built one after the other from the same compiled library. With pip, `-C profile=NAME` builds with another of cargo's profiles than
`release`, and `-C features=A,B` with other features than `hub` and `parquet-zstd`.

As a program, `python backend/admix_build.py OUT` builds a wheel for every Linux with glibc 2.17 or later (manylinux2014). It needs
`pip install maturin ziglang cargo-zigbuild`.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Mapping, Optional

HERE = Path(__file__).resolve().parent.parent
ROOT = HERE.parent
SCRIPTS = HERE / "admix_merge.data" / "scripts"

FEATURES = "hub,parquet-zstd"
"""What wheels have besides the default features."""

Settings = Optional[Mapping[str, Any]]


def _run(*command: str) -> None:
    print("+", *command, file=sys.stderr, flush=True)
    subprocess.run(command, check=True, stdout=sys.stderr)


def _setting(settings: Settings, name: str, usual: str) -> str:
    return str((settings or {}).get(name, usual))


def _build_program(profile: str, features: str) -> None:
    """Builds the program and puts it where the wheel takes scripts from."""
    common = ["--locked", "--profile", profile, "--bin", "admix", "--manifest-path", str(ROOT / "Cargo.toml")]
    common += ["--features", features] if features else []
    if profile == "release":
        _run("cargo", "rustc", *common, "--", "-C", "strip=symbols")
    else:
        # With other flags nothing of what is compiled already would be used.
        _run("cargo", "build", *common)
    _take_program(_target() / {"dev": "debug", "test": "debug", "bench": "release"}.get(profile, profile) / "admix")


def _target() -> Path:
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


def _take_program(program: Path) -> None:
    """Puts the program among the scripts, in one step: an earlier one may be running."""
    SCRIPTS.mkdir(parents=True, exist_ok=True)
    new = SCRIPTS / ".admix-merge.new"
    shutil.copy2(program, new)
    os.replace(new, SCRIPTS / "admix-merge")


def _arguments(profile: str, features: str) -> list[str]:
    """What maturin is told."""
    arguments = ["--locked", "--profile", profile]
    arguments += ["--features", ",".join(f"admix/{name}" for name in features.split(","))] if features else []
    return arguments + (["--strip"] if profile == "release" else [])


def build_wheel(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: Optional[str] = None
) -> str:
    import maturin

    profile, features = _setting(config_settings, "profile", "release"), _setting(config_settings, "features", FEATURES)
    _build_program(profile, features)
    settings = {"build-args": _arguments(profile, features)}
    return str(maturin.build_wheel(wheel_directory, settings, metadata_directory))


def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: Optional[str] = None
) -> str:
    import maturin

    profile, features = _setting(config_settings, "profile", "dev"), _setting(config_settings, "features", "")
    _build_program(profile, features)
    settings = {"build-args": _arguments(profile, features)}
    return str(maturin.build_editable(wheel_directory, settings, metadata_directory))


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Settings = None) -> str:
    import maturin

    return str(maturin.prepare_metadata_for_build_wheel(metadata_directory, None))


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def manylinux(out: str) -> None:
    """Builds a wheel that runs on every Linux with glibc 2.17 or later, with zig's linker and headers."""
    target = f"{platform.machine()}-unknown-linux-gnu"
    manifest = str(ROOT / "Cargo.toml")
    common = ["--locked", "--release", "--manifest-path", manifest, "--features", FEATURES]
    _run("cargo", "zigbuild", *common, "--bin", "admix", "--target", f"{target}.2.17")
    program = _target() / target / "release" / "admix"
    _take_program(program)
    _run("strip", str(SCRIPTS / "admix-merge"))
    arguments = ["--zig", "--target", target, "--compatibility", "manylinux2014", *_arguments("release", FEATURES)]
    _run("maturin", "build", "--manifest-path", str(HERE / "Cargo.toml"), "--out", out, *arguments)


if __name__ == "__main__":
    manylinux(sys.argv[1] if len(sys.argv) > 1 else "dist")
