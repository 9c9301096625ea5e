"""`SharedVariableModifier`, which sets a shared variable, such as a learning rate, during training.

`workbench.extensions.schedules` provides suitable functions.
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
    "the number of arguments of {function!r} is unknown; pass num_args=1 (iterations done) or "
    "num_args=2 (iterations done, old value)"
)
WRONG_ARITY = (
    "{function!r} must accept the number of completed iterations and, optionally, the old value, "
    "but its signature is {signature}"
)
NO_FUNCTION = (
    "{kind} of {parameter!r} has no function; pass a function, or override the method function() "
    "in a subclass"
)
NOT_SHARED = (
    "parameter of {kind} must be a shared variable, not {given!r}; the learning rate of a rule is "
    "rule.learning_rate"
)
WRONG_NUMBER = (
    "num_args must be 1 (iterations done) or 2 (iterations done, old value), not {given!r}"
)


class SharedVariableModifier(SimpleExtension):
    """Extension that sets a shared variable, such as a learning rate, to the values of a function.

    A value that is assigned in another way, for instance by `Session.set`, is kept until this
    extension acts again or, if its `hold` method is called, until `release` is called.

    Parameters
    ----------
    parameter : SharedVariable
        The variable to set.
    function : callable
        A function that receives the number of completed iterations and, if `num_args` is 2, the old
        value (an array of the dtype of `parameter`), and returns the new value.
        `workbench.extensions.schedules` provides suitable functions. Pass None in a subclass that
        overrides the `function` method.
    num_args : int, optional
        The number of arguments of `function`, 1 or 2; by default the number of arguments without
        defaults in its signature.
    name : str, optional
        The name of the extension; by default the class name.
    **triggers
        When to act; see `SimpleExtension`. By default after every batch. With a `Schedule` the
        extension also acts before training, so that the first batch uses the first value.

    Attributes
    ----------
    held : bool
        True while the extension leaves the variable unchanged.

    Raises
    ------
    ExtensionError
        If `parameter` is not a shared variable, or if the number of arguments of `function` is
        wrong or unknown.
    ArgumentError
        If `num_args` is neither 1 nor 2.

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
        """The number of arguments that are passed to `function`."""
        return _arity(self.function) if self._num_args is None else self._num_args

    def function(self, *args: Any) -> Any:
        """Compute the new value from the number of iterations and, if used, the old value."""
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
        """Leave the variable unchanged until `release` is called.

        While a session is training, call this method between two batches, for example with
        ``session.call(lambda main_loop: modifier.hold(0.01))``.

        Parameters
        ----------
        value : number or array, optional
            The value to assign first; by default the variable keeps its value.

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
        """Let the extension act again from the next trigger onwards.

        A function of the number of iterations continues as if the variable had never been held. A
        function of the old value continues from the current value.
        """
        self.held = False

    def state_variables(self) -> tuple[SharedVariable, ...]:
        return (self.parameter,)

    def __repr__(self) -> str:
        shown = () if self._function is None else (repr(self._function),)
        return with_arguments(super().__repr__(), repr(self.parameter), *shown)


def _arity(function: Callable[..., Any]) -> int:
    """Return the number of arguments, 1 or 2, to pass to `function`."""
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
