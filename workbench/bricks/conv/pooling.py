"""Pooling, which reduces each region of an image to one value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import torch

from workbench.bricks.application import application
from workbench.bricks.checks import shown
from workbench.bricks.conv.images import F, Pair, Size, pair, size_of
from workbench.bricks.feedforward import Feedforward
from workbench.bricks.image_layer import ImageLayer, shape_text
from workbench.bricks.lazy import is_set, lazy
from workbench.bricks.options import BrickOptions
from workbench.bricks.to_torch import TorchCall
from workbench.errors import BrickError, DtypeError, Fix, ShapeError, about, nearest
from workbench.tensor import Variable

MODES = ("max", "sum", "average_inc_pad", "average_exc_pad")


class Pooling(ImageLayer, Feedforward):
    """Brick that reduces each region of an image to one value.

    Most models use one of the subclasses, `MaxPooling` and `AveragePooling`.

    Parameters
    ----------
    mode : {'max', 'sum', 'average_inc_pad', 'average_exc_pad'}
        The value that is computed for each region: the maximum, the sum, or the average including
        or excluding the padding. Required by `allocate`.
    pooling_size : tuple of int
        Height and width of the regions. Required by `allocate`.
    step : tuple of int, optional
        The stride; by default `pooling_size`. With smaller steps the regions overlap.
    input_dim : tuple of (int or None), optional
        Shape of an input without the batch axis. If it is not given, `get_dim` returns None for
        each size.
    ignore_border : bool, optional
        True to ignore incomplete regions at the lower and right edges, False to reduce the part of
        each incomplete region that lies inside the image.
    padding : tuple of int, optional
        The number of rows to add above and below the image, and the number of columns to add on its
        left and right. The values in the padding do not affect a maximum or a sum.

    Examples
    --------
    >>> import torch
    >>> Pooling("sum", (2, 2)).apply(torch.ones(1, 1, 4, 6))
    tensor([[[[4., 4., 4.],
              [4., 4., 4.]]]])
    """

    @lazy(allocation=["mode", "pooling_size"])
    def __init__(
        self,
        mode: str,
        pooling_size: Pair,
        step: Pair | None = None,
        input_dim: Sequence[int | None] | None = None,
        ignore_border: bool = True,
        padding: Pair = (0, 0),
        **kwargs: Unpack[BrickOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.mode = mode
        self.pooling_size = pooling_size
        self.step = step
        self.input_dim = self._shape_of_input(input_dim)
        self.ignore_border = ignore_border
        self.padding = padding
        if is_set(mode):
            self._check_mode()

    def _shape_of_input(self, value: Any) -> tuple[Any, ...]:
        """Return the three sizes in `value`, which are all ``None`` if `value` is not set."""
        if not is_set(value):
            return None, None, None
        if not isinstance(value, (tuple, list)) or len(value) != 3:
            raise BrickError(
                f"{self.path()}: input_dim is {value!r}, but must be (channels, height, width), "
                "with None for an unknown size"
            )
        return tuple(value)

    @property
    def image_size(self) -> Size:
        """The last two items of `input_dim`."""
        return size_of(self, self.input_dim[-2:])

    @image_size.setter
    def image_size(self, value: Size | None) -> None:
        self.input_dim = (*self.input_dim[:-2], *size_of(self, value))

    @property
    def num_channels(self) -> Any:
        """The first item of `input_dim`."""
        return self.input_dim[0]

    @num_channels.setter
    def num_channels(self, value: int) -> None:
        self.input_dim = (value, *self.input_dim[1:])

    @property
    def num_output_channels(self) -> Any:
        """The same as `num_channels`."""
        return self.num_channels

    @property
    def output_dim(self) -> tuple[Any, ...]:
        """The shape of an output without the batch axis, as returned by `get_dim`."""
        return (*self.input_dim[:-2], *self._pooled_size())

    def describe(self) -> str:
        size = "?" if not is_set(self.pooling_size) else self.pooling_size
        return f"{ImageLayer.describe(self)}, {self.mode} of {size}"

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        size, padding = pair(self, "pooling_size", least=1), pair(self, "padding", least=0)
        wide = any(2 * p > k for p, k in zip(padding, size, strict=True))
        if not call.plain or wide:  # no torch layer accepts wide padding
            return None
        steps, ceil = self._steps(), not self.ignore_border
        if self.mode == "max":
            return torch.nn.MaxPool2d(size, steps, padding, ceil_mode=ceil)
        return torch.nn.AvgPool2d(
            size,
            steps,
            padding,
            ceil_mode=ceil,
            count_include_pad=self.mode != "average_exc_pad",
            divisor_override=1 if self.mode == "sum" else None,
        )

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Pool the last two dimensions.

        Parameters
        ----------
        input_ : Variable
            Floats with at least two dimensions; the last two are height and width.

        Returns
        -------
        Variable
            Floats with the same number of dimensions; the last two are smaller.
        """
        self._check(input_)
        images: Variable = input_
        if input_.ndim == 2:
            images = input_.unsqueeze(0)
        elif input_.ndim > 4:
            images = input_.flatten(0, -4)
        output = self._pooled(images)
        if images is not input_:
            output = output.reshape(*input_.shape[:-2], *output.shape[-2:])
        return output

    def get_dim(self, name: str) -> Any:
        return Feedforward.get_dim(self, name)

    def _allocate(self) -> None:
        self._check_mode()
        self._check_padding()

    def _pooled(self, images: Variable) -> Variable:
        """Pool images with three or four dimensions."""
        size, padding = pair(self, "pooling_size", least=1), pair(self, "padding", least=0)
        rim = (padding[1], padding[1], padding[0], padding[0])
        # torch accepts padding up to half of a region; larger padding is added explicitly.
        wide = any(2 * p > k for p, k in zip(padding, size, strict=True))
        settings = {
            "kernel_size": size,
            "stride": self._steps(),
            "padding": 0 if wide else padding,
            "ceil_mode": not self.ignore_border,
        }
        if self.mode == "max":
            images = F.pad(images, rim, value=-torch.inf) if wide else images
            largest: Variable = F.max_pool2d(images, **settings)
            return largest
        if self.mode == "average_exc_pad":
            if wide:
                inside = F.avg_pool2d(F.pad(images.new_ones(images.shape), rim), **settings)
                average: Variable = F.avg_pool2d(F.pad(images, rim), **settings) / inside
                return average
            settings["count_include_pad"] = False
        images = F.pad(images, rim) if wide else images
        if self.mode == "sum":
            settings["divisor_override"] = 1
        reduced: Variable = F.avg_pool2d(images, **settings)
        return reduced

    def _steps(self) -> Pair:
        return pair(self, "pooling_size" if self.step is None else "step", least=1)

    def _pooled_size(self) -> Size:
        if not is_set(self.pooling_size):
            return None, None
        padding, size = pair(self, "padding", least=0), pair(self, "pooling_size", least=1)
        sizes = zip(self.image_size, padding, size, self._steps(), strict=True)
        height, width = (None if n is None else self._regions(n, *others) for n, *others in sizes)
        if any(n is not None and n < 1 for n in (height, width)):
            error = BrickError(
                f"{self.path()}: regions of pooling_size {size} do not fit into images of "
                f"image_size {self.image_size}; set a smaller pooling_size, or more padding"
            )
            raise about(error, self.path())
        return height, width

    def _regions(self, n: int, padding: int, size: int, step: int) -> int:
        """Return the number of regions along an axis of `n` pixels."""
        room = n + 2 * padding - size
        if self.ignore_border:
            return room // step + 1
        # The last region must not start in the padding beyond the image.
        return min(-(-room // step), (n + padding - 1) // step) + 1

    def _check(self, input_: Variable) -> None:
        where = f"{self.path()}.apply: input_"
        if input_.ndim < 2:
            raise ShapeError(
                f"{where} has shape {shown(input_)}, but must have at least two dimensions, height "
                "and width; pass images of shape (batch, channels, height, width)"
            )
        # With three dimensions, the first one may be the batch or the channels.
        known = self.input_dim[-3 if input_.ndim > 3 else -2 :]
        pairs = zip(input_.shape[-len(known) :], known, strict=True)
        if any(isinstance(n, int) and m is not None and n != m for n, m in pairs):
            raise ShapeError(
                f"{where} has shape {shown(input_)}, but input_dim is "
                f"{shape_text(self.input_dim)}; set input_dim, or pass images of this shape"
            )
        if not input_.dtype.is_floating_point:
            raise DtypeError(
                f"{where} has dtype {str(input_.dtype).removeprefix('torch.')}, but must have a "
                "float dtype; convert it, as in input_.float()"
            )
        padding, size = pair(self, "padding", least=0), pair(self, "pooling_size", least=1)
        sizes = zip(input_.shape[-2:], padding, size, self._steps(), strict=True)
        if any(isinstance(n, int) and self._regions(n, *others) < 1 for n, *others in sizes):
            raise ShapeError(
                f"{where} has shape {shown(input_)}, but regions of pooling_size {size} do not fit "
                f"into images of size {shape_text(input_.shape[-2:])}; set a smaller "
                "pooling_size, or more padding"
            )

    def _check_mode(self) -> None:
        if self.mode not in MODES:
            raise BrickError(
                f"{self.path()}: mode is {self.mode!r}, but must be one of {', '.join(MODES)}"
                f"{nearest(self.mode, MODES)}"
            )
        if self.mode == "average_inc_pad" and not self.ignore_border:
            error = BrickError(
                f"{self.path()}: ignore_border is False, but averages can include the padding only "
                "with ignore_border=True; set ignore_border=True, or exclude the padding"
            )
            raise about(error, self.path(), Fix(self.path(), "ignore_border", True))

    def _check_padding(self) -> None:
        size, padding = pair(self, "pooling_size", least=1), pair(self, "padding", least=0)
        if self.ignore_border:
            fits = all(p < k for p, k in zip(padding, size, strict=True))
        else:
            fits = all(2 * p <= k for p, k in zip(padding, size, strict=True))
        if not fits:
            most = "smaller than" if self.ignore_border else "at most half of"
            raise BrickError(
                f"{self.path()}: padding is {padding}, but must be {most} pooling_size={size}, "
                "so that every region overlaps the image"
            )


class MaxPooling(Pooling):
    """Brick that computes the maximum of each region of an image.

    Parameters
    ----------
    pooling_size : tuple of int
        Height and width of the regions. Required by `allocate`.
    step, input_dim, ignore_border, padding : optional
        See `Pooling`.

    Examples
    --------
    >>> import torch
    >>> image = torch.arange(25.0).reshape(5, 5)
    >>> MaxPooling((2, 2)).apply(image)
    tensor([[ 6.,  8.],
            [16., 18.]])
    >>> MaxPooling((2, 2), ignore_border=False).apply(image)
    tensor([[ 6.,  8.,  9.],
            [16., 18., 19.],
            [21., 23., 24.]])
    """

    _torch_layer = Pooling._torch_layer

    @lazy(allocation=["pooling_size"])
    def __init__(
        self,
        pooling_size: Pair,
        step: Pair | None = None,
        input_dim: Sequence[int | None] | None = None,
        ignore_border: bool = True,
        padding: Pair = (0, 0),
        **kwargs: Unpack[BrickOptions],
    ) -> None:
        super().__init__("max", pooling_size, step, input_dim, ignore_border, padding, **kwargs)


class AveragePooling(Pooling):
    """Brick that computes the average of each region of an image.

    Parameters
    ----------
    pooling_size : tuple of int
        Height and width of the regions. Required by `allocate`.
    step, input_dim, ignore_border, padding : optional
        See `Pooling`.
    include_padding : bool, optional
        True to include the zeros of the padding in averages. This requires ``ignore_border=True``.

    Raises
    ------
    BrickError
        If `include_padding` is True and `ignore_border` is False.

    Examples
    --------
    >>> import torch
    >>> AveragePooling((2, 2)).apply(torch.arange(16.0).reshape(4, 4))
    tensor([[ 2.5000,  4.5000],
            [10.5000, 12.5000]])
    """

    _torch_layer = Pooling._torch_layer

    @lazy(allocation=["pooling_size"])
    def __init__(
        self,
        pooling_size: Pair,
        step: Pair | None = None,
        input_dim: Sequence[int | None] | None = None,
        ignore_border: bool = True,
        padding: Pair = (0, 0),
        include_padding: bool = False,
        **kwargs: Unpack[BrickOptions],
    ) -> None:
        mode = "average_inc_pad" if include_padding else "average_exc_pad"
        super().__init__(mode, pooling_size, step, input_dim, ignore_border, padding, **kwargs)
