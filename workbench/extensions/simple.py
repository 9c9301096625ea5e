"""Extensions that do one thing, on occasions chosen by keyword: ``every_n_batches=10``.

The keywords are checked one by one in a table; each becomes a condition, which is an event, a
predicate on the log, and arguments of one's own.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self, TypedDict, Unpack, get_type_hints

from workbench.errors import EventError, ExtensionError, nearest
from workbench.extensions.base import Handler, TrainingExtension, check_signature
from workbench.extensions.events import CallbackName
from workbench.extensions.predicates import OnLogRecord
from workbench.hints import Hinted, hint, hinted, keywords
from workbench.log import TrainingLogBase
from workbench.utils.numbers import is_count

LogPredicate = Callable[[TrainingLogBase], bool]

PLAIN = (str, int, float, bool)

UNKNOWN_TRIGGER = (
    "{kind} has no trigger {name!r}{hint}; the triggers are {triggers}, and other arguments are "
    "{more}"
)
NOT_A_SWITCH = "the trigger {name} is switched on by True and off by False, not by {value!r}"
NOT_A_COUNT = "the trigger {name} takes a whole number of 1 or more, or None, not {value!r}"
UNUSED_METHOD = (
    "{kind} defines {event}(), which nothing would ever call: a SimpleExtension acts in do(). "
    "Derive from TrainingExtension, or give the trigger {event}=True"
)


class Triggers(TypedDict, total=False):
    """The keywords that say when a `SimpleExtension` acts."""

    before_training: bool
    before_first_epoch: bool
    before_epoch: bool
    before_batch: bool
    on_resumption: bool
    on_interrupt: bool
    on_error: bool
    after_batch: bool
    after_epoch: bool
    after_training: bool
    after_n_epochs: int | None
    every_n_epochs: int | None
    after_n_batches: int | None
    every_n_batches: int | None


@hinted
def always_true(log: TrainingLogBase) -> bool:
    """Return True, whatever the log says."""
    return True


@hinted
def has_done_epochs(log: TrainingLogBase) -> bool:
    """Return whether an epoch has been completed."""
    return bool(log.status["epochs_done"] > 0)


def _no_epoch_done(log: TrainingLogBase) -> bool:
    return not has_done_epochs(log)


NEVER = (
    "{extension!r} has no trigger, so that it would never act; say when it shall, as in "
    "after_epoch=True or every_n_batches=100, or switch one off (after_epoch=False) if you mean "
    "to call it yourself"
)


class Predicate(Hinted):
    """Compares the number of epochs or batches done with `num`.

    Parameters
    ----------
    condition : str
        ``after_n_epochs`` or ``after_n_batches``: exactly `num` are done;
        ``every_n_epochs`` or ``every_n_batches``: a multiple of `num`;
        ``at_least_n_epochs`` or ``at_least_n_batches``: `num` or more.
    num : int
        The number of epochs or batches, 1 or more.

    Raises
    ------
    EventError
        If there is no such condition, or `num` is not such a number.

    Examples
    --------
    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> log.status["iterations_done"] = 20
    >>> Predicate("every_n_batches", 10)(log), Predicate("after_n_batches", 10)(log)
    (True, False)
    """

    def __init__(self, condition: str, num: int) -> None:
        if condition not in _COUNTED:
            raise EventError(
                f"no condition is called {condition!r}{nearest(condition, _COUNTED)}; there are "
                f"{', '.join(_COUNTED)}"
            )
        self.condition = condition
        self.num = _count(condition, num)
        self._key, self._holds = _COUNTED[condition]

    def __call__(self, log: TrainingLogBase) -> bool:
        return self._holds(log.status[self._key], self.num)

    def __repr__(self) -> str:
        return f"Predicate({self.condition!r}, {self.num})"


def _divides(done: int, num: int) -> bool:
    return done % num == 0


_COUNTED: dict[str, tuple[str, Callable[[int, int], bool]]] = {
    "after_n_epochs": ("epochs_done", operator.eq),
    "every_n_epochs": ("epochs_done", _divides),
    "at_least_n_epochs": ("epochs_done", operator.ge),
    "after_n_batches": ("iterations_done", operator.eq),
    "every_n_batches": ("iterations_done", _divides),
    "at_least_n_batches": ("iterations_done", operator.ge),
}


def _count(name: str, value: Any) -> int:
    if not is_count(value):
        raise EventError(NOT_A_COUNT.format(name=name, value=value))
    return int(value)


@dataclass(frozen=True)
class Condition:
    """One occasion to act: on `event`, if `predicate` holds, with `arguments` of the user's."""

    event: CallbackName
    predicate: LogPredicate
    arguments: tuple[Any, ...] = ()


def _alike(conditions: Iterable[Condition]) -> list[list[Condition]]:
    """Conditions on one event, grouped by their arguments.

    ``every_n_epochs=2`` and ``after_epoch=True`` both hold after the second epoch, which is one
    occasion to act and not two.
    """
    groups: list[list[Condition]] = []
    for condition in conditions:
        for group in groups:
            if _same(group[0].arguments, condition.arguments):
                group.append(condition)
                break
        else:
            groups.append([condition])
    return groups


