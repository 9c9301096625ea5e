"""Unknown sizes of a checked model: which of them are equal, and how they are called.

Each unknown size of an input has a name of its own. Checking a brick can teach that two sizes are
equal, or that a size is a certain number. In the end, equal sizes get one label. The shapes of the
inputs suggest it: ``batch`` for the first axis of ``(None, 784)``, ``time`` and ``batch`` for the
first axes of ``(None, None, 8)``.
"""

from __future__ import annotations

from collections.abc import Iterable

from workbench.bricks.inference import Kind, Size
from workbench.builder.construct import dtype_of
from workbench.builder.spec import InputSpec

SURE, LIKELY, POSSIBLE = range(3)
"""How much the shape of an input says about the meaning of its axes."""


class Sizes:
    """The unknown sizes of one model."""

    def __init__(self) -> None:
        self._same: dict[str, int | str] = {}
        self._claims: list[tuple[int, list[str], Kind]] = []

    def of_input(self, given: InputSpec, path: str) -> Kind:
        """Return the kind of an input, with a name for each unknown size."""
        dtype = dtype_of(given.dtype, f"{path}/dtype")
        kind = self.named(given.name, Kind(given.shape, dtype))
        unknown = [axis for axis, size in enumerate(given.shape) if size is None]
        if unknown == [0]:
            strength, labels = SURE, ["batch"]
        elif unknown == [0, 1] and len(given.shape) > 2:
            strength, labels = LIKELY, ["time", "batch"]
        elif unknown == [0, 1] and not (dtype.is_floating_point or dtype.is_complex):
            strength, labels = POSSIBLE, ["time", "batch"]
        else:
            strength, labels = POSSIBLE, ["batch"]
        self._claims.append((strength, labels, kind))
        return kind

    def named(self, wire: str, kind: Kind) -> Kind:
        """Return a kind with a name for each unknown size that has none."""
        shape = [f"{wire}:{i}" if size is None else size for i, size in enumerate(kind.shape)]
        return Kind(tuple(shape), kind.dtype)

    def found(self, size: Size) -> Size:
        """Return the number that a size is known to be, or the first of the equal sizes."""
        while isinstance(size, str) and size in self._same:
            size = self._same[size]
        return size

    def known(self, kind: Kind) -> Kind:
        """Return a kind with all that was learned about its sizes."""
        return Kind(tuple(self.found(size) for size in kind.shape), kind.dtype)

    def learn(self, facts: Iterable[tuple[Size, Size]]) -> None:
        """Note that sizes are equal to others, or to numbers."""
        for one, other in facts:
            one, other = self.found(one), self.found(other)
            if one == other or one is None or other is None:
                continue
            if isinstance(one, str):
                self._same[one] = other
            elif isinstance(other, str):
                self._same[other] = one

    def labelled(self, kind: Kind) -> Kind:
        """Return a kind with labels for its unknown sizes, and None where nothing suggests one."""
        labels = self._labels()
        shape = [self.found(size) for size in kind.shape]
        return Kind(
            tuple(labels.get(size) if isinstance(size, str) else size for size in shape), kind.dtype
        )

    def _labels(self) -> dict[Size, str]:
        """Return the label of each size, by the first of the equal ones."""
        labels: dict[Size, str] = {}
        for strength, texts, kind in sorted(self._claims, key=lambda claim: claim[0]):
            sizes = [self.found(size) for size in kind.shape]
            taken = [labels.get(size) for size in sizes]
            if strength == POSSIBLE and "batch" in taken[1:] and texts == ["batch"]:
                texts = ["time"]  # as for a mask, whose second axis is that of a sequence
            for size, text in zip(sizes, texts, strict=False):
                if isinstance(size, str) and text not in taken:
                    labels.setdefault(size, text)
        return labels


def shape_text(kind: Kind) -> str:
    """Return the text of a shape, with ``?`` for a size that is not known.

    Examples
    --------
    >>> shape_text(Kind(("batch", 784))), shape_text(Kind((None, 3))), shape_text(Kind(()))
    ('batch × 784', '? × 3', 'scalar')
    """
    return " × ".join("?" if size is None else str(size) for size in kind.shape) or "scalar"
