"""`ReduceOnPlateau`, which reduces a learning rate when a record has stopped improving."""

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
    """Extension that reduces a learning rate when a record has stopped improving.

    The extension counts the values of the record, by default one per epoch. A value is better if it
    improves on the best value by more than `threshold` times the magnitude of the best value; NaN
    is never better. For non-negative records the results agree with
    ``torch.optim.lr_scheduler.ReduceLROnPlateau``, which does not use the absolute value of the
    best value.

    Parameters
    ----------
    parameter : SharedVariable
        The variable to reduce.
    record_name : str
        The name of the record to read. The extension that writes it must come before this
        extension.
    mode : {"min", "max"}
        ``"min"`` if lower values are better, ``"max"`` if higher values are better. If the name of
        the record suggests the opposite (``valid_accuracy`` with the default), a message is logged.
    factor : float
        The factor, at least 0 and less than 1, that the variable is multiplied by.
    patience : int
        The number of values without improvement that are tolerated before the variable is reduced.
    threshold : float
        The relative improvement that a better value must exceed.
    cooldown : int
        The number of values that are not counted after a reduction.
    minimum : float
        The lowest value that a reduction can set. If the value is already lower, it is left
        unchanged.
    name : str, optional
        The name of the extension; by default the class name.
    **triggers
        When to read the record; see `SimpleExtension`. By default after every epoch.

    Attributes
    ----------
    best : float or None
        The best value so far.
    waited : int
        The number of values since the best value, or since the variable was reduced.
    cooling : int
        The number of upcoming values that will not be counted.

    Raises
    ------
    ArgumentError
        If `mode` is invalid, if `factor` is not in [0, 1), or if another number is negative or not
        finite.
    ExtensionError
        During training, if the record is not a single number.

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
            raise ArgumentError(f"mode must be 'min' or 'max', not {mode!r}")
        opposite = "mode='max'" if mode == "min" else "mode='min'"
        check_direction(type(self).__name__, record_name, mode == "min", opposite)
        if not 0 <= factor < 1:
            raise ArgumentError(f"factor must be at least 0 and less than 1, not {factor!r}")
        for option, number in (("patience", patience), ("cooldown", cooldown)):
            as_whole(number, option, ArgumentError, 0)
        for option, value in (("threshold", threshold), ("minimum", minimum)):
            if not 0 <= value < math.inf:
                raise ArgumentError(
                    f"{option} must be a finite, non-negative number, not {value!r}"
                )
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
        """Read the record, and reduce the variable if the record has stopped improving."""
        self._looked = True
        log = self.main_loop.log
        if self.record_name not in log.current_row:
            return
        self._found = True
        # the same record may be present after a batch and after the epoch that the batch ends
        if self._counted != log.status["iterations_done"]:
            self._counted = log.status["iterations_done"]
            super().do(which_callback, *args)

    def function(self, *args: Any) -> Any:
        """Return the old value, reduced if the record has stopped improving."""
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
        # a value that is already below the minimum is not raised
        return (old * self.factor).clip(min=self.minimum).clip(max=old)

    def _is_better(self, current: float) -> bool:
        if math.isnan(current) or self.best is None:
            return not math.isnan(current)
        gain = self.best - current if self.mode == "min" else current - self.best
        # an infinite margin would mean that no value is better
        margin = self.threshold * abs(self.best) if math.isfinite(self.best) else 0.0
        return gain > margin

    def __repr__(self) -> str:
        options = SimpleExtension.__repr__(self)
        return with_arguments(options, repr(self.parameter), repr(self.record_name))
