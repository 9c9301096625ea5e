"""Whether an operation of torch draws random numbers: its tag, its probability and its mode.

Attention and the recurrent layers are tagged as drawing since they can leave something out; with a
probability of zero, or in evaluation mode, they do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

PROBABILITIES = ("dropout_p", "dropout", "p")
MODES = ("train", "training")


def arguments(operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """What each parameter of an operation is given, defaults included."""
    parameters = operation._schema.arguments
    given = {one.name: one.default_value for one in parameters if one.has_default_value()}
    return given | dict(zip([one.name for one in parameters], args, strict=False)) | {**kwargs}


def draws(operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether a call of an operation draws.

    Examples
    --------
    >>> import torch
    >>> attention = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default
    >>> q = torch.zeros(1, 1, 2, 3)
    >>> draws(attention, (q, q, q), {}), draws(attention, (q, q, q, 0.1), {})
    (False, True)
    """
    if torch.Tag.nondeterministic_seeded not in getattr(operation, "tags", ()):
        return False
    given = arguments(operation, args, kwargs)
    if any(given.get(name) is False for name in MODES):
        return False
    return not any(isinstance(given.get(n), (int, float)) and given[n] == 0 for n in PROBABILITIES)
