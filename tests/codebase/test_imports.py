"""Imports point downwards, also those for types, and `import workbench` stays fast."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.support.tree import ROOT, imports, modules

LAYERS = [
    ["exit", "openmp", "argument_names"],
    ["tracebacks", "errors", "attributes", "hints", "names", "config", "_settings", "deprecation"],
    ["tensor"],
    ["utils"],
    ["roles", "graph", "filter", "select", "model", "expressions", "initialization", "diagrams"],
    ["bricks"],
    ["algorithms"],
    ["monitoring"],
    ["data"],
    ["distributed"],
    ["log"],
    ["interfaces"],
    ["serialization"],
    ["extensions"],
    ["main_loop"],
    ["builder"],
    ["session"],
    ["search"],
    ["fitting"],
    ["sweep"],
    ["cli"],
    ["__main__"],
]
"""Layers from the bottom to the top; a module imports from its own row and the rows before it."""

LEVEL = {name: level for level, row in enumerate(LAYERS) for name in row}

EXCEPTIONS = {
    ("workbench.main_loop.loop", "workbench.session"): (
        "`MainLoop.start` returns the session that runs it"
    ),
    ("workbench.tensor.variable", "workbench.tensor.function"): (
        "`Variable.eval` makes a function that computes the variable"
    ),
    ("workbench.bricks.application", "workbench.bricks.base"): (
        "an application and the brick whose method it is are one idea in two files"
    ),
}
"""Allowed imports that point upwards, for types or inside a function: (from, to) -> reason."""

BEHIND_A_PROTOCOL = ("workbench.session", "workbench.main_loop")
"""Packages that views must not import, since a session can run in another process."""

SCREEN = {"anywidget", "bokeh", "IPython", "ipywidgets", "matplotlib", "panel"}
SLOW = SCREEN | {
    "click",
    "h5py",
    "pandas",
    "pydantic",
    "pydantic_settings",
    "scipy",
    "sqlite3",
    "yaml",
}


def part(module: str) -> str:
    """Return the entry of `LAYERS` to which a module belongs; '' for the package itself."""
    return module.split(".")[1] if "." in module else ""


MODULES = modules()
ENGINE = {name: path for name, path in MODULES.items() if name.split(".")[0] == "workbench"}
LIVE = {name: path for name, path in MODULES.items() if name not in ENGINE}


def test_every_part_has_its_layer():
    assert {part(name) for name in ENGINE} - {""} <= set(LEVEL)


def edges(name: str, path: Path) -> set[str]:
    """Return the modules that a module imports, without its parent packages and exceptions."""
    found = set()
    for target in imports(path):
        module = target
        while module and module not in MODULES:
            module = module.rpartition(".")[0]
        found.add(module)
    around = {name.rsplit(".", count)[0] for count in range(name.count(".") + 1)}
    return {target for target in found - around - {""} if (name, target) not in EXCEPTIONS}


@pytest.mark.parametrize("name", sorted(set(ENGINE) - {"workbench"}))
def test_imports_run_downhill(name):
    here = part(name)
    for target in edges(name, ENGINE[name]):
        if target.startswith("extensions_live"):
            pytest.fail(f"{name} imports {target}: the engine must not know the live layer")
        there = part(target)
        if there in LEVEL:
            assert LEVEL[there] <= LEVEL[here], f"{name} imports {target}, which is above it"


def test_no_modules_import_each_other():
    """Not for types, not inside functions, and not through other modules."""
    TopologicalSorter({name: edges(name, path) for name, path in MODULES.items()}).prepare()


@pytest.mark.parametrize("edge", EXCEPTIONS, ids=" to ".join)
def test_every_exception_is_needed(edge):
    here, there = edge
    assert any(f"{target}.".startswith(f"{there}.") for target in imports(MODULES[here]))


@pytest.mark.parametrize("name", sorted(LIVE))
def test_views_know_a_run_by_its_protocol_alone(name):
    assert not [one for one in imports(LIVE[name]) if one.startswith(BEHIND_A_PROTOCOL)]
    tree = ast.parse(LIVE[name].read_text(encoding="utf-8"))
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert "main_loop" not in attributes


def test_there_are_few_exceptions():
    assert len(EXCEPTIONS) <= 3


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


# Import each module first, in a separate process. Importing a module begins with importing its
# package, so the processes are forked from one that has imported the package, and a module that the
# package imports needs no process. Slow libraries have been imported before, which saves time.
IMPORT_EACH = """
import importlib, os, sys, traceback
import h5py, pandas, pydantic_settings, workbench
names = sys.argv[1:]

def first(name):
    child = os.fork()
    if child:
        if os.waitpid(child, 0)[1]:
            print(name, flush=True)
        return
    try:
        importlib.import_module(name)
        below(name)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)

def below(package):
    for name in names:
        if name.rpartition(".")[0] == package:
            below(name) if name in sys.modules else first(name)

below("workbench")
"""


@pytest.mark.slow
def test_every_module_can_be_imported_first():
    """A cycle between modules fails only if the wrong module is imported first."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_EACH, *sorted(ENGINE)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == [], done.stderr
