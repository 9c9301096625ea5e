"""Detection, by name or by tag, of torch functions that draw random numbers.

torch tags attention and the recurrent layers as random, since they include dropout. However, they
draw no random numbers in evaluation mode or if the dropout probability is zero.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import torch

PROBABILITIES = ("dropout_p", "dropout", "p")
MODES = ("train", "training")

UNIFORM = ".uniform(x.shape)"
NORMAL = ".normal(x.shape)"
INTEGERS = ".integers(x.shape, low, high)"
DROPOUT = ".bernoulli(x.shape, 1 - p); or use a Dropout brick or the function apply_dropout"
WORDS = {
    "rand": UNIFORM,
    "rand_like": UNIFORM,
    "randn": NORMAL,
    "randn_like": NORMAL,
    "normal": ".normal(x.shape, mean, std)",
    "randint": INTEGERS,
    "randint_like": INTEGERS,
    "randperm": ".uniform((n,)).argsort()",
    "bernoulli": ".bernoulli(x.shape, x)",
    "multinomial": ".categorical(probabilities)",
    "gumbel_softmax": "with u = stream.uniform(x.shape), -log(-log(u)) is a Gumbel variate",
    "poisson": "its methods are uniform, normal, bernoulli, integers and categorical",
    "rrelu": ".uniform(x.shape, lower, upper) as the slope",
    "svd_lowrank": "use torch.linalg.svd, which draws no random numbers",
    "pca_lowrank": "use torch.linalg.svd, which draws no random numbers",
    "scaled_dot_product_attention": "pass dropout_p=0, and apply dropout to the result",
    "multi_head_attention_forward": "pass dropout_p=0, and apply dropout to the result",
    "fractional_max_pool2d": "pass .uniform((n, channels, 2)) as _random_samples",
    "fractional_max_pool3d": "pass .uniform((n, channels, 3)) as _random_samples",
}
WORDS |= dict.fromkeys(
    "dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout feature_dropout "
    "native_dropout".split(),
    DROPOUT,
)
WORDS |= dict.fromkeys("binomial _standard_gamma _sample_dirichlet".split(), WORDS["poisson"])
"""Replacements for the torch functions that draw random numbers, keyed by function name."""


SOMETIMES: dict[str, tuple[tuple[int, float], tuple[int, bool]]] = {
    name: ((1, 0.5), (2, True)) for name, word in WORDS.items() if word is DROPOUT
} | {
    "rrelu": ((sys.maxsize, 1.0), (3, False)),
    "scaled_dot_product_attention": ((4, 0.0), (sys.maxsize, True)),
    "multi_head_attention_forward": ((10, 0.0), (13, True)),
}
"""Functions that draw random numbers only for some values of two of their arguments.

The values of the mapping are the positions and defaults of these arguments.
"""


def word_for_draw(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
    """Return the suggested replacement for a call that draws from a torch generator.

    Parameters
    ----------
    name : str
        The name of the function.
    args, kwargs : sequence, mapping
        Its positional and keyword arguments.

    Returns
    -------
    str or None
        The replacement, or None if the call does not draw.

    Examples
    --------
    >>> word_for_draw("randperm", (3,), {})
    '.uniform((n,)).argsort()'
    >>> word_for_draw("dropout", (None, 0.5, False), {})
    """
    word = WORDS.get(name)
    if word is None or kwargs.get("_random_samples") is not None:
        return None
    if name in SOMETIMES:
        probability, mode = SOMETIMES[name]
        p = _argument(args, kwargs, *probability, PROBABILITIES)
        if (isinstance(p, (int, float)) and p == 0) or not _argument(args, kwargs, *mode, MODES):
            return None
    return word


def drops(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Return True if a call to a function in `SOMETIMES`, such as dropout, draws random numbers.

    Parameters
    ----------
    name : str
        The name of the function.
    args, kwargs : sequence, mapping
        Its positional and keyword arguments.

    Returns
    -------
    bool

    Examples
    --------
    >>> drops("dropout", (None, 0.5), {}), drops("dropout", (None, 0.5), {"training": False})
    (True, False)
    """
    return name in SOMETIMES and word_for_draw(name, args, kwargs) is not None


def without_drops(
    name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments of a call for which `drops` is true, changed so that it keeps all.

    Examples
    --------
    >>> without_drops("dropout", (None, 0.5), {}), without_drops("rrelu", (None,), {})
    (([None, 0.0], {}), ([None], {'training': False}))
    """
    (position, _), (mode, _) = SOMETIMES[name]
    names = [*reversed(PROBABILITIES)]
    value: float = 0.0
    if position == sys.maxsize:
        position, names, value = mode, [*reversed(MODES)], False
    given, named = list(args), dict(kwargs)
    if position < len(given):
        given[position] = value
    else:
        named[next((one for one in names if one in named), names[0])] = value
    return given, named


def _argument(
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    position: int,
    default: Any,
    names: Sequence[str],
) -> Any:
    if position < len(args):
        return args[position]
    return next((kwargs[name] for name in names if name in kwargs), default)


def arguments(operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call, including defaults, keyed by parameter name."""
    parameters = operation._schema.arguments
    given = {one.name: one.default_value for one in parameters if one.has_default_value()}
    return given | dict(zip([one.name for one in parameters], args, strict=False)) | {**kwargs}


def draws(operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Return True if a call to an operation draws random numbers.

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
