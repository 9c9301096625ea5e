"""`BatchNormalization` and its spatial variant, which normalise, scale and shift activations.

In evaluation mode the brick normalises with stored *population* statistics; in training mode it
normalises with statistics of the *batch*. `workbench.graph.bn` rewrites a graph from one mode to
the other.
"""

from __future__ import annotations

from collections.abc import Sequence as SequenceType
from typing import Any, ClassVar, Unpack

import torch

from workbench.bricks.application import application
from workbench.bricks.bn.formulas import folded, step_by_step
from workbench.bricks.bn.torch_layer import batch_norm
from workbench.bricks.checks import shown
from workbench.bricks.dimensions import check_epsilon
from workbench.bricks.feedforward import Feedforward
from workbench.bricks.image_layer import ImageLayer, shape_text
from workbench.bricks.lazy import is_set, lazy
from workbench.bricks.options import BatchNormalizationOptions, RNGOptions
from workbench.bricks.random_numbers import RNGMixin
from workbench.bricks.to_torch import TorchCall, refusal
from workbench.errors import BrickError, DtypeError, NotConfiguredError, ShapeError
from workbench.graph.annotations import ApplicationCall, add_annotation
from workbench.graph.modes import MODE, ModeDependent
from workbench.initialization import Constant, NdarrayInitialization
from workbench.roles import (
    BATCH_NORM_DIVISOR,
    BATCH_NORM_MINIBATCH_ESTIMATE,
    BATCH_NORM_OFFSET,
    BATCH_NORM_POPULATION_MEAN,
    BATCH_NORM_POPULATION_STDEV,
    BATCH_NORM_SCALE_PARAMETER,
    BATCH_NORM_SHIFT_PARAMETER,
    VariableRole,
    add_role,
)
from workbench.tensor import SharedVariable, Variable
from workbench.utils.variables import norm_of, shared_floatx_nans, shared_floatx_zeros


