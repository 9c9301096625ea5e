"""Public names of every module with a list of them, pinned in a table that is edited by hand."""

import ast
import importlib

import pytest

from tests.support.tree import ROOT, modules

TABLE = ROOT / "tests" / "codebase" / "exports.txt"


def pinned() -> dict[str, set[str]]:
    """Read the table: module in brackets, then its names."""
    table: dict[str, set[str]] = {}
    names: set[str] = set()
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            names = table.setdefault(line.strip("[]"), set())
        elif not line.startswith("#"):
            names.update(line.split())
    return table


def lists_its_names(source: str) -> bool:
    """Return True if a module assigns `__all__`."""
    assigned = [node for node in ast.parse(source).body if isinstance(node, ast.Assign)]
    return any(ast.unparse(target) == "__all__" for node in assigned for target in node.targets)


def test_the_table_has_every_module_that_lists_its_names():
    public = {name for name, path in modules().items() if lists_its_names(path.read_text())}
    assert set(pinned()) == public


def test_every_package_lists_its_names():
    """All packages, except those with only a docstring and data files."""
    packages = {name: path for name, path in modules().items() if path.name == "__init__.py"}
    named = {name for name, path in packages.items() if len(ast.parse(path.read_text()).body) > 1}
    assert named <= set(pinned())


@pytest.mark.parametrize("name", sorted(pinned()))
def test_public_names_are_those_of_the_table(name):
    module = importlib.import_module(name)
    assert set(module.__all__) == pinned()[name]
    assert [one for one in module.__all__ if not hasattr(module, one)] == []
    assert len(module.__all__) == len(set(module.__all__))
