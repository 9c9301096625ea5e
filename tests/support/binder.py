"""Proof of ``binder/``: its environment in a new folder, started as Binder starts it, and measured.

``make binder`` runs it. It clones the last commit, installs the files of ``binder/`` into a new
virtual environment, and starts JupyterLab with ``binder/start`` on one core, below the path that a
hub gives each user. Then it opens each notebook in a browser, runs all cells, and opens a dashboard
through ``jupyter-server-proxy``. The server and its kernels are ended if they need more than 2 GB
together; the peak of one kernel must stay below 1.2 GB. With ``--write``, the table of
``notebooks/site/binder.md`` is written again if all notebooks passed. Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

from tests.browser.lab import (
    PAINTED,
    Notebook,
    answers,
    free_port,
    guarded_page,
    headless,
    notebook_text,
    until,
)
from tests.support import chromium
from tests.support.tree import ROOT

LIMIT = 2_000_000_000
"""Bytes that Binder gives to the server and all kernels of a user."""
KERNEL_LIMIT = 1_200_000_000
PREFIX = "/user/reader/"
PAGE = ROOT / "notebooks" / "site" / "binder.md"
BEGIN, END = "<!-- memory -->", "<!-- end of memory -->"
DASHBOARD = """
import numpy as np
import workbench as wb
from extensions_live import Dashboard
draws = np.random.default_rng(1)
data = draws.normal(size=(500, 4)).astype("float32"), draws.integers(0, 2, 500)
session = wb.fit([wb.Linear(output_dim=2)], data, validation=None)
session.wait()
board = Dashboard(session).show()
"""


def run(*command: object, where: Path, **environment: str) -> None:
    """Run a command, and show its output only if it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=where,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-5000:]}")


def adapted(requirements: str) -> str:
    r"""Return the requirements without the package index of PyTorch, which CI cannot reach.

    Examples
    --------
    >>> adapted("--extra-index-url https://example.org/cpu\ntorch==2.13.0+cpu\npanel\n")
    'torch==2.13.0\npanel\n'
    """
    lines = [line for line in requirements.splitlines() if not line.startswith("--extra-index")]
    return re.sub(r"\+cpu$", "", "\n".join([*lines, ""]), flags=re.MULTILINE)


