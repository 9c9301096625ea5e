"""Functions: callables that check their inputs, run a program and apply updates."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypedDict

import torch

from workbench import errors
from workbench.config import config
from workbench.hints import hinted
from workbench.tensor.arguments import Expected, equal_sizes, ties_of
from workbench.tensor.execution import Execution, Guard, Mode, Task, Watch
from workbench.tensor.execution.tier import TIERS
from workbench.tensor.inputs import as_variable
from workbench.tensor.lowering import lower
from workbench.tensor.shared import SharedVariable, WriterLock, check_set, check_values, together
from workbench.tensor.traversal import ancestors, replace
from workbench.tensor.updates import Updates, checked_givens, checked_updates, default_updates
from workbench.tensor.variable import Variable

CACHED_KINDS = 1000
"""Maximum number of combinations of shapes, dtypes and devices with cached checks."""


class FunctionOptions(TypedDict, total=False):
    """Arguments of `workbench.function` other than inputs, outputs and updates."""

    givens: Mapping[Variable, Any] | Iterable[tuple[Variable, Any]]
    name: str | None
    on_unused_input: Literal["raise", "warn", "ignore"]
    guard: Guard | None
    watch: Watch | None
    execution: Mode | None


class Function:
    """A callable that computes the outputs of a graph and applies its updates.

    Functions are created by `workbench.function`.

    Attributes
    ----------
    inputs : list of Variable
    outputs : list of Variable
    updates : dict of SharedVariable to Variable
        The new values of shared variables, which are assigned at the end of every call. All of
        them are computed from the old values.
    program : Program
        The lowered graph.
    execution : Execution
        The tier that the program runs in, and the reason for this choice.

    Examples
    --------
    >>> import workbench as wb
    >>> from workbench import tensor
    >>> x, total = tensor.scalar("x"), wb.shared(0.0, "total")
    >>> add = wb.function([x], 2 * x, updates={total: total + x})
    >>> isinstance(add, Function), add.inputs, add.updates
    (True, [x], {total: add})
    >>> add(3), total.get_value()
    (tensor(6.), array(3., dtype=float32))
    """

    def __init__(
        self,
        inputs: Sequence[Variable],
        outputs: Variable | Sequence[Variable],
        updates: Mapping[SharedVariable, Variable],
        name: str | None,
        guard: Guard | None,
        watch: Watch | None,
        execution: Mode | None,
    ) -> None:
        self.inputs = list(inputs)
        self.outputs = [outputs] if isinstance(outputs, Variable) else list(outputs)
        self.updates = dict(updates)
        self.name = name
        self._single = isinstance(outputs, Variable)
        self.program = lower(self.inputs, self.outputs, list(self.updates.values()))
        self._expected = [Expected(v) for v in self.inputs]
        self._ties = ties_of(self._expected)
        self._by_name = {v.name: i for i, v in enumerate(self.inputs) if v.name is not None}
        self._touched = {*self.program.shared, *self.updates}
        self._unset = [v for v in self.program.shared if v.unset]
        self._generation = -1
        self._locks = together(())
        self._fitting: dict[tuple[Any, ...], tuple[int, ...]] = {}
        task = Task(
            self.program,
            list(self.updates),
            len(self.outputs),
            guard,
            watch,
            [] if watch is None else self._places(watch.variables),
            equal_sizes(self._expected, self._ties),
            config.precision,
            self.outputs,
        )
        self.execution = Execution(task, _mode(execution or config.execution), repr(self))
        if self.updates:
            self._lock = WriterLock()
            for shared in self._touched:
                shared.writers.add(self._lock)
            WriterLock.generation += 1

    def __call__(self, *args: Any, **named: object) -> Any:
        """Compute the outputs and apply the updates.

        Inputs are passed by position, in the order of `inputs`, or by name.

        Returns
        -------
        torch.Tensor or list of torch.Tensor
            A single tensor if `outputs` is a single variable, or a list otherwise.

        Raises
        ------
        InputError
            If an input is missing, unknown or given twice, or if there are too many inputs.
        ShapeError, DtypeError
            If a value does not match the shape or dtype of its input.
        ParameterError
            If a parameter has no value, because its brick has not been initialised.
        """
        if named or len(args) != len(self.inputs):
            args = self._in_order(args, named)
        # The code below runs for every batch. Its checks depend only on the kinds of the inputs
        # (shape, dtype and device), so they are cached.
        values = list(map(Expected.as_tensor, self._expected, args))
        if self._unset:  # parameters that had no value when the function was created
            check_set(self._unset)
            self._unset = []
        kinds = tuple([(value.shape, value.dtype, value.device) for value in values])
        sizes = self._fitting.get(kinds)
        if sizes is None:
            values, sizes = self._fit(values, kinds)
        run = self.execution.find(sizes)
        if self._generation != WriterLock.generation:  # a function with updates was created
            self._find_locks()
        with self._locks:
            outputs = run(values)
        return outputs[0] if self._single else list(outputs)

    def _fit(
        self, values: list[torch.Tensor], kinds: tuple[Any, ...]
    ) -> tuple[list[torch.Tensor], tuple[int, ...]]:
        """Convert `values` for the program, and return them with the sizes that can vary.

        If no value needs conversion, later calls with the same `kinds` skip this method.
        """
        fitting = [e.accept(value) for e, value in zip(self._expected, values, strict=True)]
        for first, axis, other, other_axis in self._ties:
            if values[first].shape[axis] != values[other].shape[other_axis]:
                self._refuse_tie(values, first, axis, other, other_axis)
        sizes = self.execution.task.sizes(fitting)
        if all(map(operator.is_, fitting, values)):
            if len(self._fitting) >= CACHED_KINDS:
                self._fitting.clear()
            self._fitting[kinds] = sizes
        return fitting, sizes

    def _places(self, watched: Sequence[Variable]) -> list[int]:
        """Return the positions of watched variables among all results."""
        results = [*self.outputs, *self.updates]
        places = {variable: place for place, variable in enumerate(results)}
        return [places[variable] for variable in watched]

    def _find_locks(self) -> None:
        self._generation = WriterLock.generation
        self._locks = together(lock for v in self._touched for lock in v.writers)

    def _in_order(self, args: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return positional and named values in the order of the inputs."""
        if len(args) > len(self.inputs):
            raise errors.InputError(
                f"the number of positional inputs of {self!r} must be at most {len(self.inputs)}, "
                f"not {len(args)}"
            )
        values = dict(enumerate(args))
        for name, value in named.items():
            if name not in self._by_name:
                raise errors.InputError(
                    f"{self!r} has no input named {name!r}{errors.nearest(name, self._by_name)}"
                )
            if self._by_name[name] in values:
                raise errors.InputError(f"{self!r} was given the input {name!r} twice")
            values[self._by_name[name]] = value
        missing = [repr(v) for i, v in enumerate(self.inputs) if i not in values]
        if missing:
            raise errors.InputError(f"{self!r} is missing a value for {', '.join(missing)}")
        return tuple(values[i] for i in range(len(self.inputs)))

    def _refuse_tie(self, values: Sequence[Any], i: int, axis: int, j: int, other: int) -> None:
        raise errors.ShapeError(
            f"{self!r}: dimension {axis} of {self.inputs[i]!r} has size {values[i].shape[axis]}, "
            f"but dimension {other} of {self.inputs[j]!r} has size {values[j].shape[other]}; the "
            "graph uses them together, so their sizes must be equal"
        )

    def __repr__(self) -> str:
        if self.name is not None:
            return self.name
        return f"function({', '.join(map(repr, self.inputs))})"


