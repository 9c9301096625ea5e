"""Activations: bricks that apply a function to each element."""

from __future__ import annotations

from typing import ClassVar, Unpack

import torch

from workbench.bricks.application import application
from workbench.bricks.base import Brick
from workbench.bricks.dimensions import check_finite
from workbench.bricks.options import BrickOptions
from workbench.bricks.to_torch import TorchCall
from workbench.tensor import Variable


class Activation(Brick):
    """Base class of bricks that apply a function to each element.

    Examples
    --------
    >>> import torch
    >>> from workbench.bricks import application
    >>> class Squared(Activation):
    ...     @application(inputs=["input_"], outputs=["output"])
    ...     def apply(self, input_):
    ...         return input_**2
    >>> Squared().apply(torch.tensor([[1.0, -3.0]]))
    tensor([[1., 9.]])
    """

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Apply the function to each element of a variable of any shape."""
        raise NotImplementedError(f"{type(self).__name__} must define the method apply")


class Identity(Activation):
    """The identity, ``x``.

    Examples
    --------
    >>> import torch
    >>> Identity().apply(torch.tensor([-1.0, 1.0]))
    tensor([-1., 1.])
    """

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        return torch.nn.Identity()

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

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        return torch.nn.Tanh()

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

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        return torch.nn.Sigmoid()

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

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        return torch.nn.Softplus()

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

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        return torch.nn.ReLU()

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Apply the rectifier to each element."""
        output: Variable = input_.relu()
        return output


class LeakyRectifier(Activation):
    """The leaky rectifier: ``x`` if x is positive, otherwise ``leak * x``.

    Parameters
    ----------
    leak : float, optional
        The slope for negative values.

    References
    ----------
    Maas, Hannun and Ng, *Rectifier nonlinearities improve neural network acoustic models*, 2013.

    Examples
    --------
    >>> import torch
    >>> LeakyRectifier(leak=0.1).apply(torch.tensor([-1.0, 2.0]))
    tensor([-0.1000,  2.0000])
    """

    setting_checks: ClassVar = {"leak": check_finite}

    def __init__(self, leak: float = 0.01, **kwargs: Unpack[BrickOptions]) -> None:
        super().__init__(**kwargs)
        self.leak = leak

    def describe(self) -> str:
        return f"leak {self.leak}"

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        return torch.nn.LeakyReLU(self.leak)

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Apply the leaky rectifier to each element."""
        return torch.nn.functional.leaky_relu(input_, self.leak)  # type: ignore[arg-type, return-value]


class GELU(Activation):
    r"""The Gaussian error linear unit, :math:`x \Phi(x)`.

    :math:`\Phi` is the cumulative distribution function of the standard normal distribution.

    Parameters
    ----------
    approximate : bool, optional
        True to use an approximation with a hyperbolic tangent; it is faster on some devices.

    References
    ----------
    Hendrycks and Gimpel, *Gaussian error linear units*, 2016.

    Examples
    --------
    >>> import torch
    >>> GELU().apply(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.1587,  0.0000,  1.9545])
    """

    def __init__(self, approximate: bool = False, **kwargs: Unpack[BrickOptions]) -> None:
        super().__init__(**kwargs)
        self.approximate = approximate

    def describe(self) -> str:
        return "approximate" if self.approximate else ""

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        return torch.nn.GELU("tanh" if self.approximate else "none")

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Apply the Gaussian error linear unit to each element."""
        kind = "tanh" if self.approximate else "none"
        return torch.nn.functional.gelu(input_, approximate=kind)  # type: ignore[arg-type, return-value]


class SiLU(Activation):
    """The sigmoid linear unit, or swish, ``x / (1 + exp(-x))``.

    References
    ----------
    Elfwing, Uchibe and Doya, *Sigmoid-weighted linear units for neural network function
    approximation in reinforcement learning*, 2017.

    Examples
    --------
    >>> import torch
    >>> SiLU().apply(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.2689,  0.0000,  1.7616])
    """

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        return torch.nn.SiLU()

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Apply the sigmoid linear unit to each element."""
        return torch.nn.functional.silu(input_)  # type: ignore[arg-type, return-value]


class Swish(Activation):
    r"""The swish function, :math:`x \sigma(\beta x)`, which equals `SiLU` if `beta` is 1.

    Parameters
    ----------
    beta : float, optional
        The steepness. If it is 0, the function is ``x / 2``; as it grows, the function approaches
        the rectifier.

    References
    ----------
    Ramachandran, Zoph and Le, *Searching for activation functions*, 2017.

    Examples
    --------
    >>> import torch
    >>> Swish(beta=2.0).apply(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.1192,  0.0000,  1.9640])
    """

    setting_checks: ClassVar = {"beta": check_finite}

    def __init__(self, beta: float = 1.0, **kwargs: Unpack[BrickOptions]) -> None:
        super().__init__(**kwargs)
        self.beta = beta

    def describe(self) -> str:
        return f"beta {self.beta}"

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Apply the swish function to each element."""
        output: Variable = input_ * (input_ * self.beta).sigmoid()
        return output
