"""`Arrangement`, the objects of a main loop that a function can replace while it trains.

These are the extensions, the data stream, and its iteration scheme. They are no state that an
archive contains, but an undo must restore them together with the state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from workbench.extensions import TrainingExtension
from workbench.main_loop import MainLoop


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Extensions, data stream and iteration schemes of a main loop.

    Attributes
    ----------
    extensions : tuple of TrainingExtension
    stream : AbstractDataStream or None
    schemes : tuple of pairs
        The data streams that have an iteration scheme, each with its scheme.
    """

    extensions: tuple[TrainingExtension, ...]
    stream: Any
    schemes: tuple[tuple[Any, Any], ...]

    def restore(self, main_loop: MainLoop) -> None:
        """Give these objects to a main loop."""
        main_loop.extensions[:] = self.extensions
        main_loop.data_stream = self.stream
        for stream, scheme in self.schemes:
            stream.iteration_scheme = scheme

    def same_as(self, other: Arrangement) -> bool:
        """Return True if both arrangements consist of the same objects."""
        return not self.changes(other)

    def changes(self, later: Arrangement) -> str:
        """Describe what differs in a later arrangement; the text is empty if nothing differs."""
        texts = [
            f"{word} {extension.name}"
            for word, one, other in (("added", later, self), ("removed", self, later))
            for extension in one.extensions
            if not any(extension is present for present in other.extensions)
        ]
        if not texts and list(map(id, self.extensions)) != list(map(id, later.extensions)):
            texts = ["reordered the extensions"]
        if self.stream is not later.stream:
            texts.append(f"data stream {self.stream!r} -> {later.stream!r}")
        now = {id(stream): scheme for stream, scheme in later.schemes}
        texts += [
            f"iteration scheme {scheme!r} -> {now[id(stream)]!r}"
            for stream, scheme in self.schemes
            if now.get(id(stream), scheme) is not scheme
        ]
        return ", ".join(texts)


def arrangement_of(main_loop: MainLoop) -> Arrangement:
    """Return the current arrangement of a main loop."""
    stream = main_loop.data_stream
    schemes = tuple((one, one.iteration_scheme) for one in _with_schemes(stream))
    return Arrangement(tuple(main_loop.extensions), stream, schemes)


def called(
    main_loop: MainLoop, function: Callable[[MainLoop], Any], details: dict[str, Any]
) -> Any:
    """Call a function with a main loop, and add the change of the arrangement to `details`."""
    before = arrangement_of(main_loop)
    result = function(main_loop)
    main_loop.refresh()
    changed = before.changes(arrangement_of(main_loop))
    if changed:
        details["arrangement"] = changed
    return result


def _with_schemes(stream: Any) -> Iterator[Any]:
    """Yield the stream, and the streams below it, that have an iteration scheme."""
    while stream is not None:
        if "iteration_scheme" in getattr(stream, "__dict__", {}):
            yield stream
        stream = getattr(stream, "data_stream", None)
