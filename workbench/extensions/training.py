"""Changing shared variables while training goes on, and noting when a record is the best so far.

Schedules for `SharedVariableModifier` stand in `workbench.extensions.schedules`; ending training
when nothing gets better, in `workbench.extensions.stopping`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, ClassVar, Literal, Unpack

from workbench.errors import ArgumentError, ExtensionError
from workbench.extensions.direction import check_direction, check_number
from workbench.extensions.events import CallbackName
from workbench.extensions.schedules import Schedule
from workbench.extensions.simple import SimpleExtension, Triggers
from workbench.names import explain_missing
from workbench.tensor import SharedVariable
from workbench.utils.numbers import as_whole

__all__ = ["ReduceOnPlateau", "SharedVariableModifier", "TrackTheBest"]

NO_ARITY = (
    "how many arguments {function!r} takes cannot be told; say num_args=1 (iterations done) or "
    "num_args=2 (iterations done, old value)"
)
WRONG_ARITY = (
    "{function!r} cannot be called with the number of iterations done, nor with that and the old "
    "value: its signature is {signature}"
)
NO_FUNCTION = (
    "{kind} of {parameter!r} has no function: give it one, or override the method function() in a "
    "subclass"
)
NOT_SHARED = (
    "{kind} sets a shared variable, got {given!r}; the learning rate of a rule is "
    "rule.learning_rate"
)
WRONG_NUMBER = "num_args={given!r} must be 1 (iterations done) or 2 (iterations done, old value)"


class SharedVariableModifier(SimpleExtension):
    """Sets a shared variable to what a function gives, after every batch: a learning rate, say.

    A value that somebody else assigns, by `Session.set` for instance, lasts until this extension
    acts the next time, unless it is told to `hold`.

    Parameters
    ----------
    parameter : SharedVariable
        The variable.
    function : callable
        Takes the number of iterations done, or that and the old value (an array of the dtype of
        `parameter`); returns the new value. See `workbench.extensions.schedules` for ready ones.
        None in a subclass that overrides the method `function`.
    num_args : int, optional
        The number of arguments to call it with, 1 or 2; read off its signature if not given, where
        arguments with defaults do not count.
    name : str, optional
        Its name; the name of the class if not given.
    **triggers
        When to act instead of after every batch; see `SimpleExtension`. With a `Schedule` it acts
        before training too, so that the first batch is trained with the first value.

    Attributes
    ----------
    held : bool
        Whether it leaves the variable alone at present.

    Raises
    ------
    ExtensionError
        If the function takes other arguments, or which it takes cannot be told.
    ArgumentError
        If `num_args` is another number.

    Examples
    --------
    >>> from workbench import shared
    >>> from workbench.extensions.schedules import cosine
    >>> learning_rate = shared(0.1, "learning_rate")
    >>> SharedVariableModifier(learning_rate, cosine(0.1, iterations=1000))
    SharedVariableModifier(learning_rate, cosine(rate=0.1, iterations=1000, minimum=0.0),
    before_training=True, after_batch=True)
    >>> halve = SharedVariableModifier(learning_rate, lambda n, old: old / 2, every_n_epochs=5)
    >>> halve.num_args
    2
    """

    state_keys: ClassVar[tuple[str, ...]] = ("held",)

    def __init__(
        self,
        parameter: SharedVariable,
        function: Callable[..., Any] | None,
        num_args: int | None = None,
        *,
        name: str | None = None,
        **triggers: Unpack[Triggers],
    ) -> None:
        if isinstance(function, Schedule):
            triggers = {"before_training": True, **triggers}
        if not triggers.keys() - {"before_training"}:
            triggers["after_batch"] = True
        if num_args not in (None, 1, 2):
            raise ArgumentError(WRONG_NUMBER.format(given=num_args))
        if not isinstance(parameter, SharedVariable):
            raise ExtensionError(NOT_SHARED.format(kind=type(self).__name__, given=parameter))
        super().__init__(name, **triggers)
        self.parameter = parameter
        self.held = False
        self._function = function
        self._num_args = num_args
        if function is not None and num_args is None:
            self._num_args = _arity(function)

    @property
    def num_args(self) -> int:
        """The number of arguments that `function` is called with."""
        return _arity(self.function) if self._num_args is None else self._num_args

    def function(self, *args: Any) -> Any:
        """Return the new value, from the iterations done, and from the old value if asked for."""
        if self._function is None:
            raise ExtensionError(
                NO_FUNCTION.format(kind=type(self).__name__, parameter=self.parameter)
            )
        return self._function(*args)

    def do(self, which_callback: CallbackName | None = None, *args: Any) -> None:
        """Set the variable, unless it is held."""
        if self.held:
            return
        old = (self.parameter.get_value(),) if self.num_args == 2 else ()
        done = self.main_loop.log.status["iterations_done"]
        self.parameter.set_value(self.function(done, *old))

    def hold(self, value: Any = None) -> None:
        """Leave the variable alone until `release`.

        While a session is training, have it called between two batches:
        ``session.call(lambda main_loop: modifier.hold(0.01))``.

        Parameters
        ----------
        value : number or array, optional
            What to assign first; the variable keeps its value if not given.

        Examples
        --------
        >>> from workbench import shared
        >>> learning_rate = shared(1.0, "learning_rate")
        >>> modifier = SharedVariableModifier(learning_rate, lambda n: 1 / n)
        >>> modifier.hold(0.5)
        >>> learning_rate.get_value(), modifier.held
        (array(0.5, dtype=float32), True)
        """
        if value is not None:
            self.parameter.set_value(value)
        self.held = True

    def release(self) -> None:
        """Act again from the next trigger on.

        A function of the iterations done goes on as if the variable had never been held; one of
        the old value goes on from the value that it finds.
        """
        self.held = False

    def state_variables(self) -> tuple[SharedVariable, ...]:
        return (self.parameter,)

    def __repr__(self) -> str:
        shown = () if self._function is None else (repr(self._function),)
        return _with(super().__repr__(), repr(self.parameter), *shown)


def _arity(function: Callable[..., Any]) -> int:
    """Return with how many arguments, 1 or 2, to call `function`."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise ExtensionError(NO_ARITY.format(function=function)) from None
    parameters = signature.parameters.values()
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        raise ExtensionError(NO_ARITY.format(function=function))
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    number = max(sum(p.default is p.empty for p in positional), 1)
    try:
        signature.bind(*range(number))
    except TypeError:
        number = 0
    if number not in (1, 2):
        raise ExtensionError(WRONG_ARITY.format(function=function, signature=signature))
    return number


