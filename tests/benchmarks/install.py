"""From ``git clone`` to a moving curve, as a new user sees it, with a warm package cache.

The last commit is cloned, and ``make lab`` installs what the notebooks need and starts JupyterLab.
A browser opens the first notebook and runs all cells; the clock stops when its plot has drawn a
curve that still grows. Before the clock starts, the same packages are installed elsewhere, so that
they are in the cache of the installer. pip is always measured, and uv if it is there. With
``--quick``, nothing is installed before, so downloads count. Linux and macOS.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.targets import Row, Target
from tests.browser.lab import (
    PAINTED,
    Notebook,
    answers,
    free_port,
    guarded_page,
    headless,
    until,
)
from tests.support import chromium
from tests.support.tree import ROOT

LIMIT = Target(90, unit="s")
NOTEBOOK = "notebooks/01_first_training.ipynb"
OF_MAKE = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VENV", "UV", "PYTHONPATH")
"""Variables of the environment that would change what ``make lab`` does."""


def make(clone: Path, installer: str, target: str, **variables: str) -> list[str]:
    """Return the command that makes a target in a clone, with pip or uv."""
    uv = shutil.which("uv") if installer == "uv" else ""
    given = {"UV": uv or "", **variables}
    return ["make", "-C", str(clone), target, *(f"{key}={value}" for key, value in given.items())]


def environment(**more: str) -> dict[str, str]:
    """Return the environment of the commands, without what belongs to this process."""
    kept = {key: value for key, value in os.environ.items() if key not in OF_MAKE}
    return {**kept, **more}


def run(command: list[str]) -> float:
    """Run a command that prints only if it fails; return its seconds."""
    began = time.monotonic()
    done = subprocess.run(
        command,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-5000:]}")
    return time.monotonic() - began


@contextlib.contextmanager
def served(clone: Path, installer: str, scratch: Path) -> Iterator[str]:
    """Yield the address of the JupyterLab that ``make lab`` starts."""
    port = free_port()
    config = scratch / "config"
    config.mkdir()
    lab = {"open_browser": False, "expose_app_in_browser": True}
    server = {"port": port, "port_retries": 0, "open_browser": False}
    chosen = {"LabApp": lab, "ServerApp": server, "IdentityProvider": {"token": ""}}
    for name in ("lab", "server"):
        (config / f"jupyter_{name}_config.json").write_text(json.dumps(chosen))
    own = environment(
        JUPYTER_CONFIG_DIR=str(config),
        JUPYTER_DATA_DIR=str(scratch / "data"),
        JUPYTER_RUNTIME_DIR=str(scratch / "runtime"),
        JUPYTERLAB_WORKSPACES_DIR=str(scratch / "workspaces"),
        IPYTHONDIR=str(scratch / "ipython"),
        JUPYTER_PLATFORM_DIRS="1",
    )
    base, log = f"http://127.0.0.1:{port}", scratch / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            make(clone, installer, "lab"), env=own, stdout=out, stderr=out, start_new_session=True
        )
    try:
        until(lambda: answers(base, process, log), timeout=1800, what="JupyterLab's start")
        yield base
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started, unless they have ended already."""
    for sent in (signal.SIGTERM, signal.SIGKILL):  # after the first, JupyterLab ends its kernels
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sent)
        try:
            process.wait(30)
            return
        except subprocess.TimeoutExpired:
            continue


def see_a_curve(base: str, clone: Path, executable: str) -> None:
    """Run the first notebook in a browser; return when a curve is drawn and grows."""
    with headless(executable) as browser, guarded_page(browser) as page:
        notebook = Notebook(page, base, clone / NOTEBOOK)
        page.goto(f"{base}/lab/tree/{NOTEBOOK}?reset")
        notebook.ready()
        notebook.command("notebook:run-all-cells")
        until(lambda: notebook.find("plot").count(), timeout=120, what="the plot")
        notebook.look_at("plot")
        canvas = notebook.find("plot").locator("canvas").first
        until(lambda: canvas.count() and canvas.evaluate(PAINTED), what="a drawn curve")
        first = points(notebook)
        until(lambda: points(notebook) > first, what="more points")
        notebook.shut_down()


def points(notebook: Notebook) -> int:
    """Return the number of points that the plot shows."""
    return int(notebook.find("plot").get_attribute("data-points") or 0)


def measured(installer: str, executable: str, quick: bool) -> Row:
    """Return the row of one installer."""
    with tempfile.TemporaryDirectory(prefix="install-") as folder:
        scratch = Path(folder)
        if not quick:
            run(["git", "clone", "-q", str(ROOT), str(scratch / "before")])
            run(make(scratch / "before", installer, ".venv/.lab"))
            shutil.rmtree(scratch / "before")
        clone, began = scratch / "clone", time.monotonic()
        cloned = run(["git", "clone", "-q", str(ROOT), str(clone)])
        installed = run(make(clone, installer, ".venv/.lab"))
        with served(clone, installer, scratch) as base:
            answered = time.monotonic() - began
            see_a_curve(base, clone, executable)
            seen = time.monotonic() - began
    return {
        "installer": installer,
        "clone, s": cloned,
        "install, s": installed,
        "start JupyterLab, s": answered - installed - cloned,
        "until the curve moves, s": seen - answered,
        "together, s": seen,
        **LIMIT.judge(seen),
    }


def rows(quick: bool) -> list[Row]:
    """Return one row for pip, and one for uv if it is there."""
    executable = chromium.find() or sys.exit(chromium.ABSENT)
    installers = ["pip", *(["uv"] if shutil.which("uv") else [])]
    return [measured(one, executable, quick) for one in installers]
