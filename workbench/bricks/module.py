"""Any ``torch.nn.Module`` as a brick.

The parameters and buffers of the module become shared variables on the same memory, so that they
have roles and paths, and whatever trains bricks trains the module. A graph has one node for the
whole module: a function of the parameters, the buffers and the inputs. The module itself is never
touched while that runs, save through its memory; the function works on a copy of its structure
without any, and so can run in one thread while another one uses the module.
"""

from __future__ import annotations

import copy
import inspect
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode

from workbench.bricks.application import application
from workbench.bricks.base import Brick
from workbench.bricks.interfaces import Random
from workbench.errors import BrickError, ShapeError
from workbench.graph.annotations import ApplicationCall, add_annotation
from workbench.graph.modes import MODE, ModeDependent
from workbench.roles import (
    BATCH_NORM_POPULATION_MEAN,
    BATCH_NORM_POPULATION_STATISTICS,
    BATCH_NORM_SCALE_PARAMETER,
    BATCH_NORM_SHIFT_PARAMETER,
    BIAS,
    FILTER,
    PARAMETER,
    PERSISTENT,
    WEIGHT,
    VariableRole,
    add_role,
)
from workbench.tensor import SharedVariable, shapes
from workbench.tensor.variable import Operation, apply

_swapping = threading.RLock()
"""Held while the tensors of a call stand in a structure, which has one place for each."""


SIZES_ARE_MISSING = (
    " (tried with sizes for those that are not known; if the module needs certain ones, tell them, "
    "as in tensor.variable('x', shape=(None, 3, 224, 224)))"
)


class ModulePart(Brick):
    """A module within a `TorchModule`: its name, its own parameters, and the modules below it.

    Parameters
    ----------
    module : torch.nn.Module
    key : str
        What it is called in the module around it.
    seen : dict
        The shared variables made so far, by the `id` of their tensors in the module.
    """

    def __init__(
        self, module: torch.nn.Module, key: str, seen: dict[int, SharedVariable], **kwargs: Any
    ) -> None:
        self.key = key
        settings = module.extra_repr()
        self.title = type(module).__name__ + (f"({settings})" if settings else "")
        self._own: dict[str, SharedVariable] = {}
        self._trained: set[str] = set()
        for name, tensor in _tensors_of(module):
            if id(tensor) in seen:
                continue  # tied to one that has a place already
            if torch.nn.parameter.is_lazy(tensor):
                raise BrickError(
                    f"{type(module).__name__} {key!r} has a lazy parameter {name!r}, whose shape "
                    "is not known; run the module once before it becomes a brick"
                )
            variable = seen[id(tensor)] = SharedVariable(tensor.detach(), name)
            add_role(variable, _role(module, name, tensor))
            self._own[name] = variable
            if isinstance(tensor, torch.nn.Parameter) and tensor.requires_grad:
                self._trained.add(name)
        parts = [
            ModulePart(child, name, seen, name=name.replace("/", "_"))
            for name, child in module.named_children()
        ]
        super().__init__(children=[*parts, *kwargs.pop("children", ())], **kwargs)

    def describe(self) -> str:
        return self.title

    def held(self, prefix: str = "") -> Iterator[tuple[str, SharedVariable]]:
        """The shared variables at and below it, by the names that torch gives them."""
        for name, variable in self._own.items():
            yield prefix + name, variable
        for part in self.children:
            if isinstance(part, ModulePart):
                yield from part.held(f"{prefix}{part.key}.")

    def _allocate(self) -> None:
        for name, old in self._own.items():
            variable = self._own[name] = SharedVariable(old.tensor, name)
            for role in old.tag.roles:
                add_role(variable, role)
            if name in self._trained:
                self.parameters.append(variable)
            else:
                add_annotation(variable, self)


