"""Conversion of a computation graph to a ``torch.nn.Module``, for tools that expect a module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from workbench.errors import GraphError, SignatureError
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.lowering import lower


class GraphAsModule(torch.nn.Module):
    """Module that computes `outputs`, created by `workbench.model.Model.to_module`.

    Parameters and buffers share memory with the shared variables. Until the module is moved
    to another device, every change to the module, for instance by an optimiser, also changes the
    model, and vice versa. Nested modules mirror the hierarchy of bricks.

    Parameters
    ----------
    inputs : sequence of Variable
        The arguments of ``forward``, passed in order or by name.
    outputs : sequence of Variable
        The results of ``forward``, which returns one tensor or a tuple.
    parameters : dict of str to SharedVariable
        The shared variables to train, by path.
    """

    def __init__(
        self,
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        parameters: Mapping[str, SharedVariable],
    ) -> None:
        super().__init__()
        program = lower(inputs, outputs)
        changing = [v for v in program.shared if v.default_update is not None]
        if changing:
            raise GraphError(
                f"the graph updates {', '.join(map(repr, changing))} whenever it runs (for "
                "instance to draw random numbers), but a module cannot apply updates; convert a "
                "graph without these updates"
            )
        paths = {variable: path for path, variable in parameters.items()}
        self._names = [variable.name for variable in inputs]
        self._single = len(outputs) == 1
        self._program = program.module
        # Constants are part of the program, not of the state.
        self._program._non_persistent_buffers_set.update(self._program._buffers)
        self._places: list[tuple[torch.nn.Module, str]] = []
        for i, variable in enumerate([*program.shared, *program.leaves]):
            path = paths.get(variable, f"shared_{i}_{variable.name}")
            self._places.append(self._hold(path, variable, trained=variable in paths))

    def _hold(
        self, path: str, variable: SharedVariable, trained: bool
    ) -> tuple[torch.nn.Module, str]:
        """Register the tensor of a variable in the nested module at the variable's path."""
        *above, name = path.removeprefix("/").replace("/", ".").split(".")
        module: torch.nn.Module = self
        for part in above:
            if part not in module._modules:
                module.add_module(part, torch.nn.Module())
            module = module.get_submodule(part)
        if trained:
            module.register_parameter(name, torch.nn.Parameter(variable.tensor))
        else:
            module.register_buffer(name, variable.tensor)
        return module, name

    def forward(self, *args: Any, **named: torch.Tensor) -> Any:
        """Compute the outputs for the given tensors."""
        passed = [*named]
        given = [*args, *(named.pop(name) for name in self._names[len(args) :] if name in named)]
        if len(given) != len(self._names) or named:
            raise SignatureError(
                f"the arguments of the module must be ({', '.join(map(repr, self._names))}), by "
                f"position or by name, not {len(args)} by position and {passed} by name"
            )
        held = [getattr(module, name) for module, name in self._places]
        results = self._program(*given, *held)
        return results[0] if self._single else tuple(results)
