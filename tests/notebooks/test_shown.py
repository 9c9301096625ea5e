"""Public classes and functions: each is used in a notebook, or in an example that is executed.

`not_shown.txt` lists those that appear nowhere. It may only become shorter: a new name needs an
example.
"""

import ast
import contextlib
import doctest
import importlib
import inspect
from collections.abc import Iterator
from functools import cache

from tests.codebase.test_exports import pinned
from tests.support.notebooks import code_of, paths
from tests.support.tree import ROOT, modules

LIST = ROOT / "tests" / "notebooks" / "not_shown.txt"
PAGES = [ROOT / "README.md", *sorted((ROOT / "tests" / "tutorials").glob("*.md"))]


def names_in(code: str) -> set[str]:
    """Return all identifiers in a piece of code, except those that it defines or only imports."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                found.add(name)
    return found


def documents() -> Iterator[str]:
    """Yield every docstring of the packages, and every page with examples."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for path in modules().values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, kinds):
                yield ast.get_docstring(node) or ""
    for path in PAGES:
        yield path.read_text(encoding="utf-8")


def code() -> Iterator[str]:
    """Yield the code of all notebooks and examples that a test executes."""
    for path in paths():
        yield from code_of(path)
    parser = doctest.DocTestParser()
    for text in documents():
        for example in parser.get_examples(text):
            if not example.options.get(doctest.SKIP):
                yield example.source


@cache
def shown() -> set[str]:
    """Return all identifiers that occur in notebooks and examples."""
    found = set()
    for piece in code():
        with contextlib.suppress(SyntaxError):  # an example can show one, or use a magic of IPython
            found |= names_in(piece)
    return found


@cache
def public() -> dict[str, str]:
    """Return the public classes and functions with a module that exports them."""
    found = {}
    for module, names in pinned().items():
        for name in names:
            thing = getattr(importlib.import_module(module), name)
            if inspect.isclass(thing) or inspect.isroutine(thing):
                found[name] = module
    return found


def listed() -> list[str]:
    """Return the names of the list of exceptions."""
    return [line for line in LIST.read_text().split("\n") if line and not line.startswith("#")]


def test_every_public_name_is_shown_in_a_notebook_or_an_example():
    missing = {f"{module}.{name}" for name, module in public().items() if name not in shown()}
    new = sorted(name for name in missing if name.rpartition(".")[2] not in listed())
    assert not new, "add an example to its docstring, or use it in a notebook"


def test_names_that_are_shown_leave_the_list():
    assert [name for name in listed() if name in shown() or name not in public()] == []
    assert listed() == sorted(set(listed()))


def test_what_is_defined_imported_or_written_in_a_text_is_not_shown():
    assert "Linear" not in names_in("from workbench.bricks import Linear")
    assert "Linear" in names_in("bricks.Linear(3, 4)")
    assert "Linear" not in names_in("class Linear: ...")
    assert "Linear" not in names_in("print('Linear')")
