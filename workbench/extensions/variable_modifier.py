"""`SharedVariableModifier`: sets a shared variable during training, such as a learning rate.

`workbench.extensions.schedules` has functions for it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar, Unpack

from workbench.errors import ArgumentError, ExtensionError
from workbench.extensions.events import CallbackName
from workbench.extensions.schedules import Schedule
from workbench.extensions.simple_extension import SimpleExtension, with_arguments
from workbench.extensions.triggers import Triggers
from workbench.tensor import SharedVariable

NO_ARITY = (
    "the number of arguments of {function!r} is unknown; give num_args=1 (iterations done) or "
    "num_args=2 (iterations done, old value)"
)
WRONG_ARITY = (
    "{function!r} must take the number of iterations done, or that number and the old value, but "
    "its signature is {signature}"
)
NO_FUNCTION = (
    "{kind} of {parameter!r} has no function: give it one, or override its method function() in a "
    "subclass"
)
NOT_SHARED = (
    "{kind} needs a shared variable, not {given!r}; the learning rate of a rule is "
    "rule.learning_rate"
)
WRONG_NUMBER = "num_args={given!r} must be 1 (iterations done) or 2 (iterations done, old value)"


class SharedVariableModifier(SimpleExtension):
    """Sets a shared variable, such as a learning rate, by a function after every batch.

    A value that is assigned otherwise, by `Session.set` for instance, lasts until this extension
    acts again, unless its method `hold` is called.

    Parameters
    ----------
    parameter : SharedVariable
        The variable.
    function : callable
        Takes the number of iterations done, or that and the old value (an array of the dtype of
        `parameter`); returns the new value. `workbench.extensions.schedules` has some. None in a
        subclass that overrides the method `function`.
    num_args : int, optional
        The number of arguments to call it with, 1 or 2; by default that of its signature, without
        arguments that have defaults.
    name : str, optional
        Its name; the name of the class if not given.
    **triggers
        When to act instead of after every batch; see `SimpleExtension`. With a `Schedule` it also
        acts before training, so that the first batch is trained with the first value.

    Attributes
    ----------
    held : bool
        True while it leaves the variable unchanged.

    Raises
    ------
    ExtensionError
        If the function takes other arguments, or its number of arguments is unknown.
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
        """Return the new value, given the iterations done and, with `num_args` 2, the old value."""
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
        """Leave the variable unchanged until `release`.

        While a session is training, use it between two batches:
        ``session.call(lambda main_loop: modifier.hold(0.01))``.

        Parameters
        ----------
        value : number or array, optional
            The value to assign first; without one, the variable keeps its value.

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

        A function of the iterations done continues as if the variable had never been held; a
        function of the old value continues from the present value.
        """
        self.held = False

    def state_variables(self) -> tuple[SharedVariable, ...]:
        return (self.parameter,)

    def __repr__(self) -> str:
        shown = () if self._function is None else (repr(self._function),)
        return with_arguments(super().__repr__(), repr(self.parameter), *shown)


def _arity(function: Callable[..., Any]) -> int:
    """Return the number of arguments, 1 or 2, to call `function` with."""
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
