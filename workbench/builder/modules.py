"""The settings of a ``torch.nn.Module``, read from the finished module.

Modules keep most arguments of their constructors as attributes. For some boolean arguments, such as
``bias``, the attribute is a parameter or None; the argument is True if there is a parameter.
Containers are described by their parts. The result is checked: a module constructed from the
settings must have the same ``repr``, and parameters and buffers with the same names, shapes and
dtypes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import torch

from workbench.builder import registry
from workbench.errors import BuilderError
from workbench.tensor.symbolic import is_symbolic, reserve
from workbench.utils.numbers import is_whole

PLACES = ("device", "dtype")
"""Arguments for the device and dtype of a module; a specification does not contain them."""

MOST = 2**30
"""Maximum number of elements in the parameters of one module."""

MOST_LAYERS = 1000
"""Maximum value of settings such as ``num_layers``: torch creates the layers one by one."""


def settings_of(module: torch.nn.Module) -> dict[str, Any]:
    """Return the constructor arguments of a module that differ from their defaults.

    Raises
    ------
    BuilderError
        If an argument cannot be read.
    """
    given = {}
    for name, parameter in registry.settings_of(type(module)).items():
        if name in PLACES or name.startswith("_"):
            continue
        try:
            value = getattr(module, name)
        except AttributeError:
            if parameter.default is not parameter.empty:
                continue  # assume the default; `check` would find a difference
            raise BuilderError(
                f"{type(module).__name__} does not keep the argument {name!r} of its constructor, "
                f"so it cannot be described; assign self.{name} = {name} in its constructor"
            ) from None
        if isinstance(parameter.default, bool) and not isinstance(value, bool):
            value = value is not None and value is not False
        if not _equal(value, parameter.default):
            given[name] = value
    return given


def _equal(value: object, default: object) -> bool:
    if value is default:
        return True
    plain = (bool, int, float, str, tuple)
    return isinstance(value, plain) and type(value) is type(default) and value == default


def is_container(module: torch.nn.Module) -> bool:
    """Return True if the class of a module is exactly ``torch.nn.Sequential``."""
    return type(module) is torch.nn.Sequential


def made(
    cls: type[torch.nn.Module],
    settings: Mapping[str, Any],
    parts: Mapping[str, Callable[[], torch.nn.Module]] | None,
) -> torch.nn.Module:
    """Return a new module, after checking its size on torch's meta device.

    Inside `workbench.bricks.symbolic_parameters`, the module stays on the meta device.

    Raises
    ------
    BuilderError
        If the module would be too large.
    """
    if parts is not None:
        return cls(OrderedDict((name, part()) for name, part in parts.items()))
    for name, value in settings.items():
        if name.endswith("layers") and is_whole(value) and value > MOST_LAYERS:
            raise BuilderError(f"{name} is {value:,}, but must be at most {MOST_LAYERS:,}")
    with torch.device("meta"):
        light = cls(**settings)
    size = sum(parameter.numel() for parameter in light.parameters())
    if size > MOST:
        raise BuilderError(
            f"the module would have {size:,} parameters; at most {MOST:,} are allowed"
        )
    reserve([size])
    return light if is_symbolic() else cls(**settings)


def check(original: torch.nn.Module, settings: Mapping[str, Any]) -> None:
    """Raise `BuilderError` unless a module constructed from `settings` matches the original."""
    with torch.device("meta"):
        twin = type(original)(**settings)
    kinds = [
        [(name, tuple(t.shape), t.dtype) for name, t in module.state_dict().items()]
        for module in (original, twin)
    ]
    if repr(original) != repr(twin) or kinds[0] != kinds[1]:
        raise BuilderError(
            f"the arguments of {type(original).__name__} cannot be read from {original!r:.200}; a "
            "module constructed from them would be different"
        )
