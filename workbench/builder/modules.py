"""The settings of a ``torch.nn.Module``, read from the finished module.

torch keeps most arguments of a constructor as attributes. An argument for which a module has a
parameter or None instead (``bias=True``) is read as whether it is there. Containers are described
by their parts. What was read is checked: a module made from it must have the same text and the same
parameters.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import torch

from workbench.builder import registry
from workbench.errors import BuilderError
from workbench.tensor.symbolic import is_symbolic

PLACES = ("device", "dtype")
"""Arguments of where a module is made, which are not part of a specification."""

MOST = 2**30
"""The largest number of elements of the parameters of one module."""


def settings_of(module: torch.nn.Module) -> dict[str, Any]:
    """Return the arguments of the constructor of a module that differ from the defaults.

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
                continue  # checked by `check`
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
    """Check whether a module is a sequence of others."""
    return type(module) is torch.nn.Sequential


def made(
    cls: type[torch.nn.Module],
    settings: Mapping[str, Any],
    parts: Mapping[str, Callable[[], torch.nn.Module]] | None,
) -> torch.nn.Module:
    """Return a new module, made on torch's meta device first, to learn how large it is.

    Inside `workbench.bricks.symbolic_parameters`, the module stays on that device.

    Raises
    ------
    BuilderError
        If it would be too large.
    """
    if parts is not None:
        return cls(OrderedDict((name, part()) for name, part in parts.items()))
    with torch.device("meta"):
        light = cls(**settings)
    size = sum(parameter.numel() for parameter in light.parameters())
    if size > MOST:
        raise BuilderError(f"the module would have {size:,} parameters; at most {MOST:,} are made")
    return light if is_symbolic() else cls(**settings)


def check(original: torch.nn.Module, settings: Mapping[str, Any]) -> None:
    """Raise `BuilderError` unless a module made from `settings` is like the original."""
    with torch.device("meta"):
        twin = type(original)(**settings)
    kinds = [
        [(name, tuple(t.shape), t.dtype) for name, t in module.state_dict().items()]
        for module in (original, twin)
    ]
    if repr(original) != repr(twin) or kinds[0] != kinds[1]:
        raise BuilderError(
            f"the arguments of {type(original).__name__} cannot be read from {original!r:.200}; a "
            "module made from them would be different"
        )
