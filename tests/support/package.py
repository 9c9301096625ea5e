"""Wheel and sdist of this project; as a program, their installation with the extras.

``make package`` runs the program: for each combination it makes an empty environment, installs the
wheel with the pinned versions, and trains a model there. It takes more than a minute for each.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import combinations
from pathlib import Path

from tests.support.tree import ROOT, tracked

EXTRAS = ("live", "images", "parquet", "onnx", "ray")
"""The extras for users; the others are for the development of this project."""

BUILD = "import sys; import setuptools.build_meta as build; print(build.build_{}(sys.argv[1]))"

LIBRARIES = {"live": "bokeh", "images": "PIL", "parquet": "pyarrow", "onnx": "onnx", "ray": "ray"}

PROGRAM = """
import importlib.util, sys
import numpy as np, workbench as wb
wanted = {wanted!r}
found = {{extra for extra, library in {libraries!r}.items() if importlib.util.find_spec(library)}}
assert wanted <= found, (wanted, found)
session = wb.fit([wb.Linear(output_dim=2)], (np.eye(40, 4, dtype="float32"), np.arange(40) % 2),
                 epochs=2)
assert session.wait(60)
assert len(session.log.epochs) == 2, session.log.epochs
if "live" in wanted:
    import extensions_live
    extensions_live.doctor()
assert "tests" not in sys.modules and "site-packages" in wb.__file__, wb.__file__
"""
"""Program for an environment with the package; an extra can bring the library of another."""


def build(kind: str, folder: Path) -> Path:
    """Build the ``wheel`` or the ``sdist`` of the tracked files, without an isolated environment.

    The files are copied first, since setuptools writes into the folder that it builds.
    """
    source = folder / f"{kind}-source"
    for name in tracked():
        if name.startswith(("workbench/", "extensions_live/")) or "/" not in name:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    return build_in(source, kind, folder)


def build_in(source: Path, kind: str, folder: Path) -> Path:
    """Build a wheel or an sdist in a folder of sources, and return its file."""
    done = subprocess.run(
        [sys.executable, "-c", BUILD.format(kind), str(folder)],
        cwd=source,
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"the {kind} cannot be built:\n{done.stdout}{done.stderr}")
    return folder / done.stdout.splitlines()[-1]


def chosen() -> list[tuple[str, ...]]:
    """Return all combinations of `EXTRAS`, the empty one first.

    Examples
    --------
    >>> chosen()[:3], len(chosen())
    ([(), ('live',), ('images',)], 32)
    """
    return [found for size in range(len(EXTRAS) + 1) for found in combinations(EXTRAS, size)]


def try_out(wheel: Path, extras: tuple[str, ...], folder: Path) -> None:
    """Install the wheel with these extras into an empty environment, and train a model there."""
    shutil.rmtree(folder, ignore_errors=True)
    python = folder / "bin" / "python"
    wanted = f"{wheel}[{','.join(extras)}]" if extras else str(wheel)
    install = ("pip", "install", "-q", "--no-compile", "-c", ROOT / "constraints.txt", wanted)
    program = PROGRAM.format(wanted=set(extras), libraries=LIBRARIES)
    for command in [
        (sys.executable, "-m", "venv", folder),
        (python, "-m", *install),
        (python, "-m", "pip", "check"),
        (python, "-W", "error::DeprecationWarning:workbench", "-c", program),
        (folder / "bin" / "workbench", "--help"),
    ]:
        done = subprocess.run(
            list(map(str, command)),
            cwd=folder.parent,
            env={**os.environ, "PYTHONPATH": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(
                f"{' '.join(map(str, command))[:300]} failed:\n{done.stdout[-3000:]}"
            )


def main(arguments: list[str] | None = None) -> int:
    """Build both files, and install the wheel with each combination; return 0 if all work."""
    parser = argparse.ArgumentParser(description="Install the wheel with combinations of extras.")
    parser.add_argument(
        "--only", action="append", help="a combination, such as live,onnx; '' means no extras"
    )
    options = parser.parse_args(arguments)
    wanted = chosen()
    if options.only is not None:
        wanted = [tuple(filter(None, one.split(","))) for one in options.only]
    status = 0
    with tempfile.TemporaryDirectory(prefix="package-") as folder:
        scratch = Path(folder)
        wheel, sdist = build("wheel", scratch), build("sdist", scratch)
        for path in (wheel, sdist):
            print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB", flush=True)
        for extras in wanted:
            begin = time.monotonic()
            outcome = "ok"
            try:
                try_out(wheel, extras, scratch / "venv")
            except RuntimeError as error:
                status, outcome = 1, str(error)
            name = ", ".join(extras) or "no extras"
            print(f"{name}: {outcome} ({time.monotonic() - begin:.0f} s)", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
