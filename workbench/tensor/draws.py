"""Functions of torch that draw random numbers, found by name or by tag.

torch tags attention and the recurrent layers as random, since they have dropout. With a
probability of zero, or in evaluation mode, they do not draw.
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
DROPOUT = ".bernoulli(x.shape, 1 - p), or a Dropout brick or apply_dropout on the graph"
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
    "gumbel_softmax": ".uniform(x.shape), of which -log(-log(u)) is a Gumbel variate",
    "poisson": "it has uniform, normal, bernoulli, integers and categorical",
    "rrelu": ".uniform(x.shape, lower, upper) as slope",
    "svd_lowrank": "or take torch.linalg.svd, which does not draw",
    "pca_lowrank": "or take torch.linalg.svd, which does not draw",
    "scaled_dot_product_attention": "with dropout_p=0, and dropout on the result",
    "multi_head_attention_forward": "with dropout_p=0, and dropout on the result",
    "fractional_max_pool2d": ".uniform((n, channels, 2)) as _random_samples",
    "fractional_max_pool3d": ".uniform((n, channels, 3)) as _random_samples",
}
WORDS |= dict.fromkeys(
    "dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout feature_dropout "
    "native_dropout".split(),
    DROPOUT,
)
WORDS |= dict.fromkeys("binomial _standard_gamma _sample_dirichlet".split(), WORDS["poisson"])
"""Functions of torch that draw, by name, and the method of a stream to use instead."""


SOMETIMES: dict[str, tuple[tuple[int, float], tuple[int, bool]]] = {
    name: ((1, 0.5), (2, True)) for name, word in WORDS.items() if word is DROPOUT
} | {
    "rrelu": ((sys.maxsize, 1.0), (3, False)),
    "scaled_dot_product_attention": ((4, 0.0), (sys.maxsize, True)),
    "multi_head_attention_forward": ((10, 0.0), (13, True)),
}
"""For functions that draw only sometimes: positions and defaults of probability and mode."""


def word_for_draw(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
    """Return the replacement to suggest for a call that draws from a generator of torch.

    Parameters
    ----------
    name : str
        The name of the function.
    args, kwargs : sequence, mapping
        Its arguments.

    Returns
    -------
    str or None
        None if the call does not draw.

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
    """Return True if a call drops elements at random, as dropout does in training.

    Parameters
    ----------
    name : str
        The name of the function.
    args, kwargs : sequence, mapping
        Its arguments.

    Returns
    -------
    bool

    Examples
    --------
    >>> drops("dropout", (None, 0.5), {}), drops("dropout", (None, 0.5), {"training": False})
    (True, False)
    """
    return name in SOMETIMES and word_for_draw(name, args, kwargs) is not None


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
    """Return the argument of each parameter of an operation, defaults included."""
    parameters = operation._schema.arguments
    given = {one.name: one.default_value for one in parameters if one.has_default_value()}
    return given | dict(zip([one.name for one in parameters], args, strict=False)) | {**kwargs}


def draws(operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Return True if a call of an operation draws random numbers.

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