def _mode(given: str) -> str:
    """Return `given`; raise `InputError` unless it is ``'auto'`` or the name of a tier."""
    modes = ("auto", *TIERS)
    if given in modes:
        return given
    listed = f"{', '.join(map(repr, modes[:-1]))} or {modes[-1]!r}"
    raise errors.InputError(
        f"execution must be {listed}, not {given!r}{errors.nearest(given, modes)}"
    )


@hinted
def function(
    inputs: Sequence[Variable],
    outputs: Any = (),
    *,
    updates: Updates = (),
    givens: Mapping[Variable, Any] | Iterable[tuple[Variable, Any]] = (),
    name: str | None = None,
    on_unused_input: Literal["raise", "warn", "ignore"] = "raise",
    guard: Guard | None = None,
    watch: Watch | None = None,
    execution: Mode | None = None,
) -> Function:
    """Create a callable that computes outputs and updates from inputs.

    Parameters
    ----------
    inputs : sequence of Variable
        Inputs, in the order a call passes their values.
    outputs : Variable or sequence of Variable, optional
        Variables whose values a call returns.
    updates : dict or pairs, optional
        New values of shared variables, all computed from the old values.
    givens : dict or pairs, optional
        Variables to replace in this function, each with another variable or a value.
    name : str, optional
        Name of the function in error messages.
    on_unused_input : {'raise', 'warn', 'ignore'}
        How to treat an input that no output or update depends on.
    guard : Guard, optional
        Check of the outputs before updates are applied. If it raises an error, nothing changes.
    watch : Watch, optional
        Results that must be finite. If a result is not finite, nothing changes, and an error is
        raised.
    execution : {'auto', 'eager', 'compiled'}, optional
        The tier, by default ``config.execution``. ``'auto'`` starts in the eager tier and compiles
        in the background if this saves time. ``'compiled'`` compiles at the first call. See
        `workbench.explain`.

    Returns
    -------
    Function

    Raises
    ------
    InputError
        If the graph needs an input that is not listed or, by default, does not use a listed input.
    ShapeError, DtypeError
        If an update or a replacement does not match the shape or dtype of its variable.
    ParameterError
        If a parameter has no value, since it was allocated inside
        `workbench.bricks.symbolic_parameters`.

    Examples
    --------
    >>> from workbench import function, shared, tensor
    >>> x, w = tensor.vector("x"), shared([1.0, 2.0], "w")
    >>> f = function([x], (x * w).sum(), updates=[(w, w + x)])
    >>> f([1.0, 1.0]), f([1.0, 1.0])
    (tensor(3.), tensor(5.))
    """
    inputs = list(inputs)
    single = isinstance(outputs, Variable)
    roots = [outputs] if single else [as_variable(v) for v in outputs]
    pairs = checked_updates(updates)
    replacements = checked_givens(givens)
    if replacements:
        new = replace([*roots, *pairs.values()], replacements)
        roots = [new[v] for v in roots]
        pairs = {shared: new[v] for shared, v in pairs.items()}
    order = ancestors([*roots, *pairs.values()])
    check_values(v for v in (*order, *pairs) if isinstance(v, SharedVariable))
    pairs = {**default_updates(order, pairs), **pairs}
    _check_inputs(inputs, order, on_unused_input)
    return Function(inputs, roots[0] if single else roots, pairs, name, guard, watch, execution)