def _with(shown: str, *arguments: str) -> str:
    """Put `arguments` before those of the repr `shown`."""
    kind, _, options = shown.partition("(")
    return f"{kind}({', '.join(arguments)}{', ' * (options != ')')}{options}"


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
        return _with(options, repr(self.parameter), repr(self.record_name))


class TrackTheBest(SimpleExtension):
    """Notes in the log when a record is the best so far.

    The extension that makes the record must come before this one. Occasions on which the record is
    not there are passed over, and NaN is never the best.

    Parameters
    ----------
    record_name : str
        The record to track.
    notification_name : str, optional
        The record that is made, with the value True, when the tracked one is the best so far;
        ``{record_name}_best_so_far`` if not given.
    choose_best : callable
        Takes the current value and the best one before it, and returns the better; with `min`
        less is better, with `max` more. If the name of the record says the opposite, as
        ``valid_accuracy`` and the default do, a line in the log of Python says so.
    name : str, optional
        Its name; the name of the class if not given.
    **triggers
        When to look; see `SimpleExtension`. By default after every epoch.

    Attributes
    ----------
    best_name : str
        The key of the status under which the best value is kept: ``best_{record_name}``.

    Raises
    ------
    ArgumentError
        If `choose_best` cannot be called.
    ExtensionError
        Later, if the record is not one number.

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
            raise ArgumentError(f"choose_best={choose_best!r} must be a function, such as min")
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
        """Compare the record with the best one before it."""
        log = self.main_loop.log
        current, best = log.current_row.get(self.record_name), log.status.get(self.best_name)
        self._looked, self._found = True, self._found or current is not None
        check_number(self, self.record_name, current)
        if current is None or current != current:  # NaN is the number that differs from itself
            return
        if best is None or (current != best and self.choose_best(current, best) == current):
            log.status[self.best_name] = current
            log.current_row[self.notification_name] = True

    def __repr__(self) -> str:
        return _with(super().__repr__(), repr(self.record_name))


explain_missing(__name__)
