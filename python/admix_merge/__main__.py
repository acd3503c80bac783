"""`python -m admix_merge` starts the program, whatever else is called `admix` on this machine."""

import os
import shutil
import sys
import sysconfig


def program() -> str:
    """The path of the program that was installed with this package."""
    schemes = ["", f"{os.name}_user"]
    folders = [sysconfig.get_path("scripts", scheme) if scheme else sysconfig.get_path("scripts") for scheme in schemes]
    folders.append(os.path.dirname(sys.executable))
    # `pip install --target` has them beside the package.
    folders.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bin"))
    for folder in folders:
        path = os.path.join(folder, "admix-merge")
        if os.access(path, os.X_OK):
            return path
    found = shutil.which("admix-merge")
    if found is None:
        sys.exit("error: the program `admix-merge` is not beside Python\nhint: `pip install --force-reinstall admix-merge`")
    return found


if __name__ == "__main__":
    path = program()
    os.execv(path, [path, *sys.argv[1:]])
