"""When things happened, and how long they took, as records of the log."""

from __future__ import annotations

import datetime
from typing import Any, Unpack

from workbench.extensions.events import CallbackName
from workbench.extensions.simple import SimpleExtension, Triggers

_LEVELS = {
    CallbackName.AFTER_BATCH: ("batch", "iterations_done"),
    CallbackName.AFTER_EPOCH: ("epoch", "epochs_done"),
}


class Timing(SimpleExtension):
    """Records the seconds that reading data and processing batches took.

    Records ``time_initialization`` before the first epoch; after an epoch
    ``time_read_data_this_epoch``, ``time_train_this_epoch``, ``time_read_data_total`` and
    ``time_train_total``; after a batch the same with ``batch`` for ``epoch``. If it acts less
    often, on ``every_n_batches=10`` say, what it records for one is the average since the last
    time. Totals are those of this main loop object. Place it before `Printing`.

    Parameters
    ----------
    prefix : str
        Put before the names, with an underscore between.
    name : str, optional
        Its name; the name of the class if not given.
    **triggers
        See `SimpleExtension`; before the first and after every epoch by default.

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

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_last": {}}  # a main loop that was pickled measures from zero again

    def do(self, which_callback: CallbackName, *args: Any) -> None:
        """Record the times."""
        profile, log = self.main_loop.profile, self.main_loop.log
        start = f"{self.prefix}_time" if self.prefix else "time"
        if which_callback not in _LEVELS:
            log.current_row[f"{start}_initialization"] = profile.seconds("initialization")
            return
        level, counter = _LEVELS[which_callback]
        seconds = {action: profile.seconds(action) for action in ("read_data", "train")}
        start_of_all = self.main_loop.started_at[counter], dict.fromkeys(seconds, 0.0)
        since, before = self._last.get(level, start_of_all)
        count = log.status[counter] - since
        self._last[level] = log.status[counter], seconds
        for action, total in seconds.items():
            log.current_row.update(
                {
                    f"{start}_{action}_this_{level}": (total - before[action]) / max(count, 1),
                    f"{start}_{action}_total": total,
                }
            )


class Timestamp(SimpleExtension):
    """Records the local date and time, as ISO 8601 writes them.

    By default before training and after every epoch, at the end, and on errors, interrupts and
    resumption.

    Parameters
    ----------
    log_record : str
        The name of the record.
    separator : str
        What stands between date and time; ISO 8601 has a 'T' there.
    name : str, optional
        Its name; the name of the class if not given.
    **triggers
        See `SimpleExtension`; False switches a default off.

    Examples
    --------
    >>> len(Timestamp(separator="T").get_timestamp())
    19
    """

    DEFAULT_LOG_RECORD = "timestamp"

    def __init__(
        self,
        log_record: str = DEFAULT_LOG_RECORD,
        separator: str = " ",
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
        """Record the time."""
        self.main_loop.log.current_row[self.log_record] = self.get_timestamp()

    def get_timestamp(self) -> str:
        """Return the time as it would be recorded now."""
        return datetime.datetime.now().isoformat(self.separator, "seconds")
