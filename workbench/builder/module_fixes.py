"""Fixes for faults of wrapped torch modules, such as a wrong number of input features.

The module runs on tensors without memory until the part that refuses its input is found. The size
of this input is then offered as the part's setting.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from workbench.bricks import TorchModule
from workbench.bricks.inference import Kind
from workbench.builder.changes import Change
from workbench.builder.construct import Constructor
from workbench.builder.fields import Json
from workbench.builder.spec import CallSpec
from workbench.tensor import torch_internals as internals

SIZES: Mapping[str, int] = {
    "in_features": -1, "in1_features": -1, "input_size": -1, "in_channels": 1, "num_features": 1,
    "num_channels": 1, "d_model": -1, "embed_dim": -1,
}  # fmt: skip
"""The axis of the first input whose size a module setting must equal, keyed by setting."""

UNKNOWN = 2
"""Size that is used for unknown axes when the module runs."""


def module_fix(
    call: CallSpec, kinds: Mapping[str, Kind] | None, constructor: Constructor
) -> Change | None:
    """Return a change to a module's settings that makes the module accept its inputs, or None.

    Parameters
    ----------
    call : CallSpec
        The call of a `TorchModule`.
    kinds : dict of str to Kind, or None
        The kinds of the wires.
    constructor : Constructor
        The constructor that has created the brick.
    """
    brick = constructor.bricks.get(call.brick or "")
    place = None if brick is None else constructor.places.get(brick)
    if not isinstance(brick, TorchModule) or place is None or kinds is None:
        return None
    with contextlib.suppress(Exception):  # a module can raise anything
        given = [kinds[str(call.inputs[name])] for name in brick.input_names]
        found = _refusing(brick.module, given)
        if found is not None:
            path, part, shape = found
            for name, axis in SIZES.items():
                if hasattr(part, name) and getattr(part, name) != shape[axis]:
                    of = f" of {path}" if path else ""
                    where = "".join(f"/parts/{key}" for key in path.split(".")) if path else ""
                    return Change(
                        f"set {name}{of} to {shape[axis]}",
                        f"{place}/settings/module/module{where}/settings/{name}",
                        shape[axis],
                    )
    return None


def _refusing(
    module: torch.nn.Module, kinds: Sequence[Kind]
) -> tuple[str, torch.nn.Module, Json] | None:
    """Return the path, module and input shape of the innermost part that raises an error."""
    entered: list[tuple[str, torch.nn.Module, tuple[int, ...]]] = []
    handles = []

    def enter(path: str) -> Any:
        def hook(part: torch.nn.Module, args: Any) -> None:
            shape = tuple(args[0].shape) if args and isinstance(args[0], torch.Tensor) else ()
            entered.append((path, part, shape))

        return hook

    def leave(part: torch.nn.Module, args: Any, output: Any) -> None:
        entered.pop()

    twin = copy.deepcopy(module)
    for path, part in twin.named_modules():
        handles.append(part.register_forward_pre_hook(enter(path)))
        handles.append(part.register_forward_hook(leave))
    sizes = [[n if isinstance(n, int) else UNKNOWN for n in kind.shape] for kind in kinds]
    inputs = [
        torch.empty(size, dtype=kind.dtype, device="meta")
        for size, kind in zip(sizes, kinds, strict=True)
    ]
    try:
        with internals.quiet(), torch.no_grad():
            twin(*inputs)
    except Exception:
        return entered[-1] if entered else None
    finally:
        for handle in handles:
            handle.remove()
    return None
