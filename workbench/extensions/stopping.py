"""Extensions that end training when a record stops improving.

`EarlyStopping` combines `workbench.extensions.training.TrackTheBest`, which records each new best
value, and `FinishIfNoImprovementAfter`, which counts the epochs or iterations since then.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from workbench.errors import ArgumentError
from workbench.extensions.base import TrainingExtension
from workbench.extensions.composite import CompositeExtension
from workbench.extensions.events import CallbackName
from workbench.extensions.predicates import OnLogRecord
from workbench.extensions.saveload import Checkpoint
from workbench.extensions.simple_extension import SimpleExtension
from workbench.extensions.training import TrackTheBest
from workbench.extensions.triggers import Triggers
from workbench.interfaces import Holder, Loop
from workbench.names import explain_missing
from workbench.utils.numbers import as_whole

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase

__all__ = ["EarlyStopping", "FinishIfNoImprovementAfter"]

ONE_OF_TWO = (
    "{kind} requires exactly one of iterations and epochs, not iterations={iterations!r} "
    "and epochs={epochs!r}"
)
OVER = "there was no improvement within the period that {extension!r} allows"
BOTH_OR_NEITHER = (
    "checkpoint_extension and checkpoint_filename must both be given, to save the best model, or "
    "both be omitted, not {extension!r} and {filename!r}"
)


class FinishIfNoImprovementAfter(SimpleExtension):
    """Extension that requests the end of training after a period without a new best value.

    Any value of the record except False indicates a new best value. `TrackTheBest` writes this
    record and must precede this extension. Waiting starts with the first best value, so a run
    without a best value (for example, if all values are NaN) continues.

    Parameters
    ----------
    notification_name : str
        The name of the record that indicates a new best value.
    iterations, epochs : int
        The number of iterations or epochs to wait, at least 1. Pass exactly one of the two.
    patience_log_record : str, optional
        The name of the record for the remaining number of iterations or epochs; by default
        ``{notification_name}_patience_iterations`` or ``..._epochs``.
    name : str, optional
        The name of the extension; by default the class name.
    **triggers
        When to read the record; see `SimpleExtension`. Choose the events that write the
        record. By default after every epoch.

    Attributes
    ----------
    last_best_iter, last_best_epoch : int or None
        The numbers of completed iterations and epochs when the last best value was recorded.

    Raises
    ------
    ArgumentError
        If neither or both of `iterations` and `epochs` are given, or if the number is less than 1.

    Examples
    --------
    >>> FinishIfNoImprovementAfter("valid_cost_best_so_far", epochs=5)
    FinishIfNoImprovementAfter('valid_cost_best_so_far', epochs=5, after_epoch=True)
    >>> FinishIfNoImprovementAfter("valid_cost_best_so_far")
    Traceback (most recent call last):
    ...
    workbench.errors.ArgumentError: FinishIfNoImprovementAfter requires exactly one of iterations
    and epochs, not iterations=None and epochs=None
    """

    state_keys: ClassVar[tuple[str, ...]] = ("last_best_iter", "last_best_epoch")

    def __init__(
        self,
        notification_name: str,
        iterations: int | None = None,
        epochs: int | None = None,
        patience_log_record: str | None = None,
        *,
        name: str | None = None,
        **triggers: Unpack[Triggers],
    ) -> None:
        _check_wait(type(self).__name__, iterations, epochs)
        triggers.setdefault("after_epoch", True)
        super().__init__(name, **triggers)
        self.notification_name = notification_name
        self.iterations = iterations
        self.epochs = epochs
        unit = "epochs" if iterations is None else "iterations"
        self.patience_log_record = patience_log_record or f"{notification_name}_patience_{unit}"
        self.last_best_iter: int | None = None
        self.last_best_epoch: int | None = None
        self._looked = self._found = False

    def records(self) -> dict[str, bool]:
        return {self.patience_log_record: True, "training_finish_requested": False}

    def waiting_for(self) -> dict[str, bool]:
        own = {} if self._found else {self.notification_name: self._looked}
        return {**super().waiting_for(), **own}

    def update_best(self) -> None:
        """Store the current iteration and epoch if there is a new best value."""
        log = self.main_loop.log
        found = log.current_row.get(self.notification_name, False) is not False
        self._looked, self._found = True, self._found or found
        if found:
            self.last_best_iter = log.status["iterations_done"]
            self.last_best_epoch = log.status["epochs_done"]

    def do(self, which_callback: CallbackName | None = None, *args: Any) -> None:
        """Record the remaining number of iterations or epochs, and end training if it is zero."""
        self.update_best()
        log = self.main_loop.log
        left = self._left(log)
        if left is None:
            return
        log.current_row[self.patience_log_record] = left
        if left <= 0:
            self.main_loop.request_finish()

    def ended(self, log: TrainingLogBase) -> str | None:
        left = log.current_row.get(self.patience_log_record)  # None if it has not acted
        return None if left is None or left > 0 else OVER.format(extension=self)

    def go_on(self) -> None:
        """Restart the count at the current iteration."""
        if self.last_best_iter is not None:
            status = self.main_loop.status
            self.last_best_iter = status["iterations_done"]
            self.last_best_epoch = status["epochs_done"]

    def _left(self, log: TrainingLogBase) -> int | None:
        """Return the number of iterations or epochs left, or None if waiting has not started."""
        if self.last_best_iter is None or self.last_best_epoch is None:
            return None
        if self.iterations is not None:
            return self.iterations - int(log.status["iterations_done"] - self.last_best_iter)
        assert self.epochs is not None
        return self.epochs - int(log.status["epochs_done"] - self.last_best_epoch)

    def __repr__(self) -> str:
        kind, _, options = super().__repr__().partition("(")
        wait = (
            f"epochs={self.epochs}" if self.iterations is None else f"iterations={self.iterations}"
        )
        return f"{kind}({self.notification_name!r}, {wait}{', ' * (options != ')')}{options}"


def _check_wait(kind: str, iterations: int | None, epochs: int | None) -> None:
    if (iterations is None) == (epochs is None):
        raise ArgumentError(ONE_OF_TWO.format(kind=kind, iterations=iterations, epochs=epochs))
    for name, value in (("iterations", iterations), ("epochs", epochs)):
        if value is not None:
            as_whole(value, name, ArgumentError, 1)


class EarlyStopping(CompositeExtension):
    """Extension that ends training when a record stops improving, and can save the best model.

    The extension that writes the record must come before this extension. The checkpoint extension
    can be anywhere in the list of extensions; if it is not in the list, it becomes a
    sub-extension.

    Parameters
    ----------
    record_name : str
        The name of the record to track.
    checkpoint_extension : Checkpoint, optional
        The extension that saves the model whenever the record reaches a new best value.
    checkpoint_filename : path, optional
        The file for the best model, as for `Checkpoint`; required with `checkpoint_extension`.
    notification_name : str, optional
        The name of the record that indicates a new best value; by default
        ``{record_name}_best_so_far``.
    choose_best : callable
        A function that returns the better of the current value and the previous best value; use
        `max` for a record such as an accuracy.
    iterations, epochs : int
        The number of iterations or epochs to wait for a new best value, at least 1. Pass exactly
        one of the two.
    name : str, optional
        The name of the extension; by default the class name.
    **triggers
        When to read the record; see `SimpleExtension`. By default after every epoch.

    Raises
    ------
    ArgumentError
        If neither or both of `iterations` and `epochs` are given, if the number is less than 1, or
        if only one of the two arguments for checkpoints is given.

    Examples
    --------
    >>> EarlyStopping("valid_cost", epochs=5)
    EarlyStopping([TrackTheBest('valid_cost', after_epoch=True),
    FinishIfNoImprovementAfter('valid_cost_best_so_far', epochs=5, after_epoch=True)])

    Save the model after every epoch, and keep the best model in a separate file:

    >>> checkpoint = Checkpoint("last.tar", after_epoch=True)
    >>> extensions = [EarlyStopping("valid_cost", checkpoint, "best.tar", epochs=5), checkpoint]
    """

    def __init__(
        self,
        record_name: str,
        checkpoint_extension: Checkpoint | None = None,
        checkpoint_filename: str | os.PathLike[str] | None = None,
        notification_name: str | None = None,
        choose_best: Callable[[Any, Any], Any] = min,
        iterations: int | None = None,
        epochs: int | None = None,
        *,
        name: str | None = None,
        **triggers: Unpack[Triggers],
    ) -> None:
        _check_wait(type(self).__name__, iterations, epochs)
        if (checkpoint_extension is None) != (checkpoint_filename is None):
            raise ArgumentError(
                BOTH_OR_NEITHER.format(extension=checkpoint_extension, filename=checkpoint_filename)
            )
        if not isinstance(checkpoint_extension, Checkpoint | None):
            raise ArgumentError(
                f"checkpoint_extension must be a Checkpoint, not {checkpoint_extension!r}"
            )
        track = TrackTheBest(record_name, notification_name, choose_best, **triggers)
        finish = FinishIfNoImprovementAfter(track.notification_name, iterations, epochs, **triggers)
        super().__init__([track, finish], run_before_children=False, name=name)
        self.checkpoint_extension = checkpoint_extension
        self.checkpoint_filename = checkpoint_filename
        if checkpoint_extension is not None:
            # The condition is added to this extension, not to the checkpoint, which would act too
            # late if it preceded this extension.
            events = {condition.event: None for condition in track.conditions}
            self.add_condition(events, OnLogRecord(track.notification_name))

    @property
    def main_loop(self) -> Loop:
        """The main loop of this extension and its sub-extensions."""
        return super().main_loop

    @main_loop.setter
    def main_loop(self, value: Loop) -> None:
        checkpoint = self.checkpoint_extension
        if checkpoint is not None and not _contains(value.extensions, checkpoint):
            self.sub_extensions.append(checkpoint)
        self._main_loop = value
        for extension in self.sub_extensions:
            extension.main_loop = value

    def do(self, which_callback: CallbackName | None = None, *args: Any) -> None:
        """Save the current model as the best model so far."""
        if self.checkpoint_extension is not None:
            from_main_loop, _ = self.parse_args(which_callback, args)
            self.checkpoint_extension.do(which_callback, *from_main_loop, self.checkpoint_filename)


def _contains(extensions: Iterable[Holder], extension: TrainingExtension) -> bool:
    return any(
        one is extension
        or (isinstance(one, CompositeExtension) and _contains(one.sub_extensions, extension))
        for one in extensions
    )


explain_missing(__name__)
