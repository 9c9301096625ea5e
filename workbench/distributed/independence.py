"""A numerical check that the cost of a batch can be computed from the costs of its parts.

The rules in `workbench.distributed.whole` are inferred from the graph, which does not show whether
a wrapped module, a brick or a function of torch combines the examples of a batch. Therefore, before
the first step, every process computes the cost of a few examples twice: of all of them together, as
one process does, and combined from two unequal parts, as several processes do. The program runs on
both parts side by side, with sums over the parts in place of sums over processes, so there are no
messages. The values and the gradients agree only if the cost treats examples independently.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import fx

from workbench import errors
from workbench.bricks.module_call import EVALUATED, STILL_DRAWS, ModuleCall
from workbench.distributed.statistics import batch_statistics
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.arguments import Expected
from workbench.tensor.collectives import Collective
from workbench.tensor.lowering import _differentiate, lower
from workbench.tensor.program import Program
from workbench.tensor.variable import Call

EXAMPLES = 8
"""The largest number of examples to compare."""
TF32 = 2.0**-10
"""The relative precision of convolutions on CUDA devices, where torch uses TF32 by default."""
NOISE = 100.0
"""Tolerance, as a multiple of the change that a relative change of all numbers by epsilon makes."""

COUPLED = (
    "the cost {name!r} combines the examples of a batch, so several processes would train on "
    "another cost than one process: {difference}{place}. Train in one process; or compute the "
    "outputs for each example independently, and the cost from means and sums over the examples; "
    "for statistics of the batch, use the brick BatchNormalization; or set "
    "tag.aggregation_scheme of the cost to Mean(numerator, denominator)"
)
VALUES = (
    "for the same {n} examples, it is {together:.6g} if they are computed together, but "
    "{apart:.6g} if it is combined from parts of {first} and {second} examples"
)
SLOPES = (
    "for the same {n} examples, its value is {together:.6g}, but its gradient differs by "
    "{ratio:.1%} if it is combined from parts of {first} and {second} examples"
)
FAILS = (
    "the cost {name!r} cannot be computed for a part of a batch, so a batch cannot be divided "
    "among processes: computing it succeeds for {n} examples, but fails for {part} of them "
    "({error}){place}. Train in one process, or compute the outputs for each example independently"
)
PLACE = "; the first value that depends on the other examples is {name!r}{path}"
FAILED_AT = "; it fails in {name!r}{path}"
WITHIN = ", in {path}"
LAYER = (
    "; the first value that depends on the other examples is the output of layer {layer!r} "
    "({kind}) of the wrapped module{path}"
)

NOT_FINITE = "the cost is not finite"
DOUBTS = (None, EVALUATED, STILL_DRAWS)
STOPS = "computing it for {n} examples fails: {error}"


class Examples:
    """Some examples of a batch, and two unequal parts of them.

    Parameters
    ----------
    batch : dict
    inputs : list of Variable
        The inputs of the cost; their names are sources of the batch.
    axis_of : callable
        Returns the example axis of a source, or None if all processes read the whole source.

    Attributes
    ----------
    sizes : list of int
        The number of all examples, and the numbers in the parts.
    values : list of list of torch.Tensor
        The value of each input for all examples, and for the parts.
    """

    def __init__(
        self,
        batch: Mapping[str, Any],
        inputs: Sequence[Variable],
        axis_of: Callable[[str], int | None],
    ) -> None:
        expected = list(map(Expected, inputs))
        axes = [axis_of(str(one.name)) for one in inputs]
        given = [one.as_tensor(batch[str(one.variable.name)]) for one in expected]
        pairs = list(zip(given, axes, strict=True))
        total = min((int(v.shape[axis]) for v, axis in pairs if axis is not None), default=0)
        n = min(total, EXAMPLES)
        first = n // 2 + (n > 2)
        self.sizes = [n, first, n - first]
        # Neighbours may be alike, for example in sorted data.
        chosen = torch.arange(n) * (total // max(n, 1))
        self.values: list[list[torch.Tensor]] = []
        for one, (value, axis) in zip(expected, pairs, strict=True):
            if axis is None:
                self.values.append([one.accept(value)] * 3)
                continue
            every = one.accept(value.index_select(axis, chosen.to(value.device)))
            self.values.append([every, *every.split([first, n - first], axis)])

    def places(self) -> list[torch.Tensor]:
        """Return the first example and the size of the batch, for all examples and each part."""
        n, first, _ = self.sizes
        return [torch.tensor(one) for one in ([0, n], [0, n], [first, n])]


def check_independence(
    cost: Variable,
    whole: Variable,
    inputs: Sequence[Variable],
    examples: Examples,
    parameters: Sequence[SharedVariable],
    place: SharedVariable,
) -> str | None:
    """Check that a cost of a batch can be computed from its parts.

    Parameters
    ----------
    cost : Variable
        The cost of a share.
    whole : Variable
        The cost of the whole batch, as several processes compute it.
    inputs : list of Variable
    examples : Examples
    parameters : list of SharedVariable
        The variables whose gradients are compared.
    place : SharedVariable
        The variable whose first two elements are the index of the first example of a share, and the
        number of examples in the batch.

    Returns
    -------
    str or None
        The reason if the cost could not be checked.

    Raises
    ------
    AlgorithmError
        If the values or the gradients differ by more than rounding errors.
    """
    n, first, second = examples.sizes
    program = lower(inputs, [cost, whole])
    runs = _Runs(program, examples, parameters, place)
    try:
        one = runs([0])
    except _FailedError as failed:
        return STOPS.format(n=n, error=failed.error)
    value = one.roots[0]
    if one.doubt == STILL_DRAWS:
        return one.doubt
    if not value.isfinite():
        return NOT_FINITE
    try:
        two = runs([1, 2])
    except _FailedError as failed:
        said = f"{type(failed.error).__name__}: {failed.error}"
        text = FAILS.format(
            name=str(cost), n=n, part=examples.sizes[failed.index + 1], error=said,
            place=_at(program, failed.node, FAILED_AT),
        )  # fmt: skip
        raise errors.AlgorithmError(text) from failed.error
    other = two.roots[1]
    facts: dict[str, Any] = {"n": n, "first": first, "second": second}
    facts.update(together=value.item(), apart=other.item())
    tolerance = one.tolerance
    near = _distance(value, other) <= tolerance * abs(value.item())
    slope, slope_of_two = one.slope(value), two.slope(other)
    scale, away = float(slope.norm()), _distance(slope, slope_of_two)
    near_slope = away <= tolerance * scale or not math.isfinite(scale)
    if near and near_slope:
        return one.doubt
    moved = runs([0], one.epsilon)  # shows the effect of rounding errors
    if not near:
        near = _distance(value, other) <= NOISE * _distance(value, moved.roots[0])
    if not near_slope:
        near_slope = away <= NOISE * _distance(slope, moved.slope(moved.roots[0]))
    if near and near_slope:
        return one.doubt
    difference = (SLOPES if near else VALUES).format(**facts, ratio=away / max(scale, 1e-300))
    found = COUPLED.format(name=str(cost), difference=difference, place=_culprit(program, one, two))
    raise errors.AlgorithmError(found)


class _FailedError(Exception):
    """Error of an operation in one of several runs."""

    def __init__(self, node: fx.Node, index: int, error: Exception) -> None:
        super().__init__(str(error))
        self.node, self.index, self.error = node, index, error


class _Runs:
    """Runs of a program on all examples, or on both parts side by side."""

    def __init__(
        self,
        program: Program,
        examples: Examples,
        parameters: Sequence[SharedVariable],
        place: SharedVariable,
    ) -> None:
        self.program, self.examples, self.place = program, examples, place
        self.trained = set(parameters)
        self.gathered: dict[fx.Node, torch.Tensor] = {}

    def __call__(self, which: Sequence[int], change: float = 0.0) -> _Run:
        """Run the program on the examples with the given indices: 0 for all, 1 and 2 for the parts.

        All inputs and parameters get a relative change of up to `change`.
        """
        run = _Run(self.program, len(which), self.gathered, change)
        places = self.examples.places()
        known: dict[SharedVariable, list[Any]] = {}
        for variable in self.program.shared:
            value = variable.tensor.detach()
            if variable is self.place:
                known[variable] = [places[i].to(value.device) for i in which]
            else:
                own = run.leaf(value) if variable in self.trained else value
                known[variable] = [own] * len(which)
        inputs = [[run.changed(every[i]) for i in which] for every in self.examples.values]
        leaves = [known[variable] for variable in self.program.leaves]
        with torch.enable_grad():
            run.compute([*inputs, *known.values(), *leaves])
        return run


class _Run:
    """The values of all nodes of a program, for one or two sets of examples.

    Attributes
    ----------
    values : dict
        A list of the values of each node, one for each set.
    layers : dict
        The outputs of the layers of wrapped modules: for each node and each set, a list of the
        name of the layer, its kind and its output.
    roots : list of torch.Tensor
        The results of the program.
    doubt : str or None
        The way in which a wrapped module was not run as in training.
    """

    def __init__(
        self, program: Program, count: int, gathered: dict[fx.Node, torch.Tensor], change: float
    ) -> None:
        self.program, self.count, self.gathered, self.change = program, count, gathered, change
        self.generator = torch.Generator().manual_seed(1)
        self.values: dict[fx.Node, list[Any]] = {}
        self.layers: dict[fx.Node, list[list[tuple[str, str, Any]]]] = {}
        self.leaves: list[torch.Tensor] = []
        self.roots: list[torch.Tensor] = []
        self.doubt: str | None = None

    def changed(self, value: torch.Tensor) -> torch.Tensor:
        """Return a value that is a little nearer to 0."""
        if not self.change or not value.is_floating_point():
            return value
        share = torch.rand(value.shape, generator=self.generator).to(value.device, value.dtype)
        return value * (1 - self.change * share)

    def leaf(self, value: torch.Tensor) -> torch.Tensor:
        """Return a version of `value` whose gradient is compared."""
        if not value.is_floating_point():
            return value
        self.leaves.append(self.changed(value).detach().requires_grad_())
        return self.leaves[-1]

    @property
    def epsilon(self) -> float:
        """The relative precision of the least precise value."""
        kinds = {value.dtype for value in self._tensors() if value.is_floating_point()}
        return max((torch.finfo(kind).eps for kind in kinds), default=0.0)

    @property
    def tolerance(self) -> float:
        """The relative difference that rounding errors may cause."""
        rounded = TF32 if any(value.is_cuda for value in self._tensors()) else 0.0
        return math.sqrt(max(self.epsilon, rounded))

    def _tensors(self) -> list[torch.Tensor]:
        return [value for [value, *_] in self.values.values() if isinstance(value, torch.Tensor)]

    def slope(self, value: torch.Tensor) -> torch.Tensor:
        """Return the gradient of a value with respect to all leaves, as a vector."""
        if not value.requires_grad or not self.leaves:
            return torch.zeros(1)
        found = torch.autograd.grad(value, self.leaves, allow_unused=True)
        parts = [
            torch.zeros(leaf.numel()) if one is None else one.detach().double().reshape(-1).cpu()
            for one, leaf in zip(found, self.leaves, strict=True)
        ]
        return torch.cat(parts)

    def compute(self, arguments: Sequence[list[Any]]) -> None:
        """Compute the values of all nodes that others use."""
        given = iter(arguments)
        for node in self.program.graph.nodes:
            if node.op == "placeholder":
                self.values[node] = next(given)
            elif node.op == "get_attr":
                self.values[node] = [getattr(self.program.module, node.target)] * self.count
            elif node.op == "output":
                self.roots = [self.values[root][0] for root in node.args[0]]
            elif node.users:  # otherwise it only switches the autograd mode or calls a hook
                self.values[node] = self._computed(node)

    def _computed(self, node: fx.Node) -> list[Any]:
        all_args, all_kwargs = zip(
            *(self._arguments(node, i) for i in range(self.count)), strict=True
        )
        function: Any = node.target
        if isinstance(function, Collective):
            return self._exchanged(node, [args[0] for args in all_args])
        if function is batch_statistics:
            return [_statistics([args[0] for args in all_args], all_args[0][1])] * self.count
        results = []
        for i, (args, kwargs) in enumerate(zip(all_args, all_kwargs, strict=True)):
            try:
                results.append(self._one(node, args, kwargs))
            except Exception as error:
                raise _FailedError(node, i, error) from error
        return results

    def _one(self, node: fx.Node, args: Any, kwargs: Any) -> Any:
        function: Any = node.target
        if node.op == "call_method":
            return getattr(args[0], function)(*args[1:], **kwargs)
        if function is _differentiate:  # keep what a gradient of the result needs
            return _differentiate(args[0], args[1], args[2], True, True)
        if not isinstance(function, ModuleCall):
            return function(*args, **kwargs)
        names = {module: name for name, module in function.structure.named_modules()}
        seen: list[tuple[str, str, Any]] = []

        def look(module: torch.nn.Module, _: Any, output: Any) -> None:
            if names.get(module):
                seen.append((names[module], type(module).__name__, output))

        hook = torch.nn.modules.module.register_module_forward_hook(look)
        try:
            result, doubt = function.without_draws(*args)
        finally:
            hook.remove()
        self.doubt = max(self.doubt, doubt, key=DOUBTS.index)
        self.layers.setdefault(node, []).append(seen)
        return result

    def _arguments(self, node: fx.Node, i: int) -> tuple[Any, Any]:
        return fx.map_arg((node.args, node.kwargs), lambda one: self.values[one][i])

    def _exchanged(self, node: fx.Node, values: list[torch.Tensor]) -> list[torch.Tensor]:
        """Return the sum over all sets, or the rows that all processes really have."""
        function: Any = node.target
        if function.__name__ != "all_gather":
            return [sum(values[1:], values[0])] * self.count
        if node not in self.gathered:
            args, _ = self._arguments(node, 0)
            self.gathered[node] = function(*args).detach()
        return [self.leaf(self.gathered[node])] * self.count


def _statistics(parts: Sequence[torch.Tensor], axes: Sequence[int]) -> Any:
    """Return the variance and the mean of all parts."""
    other = parts[-1].shape
    axis = next((axis for axis in axes if parts[0].shape[axis] != other[axis]), axes[0])
    return torch.var_mean(torch.cat(list(parts), axis), list(axes), correction=0, keepdim=True)


def _distance(one: torch.Tensor, two: torch.Tensor) -> float:
    """Return the norm of a difference, or infinity if it is not finite."""
    found = float((one.detach() - two.detach()).norm())
    return found if math.isfinite(found) else math.inf


def _culprit(program: Program, one: _Run, two: _Run) -> str:
    """Return the first variable or layer whose rows differ, as the end of a sentence."""
    tolerance = one.tolerance
    for node, [value] in one.values.items():
        if node not in program.origin or not _differ(value, two.values[node], tolerance):
            continue
        layers = zip(*[*one.layers.get(node, []), *two.layers.get(node, [])], strict=False)
        for (layer, kind, every), *others in layers:
            if _differ(every, [part for _, _, part in others], tolerance):
                return LAYER.format(layer=layer, kind=kind, path=_path(program.origin[node]))
        return _at(program, node, PLACE)
    return ""


def _at(program: Program, node: fx.Node, text: str) -> str:
    call = program.origin.get(node)
    if call is None:
        return ""
    [name, *_] = [*(one.name for one in call.outputs if one.name), call.name]
    return text.format(name=name, path=_path(call))


def _path(call: Call) -> str:
    return WITHIN.format(path=call.location[-1]) if call.location else ""


def _differ(every: Any, parts: Sequence[Any], tolerance: float) -> bool:
    """Return True if rows of tensors, which may be nested, differ from the rows of the parts."""
    if isinstance(every, (list, tuple)):
        return any(
            _differ(one, several, tolerance) for one, *several in zip(every, *parts, strict=False)
        )
    if not isinstance(every, torch.Tensor) or not every.numel():
        return False
    sizes = [part.shape for part in parts]
    axes = [
        axis for axis, size in enumerate(every.shape) if any(size != one[axis] for one in sizes)
    ]
    if not axes:  # it is not divided
        return False
    if len(axes) > 1 or sum(size[axes[0]] for size in sizes) != every.shape[axes[0]]:
        return True
    kind = torch.complex128 if every.is_complex() else torch.float64
    value = every.detach().to(kind)
    away = torch.cat(list(parts), axes[0]).detach().to(kind) - value
    largest, farthest = (one.abs().nan_to_num(nan=0.0, posinf=0.0).max() for one in (value, away))
    return bool(farthest > tolerance * largest)
