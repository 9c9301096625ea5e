"""Kernels of several versions of ipykernel in one virtual environment.

Each version is installed once into a separate folder within the virtual environment, without the
dependencies that the installed version shares. A kernel uses it if its ``PYTHONPATH`` starts with
that folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

REQUIREMENTS = {
    "6.31": ["ipykernel==6.31.0", "nest-asyncio==1.6.0"],
    "7.1": ["ipykernel==7.1.0", "nest-asyncio==1.6.0"],
    "7.4": ["ipykernel==7.4.0", "nest-asyncio2==1.7.4"],
}
"""Requirements by version: the versions that handle threads and messages differently."""

INSTALLED = "installed"
"""The name of the kernel of the virtual environment itself."""

VERSIONS = tuple(REQUIREMENTS)


def folder(version: str) -> Path:
    """Return the folder of one version; install it if needed."""
    place = Path(sys.prefix, "share", "workbench-kernels", "-".join(REQUIREMENTS[version]))
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        # Rename it when complete, so that an interrupted installation is not used.
        with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
            target = Path(scratch, "packages")
            subprocess.run(
                [*pip, "install", "-q", "--no-deps", "--target", target, *REQUIREMENTS[version]],
                check=True,
                stdin=subprocess.DEVNULL,
                timeout=300,
            )
            try:
                target.rename(place)
            except OSError:
                if not place.exists():  # if it exists, another process was faster
                    raise
    return place


def write_spec(specs: Path, version: str) -> None:
    """Write a kernelspec named `version` into the folder `specs`."""
    path = Path(specs, version, "kernel.json")
    path.parent.mkdir(parents=True)
    search = os.pathsep.join(filter(None, [str(folder(version)), os.environ.get("PYTHONPATH")]))
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": f"ipykernel {version}",
        "language": "python",
        "env": {"PYTHONPATH": search},
    }
    path.write_text(json.dumps(spec))
