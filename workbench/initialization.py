"""Initialisation schemes, which draw the initial values of parameters.

A scheme draws a numpy array of a given shape, and `NdarrayInitialization.initialize` assigns it to
a shared variable. Schemes use only methods that both `numpy.random.Generator` and
`numpy.random.RandomState` have, so ``rng`` can be either.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, TypedDict, Unpack

import numpy
import numpy.typing

from workbench.attributes import KnownAttributes
from workbench.config import config
from workbench.errors import InitializationError
from workbench.hints import Hinted
from workbench.names import explain_missing
from workbench.tensor import SharedVariable

__all__ = [
    "Constant",
    "Glorot",
    "He",
    "Identity",
    "IsotropicGaussian",
    "NdarrayInitialization",
    "Orthogonal",
    "Sparse",
    "SparseND",
    "Uniform",
]

Rng = numpy.random.Generator | numpy.random.RandomState
Array = numpy.ndarray[Any, numpy.dtype[Any]]
Shape = tuple[int, ...]


class NdarrayInitialization(KnownAttributes, Hinted, ABC):
    """Base class of initialisation schemes, which define a `generate` method.

    Attributes
    ----------
    matrices_only : bool
        Class attribute; True if the scheme draws only matrices. In that case, a brick whose
        parameter contains several matrices draws each matrix separately, and a brick whose
        parameter is a diagonal draws a matrix and uses its diagonal.

    Examples
    --------
    >>> import workbench
    >>> class Ones(NdarrayInitialization):
    ...     def generate(self, rng, shape):
    ...         return numpy.ones(shape)
    >>> W = workbench.shared([[0.0, 0.0]])
    >>> Ones().initialize(W, numpy.random.default_rng(1))
    >>> W.get_value()
    array([[1., 1.]], dtype=float32)
    """

    matrices_only: ClassVar[bool] = False

    @abstractmethod
    def generate(self, rng: Rng, shape: Shape) -> Array:
        """Draw the values of one parameter.

        Parameters
        ----------
        rng : numpy.random.Generator or numpy.random.RandomState
        shape : tuple of int

        Returns
        -------
        ndarray
            An array of this shape, with dtype ``config.floatx``.
        """

    def initialize(self, var: SharedVariable, rng: Rng, shape: Shape | None = None) -> None:
        """Set a shared variable to values drawn by `generate`.

        Parameters
        ----------
        var : SharedVariable
        rng : numpy.random.Generator or numpy.random.RandomState
        shape : tuple of int, optional
            By default, the shape of the variable.
        """
        var.set_value(self.generate(rng, tuple(var.shape) if shape is None else shape))

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({settings})"


class Constant(NdarrayInitialization):
    """Initialisation with one value, or with an array that is broadcast to the parameter's shape.

    Parameters
    ----------
    constant : number, array or nested list

    Examples
    --------
    >>> Constant([1, 2]).generate(numpy.random.default_rng(1), (2, 2))
    array([[1., 2.], [1., 2.]], dtype=float32)
    """

    def __init__(self, constant: numpy.typing.ArrayLike) -> None:
        self.constant = constant if numpy.isscalar(constant) else numpy.asarray(constant)

    def generate(self, rng: Rng, shape: Shape) -> Array:
        values = _floats(self.constant)
        try:
            return numpy.broadcast_to(values, shape).copy()
        except ValueError:
            raise InitializationError(
                f"Constant: the array must be broadcastable to the parameter's shape {shape}, but "
                f"has shape {values.shape}"
            ) from None


class IsotropicGaussian(NdarrayInitialization):
    """Initialisation with independent draws from a normal distribution.

    The first argument is the standard deviation, and the second is the mean.

    Parameters
    ----------
    std : float, optional
    mean : float, optional
    """

    def __init__(self, std: float = 1, mean: float = 0) -> None:
        if not std >= 0:
            raise InitializationError(f"IsotropicGaussian: std must be 0 or more, not {std!r}")
        self.std = std
        self.mean = mean

    def generate(self, rng: Rng, shape: Shape) -> Array:
        return _floats(rng.normal(self.mean, self.std, size=shape))


class Uniform(NdarrayInitialization):
    """Initialisation with independent draws from a uniform distribution.

    Parameters
    ----------
    mean : float, optional
        The centre of the interval.
    width : float, optional
        The length of the interval.
    std : float, optional
        The standard deviation; the length is then ``std * sqrt(12)``. Exactly one of `width` and
        `std` is required.

    Examples
    --------
    >>> Uniform(mean=1, std=0.5).width
    1.7320508075688772
    """

    def __init__(
        self, mean: float = 0.0, width: float | None = None, std: float | None = None
    ) -> None:
        if (width is None) == (std is None):
            raise InitializationError(
                f"Uniform: exactly one of width and std must be given, not width={width!r} and "
                f"std={std!r}"
            )
        self.mean = mean
        self.width = width if width is not None else math.sqrt(12) * (std or 0.0)

    def generate(self, rng: Rng, shape: Shape) -> Array:
        half = self.width / 2
        return _floats(rng.uniform(self.mean - half, self.mean + half, size=shape))


class Glorot(NdarrayInitialization):
    """Initialisation with a standard deviation of ``scale * sqrt(2 / (inputs + outputs))``.

    The values are uniform. With this scale, activations and gradients keep their size in layers
    with `Tanh`, `Logistic` or no activation (Glorot and Bengio, 2010). Most bricks use this scheme
    for weights if no other scheme is given.

    A matrix has the shape (inputs, outputs). The shape of the filters of a convolution is (outputs,
    inputs, height, width); each unit then has ``inputs * height * width`` inputs. For a vector,
    both numbers equal its length.

    Parameters
    ----------
    scale : float, optional
        The factor that the values are multiplied by.

    Examples
    --------
    >>> W = Glorot().generate(numpy.random.default_rng(1), (300, 200))
    >>> bool(abs(W.std() - (2 / 500) ** 0.5) < 1e-3)
    True
    """

    def __init__(self, scale: float = 1) -> None:
        if not 0 < scale < math.inf:
            raise InitializationError(
                f"{type(self).__name__}: scale must be a positive number, not {scale!r}"
            )
        self.scale = scale

    def generate(self, rng: Rng, shape: Shape) -> Array:
        inputs, outputs = _fans(shape)
        return self._uniform(rng, shape, (inputs + outputs) / 2)

    def _uniform(self, rng: Rng, shape: Shape, number: float) -> Array:
        half = self.scale * math.sqrt(3 / max(number, 1))
        return _floats(rng.uniform(-half, half, size=shape))


class He(Glorot):
    """Initialisation with a standard deviation of ``scale * sqrt(2 / inputs)``.

    The values are uniform. With this scale, activations keep their size in layers with `Rectifier`
    or similar activations, which are zero for half of all inputs (He et al., 2015). `Glorot`
    describes how the inputs are counted.

    Parameters
    ----------
    scale : float, optional
        The factor that the values are multiplied by.

    Examples
    --------
    >>> W = He().generate(numpy.random.default_rng(1), (300, 200))
    >>> bool(abs(W.std() - (2 / 300) ** 0.5) < 1e-3)
    True
    """

    def generate(self, rng: Rng, shape: Shape) -> Array:
        return self._uniform(rng, shape, _fans(shape)[0] / 2)


class Identity(NdarrayInitialization):
    """Initialisation with the identity matrix, cropped or padded with zeros to fit the parameter.

    Parameters
    ----------
    mult : float, optional
        The factor that the matrix is multiplied by.
    """

    matrices_only = True

    def __init__(self, mult: float = 1) -> None:
        self.mult = mult

    def generate(self, rng: Rng, shape: Shape) -> Array:
        rows, columns = _matrix(self, shape)
        return _floats(self.mult * numpy.eye(rows, columns))


class Orthogonal(NdarrayInitialization):
    """Initialisation with a random matrix that has orthonormal rows or columns.

    If there are fewer rows than columns, the rows are orthonormal; otherwise the columns are. The
    matrix is drawn from the uniform (Haar) distribution: it is the Q factor of a Gaussian matrix,
    with the signs that make it unique (Mezzadri, 2007).

    Parameters
    ----------
    scale : float, optional
        The factor that the matrix is multiplied by. Saxe et al. (2013) discuss its effect on the
        speed of training.

    Examples
    --------
    >>> Q = Orthogonal(2).generate(numpy.random.default_rng(1), (3, 2))
    >>> bool(numpy.allclose(Q.T @ Q, 4 * numpy.eye(2), atol=1e-5))
    True
    """

    matrices_only = True

    def __init__(self, scale: float = 1) -> None:
        self.scale = scale

    def generate(self, rng: Rng, shape: Shape) -> Array:
        rows, columns = _matrix(self, shape)
        gaussian = rng.normal(size=(max(rows, columns), min(rows, columns)))
        q, r = numpy.linalg.qr(gaussian)
        q = q * numpy.where(numpy.diag(r) < 0, -1, 1)
        return _floats(self.scale * (q if rows >= columns else q.T))


class Sparse(NdarrayInitialization):
    """Initialisation that draws a few weights in each row; by default, the other weights are zero.

    The first axis of the shape indexes rows; a row spans all other axes.

    Parameters
    ----------
    num_init : int or float
        The number (int) or the fraction (float) of the weights to draw in each row.
    weights_init : NdarrayInitialization
        The scheme that draws these weights.
    sparse_init : NdarrayInitialization, optional
        The scheme for all other weights.

    Examples
    --------
    >>> W = Sparse(2, Constant(3)).generate(numpy.random.default_rng(1), (2, 4))
    >>> numpy.count_nonzero(W, axis=1)
    array([2, 2])
    """

    def __init__(
        self,
        num_init: int | float,
        weights_init: NdarrayInitialization,
        sparse_init: NdarrayInitialization | None = None,
    ) -> None:
        fraction = isinstance(num_init, float)
        if num_init < 0 or (fraction and num_init > 1):
            raise InitializationError(
                f"{type(self).__name__}: num_init must be a number of weights (0 or more) or a "
                f"fraction between 0.0 and 1.0, not {num_init!r}"
            )
        self.num_init = num_init
        self.weights_init = weights_init
        self.sparse_init = Constant(0) if sparse_init is None else sparse_init

    def generate(self, rng: Rng, shape: Shape) -> Array:
        return self._sparse(rng, shape, 1)

    def _sparse(self, rng: Rng, shape: Shape, leading: int) -> Array:
        """Draw weights for each unit; the indices of the first `leading` axes identify units."""
        values = self.sparse_init.generate(rng, shape)
        drawn = self.weights_init.generate(rng, shape)
        units = math.prod(shape[:leading])
        size = math.prod(shape[leading:])
        count = self.num_init if isinstance(self.num_init, int) else int(self.num_init * size)
        if count > size:
            raise InitializationError(
                f"{type(self).__name__}: num_init is {count}, but must be at most {size}, the "
                f"number of weights in each unit for shape {shape}"
            )
        flat, new = values.reshape(units, size), drawn.reshape(units, size)
        for unit in range(units):
            chosen = rng.choice(size, count, replace=False)
            flat[unit, chosen] = new[unit, chosen]
        return flat.reshape(shape)


class _Sparse(TypedDict):
    num_init: int | float
    weights_init: NdarrayInitialization


class SparseOptions(_Sparse, total=False):
    """Arguments of `Sparse`."""

    sparse_init: NdarrayInitialization | None


class SparseND(Sparse):
    """Initialisation that draws a few weights in each unit; by default, the other weights are zero.

    Parameters
    ----------
    axis : int or sequence of int
        The axes whose indices identify units. For example, with ``(0, 1)`` and four dimensions,
        ``num_init`` weights are drawn in each ``W[i, j, :, :]``.
    num_init, weights_init, sparse_init
        See `Sparse`.

    Examples
    --------
    >>> W = SparseND(axis=1, num_init=1, weights_init=Constant(1)).generate(
    ...     numpy.random.default_rng(1), (4, 3))
    >>> W.sum(axis=0)
    array([1., 1., 1.], dtype=float32)
    """

    def __init__(self, axis: int | Sequence[int], **kwargs: Unpack[SparseOptions]) -> None:
        self.axis = axis if isinstance(axis, int) else tuple(axis)
        super().__init__(**kwargs)

    def generate(self, rng: Rng, shape: Shape) -> Array:
        axes = (self.axis,) if isinstance(self.axis, int) else self.axis
        if any(not -len(shape) <= a < len(shape) for a in axes):
            raise InitializationError(
                f"SparseND: axis must be valid for the parameter's shape {shape}, not {self.axis!r}"
            )
        axes = tuple(a % len(shape) for a in axes)
        order = axes + tuple(a for a in range(len(shape)) if a not in axes)
        values = self._sparse(rng, tuple(shape[a] for a in order), len(axes))
        return values.transpose(numpy.argsort(order)).copy()


def _fans(shape: Shape) -> tuple[int, int]:
    """Return the number of inputs and the number of outputs of a unit; see `Glorot`."""
    if len(shape) < 2:
        return math.prod(shape), math.prod(shape)
    if len(shape) == 2:
        return shape[0], shape[1]
    area = math.prod(shape[2:])
    return shape[1] * area, shape[0] * area


def _floats(values: Any) -> Array:
    return numpy.asarray(values, dtype=config.floatx)


def _matrix(scheme: NdarrayInitialization, shape: Shape) -> tuple[int, int]:
    if len(shape) != 2:
        raise InitializationError(
            f"{type(scheme).__name__} draws only matrices, but the shape is {shape}; use another "
            "scheme for this parameter"
        )
    return shape[0], shape[1]


explain_missing(__name__)
