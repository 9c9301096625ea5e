"""Random draws as nodes of the graph: seeded, resumable, and the same in every tier.

A random value is a hash. Element ``i`` of a draw is a hash of the seed of the stream, the number of
the draw within the stream, a counter that every call to a program advances by one, and ``i``. The
counter is a shared variable. It is the only state, and checkpoints save it. The hash uses integer
arithmetic (the finaliser of SplitMix64, Steele, Lea and Flood, 2014), so that it returns the same
bits on every device and in every execution tier. torch's generators do not have this property:
their values differ between devices, and compiled programs draw in a different order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch

from workbench.hints import Hinted
from workbench.tensor import shapes
from workbench.tensor.call import Operation, apply
from workbench.tensor.device import default_device, floatx
from workbench.tensor.inputs import as_variable
from workbench.tensor.shared import SharedVariable, shared
from workbench.tensor.variable import Call, Variable

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_STEP = 0x2545F4914F6CDD1D  # difference between the counters of successive steps of a loop


Place = tuple[int, Any, Any]
"""Place of a share in a batch.

The items are the example axis, the index of the share's first example, and the number of examples
in the whole batch.
"""


def _signed(value: int) -> int:
    """Return the int64 with the same bits as the unsigned `value`."""
    value &= _MASK
    return value - (1 << 64) if value >> 63 else value


def _mixed(value: int) -> int:
    """Apply the finaliser of SplitMix64 to a Python integer."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & _MASK
    return value ^ (value >> 31)


def _hashed(
    counter: torch.Tensor, size: Any, key: int, device: torch.device, place: Place | None
) -> torch.Tensor:
    """Return 64 random bits for each element of a tensor of the given `size`, as int64."""
    state = counter * _signed(0xD1342543DE82EF95) + key
    count = 1
    for n in size:
        count = count * n
    # The counter is not negative, so `^ (counter >> 63)` changes nothing. But the C++ compiler
    # cannot know this. Without this operation, the compiler could assume that the sums and products
    # below never overflow, conclude that the index stays small, and end the loop too early.
    index = torch.arange(count, device=device) ^ (counter >> 63)
    if place is not None:
        index = _placed(index, size, place)
    bits = (index + state) * _signed(_GOLDEN)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits = (bits ^ ((bits >> shift) & ((1 << (64 - shift)) - 1))) * _signed(factor)
    return (bits ^ ((bits >> 31) & ((1 << 33) - 1))).reshape(size)


def _placed(index: torch.Tensor, size: Any, place: Place) -> torch.Tensor:
    """Return, for each element of a share, its index in the draw for the whole batch."""
    axis, first, total = place
    within = 1  # the number of elements of one example in one slice before `axis`
    for n in size[axis + 1 :]:
        within = within * n
    placed: torch.Tensor = index + first * within
    if axis:
        block = index.div(size[axis] * within, rounding_mode="floor")
        placed = placed + block * ((total - size[axis]) * within)
    return placed


class _Draw(Operation):
    """Base class of random draws, whose size and dtype are inferred without computing the hash."""

    def infer(
        self,
        counter: Any,
        size: Any,
        key: int,
        dtype: torch.dtype,
        device: torch.device,
        place: Any = None,
    ) -> Any:
        def shown() -> str:
            return f"size={tuple(map(str, size))}"

        return shapes.infer(torch.empty, (size,), {"dtype": dtype, "device": device}, shown)

    def __reduce__(self) -> str:
        return self.__name__

    def __repr__(self) -> str:
        return self.__name__


_DIGITS = {torch.float64: 53, torch.float16: 11, torch.bfloat16: 8}
"""Number of random bits in a uniform draw, keyed by dtype; few enough that no draw rounds to 1."""


class _Uniform(_Draw):
    """Uniform draw on [0, 1), whose random bits fill the significand of the dtype."""

    __name__ = "_uniform"

    def __call__(
        self,
        counter: torch.Tensor,
        size: Any,
        key: int,
        dtype: torch.dtype,
        device: torch.device,
        place: Place | None = None,
    ) -> torch.Tensor:
        digits = _DIGITS.get(dtype, 24)
        bits = (_hashed(counter, size, key, device, place) >> (64 - digits)) & ((1 << digits) - 1)
        return (bits.to(torch.float64) * 2.0**-digits).to(dtype)


class _Normal(_Draw):
    """Standard normal draw, computed with the Box-Muller transform (1958)."""

    __name__ = "_normal"

    def __call__(
        self,
        counter: torch.Tensor,
        size: Any,
        key: int,
        dtype: torch.dtype,
        device: torch.device,
        place: Place | None = None,
    ) -> torch.Tensor:
        radius = _uniform(counter, size, key, torch.float64, device, place)
        angle = _uniform(counter, size, _signed(_mixed(key & _MASK)), torch.float64, device, place)
        return (torch.sqrt(-2 * torch.log1p(-radius)) * torch.cos(2 * math.pi * angle)).to(dtype)


_uniform, _normal = _Uniform(), _Normal()


def is_draw(call: Call) -> bool:
    """Return True if `call` draws random numbers."""
    return isinstance(call.function, _Draw)


def in_share(draw: Variable, axis: int, first: Variable, total: Variable) -> Variable:
    """Return the part of the whole batch's draw that belongs to a share of the batch.

    Parameters
    ----------
    draw : Variable
        A draw with the size of the share.
    axis : int
        The example axis of `draw`.
    first, total : Variable
        The number of examples before the share, and the number in the whole batch, as int64
        scalars.
    """
    assert draw.owner is not None
    moved: Variable = apply(draw.owner.function, (*draw.owner.args[:5], (axis, first, total)), {})
    return moved


