"""Normalisation of each example over its features, independently of the other examples."""

from __future__ import annotations

from typing import ClassVar, Unpack

import torch

from workbench.bricks.application import application
from workbench.bricks.checks import check_last_dim
from workbench.bricks.dimensions import check_epsilon
from workbench.bricks.feedforward import Feedforward
from workbench.bricks.lazy import lazy
from workbench.bricks.options import NormalizationOptions, RNGOptions
from workbench.bricks.random_numbers import RNGMixin
from workbench.bricks.to_torch import TorchCall, layer_of, value_of
from workbench.initialization import Constant, NdarrayInitialization
from workbench.roles import BIAS, WEIGHT, add_role
from workbench.tensor import Variable
from workbench.utils.variables import norm_of, shared_floatx_nans


class FeatureNormalization(RNGMixin, Feedforward):
    """Base class of normalisations over the last dimension, with a learned scale.

    As in `BatchNormalization`, the initial scale is one by default, and parents do not push their
    schemes to this brick.

    Parameters
    ----------
    dim : int
        Size of the last dimension of input and output. Required by `allocate`.
    epsilon : float, optional
        A non-negative number that is added to the variance or mean square.
    scale_init : NdarrayInitialization, optional
        Scheme for the scale; ones by default.
    learn_scale : bool, optional
        If False, the brick has no scale.
    """

    setting_checks: ClassVar = {"epsilon": check_epsilon}

    @lazy(allocation=["dim"])
    def __init__(
        self,
        dim: int,
        epsilon: float = 1e-5,
        *,
        scale_init: NdarrayInitialization | None = None,
        learn_scale: bool = True,
        **kwargs: Unpack[RNGOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.dim = dim
        self.epsilon = epsilon
        self.scale_init = Constant(1) if scale_init is None else scale_init
        self.learn_scale = learn_scale

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

    def describe(self) -> str:
        return str(self.dim or "?")

    def _schemes(self) -> dict[str, NdarrayInitialization]:
        """Return a mapping from parameter name to scheme, in the order of the parameters."""
        return {"scale": self.scale_init} if self.learn_scale else {}

    def _allocate(self) -> None:
        for name in self._schemes():
            parameter = shared_floatx_nans((self.dim,), name=name)
            add_role(parameter, WEIGHT if name == "scale" else BIAS)
            self.parameters.append(parameter)
            self.add_auxiliary_variable(norm_of(parameter), name=f"{name}_norm")

    def _initialize(self) -> None:
        for parameter, scheme in zip(self.parameters, self._schemes().values(), strict=True):
            scheme.initialize(parameter, self.rng)

    def _parameter(self, name: str) -> Variable | None:
        names = list(self._schemes())
        return self.parameters[names.index(name)] if name in names else None


class LayerNormalization(FeatureNormalization):
    """Normalisation of each example's features to zero mean and unit standard deviation.

    The normalised features are then scaled and shifted by learned parameters.

    Parameters
    ----------
    dim : int
        Size of the last dimension of input and output. Required by `allocate`.
    epsilon : float, optional
        A number that is added to the variance.
    scale_init, shift_init : NdarrayInitialization, optional
        Schemes for the scale (ones by default) and the shift (zeros by default).
    learn_scale, learn_shift : bool, optional
        If False, the brick has no scale or no shift, respectively.

    References
    ----------
    Ba, Kiros and Hinton, *Layer normalization*, 2016.

    Examples
    --------
    >>> import torch
    >>> normalization = LayerNormalization(4)
    >>> normalization.initialize()
    >>> normalization.apply(torch.tensor([1.0, 1.0, 3.0, 3.0]))
    tensor([-1.0000, -1.0000,  1.0000,  1.0000])
    """

    @lazy(allocation=["dim"])
    def __init__(
        self,
        dim: int,
        epsilon: float = 1e-5,
        *,
        shift_init: NdarrayInitialization | None = None,
        learn_shift: bool = True,
        **kwargs: Unpack[NormalizationOptions],
    ) -> None:
        super().__init__(dim, epsilon, **kwargs)
        self.shift_init = Constant(0) if shift_init is None else shift_init
        self.learn_shift = learn_shift

    def _schemes(self) -> dict[str, NdarrayInitialization]:
        return super()._schemes() | ({"shift": self.shift_init} if self.learn_shift else {})

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        scale, shift = self._parameter("scale"), self._parameter("shift")
        if not call.plain:
            return None
        if scale is None and shift is None:
            return torch.nn.LayerNorm(self.dim, self.epsilon, elementwise_affine=False)
        values = {} if shift is None else {"bias": value_of(shift)}
        values["weight"] = torch.ones_like(values["bias"]) if scale is None else value_of(scale)
        return layer_of(
            torch.nn.LayerNorm,
            self.dim,
            self.epsilon,
            values=values,
            options={"bias": shift is not None},
            frozen=["weight"] if scale is None else [],
        )

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Normalise an input of shape (..., dim) over its last dimension."""
        check_last_dim(self, "apply", "input_", input_, "dim")
        scale, shift = self._parameter("scale"), self._parameter("shift")
        return torch.nn.functional.layer_norm(  # type: ignore[return-value]
            input_,  # type: ignore[arg-type]
            (self.dim,),
            scale,  # type: ignore[arg-type]
            shift,  # type: ignore[arg-type]
            self.epsilon,
        )


class RMSNormalization(FeatureNormalization):
    """Brick that divides the features of each example by their root mean square, and scales them.

    Parameters
    ----------
    dim : int
        Size of the last dimension of input and output. Required by `allocate`.
    epsilon : float, optional
        A number that is added to the mean square.
    scale_init : NdarrayInitialization, optional
        Scheme for the scale; ones by default.
    learn_scale : bool, optional
        If False, the brick has no scale.

    References
    ----------
    Zhang and Sennrich, *Root mean square layer normalization*, 2019.

    Examples
    --------
    >>> import torch
    >>> normalization = RMSNormalization(2)
    >>> normalization.initialize()
    >>> normalization.apply(torch.tensor([[3.0, 4.0], [30.0, 40.0]]))
    tensor([[0.8485, 1.1314],
            [0.8485, 1.1314]])
    """

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        if not call.plain:
            return None
        scale = self._parameter("scale")
        if scale is None:
            return torch.nn.RMSNorm(self.dim, self.epsilon, elementwise_affine=False)
        values = {"weight": value_of(scale)}
        return layer_of(torch.nn.RMSNorm, self.dim, self.epsilon, values=values)

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Normalise an input of shape (..., dim) over its last dimension."""
        check_last_dim(self, "apply", "input_", input_, "dim")
        return torch.nn.functional.rms_norm(  # type: ignore[return-value]
            input_,  # type: ignore[arg-type]
            (self.dim,),
            self._parameter("scale"),  # type: ignore[arg-type]
            self.epsilon,
        )
