"""Diagrams of torch modules.

A copy of the module, made without allocating memory for parameters, runs on fake tensors. Hooks
record each call of a module with its tensors, and a function mode records the functions that are
called between modules. Torch's own modules are drawn as single nodes, except containers such as
`Sequential`; these containers and the user's own modules are drawn as groups.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from workbench.diagrams.diagram import UNKNOWN, Diagram, Edge, Kind, Node
from workbench.diagrams.probes import Given, merged
from workbench.errors import ArgumentError
from workbench.tensor import torch_internals as internals

OPEN = ("Sequential", "ModuleList", "ModuleDict", "Transformer", "TransformerEncoder",
        "TransformerDecoder", "TransformerEncoderLayer", "TransformerDecoderLayer")  # fmt: skip
"""Torch's own modules that are drawn as groups; its other modules are drawn as single nodes."""

SILENT = frozenset(["detach", "clone", "contiguous", "to", "float", "requires_grad_", "dropout"])
"""Functions that are not drawn if they return a tensor of the same shape as their input."""

IMAGES = (28, 32, 64, 96, 128, 224, 299, 8)
"""Widths of square images that are tried for networks that accept one size only."""

DEPENDS = (
    "The path of the data depends on values of tensors, so only the parts of the module are drawn."
)

Shape = tuple[int, ...]


