"""`ConvolutionalTranspose`, which enlarges images with a transposed convolution."""

from __future__ import annotations

from typing import Any, Unpack

import torch

from workbench.bricks.conv.convolution import BorderMode, Convolutional, ConvolutionOptions
from workbench.bricks.conv.images import F, Pair, pair, size_of
from workbench.bricks.lazy import is_set, lazy
from workbench.bricks.to_torch import TorchCall, layer_of, value_of
from workbench.errors import BrickError
from workbench.tensor import Variable


class ConvolutionalTranspose(Convolutional):
    """Brick that enlarges images with a transposed convolution.

    The *convolution* with the same filters, border and step maps images of `original_image_size` to
    images of `image_size`. This brick is the transpose of that linear map, not its inverse. Except
    for the biases, it computes the gradient of the convolution with respect to its input.

    Parameters
    ----------
    filter_size : tuple of int
        Height and width of the filters. Required by `allocate`.
    num_filters : int
        The number of output channels, which are the input channels of the convolution. Required by
        `allocate`.
    num_channels : int
        The number of input channels, which are the output channels of the convolution. Required by
        `allocate`.
    original_image_size : tuple of int, optional
        Height and width of the output. By default this is the smallest size that the convolution
        maps to the size of the input, plus `unused_edge`.
    unused_edge : tuple of int, optional
        The numbers of rows and columns to add to the smallest size, at the lower and right edges.
        They must not exceed `step`, and are ignored if `original_image_size` is given.
    **kwargs
        Options of `Convolutional`; `image_size` is the size of the input, and `step` and
        `border_mode` refer to the convolution.

    Notes
    -----
    ``W`` has the shape (num_filters, num_channels, height, width). For an input of N rows, a step
    of S, filters of K rows, a border of P rows and an unused edge of U rows, the output has
    ``(N - 1) S + K - 2 P + U`` rows. Elements that no filter covers have the values of the biases.

    References
    ----------
    Dumoulin and Visin, *A guide to convolution arithmetic for deep learning*, 2016.

    Examples
    --------
    >>> import torch
    >>> from workbench.initialization import Constant
    >>> brick = ConvolutionalTranspose((2, 2), num_filters=1, num_channels=1, step=(2, 2),
    ...                                weights_init=Constant(1), biases_init=Constant(0))
    >>> brick.initialize()
    >>> brick.apply(torch.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1., 1., 2., 2.],
              [1., 1., 2., 2.]]]])
    >>> ConvolutionalTranspose((4, 5), 10, 5, step=(3, 2), image_size=(6, 9)).original_image_size
    (19, 21)
    """

    @lazy(allocation=["filter_size", "num_filters", "num_channels"])
    def __init__(
        self,
        filter_size: Pair,
        num_filters: int,
        num_channels: int,
        original_image_size: Pair | None = None,
        unused_edge: Pair = (0, 0),
        **kwargs: Unpack[ConvolutionOptions],
    ) -> None:
        super().__init__(filter_size, num_filters, num_channels, **kwargs)
        self.original_image_size = original_image_size
        self.unused_edge = unused_edge

    @property
    def original_image_size(self) -> Any:
        """Height and width of the output, as set or inferred; each is ``None`` if unknown."""
        if self._original_image_size is not None:
            return self._original_image_size
        if not is_set(self.filter_size):
            return None, None
        sizes = zip(size_of(self, self.image_size), self._edges(), strict=True)
        height, width = (
            None if n is None else self._grown(i, n) + u for i, (n, u) in enumerate(sizes)
        )
        return height, width

    @original_image_size.setter
    def original_image_size(self, value: Pair | None) -> None:
        self._original_image_size = value

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        edges, steps = self._edges(), pair(self, "step", least=1)
        # torch accepts an output padding only if it is smaller than the stride.
        wide = any(edge >= step for edge, step in zip(edges, steps, strict=True))
        if not call.plain or wide or (self.use_bias and not self.tied_biases):
            return None
        values = {"weight": value_of(self.W).transpose(0, 1).flip(2, 3)}
        if self.use_bias:
            values["bias"] = value_of(self.b)
        return layer_of(
            torch.nn.ConvTranspose2d,
            self.num_channels,
            self.num_filters,
            pair(self, "filter_size", least=1),
            values=values,
            options={
                "stride": steps,
                "padding": self._border(),
                "output_padding": edges,
                "bias": self.use_bias,
            },
        )

    def conv2d_impl(
        self,
        input_: Variable,
        W: Variable,
        input_shape: tuple[int | None, ...],
        subsample: Pair,
        border_mode: BorderMode,
        filter_shape: tuple[int, ...],
    ) -> Variable:
        """Compute the transposed convolution without biases; see `Convolutional.conv2d_impl`."""
        filters = W.transpose(0, 1).flip(2, 3)
        whole: Variable = F.conv_transpose2d(input_, filters, stride=subsample)
        (top, left), (lower, right) = self._border(), self._edges()
        beyond = (-left, right - left, -top, lower - top)
        if any(beyond):
            whole = F.pad(whole, beyond)
        return whole

    def get_dim(self, name: str) -> Any:
        if name == "output":
            return (self.num_filters, *size_of(self, self.original_image_size))
        if name == "input_" and self._original_image_size is not None and is_set(self.filter_size):
            original = pair(self, "original_image_size", least=1)
            return (self.num_channels, *self._convolved(original))
        return super().get_dim(name)

    def _edges(self) -> Pair:
        """Return how many more rows and columns the output has than its smallest possible size."""
        steps = pair(self, "step", least=1)
        if self._original_image_size is None:
            edges = pair(self, "unused_edge", least=0)
            if any(edge > step for edge, step in zip(edges, steps, strict=True)):
                raise BrickError(
                    f"{self.path()}: unused_edge is {edges}, but must not exceed step={steps}; "
                    "otherwise the convolution would read part of the edge"
                )
            return edges
        original = pair(self, "original_image_size", least=1)
        small = self._convolved(original)
        given = size_of(self, self.image_size)
        if any(n is not None and n != m for n, m in zip(given, small, strict=True)):
            raise BrickError(
                f"{self.path()}: original_image_size is {original}, which the convolution maps to "
                f"{small}, but image_size is {given}; set only one of these sizes, or set matching "
                "sizes"
            )
        height, width = (
            whole - self._grown(i, n or 1)
            for i, (whole, n) in enumerate(zip(original, small, strict=True))
        )
        return height, width

    def _grown(self, axis: int, size: int) -> int:
        """Return the smallest size that the convolution maps to `size`."""
        k, s = pair(self, "filter_size", least=1)[axis], pair(self, "step", least=1)[axis]
        return s * (size - 1) + k - 2 * self._border()[axis]
