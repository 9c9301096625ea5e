"""Buffers, statistics and counters that a run keeps when its model is replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from workbench.algorithms import TorchOptimizer
from workbench.builder.growth import Growth
from workbench.builder.matching import Matching
from workbench.errors import AlgorithmError, BuilderError
from workbench.graph.hierarchy import get_brick, path_of
from workbench.interfaces import Loop
from workbench.main_loop.state import Variables, variables_of
from workbench.serialization.variable_values import value_of
from workbench.tensor import SharedVariable

Change = Callable[[torch.Tensor], torch.Tensor]
"""Function that extends a tensor to a larger number of units."""


def keep_others(
    loop: Loop,
    algorithm: object,
    old: tuple[Variables, Variables],
    matching: Matching,
    grown: Mapping[str, Growth],
) -> None:
    """Set the buffers, statistics and counters of the new parts to their earlier values.

    Parameters
    ----------
    loop : Loop
        The main loop, which already has the new parts.
    algorithm : TrainingAlgorithm
        The earlier algorithm.
    old : pair of dict
        The earlier parameters, and the earlier variables that are not parameters.
    matching : Matching
    grown : dict of str to Growth

    Raises
    ------
    BuilderError
        If the state of a torch optimizer cannot be kept.
    """
    parameters, others = variables_of(loop)
    was, before = old
    source: dict[SharedVariable, tuple[SharedVariable, Change | None]] = {}
    by_path = {path_of(one): one for one in was.values()}
    for one in parameters.values():
        path = path_of(one)
        if path in matching.pairs:
            source[one] = by_path[matching.pairs[path]], None
        elif path in grown:
            source[one] = by_path[grown[path].source], grown[path].buffer
    if isinstance(loop.algorithm, TorchOptimizer) and isinstance(algorithm, TorchOptimizer):
        try:
            loop.algorithm.take_state(algorithm, source)
        except AlgorithmError as error:
            raise BuilderError(f"the state of the optimizer cannot be kept: {error}") from error
    buffers = _by_owner(before)
    for (owner, name, number), variable in _by_owner(others).items():
        if owner in source:
            earlier, change = source[owner]
            found = buffers.get((earlier, name, number))
            if found is not None and found is not variable:
                value = value_of(found)
                _assign(variable, value if change is None else change(value))
    by_name = dict(before)
    for name, variable in others.items():
        if "for_parameter" in vars(variable.tag):
            continue
        brick: Any = get_brick(variable)
        if brick is not None:
            path = brick.path()
            name = name.replace(path, matching.bricks.get(path, path), 1)
        same = by_name.get(name)
        if same is not None and same is not variable:
            _assign(variable, _widened(value_of(same), variable, grown))


def _by_owner(
    variables: Mapping[str, SharedVariable],
) -> dict[tuple[SharedVariable, str, int], SharedVariable]:
    """Return the buffers of step rules, keyed by parameter, name and number.

    The number distinguishes buffers of one parameter that have the same name.
    """
    found: dict[tuple[SharedVariable, str, int], SharedVariable] = {}
    for variable in variables.values():
        owner = vars(variable.tag).get("for_parameter")
        if owner is None:
            continue
        number = 0
        while (owner, repr(variable), number) in found:
            number += 1
        found[owner, repr(variable), number] = variable
    return found


def _widened(value: Any, variable: SharedVariable, grown: Mapping[str, Growth]) -> Any:
    """Return the statistics of a layer, with copied values for any units that were added."""
    for axis, (old, new) in enumerate(zip(value.shape, variable.tensor.shape, strict=False)):
        for growth in grown.values() if old != new else ():
            for one in growth.copies:
                if not one.shared and len(one.origins) == new and max(one.origins) < old:
                    origins = torch.tensor(one.origins, device=value.device)
                    return value.index_select(axis, origins)
    return value


def _assign(variable: SharedVariable, value: Any) -> None:
    if tuple(value.shape) == tuple(variable.tensor.shape) and value.dtype == variable.dtype:
        variable.set_value(value)