@dataclass
class _Record:
    """Results of one run.

    Attributes
    ----------
    nodes : dict of str to Node
    edges : list of tuples
        The source, output, target and shape of each edge.
    flops : dict of str to int
        The number of FLOPs of each node.
    ends : list of tuples
        The source, output and shape of each tensor that the module returns.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[tuple[str, str, str, Shape]] = field(default_factory=list)
    flops: dict[str, int] = field(default_factory=dict)
    ends: list[tuple[str, str, Shape]] = field(default_factory=list)
    total: int = 0


def of_module(module: torch.nn.Module, inputs: Sequence[Given] | None = None) -> Diagram:
    """Return the diagram of a module.

    Parameters
    ----------
    module : torch.nn.Module
    inputs : sequence of Given, optional
        The shapes and dtypes of the inputs, in order. By default they are inferred from the first
        layer; if this fails, shapes are unknown.

    Raises
    ------
    ArgumentError
        If the module cannot run on inputs of the given shapes.
    """
    title = type(module).__name__
    if is_leaf(module):
        module = torch.nn.Sequential(module)
    names = names_of_inputs(module)
    reasons = []
    for given in [inputs] if inputs is not None else _guesses(module, names):
        try:
            runs = [_run(module, given, names, run) for run in (0, 1)]
        except internals.DataDependentOutputException:
            return _undrawn(module, title, DEPENDS)
        except Exception as error:  # a module can raise anything
            reasons.append(f"{type(error).__name__}: {' '.join(str(error).split()):.300}")
            continue
        if inputs is None:
            shown = ", ".join(f"{n} is {g.text()}" for n, g in zip(names, given, strict=False))
            note = f"Inferred from the first layer: {shown}. Pass inputs=[...] to change this."
        return _finished(module, runs, given, title, (note,) if inputs is None else ())
    if inputs is not None:
        shapes = ", ".join(str(given.shape) for given in inputs)
        raise ArgumentError(
            f"draw: {title} cannot run on inputs of shapes {shapes}: {reasons[-1]}; the arguments "
            f"of its forward method are: {', '.join(names) or 'none'}"
        )
    note = (
        "Shapes are unknown; pass the shapes of the inputs, as in inputs=[(None, 3, 224, 224)], or "
        f"examples, for {', '.join(names) or 'the input'}."
    )
    return _undrawn(module, title, note, *reasons[:1])


def _undrawn(module: torch.nn.Module, title: str, *notes: str) -> Diagram:
    """Return a diagram of the parts of a module, without edges."""
    parts = tuple(_hierarchy(module))
    return Diagram(title, parts, (), _counted(module), notes, _count(module))


def names_of_inputs(module: torch.nn.Module) -> list[str]:
    """Return the names of the arguments of ``forward`` without defaults."""
    known = inspect.signature(module.forward).parameters.values()
    return [
        p.name for p in known
        if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ] or [p.name for p in known if p.kind is p.VAR_POSITIONAL]  # fmt: skip


def _guesses(module: torch.nn.Module, names: Sequence[str]) -> Iterator[list[Given]]:
    """Yield inputs that fit the first layer with parameters, if the module has one input."""
    if len(names) == 1:
        given = [Given(shape, dtype) for shape, dtype in shapes_of_input(module)]
        yield from ([one] for one in given)
        for one in given:
            if len(one.shape) == 4:
                yield from ([Given((*one.shape[:2], n, n))] for n in IMAGES)


def shapes_of_input(
    module: torch.nn.Module,
) -> Iterator[tuple[tuple[int | None, ...], torch.dtype]]:
    """Yield possible shapes and dtypes of an input, based on the first layer with parameters."""
    for layer in module.modules():
        if isinstance(layer, torch.nn.Linear):
            yield (None, layer.in_features), torch.float32
            yield (None, None, layer.in_features), torch.float32
        elif isinstance(layer, (torch.nn.Embedding, torch.nn.EmbeddingBag)):
            yield (None, None), torch.int64
        elif isinstance(layer, torch.nn.RNNBase):
            yield (None, None, layer.input_size), torch.float32
        elif isinstance(layer, internals.ConvNd):
            yield (None, layer.in_channels, *[None] * len(layer.kernel_size)), torch.float32
        elif not list(layer.parameters(recurse=False)):
            continue
        return


# One run.


def _run(
    module: torch.nn.Module, inputs: Sequence[Given], names: Sequence[str], run: int
) -> _Record:
    mode = internals.FakeTensorMode(allow_non_fake_inputs=True)
    with internals.quiet(), torch.no_grad(), mode:
        memo: dict[int, Any] = {}
        for held in (*module.parameters(), *module.buffers()):
            fake = torch.empty(held.shape, dtype=held.dtype)
            if isinstance(held, torch.nn.Parameter):
                fake = torch.nn.Parameter(fake, requires_grad=False)
            memo[id(held)] = fake
        twin = copy.deepcopy(module, memo).eval()
        recorder = _Recorder(twin)
        arguments = []
        for given, name in zip(inputs, _padded(names, len(inputs)), strict=True):
            tensor = torch.empty(given.sizes(run), dtype=given.dtype)
            recorder.root(tensor, name, given)
            arguments.append(tensor)
        with internals.FlopCounterMode(display=False) as counter, recorder:
            recorder.counter = counter
            result = twin(*arguments)
        recorder.finish(result)
    return recorder.found


def _padded(names: Sequence[str], count: int) -> list[str]:
    found = list(names[:count])
    return found + [f"input_{number}" for number in range(len(found), count)]


class _Recorder(TorchFunctionMode):
    """Torch function mode that records the modules and functions that compute each tensor."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.found = _Record()
        self.counter: Any = None
        self.stack: list[tuple[str, bool]] = []
        self.before: list[int] = []
        self.given: list[dict[int, int]] = []  # versions of the inputs of modules
        self.sources: dict[int, tuple[str, str]] = {}
        self.kept: list[Any] = []  # so that no id is used twice
        self.paths = {part: path for path, part in module.named_modules()}
        self.used: dict[str, int] = {}
        for part in self.paths:
            if part is module:
                continue
            part.register_forward_pre_hook(self._enter, with_kwargs=True)
            part.register_forward_hook(self._leave, with_kwargs=True)

    def root(self, tensor: torch.Tensor, name: str, given: Given) -> None:
        """Add an input of the module."""
        id_ = self._new(name)
        dtype = str(given.dtype).removeprefix("torch.")
        self.found.nodes[id_] = Node(id_, name, "input", dtype)
        self._give(tensor, id_)

    def finish(self, result: Any) -> None:
        """Record the sources of the tensors that the module returned."""
        for tensor in _tensors(result):
            source = self.sources.get(id(tensor))
            if source is not None:
                self.found.ends.append((*source, tuple(tensor.shape)))
        self.found.total = self.counter.get_total_flops()

    def _new(self, wish: str) -> str:
        number = self.used[wish] = self.used.get(wish, 0) + 1
        return wish if number == 1 else f"{wish}@{number}"

    def _give(self, tensor: torch.Tensor, source: str, port: str = "") -> None:
        self.kept.append(tensor)
        self.sources[id(tensor)] = source, port

    def _enter(self, module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        path = self.paths[module]
        id_ = self._new(path)
        leaf = is_leaf(module)
        inside = [one for one, _ in self.stack]
        self.stack.append((id_, leaf))
        self.before.append(self.counter.get_total_flops())
        self.given.append({id(one): one._version for one in _tensors((args, kwargs))})
        if any(closed for _, closed in self.stack[:-1]):
            return
        name = path.rpartition(".")[2]
        self.found.nodes[id_] = Node(
            id_, name, "brick" if leaf else "group", type(module).__name__, _facts(module, leaf),
            inside[-1] if inside else None, parameters=_count(module),
        )  # fmt: skip
        if leaf:
            self._edges((args, kwargs), id_)

    def _leave(self, module: torch.nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        id_, leaf = self.stack.pop()
        spent = self.counter.get_total_flops() - self.before.pop()
        given = self.given.pop()
        if any(closed for _, closed in self.stack):
            return None
        self.found.flops[id_] = spent
        inner = any(node.parent == id_ for node in self.found.nodes.values())
        if not leaf and not inner:  # torch ran the whole module as one function
            self._edges((args, kwargs), id_)
            leaf = True
        if leaf and isinstance(output, torch.Tensor) and given.get(id(output)) == output._version:
            output = output.detach()  # a new tensor, since other modules may also use the input
        if leaf:
            self._outputs(output, id_)
        return output

    def _outputs(self, output: Any, id_: str) -> None:
        tensors = _tensors(output)
        for number, tensor in enumerate(tensors):
            self._give(tensor, id_, f"output_{number}" if len(tensors) > 1 else "")

    def _edges(self, given: Any, target: str) -> None:
        for tensor in _tensors(given):
            source = self.sources.get(id(tensor))
            if source is not None and source[0] != target:
                edge = (*source, target, tuple(tensor.shape))
                if edge not in self.found.edges:
                    self.found.edges.append(edge)

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        before = self.counter.get_total_flops() if self.counter is not None else 0
        result = function(*args, **kwargs)
        if any(closed for _, closed in self.stack):
            return result
        outputs = _tensors(result)
        known = [t for t in _tensors((args, kwargs)) if id(t) in self.sources]
        if not outputs or not known:
            return result
        name = _name_of(function)
        alike = len(outputs) == len(known) == 1 and outputs[0].shape == known[0].shape
        if (name in SILENT and alike) or name == "__get__":
            for output in outputs:
                self._give(output, *self.sources[id(known[0])])
            return result
        inside = [one for one, _ in self.stack]
        id_ = self._new(f"{inside[-1]}.{name}()" if inside else f"{name}()")
        parent = inside[-1] if inside else None
        self.found.nodes[id_] = Node(id_, name, "operation", "", (), parent)
        self._edges((args, kwargs), id_)
        self._outputs(result, id_)
        self.found.flops[id_] = self.counter.get_total_flops() - before
        return result


def is_leaf(module: torch.nn.Module) -> bool:
    """Return True if a module is drawn as one node."""
    own = type(module).__module__.startswith("torch.nn.")
    if own:
        return type(module).__name__ not in OPEN
    return not list(module.children()) and type(module).__module__.startswith("torch.")


def _name_of(function: Any) -> str:
    name = getattr(function, "__name__", "function")
    return name if name == "__get__" else name.strip("_")


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, Mapping):
        value = list(value.values())
    leaves = internals.tree_leaves(value)
    return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]