def install(scratch: Path) -> tuple[Path, Path]:
    """Clone the last commit and make the environment of its ``binder/`` files; return both."""
    clone, venv = scratch / "clone", scratch / "venv"
    run("git", "clone", "-q", ROOT, clone, where=scratch)
    wanted = (clone / "binder" / "runtime.txt").read_text().strip().replace("-", "")
    python = shutil.which(wanted) or sys.exit(f"binder/runtime.txt needs {wanted}; it is not here")
    run(python, "-m", "venv", venv, where=scratch)
    own = clone / "binder" / "requirements.txt"
    own.write_text(adapted(own.read_text()))
    path = f"{venv / 'bin'}:{os.environ['PATH']}"
    quiet = {"PATH": path, "PYTHONPATH": "", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    run("pip", "install", "-q", "--no-cache-dir", "-r", own, where=clone, **quiet)
    run("bash", clone / "binder" / "postBuild", where=clone, **quiet)
    return clone, venv


def family(pid: int) -> list[int]:
    """Return a process and all processes below it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(entry.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.parent.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def memory(pid: int, key: str, file: str = "status") -> int:
    """Return bytes from a file of /proc, or 0 if the process has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(f"{key}:"):
                return 1024 * int(line.split()[1])
    return 0


class Watch:
    """A watch over the memory of a process and its children, which ends them above `LIMIT`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process, self.peak, self.exceeded = process, 0, False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(0.25):
            used = sum(memory(pid, "Pss", "smaps_rollup") for pid in family(self.process.pid))
            self.peak = max(self.peak, used)
            if used > LIMIT:
                self.exceeded = True
                for pid in reversed(family(self.process.pid)):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, 9)

    def close(self) -> None:
        """End the watch."""
        self._over.set()
        self._thread.join()


@contextlib.contextmanager
def started(clone: Path, venv: Path) -> Iterator[tuple[str, Watch]]:
    """Yield the address of JupyterLab on one core, started as Binder does, and its watch."""
    port = free_port()
    core = min(os.sched_getaffinity(0))
    home = clone.parent / "home"
    environment = {
        "PATH": f"{venv / 'bin'}:{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "BINDER_SERVICE_HOST": "127.0.0.1",
        "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
    }
    home.mkdir()
    command = [
        *("taskset", "-c", str(core), "bash", str(clone / "binder" / "start")),
        *("jupyter", "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"),
        *(f"--ServerApp.base_url={PREFIX}", "--IdentityProvider.token="),
        *("--expose-app-in-browser", f"--ServerApp.root_dir={clone}"),
    ]
    base = f"http://127.0.0.1:{port}{PREFIX}".rstrip("/")
    log = clone.parent / "log"
    with log.open("w") as out:
        server = subprocess.Popen(command, cwd=clone, env=environment, stdout=out, stderr=out)
    watch = Watch(server)
    try:
        until(lambda: answers(base, server, log), timeout=120, what="the server's start")
        yield base, watch
    finally:
        watch.close()
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


class Opened(Notebook):
    """A notebook in the folder ``notebooks`` of the server, as on Binder."""

    def open(self) -> None:
        """Open the notebook at the address to which a link to Binder leads."""
        self.page.goto(f"{self.base}/lab/tree/notebooks/{self.path.name}?reset")
        self.ready()


def with_table(text: str, found: list[Measured], installed: float, together: int) -> str:
    r"""Return the text of the page with the measured values in its table.

    Parameters
    ----------
    text : str
        The page before.
    found : list of Measured
        The values of each notebook.
    installed : float
        The seconds that the installation took.
    together : int
        The peak memory of the server and its kernels.

    Examples
    --------
    >>> found = [Measured("00_five.ipynb", 31.2, 712_000_000, "")]
    >>> print(with_table(f"{BEGIN}\n{END}\n", found, 130.2, 1_300_000_000))
    <!-- memory -->
    | notebook | seconds | peak memory |
    |---|---:|---:|
    | 00_five | 31 | 712 MB |
    <BLANKLINE>
    The installation took 130 s; the server and its kernels together needed up to 1300 MB.
    <!-- end of memory -->
    <BLANKLINE>
    """
    rows = [
        f"| {one.name.removesuffix('.ipynb')} | {one.seconds:.0f} | {one.peak / 1e6:.0f} MB |"
        for one in found
    ]
    total = (
        f"The installation took {installed:.0f} s; the server and its kernels together needed up "
        f"to {together / 1e6:.0f} MB."
    )
    table = "\n".join(
        [BEGIN, "| notebook | seconds | peak memory |", "|---|---:|---:|", *rows, "", total, END]
    )
    before, _, rest = text.partition(BEGIN)
    return before + table + rest.partition(END)[2]


@dataclass
class Measured:
    """A notebook that was run, and what it needed."""

    name: str
    seconds: float
    peak: int
    faults: str

    def __str__(self) -> str:
        state = self.faults or ("ok" if self.peak < KERNEL_LIMIT else "too much memory")
        return f"{self.name:<40}{self.seconds:>6.0f} s{self.peak / 1e6:>8.0f} MB  {state}"


def measure(browser: Browser, base: str, path: Path) -> Measured:
    """Run a notebook in a page, and return the peak memory of its kernel."""
    with guarded_page(browser) as page:
        notebook = Opened(page, base, path)
        notebook.open()
        kernel = int(notebook.ask("__import__('os').getpid()"))
        begin = time.monotonic()
        try:
            notebook.run_all(timeout=900)
            faults = "; ".join(f"cell {index}: {name}" for index, name, _ in notebook.errors())
        except AssertionError as error:
            faults = str(error)
        seconds, peak = time.monotonic() - begin, memory(kernel, "VmHWM")
        notebook.shut_down()
    return Measured(path.name, seconds, peak, faults or ("" if peak else "the kernel has ended"))


def dashboard(browser: Browser, base: str, folder: Path) -> str:
    """Open a dashboard below the path of the hub; return what is wrong, or an empty string."""
    path = folder / "dashboard_check.ipynb"
    content = json.loads(notebook_text(DASHBOARD))
    content["metadata"]["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    path.write_text(json.dumps(content), encoding="utf-8")
    with guarded_page(browser) as page, guarded_page(browser) as second:
        notebook = Opened(page, base, path)
        notebook.open()
        notebook.run_all(timeout=200)
        if errors := notebook.errors():
            return f"the cell failed: {errors}"
        url = notebook.ask("board.url").strip("'")
        if not url.startswith(f"{PREFIX}proxy/"):
            return f"{url} is not below {PREFIX}proxy/"
        second.goto(base.removesuffix(PREFIX.rstrip("/")) + url)
        drawn = second.locator('[data-testid="plot"].wb-drawn canvas').first
        until(lambda: drawn.count() and drawn.evaluate(PAINTED), what="a drawn curve")
        notebook.shut_down()
    return ""


def main(arguments: list[str] | None = None) -> int:
    """Build, start and measure; return 0 if everything fits."""
    parser = argparse.ArgumentParser(description="Prove that the files of binder/ work.")
    parser.add_argument(
        "--only", default="", help="beginnings of the names of notebooks, separated by commas"
    )
    parser.add_argument("--write", action="store_true", help=f"write the table of {PAGE.name}")
    options = parser.parse_args(arguments)
    if options.write and options.only:
        parser.error("--write measures all notebooks, so it cannot be combined with --only")
    executable = chromium.find() or sys.exit(chromium.ABSENT)
    measured: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="binder-") as folder:
        begin = time.monotonic()
        clone, venv = install(Path(folder))
        installed = time.monotonic() - begin
        print(f"installed in {installed:.0f} s", flush=True)
        chosen = tuple(options.only.split(","))
        paths = [one for one in sorted((clone / "notebooks").glob("*.ipynb"))
                 if one.name.startswith(chosen)]  # fmt: skip
        failed = not paths
        with started(clone, venv) as (base, watch), headless(executable) as browser:
            for path in paths:
                found = measure(browser, base, path)
                print(found, flush=True)
                measured.append(found)
                failed = failed or bool(found.faults) or found.peak >= KERNEL_LIMIT
            fault = dashboard(browser, base, clone / "notebooks")
            print(f"dashboard through jupyter-server-proxy: {fault or 'ok'}")
        print(f"server and kernels together: {watch.peak / 1e6:.0f} MB of {LIMIT / 1e6:.0f} MB")
    failed = failed or bool(fault) or watch.exceeded
    if options.write and failed:
        print(f"{PAGE.name} is unchanged, because not everything passed")
    elif options.write:
        text = with_table(PAGE.read_text("utf-8"), measured, installed, watch.peak)
        PAGE.write_text(text, "utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
