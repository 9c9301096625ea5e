"""`Arrangement`, the objects of a main loop that a function can replace during training.

These are the extensions, the data stream, the streams and datasets below it, and their iteration
schemes. An archive does not contain them, but an undo must restore them together with the state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any

from workbench.data.schemes import IterationScheme
from workbench.errors import TrainingFinish
from workbench.extensions import TrainingExtension
from workbench.main_loop import MainLoop

BELOW = {
    "iteration_scheme": "iteration scheme",
    "dataset": "dataset",
    "data_stream": "data stream",
    "data_streams": "data streams",
}
"""Attributes of a data stream that refer to objects below it, and their names in messages."""


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Extensions of a main loop, its data stream, and the objects below this stream.

    Attributes
    ----------
    extensions : tuple of TrainingExtension
    stream : AbstractDataStream or None
    below : tuple of tuples
        Attributes of data streams, as tuples of the stream, the name in `BELOW` and the value.
    """

    extensions: tuple[TrainingExtension, ...]
    stream: Any
    below: tuple[tuple[Any, str, Any], ...]

    def restore(self, main_loop: MainLoop) -> None:
        """Give these objects to a main loop."""
        main_loop.extensions[:] = self.extensions
        main_loop.data_stream = self.stream
        for stream, name, value in self.below:
            if not _same(_listed(vars(stream)[name]), _listed(value)):
                setattr(stream, name, _kept(name, value))

    def same_as(self, other: Arrangement) -> bool:
        """Return True if both arrangements consist of the same objects."""
        return not self.changes(other)

    def changes(self, later: Arrangement) -> str:
        """Describe what differs in a later arrangement; the text is empty if nothing differs.

        The text is the same whenever the same changes are made, even in another process.
        """
        texts = [f"added {one.name}" for one in _more(later.extensions, self.extensions)]
        texts += [f"removed {one.name}" for one in _more(self.extensions, later.extensions)]
        if not texts and not _same(self.extensions, later.extensions):
            texts = ["reordered the extensions"]
        if self.stream is not later.stream:
            texts.append(f"data stream {_shown(self.stream)} -> {_shown(later.stream)}")
        now = {(id(stream), name): value for stream, name, value in later.below}
        for stream, name, value in self.below:
            new = now.get((id(stream), name), value)
            if not _same(_listed(value), _listed(new)):
                of = "" if name == "iteration_scheme" else f" of {_shown(stream)}"
                texts.append(f"{BELOW[name]}{of} {_shown(value)} -> {_shown(new)}")
        return ", ".join(texts)


def arrangement_of(main_loop: MainLoop) -> Arrangement:
    """Return the current arrangement of a main loop."""
    stream = main_loop.data_stream
    return Arrangement(tuple(main_loop.extensions), stream, tuple(_below(stream, set())))


def called(
    main_loop: MainLoop, function: Callable[[MainLoop], Any], details: dict[str, Any]
) -> Any:
    """Call a function with a main loop, and record any change to the arrangement in `details`.

    If the function raises an error, or if training cannot go on with the new extensions, the
    earlier arrangement is restored.
    """
    before = arrangement_of(main_loop)
    result = finish = None
    try:
        try:
            result = function(main_loop)
        except TrainingFinish as request:  # not a failure: the changes are kept
            finish = request
        main_loop.refresh()
        changed = before.changes(arrangement_of(main_loop))
    except BaseException:
        before.restore(main_loop)
        main_loop.refresh()
        raise
    if changed:
        details["arrangement"] = changed
    if finish is not None:
        raise finish
    return result


def _below(stream: Any, seen: set[int]) -> Iterator[tuple[Any, str, Any]]:
    """Yield the `BELOW` attributes of a stream and of all streams below it."""
    if stream is None or id(stream) in seen:
        return
    seen.add(id(stream))
    own = getattr(stream, "__dict__", {})
    found = [(name, own[name]) for name in BELOW if name in own]
    yield from ((stream, name, _kept(name, value)) for name, value in found)
    for name, value in found:
        if name in ("data_stream", "data_streams"):
            for one in _listed(value):
                yield from _below(one, seen)


def _kept(name: str, value: Any) -> Any:
    """Copy a list of streams, since it may be changed in place; return other values unchanged."""
    return copy(value) if name == "data_streams" else value


def _listed(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _same(one: Iterable[Any], other: Iterable[Any]) -> bool:
    return list(map(id, one)) == list(map(id, other))


def _more(one: Iterable[Any], other: Iterable[Any]) -> Iterator[Any]:
    """Yield the objects that occur more often in `one` than in `other`."""
    rest = Counter(map(id, other))
    for item in one:
        if rest[id(item)]:
            rest[id(item)] -= 1
        else:
            yield item


def _shown(value: Any) -> str:
    """Return the name of an object's class; for a scheme of this package, return its repr.

    The repr of other objects may contain a memory address or raise an error.
    """
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, IterationScheme) and type(value).__module__.startswith("workbench."):
        try:
            text = repr(value)
        except Exception:  # raised by a part that the user has defined
            text = ""
        if text and " at 0x" not in text:
            return text
    return "None" if value is None else type(value).__name__