def _any_of(conditions: Sequence[Condition]) -> LogPredicate:
    predicates = [condition.predicate for condition in conditions]
    if always_true in predicates:
        return always_true
    if len(predicates) == 1:
        return predicates[0]
    return lambda log: any(holds(log) for holds in predicates)


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return len(one) == len(other) and all(
        a is b or (isinstance(a, PLAIN) and isinstance(b, PLAIN) and a == b)
        for a, b in zip(one, other, strict=True)
    )


class SimpleExtension(TrainingExtension):
    """An extension that does one thing, `do`, on the occasions that its keywords name.

    Parameters
    ----------
    name : str, optional
        Tells several extensions of one class apart; the name of the class if not given.
    before_training, before_first_epoch, before_epoch, before_batch : bool
        Act on that event; ``before_first_epoch`` is the first ``before_epoch`` of a log.
    on_resumption, on_interrupt, on_error : bool
        Act on that event.
    after_batch, after_epoch, after_training : bool
        Act on that event.
    after_n_epochs, after_n_batches : int
        Act when exactly so many are done.
    every_n_epochs, every_n_batches : int
        Act whenever so many more are done. Of several triggers that hold on one event it acts once.

    Raises
    ------
    EventError
        If a keyword is no trigger, or its value does not fit.
    ExtensionError
        When training starts, if there is neither a trigger nor a condition, so that it would never
        act; ``after_epoch=False`` says that this is meant.

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
    workbench.errors.EventError: Greeting has no trigger 'every_n_batch'; did you mean
    'every_n_batches'?; ...
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
        """Do the job of the extension; to be overridden.

        Parameters
        ----------
        which_callback : CallbackName
            The event on which it is called. To do the job by hand, extensions that do the same on
            every event need none: ``load.do()``.
        *args
            What the main loop passes with that event, then the arguments of the condition;
            `parse_args` separates them.
        """
        raise NotImplementedError(f"{type(self).__name__} must define do(which_callback, *args)")

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All conditions, by event."""
        return tuple(c for conditions in self._conditions.values() for c in conditions)

    def set_conditions(self, **triggers: Unpack[Triggers]) -> Self:
        """Replace all conditions by those that the keywords name.

        Parameters
        ----------
        **triggers
            As for the class.

        Returns
        -------
        SimpleExtension
            The extension itself.

        Raises
        ------
        EventError
            If a keyword is no trigger, or its value does not fit.
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
                _count(name, value)
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
            self.add_condition(["before_epoch"], _no_epoch_done)
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
        """Act also on these events, if the predicate holds then.

        Parameters
        ----------
        callbacks_names : list of str
            Names of events; see `workbench.extensions.events`.
        predicate : callable, optional
            Takes the log and says whether to act; always if not given.
        arguments : iterable, optional
            Passed to `do` after what the main loop passes.

        Returns
        -------
        SimpleExtension
            The extension itself.

        Raises
        ------
        EventError
            If a name is that of no event.
        ExtensionError
            If `predicate` cannot be called, or `arguments` is no list.

        Examples
        --------
        >>> from workbench.extensions import Printing, predicates
        >>> printing = Printing().add_condition(
        ...     ["after_batch"], predicates.OnLogRecord("best_so_far"))
        """
        if predicate is not None and not callable(predicate):
            raise ExtensionError(f"a predicate is a function of the log, not {predicate!r}")
        names = [callbacks_names] if isinstance(callbacks_names, str) else callbacks_names
        if isinstance(arguments, str) or not isinstance(arguments, Iterable | None):
            raise ExtensionError(f"arguments is a list of them, got {arguments!r}; write [...]")
        passed = () if arguments is None else tuple(arguments)
        for event in [CallbackName(name) for name in names]:
            new = Condition(event, predicate or always_true, passed)
            self._conditions[event] = (*self._conditions.get(event, ()), new)
        self._changed()
        return self

    def waiting_for(self) -> dict[str, bool]:
        """Return the records that its conditions look for in vain so far."""
        asked = [c.predicate for c in self.conditions if isinstance(c.predicate, OnLogRecord)]
        return {one.record_name: one.looked for one in asked if not one.found}

    def _changed(self) -> None:
        if self._main_loop is not None:
            self._main_loop.refresh()

    def dispatch(self, callback_invoked: CallbackName, *from_main_loop: Any) -> None:
        """Call `do` if a condition on this event holds: once for all with the same arguments."""
        for alike in _alike(self._conditions.get(callback_invoked, ())):
            if _any_of(alike)(self.main_loop.log):
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
        """Return what does the same as `dispatch` for an event that may come with every batch."""
        do, main_loop = self.do, self.main_loop
        occasions = [(_any_of(alike), alike[0].arguments) for alike in _alike(conditions)]

        def handle(*from_main_loop: Any) -> None:
            for predicate, arguments in occasions:
                if predicate is always_true or predicate(main_loop.log):
                    do(event, *from_main_loop, *arguments)

        return handle

    @staticmethod
    def parse_args(
        which_callback: str | None, args: Iterable[Any]
    ) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Separate the arguments of `do` by where they come from.

        Parameters
        ----------
        which_callback : str or None
            The event, if there is one.
        args : iterable
            All arguments after the first.

        Returns
        -------
        from_main_loop, from_user : tuple
            What the main loop passed, and what the condition added.

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
