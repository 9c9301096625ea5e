"""Distributions of tensor values: counts in bins, and a few statistics."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

BINS = 64


@dataclass(frozen=True)
class Distribution:
    """Distribution of the finite values of a tensor.

    Attributes
    ----------
    low, high : float
        The minimum and maximum of the finite values; NaN if there are no finite values.
    counts : array of float32
        The counts in `BINS` bins of equal width between `low` and `high`. If all values are equal,
        they are counted in the middle bin.
    mean, deviation : float
        The mean and standard deviation of the finite values; NaN if there are no finite values.
    zeros, broken : float
        The fraction of all values that are exactly zero, and the fraction that are infinite or NaN.
    size : int
        The total number of values.
    """

    low: float
    high: float
    counts: npt.NDArray[np.float32]
    mean: float
    deviation: float
    zeros: float
    broken: float
    size: int


def distribution(tensor: torch.Tensor) -> Distribution:
    """Return the distribution of the values of a tensor.

    Examples
    --------
    >>> found = distribution(torch.tensor([0.0, 1.0, 2.0, float("nan")]))
    >>> found.low, found.high, found.mean, found.zeros, found.broken
    (0.0, 2.0, 1.0, 0.25, 0.25)
    >>> int(found.counts.sum())
    3
    """
    values = tensor.detach().reshape(-1).to("cpu")
    values = values.float() if values.dtype != torch.float64 else values
    size = values.numel()
    is_finite = values.isfinite()
    finite = values if bool(is_finite.all()) else values[is_finite]
    if not finite.numel():
        nothing = np.zeros(BINS, np.float32)
        nan = math.nan
        return Distribution(nan, nan, nothing, nan, nan, 0.0, float(size > 0), size)
    low, high = (float(edge) for edge in torch.aminmax(finite))
    # scaled, since the width of the range may exceed the largest number
    scale = max(abs(low), abs(high))
    if low < high and low / scale < high / scale:
        counts = torch.histc((finite / scale).float(), BINS, low / scale, high / scale)
    else:
        counts = torch.zeros(BINS)
        counts[BINS // 2] = finite.numel()
    variance, mean = torch.var_mean(finite, correction=0)
    return Distribution(
        low,
        high,
        counts.numpy(),
        float(mean),
        math.sqrt(float(variance)),
        float((values == 0).sum()) / size,
        1 - finite.numel() / size,
        size,
    )
