"""The path of a brick on a board, and the Python expression that selects its variables."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass

from extensions_live.editor import settings as settings_
from extensions_live.editor.anatomy import anatomies
from extensions_live.editor.document import Document
from workbench.errors import BuilderError

AGAIN = re.compile(r"@\d+(?=/|$)")
"""Regular expression for the number that distinguishes siblings with the same name."""


@dataclass(frozen=True)
class Address:
    """Location of a brick or an input in a model, as text.

    Attributes
    ----------
    path : str
        The path of a brick, such as ``/mlp/linear_0``, or ``""`` if the node is not a brick.
    expression : str
        Python code that selects the variables of the brick, or the input variable, from ``model``;
        ``""`` if no code can select them.
    place : int
        The number of earlier bricks that have the same path.
    """

    path: str
    expression: str
    place: int = 0


def address(document: Document, node: str) -> Address:
    """Return the address of a node or a part of its brick.

    Raises
    ------
    BuilderError
        If there is no such node.
    """
    top, _ = settings_.split(document, node)
    if top in document.inputs:
        return Address("", f"model.dict_of_inputs()[{document.inputs[top]!r}]")
    if document.brick_of(top) is None:
        return Address("", "")
    try:
        name, inner = settings_.place_of(document, node)
    except BuilderError:  # an operation between the parts of a brick
        return Address("", "")
    paths = _paths(document)
    own = f"{name}/{inner}".strip("/")
    path = _real(own)
    same = [one for one in paths if _real(one) == path]
    place = same.index(own)
    if len(same) == 1:
        return Address(path, f"model.select({path!r})".replace("'", '"'))
    return Address(path, f"model.select({_object(own, paths)})", place)


def node_at(document: Document, nodes: list[str], path: str, place: int) -> str | None:
    """Return the node of the brick at a path, or of the innermost brick that contains the path."""
    best, longest = None, -1
    for node in nodes:
        found = address(document, node)
        exact = (found.path, found.place) == (path, place)
        around = bool(found.path) and f"{path}/".startswith(f"{found.path}/")
        if exact and longest < len(path) + 1:
            best, longest = node, len(path) + 1
        elif around and found.path != path and len(found.path) > longest:
            best, longest = node, len(found.path)
    return best


def _paths(document: Document) -> list[str]:
    """Return the paths of all bricks in the specification."""
    found: list[str] = []
    for name, anatomy in anatomies(document.spec).items():
        found += [name, *(f"{name}/{part}" for part in anatomy.parts)]
    return found


def _real(path: str) -> str:
    return "/" + AGAIN.sub("", path)


def _object(path: str, paths: list[str]) -> str:
    """Return a Python expression for the brick at a path of the specification."""
    parent, _, _ = path.rpartition("/")
    if not parent:
        good = path.isidentifier() and not keyword.iskeyword(path)
        return path if good else f"editor.built.bricks[{path!r}]"
    siblings = [one for one in paths if one.rpartition("/")[0] == parent]
    return f"{_object(parent, paths)}.children[{siblings.index(path)}]"
