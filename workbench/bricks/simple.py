"""The basic bricks: linear transformations, and functions that act on each element or row."""

from __future__ import annotations

from typing import Any

import torch

from workbench.bricks.application import application
from workbench.bricks.base import Brick
from workbench.bricks.interfaces import Activation, Feedforward, Initializable, LinearLike
from workbench.bricks.lazy import lazy
from workbench.bricks.wrappers import WithExtraDims
from workbench.errors import DtypeError, ShapeError
from workbench.graph.annotations import ApplicationCall
from workbench.roles import BIAS, WEIGHT
from workbench.tensor import Variable


class Linear(LinearLike, Feedforward):
    """A linear transformation with optional bias: ``output = input_ @ W + b``.

    Parameters
    ----------
    input_dim : int
        Size of the last dimension of the input. Needed by `allocate`.
    output_dim : int
        Size of the last dimension of the output. Needed by `allocate`.
    **kwargs
        As for `Initializable`: `weights_init`, `biases_init`, `use_bias`, `seed`; and `name`.

    Examples
    --------
    >>> import torch
    >>> from workbench.initialization import Constant
    >>> linear = Linear(3, 2, weights_init=Constant(1), biases_init=Constant(0.5))
    >>> linear.initialize()
    >>> linear.apply(torch.tensor([[1.0, 2.0, 3.0]]))
    tensor([[6.5000, 6.5000]])
    """

    @lazy(allocation=["input_dim", "output_dim"])
    def __init__(self, input_dim: int, output_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.input_dim = input_dim
        self.output_dim = output_dim

    def _allocate(self) -> None:
        self._add_parameter((self.input_dim, self.output_dim), "W", WEIGHT)
        if self.use_bias:
            self._add_parameter((self.output_dim,), "b", BIAS)

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Transform the last dimension.

        Parameters
        ----------
        input_ : Variable
            Floats of shape (..., input_dim).

        Returns
        -------
        Variable
            Of shape (..., output_dim).
        """
        check_last_dim(self, "apply", "input_", input_, "input_dim")
        output = input_ @ self.W
        return output + self.b if self.use_bias else output


class Bias(Feedforward, Initializable):
    """Adds a bias: ``output = input_ + b``.

    Parameters
    ----------
    dim : int
        Size of the last dimension of input and output. Needed by `allocate`.
    **kwargs
        As for `Initializable`; `weights_init` is not used.

    Examples
    --------
    >>> import torch
    >>> from workbench.initialization import Constant
    >>> bias = Bias(2, biases_init=Constant([1, 2]))
    >>> bias.initialize()
    >>> bias.apply(torch.zeros(1, 2))
    tensor([[1., 2.]])
    """

    @lazy(allocation=["dim"])
    def __init__(self, dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim = dim

    @property
    def input_dim(self) -> int:
        """The same as `dim`."""
        return self.dim

    @input_dim.setter
    def input_dim(self, value: int) -> None:
        self.dim = value

    @property
    def output_dim(self) -> int:
        """The same as `dim`."""
        return self.dim

    @output_dim.setter
    def output_dim(self, value: int) -> None:
        self.dim = value

    def _allocate(self) -> None:
        self._add_parameter((self.dim,), "b", BIAS)

    def _initialize(self) -> None:
        self._scheme("biases_init").initialize(self.parameters[0], self.rng)

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Add the bias to the last dimension, of size `dim`."""
        check_last_dim(self, "apply", "input_", input_, "dim")
        b: Variable = self.parameters[0]
        return input_ + b


class Maxout(Brick):
    """The largest of each group of neighbouring units.

    Parameters
    ----------
    num_pieces : int
        The size of the groups. Needed by `allocate`.

    References
    ----------
    Goodfellow et al., *Maxout networks*, 2013.

    Examples
    --------
    >>> import torch
    >>> Maxout(2).apply(torch.tensor([[1.0, 5.0, 4.0, 3.0]]))
    tensor([[5., 4.]])
    """

    @lazy(allocation=["num_pieces"])
    def __init__(self, num_pieces: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_pieces = num_pieces

    def describe(self) -> str:
        return f"{self.num_pieces} pieces" if self.num_pieces else "? pieces"

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Reduce the last dimension, whose size must be a multiple of `num_pieces`."""
        size = input_.shape[-1]
        if isinstance(size, int) and size % self.num_pieces:
            raise ShapeError(
                f"{self.path()}.apply: input_ has shape {shown(input_)}; its last size must be a "
                f"multiple of num_pieces={self.num_pieces}"
            )
        output: Variable = input_.unflatten(-1, (-1, self.num_pieces)).amax(-1)
        return output


class LinearMaxout(Initializable, Feedforward):
    """A linear transformation followed by `Maxout`.

    Parameters
    ----------
    input_dim : int
        Needed by `allocate`.
    output_dim : int
        Needed by `allocate`.
    num_pieces : int
        How many linear functions compete for each output. Needed by `allocate`.
    **kwargs
        As for `Initializable`.

    Examples
    --------
    >>> brick = LinearMaxout(input_dim=4, output_dim=3, num_pieces=2)
    >>> brick.allocate()
    >>> print(brick)
    LinearMaxout linearmaxout: 4 -> 3 · 30 parameters
    ├─ Linear linear: 4 -> 6 · 30 parameters: W (4, 6), b (6,)
    └─ Maxout maxout: 2 pieces
    """

    @lazy(allocation=["input_dim", "output_dim", "num_pieces"])
    def __init__(self, input_dim: int, output_dim: int, num_pieces: int, **kwargs: Any) -> None:
        self.linear = Linear()
        self.maxout = Maxout()
        children = [self.linear, self.maxout, *kwargs.pop("children", ())]
        super().__init__(children=children, **kwargs)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.num_pieces = num_pieces

    def _push_allocation_config(self) -> None:
        self.linear.input_dim = self.input_dim
        self.linear.output_dim = self.output_dim * self.num_pieces
        self.linear.use_bias = self.use_bias
        self.maxout.num_pieces = self.num_pieces

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Transform the last dimension, of size `input_dim`, to one of size `output_dim`."""
        output: Variable = self.maxout.apply(self.linear.apply(input_))
        return output


class Identity(Activation):
    """The identity, ``x``.

    Examples
    --------
    >>> import torch
    >>> Identity().apply(torch.tensor([-1.0, 1.0]))
    tensor([-1., 1.])
    """

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Return the input."""
        return input_


class Tanh(Activation):
    """The hyperbolic tangent.

    Examples
    --------
    >>> import torch
    >>> Tanh().apply(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Apply the hyperbolic tangent to each element."""
        output: Variable = input_.tanh()
        return output


class Logistic(Activation):
    """The logistic function, ``1 / (1 + exp(-x))``.

    Examples
    --------
    >>> import torch
    >>> Logistic().apply(torch.tensor([0.0, 2.0]))
    tensor([0.5000, 0.8808])
    """

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Apply the logistic function to each element."""
        output: Variable = input_.sigmoid()
        return output


class Softplus(Activation):
    """A smooth rectifier, ``log(1 + exp(x))``.

    Examples
    --------
    >>> import torch
    >>> Softplus().apply(torch.tensor([-1.0, 0.0, 100.0]))
    tensor([  0.3133,   0.6931, 100.0000])
    """

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Apply the softplus function to each element."""
        return torch.nn.functional.softplus(input_)  # type: ignore[arg-type, return-value]


class Rectifier(Activation):
    """The rectifier, ``max(0, x)``.

    Examples
    --------
    >>> import torch
    >>> Rectifier().apply(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Apply the rectifier to each element."""
        output: Variable = input_.relu()
        return output


class LeakyRectifier(Activation):
    """The rectifier with a slope for negative values: ``x`` where positive, else ``leak * x``.

    Parameters
    ----------
    leak : float, optional
        The slope.

    References
    ----------
    Maas, Hannun and Ng, *Rectifier nonlinearities improve neural network acoustic models*, 2013.

    Examples
    --------
    >>> import torch
    >>> LeakyRectifier(leak=0.1).apply(torch.tensor([-1.0, 2.0]))
    tensor([-0.1000,  2.0000])
    """

    def __init__(self, leak: float = 0.01, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.leak = leak

    def describe(self) -> str:
        return f"leak {self.leak}"

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Apply the leaky rectifier to each element."""
        return torch.nn.functional.leaky_relu(input_, self.leak)  # type: ignore[arg-type, return-value]


class Softmax(Brick):
    """Probabilities from unnormalised log-probabilities (logits), in rows.

    Takes one row (a vector) or a matrix of rows; for more dimensions there is
    `NDimensionalSoftmax`.

    Examples
    --------
    >>> import torch
    >>> softmax = Softmax()
    >>> softmax.apply(torch.tensor([[0.0, 0.0], [0.0, 1.0]]))
    tensor([[0.5000, 0.5000],
            [0.2689, 0.7311]])
    >>> softmax.categorical_cross_entropy(torch.tensor([0]), torch.tensor([[0.0, 1000.0]]))
    tensor([1000.])
    """

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Normalise each row, of shape (B, C), to probabilities of the same shape."""
        self._check_rows("apply", "input_", input_)
        output: Variable = input_.softmax(-1)
        return output

    @application(inputs=["input_"], outputs=["output"])
    def log_probabilities(self, input_: Variable) -> Variable:
        """Normalise each row to log-probabilities, exactly also where a probability is tiny."""
        self._check_rows("log_probabilities", "input_", input_)
        output: Variable = input_.log_softmax(-1)
        return output

    @application(inputs=["y", "x"], outputs=["cost"])
    def categorical_cross_entropy(
        self, application_call: ApplicationCall, y: Variable, x: Variable
    ) -> Variable:
        """Cross-entropies of targets and logits, exact for logits of any size.

        Parameters
        ----------
        y : Variable
            Integers of shape (B,), the indices of the true classes; or a distribution over classes
            in each row, floats of shape (B, C).
        x : Variable
            Logits of shape (B, C).

        Returns
        -------
        Variable
            One cross-entropy for each row, of shape (B,).
        """
        log_probabilities = self.log_probabilities(x)
        application_call.add_auxiliary_variable(log_probabilities.copy(), name="log_probabilities")
        return -expected_log(y, log_probabilities, f"{self.path()}.categorical_cross_entropy")

    def _check_rows(self, method: str, argument: str, variable: Variable) -> None:
        if variable.ndim not in (1, 2):
            raise ShapeError(
                f"{self.path()}.{method}: {argument} has {variable.ndim} dimensions, but Softmax "
                "takes rows, of shape (B, C); use NDimensionalSoftmax and extra_ndim="
                f"{max(variable.ndim - 2, 0)}"
            )


class NDimensionalSoftmax(Softmax):
    """`Softmax` for inputs with more dimensions, such as time, in front.

    Each application takes ``extra_ndim``, the number of those dimensions; see `WithExtraDims`.

    Examples
    --------
    >>> import torch
    >>> softmax = NDimensionalSoftmax()
    >>> softmax.apply(torch.zeros(3, 1, 2), extra_ndim=1).shape
    torch.Size([3, 1, 2])
    """

    decorators = (WithExtraDims(),)


def expected_log(y: Variable, log_p: Variable, where: str) -> Variable:
    """The log-probability of the true class in each row, or its mean under a distribution `y`.

    Parameters
    ----------
    y : Variable
        Class indices of shape (B,), or probabilities of shape (B, C).
    log_p : Variable
        Of shape (B, C).
    where : str
        The application, for errors.

    Raises
    ------
    ShapeError, DtypeError
        If `y` is neither.
    """
    integers = not y.dtype.is_floating_point
    if log_p.ndim != 2 or y.ndim not in (1, 2) or (y.ndim == 1) != integers:
        problem = DtypeError if (y.ndim, log_p.ndim) == (1, 2) else ShapeError
        raise problem(
            f"{where}: targets y have shape {shown(y)} and dtype {y.dtype}, predictions have shape "
            f"{shown(log_p)}; expected are class indices, integers of shape (B,), or "
            "probabilities, floats of shape (B, C), with predictions of shape (B, C) (y.flatten() "
            "turns a column of indices into a vector)"
        )
    if integers:
        chosen: Variable = log_p.gather(1, y.long().unsqueeze(1)).squeeze(1)
        return chosen
    # Where y is zero the term is zero, even if the log-probability is -inf.
    expected: Variable = (y * log_p).where(y > 0, 0.0).sum(1)
    return expected


def check_last_dim(
    brick: Brick, method: str, argument: str, variable: Variable, setting: str
) -> None:
    """Check the last size of an input against the setting of the brick that determines it.

    Raises
    ------
    ShapeError, DtypeError
        Naming brick, argument, shape, setting and remedy.
    """
    where, expected = f"{brick.path()}.{method}", getattr(brick, setting)
    if variable.ndim == 0 or (
        isinstance(variable.shape[-1], int) and variable.shape[-1] != expected
    ):
        last = variable.shape[-1] if variable.ndim else "?"
        raise ShapeError(
            f"{where}: {argument} has shape {shown(variable)}, but {setting} is {expected}, so its "
            f"last size must be {expected}; set {setting}={last}, or give it what has {expected} "
            "features"
        )
    if not variable.dtype.is_floating_point:
        raise DtypeError(
            f"{where}: {argument} is {str(variable.dtype).removeprefix('torch.')}, but must be "
            f"floats; convert it, as in {argument}.float()"
        )


def shown(variable: Variable) -> str:
    """The shape for people, with question marks for unknown sizes."""
    sizes = [str(size) if isinstance(size, int) else "?" for size in variable.shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
