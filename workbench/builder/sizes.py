"""Unknown sizes of a checked model: their labels, and which of them are equal.

Each unknown size of an input has its own name. Checking a brick may show that two sizes are equal,
or that a size equals a known number. After all checks, equal sizes receive one label. Recurrent
bricks and attention determine which axes are ``time`` and ``batch``. Otherwise only the first axis
of an input can receive a label: ``batch``, if it is the only axis of unknown size, as in
``(None, 784)``, or if the input is a matrix of floats.
"""

from __future__ import annotations

from collections.abc import Iterable

from workbench.bricks.inference import Kind, Size
from workbench.builder.construct import dtype_of
from workbench.builder.spec import InputSpec
from workbench.hints import hinted


class Sizes:
    """The unknown sizes of one model."""

    def __init__(self) -> None:
        self._same: dict[str, int | str] = {}
        self._told: list[tuple[Size, str]] = []
        self._first: list[tuple[int, Kind]] = []
        self._known_labels: dict[Size, str] | None = None

    def of_input(self, given: InputSpec, path: str) -> Kind:
        """Return the kind of an input, with a name for each unknown size."""
        dtype = dtype_of(given.dtype, f"{path}/dtype")
        kind = self.named(given.name, Kind(given.shape, dtype))
        unknown = [axis for axis, size in enumerate(given.shape) if size is None]
        floats = dtype.is_floating_point or dtype.is_complex
        if unknown[:1] == [0] and (len(unknown) == 1 or (floats and len(kind.shape) == 2)):
            self._first.append((len(unknown), kind))
            self._known_labels = None
        return kind

    def named(self, wire: str, kind: Kind) -> Kind:
        """Return `kind` with a name for every unknown size."""
        shape = [f"{wire}:{i}" if size is None else size for i, size in enumerate(kind.shape)]
        return Kind(tuple(shape), kind.dtype)

    def found(self, size: Size) -> Size:
        """Return the value of a size if known, or a name that all equal sizes share."""
        while isinstance(size, str) and size in self._same:
            size = self._same[size]
        return size

    def known(self, kind: Kind) -> Kind:
        """Return `kind` with each size replaced by the result of `found` for this size."""
        return Kind(tuple(self.found(size) for size in kind.shape), kind.dtype)

    def learn(self, facts: Iterable[tuple[Size, Size]]) -> None:
        """Record pairs of equal sizes, or pairs of a size and the number that it equals."""
        for one, other in facts:
            self._known_labels = None
            one, other = self.found(one), self.found(other)
            if one == other or one is None or other is None:
                continue
            if isinstance(one, str):
                self._same[one] = other
            elif isinstance(other, str):
                self._same[other] = one

    def labelled(self, kind: Kind) -> Kind:
        """Return `kind` with each unknown size replaced by its label, or by None if it has none."""
        labels = self._labels()
        shape = [self.found(size) for size in kind.shape]
        return Kind(
            tuple(labels.get(size) if isinstance(size, str) else size for size in shape), kind.dtype
        )

    def tell(self, axes: Iterable[tuple[str, str]]) -> None:
        """Record the labels of sizes, given as pairs of a size and its label."""
        self._told += axes
        self._known_labels = None

    def _labels(self) -> dict[Size, str]:
        """Return the labels, keyed by the name that `found` returns for equal sizes."""
        if self._known_labels is None:
            self._known_labels = self._new_labels()
        return self._known_labels

    def _new_labels(self) -> dict[Size, str]:
        labels: dict[Size, str] = {}
        for size, text in self._told:
            labels.setdefault(self.found(size), text)
        for _, kind in sorted(self._first, key=lambda claim: claim[0]):
            sizes = [self.found(size) for size in kind.shape]
            if "batch" not in [labels.get(size) for size in sizes]:
                labels.setdefault(sizes[0], "batch")
        return labels


@hinted
def shape_text(kind: Kind) -> str:
    """Return a shape as text, with ``?`` for a size that is not known.

    Examples
    --------
    >>> shape_text(Kind(("batch", 784))), shape_text(Kind((None, 3))), shape_text(Kind(()))
    ('batch × 784', '? × 3', 'scalar')
    """
    return " × ".join("?" if size is None else str(size) for size in kind.shape) or "scalar"
