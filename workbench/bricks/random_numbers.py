"""Base classes of bricks that draw random numbers.

A brick derived from `RNGMixin` draws random numbers when it is initialised, and a brick derived
from `Random` draws them whenever its outputs are computed.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Unpack

import numpy

from workbench.bricks.base import Brick
from workbench.bricks.options import BrickOptions
from workbench.bricks.seeds import child_seed, root_seed
from workbench.graph.hierarchy import Component
from workbench.initialization import Rng
from workbench.tensor import RandomStream
from workbench.tensor.symbolic import allocation, is_symbolic


class RNGMixin(Brick):
    """Base class of bricks that draw random numbers when they are initialised.

    Parameters
    ----------
    seed : int, optional
        The seed; by default it is derived from the parent's seed, or from ``config.default_seed``
        for a brick without parents. Zero is a valid seed.

    Examples
    --------
    >>> class Draws(RNGMixin):
    ...     pass
    >>> one, other = Draws(seed=1), Draws(seed=1)
    >>> one.rng.random() == other.rng.random()
    True
    """

    def __init__(self, *, seed: int | None = None, **kwargs: Unpack[BrickOptions]) -> None:
        super().__init__(**kwargs)
        self._seed = seed
        self._rng: Rng | None = None
        self._given_rng: Rng | None = None

    @property
    def seed(self) -> int:
        """The given seed, or the derived seed."""
        return derived_seed(self) if self._seed is None else self._seed

    @seed.setter
    def seed(self, value: int | None) -> None:
        self._seed, self._rng = value, None

    @property
    def rng(self) -> Rng:
        """The random generator, which each initialisation recreates from the seed.

        If a generator has been assigned, that generator is used instead, in its current state.
        """
        if self._given_rng is not None:
            return self._given_rng
        if self._rng is None:
            self._rng = numpy.random.default_rng(self.seed)
        return self._rng

    @rng.setter
    def rng(self, value: Rng | None) -> None:
        self._given_rng = value

    def initialize(self) -> None:
        self._rng = None
        super().initialize()


def derived_seed(brick: Component) -> int:
    """Derive a seed from the path of `brick` and the seed of the nearest ancestor with a seed."""
    path = brick.get_unique_path()
    start, seed = 0, None
    for i, part in enumerate(path[:-1]):
        if isinstance(part, RNGMixin) and part._seed is not None:
            start, seed = i, part._seed
    if seed is None:
        seed = root_seed(path[0])
    for parent, child in pairwise(path[start:]):
        seed = child_seed(seed, parent, child)
    return seed


class Random(Brick):
    """Base class of bricks that draw random numbers whenever their outputs are computed.

    Parameters
    ----------
    random_seed : int, optional
        The seed; by default it is derived in the same way as `RNGMixin.seed`.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import application
    >>> class Noisy(Random):
    ...     @application(inputs=["input_"], outputs=["output"])
    ...     def apply(self, input_):
    ...         return input_ + self.random_stream.normal(input_.shape)
    >>> y = Noisy(random_seed=0).apply(tensor.vector("x"))
    >>> a, b = y.eval({"x": [0.0]}), y.eval({"x": [0.0]})
    >>> bool(a == b)
    False
    """

    def __init__(self, random_seed: int | None = None, **kwargs: Unpack[BrickOptions]) -> None:
        super().__init__(**kwargs)
        self._random_seed = random_seed
        self._stream: RandomStream | None = None

    @property
    def random_seed(self) -> int:
        """The given seed, or the derived seed."""
        return derived_seed(self) if self._random_seed is None else self._random_seed

    @random_seed.setter
    def random_seed(self, value: int | None) -> None:
        self._random_seed, self._stream = value, None

    @property
    def random_stream(self) -> RandomStream:
        """The stream that supplies the brick's random numbers.

        Inside `workbench.bricks.symbolic_parameters`, this is a stream without values, so that the
        brick's own stream and the seeds of other bricks do not change.
        """
        if is_symbolic():
            with allocation():
                return RandomStream(0)
        if self._stream is None:
            self._stream = RandomStream(self.random_seed)
        return self._stream
