"""`TorchModule`, the brick that wraps a ``torch.nn.Module``.

The parameters and buffers of the module become shared variables that use the same memory. They
therefore have roles and paths, and training the brick trains the module. In a graph, the whole
module is one node, which is a function of the parameters, the buffers and the inputs; see
`workbench.bricks.module_call`.
"""

from __future__ import annotations

import copy
import inspect
import logging
from collections.abc import Iterator, Sequence
from typing import Any, Unpack

import torch

from workbench.bricks.application import application
from workbench.bricks.base import Brick
from workbench.bricks.module_call import ModuleCall
from workbench.bricks.options import BrickOptions, RandomOptions, with_children
from workbench.bricks.random_numbers import Random
from workbench.bricks.to_torch import TorchCall, refusal
from workbench.errors import BrickError
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
from workbench.tensor import SharedVariable
from workbench.tensor import torch_internals as internals
from workbench.tensor.call import apply
from workbench.tensor.device import default_device
from workbench.utils.notices import mention

logger = logging.getLogger(__name__)

DIFFERENT = (
    internals.NormBase,
    *(torch.nn.Dropout, torch.nn.Dropout1d, torch.nn.Dropout2d, torch.nn.Dropout3d),
    *(torch.nn.AlphaDropout, torch.nn.FeatureAlphaDropout),
)
"""Layers that behave differently in training mode."""

FROZEN = (
    "{title} has parts in evaluation mode ({names}), but a brick ignores the mode of its modules, "
    "so training also drops units and changes running statistics in these parts; to prevent this, "
    "replace their dropout and batch normalisation layers with layers that have no training mode"
)

DROPS = (
    "{path}: {title} calls {name}, which drops elements at random in evaluation mode too, so "
    "evaluations of the same input differ; pass training=self.training to {name}, or a "
    "probability of 0 if self.training is False, and make every layer an attribute of the module, "
    "so that its mode can be set"
)


FORGETS = (
    "{path}: {title}.forward changes {names}, but a brick keeps only parameters and buffers from "
    "call to call, so each batch begins with the old value; register what later batches need as a "
    "buffer, as in self.register_buffer({name!r}, torch.zeros(()))"
)


