"""`Dispatcher`, which runs event handlers and deferred calls, and records delayed values."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import TrainingFinish
from workbench.extensions.base import Handler, TrainingExtension
from workbench.extensions.events import CallbackName
from workbench.interfaces import Loop
from workbench.main_loop.ending import FINISH_REQUEST, Ending
from workbench.tensor.transfer import Arrivals
from workbench.utils.profile import Profile, Timer
from workbench.utils.values import to_python

if TYPE_CHECKING:
    import torch

OF_A_BATCH = (CallbackName.BEFORE_BATCH, CallbackName.AFTER_BATCH)


class Dispatcher:
    """Dispatcher that runs the handlers of events in one thread and commits their records.

    Parameters
    ----------
    loop : Loop
        The main loop, whose log receives the records.
    ending : Ending
        The object to notify when a record requests the end of training.

    Attributes
    ----------
    arriving : Arrivals
        Values that an accelerator is still computing, with their iteration and names.
    """

    __slots__ = ("_deferred", "_ending", "_firing", "_handlers", "_loop", "arriving")

    def __init__(self, loop: Loop, ending: Ending) -> None:
        self.arriving: Arrivals[tuple[int, list[str]]] = Arrivals()
        self._loop = loop
        self._ending = ending
        self._handlers: dict[CallbackName, list[tuple[TrainingExtension, Handler]]] = {}
        self._deferred: deque[Callable[[], object]] = deque()
        self._firing = False

    def refresh(self, extensions: Iterable[TrainingExtension], profile: Profile | None) -> None:
        """Collect the handlers of `extensions`; if a `profile` is given, time every handler."""
        extensions = list(extensions)
        handlers: dict[CallbackName, list[tuple[TrainingExtension, Handler]]] = {}
        for event in CallbackName:
            pairs = [(extension, extension.handler(event)) for extension in extensions]
            handlers[event] = [
                (e, h if profile is None else _timed(e.name, h, profile))
                for e, h in pairs
                if h is not None
            ]
        self._handlers = handlers

    def fire(self, event: CallbackName, *args: Any) -> None:
        """Run the handlers of `event`, then commit their records."""
        if self.arriving and event not in OF_A_BATCH:
            self.receive(wait=True)
        handlers = self._handlers[event]
        if not handlers:
            return
        outer, self._firing = self._firing, True
        try:
            for extension, handler in handlers:
                try:
                    handler(*args)
                except TrainingFinish:
                    raise
                except Exception as error:
                    done = self._loop.status["iterations_done"]
                    where = f"{event} of the extension {extension.name!r}"
                    error.add_note(f"raised in {where} after {done} iteration{'s' * (done != 1)}")
                    raise
        finally:
            self._firing = outer
        log = self._loop.log
        row = log.current_row
        if row.get(FINISH_REQUEST, False):
            self._ending.notice(row)
        log.commit()
        if self._deferred and not outer:
            self._run_deferred()

    def fail(self, error: BaseException) -> None:
        """Run the handlers of ``on_error``; if a handler fails, add a note to `error`."""
        self._firing = True
        for extension, handler in self._handlers.get(CallbackName.ON_ERROR, ()):
            try:
                handler(error)
            except Exception as second:
                error.add_note(f"on_error of {extension.name!r} then failed too: {second!r}")
        self._firing = False
        self._run_deferred()

    def after_event(self, action: Callable[[], object]) -> None:
        """Call `action` after all handlers of the current event, or immediately between events."""
        if self._firing:
            self._deferred.append(action)
        else:
            action()

    def drop_deferred(self) -> None:
        """Discard all deferred calls."""
        self._deferred.clear()

    def _run_deferred(self) -> None:
        while self._deferred:
            self._deferred.popleft()()

    def record_later(self, values: Mapping[str, torch.Tensor]) -> None:
        """Record `values` in the row of the current iteration once they have been computed."""
        done = self._loop.status["iterations_done"]
        self.arriving.send((done, list(values)), values.values())

    def receive(self, *, wait: bool = False) -> None:
        """Record the values that have been computed; with `wait`, wait for all values first."""
        for (iteration, names), values in self.arriving.received(wait=wait):
            self._loop.log[iteration].update(zip(names, map(to_python, values), strict=True))


def _timed(name: str, handler: Handler, profile: Profile) -> Handler:
    def timed(*args: Any) -> None:
        with Timer(name, profile):
            handler(*args)

    return timed
