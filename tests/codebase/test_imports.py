"""Imports run downhill, and `import workbench` stays light."""

import subprocess
import sys

import pytest

from tests.support.tree import ROOT, imports, modules

# From the bottom to the top. A module imports from its own row and from the rows above it here.
LAYERS = [
    ["openmp"],
    ["tracebacks", "errors", "hints", "names", "config", "_settings", "deprecation"],
    ["tensor"],
    ["utils"],
    ["roles", "graph", "filter", "select", "model", "expressions", "initialization"],
    ["bricks"],
    ["algorithms"],
    ["monitoring"],
    ["data"],
    ["log"],
    ["serialization"],
    ["extensions"],
    ["commands", "mailbox", "running"],
    ["main_loop"],
    ["session"],
    ["search", "builder"],
]
LEVEL = {name: level for level, row in enumerate(LAYERS) for name in row}

# Imports that point upwards all the same, inside a function: (from, to) -> why.
EXCEPTIONS = {
    ("main_loop", "session"): "`MainLoop.start` hands out the session that runs it",
    ("serialization", "main_loop"): "`continue_training` knows a main loop when it unpickles one",
}

SCREEN = {"anywidget", "bokeh", "IPython", "ipywidgets", "matplotlib", "panel"}
SLOW = SCREEN | {"h5py", "pandas", "pydantic", "pydantic_settings", "scipy", "sqlite3", "yaml"}


def part(module: str) -> str:
    """Return the row entry that a module of the engine belongs to; '' for the package itself."""
    return module.split(".")[1] if "." in module else ""


ENGINE = {name: path for name, path in modules().items() if name.split(".")[0] == "workbench"}


def test_every_part_has_its_layer():
    assert {part(name) for name in ENGINE} - {""} <= set(LEVEL)


@pytest.mark.parametrize("name", sorted(set(ENGINE) - {"workbench"}))
def test_imports_run_downhill(name):
    here = part(name)
    for target in imports(ENGINE[name]):
        if target.startswith("extensions_live"):
            pytest.fail(f"{name} imports {target}: the engine must not know the live layer")
        there = part(target) if target.startswith("workbench.") else ""
        if there in LEVEL and (here, there) not in EXCEPTIONS:
            assert LEVEL[there] <= LEVEL[here], f"{name} imports {target}, which is above it"


@pytest.mark.parametrize("name", sorted(ENGINE))
def test_the_engine_imports_no_screen_library(name):
    assert not {target.split(".")[0] for target in imports(ENGINE[name])} & SCREEN


LOADED = """
import sys, torch
before = set(sys.modules)
import workbench
print(*set(sys.modules) - before)
"""


def test_importing_the_engine_loads_nothing_slow():
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, check=True, capture_output=True, text=True
    )
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "workbench" in loaded
    assert not loaded & SLOW


# Each module in a process of its own, forked from one that has paid already for what comes before
# any of them: torch, the package itself, and slow libraries.
IMPORT_EACH = """
import importlib, os, sys, traceback
import h5py, pandas, pydantic_settings, workbench
for name in sys.argv[1:]:
    child = os.fork()
    if not child:
        try:
            importlib.import_module(name)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        print(name)
"""


def test_every_module_can_be_imported_first():
    """A cycle between modules shows only when they are entered from the wrong end."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_EACH, *sorted(ENGINE)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == [], done.stderr
