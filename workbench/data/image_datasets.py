"""Base class of the image datasets, with checks of sizes and labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from workbench.data.datasets import IndexableDataset, as_index
from workbench.data.transformers import ScaleAndShift
from workbench.errors import DataError, DataFileError, SourceError, nearest

SOURCES = ("features", "targets")
AXES = {"features": ("batch", "channel", "height", "width"), "targets": ("batch", "index")}
Images = tuple[npt.NDArray[Any], npt.NDArray[Any]]
"""The images of a split and their class indices."""


class ImageDataset(IndexableDataset):
    """Dataset of labelled images in memory.

    The sources are ``features``, of shape (N, channels, height, width) and dtype uint8, and
    ``targets``, of shape (N, 1) and dtype uint8. `DataStream.default_stream` converts the features
    to `config.floatx` in [0, 1]. A subclass finds and reads the images.

    Parameters
    ----------
    which_sets : tuple of str
        The split names.
    origin : str
        Where the images come from, as shown in the repr.
    read : callable
        A function that returns the images and the class indices of a split, given the split's name.
        A pickle of the dataset contains this function instead of the data.
    start, stop : int, optional
        The range of examples to use, from `start` up to, but not including, `stop`.
    subset : slice or sequence of int, optional
        The examples to use, in this order; `start` and `stop` refer to this selection.
    sources : sequence of str, optional
        The sources to read, in this order; by default all.

    Attributes
    ----------
    classes : tuple of str
        The class names.
    sizes : mapping of str to int
        The number of examples in each split of the whole dataset.
    shape : tuple of int
        Channels, height and width of an image.
    """

    classes: ClassVar[tuple[str, ...]]
    sizes: ClassVar[Mapping[str, int]]
    shape: ClassVar[tuple[int, int, int]]

    def __init__(
        self,
        which_sets: tuple[str, ...],
        origin: str,
        read: Callable[[str], Images],
        *,
        start: int | None = None,
        stop: int | None = None,
        subset: slice | Sequence[int] | npt.NDArray[np.integer] | None = None,
        sources: Sequence[str] | None = None,
    ) -> None:
        self.which_sets = which_sets
        self.subset = subset
        self.origin = origin
        self._read = read
        super().__init__(self.load(), start, stop, sources=sources, axis_labels=AXES)
        if "features" in self.sources:
            to_unit = partial(ScaleAndShift, scale=1 / 255, shift=0, which_sources=("features",))
            self.default_transformers = (to_unit,)

    def load(self) -> dict[str, npt.NDArray[Any]]:
        splits = [self._read(name) for name in self.which_sets]
        arrays = [pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
                  for pieces in zip(*splits, strict=True)]  # fmt: skip
        if self.subset is not None:
            arrays = [self._chosen(array, self.subset) for array in arrays]
        return dict(zip(SOURCES, arrays, strict=True))

    def _chosen(
        self, array: npt.NDArray[Any], subset: slice | Sequence[int] | npt.NDArray[np.integer]
    ) -> npt.NDArray[Any]:
        if isinstance(subset, slice):
            return array[subset]
        try:
            chosen: npt.NDArray[Any] = array[as_index(subset) if len(subset) else []]
            return chosen
        except (IndexError, TypeError) as error:
            raise DataError(
                f"subset of {type(self).__name__}({self.which_sets}) must contain indices "
                f"of its {len(array)} example{'s' * (len(array) != 1)}: {error}"
            ) from None

    @classmethod
    def check_sets(cls, which_sets: Sequence[str]) -> tuple[str, ...]:
        """Check the split names, and return them as a tuple."""
        names = (which_sets,) if isinstance(which_sets, str) else tuple(which_sets)
        for name in names:
            if name not in cls.sizes:
                raise SourceError(
                    f"{cls.__name__} has no split {name!r}, only "
                    f"{', '.join(map(repr, cls.sizes))}{nearest(name, cls.sizes)}"
                )
        if not names:
            raise DataError(
                f"which_sets of {cls.__name__} must contain at least one of {tuple(cls.sizes)}, "
                "but is empty"
            )
        return names

    @classmethod
    def check_images(cls, found: object, split: str, pair: Images) -> Images:
        """Check the images and labels read from `found`, and return them in their final shapes."""
        images, labels = pair
        count, (channels, height, width) = cls.sizes[split], cls.shape
        if (
            images.size != count * channels * height * width
            or labels.size != count
            or {images.dtype, labels.dtype} != {np.dtype(np.uint8)}
        ):
            raise DataFileError(
                f"{found}: split {split!r} must have {count} images of "
                f"{'' if channels == 1 else f'{channels} x '}{height} x {width} pixels and {count} "
                f"labels, all uint8, but has images of shape {images.shape} and dtype "
                f"{images.dtype}, and labels of shape {labels.shape} and dtype {labels.dtype}"
            )
        if labels.max() >= len(cls.classes):
            raise DataFileError(
                f"{found}: the labels of split {split!r} must be between 0 and "
                f"{len(cls.classes) - 1}, but one label is {labels.max()}"
            )
        return images.reshape(count, *cls.shape), labels.reshape(count, 1)

    def __repr__(self) -> str:
        number = self.num_examples
        return (
            f"{type(self).__name__}({self.which_sets}, {number} example{'s' * (number != 1)}, "
            f"origin={self.origin!r})"
        )
