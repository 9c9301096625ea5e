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
from workbench.utils.plain import is_count


class ReduceOnPlateau(SharedVariableModifier):
    """Lowers a learning rate when a record has not become better for some time.

    Counts the occasions on which the record is there, by default ends of epochs; on others it does
    nothing. A value is better if it passes the best one by more than `threshold` times the size of
    that; NaN never is. For records that are not negative it is the same as torch's scheduler of
    that name, which gives the margin the sign of the best value.

    Parameters
    ----------
    parameter : SharedVariable
        The variable to be lowered.
    record_name : str
        The record to watch; the extension that makes it must come before this one.
    mode : {"min", "max"}
        Whether less is better, or more. If the name of the record says the opposite, as
        ``valid_accuracy`` and the default do, a line in the log of Python says so.
    factor : float
        What the variable is multiplied by, less than 1.
    patience : int
        How many occasions without a better value are let pass before that happens.
    threshold : float
        What counts as better.
    cooldown : int
        How many occasions are not counted after it has happened.
    minimum : float
        The variable is never set to less, nor raised to it.
    name : str, optional
        Its name; the name of the class if not given.
    **triggers
        When to look; see `SimpleExtension`. By default after every epoch.

    Attributes
    ----------
    best : float or None
        The best value so far.
    waited : int
        The number of occasions that have passed since, or since the variable was lowered.
    cooling : int
        How many occasions more are not counted.

    Raises
    ------
    ArgumentError
        If `mode` is neither, `factor` is not less than 1, or another number is negative.
    ExtensionError
        Later, if the record is not one number.

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
            if not is_count(number, least=0):
                raise ArgumentError(f"{option}={number!r} must be a whole number, 0 or more")
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
        """Look at the record, and lower the variable if it is time."""
        self._looked = True
        log = self.main_loop.log
        if self.record_name not in log.current_row:
            return
        self._found = True
        # one record may be seen on two events, after a batch and after the epoch that it ends
        if self._counted != log.status["iterations_done"]:
            self._counted = log.status["iterations_done"]
            super().do(which_callback, *args)

    def function(self, *args: Any) -> Any:
        """Return the old value, or less."""
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
        # one that is less than the minimum already is not raised
        return (old * self.factor).clip(min=self.minimum).clip(max=old)

    def _is_better(self, current: float) -> bool:
        if math.isnan(current) or self.best is None:
            return not math.isnan(current)
        gain = self.best - current if self.mode == "min" else current - self.best
        # of an infinite best the margin would be infinite too, and nothing ever better
        margin = self.threshold * abs(self.best) if math.isfinite(self.best) else 0.0
        return gain > margin

    def __repr__(self) -> str:
        options = SimpleExtension.__repr__(self)
        return with_arguments(options, repr(self.parameter), repr(self.record_name))
