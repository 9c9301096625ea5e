"""`ConstantScheme`, which requests batches of equal size from data that are read in order."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.data.schemes.base import BatchSizeScheme
from workbench.errors import DataError
from workbench.utils.numbers import as_whole


class ConstantScheme(BatchSizeScheme):
    """Scheme that requests batches of equal size, for data that can only be read in order.

    Parameters
    ----------
    batch_size : int
        The number of examples in a batch.
    num_examples : int, optional
        The number of examples in an epoch. If `batch_size` does not divide this number, the last
        batch is smaller.
    times : int, optional
        The number of batches in an epoch. Pass at most one of `num_examples` and `times`; without
        either, an epoch ends when the data run out.

    Examples
    --------
    >>> list(ConstantScheme(4, num_examples=10).get_request_iterator())
    [4, 4, 2]
    """

    batch_size: int

    def __init__(
        self, batch_size: int, num_examples: int | None = None, times: int | None = None
    ) -> None:
        self.batch_size = as_whole(batch_size, "batch_size", DataError, 1)
        self.num_examples = self.num_batches = None
        if num_examples is not None and times is not None:
            raise DataError(
                "ConstantScheme accepts either num_examples or times, not both "
                f"(num_examples={num_examples}, times={times}), because each determines the length "
                "of an epoch"
            )
        if num_examples is not None:
            self.num_examples = as_whole(num_examples, "num_examples", DataError, 1)
            self.num_batches = -(-self.num_examples // self.batch_size)
        elif times is not None:
            self.num_batches = as_whole(times, "times", DataError, 1)
            self.num_examples = self.num_batches * self.batch_size

    def get_request_iterator(self, epoch: int = 0, start: int = 0) -> Iterator[int]:
        if self.num_examples is None:
            while True:
                yield self.batch_size
        for first in range(start * self.batch_size, self.num_examples, self.batch_size):
            yield min(self.batch_size, self.num_examples - first)

    def __repr__(self) -> str:
        length = "" if self.num_examples is None else f", num_examples={self.num_examples}"
        return f"ConstantScheme({self.batch_size}{length})"
