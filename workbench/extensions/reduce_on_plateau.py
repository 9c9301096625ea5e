"""`ReduceOnPlateau`: lowers a learning rate when a record has stopped improving."""

from __future__ import annotations

import math
from typing import Any, Literal, Unpack

from workbench.errors import ArgumentError
from workbench.extensions.compared_records import check_direction, check_number
from workbench.extensions.events import CallbackName
from workbench.extensions.simple_extension import SimpleExtension, with_arguments
from workbench.extensions.triggers import Triggers
from workbench.extensions.variable_modifier import SharedVariableModifier
from workbench.tensor import SharedVariable
from workbench.utils.numbers import as_whole


class ReduceOnPlateau(SharedVariableModifier):
    """Lowers a learning rate when a record has not improved for some time.

    It counts the occasions, by default ends of epochs, on which the record is present, and does
    nothing on others. A value is better if it differs from the best one in the right direction by
    more than `threshold` times the absolute best value; NaN is never better. For records that are
    not negative it equals the scheduler of torch of that name, where the margin has the sign of the
    best value.

    Parameters
    ----------
    parameter : SharedVariable
        The variable to be lowered.
    record_name : str
        The record to watch; the extension that makes it must come before this one.
    mode : {"min", "max"}
        ``"min"`` if lower values are better, ``"max"`` if higher ones are. If the name of the
        record suggests the opposite (``valid_accuracy`` with the default), a line in Python's log
        says so.
    factor : float
        The factor by which the variable is multiplied, less than 1.
    patience : int
        The number of occasions without a better value before the variable is lowered.
    threshold : float
        The relative difference that makes a value better.
    cooldown : int
        The number of occasions after a reduction that are not counted.
    minimum : float
        The variable is never set to a lower value, nor raised to this one.
    name : str, optional
        Its name; the name of the class if not given.
    **triggers
        When to look at the record; see `SimpleExtension`. By default after every epoch.

    Attributes
    ----------
    best : float or None
        The best value so far.
    waited : int
        The number of occasions since the best value, or since the variable was lowered.
    cooling : int
        The number of further occasions that are not counted.

    Raises
    ------
    ArgumentError
        If `mode` is neither, `factor` is not less than 1, or another number is negative.
    ExtensionError
        During training, if the record is not one number.

    Examples
    --------
    >>> from workbench import shared
    >>> ReduceOnPlateau(shared(0.1, "learning_rate"), "valid_cost", patience=3)
    ReduceOnPlateau(learning_rate, 'valid_cost', after_epoch=True)
    """

    state_keys = ("held", "best", "waited", "cooling")

    def __init__(
        self,
        parameter: SharedVariable,
        record_name: str,
        *,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        cooldown: int = 0,
        minimum: float = 0.0,
        name: str | None = None,
        **triggers: Unpack[Triggers],
    ) -> None:
        if mode not in ("min", "max"):
            raise ArgumentError(f"mode={mode!r} must be 'min' or 'max'")
        opposite = "mode='max'" if mode == "min" else "mode='min'"
        check_direction(type(self).__name__, record_name, mode == "min", opposite)
        if not 0 <= factor < 1:
            raise ArgumentError(f"factor={factor!r} must be at least 0 and less than 1")
        for option, number in (("patience", patience), ("cooldown", cooldown)):
            as_whole(number, option, ArgumentError, 0)
        for option, value in (("threshold", threshold), ("minimum", minimum)):
            if not 0 <= value < math.inf:
                raise ArgumentError(f"{option}={value!r} must be a finite number, 0 or more")
        if not triggers:
            triggers = {"after_epoch": True}
        super().__init__(parameter, None, 2, name=name, **triggers)
        self.record_name = record_name
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.cooldown = cooldown
        self.minimum = minimum
        self._looked = self._found = False
        self._counted: int | None = None
        self.best: float | None = None
        self.waited = 0
        self.cooling = 0

    def waiting_for(self) -> dict[str, bool]:
        own = {} if self._found else {self.record_name: self._looked}
        return {**super().waiting_for(), **own}

    def do(self, which_callback: CallbackName | None = None, *args: Any) -> None:
        """Look at the record, and lower the variable if it has not improved."""
        self._looked = True
        log = self.main_loop.log
        if self.record_name not in log.current_row:
            return
        self._found = True
        # the same record can be present on two events: after a batch and after the epoch it ends
        if self._counted != log.status["iterations_done"]:
            self._counted = log.status["iterations_done"]
            super().do(which_callback, *args)

    def function(self, *args: Any) -> Any:
        """Return the old value, or a lower one."""
        _, old = args
        record = self.main_loop.log.current_row[self.record_name]
        check_number(self, self.record_name, record)
        current = float(record)
        if self._is_better(current):
            self.best, self.waited = current, 0
        else:
            self.waited += 1
        if self.cooling > 0:
            self.cooling -= 1
            self.waited = 0
        if self.waited <= self.patience:
            return old
        self.cooling, self.waited = self.cooldown, 0
        # a value that is below the minimum already is not raised
        return (old * self.factor).clip(min=self.minimum).clip(max=old)

    def _is_better(self, current: float) -> bool:
        if math.isnan(current) or self.best is None:
            return not math.isnan(current)
        gain = self.best - current if self.mode == "min" else current - self.best
        # with an infinite best value the margin would be infinite and no value better
        margin = self.threshold * abs(self.best) if math.isfinite(self.best) else 0.0
        return gain > margin

    def __repr__(self) -> str:
        options = SimpleExtension.__repr__(self)
        return with_arguments(options, repr(self.parameter), repr(self.record_name))