def at_step(draw: Variable, step: Variable) -> Variable:
    """Return a version of `draw` with different random values for every value of `step`."""
    assert draw.owner is not None
    counter, *others = draw.owner.args
    # Use a tensor, whose product wraps around; a Python integer would exceed 64 bits.
    number = counter * 0 + (step + 1)
    moved: Variable = apply(draw.owner.function, (counter + number * _STEP, *others), {})
    return moved


class Draws:
    """Record of draw numbers, so that a rebuilt graph draws the same random values again.

    A stream numbers its draws, and the number is part of the hash. If the same bricks are applied
    again, the second graph has the same random values only if its draws get the same numbers.

    Examples
    --------
    >>> stream, draws = RandomStream(seed=3), Draws()
    >>> with draws.again():
    ...     first = stream.uniform((2,))
    >>> with draws.again():
    ...     second = stream.uniform((2,))
    >>> first.owner.args == second.owner.args
    True
    """

    def __init__(self) -> None:
        self._made: list[tuple[RandomStream, int]] = []
        self._position = 0

    @contextmanager
    def again(self) -> Iterator[None]:
        """Use recorded numbers for the draws in this context, and record any new numbers."""
        self._position = 0
        token = _draws.set(self)
        try:
            yield
        finally:
            _draws.reset(token)

    def number(self, stream: RandomStream) -> int:
        """Return the number of the next draw from `stream`."""
        here = self._made[self._position : self._position + 1]
        if not here or here[0][0] is not stream:
            stream.draws += 1
            self._made[self._position :] = [(stream, stream.draws)]
        self._position += 1
        return self._made[self._position - 1][1]


_draws: ContextVar[Draws | None] = ContextVar("draws", default=None)


class RandomStream(Hinted):
    """Seeded source of random variables.

    Two streams with the same seed return the same values for the same sequence of draws. Every call
    to a function that contains draws advances the stream by one.

    Parameters
    ----------
    seed : int, optional
        The seed; by default ``config.default_seed``. Zero is a valid seed.

    Attributes
    ----------
    counter : SharedVariable
        The number of calls so far, as int64. It is the only state to save and restore.

    Examples
    --------
    >>> from workbench import function
    >>> draw = function([], RandomStream(seed=3).uniform((2,)))
    >>> a, b = draw(), draw()
    >>> bool((a == b).any())
    False
    >>> again = function([], RandomStream(seed=3).uniform((2,)))
    >>> bool((again() == a).all())
    True
    """

    def __init__(self, seed: int | None = None) -> None:
        if seed is None:
            from workbench.config import config

            seed = int(config.default_seed)
        self.seed = seed
        self.draws = 0
        self.counter: SharedVariable = shared(0, f"random_counter_{seed}")
        self.counter.default_update = self.counter + 1

    def uniform(
        self,
        size: Sequence[Any],
        low: Any = 0.0,
        high: Any = 1.0,
        *,
        dtype: torch.dtype | None = None,
    ) -> Variable:
        """Draw uniformly from [low, high); `size` may contain symbolic sizes, as in ``x.shape``."""
        unit = self._draw(_uniform, size, dtype)
        return unit if (low, high) == (0.0, 1.0) else unit * (high - low) + low

    def normal(
        self,
        size: Sequence[Any],
        mean: Any = 0.0,
        std: Any = 1.0,
        *,
        dtype: torch.dtype | None = None,
    ) -> Variable:
        """Draw from the normal distribution with the given mean and standard deviation."""
        standard = self._draw(_normal, size, dtype)
        return standard if (mean, std) == (0.0, 1.0) else standard * std + mean

    def bernoulli(
        self, size: Sequence[Any], probability: Any = 0.5, *, dtype: torch.dtype | None = None
    ) -> Variable:
        """Draw 1 with the given `probability`, and 0 otherwise."""
        dtype = dtype or floatx()
        drawn: Variable = (self._draw(_uniform, size, torch.float64) < probability).to(dtype)
        return drawn

    def integers(self, size: Sequence[Any], low: int, high: int) -> Variable:
        """Draw int64 integers uniformly from `low` to `high` - 1."""
        drawn: Variable = (self._draw(_uniform, size, torch.float64) * (high - low)).long() + low
        return drawn

    def categorical(self, probabilities: Any) -> Variable:
        """Draw an int64 index for each distribution along the last axis of `probabilities`."""
        weights = as_variable(probabilities)
        total = weights.to(torch.float64).cumsum(-1)
        threshold = self._draw(_uniform, weights.shape[:-1], torch.float64) * total[..., -1]
        drawn: Variable = (total <= threshold.unsqueeze(-1)).sum(-1)
        return drawn

    def _draw(self, kind: Any, size: Sequence[Any], dtype: torch.dtype | None) -> Variable:
        again = _draws.get()
        if again is None:
            self.draws += 1
        number = self.draws if again is None else again.number(self)
        key = _signed(_mixed(_mixed(self.seed & _MASK) + number * _GOLDEN & _MASK))
        args = (self.counter, tuple(size), key, dtype or floatx(), default_device())
        drawn: Variable = apply(kind, args, {})
        return drawn

    def __repr__(self) -> str:
        return f"RandomStream(seed={self.seed})"
