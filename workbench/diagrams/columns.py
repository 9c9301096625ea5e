"""Layout of boxes in ranks, one below another, with few crossings and mostly straight edges.

This is the layered method of Sugiyama. Where an edge passes through a rank, it occupies a position
of its own. Boxes are ordered by the mean position of their neighbours, and are then moved as close
to these neighbours as the order allows. A layout that is too tall continues in the next column.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Point = tuple[float, float]

BETWEEN, GAP, COLUMN, TURN = 26.0, 42.0, 46.0, 34.0
"""Spaces between the boxes of a rank, between ranks and between columns, and below a column."""

ROW = 3
"""Number of boxes in a row if there are no edges."""

SHORTEST = 0.45
"""Minimum height of a column, as a fraction of the mean height."""

SWEEPS = 4
THIN = 14.0
"""Width that an edge occupies in a rank that it passes through."""


@dataclass
class Box:
    """A box to place; `x` and `y` are the position of its upper left corner."""

    width: float
    height: float
    x: float = 0.0
    y: float = 0.0


@dataclass
class Link:
    """An edge between two boxes, or between a box and the border around all boxes.

    If `source` is None, the edge begins at the upper border; if `target` is None, it ends at the
    lower border. The edge leaves its source and enters its target at the distances `leave` and
    `enter` from the left sides of the boxes.
    """

    source: str | None
    target: str | None
    leave: float = 0.0
    enter: float = 0.0
    path: list[Point] = field(default_factory=list)
    """The points of the edge between the boxes, set by `arrange`."""


@dataclass
class _Passage:
    """The position of a link in a rank that the link passes through."""

    link: int
    x: float = 0.0


Item = str | _Passage


def arrange(boxes: Mapping[str, Box], links: Sequence[Link], tallest: float) -> tuple[float, float]:
    """Set the positions of boxes and the paths of links, and return the total width and height."""
    if not boxes:
        return 0.0, 0.0
    return _Arrangement(boxes, links, tallest).place()


class _Arrangement:
    """Layout of one set of boxes."""

    def __init__(self, boxes: Mapping[str, Box], links: Sequence[Link], tallest: float) -> None:
        self.boxes, self.links, self.tallest = boxes, links, tallest
        self.ranks = self._ranked()
        self.rows: list[list[Item]] = [[] for _ in range(max(self.ranks.values()) + 1)]
        for name in boxes:
            self.rows[self.ranks[name]].append(name)
        self.passages: list[dict[int, _Passage]] = []
        for number, link in enumerate(links):
            first = -1 if link.source is None else self.ranks[link.source]
            last = len(self.rows) if link.target is None else self.ranks[link.target]
            found = {rank: _Passage(number) for rank in range(first + 1, last)}
            self.passages.append(found)
            for rank, passage in found.items():
                self.rows[rank].append(passage)
        self.above = [self._neighbours(rank, rank - 1) for rank in range(len(self.rows))]
        self.below = [self._neighbours(rank, rank + 1) for rank in range(len(self.rows))]

    def _ranked(self) -> dict[str, int]:
        """Return a rank for each box: below its sources or, if it has none, above its targets."""
        inner = [(k.source, k.target) for k in self.links if k.source and k.target]
        inner = [(a, b) for a, b in inner if a != b]
        if not self.links:  # no link determines an order
            return {name: number // ROW for number, name in enumerate(self.boxes)}
        ranks = dict.fromkeys(self.boxes, 0)
        for _ in range(len(self.boxes)):
            moved = False
            for source, target in inner:
                if ranks[target] <= ranks[source] and ranks[source] + 1 < len(self.boxes):
                    ranks[target], moved = ranks[source] + 1, True
            if not moved:
                break
        fed = {target for _, target in inner}
        fed |= {link.target for link in self.links if link.source is None and link.target}
        for name in self.boxes:
            needed = [ranks[target] for source, target in inner if source == name]
            if name not in fed and needed:
                ranks[name] = max(0, min(needed) - 1)
        return ranks

    def _neighbours(self, rank: int, other: int) -> list[list[tuple[Item, float]]]:
        """Return the neighbours of a rank's items in another rank, and the offsets of the links."""
        found: dict[object, list[tuple[Item, float]]] = {}
        for number, link in enumerate(self.links):
            ends = self._item(number, rank), self._item(number, other)
            if ends[0] is None or ends[1] is None:
                continue
            offset = self._offset(ends[1], link) - self._offset(ends[0], link)
            key = ends[0] if isinstance(ends[0], str) else id(ends[0])
            found.setdefault(key, []).append((ends[1], offset))
        return [
            found.get(item if isinstance(item, str) else id(item), []) for item in self.rows[rank]
        ]

    def _item(self, number: int, rank: int) -> Item | None:
        """Return a link's item in a rank: the box at its end, or its passage through the rank."""
        link = self.links[number]
        for end in (link.source, link.target):
            if end is not None and self.ranks[end] == rank:
                return end
        return self.passages[number].get(rank)

    def _offset(self, item: Item, link: Link) -> float:
        """Return the horizontal distance of a link from the middle of a box or passage."""
        if not isinstance(item, str):
            return 0.0
        place = link.leave if item == link.source else link.enter
        return place - self.boxes[item].width / 2

    def place(self) -> tuple[float, float]:
        """Set the positions of boxes and the paths of links; return the total width and height."""
        self._order()
        bands = self._bands()
        right = bottom = 0.0
        upper = TURN / 2 if len(bands) > 1 else 0.0  # room for the lines between columns
        starts: list[float] = []
        ends: list[float] = []
        for first, last in bands:
            middles = self._middles(first, last)
            least = min((m - self._width(item) / 2 for r in middles for item, m in r), default=0.0)
            shift = right - least
            starts.append(right)
            y, most = upper, right
            for rank, row in zip(range(first, last), middles, strict=True):
                for item, middle in row:
                    most = max(most, middle + shift + self._width(item) / 2)
                    self._put(item, middle + shift, y)
                y += self._height(rank) + GAP
            ends.append(y - GAP + TURN)
            bottom, right = (
                max(bottom, y - GAP + (TURN if last < len(self.rows) else 0)),
                most + COLUMN,
            )
        tops = self._tops(bands, upper)
        for number, link in enumerate(self.links):
            link.path = self._path(number, link, bands, tops, starts, ends)
        return right - COLUMN, bottom

    def _put(self, item: Item, middle: float, y: float) -> None:
        if isinstance(item, str):
            self.boxes[item].x, self.boxes[item].y = middle - self.boxes[item].width / 2, y
        else:
            item.x = middle

    def _width(self, item: Item) -> float:
        return self.boxes[item].width if isinstance(item, str) else THIN

    def _height(self, rank: int) -> float:
        heights = [self.boxes[item].height for item in self.rows[rank] if isinstance(item, str)]
        return max(heights, default=0.0)

    def _tops(self, bands: Sequence[tuple[int, int]], upper: float) -> list[float]:
        tops: list[float] = []
        for first, last in bands:
            y = upper
            for rank in range(first, last):
                tops.append(y)
                y += self._height(rank) + GAP
        return tops

    # The order of each rank.

    def _order(self) -> None:
        for sweep in range(SWEEPS):
            down = sweep % 2 == 0
            ranks = range(1, len(self.rows)) if down else range(len(self.rows) - 2, -1, -1)
            for rank in ranks:
                near = rank - 1 if down else rank + 1
                places = {self._key(one): i for i, one in enumerate(self.rows[near])}
                around = (self.above if down else self.below)[rank]
                keyed = []
                for i, (item, others) in enumerate(zip(self.rows[rank], around, strict=True)):
                    found = [places[self._key(other)] for other, _ in others]
                    keyed.append((sum(found) / len(found) if found else float(i), i, item))
                keyed.sort(key=lambda one: one[:2])
                order = [i for _, i, _ in keyed]
                self.rows[rank] = [item for _, _, item in keyed]
                self.above[rank] = [self.above[rank][i] for i in order]
                self.below[rank] = [self.below[rank][i] for i in order]

    def _key(self, item: Item) -> object:
        return item if isinstance(item, str) else id(item)

    # Columns.

    def _bands(self) -> list[tuple[int, int]]:
        """Return the first rank and the end rank (exclusive) of each column."""
        heights = [self._height(rank) + GAP for rank in range(len(self.rows))]
        most = max(1, min(math.ceil(sum(heights) / self.tallest), len(self.rows) // 3))
        for count in range(most, 1, -1):
            found = self._cut(heights, count)
            if found:
                return found
        return [(0, len(self.rows))]

    def _cut(self, heights: Sequence[float], count: int) -> list[tuple[int, int]]:
        """Divide the ranks into `count` ranges with similar heights and few links between them.

        Return an empty list if no such division is possible.
        """
        found, first, left = [], 0, sum(heights)
        while count > 1:
            wanted, total, best = left / count, 0.0, (math.inf, first + 1)
            for rank in range(first, len(self.rows) - 1):
                total += heights[rank]
                if min(total, (left - total) / (count - 1)) < SHORTEST * wanted:
                    continue
                crossing = sum(
                    1 for number in range(len(self.links)) if self._crosses(number, rank)
                )
                cost = abs(total - wanted) / wanted + 0.25 * crossing
                best = min(best, (cost, rank + 1))
            if best[0] == math.inf:
                return []
            found.append((first, best[1]))
            left -= sum(heights[first : best[1]])
            first, count = best[1], count - 1
        return [*found, (first, len(self.rows))]

    def _crosses(self, number: int, rank: int) -> bool:
        upper, lower = self._item(number, rank), self._item(number, rank + 1)
        return upper is not None and lower is not None and upper is not lower

    # Places in a rank.

    def _middles(self, first: int, last: int) -> list[list[tuple[Item, float]]]:
        """Return the items of each rank with their horizontal positions."""
        known: dict[object, float] = {}
        for rank in range(first, last):
            x = 0.0
            for item in self.rows[rank]:
                known[self._key(item)] = x + self._width(item) / 2
                x += self._width(item) + BETWEEN
        for sweep in range(3 * SWEEPS):
            down = sweep % 2 == 1
            both = SWEEPS <= sweep < 2 * SWEEPS
            for rank in range(first, last) if down else range(last - 1, first - 1, -1):
                around = self.above[rank] if down else self.below[rank]
                if both:
                    pairs = zip(self.above[rank], self.below[rank], strict=True)
                    around = [[*up, *under] for up, under in pairs]
                self._move(rank, around, known)
        return [
            [(item, known[self._key(item)]) for item in self.rows[rank]]
            for rank in range(first, last)
        ]

    def _move(
        self,
        rank: int,
        around: Sequence[Sequence[tuple[Item, float]]],
        known: dict[object, float],
    ) -> None:
        items, wanted, weights = self.rows[rank], [], []
        for item, others in zip(items, around, strict=True):
            here = known[self._key(item)]
            places = [
                known[self._key(other)] + offset for other, offset in others
                if self._key(other) in known
            ]  # fmt: skip
            wanted.append(sum(places) / len(places) if places else here)
            weights.append(4.0 if not isinstance(item, str) else 1.0 if places else 0.05)
        found = spread(wanted, [self._width(item) for item in items], weights)
        for item, middle in zip(items, found, strict=True):
            known[self._key(item)] = middle

    # The paths of links.

    def _x(self, number: int, rank: int) -> float:
        """Return the horizontal position of a link in a rank."""
        item, link = self._item(number, rank), self.links[number]
        if isinstance(item, str):
            return self.boxes[item].x + (link.leave if item == link.source else link.enter)
        assert item is not None
        return item.x

    def _path(
        self,
        number: int,
        link: Link,
        bands: Sequence[tuple[int, int]],
        tops: Sequence[float],
        starts: Sequence[float],
        ends: Sequence[float],
    ) -> list[Point]:
        """Return the points of a link between its ends, including points between columns."""
        columns = [i for i, (first, last) in enumerate(bands) for _ in range(first, last)]
        first = 0 if link.source is None else self.ranks[link.source]
        last = len(self.rows) - 1 if link.target is None else self.ranks[link.target]
        points: list[Point] = []
        for rank in range(first, last + 1):
            if rank > first and columns[rank] != columns[rank - 1]:
                gap = starts[columns[rank]] - COLUMN / 2 + 5 * (number % 3 - 1)
                low = ends[columns[rank - 1]] - 5 * (number % 3)
                before, after = self._x(number, rank - 1), self._x(number, rank)
                points += [(before, low), (gap, low), (gap, 0.0), (after, 0.0)]
            passage = self.passages[number].get(rank)
            if rank == first and link.source is not None:  # go straight down past taller boxes
                points.append((self._x(number, rank), tops[rank] + self._height(rank)))
            if passage is not None:
                top = tops[rank]
                points += [(passage.x, top), (passage.x, top + self._height(rank))]
        return points


def spread(
    wanted: Sequence[float], widths: Sequence[float], weights: Sequence[float]
) -> list[float]:
    """Return positions near `wanted` that keep the boxes in order and prevent overlaps.

    Examples
    --------
    >>> spread([0, 0], [10, 10], [1, 1])
    [-18.0, 18.0]
    """
    offsets, blocks = [0.0], list[list[float]]()
    for left, right in pairwise(widths):
        offsets.append(offsets[-1] + (left + right) / 2 + BETWEEN)
    for place, offset, weight in zip(wanted, offsets, weights, strict=False):
        blocks.append([place - offset, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (one, heavy, many), (other, light, few) = blocks[-2:]
            total = heavy + light
            blocks[-2:] = [[(one * heavy + other * light) / total, total, many + few]]
    found = [base for base, _, count in blocks for _ in range(int(count))]
    return [base + offset for base, offset in zip(found, offsets, strict=False)]
