"""Operation that runs a torch module in a graph, as a function of its tensors and inputs.

The operation uses a copy of the module with all tensors on the meta device, which allocates no
memory. Therefore, one thread can run the operation while another thread uses the module.
"""

from __future__ import annotations

import copy
import inspect
import threading
from collections.abc import Mapping
from typing import Any, TypeAlias

import torch
from torch.func import functional_call
from torch.overrides import TorchFunctionMode

from workbench.errors import BrickError, CompilationError, ShapeError
from workbench.tensor import shapes
from workbench.tensor import torch_internals as internals
from workbench.tensor.call import Operation
from workbench.tensor.draws import arguments, draws, drops, without_drops

_swapping = threading.RLock()
"""Lock for `ModuleCall.structure`, which contains the tensors of only one call at a time."""


SIZES_ARE_MISSING = (
    " (tried with example sizes in place of unknown ones; if the module requires fixed sizes, "
    "declare them, as in tensor.variable('x', shape=(None, 3, 224, 224)))"
)


RESHAPED = (
    "{name}.forward assigns a tensor {new} to the buffer {key!r}, which is {old}; a brick can only "
    "keep buffers of constant shape and dtype, so assign such a value, or store this tensor in an "
    "attribute that is not a buffer, if no later call uses it"
)
REPLACED = (
    "{name}.forward assigns {new} to the {what} {key!r}; the forward method of a module in a brick "
    "can only assign tensors to buffers, with the same shape and dtype"
)
DRAWS = (
    "the module {name} draws random numbers from torch's own generator, so it cannot be compiled; "
    "use the brick Dropout, which draws the same numbers in every tier"
)

EVALUATED = "a wrapped module draws random numbers, and was run in evaluation mode"
STILL_DRAWS = "a wrapped module draws random numbers in evaluation mode too"


