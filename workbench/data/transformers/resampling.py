"""Transformers that enlarge and rotate images by interpolation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch

from workbench.data.axes import check_image_axes
from workbench.data.datasets import stack
from workbench.data.seeds import Rng
from workbench.data.streams import AbstractDataStream
from workbench.data.transformers.base import SourcewiseTransformer
from workbench.data.transformers.random import RandomTransformer
from workbench.errors import DataError
from workbench.utils.numbers import as_whole

Resample = Literal["nearest", "bilinear", "bicubic"]


class MinimumImageDimensions(SourcewiseTransformer):
    """Transformer that enlarges images to a minimum size and preserves their aspect ratio.

    An image is an array whose last two axes are height and width. Images that are large enough are
    not changed. If the resulting images of a batch differ in shape, the batch becomes an array of
    objects.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream to transform.
    minimum_shape : tuple of two int
        The minimum height and width.
    resample : {'nearest', 'bilinear', 'bicubic'}
        The method of interpolation.
    which_sources : sequence of str, optional
        The sources to change; by default all.

    Raises
    ------
    DataError
        If an argument is not valid, if the named axes do not end with height and width, or,
        during iteration, if an example is not an image.

    Examples
    --------
    >>> from workbench.data import DataStream, IterableDataset
    >>> stream = DataStream(IterableDataset([np.arange(8).reshape(2, 4)]))
    >>> [image] = next(MinimumImageDimensions(stream, (4, 4)).get_epoch_iterator())
    >>> image.shape, image[0].tolist()
    ((4, 8), [0, 0, 1, 1, 2, 2, 3, 3])
    """

    _never_writes = True

    def __init__(
        self,
        data_stream: AbstractDataStream,
        minimum_shape: tuple[int, int],
        resample: Resample = "nearest",
        *,
        which_sources: Sequence[str] | None = None,
    ) -> None:
        super().__init__(data_stream, which_sources=which_sources)
        if not isinstance(minimum_shape, Sequence) or len(minimum_shape) != 2:
            raise DataError(
                "minimum_shape must be a tuple of the minimum height and width, such as (28, 28), "
                f"not {minimum_shape!r}"
            )
        height, width = (
            as_whole(size, "a size in minimum_shape", DataError, 1) for size in minimum_shape
        )
        self.minimum_shape = (height, width)
        self.resample = _checked(resample)
        check_image_axes(data_stream.axis_labels, self.which_sources, "MinimumImageDimensions")

    def transform_source_example(self, source_example: Any, source_name: str) -> Any:
        image = _as_image(source_example, f"MinimumImageDimensions: source {source_name!r}")
        height, width = image.shape[-2:]
        times = max(1.0, self.minimum_shape[0] / height, self.minimum_shape[1] / width)
        if times == 1:
            return image
        # rounding errors may make the product slightly larger than a whole number of pixels
        size = (math.ceil(height * times - 1e-6), math.ceil(width * times - 1e-6))
        return _resized(image, size, self.resample)

    def transform_source_batch(self, source_batch: Any, source_name: str) -> Any:
        images = [self.transform_source_example(each, source_name) for each in source_batch]
        return torch.stack(images) if isinstance(source_batch, torch.Tensor) else stack(images)

    def __repr__(self) -> str:
        return (
            f"MinimumImageDimensions({self.data_stream!r}, {self.minimum_shape}, {self.resample!r})"
        )


class Random2DRotation(RandomTransformer):
    """Transformer that rotates each image about its centre by a random angle.

    An image is an array whose last two axes are height and width. The size does not change; pixels
    from outside the image are 0.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream to transform.
    maximum_rotation : float
        The maximum angle in radians. Angles are drawn uniformly between ``-maximum_rotation`` and
        ``maximum_rotation``; positive angles rotate counter-clockwise.
    resample : {'nearest', 'bilinear', 'bicubic'}
        The method of interpolation.
    which_sources : sequence of str, optional
        The sources to rotate; by default all. All sources are rotated by the same angles.
    rng : numpy.random.Generator or numpy.random.RandomState, optional
        The generator that draws the seed once, on construction.
    seed : int, optional
        The seed; by default `config.default_seed`.

    Raises
    ------
    DataError
        If an argument is not valid, if the named axes do not end with height and width, or,
        during iteration, if an example is not an image.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset, SequentialScheme
    >>> images = IndexableDataset(np.ones((4, 1, 9, 9), np.uint8))
    >>> stream = DataStream(images, iteration_scheme=SequentialScheme(4, batch_size=2))
    >>> [batch] = next(Random2DRotation(stream, 0.5, seed=1).get_epoch_iterator())
    >>> batch.shape, batch.dtype, int(batch[0, 0, 4, 4])
    ((2, 1, 9, 9), dtype('uint8'), 1)
    """

    _never_writes = True

    def __init__(
        self,
        data_stream: AbstractDataStream,
        maximum_rotation: float = math.pi,
        resample: Resample = "nearest",
        *,
        which_sources: Sequence[str] | None = None,
        rng: Rng | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(data_stream, which_sources=which_sources, rng=rng, seed=seed)
        if not 0 <= maximum_rotation < math.inf:
            raise DataError(
                "maximum_rotation must be a finite, non-negative angle in radians, not "
                f"{maximum_rotation!r}"
            )
        self.maximum_rotation = float(maximum_rotation)
        self.resample = _checked(resample)
        check_image_axes(data_stream.axis_labels, self.which_sources, "Random2DRotation")

    def transform_example(self, example: Any, rng: np.random.Generator) -> Any:
        angle = rng.uniform(-self.maximum_rotation, self.maximum_rotation)
        return rotated(_as_image(example, "Random2DRotation"), angle, self.resample)

    def __repr__(self) -> str:
        return (
            f"Random2DRotation({self.data_stream!r}, {self.maximum_rotation:.4g}, "
            f"{self.resample!r}, seed={self.seed})"
        )


def rotated(image: Any, angle: float, resample: Resample) -> Any:
    """Rotate an image counter-clockwise about its centre; pixels from outside the image are 0."""
    height, width = image.shape[-2:]
    y = torch.arange(height, dtype=torch.float64)[:, None] - (height - 1) / 2
    x = torch.arange(width, dtype=torch.float64) - (width - 1) / 2
    cosine, sine = math.cos(angle), math.sin(angle)
    from_x, from_y = cosine * x - sine * y, sine * x + cosine * y
    # -1 and 1 are the edges of the image, not the centres of its outermost pixels
    grid = torch.stack([2 * from_x / width, 2 * from_y / height], dim=-1)[None]

    def turn(pixels: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.grid_sample(pixels, grid, mode=resample, align_corners=False)

    return _computed(image, turn)


def _resized(image: Any, size: tuple[int, int], resample: Resample) -> Any:
    if resample == "nearest":
        rows, columns = (
            np.floor((np.arange(new) + 0.5) * old / new).astype(int)
            for new, old in zip(size, image.shape[-2:], strict=True)
        )
        return image[..., rows[:, None], columns]

    def enlarge(pixels: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.interpolate(pixels, size, mode=resample, align_corners=False)

    return _computed(image, enlarge)


def _computed(image: Any, function: Any) -> Any:
    """Apply a function to an image as a float tensor of shape (1, channels, height, width)."""
    array = image.detach().cpu().numpy() if isinstance(image, torch.Tensor) else image
    pixels = torch.from_numpy(array.reshape(1, -1, *array.shape[-2:]).astype(np.float64))
    result = _in_dtype(function(pixels).numpy(), array.dtype)
    result = result.reshape(*array.shape[:-2], *result.shape[-2:])
    return torch.from_numpy(result).to(image) if isinstance(image, torch.Tensor) else result


def _in_dtype(pixels: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    if dtype.kind not in "iub":
        return pixels.astype(dtype)
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return pixels.round().clip(low, high).astype(dtype)  # bicubic values may exceed the range


def _as_image(example: Any, where: str) -> Any:
    image = example if isinstance(example, torch.Tensor) else np.asarray(example)
    if image.ndim < 2 or 0 in image.shape:
        raise DataError(
            f"{where}: an example must be an image whose last two axes are height and width, not "
            f"an array of shape {tuple(image.shape)}"
        )
    return image


def _checked(resample: Resample) -> Resample:
    if resample not in get_args(Resample):
        raise DataError(
            f"resample must be one of {', '.join(map(repr, get_args(Resample)))}, not {resample!r}"
        )
    return resample
