"""Interfaces that bricks share: dimensions, initialisation schemes, random numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy

from workbench.bricks.application import application
from workbench.bricks.base import Brick
from workbench.bricks.lazy import is_set
from workbench.bricks.seeds import child_seed, root_seed
from workbench.errors import NotConfiguredError
from workbench.graph.hierarchy import Component
from workbench.initialization import NdarrayInitialization, Rng
from workbench.roles import VariableRole, add_role
from workbench.tensor import RandomStream, Variable
from workbench.utils.variables import shared_floatx_nans


class Activation(Brick):
    """Base class of functions that act on each element."""

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Apply the function to each element of a variable of any shape."""
        raise NotImplementedError(f"{type(self).__name__} must define apply")


class Feedforward(Brick):
    """Base class of bricks with one input and one output.

    Attributes
    ----------
    input_dim : int
    output_dim : int
    """

    input_dim: Any
    output_dim: Any

    def get_dim(self, name: str) -> Any:
        if name == "input_":
            return self.input_dim
        if name == "output":
            return self.output_dim
        return super().get_dim(name)

    def describe(self) -> str:
        ends = (getattr(self, "input_dim", None), getattr(self, "output_dim", None))
        return " -> ".join(str(end) if is_set(end) else "?" for end in ends)


class ImageLayer(Brick):
    """Base class of bricks on images, which `ConvolutionalSequence` can configure.

    An image has the shape (C, H, W): channels, height and width. `get_dim` tells the shapes of
    ``input_`` and ``output``, with ``None`` for what is not known.

    Attributes
    ----------
    num_channels : int
        Channels of the input.
    image_size : tuple of (int or None)
        Height and width of the input, where they are known.
    num_output_channels : int
    """

    num_channels: Any
    image_size: Any
    num_output_channels: Any

    def describe(self) -> str:
        return f"{shape_text(self.get_dim('input_'))} -> {shape_text(self.get_dim('output'))}"


def shape_text(dim: Iterable[Any]) -> str:
    """A shape for people, with question marks for sizes that are not known."""
    return f"({', '.join(str(size) if is_set(size) else '?' for size in dim)})"


class RNGMixin(Brick):
    """A brick that draws random numbers when it is initialised.

    Parameters
    ----------
    seed : int, optional
        By default derived from the parent's, or from ``config.default_seed`` for a brick without
        parents. Zero is a seed like any other.
    """

    def __init__(self, *, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._seed = seed
        self._rng: Rng | None = None
        self._given_rng: Rng | None = None

    @property
    def seed(self) -> int:
        """The seed given, or else the derived one."""
        return derived_seed(self) if self._seed is None else self._seed

    @seed.setter
    def seed(self, value: int | None) -> None:
        self._seed, self._rng = value, None

    @property
    def rng(self) -> Rng:
        """The source of random numbers; made of the seed at the beginning of each initialisation.

        A generator that is assigned is used as it is, and goes on from where it stands.
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
    """The seed that follows from the nearest ancestor with one and the way down to `brick`."""
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


class Initializable(RNGMixin):
    """A brick with initialisation schemes, which it also pushes to its children.

    Every brick of this kind takes all of them, also one that has no biases of its own: a subclass
    may add children that do.

    Parameters
    ----------
    weights_init : NdarrayInitialization, optional
        Scheme of the weights; `initialize` needs it.
    biases_init : NdarrayInitialization, optional
        Scheme of the biases; `initialize` needs it if there are biases.
    use_bias : bool, optional
        Whether to have biases.
    seed : int, optional
        See `RNGMixin`.

    Examples
    --------
    >>> from workbench.bricks import MLP
    >>> from workbench.initialization import Constant
    >>> mlp = MLP([None], [2, 2], weights_init=Constant(1), biases_init=Constant(0))
    >>> mlp.initialize()
    >>> mlp.linear_transformations[0].W.get_value()
    array([[1., 1.], [1., 1.]], dtype=float32)
    """

    def __init__(
        self,
        weights_init: NdarrayInitialization | None = None,
        biases_init: NdarrayInitialization | None = None,
        use_bias: bool | None = True,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.weights_init = weights_init
        self.biases_init = biases_init
        self.use_bias = use_bias

    def _push_initialization_config(self) -> None:
        for child in self.children:
            if isinstance(child, Initializable):
                if self.weights_init is not None:
                    child.weights_init = self.weights_init
                if self.biases_init is not None:
                    child.biases_init = self.biases_init

    def _add_parameter(self, shape: Sequence[int], name: str, role: VariableRole) -> None:
        """Append a parameter of NaNs, and its norm as an auxiliary variable."""
        parameter = shared_floatx_nans(shape, name=name)
        add_role(parameter, role)
        self.parameters.append(parameter)
        self.add_auxiliary_variable(parameter.norm(2), name=f"{name}_norm")

    def _scheme(self, name: str) -> NdarrayInitialization:
        """The scheme in the attribute `name`, which initialisation needs now."""
        scheme = getattr(self, name)
        if isinstance(scheme, NdarrayInitialization):
            return scheme
        found = f"is {scheme!r}" if is_set(scheme) else "is not set"
        raise NotConfiguredError(
            f"{self.path()}: initialization config {name} {found}; give it, or one of the bricks "
            f"above it, a scheme, as in {name}=IsotropicGaussian(0.1)"
        )


class LinearLike(Initializable):
    """A brick whose parameters are weights and, with ``use_bias``, biases, in this order.

    Application methods use `W` and `b`, which a subclass may override to transform the parameters
    first. Subclasses allocate; the norms of the parameters are auxiliary variables of the brick.
    """

    @property
    def W(self) -> Variable:
        """The weights."""
        weights: Variable = self.parameters[0]
        return weights

    @property
    def b(self) -> Variable:
        """The biases."""
        if not self.use_bias:
            raise AttributeError(f"{self.path()} has no b: use_bias is {self.use_bias!r}")
        biases: Variable = self.parameters[1]
        return biases

    def _initialize(self) -> None:
        # W and b may be overridden by something that is not shared.
        self._scheme("weights_init").initialize(self.parameters[0], self.rng)
        if self.use_bias:
            self._scheme("biases_init").initialize(self.parameters[1], self.rng)


class Random(Brick):
    """A brick that draws random numbers whenever it is computed.

    Parameters
    ----------
    random_seed : int, optional
        By default derived as `RNGMixin.seed` is.

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

    def __init__(self, random_seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._random_seed = random_seed
        self._stream: RandomStream | None = None

    @property
    def random_seed(self) -> int:
        """The seed given, or else the derived one."""
        return derived_seed(self) if self._random_seed is None else self._random_seed

    @random_seed.setter
    def random_seed(self, value: int | None) -> None:
        self._random_seed, self._stream = value, None

    @property
    def random_stream(self) -> RandomStream:
        """The stream that draws belong to."""
        if self._stream is None:
            self._stream = RandomStream(self.random_seed)
        return self._stream