class ModulePart(Brick):
    """Brick for a submodule of a `TorchModule`, with that module's own parameters and submodules.

    Parameters
    ----------
    module : torch.nn.Module
    key : str
        The name of this module in its parent module.
    seen : dict
        The shared variables created so far, keyed by the `id` of their tensors in the module.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        key: str,
        seen: dict[int, SharedVariable],
        **kwargs: Unpack[BrickOptions],
    ) -> None:
        self.key = key
        settings = module.extra_repr()
        self.title = type(module).__name__ + (f"({settings})" if settings else "")
        self._own: dict[str, SharedVariable] = {}
        self._trained: set[str] = set()
        for name, tensor in _tensors_of(module):
            if id(tensor) in seen:
                continue  # tied to a tensor that already has a shared variable
            if torch.nn.parameter.is_lazy(tensor):
                raise BrickError(
                    f"{type(module).__name__} {key!r} has a lazy parameter {name!r} of unknown "
                    "shape; run the module once before you pass it to TorchModule"
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
        super().__init__(**with_children(kwargs, *parts))

    def describe(self) -> str:
        return self.title

    def held(self, prefix: str = "") -> Iterator[tuple[str, SharedVariable]]:
        """Yield the torch names and shared variables of the module and its submodules."""
        for name, variable in self._own.items():
            yield prefix + name, variable
        for part in self.children:
            if isinstance(part, ModulePart):
                yield from part.held(f"{prefix}{part.key}.")

    def _allocate(self) -> None:
        for name, old in self._own.items():
            variable = self._own[name] = SharedVariable(
                old.empty() if old.symbolic else old.tensor, name
            )
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
        The module to wrap. Its parameters and buffers are moved to ``config.device`` and shared,
        not copied, so training changes the module. Its structure is copied; later changes to the
        structure have no effect.
    inputs : list of str, optional
        Names of the inputs; by default the arguments of ``module.forward`` that have no default.
    outputs : list of str, optional
        Names of all tensors that the module returns, in the same order, or keys of the dictionary
        that it returns. By default, a single name, ``output``.
    random_seed : int, optional
        The seed for modules that draw random numbers, such as ``torch.nn.Dropout``; see
        `workbench.bricks.Random`.
    name : str, optional
        By default the module's class name in lower case.

    Attributes
    ----------
    module : torch.nn.Module
        The wrapped module. A copied or unpickled brick has a new module with the same structure,
        which uses the memory of the shared variables.

    Raises
    ------
    BrickError
        If the module has lazy parameters, or if `outputs` does not match the tensors that the
        module returns.

    Notes
    -----
    The brick ignores ``module.training``. It is applied in evaluation mode by default. Like every
    `workbench.graph.ModeDependent` brick, it is applied in training mode inside ``with brick:`` or
    by `workbench.graph.apply_training_mode`. Changes to buffers in training mode, such as running
    averages, are updates of the graph; ``algorithm.add_updates(graph.updates)`` applies them.
    ``forward`` may write to a buffer in place, or assign a tensor of the same shape and dtype to
    it. Other attributes that it changes are restored after each call, and a message is shown.

    Buffers, and module parameters that do not require gradients, are persistent shared variables
    without the role of a parameter. Random numbers come from torch's generator, which is seeded for
    every call from the brick's stream and restored afterwards. A message is shown if the module
    drops elements even in evaluation mode, for example if it calls ``F.dropout(x)`` without
    ``training=self.training``.

    Examples
    --------
    >>> import torch
    >>> from workbench import tensor
    >>> from workbench.model import Model
    >>> layers = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh())
    >>> brick = TorchModule(layers, name="net")
    >>> y = brick.apply(tensor.matrix("x"))
    >>> Model(y).get_parameter_dict()
    {'/net/0.weight': weight, '/net/0.bias': bias}
    >>> x = torch.ones(2, 4)
    >>> torch.equal(y.eval({"x": x}), layers(x))
    True
    """

    def __init__(
        self,
        module: torch.nn.Module,
        inputs: Sequence[str] | None = None,
        *,
        outputs: Sequence[str] | None = None,
        **kwargs: Unpack[RandomOptions],
    ) -> None:
        kwargs.setdefault("name", None)
        if kwargs["name"] is None:
            kwargs["name"] = type(module).__name__.lower()
        if module.training and (frozen := _in_evaluation_mode(module)):
            mention(logger, FROZEN.format(title=type(module).__name__, names=", ".join(frozen)))
        device = default_device()
        if any(t.device != device and not t.is_meta for _, t in _all_tensors(module)):
            module.to(device)
        self._module: torch.nn.Module | None = module
        self._reported: set[str] = set()
        options: Any = kwargs  # ModulePart passes these options on to Random
        super().__init__(module, "", {}, **options)
        # Every parameter and buffer of the copy is on the meta device, without memory.
        empty = {id(t): _emptied(t) for m in module.modules() for _, t in _tensors_of(m)}
        self._structure = copy.deepcopy(module, empty)
        names = {id(t): name for name, t in reversed(_all_tensors(module))}
        self._tied = {n: names[id(t)] for n, t in _all_tensors(module) if names[id(t)] != n}
        self.input_names = _forward_names(module) if inputs is None else list(inputs)
        self.output_names = ["output"] if outputs is None else list(outputs)

    @property
    def module(self) -> torch.nn.Module:
        """The module, whose tensors use the memory of the shared variables."""
        if self._module is None:
            module = copy.deepcopy(self._structure)
            places = dict(self.held())
            places |= {name: places[other] for name, other in self._tied.items()}
            for name, variable in places.items():
                tensor = variable.empty() if variable.symbolic else variable.tensor
                _place(module, name, tensor)
            self._module = module
        return self._module

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        if call.inputs != tuple(self.input_names) or call.outputs != tuple(self.output_names):
            raise refusal(self, "only the module as a whole can be converted")
        return copy.deepcopy(self.module)

    @application
    def apply(self, application_call: ApplicationCall, *args: Any) -> Any:
        """Apply the module to variables, given in the order of `input_names` or by keyword."""
        application_call.metadata[MODE] = self.in_training_mode
        held = dict(self.held())
        call = ModuleCall(
            self._structure, list(held), self.input_names[: len(args)], self.in_training_mode
        )
        given = (list(held.values()), list(args))
        outputs, changed = apply(call, given, {})
        if call.drops and not self.in_training_mode:
            self._mention(DROPS, name=call.drops)
        if call.forgotten:
            names = ", ".join(f"{name} ({change})" for name, change in call.forgotten.items())
            name = next(iter(call.forgotten)).rpartition(".")[2]
            self._mention(FORGETS, names=names, name=name)
        if call.draws:
            seed = self.random_stream.integers((), 0, 2**62)
            outputs, changed = apply(call, (*given, seed), {})
        for name, new in zip(call.changed, changed, strict=True):
            application_call.updates[held[name]] = new
        return self._named(outputs, call.keys)

    @apply.property("inputs")
    def apply_inputs(self) -> list[str]:
        """Return the input names."""
        return self.input_names

    @apply.property("outputs")
    def apply_outputs(self) -> list[str]:
        """Return the output names."""
        return self.output_names

    def _mention(self, text: str, **names: str) -> None:
        """Show a message about the module, once for each `text`."""
        if text not in self._reported:
            self._reported.add(text)
            mention(logger, text.format(path=self.path(), title=self.title, **names))

    def _named(self, outputs: list[Any], keys: list[str] | None) -> list[Any]:
        names = self.output_names
        if keys is not None and set(names) <= set(keys):
            return [outputs[keys.index(name)] for name in names]
        if keys is not None or len(outputs) != len(names):
            which = "" if keys is None else f" ({', '.join(map(repr, keys))})"
            raise BrickError(
                f"{self.path()}.apply: {self.title} returns {len(outputs)} "
                f"tensor{'s' * (len(outputs) != 1)}{which}, but the outputs are named {names}; "
                "pass their names, as in TorchModule(module, outputs=[...])"
            )
        return outputs

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_module": None}


