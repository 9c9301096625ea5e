"""The ``lab`` command, which opens JupyterLab on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import click

from workbench.errors import MissingDataError, MissingLibraryError

EXAMPLES = """\b
Examples:
  workbench lab
  workbench lab digits/digits.ipynb
  workbench lab . --port 8890 --no-browser
"""
NO_LAB = (
    "workbench lab needs JupyterLab, which is not installed; install it with: pip install "
    "'workbench[live]'"
)
NO_PATH = "there is no folder or notebook {path!r}; create a project with: workbench new NAME"


@click.command(epilog=EXAMPLES)
@click.argument("path", default=".", type=click.Path())
@click.option("--port", type=int, help="The port to listen on; by default a free port.")
@click.option("--no-browser", is_flag=True, help="Print the address instead of opening a browser.")
def lab(path: str, port: int | None, no_browser: bool) -> None:
    """Open the folder or notebook PATH in JupyterLab, which is reachable only from this machine."""
    if find_spec("jupyterlab") is None:
        raise MissingLibraryError(NO_LAB)
    if not os.path.exists(path):
        raise MissingDataError(NO_PATH.format(path=path))
    options = ["--ip=127.0.0.1"]
    if port is not None:
        options += [f"--port={port}", "--ServerApp.port_retries=0"]
    if no_browser:
        options.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")
    sys.exit(subprocess.call([sys.executable, "-m", "jupyterlab", path, *options]))
