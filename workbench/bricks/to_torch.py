"""Conversion of bricks to modules that consist of torch layers.

A brick whose class defines `Brick._torch_layer` becomes the layer that this method returns. Any
other brick is converted through the graph of its application: a chain of bricks becomes a
``torch.nn.Sequential``, and any other structure, such as a residual connection, becomes a
``torch.fx.GraphModule``, whose code torch generates. Neither requires this package.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import fx, nn

from workbench.bricks.application_body import Body
from workbench.errors import BrickError
from workbench.graph.annotations import ApplicationCall, get_application_call
from workbench.graph.hierarchy import get_brick
from workbench.roles import PARAMETER, has_roles
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.indexing import AS_TORCH
from workbench.tensor.lowering import LITERALS, METHODS
from workbench.tensor.scan import Loop
from workbench.tensor.shared import check_set, together
from workbench.tensor.structure import map_structure
from workbench.tensor.traversal import ancestors
from workbench.tensor.variable import Call, identity

M = TypeVar("M", bound=nn.Module)

NOT_CONVERTED = (
    "{path}: {brick} cannot be converted to torch layers, because {reason}; Model(...)"
    ".to_module() converts a graph of this brick to a module with the same parameters as the brick"
)
TAKEN = frozenset({*dir(fx.GraphModule), *dir(nn.Sequential), *vars(nn.Module())})
"""Names of module attributes, which cannot be used as names of layers."""


@dataclass(frozen=True)
class TorchCall:
    """Application of a brick that a torch layer must reproduce.

    Attributes
    ----------
    method : str
        The name of the application method.
    options : dict
        The arguments of the call that are numbers, strings or Booleans, by name.
    inputs : tuple of str
        The names of the inputs, in order.
    outputs : tuple of str
        The names of the outputs that are needed, in order.
    """

    method: str
    options: Mapping[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def plain(self) -> bool:
        """True if ``apply`` is called with one input, one output and no options."""
        sizes = len(self.inputs), len(self.outputs)
        return self.method == "apply" and not self.options and sizes == (1, 1)


def layer_of(
    kind: Callable[..., M],
    *args: Any,
    values: Mapping[str, torch.Tensor],
    options: Mapping[str, Any] | None = None,
    frozen: Iterable[str] = (),
) -> M:
    """Create a torch layer with copies of the given values, without drawing random numbers.

    Parameters
    ----------
    kind : type
        The class of the layer.
    *args
        Positional arguments of the class.
    values : dict of str to torch.Tensor
        The values of all parameters and buffers, by name.
    options : dict, optional
        Keyword arguments of the class.
    frozen : iterable of str, optional
        The names of parameters that do not require gradients.

    Examples
    --------
    >>> layer_of(nn.Linear, 2, 1, values={"weight": torch.ones(1, 2), "bias": torch.zeros(1)})
    Linear(in_features=2, out_features=1, bias=True)
    """
    like = next(value for value in values.values() if value.dtype.is_floating_point)
    layer = kind(*args, **(options or {}), device="meta", dtype=like.dtype)
    layer.to_empty(device=like.device)
    held = {**dict(layer.named_parameters()), **dict(layer.named_buffers())}
    if set(held) != set(values):
        raise BrickError(
            f"{layer} has the parameters and buffers {', '.join(held)}, but values were given for "
            f"{', '.join(values)}"
        )
    with torch.no_grad():
        for name, value in values.items():
            held[name].copy_(value)
    for name in frozen:
        held[name].requires_grad_(False)
    return layer


def value_of(variable: Variable) -> torch.Tensor:
    """Return a copy of a shared variable's value."""
    assert isinstance(variable, SharedVariable)
    with together(variable.writers):
        return variable.tensor.detach().clone()


def refusal(brick: Any, reason: str) -> BrickError:
    """Return the error for a brick that cannot be converted; `reason` follows "because"."""
    return BrickError(
        NOT_CONVERTED.format(path=brick.path(), brick=type(brick).__name__, reason=reason)
    )