class TorchModule(ModulePart, Random, ModeDependent):
    """A ``torch.nn.Module`` as a brick.

    Parameters
    ----------
    module : torch.nn.Module
        Its parameters and buffers are shared, not copied: training changes the module. Its
        structure is copied; what is changed of it afterwards is not noticed.
    inputs : list of str, optional
        Names of the inputs; by default the arguments of ``module.forward`` that have no default.
    outputs : list of str, optional
        Names of the outputs: of all tensors in what the module returns, in order, or keys of the
        dictionary that it returns. One, ``output``, by default.
    random_seed : int, optional
        See `workbench.bricks.Random`; for modules that draw, such as ``torch.nn.Dropout``.
    name : str, optional
        By default the name of the module's class in lower case.

    Attributes
    ----------
    module : torch.nn.Module
        The module, or one of equal structure on the same memory after unpickling or copying.

    Raises
    ------
    BrickError
        If the module has lazy parameters, or gives another number of tensors than `outputs` says.

    Notes
    -----
    The brick is applied in evaluation mode, whatever ``module.training`` says, or in training mode
    as all `workbench.graph.ModeDependent` bricks are: inside of ``with brick:``, or by
    `workbench.graph.apply_training_mode`. What training mode changes besides, such as running
    averages, are updates of the graph: ``algorithm.add_updates(graph.updates)`` keeps them.

    Parameters that do not require gradients, and buffers, are persistent shared variables but no
    parameters. Random numbers come from torch's generator, seeded for every call from the brick's
    stream, and leave no trace in it.

    Examples
    --------
    >>> import torch
    >>> from workbench import tensor
    >>> from workbench.model import Model
    >>> layers = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh())
    >>> brick = TorchModule(layers, name="net")
    >>> y = brick.apply(tensor.matrix("x"))
    >>> Model(y).get_parameter_dict()
    {'net/0.weight': weight, 'net/0.bias': bias}
    >>> x = torch.ones(2, 4)
    >>> torch.equal(y.eval({"x": x}), layers(x))
    True
    """

    def __init__(
        self,
        module: torch.nn.Module,
        inputs: Sequence[str] | None = None,
        outputs: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("name", None)
        if kwargs["name"] is None:
            kwargs["name"] = type(module).__name__.lower()
        self._module: torch.nn.Module | None = module
        super().__init__(module, "", {}, **kwargs)
        # Without memory: every parameter and buffer of the copy is on the meta device.
        empty = {id(t): _emptied(t) for m in module.modules() for _, t in _tensors_of(m)}
        self._structure = copy.deepcopy(module, empty)
        names = {id(t): name for name, t in reversed(_all_tensors(module))}
        self._tied = {n: names[id(t)] for n, t in _all_tensors(module) if names[id(t)] != n}
        self.input_names = _forward_names(module) if inputs is None else list(inputs)
        self.output_names = ["output"] if outputs is None else list(outputs)

    @property
    def module(self) -> torch.nn.Module:
        """The module; its tensors are the memory of the shared variables."""
        if self._module is None:
            module = copy.deepcopy(self._structure)
            places = dict(self.held())
            places |= {name: places[other] for name, other in self._tied.items()}
            for name, variable in places.items():
                _place(module, name, variable.tensor)
            self._module = module
        return self._module

    @application
    def apply(self, application_call: ApplicationCall, *args: Any) -> Any:
        """Apply the module to variables, in the order of `input_names` or by name."""
        application_call.metadata[MODE] = self.in_training_mode
        held = dict(self.held())
        call = ModuleCall(
            self._structure, list(held), self.input_names[: len(args)], self.in_training_mode
        )
        given = (list(held.values()), list(args))
        outputs, changed = apply(call, given, {})
        if call.draws:
            seed = self.random_stream.integers((), 0, 2**62)
            outputs, changed = apply(call, (*given, seed), {})
        for name, new in zip(call.changed, changed, strict=True):
            application_call.updates[held[name]] = new
        return self._named(outputs, call.keys)

    @apply.property("inputs")
    def apply_inputs(self) -> list[str]:
        """The names of the inputs."""
        return self.input_names

    @apply.property("outputs")
    def apply_outputs(self) -> list[str]:
        """The names of the outputs."""
        return self.output_names

    def _named(self, outputs: list[Any], keys: list[str] | None) -> list[Any]:
        names = self.output_names
        if keys is not None and set(names) <= set(keys):
            return [outputs[keys.index(name)] for name in names]
        if keys is not None or len(outputs) != len(names):
            which = "" if keys is None else f" ({', '.join(map(repr, keys))})"
            raise BrickError(
                f"{self.path()}.apply: {self.title} gives {len(outputs)} tensors{which}, but the "
                f"outputs are named {names}; name them, as in TorchModule(module, outputs=[...])"
            )
        return outputs

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_module": None}


class ModuleCall(Operation):
    """The function of a module's node in a graph.

    Parameters
    ----------
    structure : torch.nn.Module
        The module without memory.
    names : list of str
        Names of the parameters and buffers, in the order in which their tensors are passed.
    inputs : list of str
        Names of the inputs.
    training : bool
        The mode.

    Attributes
    ----------
    changed : list of str
        Names of those that the module changes in place; it gets copies of them, which are returned
        as new values.
    draws : bool
        Whether it draws random numbers.
    keys : list of str or None
        If the module returns a dictionary, its keys.
    """

    __name__ = "module"

    def __init__(
        self, structure: torch.nn.Module, names: list[str], inputs: list[str], training: bool
    ) -> None:
        self.structure = structure
        self.names = names
        self.training = training
        known = inspect.signature(structure.forward).parameters.values()
        by_name = {p.name for p in known if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        self.keywords = inputs if set(inputs) <= by_name else None
        self.changed: list[str] = []
        self.changed_inputs: set[int] = set()
        self.draws = False
        self.keys: list[str] | None = None

    def infer(self, held: list[Any], inputs: list[Any], seed: Any = None) -> Any:
        self.changed, self.changed_inputs, self.draws = [], set(), False

        def shown() -> str:
            return ", ".join(shapes.describe(fake) for fake in inputs)

        try:
            outputs, news = shapes.infer(self._module, (held, inputs), {}, shown)
        except ShapeError as error:
            if all(shapes.known(size) is not None for fake in inputs for size in fake.shape[1:]):
                raise
            raise ShapeError(f"{error}{SIZES_ARE_MISSING}") from None
        return outputs, [news[self.names.index(name)] for name in self.changed]

    def _module(self, held: list[Any], inputs: list[Any]) -> Any:
        """Compute on fakes, and note what is changed and whether something is drawn."""
        held, inputs = ([value.clone() for value in values] for values in (held, inputs))
        before = {id(value): value._version for value in (*held, *inputs)}
        with _Watch() as watch:
            outputs = self._outputs(held, inputs)

        def changed(value: torch.Tensor) -> bool:
            return value._version != before[id(value)] or id(value) in watch.written

        self.changed = [n for n, value in zip(self.names, held, strict=True) if changed(value)]
        self.changed_inputs = {i for i, value in enumerate(inputs) if changed(value)}
        self.draws = self.draws or watch.draws
        return outputs, held

    def __call__(
        self,
        held: list[torch.Tensor],
        inputs: list[torch.Tensor],
        seed: torch.Tensor | None = None,
    ) -> Any:
        named = zip(self.names, held, strict=True)
        held = [value.clone() if name in self.changed else value for name, value in named]
        inputs = [v.clone() if i in self.changed_inputs else v for i, v in enumerate(inputs)]
        if seed is None:
            outputs = self._outputs(held, inputs)
        else:
            with torch.random.fork_rng():
                torch.manual_seed(int(seed))
                outputs = self._outputs(held, inputs)
        return outputs, [held[self.names.index(name)] for name in self.changed]

    def _outputs(self, held: list[Any], inputs: list[Any]) -> Any:
        """The tensors in what the module returns."""
        values = dict(zip(self.names, held, strict=True))
        args = () if self.keywords is not None else tuple(inputs)
        kwargs = dict(zip(self.keywords, inputs, strict=True)) if self.keywords is not None else {}
        with _swapping:
            self.structure.train(self.training)
            result = functional_call(self.structure, values, args, kwargs)
        if isinstance(result, Mapping):
            result = {key: v for key, v in result.items() if isinstance(v, torch.Tensor)}
            self.keys = list(result)
            return list(result.values())
        leaves = torch.utils._pytree.tree_leaves(result)
        return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]


class _Watch(TorchDispatchMode):
    """Notes whether random numbers are drawn, and which running averages are written.

    torch counts changes of a tensor in its ``_version``, but not those that batch norms make.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.draws = False
        self.written: set[int] = set()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        arguments = function._schema.arguments
        given = {a.name: a.default_value for a in arguments if a.has_default_value()}
        given |= dict(zip([a.name for a in arguments], args, strict=False))
        given |= kwargs or {}
        # Attention is tagged as drawing, but does so only to drop something.
        if torch.Tag.nondeterministic_seeded in function.tags and given.get("dropout_p") != 0:
            self.draws = True
        if "batch_norm" in function.__name__ and given.get("training", True):
            self.written |= {id(given.get(name)) for name in ("running_mean", "running_var")}
        return function(*args, **(kwargs or {}))


def _tensors_of(module: torch.nn.Module) -> list[tuple[str, torch.Tensor]]:
    """A module's own parameters and buffers."""
    own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
    return [(name, tensor) for name, tensor in own if tensor is not None]


def _all_tensors(module: torch.nn.Module) -> list[tuple[str, torch.Tensor]]:
    """All parameters and buffers by their full names; tied ones come several times."""
    return [
        *module.named_parameters(remove_duplicate=False),
        *module.named_buffers(remove_duplicate=False),
    ]


def _emptied(tensor: torch.Tensor) -> torch.Tensor:
    empty = tensor.detach().to("meta")
    if isinstance(tensor, torch.nn.Parameter):
        return torch.nn.Parameter(empty, requires_grad=tensor.requires_grad)
    return empty


def _place(module: torch.nn.Module, name: str, tensor: torch.Tensor) -> None:
    """Let the parameter or buffer `name` be on the memory of `tensor`."""
    path, _, own = name.rpartition(".")
    owner = module.get_submodule(path)
    if own in owner._parameters:
        trained = owner.get_parameter(own).requires_grad
        owner._parameters[own] = torch.nn.Parameter(tensor, requires_grad=trained)
    else:
        owner._buffers[own] = tensor


def _forward_names(module: torch.nn.Module) -> list[str]:
    """The arguments of ``forward`` that have to be given."""
    parameters = list(inspect.signature(module.forward).parameters.values())
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return ["input_"]
    return [p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD]


def _role(module: torch.nn.Module, name: str, tensor: torch.Tensor) -> VariableRole:
    """What a parameter or a buffer is for."""
    normalizes = isinstance(module, torch.nn.modules.batchnorm._NormBase)
    if not (isinstance(tensor, torch.nn.Parameter) and tensor.requires_grad):
        statistics = {
            "running_mean": BATCH_NORM_POPULATION_MEAN,
            "running_var": BATCH_NORM_POPULATION_STATISTICS,
        }
        return statistics.get(name, PERSISTENT) if normalizes else PERSISTENT
    if "bias" in name:
        return BATCH_NORM_SHIFT_PARAMETER if normalizes else BIAS
    if "weight" in name:
        if normalizes:
            return BATCH_NORM_SCALE_PARAMETER
        return FILTER if isinstance(module, torch.nn.modules.conv._ConvNd) else WEIGHT
    return PARAMETER
