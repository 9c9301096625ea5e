"""Learning-rate schedules for `SharedVariableModifier`, as functions of the number of iterations.

A schedule is a pure function, so it has no state to save when a run is saved. Its repr shows its
arguments. To make a learning rate depend on a record instead, use the `ReduceOnPlateau` extension
in `workbench.extensions.training`. If PyTorch has a corresponding schedule and its ``step()`` is
called after every batch, both schedules give the same values. Unlike some schedules in PyTorch,
these schedules neither rise again nor raise an error after their last iteration.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import ArgumentError
from workbench.hints import Hinted, hinted
from workbench.names import explain_missing
from workbench.utils.numbers import as_whole, check_finite

__all__ = ["Schedule", "chain", "cosine", "exponential", "linear", "one_cycle", "step", "warm_up"]


@dataclass(frozen=True, repr=False)
class Schedule(Hinted):
    """Function that computes a value from the number of completed iterations.

    Attributes
    ----------
    formula : callable
        A function that receives the number of completed iterations, and the settings as keyword
        arguments.
    settings : mapping
        The keyword arguments of `formula`.

    Examples
    --------
    >>> def inverse(n, rate):
    ...     return rate / (1 + n)
    >>> schedule = Schedule(inverse, {"rate": 0.5})
    >>> schedule
    inverse(rate=0.5)
    >>> schedule(4)
    0.1
    """

    formula: Callable[..., float]
    settings: Mapping[str, Any]

    def __call__(self, iterations_done: int) -> float:
        """Return the value for the iteration that follows `iterations_done` iterations."""
        return self.formula(iterations_done, **self.settings)

    def __repr__(self) -> str:
        settings = (f"{name}={value!r}" for name, value in self.settings.items())
        return f"{self.formula.__name__.lstrip('_')}({', '.join(settings)})"


@hinted
def linear(start: float, end: float, iterations: int) -> Schedule:
    """Return a schedule that changes linearly from `start` to `end` and then stays constant.

    Parameters
    ----------
    start, end : float
    iterations : int
        The number of iterations from `start` to `end`, at least 1.

    Returns
    -------
    Schedule

    Raises
    ------
    ArgumentError
        If `iterations` is not a positive integer, or if another argument is not a finite
        number.

    Examples
    --------
    >>> schedule = linear(0.0, 1.0, iterations=4)
    >>> [schedule(n) for n in range(6)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    """
    _number("start", start)
    _number("end", end)
    _whole("iterations", iterations)
    return Schedule(_linear, {"start": start, "end": end, "iterations": iterations})


def _linear(n: int, *, start: float, end: float, iterations: int) -> float:
    return start + (end - start) * min(n / iterations, 1.0)


@hinted
def warm_up(target: float | Schedule, iterations: int, *, start: float = 1 / 3) -> Schedule:
    """Return a schedule that rises linearly to `target` and then follows it.

    Parameters
    ----------
    target : float or Schedule
        A constant value, or a schedule that starts with its iteration 0 after the rise.
    iterations : int
        The number of iterations of the rise, at least 1.
    start : float
        The first value as a fraction of the first value of `target`.

    Returns
    -------
    Schedule

    Raises
    ------
    ArgumentError
        If `iterations` is not a positive integer, or if another argument is not a finite
        number.

    Examples
    --------
    >>> schedule = warm_up(step(0.8, every=2, factor=0.5), iterations=2, start=0.5)
    >>> [schedule(n) for n in range(6)]
    [0.4, 0.6..., 0.8, 0.8, 0.4, 0.4]
    """
    _check_target("target", target)
    _number("start", start)
    _whole("iterations", iterations)
    return Schedule(_warm_up, {"target": target, "iterations": iterations, "start": start})


def _warm_up(n: int, *, target: float | Schedule, iterations: int, start: float) -> float:
    following = _schedule(target)
    if n >= iterations:
        return following(n - iterations)
    return following(0) * (start + (1 - start) * n / iterations)


def _constant(n: int, *, value: float) -> float:
    return value


def _schedule(value: float | Schedule) -> Schedule:
    return value if isinstance(value, Schedule) else Schedule(_constant, {"value": value})


def _check_target(name: str, value: object) -> None:
    if not isinstance(value, Schedule):
        _number(name, value)


@hinted
def chain(schedules: Sequence[float | Schedule], ends: Sequence[int]) -> Schedule:
    """Return a schedule that follows several schedules, one after another.

    Parameters
    ----------
    schedules : sequence of float or Schedule
        The schedules in order; a number stands for a constant schedule. Each schedule counts
        iterations from its own start.
    ends : sequence of int
        The iterations where each schedule except the last ends and the next schedule starts, in
        increasing order.

    Returns
    -------
    Schedule

    Raises
    ------
    ArgumentError
        If `ends` does not consist of increasing integers, one for each schedule except the last.

    Examples
    --------
    >>> schedule = chain([linear(0.0, 1.0, 2), 1.0, step(0.5, every=1, factor=0.5)], ends=[2, 4])
    >>> [schedule(n) for n in range(7)]
    [0.0, 0.5, 1.0, 1.0, 0.5, 0.25, 0.125]
    """
    parts, times = tuple(schedules), _increasing("ends", ends)
    for part in parts:
        _check_target("a schedule", part)
    if len(times) != len(parts) - 1:
        raise ArgumentError(
            f"ends={times} must have one number for each schedule except the last, but there are "
            f"{len(parts)} schedules"
        )
    return Schedule(_chain, {"schedules": parts, "ends": times})


def _chain(n: int, *, schedules: tuple[float | Schedule, ...], ends: tuple[int, ...]) -> float:
    part = bisect_right(ends, n)
    return _schedule(schedules[part])(n - (ends[part - 1] if part else 0))


@hinted
def cosine(
    rate: float,
    iterations: int,
    *,
    minimum: float = 0.0,
    restarts: bool = False,
    growth: int = 1,
) -> Schedule:
    r"""Return a schedule that decreases from `rate` to `minimum` along half a cosine wave.

    After :math:`n` of the :math:`N` iterations of a descent, the value is :math:`m + (r - m) (1 +
    \cos(\pi n / N)) / 2`, with the `rate` :math:`r` and the `minimum` :math:`m`. Then the value
    stays at the minimum (in PyTorch it rises again) or, with `restarts`, returns to the rate.

    Parameters
    ----------
    rate : float
        The initial value.
    iterations : int
        The number of iterations of the descent or, with `restarts`, of the first descent; at
        least 1.
    minimum : float
        The value that each descent approaches; it is reached only without `restarts`.
    restarts : bool
        If True, start again after every descent.
    growth : int
        The ratio of the lengths of successive descents, at least 1.

    Returns
    -------
    Schedule

    Raises
    ------
    ArgumentError
        If `iterations` or `growth` is not a positive integer, or if `rate` or `minimum` is not
        a finite number.

    References
    ----------
    I. Loshchilov, F. Hutter. SGDR: Stochastic gradient descent with warm restarts. 2017.

    Examples
    --------
    >>> schedule = cosine(1.0, iterations=2)
    >>> [round(schedule(n), 6) for n in range(4)]
    [1.0, 0.5, 0.0, 0.0]
    >>> schedule = cosine(1.0, iterations=2, restarts=True)
    >>> [round(schedule(n), 6) for n in range(4)]
    [1.0, 0.5, 1.0, 0.5]
    """
    _number("rate", rate)
    _number("minimum", minimum)
    _whole("iterations", iterations)
    _whole("growth", growth)
    settings = {"rate": rate, "iterations": iterations, "minimum": minimum}
    if restarts:
        return Schedule(_cosine, {**settings, "restarts": True, "growth": growth})
    return Schedule(_cosine, settings)


def _cosine(
    n: int,
    *,
    rate: float,
    iterations: int,
    minimum: float,
    restarts: bool = False,
    growth: int = 1,
) -> float:
    if restarts and growth == 1:
        n %= iterations
    elif restarts:
        while n >= iterations:
            n -= iterations
            iterations *= growth
    return _between(rate, minimum, min(n / iterations, 1.0))


def _between(start: float, end: float, part: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * part)) / 2


@hinted
def step(rate: float, every: int | Sequence[int], *, factor: float = 0.1) -> Schedule:
    """Return a schedule whose value is multiplied by `factor` at given iterations.

    Parameters
    ----------
    rate : float
        The initial value.
    every : int or sequence of int
        The number of iterations between two steps, or the iterations of the steps.
    factor : float

    Returns
    -------
    Schedule

    Raises
    ------
    ArgumentError
        If `every` is neither a positive integer nor an increasing sequence of positive integers, or
        if another argument is not a finite number.

    Examples
    --------
    >>> schedule = step(8.0, every=2, factor=0.5)
    >>> [schedule(n) for n in range(6)]
    [8.0, 8.0, 4.0, 4.0, 2.0, 2.0]
    >>> schedule = step(8.0, every=[1, 4], factor=0.5)
    >>> [schedule(n) for n in range(6)]
    [8.0, 4.0, 4.0, 4.0, 2.0, 2.0]
    """
    _number("rate", rate)
    _number("factor", factor)
    if not isinstance(every, Sequence):
        _whole("every", every)
        return Schedule(_step, {"rate": rate, "every": every, "factor": factor})
    times = _increasing("every", every)
    return Schedule(_step, {"rate": rate, "every": times, "factor": factor})


def _step(n: int, *, rate: float, every: int | tuple[int, ...], factor: float) -> float:
    steps = bisect_right(every, n) if isinstance(every, tuple) else n // every
    return _grown(rate, factor, steps)


@hinted
def exponential(rate: float, factor: float, iterations: int = 1) -> Schedule:
    """Return a schedule that changes exponentially, by `factor` over `iterations` iterations.

    Parameters
    ----------
    rate : float
        The initial value.
    factor : float
        The factor that multiplies the value over `iterations` iterations.
    iterations : int
        The number of iterations, at least 1. If it is the number of batches in an epoch, `factor`
        applies per epoch.

    Returns
    -------
    Schedule

    Raises
    ------
    ArgumentError
        If `iterations` is not a positive integer, if `rate` is not a finite number, or if `factor`
        is not a positive finite number.

    Examples
    --------
    >>> schedule = exponential(8.0, 0.25, iterations=2)
    >>> [schedule(n) for n in range(4)]
    [8.0, 4.0, 2.0, 1.0]
    """
    _number("rate", rate)
    _number("factor", factor)
    if factor <= 0:
        raise ArgumentError(f"factor must be greater than 0, not {factor!r}")
    _whole("iterations", iterations)
    return Schedule(_exponential, {"rate": rate, "factor": factor, "iterations": iterations})


def _exponential(n: int, *, rate: float, factor: float, iterations: int) -> float:
    return _grown(rate, factor, n / iterations)


def _grown(rate: float, factor: float, times: float) -> float:
    """Return ``rate * factor**times``, or infinity if it is too large for a float."""
    try:
        return rate * math.pow(factor, times)
    except OverflowError:  # unlike a product, a power that is too large raises an error
        sign = -1.0 if factor < 0 and times % 2 else 1.0
        return rate * sign * math.inf if rate else 0.0


@hinted
def one_cycle(
    maximum: float,
    iterations: int,
    *,
    warm_up: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    """Return a schedule that rises to `maximum` and then falls, each along half a cosine wave.

    Parameters
    ----------
    maximum : float
        The highest value.
    iterations : int
        The number of iterations of training, at least 2. The value is lowest for the last batch and
        for all later batches.
    warm_up : float
        The fraction of `iterations` during which the value rises, at least 0 and less than 1.
    div_factor : float
        The ratio of `maximum` to the first value.
    final_div_factor : float
        The ratio of the first value to the last value.

    Returns
    -------
    Schedule

    Raises
    ------
    ArgumentError
        If `iterations` is not an integer greater than 1, `warm_up` is not in [0, 1), or `maximum`
        is not a finite number.

    References
    ----------
    L. Smith, N. Topin. Super-convergence: very fast training of neural networks using large
    learning rates. 2018.

    Examples
    --------
    >>> schedule = one_cycle(1.0, iterations=7, warm_up=0.5, div_factor=10)
    >>> [round(schedule(n), 2) for n in range(8)]
    [0.1, 0.41, 0.91, 0.95, 0.61, 0.19, 0.0, 0.0]
    """
    _number("maximum", maximum)
    _whole("iterations", iterations, least=2)
    if not 0 <= warm_up < 1:
        raise ArgumentError(f"warm_up must be a fraction in [0, 1), not {warm_up!r}")
    return Schedule(
        _one_cycle,
        {
            "maximum": maximum,
            "iterations": iterations,
            "warm_up": warm_up,
            "div_factor": div_factor,
            "final_div_factor": final_div_factor,
        },
    )


def _one_cycle(
    n: int,
    *,
    maximum: float,
    iterations: int,
    warm_up: float,
    div_factor: float,
    final_div_factor: float,
) -> float:
    first = maximum / div_factor
    peak, last = max(warm_up * iterations - 1, 0.0), iterations - 1
    if n < peak:
        return _between(first, maximum, n / peak)
    return _between(maximum, first / final_div_factor, min((n - peak) / (last - peak), 1.0))


def _increasing(name: str, values: Sequence[int]) -> tuple[int, ...]:
    for value in values:
        _whole(name, value)
    times = tuple(values)
    if list(times) != sorted(set(times)):
        raise ArgumentError(
            f"{name}={times} must be numbers of iterations in strictly increasing order"
        )
    return times


def _number(name: str, value: object) -> None:
    check_finite(value, name, ArgumentError)


def _whole(name: str, value: object, least: int = 1) -> None:
    as_whole(value, name, ArgumentError, least)


explain_missing(__name__)
