"""Events of a run, with the exact time when each fires.

================ ============= ===================================================================
event            arguments     when it fires, in the training thread
================ ============= ===================================================================
before_training                once for each main loop, before its algorithm is initialised; it does
                               not fire when the same main loop is started again, or when
                               `continue_training` starts it; if a state was loaded into a new
                               main loop, the event fires, and then the state is loaded again
on_resumption                  when a run starts with a log that already has iterations, after the
                               algorithm is initialised and the log has resumed
before_epoch                   when an epoch starts, but not when a run continues within an epoch
                               of an earlier run
before_batch     batch         when a batch has been read, before the algorithm receives it
after_batch      batch         when the algorithm has processed the batch and ``iterations_done``
                               has been increased
after_epoch                    when the stream has no more batches and ``epochs_done`` has been
                               increased
on_interrupt                   for every Ctrl+C during `MainLoop.run`, and for `Session.stop`, at
                               the next boundary: before a batch is read, or after ``after_epoch``
after_training                 when training ends on request or because no data are left
on_error         exception     when an exception ends the run, after it is recorded in the log;
                               ``after_training`` does not fire in this case
================ ============= ===================================================================

Extensions are called in the order they were passed to the main loop. Other threads can
read the records that extensions write on an event after the last extension has returned.

A run consists of ``before_training``, ``on_resumption`` if the run is resumed, epochs, and
``after_training``. An epoch consists of ``before_epoch``, ``before_batch`` and ``after_batch``
for every batch, and ``after_epoch``. A request to finish takes effect after the next
``after_batch`` or ``after_epoch``.
"""

from __future__ import annotations

from enum import StrEnum

from workbench.errors import EventError, nearest


class CallbackName(StrEnum):
    """Name of an event, which is also the name of the method that handles it.

    The name is a str, but comparing it with a str that is not the name of an event raises an error,
    since a comparison with a misspelt name would otherwise always be False.

    Examples
    --------
    >>> which_callback = CallbackName("after_epoch")
    >>> which_callback == "after_epoch", which_callback == "after_batch"
    (True, False)
    >>> which_callback == "after_epok"
    Traceback (most recent call last):
    ...
    workbench.errors.EventError: no event is called 'after_epok'; did you mean 'after_epoch'?
    """

    BEFORE_TRAINING = "before_training"
    ON_RESUMPTION = "on_resumption"
    BEFORE_EPOCH = "before_epoch"
    BEFORE_BATCH = "before_batch"
    AFTER_BATCH = "after_batch"
    AFTER_EPOCH = "after_epoch"
    ON_INTERRUPT = "on_interrupt"
    AFTER_TRAINING = "after_training"
    ON_ERROR = "on_error"

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of the arguments that the main loop passes to a handler of the event."""
        return _ARGUMENTS.get(self.value, ())

    @classmethod
    def _missing_(cls, value: object) -> CallbackName:
        raise _unknown(value)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, str):
            return False
        if other not in _NAMES:
            raise _unknown(other)
        return str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


def _unknown(name: object) -> EventError:
    return EventError(f"no event is called {name!r}{nearest(str(name), _NAMES)}")


_NAMES = tuple(event.value for event in CallbackName)
_ARGUMENTS = {
    "before_batch": ("batch",),
    "after_batch": ("batch",),
    "on_error": ("exception",),
}
