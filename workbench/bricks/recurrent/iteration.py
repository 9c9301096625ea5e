"""`recurrent`, a decorator that extends the computation of one step to whole sequences.

`workbench.tensor.scan` calls the application with ``iterate=False`` once to build the graph of one
step. Therefore, the variables inside the loop are annotated like all other variables, but they
belong to a separate call, whose annotations are not visible in the outer graph. The attributes
``inner_inputs`` and ``inner_outputs`` of the outer call contain variables of the inner graph.

In the shapes below, T is the number of time steps, and B the number of examples in a batch.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

import torch

from workbench.bricks.application import SPECIAL, Application, BoundApplication
from workbench.bricks.recurrent.base import by_name
from workbench.errors import ApplicationError, SignatureError
from workbench.graph.annotations import ApplicationCall
from workbench.tensor import Variable, as_variable, scan
from workbench.utils.numbers import is_whole

CONTROLS: dict[str, Any] = {
    "iterate": True,
    "reverse": False,
    "return_initial_states": False,
    "n_steps": None,
    "batch_size": None,
    "low_memory": False,
}
"""Keyword arguments that every recurrent application accepts, with their defaults."""

VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@overload
def recurrent(step: Callable[..., Any], /) -> Application: ...
@overload
def recurrent(**attributes: object) -> Callable[[Callable[..., Any]], Application]: ...
def recurrent(step: Callable[..., Any] | None = None, /, **attributes: object) -> Any:
    """Convert a method that computes one step into an application for whole sequences.

    Parameters
    ----------
    sequences : list of str
        Arguments of the step that are elements of sequences.
    states : list of str
        Arguments of the step that are states, that is, outputs of the previous step.
    contexts : list of str
        Arguments of the step that are the same in every step.
    outputs : list of str
        Names of the outputs of the step. A new state has the same name as the old state.
    **attributes
        Attributes of the application, as in `workbench.bricks.application`. Properties or a
        delegate of the application can also provide attributes.

    Returns
    -------
    Application
        An application that accepts the arguments of the step; sequences have time as an
        additional first dimension. It also accepts the keyword arguments ``iterate=True``,
        ``reverse=False``, ``return_initial_states=False``, ``n_steps``, ``batch_size`` and
        ``low_memory=False``:

        * With ``iterate=False`` it computes one step. Sequences are passed without the time
          dimension, and all states must be passed.
        * With ``reverse=True`` it iterates from the last time step to the first. The outputs are
          still in chronological order.
        * With ``return_initial_states=True`` the states have one more time step for the initial
          states, which come first (or last if ``reverse`` is True).
        * ``n_steps`` and ``batch_size`` are required only if there are no sequences.
        * With ``low_memory=True`` the memory for gradients grows with the square root of the
          length, at the cost of one more forward pass; see `workbench.scan`.

        States that are not passed are computed by the brick's method ``initial_states``. All other
        arguments are passed to every step unchanged.

    Raises
    ------
    SignatureError
        When the application is called, if an argument is missing or if there are too many
        arguments.
    ApplicationError
        When the application is called, if a state is not among the outputs, or if ``n_steps`` or
        ``batch_size`` is neither a whole number nor a variable.

    Examples
    --------
    >>> import torch
    >>> from workbench.bricks.recurrent import BaseRecurrent
    >>> class Sum(BaseRecurrent):
    ...     @recurrent(sequences=["inputs"], states=["total"], contexts=[], outputs=["total"])
    ...     def apply(self, inputs, total=None):
    ...         return total + inputs
    ...     def get_dim(self, name):
    ...         return 1
    >>> x = torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1)
    >>> Sum().apply(x).flatten()
    tensor([1., 3., 6.])
    >>> Sum().apply(x, reverse=True).flatten()
    tensor([6., 5., 3.])
    >>> Sum().apply(x, total=torch.ones(1, 1), return_initial_states=True).flatten()
    tensor([1., 2., 4., 7.])
    """
    if step is None:
        return lambda step: _application(step, attributes)
    return _application(step, attributes)


def _application(step: Callable[..., Any], attributes: dict[str, Any]) -> Application:
    signature = inspect.signature(step)
    own = [p for p in list(signature.parameters.values())[1:] if p.name not in SPECIAL]
    wanted = [name for name in SPECIAL if name in signature.parameters]
    named = [p.name for p in own if p.kind not in VARIADIC]
    required = [p.name for p in own if p.kind not in VARIADIC and p.default is p.empty]

    @functools.wraps(step)
    def apply(
        brick: Any, *args: Any, application: Any, application_call: Any, **kwargs: Any
    ) -> Any:
        controls = {name: kwargs.pop(name, default) for name, default in CONTROLS.items()}
        order = named or [*_names(application, "sequences"), *_names(application, "contexts")]
        if len(args) > len(order):
            raise SignatureError(
                f"{application.path} accepts {len(order)} positional "
                f"argument{'s' * (len(order) != 1)} ({', '.join(order)}), not {len(args)}"
            )
        given = {**dict(zip(order, args, strict=False)), **kwargs}
        present = {name for name, value in given.items() if value is not None}
        states = _names(application, "states")
        needed = dict.fromkeys([*required, *states])
        if controls["iterate"]:
            needed = dict.fromkeys(name for name in required if name not in states)
        missing = [name for name in needed if name not in present]
        if missing:
            hint = (
                ""
                if controls["iterate"]
                else ", because a single step (iterate=False) requires all states"
            )
            raise SignatureError(f"{application.path} requires {', '.join(missing)}{hint}")
        if controls["iterate"]:
            given = {name: given[name] for name in given if name in present}
            contexts = _names(application, "contexts")
            return _iterate(application, application_call, given, controls, contexts)
        special = {"application": application, "application_call": application_call}
        return step(brick, **{name: special[name] for name in wanted}, **given)

    vars(apply)["__signature__"] = _with_controls(signature, own)
    if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in own):
        attributes = {"inputs": named, **attributes}
    return Application(apply, **attributes)


def over_sequences(
    application: BoundApplication,
    call: ApplicationCall,
    given: Mapping[str, Any],
    contexts: Sequence[str],
) -> list[Variable]:
    """Apply an application to whole sequences, given its arguments by name.

    The step is `application` with ``iterate=False``.

    Parameters
    ----------
    application : BoundApplication
        An application with the attributes of a `recurrent` application.
    call : ApplicationCall
        The current call of the application.
    given : dict
        The arguments, including those in `CONTROLS`, by name; ``None`` means that an argument is
        missing.
    contexts : sequence of str
        The contexts of the step: the contexts of the application, and possibly additional contexts.

    Returns
    -------
    list of Variable
        The outputs, in the order of ``application.outputs``.
    """
    controls = {name: given.get(name, default) for name, default in CONTROLS.items()}
    present = {n: v for n, v in given.items() if n not in CONTROLS and v is not None}
    return _iterate(application, call, present, controls, contexts)


def _with_controls(signature: inspect.Signature, own: list[inspect.Parameter]) -> inspect.Signature:
    """Return the signature of the step with `CONTROLS` added and all arguments optional."""
    first = next(iter(signature.parameters.values()))
    optional = [p if p.kind in VARIADIC else p.replace(default=None) for p in own]
    rest = [p for p in optional if p.kind is inspect.Parameter.VAR_KEYWORD]
    front = [p for p in optional if p not in rest]
    if rest and not front:
        front = [inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)]
    keyword = inspect.Parameter.KEYWORD_ONLY
    special = [inspect.Parameter(name, keyword) for name in SPECIAL]
    # If the step accepts arbitrary keyword arguments, the controls are passed as such arguments,
    # so that they do not become named inputs.
    controls = [inspect.Parameter(n, keyword, default=d) for n, d in CONTROLS.items()]
    return signature.replace(parameters=[first, *front, *special, *(rest or controls)])


def _names(application: BoundApplication, attribute: str) -> list[str]:
    return list(getattr(application, attribute, ()))


def _iterate(
    application: BoundApplication,
    call: ApplicationCall,
    given: Mapping[str, Any],
    controls: Mapping[str, Any],
    context_names: Sequence[str],
) -> list[Variable]:
    state_names = _names(application, "states")
    outputs = _names(application, "outputs")
    absent = [name for name in state_names if name not in outputs]
    if absent:
        raise ApplicationError(
            f"{application.path}: the outputs ({', '.join(outputs)}) must include every state, "
            "because the step returns the new value of each state, but they omit "
            f"{', '.join(absent)}; write @recurrent(..., outputs={[*outputs, *absent]})"
        )
    sequences = _variables(given, _names(application, "sequences"))
    contexts = _variables(given, context_names)
    n_steps = controls["n_steps"]
    for name in ("n_steps", "batch_size"):
        _check_number(application, name, controls[name])
    if n_steps is None and not sequences:
        raise SignatureError(
            f"{application.path} was called without sequences, so it requires n_steps, and "
            "batch_size unless all states are passed"
        )
    states = _initial_states(application, given, state_names, sequences, controls["batch_size"])
    loop = {**sequences, **states, **contexts}
    rest = {name: value for name, value in given.items() if name not in loop}
    order = [*state_names, *(name for name in outputs if name not in state_names)]

    def step(*values: Variable) -> list[Variable]:
        now = dict(zip(loop, values, strict=True))
        results = application(iterate=False, as_dict=True, **now, **rest)
        call.inner_inputs = list(values)
        call.inner_outputs = [results[name] for name in outputs]
        return [results[name] for name in order]

    results = scan(
        step,
        sequences=list(sequences.values()),
        states=list(states.values()),
        contexts=list(contexts.values()),
        n_steps=n_steps,
        reverse=controls["reverse"],
        low_memory=controls["low_memory"],
    )
    computed = dict(zip(order, results, strict=True))
    if controls["return_initial_states"]:
        for name, state in states.items():
            parts: Any = [state.unsqueeze(0), computed[name]]
            joined: Any = torch.cat(parts[::-1] if controls["reverse"] else parts)
            computed[name] = joined
    return [computed[name] for name in outputs]


def _check_number(application: BoundApplication, name: str, value: Any) -> None:
    if not (value is None or isinstance(value, Variable) or (is_whole(value) and value >= 0)):
        raise ApplicationError(
            f"{application.path}: {name} is {value!r}, but must be a whole number >= 0 or a "
            "variable, such as x.shape[0]"
        )


def _variables(given: Mapping[str, Any], names: Sequence[str]) -> dict[str, Variable]:
    return {name: as_variable(given[name]) for name in names if name in given}


def _initial_states(
    application: BoundApplication,
    given: Mapping[str, Any],
    names: list[str],
    sequences: Mapping[str, Variable],
    batch_size: Any,
) -> dict[str, Variable]:
    """Return the initial states in the order of `names`; the brick computes missing states."""
    states = _variables(given, names)
    missing = [name for name in names if name not in states]
    if not missing:
        return {name: states[name] for name in names}
    if batch_size is None:
        sizes = [v.shape[1] for v in sequences.values() if v.ndim > 1]
        sizes += [v.shape[0] for v in states.values() if v.ndim]
        if not sizes:
            raise SignatureError(
                f"{application.path} cannot infer the batch size for the initial states; "
                f"pass batch_size=..., or pass {', '.join(missing)}"
            )
        batch_size = sizes[0]
    brick: Any = application.brick
    made = by_name(brick.initial_states, names, batch_size, **given)
    unmade = [name for name in missing if name not in made]
    if unmade:
        raise ApplicationError(
            f"{brick.path()}.initial_states returns {', '.join(made) or 'nothing'}, but "
            f"{application.path} also requires {', '.join(unmade)}; return every state from "
            "initial_states, or pass the missing states to the application"
        )
    return {name: states[name] if name in states else as_variable(made[name]) for name in names}