def _tensors_of(module: torch.nn.Module) -> list[tuple[str, torch.Tensor]]:
    """Return a module's own parameters and buffers."""
    own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
    return [(name, tensor) for name, tensor in own if tensor is not None]


def _all_tensors(module: torch.nn.Module) -> list[tuple[str, torch.Tensor]]:
    """Return all parameters and buffers by full name; tied tensors appear once for each name."""
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
    """Make the parameter or buffer `name` use the memory of `tensor`."""
    path, _, own = name.rpartition(".")
    owner = module.get_submodule(path)
    if own in owner._parameters:
        trained = owner.get_parameter(own).requires_grad
        owner._parameters[own] = torch.nn.Parameter(tensor, requires_grad=trained)
    else:
        owner._buffers[own] = tensor


def _in_evaluation_mode(module: torch.nn.Module, prefix: str = "") -> list[str]:
    """List the outermost parts in evaluation mode that would act differently in training mode."""
    found = []
    for name, child in module.named_children():
        if child.training:
            found += _in_evaluation_mode(child, f"{prefix}{name}.")
        elif any(isinstance(one, DIFFERENT) for one in child.modules()):
            found.append(f"{prefix}{name}")
    return found


def _forward_names(module: torch.nn.Module) -> list[str]:
    """Return the names of the required arguments of ``forward``; ``*args`` becomes ``input_``."""
    parameters = list(inspect.signature(module.forward).parameters.values())
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return ["input_"]
    return [p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD]


def _role(module: torch.nn.Module, name: str, tensor: torch.Tensor) -> VariableRole:
    """Return the role of a parameter or a buffer."""
    normalizes = isinstance(module, internals.NormBase)
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
        return FILTER if isinstance(module, internals.ConvNd) else WEIGHT
    return PARAMETER