class ModuleCall(Operation):
    """Operation that runs a torch module in a graph.

    Parameters
    ----------
    structure : torch.nn.Module
        A copy of the module with all tensors on the meta device.
    names : list of str
        Names of the parameters and buffers, in the order their tensors are passed.
    inputs : list of str
        Names of the inputs.
    training : bool
        True for training mode, False for evaluation mode.

    Attributes
    ----------
    changed : list of str
        Names of the tensors that the module changes in place or assigns. The module runs on copies
        of these tensors, and their values after the call are returned.
    forgotten : dict of str to str
        The attributes of the module that a call changes although they are neither parameters nor
        buffers, each with a description of the change. They are restored after every call.
    draws : bool
        True if the module draws random numbers.
    drops : str or None
        The name of the first function that drops elements at random, or None if there is none.
    keys : list of str or None
        If the module returns a mapping, the keys of the tensors in it.
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
        self.forgotten: dict[str, str] = {}
        self.wrong: list[str] = []
        self.draws = False
        self.drops: str | None = None
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
        if self.wrong:
            raise BrickError(self.wrong[0])
        return outputs, [news[self.names.index(name)] for name in self.changed]

    def _module(self, held: list[Any], inputs: list[Any]) -> Any:
        """Run the module on fake tensors; record changed tensors and any use of random numbers."""
        held, inputs = ([value.clone() for value in values] for values in (held, inputs))
        before = {id(value): value._version for value in (*held, *inputs)}
        kept = _attributes(self.structure)
        try:
            with _Watch() as watch, _Drops() as drops:
                outputs, after = self._outputs(held, inputs)
        finally:
            self.forgotten = _restore(kept)
        self.drops = drops.name
        triples = list(zip(self.names, held, after, strict=True))
        self.wrong = [text for n, old, new in triples if (text := self._wrong(n, old, new))]
        if self.wrong:
            return outputs, held

        def changed(value: torch.Tensor) -> bool:
            return value._version != before[id(value)] or id(value) in watch.written

        self.changed = [n for n, old, new in triples if new is not old or changed(old)]
        self.changed_inputs = {i for i, value in enumerate(inputs) if changed(value)}
        self.draws = self.draws or watch.draws
        return outputs, _own(held, after)

    def _wrong(self, key: str, old: torch.Tensor, new: Any) -> str:
        """Return a message about a value that the module assigns, or an empty string."""
        if new is old:
            return ""
        path, _, own = key.rpartition(".")
        owner = self.structure.get_submodule(path)
        what = "parameter" if own in owner._parameters else "buffer"
        name = type(owner).__name__
        if what == "parameter" or not isinstance(new, torch.Tensor):
            given = "a new tensor" if isinstance(new, torch.Tensor) else repr(new)
            return REPLACED.format(name=name, what=what, key=key, new=given)
        if _sizes(new) == _sizes(old) and new.dtype == old.dtype:
            return ""
        shown = [shapes.describe(one) for one in (new, old)]
        return RESHAPED.format(name=name, key=key, new=shown[0], old=shown[1])

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
            outputs, after = self._outputs(held, inputs)
        else:
            if type(seed) is not torch.Tensor:  # it is a proxy while a step is traced
                name = type(self.structure).__name__
                raise CompilationError(DRAWS.format(name=name))
            devices = {value.device for value in (*held, *inputs) if value.is_cuda}
            with torch.random.fork_rng(devices):
                torch.manual_seed(int(seed))
                outputs, after = self._outputs(held, inputs)
        news = _own(held, after)
        return outputs, [news[self.names.index(name)] for name in self.changed]

    def without_draws(
        self, held: list[Any], inputs: list[Any], seed: Any = None
    ) -> tuple[Any, str | None]:
        """Run the module without dropout, or in evaluation mode if it draws numbers otherwise.

        Returns
        -------
        tuple
            The result, and None, `EVALUATED` or `STILL_DRAWS`.
        """
        if not self.draws:
            return self(held, inputs), None
        calm = copy.copy(self)
        result: Any = None
        for training in dict.fromkeys((self.training, False)):
            calm.training = training
            with torch.random.fork_rng(), _Watch() as watch, _NoDrops():
                result = calm(held, inputs)
            if not watch.draws:
                return result, None if training == self.training else EVALUATED
        return result, STILL_DRAWS

    def _outputs(self, held: list[Any], inputs: list[Any]) -> tuple[list[Any], list[Any]]:
        """Run the module; return the tensors in its result, and its own tensors after the call."""
        values = dict(zip(self.names, held, strict=True))
        args = () if self.keywords is not None else tuple(inputs)
        kwargs = dict(zip(self.keywords, inputs, strict=True)) if self.keywords is not None else {}
        with _swapping:
            self.structure.train(self.training)
            kept = _attributes(self.structure) if self.forgotten else []
            try:
                result = self._called(values, args, kwargs)
            finally:
                _restore(kept)
        after = [values[name] for name in self.names]
        if isinstance(result, Mapping):
            result = {key: v for key, v in result.items() if isinstance(v, torch.Tensor)}
            self.keys = list(result)
            return list(result.values()), after
        leaves = internals.tree_leaves(result)
        return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)], after

    def _called(self, values: dict[str, Any], args: Any, kwargs: Any) -> Any:
        """Call the module with the given values of its parameters and buffers.

        Values that the module assigns to them replace the given values in `values`.
        """
        if not internals.is_tracing():
            return functional_call(self.structure, values, args, kwargs)
        # An export to ONNX traces the call, and functional_call cannot be traced.
        with internals.reparametrize_module(self.structure, values, tie_weights=True):
            return self.structure(*args, **kwargs)


Kept: TypeAlias = list[tuple[str, torch.nn.Module, dict[str, Any], dict[str, Any]]]
"""Modules with their names, attributes and buffers."""


def _attributes(structure: torch.nn.Module) -> Kept:
    """Return the attributes and the buffers of all parts of a module, except parts of torch."""
    return [
        (name, module, dict(vars(module)), dict(module._buffers))
        for name, module in structure.named_modules()
        if not type(module).__module__.startswith("torch.")
    ]


def _restore(kept: Kept) -> dict[str, str]:
    """Restore the attributes that `_attributes` returned, and describe those that had changed."""
    found: dict[str, str] = {}
    for path, module, before, buffers in kept:
        for name in {**before, **vars(module)}:
            old, new = before.get(name), vars(module).get(name)
            if name == "training" or (old is new and name in before):
                continue
            if not _equal(old, new):
                found[f"{path}.{name}".lstrip(".")] = f"{_short(old)} -> {_short(new)}"
            if name in before:
                vars(module)[name] = old
            else:
                del vars(module)[name]
        for name in [name for name in module._buffers if name not in buffers]:
            found[f"{path}.{name}".lstrip(".")] = "a new buffer"
            del module._buffers[name]
    return found


def _equal(old: Any, new: Any) -> bool:
    """Return True if two values of plain types are equal."""
    return type(old) is type(new) and isinstance(old, (int, float, str)) and bool(old == new)


def _sizes(tensor: torch.Tensor) -> list[int | None]:
    """Return the sizes of a tensor, None for unknown ones."""
    return [shapes.known(size) for size in tensor.shape]


def _short(value: Any) -> str:
    plain = value is None or isinstance(value, (int, float, str))
    return f"{value!r:.40}" if plain else f"a {type(value).__name__}"


def _own(held: list[Any], after: list[Any]) -> list[Any]:
    """Return the values in `after`, with copies of those that the module has assigned."""
    # an assigned tensor may be a view of a parameter, or of an input
    return [
        new if new is old else new.detach().clone() for old, new in zip(held, after, strict=True)
    ]


class _Drops(TorchFunctionMode):
    """Torch mode that records the first function that drops elements at random."""

    def __init__(self) -> None:
        super().__init__()
        self.name: str | None = None

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "")
        if self.name is None and drops(name, args, kwargs):
            self.name = name
        return function(*args, **kwargs)


class _NoDrops(TorchFunctionMode):
    """Torch mode in which functions such as dropout keep all elements."""

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "")
        if drops(name, args, kwargs):
            args, kwargs = without_drops(name, args, kwargs)
        return function(*args, **kwargs)


class _Watch(internals.TorchDispatchMode):
    """Torch mode that records whether random numbers are drawn and which running averages change.

    The ``_version`` of a tensor counts all changes to it, except changes by batch normalisation.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.draws = False
        self.written: set[int] = set()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        self.draws = self.draws or draws(function, args, kwargs)
        if "batch_norm" in function.__name__:
            given = arguments(function, args, kwargs)
            if given.get("training", True):
                self.written |= {id(given.get(name)) for name in ("running_mean", "running_var")}
        return function(*args, **kwargs)
