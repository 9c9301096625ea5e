"""`import workbench as wb`: names that are loaded when they are used, and their stub."""

import ast
import subprocess
import sys

import workbench as wb
from tests.support.tree import ROOT

SOURCE = ast.parse((ROOT / "workbench" / "__init__.py").read_text(encoding="utf-8"))


def test_type_checkers_see_every_name():
    [block] = [node for node in SOURCE.body if isinstance(node, ast.If)]
    seen = {
        (node.module, alias.name) for node in ast.walk(block) if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }  # fmt: skip
    lazy = {
        (f"workbench.{place}", name) for place, names in wb.PLACES.items() for name in names.split()
    }
    assert seen == lazy | {("workbench", name) for name in wb.MODULES}


def test_names_are_loaded_when_they_are_used():
    code = (
        "import sys, workbench as wb\n"
        "before = 'workbench.bricks' in sys.modules\n"
        "listed = {'fit', 'Linear', 'MainLoop', 'tensor'} <= set(dir(wb))\n"
        "brick = wb.Linear(2, 3)\n"
        "print(before, listed, 'workbench.bricks' in sys.modules, wb.bricks.Linear is wb.Linear)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["False", "True", "True", "True"]


def test_every_name_is_that_of_its_module():
    for place, names in wb.PLACES.items():
        module = __import__(f"workbench.{place}", fromlist=["x"])
        assert all(getattr(wb, name) is getattr(module, name) for name in names.split())


def test_completion_lists_public_names_only():
    assert dir(wb) == sorted(wb.__all__)


def test_a_name_of_a_package_that_is_not_loaded_is_found():
    code = (
        "import workbench as wb\ntry: wb.SQLiteLog\nexcept AttributeError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert "from workbench.log import SQLiteLog" in done.stdout
