"""Paths of bricks in a specification or below a brick: brick names, joined by slashes.

The second of several bricks with the same name and parent is called ``name@2``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container

from workbench.bricks import Brick


def children_of(brick: Brick) -> list[Brick]:
    """Return the children that are bricks."""
    return [child for child in brick.children if isinstance(child, Brick)]


def names_of_children(brick: Brick) -> list[str]:
    """Return the names of the children, made unique.

    Examples
    --------
    >>> from workbench.bricks import MLP, Tanh
    >>> names_of_children(MLP([Tanh(), Tanh()], [1, 2, 3]))
    ['linear_0', 'tanh', 'linear_1', 'tanh@2']
    """
    found: list[str] = []
    for child in children_of(brick):
        found.append(unique(child.name, found))
    return found


def unique(name: str, taken: Container[str]) -> str:
    """Return `name`, or the first of ``name@2``, ``name@3`` and so on that is not taken."""
    number, label = 1, name
    while label in taken:
        number += 1
        label = f"{name}@{number}"
    return label


def below(brick: Brick, path: str) -> Brick | None:
    """Return the brick at a path below `brick`, or None if there is none."""
    here: Brick | None = brick
    for part in path.split("/") if path else []:
        if here is None:
            return None
        here = dict(zip(names_of_children(here), children_of(here), strict=True)).get(part)
    return here


def tree(brick: Brick) -> dict[Brick, str]:
    """Return the paths, from the top down, of `brick` and all bricks below it; each occurs once."""
    found = {brick: ""}
    waiting = deque([brick])
    while waiting:
        parent = waiting.popleft()
        for name, child in zip(names_of_children(parent), children_of(parent), strict=True):
            if child not in found:
                found[child] = f"{found[parent]}/{name}".strip("/")
                waiting.append(child)
    return found
