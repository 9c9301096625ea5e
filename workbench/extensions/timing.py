"""`Timing` and `Timestamp`, which record durations and times."""

from __future__ import annotations

import datetime
from typing import Any, Unpack

from workbench.extensions.events import CallbackName
from workbench.extensions.simple_extension import SimpleExtension
from workbench.extensions.triggers import Triggers

_LEVELS = {
    CallbackName.AFTER_BATCH: ("batch", "iterations_done"),
    CallbackName.AFTER_EPOCH: ("epoch", "epochs_done"),
}
_BEFORE = (
    CallbackName.BEFORE_TRAINING,
    CallbackName.ON_RESUMPTION,
    CallbackName.BEFORE_EPOCH,
    CallbackName.BEFORE_BATCH,
)
ACTIONS = ("read_data", "train")


class Timing(SimpleExtension):
    """Extension that records the seconds spent on reading data and on processing batches.

    Before the first epoch it records ``time_initialization``. After an epoch it records
    ``time_read_data_this_epoch``, ``time_train_this_epoch``, ``time_read_data_total`` and
    ``time_train_total``. After a batch it records the same durations under names that contain
    ``batch`` instead of ``epoch``. If it does not act after every batch, for example with
    ``every_n_batches=10``, the duration of a batch is an average over the batches since the last
    record. On other events, such as the end of training or an error, it records only the totals.

    Totals are counted from the creation of the main loop object. Place the extension before
    `Printing`.

    Parameters
    ----------
    prefix : str
        Text to put before the record names, followed by an underscore.
    name : str, optional
        The name of the extension; by default the class name.
    **triggers
        When to act; see `SimpleExtension`. By default before the first epoch and after every epoch.

    Examples
    --------
    >>> Timing(every_n_batches=100)
    Timing(every_n_batches=100, before_first_epoch=True, after_epoch=True)
    """

    def __init__(
        self, prefix: str = "", name: str | None = None, **triggers: Unpack[Triggers]
    ) -> None:
        triggers.setdefault("before_first_epoch", True)
        triggers.setdefault("after_epoch", True)
        super().__init__(name, **triggers)
        self.prefix = prefix
        self._last: dict[str, tuple[int, dict[str, float]]] = {}

    def records(self) -> dict[str, bool]:
        events = {condition.event for condition in self.conditions}
        start = f"{self.prefix}_time" if self.prefix else "time"
        names = [f"{start}_initialization"] if events.intersection(_BEFORE) else []
        if events.difference(_BEFORE):
            names += [f"{start}_{action}_total" for action in ACTIONS]
        for event in events.intersection(_LEVELS):
            names += [f"{start}_{action}_this_{_LEVELS[event][0]}" for action in ACTIONS]
        return dict.fromkeys(names, True)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_last": {}}  # an unpickled main loop starts at zero

    def do(self, which_callback: CallbackName, *args: Any) -> None:
        """Record the durations."""
        profile, log = self.main_loop.profile, self.main_loop.log
        start = f"{self.prefix}_time" if self.prefix else "time"
        if which_callback in _BEFORE:
            log.current_row[f"{start}_initialization"] = profile.seconds("initialization")
            return
        seconds = {action: profile.seconds(action) for action in ACTIONS}
        totals = {f"{start}_{action}_total": total for action, total in seconds.items()}
        log.current_row.update(totals)
        if which_callback not in _LEVELS:
            return
        level, counter = _LEVELS[which_callback]
        start_of_all = self.main_loop.started_at[counter], dict.fromkeys(seconds, 0.0)
        since, before = self._last.get(level, start_of_all)
        count = log.status[counter] - since
        self._last[level] = log.status[counter], seconds
        if count > 0:  # otherwise an earlier state was loaded
            averages = {
                f"{start}_{action}_this_{level}": (total - before[action]) / count
                for action, total in seconds.items()
            }
            log.current_row.update(averages)


class Timestamp(SimpleExtension):
    """Extension that records the local date and time in ISO 8601 format.

    A timestamp includes microseconds and the offset from UTC. Therefore two timestamps can be
    subtracted even if the time zone has changed or if they are from different machines.

    By default the extension acts before and after training, after every epoch, and on errors,
    interrupts and resumption.

    Parameters
    ----------
    log_record : str
        The name of the record.
    separator : str
        The text between date and time; ISO 8601 uses ``T``.
    name : str, optional
        The name of the extension; by default the class name.
    **triggers
        When to act; see `SimpleExtension`. False disables a default trigger.

    Examples
    --------
    >>> import datetime
    >>> text = Timestamp(separator="T").get_timestamp()
    >>> datetime.datetime.fromisoformat(text).tzinfo is None
    False
    >>> len(text) == len("2030-01-31T12:00:00.000000+00:00")
    True
    """

    DEFAULT_LOG_RECORD = "timestamp"

    def __init__(
        self,
        log_record: str = DEFAULT_LOG_RECORD,
        separator: str = " ",
        *,
        name: str | None = None,
        **triggers: Unpack[Triggers],
    ) -> None:
        triggers.setdefault("before_training", True)
        triggers.setdefault("on_resumption", True)
        triggers.setdefault("on_interrupt", True)
        triggers.setdefault("on_error", True)
        triggers.setdefault("after_epoch", True)
        triggers.setdefault("after_training", True)
        super().__init__(name, **triggers)
        self.log_record = log_record
        self.separator = separator

    def do(self, which_callback: CallbackName | None = None, *args: Any) -> None:
        """Record the current date and time."""
        self.main_loop.log.current_row[self.log_record] = self.get_timestamp()

    def records(self) -> dict[str, bool]:
        return {self.log_record: True}

    def get_timestamp(self) -> str:
        """Return the current date and time in the recorded format."""
        return datetime.datetime.now().astimezone().isoformat(self.separator, "microseconds")
