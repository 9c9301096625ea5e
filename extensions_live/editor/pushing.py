"""Functions that move nodes aside, as the page does, so that open groups cover no other nodes.

The given positions apply while all nodes are closed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

Place = tuple[float, float]

GAP: Place = 44.0, 56.0
"""Horizontal and vertical space between nodes, as on the page."""


@dataclass
class _Item:
    """A node with its place and size while it is closed, its current size, and its new place."""

    id: str
    start: Place
    closed: Place
    size: Place
    x: float
    y: float


def pushed(
    places: Mapping[str, Place],
    edges: Collection[tuple[str, str]],
    closed: Mapping[str, Place],
    sizes: Mapping[str, Place],
) -> dict[str, Place]:
    """Return positions where open groups cover no other nodes.

    Nodes below an open group move down, and nodes to its right move further to the right, only
    as far as necessary. A node that is connected to an output of another node stays below it.

    Parameters
    ----------
    places : dict of str to pair of float
        The positions of the nodes while all of them are closed.
    edges : collection of pairs of str
    closed, sizes : dict of str to pair of float
        The width and height of each node while it is closed, and its current width and height.
    """
    items = [_Item(id, at, closed[id], sizes[id], *at) for id, at in places.items()]
    linked = set(edges)
    waiting = [
        one for one in items if one.size[0] > one.closed[0] or one.size[1] > one.closed[1]
    ]  # fmt: skip
    while waiting:
        one = waiting.pop(0)
        for other in items:
            if one is other or not _moves(one, other, (one.id, other.id) in linked):
                continue
            if not any(other is moved for moved in waiting):
                waiting.append(other)
    return {one.id: (one.x, one.y) for one in items}


def _beyond(box: Place, size: Place, place: Place) -> Place:
    """Return the signed distances of a place from the right and lower edges of a box."""
    return place[0] - box[0] - size[0], place[1] - box[1] - size[1]


def _moves(one: _Item, other: _Item, linked: bool) -> bool:
    """Move a node away from another one if necessary; return True if it has moved."""
    before = _beyond(one.start, one.closed, other.start)
    wide = _beyond(one.start, one.size, other.start)
    now = _beyond((one.x, one.y), one.size, (other.x, other.y))
    if linked and before[1] >= 0:
        return _down(other, min(wide[1] if wide[1] >= 0 else before[1], GAP[1]) - now[1])
    apart = wide if max(wide) >= 0 else before
    right = min(apart[0], GAP[0]) - now[0] if apart[0] >= 0 else math.inf
    down = min(apart[1], GAP[1]) - now[1] if apart[1] >= 0 else math.inf
    if right <= down:
        return now[1] < 0 and one.y < other.y + other.size[1] and _right(other, right)
    return now[0] < 0 and one.x < other.x + other.size[0] and right > 0 and _down(other, down)


def _down(item: _Item, by: float) -> bool:
    if not 0 < by < math.inf:
        return False
    item.y += by
    return True


def _right(item: _Item, by: float) -> bool:
    if not 0 < by < math.inf:
        return False
    item.x += by
    return True
