"""Stable numbers for the layers of an MLP when layers are inserted on the canvas.

The index of a layer changes when another layer is inserted before it. Therefore, a document gives
each layer a number that does not change: its original index, or a negative number if the layer was
inserted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from extensions_live.editor.document import Document
from workbench.builder import Deepened


def with_layer(document: Document, name: str, found: Deepened) -> Document:
    """Return a document with a new layer in an MLP.

    Parameters
    ----------
    document : Document
    name : str
        The name of the MLP.
    found : Deepened
        The specification with the layer.
    """
    count, place = layers_in(document, name), int(found.brick.rpartition("_")[2])
    known = document.layers.get(name, ())
    known = known if len(known) == count else tuple(range(count))
    fresh = min(0, *known) - 1
    layers = {**document.layers, name: (*known[:place], fresh, *known[place:])}
    later = {was: path for path, was in found.moved.items()}
    frozen = frozenset(later.get(path, path) for path in document.frozen)
    positions = {later.get(node, node): at for node, at in document.spec.positions.items()}
    for brick in found.spec.bricks:
        document = document.with_brick(brick.name or "", brick)
    spec = replace(document.spec, positions=positions)
    return replace(document, spec=spec, layers=layers, frozen=frozen)


def layers_in(document: Document, name: str) -> int:
    """Return the number of layers in an MLP, or 0 if the brick is not an MLP."""
    brick = document.bricks.get(name)
    dims = None if brick is None else brick.settings.get("dims")
    return len(dims) - 1 if isinstance(dims, list) and dims else 0


def moved_layers(old: Document, new: Document, renamed: Mapping[str, str]) -> dict[str, str]:
    """Return the earlier path of each layer whose place has changed.

    Parameters
    ----------
    old, new : Document
    renamed : dict of str to str
        The earlier names of bricks that were renamed.

    Examples
    --------
    >>> from extensions_live.editor import Board
    >>> board = Board()
    >>> settings = {"dims": [4, 3, 2], "activations": [{"brick": {"type": "Rectifier"}}, None]}
    >>> node = board.add("MLP", after=board.add_input("x", [None, 4]), settings=settings)
    >>> before = board.document
    >>> board.deepen("mlp/linear_0")
    >>> moved_layers(before, board.document, {})
    {'mlp/linear_2': 'mlp/linear_1'}
    """
    found = {}
    for name, now in new.layers.items():
        earlier = renamed.get(name, name)
        own = tuple(range(sum(number >= 0 for number in now)))
        was = old.layers.get(earlier, own)
        if len(now) != layers_in(new, name) or len(was) != layers_in(old, earlier):
            continue  # the layers were also changed in another way
        for place, number in enumerate(now):
            if number in was and was.index(number) != place:
                path, before = f"linear_{place}", f"linear_{was.index(number)}"
                found[f"{name}/{path}"] = f"{earlier}/{before}"
    return found