# The result.


def _finished(
    module: torch.nn.Module,
    runs: Sequence[_Record],
    inputs: Sequence[Given],
    title: str,
    notes: tuple[str, ...],
) -> Diagram:
    """Return a diagram based on two runs; sizes that differ between the runs are unknown."""
    one, other = runs
    batch = any(given.shape[:1] == (None,) for given in inputs)
    only_batch = batch and all(None not in given.shape[1:] for given in inputs)
    same = list(one.nodes) == list(other.nodes) and len(one.edges) == len(other.edges)
    if not same:
        notes += ("The operations of the module depend on the sizes of its inputs.",)
    edges: dict[Edge, None] = {}
    for number, (source, port, target, shape) in enumerate(one.edges):
        text = merged(shape, other.edges[number][3], batch) if same else UNKNOWN
        edges[Edge(source, target, text, port)] = None
    nodes = dict(one.nodes)
    for id_, node in nodes.items():
        spent = _per_example(one.flops.get(id_, 0), other.flops.get(id_, 0), batch, only_batch)
        if spent and same:
            nodes[id_] = replace(node, flops=spent)
    for number, (source, port, shape) in enumerate(one.ends):
        id_ = f"output {number}"
        several = len(one.ends) > 1
        nodes[id_] = Node(id_, f"output {number}" if several else "output", "output")
        known = same and number < len(other.ends)
        text = merged(shape, other.ends[number][2], batch) if known else UNKNOWN
        edges[Edge(source, id_, text, port)] = None
    total = _counted(module)
    spent = _per_example(one.total, other.total, batch, only_batch)
    if spent and same:
        total += f" · {spent:,} FLOPs per example" if only_batch else f" · {spent:,} FLOPs"
    spent = spent if same else None
    return Diagram(title, tuple(nodes.values()), tuple(edges), total, notes, _count(module), spent)


def _per_example(one: int, other: int, batch: bool, only_batch: bool) -> int | None:
    """Return the FLOPs per example, or None if unknown sizes besides the batch size affect them."""
    if only_batch:
        return other - one if 2 * (other - one) == one else None
    return None if batch or one != other else one


def _counted(module: torch.nn.Module) -> str:
    count = _count(module)
    return f"{count:,} parameter{'s' * (count != 1)}"


def _count(module: torch.nn.Module) -> int:
    lazy = torch.nn.parameter.is_lazy
    return sum(p.numel() for p in module.parameters() if not lazy(p))


def _facts(module: torch.nn.Module, leaf: bool) -> tuple[str, ...]:
    settings = module.extra_repr() if leaf else ""
    return (settings,) if settings else ()


def _hierarchy(module: torch.nn.Module) -> Iterator[Node]:
    """Yield the nodes of the modules inside a module."""
    closed: set[str] = set()
    for path, part in module.named_modules():
        parent = path.rpartition(".")[0]
        if not path or parent in closed:
            if path:
                closed.add(path)
            continue
        leaf = is_leaf(part) or not list(part.children())
        if leaf:
            closed.add(path)
        kind: Kind = "brick" if leaf else "group"
        name = path.rpartition(".")[2]
        yield Node(
            path, name, kind, type(part).__name__, _facts(part, leaf), parent or None,
            parameters=_count(part),
        )  # fmt: skip
