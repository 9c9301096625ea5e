"""`Convolutional`, the convolution of images with learned filters.

As in mathematics and in `scipy.signal.convolve2d`, the filter is flipped before it slides over the
image. ``torch.nn.functional.conv2d`` does not flip filters, so it is called with flipped filters.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict, Unpack

import torch

from workbench.bricks.application import application
from workbench.bricks.checks import shown
from workbench.bricks.conv.images import F, Pair, Size, check_images, pair, size_of
from workbench.bricks.image_layer import ImageLayer
from workbench.bricks.initializable import LinearLike
from workbench.bricks.lazy import is_set, lazy
from workbench.bricks.options import InitializableOptions
from workbench.bricks.to_torch import TorchCall, layer_of, value_of
from workbench.errors import BrickError, NotConfiguredError, ShapeError, about, nearest
from workbench.roles import BIAS, FILTER
from workbench.tensor import Variable
from workbench.utils.numbers import is_whole

REMEDY = "pass larger images, or set a smaller filter_size or a border_mode such as 'half'"

BorderMode = Literal["valid", "full", "half"] | int | tuple[int, int]


class _Convolution(TypedDict, total=False):
    image_size: Size | None
    step: Pair
    border_mode: BorderMode
    tied_biases: bool


class ConvolutionOptions(_Convolution, InitializableOptions, total=False):
    """Options of `Convolutional`."""


class Convolutional(LinearLike, ImageLayer):
    r"""Brick that convolves images with learned filters and adds biases.

    Output channel :math:`f` is the sum over input channels :math:`c` of the convolutions
    :math:`x_c * W_{f,c}`, plus a bias.

    Parameters
    ----------
    filter_size : tuple of int
        Height and width of the filters. Required by `allocate`.
    num_filters : int
        The number of output channels, each with one filter for each input channel. Required by
        `allocate`.
    num_channels : int
        The number of input channels. Required by `allocate`.
    image_size : tuple of (int or None), optional
        Height and width of the input. Without them, `get_dim` returns None for the sizes. Required
        if `tied_biases` is False.
    step : tuple of int, optional
        The stride, that is, the distance between two applications of the filter.
    border_mode : {'valid', 'full', 'half'}, int or tuple of int, optional
        The border of zeros around the image: 'valid' for no border; 'full' for a border one pixel
        narrower than the filter, so that the filter is applied wherever it overlaps the image;
        'half' for a border of half the filter size, rounded down; or the numbers of rows and
        columns of the border.
    tied_biases : bool, optional
        True for one bias per filter, False for a separate bias for each filter and output position.
    **kwargs
        Options of `Initializable`: `weights_init`, `biases_init`, `use_bias`, `seed` and `name`.

    Notes
    -----
    The filters ``W``, of shape (num_filters, num_channels, height, width), have the role
    ``FILTER``. For an image of N rows, a filter of K rows, a border of P rows and a step of S, the
    output has ``(N + 2 P - K) // S + 1`` rows. With a step of 1, there are ``N - K + 1`` rows in
    'valid' mode and ``N + K - 1`` rows in 'full' mode.

    Examples
    --------
    >>> import torch
    >>> from workbench.initialization import Constant
    >>> edges = Convolutional((1, 2), num_filters=1, num_channels=1, use_bias=False,
    ...                       weights_init=Constant([[[[1, -1]]]]))
    >>> edges.initialize()
    >>> edges.apply(torch.tensor([[[[0.0, 0.0, 5.0, 5.0]]]]))
    tensor([[[[0., 5., 0.]]]])
    >>> edges.image_size = (28, 28)
    >>> edges.get_dim("output")
    (1, 28, 27)
    """

    @lazy(allocation=["filter_size", "num_filters", "num_channels"])
    def __init__(
        self,
        filter_size: Pair,
        num_filters: int,
        num_channels: int,
        image_size: Size | None = (None, None),
        step: Pair = (1, 1),
        border_mode: BorderMode = "valid",
        tied_biases: bool = True,
        **kwargs: Unpack[InitializableOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.filter_size = filter_size
        self.num_filters = num_filters
        self.num_channels = num_channels
        self.image_size = image_size
        self.step = step
        self.border_mode = border_mode
        self.tied_biases = tied_biases

    @property
    def num_output_channels(self) -> int:
        """The same as `num_filters`."""
        return self.num_filters

    def _allocate(self) -> None:
        filter_size = pair(self, "filter_size", least=1)
        self.get_dim("output")  # raises if the image size is known and the filters do not fit
        self._add_parameter((self.num_filters, self.num_channels, *filter_size), "W", FILTER)
        if self.use_bias:
            self._add_parameter(self._bias_shape(), "b", BIAS)

    def _bias_shape(self) -> tuple[int, ...]:
        if self.tied_biases:
            return (self.num_filters,)
        shape = self.get_dim("output")
        if None in shape:
            raise NotConfiguredError(
                f"{self.path()}: allocation requires image_size, since with tied_biases=False "
                "there is a bias for each position of the output; assign a size, as in "
                f"{self.name}.image_size = (28, 28)",
                missing=["image_size"],
            )
        return tuple(shape)

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        if not call.plain or (self.use_bias and not self.tied_biases):
            return None
        values = {"weight": value_of(self.W).flip(2, 3)}  # torch does not flip filters
        if self.use_bias:
            values["bias"] = value_of(self.b)
        return layer_of(
            torch.nn.Conv2d,
            self.num_channels,
            self.num_filters,
            pair(self, "filter_size", least=1),
            values=values,
            options={
                "stride": pair(self, "step", least=1),
                "padding": self._border(),
                "bias": self.use_bias,
            },
        )

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Convolve images.

        Parameters
        ----------
        input_ : Variable
            Floats of shape (B, num_channels, H, W).

        Returns
        -------
        Variable
            Floats of shape (B, num_filters, H', W'); see the class notes.
        """
        check_images(self, input_, self.get_dim("input_"))
        output = self.conv2d_impl(
            input_,
            self.W,
            input_shape=(None, *self.get_dim("input_")),
            subsample=pair(self, "step", least=1),
            border_mode=self.border_mode,
            filter_shape=tuple(self.W.shape),
        )
        if not self.use_bias:
            return output
        return output + (self.b.reshape(-1, 1, 1) if self.tied_biases else self.b)

    def conv2d_impl(
        self,
        input_: Variable,
        W: Variable,
        input_shape: tuple[int | None, ...],
        subsample: Pair,
        border_mode: BorderMode,
        filter_shape: tuple[int, ...],
    ) -> Variable:
        """Convolve images without adding biases; subclasses can override this method.

        Parameters
        ----------
        input_ : Variable
            Images of shape (B, num_channels, H, W).
        W : Variable
            Filters of shape `filter_shape`, not flipped.
        input_shape : tuple of (int or None)
            The shape of the input, with None for unknown sizes.
        subsample : tuple of int
            The stride.
        border_mode : str, int or tuple of int
        filter_shape : tuple of int
            The tuple (num_filters, num_channels, height, width).
        """
        border = self._border()
        known = [n if isinstance(n, int) else None for n in input_.shape[2:]]
        if _any_below_one(self._number_of_places((known[0], known[1]))):
            raise ShapeError(
                f"{self.path()}.apply: input_ has shape {shown(input_)}, but filters of "
                f"filter_size {self.filter_size} do not fit into images of this size with a "
                f"border of {border}; {REMEDY}"
            )
        output: Variable = F.conv2d(input_, W.flip(2, 3), stride=subsample, padding=border)
        return output

    def get_dim(self, name: str) -> Any:
        if name == "input_":
            return (self.num_channels, *size_of(self, self.image_size))
        if name == "output":
            return (self.num_filters, *self._convolved(size_of(self, self.image_size)))
        return super().get_dim(name)

    def _border(self) -> Pair:
        """Return the number of rows and columns of zeros around the image."""
        mode = self.border_mode
        if isinstance(mode, str):
            height, width = pair(self, "filter_size", least=1)
            borders = {
                "valid": (0, 0),
                "half": (height // 2, width // 2),
                "full": (height - 1, width - 1),
            }
            if mode in borders:
                return borders[mode]
        elif is_whole(mode) and mode >= 0:
            return int(mode), int(mode)
        elif isinstance(mode, (tuple, list)):
            return pair(self, "border_mode", least=0)
        hint = nearest(mode, ["valid", "full", "half"]) if isinstance(mode, str) else ""
        raise BrickError(
            f"{self.path()}: border_mode is {mode!r}, but must be 'valid', 'full', 'half', a "
            f"whole number >= 0, or a pair (rows, columns) of such numbers{hint}"
        )

    def _convolved(self, size: Size) -> Size:
        """Return the output size of the convolution for an image of the given `size`."""
        if not is_set(self.filter_size):
            return None, None
        places = self._number_of_places(size)
        if _any_below_one(places):
            error = BrickError(
                f"{self.path()}: filters of filter_size {self.filter_size} do not fit into images "
                f"of image_size {size} with a border of {self._border()}; {REMEDY}"
            )
            raise about(error, self.path())
        return places

    def _number_of_places(self, size: Size) -> Size:
        """Return the size of the output, which is less than 1 if the filters do not fit."""
        filters, steps = pair(self, "filter_size", least=1), pair(self, "step", least=1)
        borders = self._border()
        height, width = (
            None if n is None else (n + 2 * p - k) // s + 1
            for n, k, s, p in zip(size, filters, steps, borders, strict=True)
        )
        return height, width


def _any_below_one(size: Size) -> bool:
    return any(n is not None and n < 1 for n in size)