def _check_inputs(inputs: Sequence[Variable], order: Sequence[Variable], unused: str) -> None:
    if len(set(inputs)) != len(inputs):
        raise errors.InputError(f"an input is listed twice: {', '.join(map(repr, inputs))}")
    for variable in inputs:
        if not isinstance(variable, Variable):
            raise errors.InputError(f"inputs must be variables, not {variable!r}")
        if isinstance(variable, SharedVariable):
            raise errors.InputError(
                f"the shared variable {variable!r} cannot be an input, since it has a value; use "
                "givens to replace it with an input"
            )
    if unused == "ignore":
        return
    used = set(order)
    idle = [repr(v) for v in inputs if v not in used]
    if idle:
        message = (
            f"nothing depends on the input {' or '.join(idle)}; remove unused inputs, or "
            "pass on_unused_input='ignore'"
        )
        if unused == "raise":
            raise errors.InputError(message)
        warnings.warn(message, stacklevel=3)


def evaluate(variable: Variable, inputs: Mapping[Variable | str, Any]) -> Any:
    """Return the value of `variable`; this function implements `Variable.eval`."""
    if variable._evaluator is None:
        order = ancestors([variable])
        free = [v for v in order if v.owner is None and not isinstance(v, SharedVariable)]
        variable._evaluator = function(
            free, variable, name=f"eval of {variable!r}", execution="eager"
        )
    evaluator: Function = variable._evaluator
    values: dict[Variable, Any] = {}
    for key, value in inputs.items():
        if isinstance(key, str) and key not in evaluator._by_name:
            raise errors.InputError(
                f"{variable!r} does not depend on an input named {key!r}"
                f"{errors.nearest(key, evaluator._by_name)}"
            )
        target = evaluator.inputs[evaluator._by_name[key]] if isinstance(key, str) else key
        if target not in set(evaluator.inputs):
            raise errors.InputError(f"{variable!r} does not depend on {target!r}")
        values[target] = value
    missing = [repr(v) for v in evaluator.inputs if v not in values]
    if missing:
        raise errors.InputError(f"eval of {variable!r} is missing a value for {', '.join(missing)}")
    return evaluator(*[values[v] for v in evaluator.inputs])
