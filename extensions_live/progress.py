"""How far a run is, how fast it goes and how long it still takes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from workbench.extensions import CompositeExtension, FinishAfter, TrainingExtension

if TYPE_CHECKING:
    from workbench.main_loop import MainLoop

WINDOW = 10.0
"""Seconds over which the speed is averaged."""


class Speed:
    """Iterations a second over the last seconds in which training moved.

    Examples
    --------
    >>> now = 0.0
    >>> speed = Speed(clock=lambda: now)
    >>> for iteration in range(3):
    ...     speed.saw(10 * iteration, moving=True)
    ...     now += 0.5
    >>> speed.rate()
    20.0

    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()
        self._rate: float | None = None

    def saw(self, iteration: int, *, moving: bool) -> None:
        """Note where training stands now and whether it goes on from here."""
        now = self._clock()
        self._seen.append((now, iteration))
        while self._seen[-1][0] - self._seen[0][0] > WINDOW:
            self._seen.popleft()
        since, first = self._seen[0]
        if now - since > 0.2 and iteration > first:
            self._rate = (iteration - first) / (now - since)
        if not moving:
            self._seen.clear()  # a pause must not look like slow training

    def rate(self) -> float | None:
        """Return iterations a second, or None while it is not known."""
        return self._rate


def planned(main_loop: MainLoop) -> int | None:
    """Return after how many iterations training ends, or None where nothing says so.

    The length of an epoch is the data stream's, where it knows it, or that of the last epoch.
    """
    ends = [one for one in every(main_loop.extensions) if isinstance(one, FinishAfter)]
    length = epoch_length(main_loop)
    totals = [one.batches for one in ends]
    if length is not None:
        totals += [None if one.epochs is None else one.epochs * length for one in ends]
    return min((total for total in totals if total is not None), default=None)


def epoch_length(main_loop: MainLoop) -> int | None:
    """Return the number of batches of an epoch, or None before that is known."""
    stream = main_loop.data_stream
    if stream is not None and stream.num_batches is not None:
        return stream.num_batches
    ends = [0, *main_loop.status["_epoch_ends"]]
    return ends[-1] - ends[-2] if len(ends) > 1 else None


def every(extensions: Iterable[TrainingExtension]) -> Iterator[TrainingExtension]:
    """Yield extensions and those inside of them."""
    for extension in extensions:
        yield extension
        if isinstance(extension, CompositeExtension):
            yield from every(extension.sub_extensions)
