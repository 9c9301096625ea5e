"""The bricks and operations that accept the shape and dtype of an output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from workbench.bricks.inference import Kind, infer
from workbench.builder import registry
from workbench.builder.construct import Constructor
from workbench.builder.operations import ALL
from workbench.builder.palette import ports
from workbench.builder.spec import BrickSpec
from workbench.errors import NotConfiguredError, WorkbenchError

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def fitting(kind: Kind | None) -> list[str]:
    """Return the types of bricks and operations that accept a variable, in the catalogue's order.

    If the shape is unknown, all bricks and operations are returned. A brick is omitted only if it
    has no inputs, or is certain to refuse the variable's dtype or number of dimensions.
    """
    return [
        *_bricks(kind),
        *(one.name for one in ALL if kind is None or _operation(one.name, kind)),
    ]


def _bricks(kind: Kind | None) -> Iterator[str]:
    for name in registry.types("brick"):
        if kind is None or _accepts(name, kind):
            yield name


def _accepts(name: str, kind: Kind) -> bool:
    """Return False if the first method of a brick is certain to refuse this kind of variable."""
    try:
        brick = Constructor().top(BrickSpec(name), "bricks/0")
        methods = ports(brick)
    except Exception:  # it needs settings, or is a user's class that raises any error
        return True
    if not methods:
        return False
    inputs = [port for port in methods[0].inputs or () if not port.optional]
    if len(inputs) != 1:
        return bool(methods[0].inputs)
    for _ in range(MOST_MISSING):
        try:
            infer(getattr(brick, methods[0].name), {inputs[0].name: kind})
        except NotConfiguredError as error:
            if not _configured(brick, error, kind):
                return True
            continue
        except WorkbenchError as error:
            return error.fix is not None  # a setting can make it fit
        except Exception:  # torch raises many kinds of errors
            return True
        return True
    return True


MOST_MISSING = 5
"""Maximum number of attempts to set missing settings."""


def _configured(brick: Any, error: NotConfiguredError, kind: Kind) -> bool:
    """Set the missing sizes of a brick to arbitrary values; return False if this fails."""
    last = kind.shape[-1] if kind.shape else None
    names = [name for name in error.missing if name.endswith("dim")]
    try:
        for name in names:
            setattr(brick, name, last if "input" in name and isinstance(last, int) else 2)
    except WorkbenchError:
        return False
    return bool(names)


def _operation(name: str, kind: Kind) -> bool:
    if name == "T":
        return len(kind.shape) == 2
    if name in ("mean", "softmax", "log_softmax"):
        return kind.dtype in FLOATS
    return not (name == "matmul" and not kind.shape)