class BatchNormalization(RNGMixin, ImageLayer, Feedforward, ModeDependent):
    r"""Brick that normalises activations over the batch, then scales and shifts them.

    .. math:: y = \gamma \frac{x - \mu}{\sigma} + \beta

    with learned :math:`\gamma` and :math:`\beta`. In training mode, :math:`\mu` is the mean of the
    batch and :math:`\sigma = \sqrt{v + \epsilon}`, where :math:`v` is the (biased) variance of the
    batch; gradients flow through both statistics. In evaluation mode, :math:`\mu` and
    :math:`\sigma` are the population mean and the population standard deviation, which are shared
    variables with the initial values zero and one.

    Parameters
    ----------
    input_dim : int or tuple of int
        Shape of an input without the batch axis. Required by `allocate`.
    broadcastable : tuple of bool, optional
        For each axis of `input_dim`, True to compute one statistic over the whole axis, False to
        compute a separate statistic for each index. By default False for each axis.
    conserve_memory : bool, optional
        True to compute ``x * (gamma / sigma) + (beta - mu * gamma / sigma)``, which stores no
        additional tensor of the input's size for the gradient. False to compute the formula step by
        step, which stores the centred and the normalised activations.
    epsilon : float, optional
        A non-negative number that is added to the variance of the batch.
    scale_init, shift_init : NdarrayInitialization, optional
        Schemes for the scale :math:`\gamma` (ones by default) and the shift :math:`\beta` (zeros by
        default). Parents do not push these schemes.
    mean_only : bool, optional
        True to subtract the mean without dividing by a standard deviation or scaling.
    learn_scale, learn_shift : bool, optional
        If False, the brick has no scale or no shift, respectively.
    **kwargs
        `seed` and `name`.

    Attributes
    ----------
    population_mean, population_stdev : SharedVariable
        The population statistics, with the roles ``BATCH_NORM_POPULATION_MEAN`` and
        ``BATCH_NORM_POPULATION_STDEV``. They are not parameters. With `mean_only` there is no
        `population_stdev`.

    Notes
    -----
    The brick is in training mode inside ``with brick:``. The mean that is subtracted has the role
    ``BATCH_NORM_OFFSET``, and the divisor has the role ``BATCH_NORM_DIVISOR``.

    ``torch.nn.functional.batch_norm`` stores the unbiased population variance, without epsilon.
    This brick stores the divisor, which is the biased population standard deviation with epsilon.

    References
    ----------
    Ioffe and Szegedy, *Batch normalization: accelerating deep network training by reducing internal
    covariate shift*, 2015. For `mean_only`: Salimans and Kingma, *Weight normalization*, 2016.

    Examples
    --------
    >>> import torch
    >>> normalization = BatchNormalization(2)
    >>> normalization.initialize()
    >>> batch = torch.tensor([[1.0, 10.0], [3.0, 30.0]])
    >>> with normalization:
    ...     normalization.apply(batch)
    tensor([[-1.0000, -1.0000],
            [ 1.0000,  1.0000]])
    >>> normalization.population_mean.set_value([2, 20])
    >>> normalization.apply(batch)
    tensor([[ -1., -10.],
            [  1.,  10.]])
    """

    uses_batch_statistics = True
    setting_checks: ClassVar = {"epsilon": check_epsilon}
    dims_of_all_axes = True

    @lazy(allocation=["input_dim"])
    def __init__(
        self,
        input_dim: int | SequenceType[int],
        broadcastable: SequenceType[bool] | None = None,
        conserve_memory: bool = True,
        epsilon: float = 1e-4,
        scale_init: NdarrayInitialization | None = None,
        shift_init: NdarrayInitialization | None = None,
        mean_only: bool = False,
        learn_scale: bool = True,
        learn_shift: bool = True,
        **kwargs: Unpack[RNGOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.input_dim = input_dim
        self.broadcastable = broadcastable
        self.conserve_memory = conserve_memory
        self.epsilon = epsilon
        self.scale_init = Constant(1) if scale_init is None else scale_init
        self.shift_init = Constant(0) if shift_init is None else shift_init
        self.mean_only = mean_only
        self.learn_scale = learn_scale
        self.learn_shift = learn_shift
        self._own: dict[str, SharedVariable] = {}

    # Shapes.

    @property
    def output_dim(self) -> Any:
        """The same as `input_dim`."""
        return self.input_dim

    @output_dim.setter
    def output_dim(self, value: Any) -> None:
        self.input_dim = value

    @property
    def num_channels(self) -> Any:
        """The first item of `input_dim`, for inputs that are images."""
        return self._sizes()[0]

    @num_channels.setter
    def num_channels(self, value: int) -> None:
        self.input_dim = (value, *self.image_size)

    @property
    def num_output_channels(self) -> Any:
        """The same as `num_channels`."""
        return self.num_channels

    @property
    def image_size(self) -> Any:
        """The last two items of `input_dim`, for inputs that are images."""
        sizes = self._sizes()
        return tuple(sizes[-2:]) if len(sizes) > 2 else (None, None)

    @image_size.setter
    def image_size(self, value: Any) -> None:
        channels = self.num_channels if is_set(self.num_channels) else None
        self.input_dim = (channels, *((None, None) if value is None else value))

    @property
    def normalization_axes(self) -> tuple[int, ...]:
        """The axes over which statistics are computed, starting with the batch axis 0."""
        along = enumerate(self._broadcastable(), start=1)
        return (0, *(axis for axis, averaged in along if averaged))

    def get_dim(self, name: str) -> Any:
        return Feedforward.get_dim(self, name)

    def describe(self) -> str:
        dim = self.input_dim
        text = shape_text(dim) if isinstance(dim, (tuple, list)) else str(dim if dim else "?")
        return f"{text}, mean only" if self.mean_only else text

    def _sizes(self) -> tuple[Any, ...]:
        dim: Any = self.input_dim
        return tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)

    def _broadcastable(self) -> tuple[bool, ...]:
        sizes = self._sizes()
        if self.broadcastable is None:
            return (False,) * len(sizes)
        if len(self.broadcastable) != len(sizes):
            raise BrickError(
                f"{self.path()}: broadcastable is {self.broadcastable!r}, of length "
                f"{len(self.broadcastable)}, but must have length {len(sizes)}, with one bool for "
                f"each axis of input_dim={self.input_dim!r}"
            )
        return tuple(bool(averaged) for averaged in self.broadcastable)

    def _statistics_shape(self) -> tuple[int, ...]:
        averaged = self._broadcastable()
        shape = tuple(1 if b else n for n, b in zip(self._sizes(), averaged, strict=True))
        if None in shape:
            raise NotConfiguredError(
                f"{self.path()}: input_dim is {self.input_dim!r}, but an axis with separate "
                "statistics for each index must have a known size; set the unknown size (for "
                "example with image_size), or use SpatialBatchNormalization, which computes one "
                "mean per channel over all pixels",
                missing=["input_dim"],
            )
        return shape

    # Parameters and statistics.

    def _allocate(self) -> None:
        shape = self._statistics_shape()
        self._own = {}
        if self.learn_scale and not self.mean_only:
            self._add_parameter(shape, "scale", BATCH_NORM_SCALE_PARAMETER)
        if self.learn_shift:
            self._add_parameter(shape, "shift", BATCH_NORM_SHIFT_PARAMETER)
        self._add_statistic(shape, "population_mean", BATCH_NORM_POPULATION_MEAN)
        if not self.mean_only:
            self._add_statistic(shape, "population_stdev", BATCH_NORM_POPULATION_STDEV)
        self._reset_population()

    def _initialize(self) -> None:
        if "scale" in self._own:
            self.scale_init.initialize(self._own["scale"], self.rng)
        if "shift" in self._own:
            self.shift_init.initialize(self._own["shift"], self.rng)
        self._reset_population()

    def _add_parameter(self, shape: tuple[int, ...], name: str, role: VariableRole) -> None:
        parameter = shared_floatx_nans(shape, name=f"batch_norm_{name}")
        add_role(parameter, role)
        self.parameters.append(parameter)
        self.add_auxiliary_variable(norm_of(parameter), name=f"batch_norm_{name}_norm")
        self._own[name] = parameter

    def _add_statistic(self, shape: tuple[int, ...], name: str, role: VariableRole) -> None:
        statistic = shared_floatx_zeros(shape, name=name)
        add_role(statistic, role)
        add_annotation(statistic, self)
        self._own[name] = statistic

    def _reset_population(self) -> None:
        for name, value in (("population_mean", 0), ("population_stdev", 1)):
            if name in self._own:
                statistic = self._own[name]
                filled = torch.full((), value).expand(statistic.shape)
                statistic.set_value(filled)

    @property
    def scale(self) -> SharedVariable:
        """The parameter that multiplies the normalised activations."""
        return self._get("scale")

    @property
    def shift(self) -> SharedVariable:
        """The parameter that is added to the scaled activations."""
        return self._get("shift")

    @property
    def population_mean(self) -> SharedVariable:
        """The mean that is subtracted in evaluation mode."""
        return self._get("population_mean")

    @property
    def population_stdev(self) -> SharedVariable:
        """The standard deviation that divides the activations in evaluation mode."""
        return self._get("population_stdev")

    def _get(self, name: str) -> SharedVariable:
        if name not in self._own:
            settings = ("mean_only", "learn_scale", "learn_shift")
            why = (
                ", ".join(f"{setting}={getattr(self, setting)}" for setting in settings)
                if self.allocated
                else "it is not allocated"
            )
            raise AttributeError(f"{self.path()} has no {name}: {why}")
        return self._own[name]

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        if not call.plain:
            return None
        if self.mean_only:
            raise refusal(self, "torch has no normalisation by the mean only (mean_only=True)")
        sizes, averaged = self._sizes(), self._broadcastable()
        layer = batch_norm(sizes, averaged, self.epsilon, self._own)
        if layer is None:
            reason = "torch computes only one mean and variance per channel"
            raise refusal(self, f"{reason} (broadcastable={self.broadcastable!r})")
        return layer

    # Application.

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, application_call: ApplicationCall, input_: Variable) -> Variable:
        """Normalise, scale and shift the activations.

        Parameters
        ----------
        input_ : Variable
            Floats of shape ``(B, *input_dim)``.

        Returns
        -------
        Variable
            Floats with the shape of `input_`.
        """
        self._check(input_)
        application_call.metadata[MODE] = self.in_training_mode
        if self.in_training_mode:
            offset, divisor = self._batch_statistics(input_)
        else:
            offset = self.population_mean.unsqueeze(0)
            divisor = None if self.mean_only else self.population_stdev.unsqueeze(0)
        self._annotate(offset, BATCH_NORM_OFFSET, application_call)
        if divisor is not None:
            self._annotate(divisor, BATCH_NORM_DIVISOR, application_call)
        scale, shift = self._own.get("scale"), self._own.get("shift")
        if self.conserve_memory:
            return folded(input_, offset, divisor, scale, shift)
        return step_by_step(input_, offset, divisor, scale, shift)

    def _batch_statistics(self, input_: Variable) -> tuple[Variable, Variable | None]:
        axes = self.normalization_axes
        if self.mean_only:
            mean, stdev = input_.mean(axes, keepdim=True), None
        else:
            variance, mean = torch.var_mean(input_, axes, correction=0, keepdim=True)  # type: ignore[call-overload]
            stdev = (variance + self.epsilon).sqrt()
            self._mark_estimate(stdev, "stdev")
        self._mark_estimate(mean, "mean")
        return mean, stdev

    def _mark_estimate(self, estimate: Variable, name: str) -> None:
        estimate.name = f"batch_{name}"
        add_role(estimate, BATCH_NORM_MINIBATCH_ESTIMATE)
        estimate.tag.estimate_of = self._own[f"population_{name}"]

    def _annotate(self, statistic: Variable, role: VariableRole, call: ApplicationCall) -> None:
        add_role(statistic, role)
        add_annotation(statistic, self)
        add_annotation(statistic, call)

    def _check(self, input_: Variable) -> None:
        where = f"{self.path()}.apply: input_"
        sizes = self._sizes()
        pairs = zip(input_.shape[1:], sizes, strict=False)
        differ = any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in pairs)
        if input_.ndim != len(sizes) + 1 or differ:
            raise ShapeError(
                f"{where} has shape {shown(input_)}, but input_dim is {self.input_dim!r}, so the "
                f"shape must be {shape_text((None, *sizes))}; set input_dim, or pass an input of "
                "this shape"
            )
        if not input_.dtype.is_floating_point:
            raise DtypeError(
                f"{where} has dtype {str(input_.dtype).removeprefix('torch.')}, but must have a "
                "float dtype; convert it, as in input_.float()"
            )


