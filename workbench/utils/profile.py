"""Nested timers, total times of the sections of a run, and a stopwatch for training.

A main loop keeps one `Profile`. `workbench.extensions.Timing` reads the total times from it. If
``config.profile`` is True, the main loop prints the report at the end of a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter
from typing import TextIO

from workbench.hints import Hinted
from workbench.names import explain_missing
from workbench.utils.notices import screen

__all__ = [
    "Profile",
    "Stopwatch",
    "Timer",
]


class Stopwatch(Hinted):
    """Clock that runs only between `start` and `stop`.

    Examples
    --------
    >>> stopwatch = Stopwatch()
    >>> stopwatch.start()
    >>> stopwatch.stop()
    >>> stopwatch.lap() > 0, stopwatch.lap()
    (True, 0.0)
    """

    def __init__(self) -> None:
        self._seconds = 0.0
        self._since: float | None = None

    def start(self) -> None:
        """Start the clock, unless it is already running."""
        if self._since is None:
            self._since = perf_counter()

    def stop(self) -> None:
        """Stop the clock if it is running."""
        if self._since is not None:
            self._seconds += perf_counter() - self._since
            self._since = None

    def lap(self) -> float:
        """Return the number of seconds that the clock has run since the last call."""
        running = self._since is not None
        self.stop()
        seconds, self._seconds = self._seconds, 0.0
        if running:
            self.start()
        return seconds


class Profile(Hinted):
    """Total times of named sections, which can be nested.

    Attributes
    ----------
    total : dict
        The total time spent in each section, in seconds, keyed by path. A path is a tuple of
        section names, outermost first.
    current : tuple of str
        The path of the current section.
    training : Stopwatch
        A clock that runs during training, but not during pauses or between runs.
    lap_start : int or None
        The iteration of the last state loaded in this epoch, where a new lap of `training` began;
        None if no state was loaded.

    Examples
    --------
    >>> profile = Profile()
    >>> with Timer("training", profile), Timer("read_data", profile):
    ...     pass
    >>> list(profile.total)
    [('training',), ('training', 'read_data')]
    """

    def __init__(self) -> None:
        self.total: dict[tuple[str, ...], float] = {}
        self.current: tuple[str, ...] = ()
        self.training = Stopwatch()
        self.lap_start: int | None = None

    def enter(self, name: str) -> None:
        """Start a section inside the current section."""
        self.current += (name,)
        self.total.setdefault(self.current, 0.0)

    def exit(self, t: float) -> None:
        """End the current section, which took `t` seconds."""
        self.total[self.current] += t
        self.current = self.current[:-1]

    def seconds(self, *names: str) -> float:
        """Return the total time of all sections whose path ends with `names`."""
        depth = len(names)
        return sum(seconds for path, seconds in self.total.items() if path[-depth:] == names)

    def report(self, f: TextIO | None = None) -> None:
        """Print the sections as a tree, with times in seconds and as shares of the parent's time.

        Parameters
        ----------
        f : file, optional
            The output file; by default standard error, or the output of the notebook cell.
        """
        file = screen() if f is None else f
        print(f"{'Section':<44}{'Seconds':>10}{'Share':>9}", file=file)
        for path in self._tree(()):
            seconds = self.total[path]
            around = self.total.get(path[:-1], 0.0) or self._top()
            share = f"{seconds / around:>9.1%}" if around else ""
            print(f"{'  ' * (len(path) - 1) + path[-1]:<44}{seconds:>10.3f}{share}", file=file)

    def _top(self) -> float:
        return sum(seconds for path, seconds in self.total.items() if len(path) == 1)

    def _tree(self, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        # Sections are in the order they were first entered, each before its inner ones.
        for path in list(self.total):
            if path[:-1] == above:
                yield path
                yield from self._tree(path)


class Timer(Hinted):
    """Context manager that times its block as a section of a profile.

    Parameters
    ----------
    name : str
        The name of the section.
    profile : Profile
        The profile that the time is added to.
    """

    __slots__ = ("_start", "name", "profile")

    def __init__(self, name: str, profile: Profile) -> None:
        self.name = name
        self.profile = profile

    def __enter__(self) -> None:
        self.profile.enter(self.name)
        self._start = perf_counter()

    def __exit__(self, *exception: object) -> None:
        self.profile.exit(perf_counter() - self._start)


explain_missing(__name__)