def converted(brick: Any, given: Sequence[Variable], results: Sequence[Variable]) -> nn.Module:
    """Convert an application of a brick to a module.

    Parameters
    ----------
    brick : Brick
    given : sequence of Variable
        The inputs of the application, in the order of the module's arguments.
    results : sequence of Variable
        Outputs of one application of the brick to these inputs, in evaluation mode.

    Raises
    ------
    BrickError
        If a brick computes something that torch's layers and functions cannot express.
    ParameterError
        If a parameter is not initialised.
    """
    check_set([v for v in ancestors(results) if isinstance(v, SharedVariable)])
    call = get_application_call(results[0])
    assert call is not None
    as_written: set[Any] = set()
    while True:
        conversion = _Conversion(as_written)
        module = conversion.module(call, list(results), list(given))
        # A parameter that is also used outside its layer must remain one parameter.
        shared = {brick for v, brick in conversion.in_layers.items() if v in conversion.values}
        if not shared:
            return module
        as_written |= shared


class _Conversion:
    def __init__(self, as_written: set[Any]) -> None:
        self.as_written = as_written  # bricks that must not become a layer
        self.modules: dict[Any, nn.Module] = {}
        self.values: dict[SharedVariable, torch.Tensor] = {}
        self.in_layers: dict[SharedVariable, Any] = {}

    def module(
        self, call: ApplicationCall, outputs: list[Variable], given: list[Variable] | None = None
    ) -> nn.Module:
        """Return the module for some outputs of a call; `given` lists the inputs of the module."""
        body = Body(call, outputs)
        inputs = body.inputs if given is None else body.inputs_for(given)
        brick = call.application.brick
        what = TorchCall(
            call.application.name,
            {name: v for name, v in call.options.items() if v is not False},
            tuple(name for name, _ in inputs),
            tuple(str(v.tag.name) for v in outputs),
        )
        key = brick, what.method, tuple(what.options.items()), what.inputs, what.outputs
        if key not in self.modules:
            layer = None
            if "_torch_layer" in vars(type(brick)) and brick not in self.as_written:
                layer = brick._torch_layer(what)
            if layer is None:
                layer = self._chain(body, inputs) or self._graph(body, inputs)
            else:
                self._hold(brick)
            self.modules[key] = layer
        return self.modules[key]

    def _hold(self, brick: Any) -> None:
        """Record that the layer for `brick` also contains the parameters of all its descendants."""
        for part in (brick, *_descendants(brick)):
            for parameter in part.parameters:
                if parameter in self.in_layers:
                    raise refusal(brick, "it is applied in two ways that need different layers")
                self.in_layers[parameter] = brick

    def _chain(self, body: Body, inputs: list[tuple[str, Variable]]) -> nn.Module | None:
        """Return a sequence of modules, or None if the inner applications are not a chain."""
        if len(inputs) != 1 or len(body.outputs) != 1:
            return None
        units: list[tuple[ApplicationCall, Variable]] = []
        variable = body.outputs[0]
        while variable is not inputs[0][1]:
            inner = body.unit_of(variable)
            if inner is not None:
                before = body.boundary(variable, inner)
                if len(before) != 1 or len(body.used[inner]) != 1:
                    return None
                units.insert(0, (inner, variable))
                (variable,) = before.values()
            elif variable.owner is not None and variable.owner.function is identity:
                variable = variable.owner.inputs[0]
            else:
                return None
        if not units:
            return nn.Identity()
        sequence = nn.Sequential()
        for inner, variable in units:
            name = _free(inner.application.brick.name, sequence._modules)
            sequence.add_module(name, self.module(inner, [variable]))
        return sequence

    def _graph(self, body: Body, inputs: list[tuple[str, Variable]]) -> nn.Module:
        """Return a module whose code torch generates from a graph."""
        brick = body.call.application.brick
        graph, held = fx.Graph(), dict[str, Any]()
        nodes: dict[Variable, fx.Node] = {}
        for name, variable in inputs:
            node = graph.placeholder("".join(c if c.isalnum() or c == "_" else "_" for c in name))
            node.target = node.name
            nodes[variable] = node
        for variable in body.order:
            if variable in nodes:
                continue
            inner = body.unit_of(variable)
            if isinstance(variable, SharedVariable):
                name = self._attribute(variable, brick, held)
                nodes[variable] = graph.get_attr(name)
            elif inner is not None:
                self._apply(graph, nodes, body, inner, held)
            elif variable.owner is None:
                raise refusal(brick, f"it depends on {variable!r}, which is not one of its inputs")
            elif variable.owner.function is identity:
                nodes[variable] = nodes[variable.owner.inputs[0]]
            else:
                self._operation(graph, nodes, brick, variable.owner, held)
        results = tuple(nodes[variable] for variable in body.outputs)
        graph.output(results[0] if len(results) == 1 else results)
        return fx.GraphModule(held, graph, class_name=type(brick).__name__)

    def _attribute(self, variable: SharedVariable, brick: Any, held: dict[str, Any]) -> str:
        if variable.default_update is not None:
            raise refusal(brick, "it draws random numbers or counts its applications")
        if variable not in self.values:
            value = value_of(variable)
            trained = has_roles(variable, [PARAMETER])
            self.values[variable] = nn.Parameter(value) if trained else value
        value = self.values[variable]
        for name, other in held.items():
            if other is value:
                return name
        owner = get_brick(variable)
        name = variable.name or "shared"
        if owner is not None and owner is not brick:
            name = f"{owner.name}_{name}"
        name = _free(name, held)
        held[name] = value
        return name

    def _apply(
        self,
        graph: fx.Graph,
        nodes: dict[Variable, fx.Node],
        body: Body,
        inner: ApplicationCall,
        held: dict[str, Any],
    ) -> None:
        """Add the application of a child to the graph."""
        outputs = body.used[inner]
        module = self.module(inner, outputs)
        name = next((n for n, other in held.items() if other is module), None)
        if name is None:
            name = _free(inner.application.brick.name, held)
            held[name] = module
        args = tuple(nodes[variable] for _, variable in Body(inner, outputs).inputs)
        node = graph.call_module(name, args)
        for i, variable in enumerate(outputs):
            one = node if len(outputs) == 1 else graph.call_function(operator.getitem, (node, i))
            nodes[variable] = one

    def _operation(
        self,
        graph: fx.Graph,
        nodes: dict[Variable, fx.Node],
        brick: Any,
        call: Call,
        held: dict[str, Any],
    ) -> None:
        function, args, kwargs = call.function, call.args, dict(call.kwargs)
        if function in AS_TORCH:
            function, args = AS_TORCH[function](*args)
        elif isinstance(function, Loop):
            raise refusal(brick, "no torch layer computes the step that it repeats over time")
        elif _module_of(function).startswith("workbench"):
            raise refusal(brick, f"torch has no equivalent function for {call.name!r}")

        def argument(leaf: Any) -> Any:
            if isinstance(leaf, Variable):
                return nodes[leaf]
            if leaf is None or isinstance(leaf, LITERALS):
                return leaf
            name = _free("constant", held)
            held[name] = leaf
            return graph.get_attr(name)

        args, kwargs = map_structure(argument, (args, kwargs))
        name = getattr(function, "__name__", "")
        if METHODS.get(name) is function and args:
            node = graph.call_method(name, args, kwargs)
        else:
            node = graph.call_function(function, args, kwargs)
        for variable, path in _places(call.structure):
            found = node
            for index in path:
                found = graph.call_function(operator.getitem, (found, index))
            nodes[variable] = found


def _descendants(brick: Any) -> Iterator[Any]:
    for child in brick.children:
        yield child
        yield from _descendants(child)


def _free(name: str, taken: Iterable[str]) -> str:
    """Return `name`, modified if it is already taken or is the name of a module attribute."""
    start, count = f"{name}_" if name in TAKEN else name, 0
    name = start
    while name in taken:
        count += 1
        name = f"{start}_{count}"
    return name


def _module_of(function: Any) -> str:
    return str(getattr(function, "__module__", None) or type(function).__module__)


def _places(structure: Any) -> Iterator[tuple[Variable, tuple[int, ...]]]:
    """Yield each variable in the result of a call, with the indices that lead to it."""
    if isinstance(structure, Variable):
        yield structure, ()
    elif isinstance(structure, (list, tuple)):
        for i, part in enumerate(structure):
            for variable, path in _places(part):
                yield variable, (i, *path)
