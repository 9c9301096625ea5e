"""Bricks with initialisation schemes: `Initializable`, and `LinearLike` for weights and biases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Unpack

from workbench.bricks.lazy import is_set
from workbench.bricks.options import BrickOptions
from workbench.bricks.random_numbers import RNGMixin
from workbench.errors import NotConfiguredError, about
from workbench.initialization import Constant, Glorot, NdarrayInitialization
from workbench.roles import VariableRole, add_role
from workbench.tensor import Variable
from workbench.utils.variables import norm_of, shared_floatx_nans


class Initializable(RNGMixin):
    """Base class of bricks with initialisation schemes, which they push to their children.

    Every such brick accepts schemes for weights and for biases, even if it has no biases, because a
    subclass can add children with biases.

    Without a scheme, `initialize` draws weights with `Glorot` and the vectors of tables
    (`LookupTable`, learned positions) with ``IsotropicGaussian(0.1)``, and sets biases to zero.

    Parameters
    ----------
    weights_init : NdarrayInitialization, optional
        Scheme for the weights.
    biases_init : NdarrayInitialization, optional
        Scheme for the biases.
    use_bias : bool, optional
        If False, the brick has no biases.
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

    default_schemes: ClassVar[Mapping[str, NdarrayInitialization]] = MappingProxyType(
        {"weights_init": Glorot(), "biases_init": Constant(0)}
    )
    """The schemes that `initialize` uses if none is given."""

    def __init__(
        self,
        weights_init: NdarrayInitialization | None = None,
        biases_init: NdarrayInitialization | None = None,
        use_bias: bool | None = True,
        seed: int | None = None,
        **kwargs: Unpack[BrickOptions],
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
        """Append a parameter filled with NaN, and add its norm as an auxiliary variable."""
        parameter = shared_floatx_nans(shape, name=name)
        add_role(parameter, role)
        self.parameters.append(parameter)
        self.add_auxiliary_variable(norm_of(parameter), name=f"{name}_norm")

    def _scheme(self, name: str) -> NdarrayInitialization:
        """Return the scheme in the `name` attribute, or the default scheme if it is not set."""
        scheme = getattr(self, name)
        if not is_set(scheme):
            return self.default_schemes[name]
        if isinstance(scheme, NdarrayInitialization):
            return scheme
        error = NotConfiguredError(
            f"{self.path()}: {name} must be an initialisation scheme, but is {scheme!r}; set it on "
            f"this brick or one of its parents, as in {name}=IsotropicGaussian(0.1)",
            missing=[name],
        )
        raise about(error, self.path())


class LinearLike(Initializable):
    """Base class of bricks whose parameters are weights and, with ``use_bias``, biases.

    Application methods use `W` and `b`, which a subclass can override to transform the parameters.
    Subclasses allocate the weights before the biases. The norms of the parameters are auxiliary
    variables of the brick.

    Examples
    --------
    >>> from workbench.bricks import Linear
    >>> linear = Linear(3, 2)
    >>> linear.allocate()
    >>> isinstance(linear, LinearLike), linear.W.shape, linear.b.shape
    (True, (3, 2), (2,))
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
            raise AttributeError(f"{self.path()} has no biases b: use_bias is {self.use_bias!r}")
        biases: Variable = self.parameters[1]
        return biases

    def _initialize(self) -> None:
        # Overrides of W and b need not be shared variables.
        self._scheme("weights_init").initialize(self.parameters[0], self.rng)
        if self.use_bias:
            self._scheme("biases_init").initialize(self.parameters[1], self.rng)
