"""`SimpleExtension`, an extension whose single action is started by triggers.

Triggers are keyword arguments such as ``every_n_batches=10``; see `workbench.extensions.triggers`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar, Self, Unpack, get_type_hints

from workbench.errors import EventError, ExtensionError
from workbench.extensions.base import Handler, TrainingExtension, check_signature
from workbench.extensions.events import CallbackName
from workbench.extensions.predicates import OnLogRecord
from workbench.extensions.triggers import (
    Condition,
    LogPredicate,
    Predicate,
    Triggers,
    always_true,
    any_of,
    checked_count,
    grouped,
    no_epoch_done,
)
from workbench.hints import hint, keywords

UNKNOWN_TRIGGER = (
    "{kind} has no trigger {name!r}; the triggers are {triggers}; other arguments: {more}{hint}"
)
NOT_A_SWITCH = "the trigger {name} must be True or False, not {value!r}"
UNUSED_METHOD = (
    "{kind} defines {event}(), which would never be called, because a SimpleExtension acts in "
    "do(). Derive from TrainingExtension, or define do() and pass the trigger {event}=True"
)


NEVER = (
    "{extension!r} has no trigger, so it would never act; pass a trigger, such as after_epoch=True "
    "or "
    "every_n_batches=100, or pass after_epoch=False if you call its do() method yourself"
)


class SimpleExtension(TrainingExtension):
    """Extension with a single action: its triggers define when its `do` method is called.

    Parameters
    ----------
    name : str, optional
        The name of the extension, which distinguishes several extensions of the same class; by
        default the class name.
    before_training, before_first_epoch, before_epoch, before_batch : bool
        Act on the event of this name; ``before_first_epoch`` means the event ``before_epoch`` of
        the first epoch in a log.
    on_resumption, on_interrupt, on_error : bool
        Act on the event of this name.
    after_batch, after_epoch, after_training : bool
        Act on the event of this name.
    after_n_epochs, after_n_batches : int
        Act once, after exactly this number of epochs or batches.
    every_n_epochs, every_n_batches : int
        Act each time a multiple of this number of epochs or batches has been completed. If several
        triggers apply to the same event, the extension acts once.

    Raises
    ------
    EventError
        If a keyword is not a trigger, or its value has the wrong type.
    ExtensionError
        When training starts, if there is neither a trigger nor a condition; ``after_epoch=False``
        prevents this error.

    Examples
    --------
    >>> class Greeting(SimpleExtension):
    ...     def do(self, which_callback, *args):
    ...         print("hello from", which_callback)
    >>> Greeting(before_training=True, every_n_batches=100)
    Greeting(before_training=True, every_n_batches=100)
    >>> Greeting(every_n_batch=100)
    Traceback (most recent call last):
    ...
    workbench.errors.EventError: Greeting has no trigger 'every_n_batch'; ...; did you mean
    'every_n_batches'?
    """

    _instead: ClassVar = dict.fromkeys(
        Triggers.__annotations__, "extension.set_conditions({name}={value})"
    )

    BOOLEAN_TRIGGERS = frozenset(n for n, t in get_type_hints(Triggers).items() if t is bool)
    INTEGER_TRIGGERS = frozenset(Triggers.__annotations__) - BOOLEAN_TRIGGERS

    def __init__(self, name: str | None = None, **triggers: Unpack[Triggers]) -> None:
        super().__init__(name)
        self.triggers: Triggers = {}
        self._conditions: dict[CallbackName, tuple[Condition, ...]] = {}
        self.set_conditions(**triggers)

    def do(self, which_callback: CallbackName, *args: Any) -> None:
        """Execute the action of the extension; a subclass must define this method.

        Parameters
        ----------
        which_callback : CallbackName
            The event that triggered the call. If the action does not depend on the event, a
            subclass can make the argument optional, to allow the call ``extension.do()``.
        *args
            The arguments of the event, followed by the arguments of the condition; `parse_args`
            separates them.
        """
        raise NotImplementedError(f"{type(self).__name__} must define do(which_callback, *args)")

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All conditions, grouped by event."""
        return tuple(c for conditions in self._conditions.values() for c in conditions)

    def set_conditions(self, **triggers: Unpack[Triggers]) -> Self:
        """Replace all conditions with the given triggers.

        Parameters
        ----------
        **triggers
            The triggers; see `SimpleExtension`.

        Returns
        -------
        SimpleExtension
            This extension.

        Raises
        ------
        EventError
            If a keyword is not a trigger, or its value has the wrong type.
        """
        for name, value in triggers.items():
            self._check(name, value)
        self._conditions = {}
        self.triggers = triggers
        for name, value in triggers.items():
            if value is not None and value is not False:
                self._set_condition(name, value)
        self._changed()
        return self

    def _check(self, name: str, value: object) -> None:
        if name in self.BOOLEAN_TRIGGERS:
            if not isinstance(value, bool):
                raise EventError(NOT_A_SWITCH.format(name=name, value=value))
        elif name in self.INTEGER_TRIGGERS:
            if value is not None:
                checked_count(name, value)
        else:
            raise self._unknown_keyword(name)

    @classmethod
    def _unknown_keyword(cls, name: str) -> EventError:
        triggers = sorted(Triggers.__annotations__)
        known, _ = keywords(cls)
        more = [argument for argument in known if argument not in triggers]
        return EventError(
            UNKNOWN_TRIGGER.format(
                kind=cls.__name__,
                name=name,
                hint=hint(name, [*triggers, *more]),
                triggers=", ".join(triggers),
                more=", ".join(more),
            )
        )

    def _set_condition(self, trigger: str, value: Any) -> None:
        if trigger == "before_first_epoch":
            self.add_condition(["before_epoch"], no_epoch_done)
        elif trigger in self.BOOLEAN_TRIGGERS:
            self.add_condition([trigger])
        else:
            event = "after_epoch" if trigger.endswith("epochs") else "after_batch"
            self.add_condition([event], Predicate(trigger, value))

    def add_condition(
        self,
        callbacks_names: Iterable[str],
        predicate: LogPredicate | None = None,
        arguments: Iterable[Any] | None = None,
    ) -> Self:
        """Add events that make the extension act if a predicate is true.

        Parameters
        ----------
        callbacks_names : list of str
            The names of the events; see `workbench.extensions.events`.
        predicate : callable, optional
            A function that receives the log and returns True to act. By default the extension
            always acts.
        arguments : iterable, optional
            The arguments to pass to `do` after the arguments of the event.

        Returns
        -------
        SimpleExtension
            This extension.

        Raises
        ------
        EventError
            If one of the names is not the name of an event.
        ExtensionError
            If `predicate` is not callable, or `arguments` is a string or not iterable.

        Examples
        --------
        >>> from workbench.extensions import Printing, predicates
        >>> printing = Printing().add_condition(
        ...     ["after_batch"], predicates.OnLogRecord("best_so_far"))
        """
        if predicate is not None and not callable(predicate):
            raise ExtensionError(f"predicate must be a function of the log, not {predicate!r}")
        names = [callbacks_names] if isinstance(callbacks_names, str) else callbacks_names
        if isinstance(arguments, str) or not isinstance(arguments, Iterable | None):
            raise ExtensionError(f"arguments must be a list, not {arguments!r}; write [...]")
        passed = () if arguments is None else tuple(arguments)
        for event in [CallbackName(name) for name in names]:
            new = Condition(event, predicate or always_true, passed)
            self._conditions[event] = (*self._conditions.get(event, ()), new)
        self._changed()
        return self

    def waiting_for(self) -> dict[str, bool]:
        """Return the names of the records that the conditions look up but have not found so far.

        See the base class.
        """
        asked = [c.predicate for c in self.conditions if isinstance(c.predicate, OnLogRecord)]
        return {one.record_name: one.looked for one in asked if not one.found}

    def _changed(self) -> None:
        if self._main_loop is not None:
            self._main_loop.refresh()

    def dispatch(self, callback_invoked: CallbackName, *from_main_loop: Any) -> None:
        """Call `do` once for each set of arguments that has a true condition on this event."""
        for alike in grouped(self._conditions.get(callback_invoked, ())):
            if any_of(alike)(self.main_loop.log):
                self.do(callback_invoked, *from_main_loop, *alike[0].arguments)

    def handler(self, event: CallbackName) -> Handler | None:
        if type(self).dispatch is not SimpleExtension.dispatch:
            return partial(self.dispatch, event)
        for other in CallbackName:
            if getattr(type(self), other.value) is not getattr(TrainingExtension, other.value):
                raise ExtensionError(UNUSED_METHOD.format(kind=type(self).__name__, event=other))
        if not self._conditions and not self.triggers:
            raise ExtensionError(NEVER.format(extension=self))
        conditions = self._conditions.get(event, ())
        for condition in conditions:
            passed = (event, *event.arguments, *condition.arguments)
            check_signature(self.do, event, passed, f"do of {self!r}")
        return self._direct(event, conditions) if conditions else None

    def _direct(self, event: CallbackName, conditions: tuple[Condition, ...]) -> Handler:
        """Return a function that is equivalent to `dispatch` for one event, but faster."""
        do, main_loop = self.do, self.main_loop
        occasions = [(any_of(alike), alike[0].arguments) for alike in grouped(conditions)]

        def handle(*from_main_loop: Any) -> None:
            for predicate, arguments in occasions:
                if predicate is always_true or predicate(main_loop.log):
                    do(event, *from_main_loop, *arguments)

        return handle

    @staticmethod
    def parse_args(
        which_callback: str | None, args: Iterable[Any]
    ) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Split the arguments of `do` into event arguments and condition arguments.

        Parameters
        ----------
        which_callback : str or None
            The event, or None if `do` was called without an event.
        args : iterable
            All arguments of `do` after the first.

        Returns
        -------
        from_main_loop, from_user : tuple
            The arguments of the event and the arguments of the condition.

        Examples
        --------
        >>> SimpleExtension.parse_args("after_batch", ({"x": 1}, "best"))
        (({'x': 1},), ('best',))
        """
        given = tuple(args)
        count = 0 if which_callback is None else len(CallbackName(which_callback).arguments)
        return given[:count], given[count:]

    def __repr__(self) -> str:
        kind = type(self).__name__
        named = {} if self.name == kind else {"name": self.name}
        options = {**named, **{n: v for n, v in self.triggers.items() if v not in (None, False)}}
        return f"{kind}({', '.join(f'{name}={value!r}' for name, value in options.items())})"


def with_arguments(shown: str, *arguments: str) -> str:
    """Insert `arguments` in front of the arguments in the repr `shown`."""
    kind, _, options = shown.partition("(")
    return f"{kind}({', '.join(arguments)}{', ' * (options != ')')}{options}"
