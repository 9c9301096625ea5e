"""Scheme that concatenates other schemes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.data.schemes.base import IterationScheme, Request
from workbench.errors import DataError


class ConcatenatedScheme(IterationScheme):
    """Scheme that returns the requests of several schemes one after another in each epoch.

    With this scheme, a data stream can read parts of a dataset in a given order, for instance first
    the easy examples, then the hard examples in random order.

    Parameters
    ----------
    schemes : sequence of IterationScheme
        The schemes. All must be of the same kind: their requests are batches by index, single
        examples by index, or numbers of examples. Only the last scheme can be endless.

    Raises
    ------
    DataError
        If `schemes` is empty, if the schemes are of different kinds, or if a scheme would never be
        used.

    Examples
    --------
    >>> from workbench.data import SequentialScheme
    >>> easy, hard = SequentialScheme(3, batch_size=3), SequentialScheme(range(3, 7), batch_size=2)
    >>> list(ConcatenatedScheme([easy, hard]).get_request_iterator())
    [slice(0, 3, None), slice(3, 5, None), slice(5, 7, None)]
    """

    def __init__(self, schemes: Sequence[IterationScheme]) -> None:
        self.schemes = tuple(schemes)
        if not self.schemes:
            raise DataError(
                "a ConcatenatedScheme must have at least one scheme, but schemes is empty"
            )
        for scheme in self.schemes:
            if not isinstance(scheme, IterationScheme):
                raise DataError(
                    f"schemes of a ConcatenatedScheme must be iteration schemes, not {scheme!r}"
                )
        kinds = {_kind(scheme): scheme for scheme in self.schemes}
        if len(kinds) > 1:
            each = "; ".join(f"{scheme!r} requests {kind}" for kind, scheme in kinds.items())
            raise DataError(
                f"the schemes of a ConcatenatedScheme must all be of the same kind, but {each}"
            )
        for scheme in self.schemes[:-1]:
            if scheme.num_batches is None:
                raise DataError(
                    "only the last scheme of a ConcatenatedScheme can be endless; the schemes "
                    f"after {scheme!r} would never be used"
                )
        self.requests_examples = self.schemes[0].requests_examples
        self.num_examples = _sum(scheme.num_examples for scheme in self.schemes)
        self.num_batches = _sum(scheme.num_batches for scheme in self.schemes)

    @property
    def bounds(self) -> tuple[int, int] | None:
        every = [scheme.bounds for scheme in self.schemes]
        known = [bounds for bounds in every if bounds is not None]
        if len(known) < len(every):
            return None
        return min(low for low, _ in known), max(high for _, high in known)

    def get_request_iterator(self, epoch: int = 0, start: int = 0) -> Iterator[Request]:
        for scheme in self.schemes:
            if scheme.num_batches is not None and start >= scheme.num_batches:
                start -= scheme.num_batches
            else:
                yield from scheme.get_request_iterator(epoch, start)
                start = 0

    def __repr__(self) -> str:
        return f"ConcatenatedScheme({list(self.schemes)})"


def _kind(scheme: IterationScheme) -> str:
    if scheme.bounds is None:
        return "numbers of examples"
    return "examples by index" if scheme.requests_examples else "batches by index"


def _sum(counts: Iterator[int | None]) -> int | None:
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total