class SpatialBatchNormalization(BatchNormalization):
    """`BatchNormalization` for images, with one mean and one standard deviation for each channel.

    Parameters
    ----------
    input_dim : tuple of (int or None)
        Shape of an input without the batch axis: channels, then spatial dimensions, whose sizes may
        be unknown. Required by `allocate`. A `workbench.bricks.conv.ConvolutionalSequence` sets it.
    **kwargs
        Options of `BatchNormalization`, except `broadcastable`.

    Examples
    --------
    >>> normalization = SpatialBatchNormalization((16, None, None))
    >>> normalization.allocate()
    >>> normalization.normalization_axes, normalization.population_mean.shape
    ((0, 2, 3), (16, 1, 1))
    """

    _torch_layer = BatchNormalization._torch_layer

    @lazy(allocation=["input_dim"])
    def __init__(
        self, input_dim: SequenceType[int], **kwargs: Unpack[BatchNormalizationOptions]
    ) -> None:
        super().__init__(input_dim, **kwargs)

    def _broadcastable(self) -> tuple[bool, ...]:
        sizes = self._sizes()
        if len(sizes) < 2:
            raise BrickError(
                f"{self.path()}: input_dim is {self.input_dim!r}, but must have at least two "
                "axes, the channels and a spatial axis; for vectors use BatchNormalization"
            )
        if self.broadcastable is not None:
            raise BrickError(
                f"{self.path()}: broadcastable is {self.broadcastable!r}, but must not be set, "
                "because a spatial normalisation computes statistics over all spatial axes; use "
                "BatchNormalization to choose the axes"
            )
        return (False, *(True for _ in sizes[1:]))
