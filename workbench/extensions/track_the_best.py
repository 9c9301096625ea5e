"""`TrackTheBest`, which writes a record whenever the tracked record reaches its best value so far.

`workbench.extensions.stopping` uses it to end training when the tracked record stops improving.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from workbench.errors import ArgumentError
from workbench.extensions.compared_records import check_direction, check_number
from workbench.extensions.events import CallbackName
from workbench.extensions.simple_extension import SimpleExtension, with_arguments
from workbench.extensions.triggers import Triggers


class TrackTheBest(SimpleExtension):
    """Extension that writes a record whenever another record reaches its best value so far.

    The extension that writes the tracked record must come before this extension. Rows without the
    record are skipped, and NaN is never the best value.

    Parameters
    ----------
    record_name : str
        The name of the record to track.
    notification_name : str, optional
        The name of the record to write, with the value True, when the tracked record reaches its
        best value so far; by default ``{record_name}_best_so_far``.
    choose_best : callable
        A function that returns the better of the current value and the previous best value, such
        as `min` if lower values are better, or `max` if higher values are better. If the name
        of the record suggests the opposite (``valid_accuracy`` with the default), a message is
        logged.
    name : str, optional
        The name of the extension; by default the class name.
    **triggers
        When to read the record; see `SimpleExtension`. By default after every epoch.

    Attributes
    ----------
    best_name : str
        The key of the best value in the status: ``best_{record_name}``.

    Raises
    ------
    ArgumentError
        If `choose_best` is not callable.
    ExtensionError
        During training, if the record is not a single number.

    Examples
    --------
    >>> from workbench.extensions import predicates
    >>> from workbench.extensions.saveload import Checkpoint
    >>> track = TrackTheBest("valid_accuracy", choose_best=max)
    >>> track.notification_name, track.best_name
    ('valid_accuracy_best_so_far', 'best_valid_accuracy')
    >>> checkpoint = Checkpoint("best.tar").add_condition(
    ...     ["after_epoch"], predicates.OnLogRecord(track.notification_name))
    """

    def __init__(
        self,
        record_name: str,
        notification_name: str | None = None,
        choose_best: Callable[[Any, Any], Any] = min,
        *,
        name: str | None = None,
        **triggers: Unpack[Triggers],
    ) -> None:
        triggers.setdefault("after_epoch", True)
        super().__init__(name, **triggers)
        if not callable(choose_best):
            raise ArgumentError(f"choose_best must be a function, such as min, not {choose_best!r}")
        if choose_best in (min, max):
            opposite = "choose_best=max" if choose_best is min else "choose_best=min"
            check_direction(type(self).__name__, record_name, choose_best is min, opposite)
        self.record_name = record_name
        self.notification_name = notification_name or f"{record_name}_best_so_far"
        self.best_name = f"best_{record_name}"
        self._looked = self._found = False
        self.choose_best = choose_best

    def records(self) -> dict[str, bool]:
        return {self.notification_name: False}

    def waiting_for(self) -> dict[str, bool]:
        own = {} if self._found else {self.record_name: self._looked}
        return {**super().waiting_for(), **own}

    def do(self, which_callback: CallbackName | None = None, *args: Any) -> None:
        """Compare the record with the previous best value."""
        log = self.main_loop.log
        current, best = log.current_row.get(self.record_name), log.status.get(self.best_name)
        self._looked, self._found = True, self._found or current is not None
        check_number(self, self.record_name, current)
        if current is None or current != current:  # only NaN differs from itself
            return
        if best is None or (current != best and self.choose_best(current, best) == current):
            log.status[self.best_name] = current
            log.current_row[self.notification_name] = True

    def __repr__(self) -> str:
        return with_arguments(super().__repr__(), repr(self.record_name))
