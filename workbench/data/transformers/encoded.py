"""Transformers for sources that contain bytes, such as encoded images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.data.axes import AxisLabels, changed
from workbench.data.datasets import as_objects, stack
from workbench.data.image_files import MODES, read_image
from workbench.data.streams import AbstractDataStream
from workbench.data.transformers.base import SourcewiseTransformer
from workbench.errors import DataError


class ImagesFromBytes(SourcewiseTransformer):
    """Transformer that decodes the contents of image files into arrays.

    An image becomes an array of shape (channels, height, width) in the orientation that the camera
    recorded; a batch of images of different shapes becomes an array of objects. Pillow decodes the
    images. If the conversion of an image would lose information, an error is raised, as in
    `workbench.data.convert.images_to_hdf5`.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream to transform, whose examples are bytes or vectors of dtype uint8.
    color_mode : str or None
        The mode of the converted images, such as 'RGB' or 'L'; None keeps the mode of each image.
    which_sources : sequence of str, optional
        The sources to decode; by default all.

    Raises
    ------
    DataError
        If the mode does not exist or, while reading, if an example is neither bytes nor a vector of
        dtype uint8.
    DataFileError
        While reading, if the bytes are not an image, or if the conversion would lose information.
    MissingLibraryError
        While reading, if Pillow is not installed.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> from workbench.data import DataStream, IterableDataset
    >>> file = io.BytesIO()
    >>> Image.new("RGB", (32, 24)).save(file, "PNG")
    >>> stream = ImagesFromBytes(DataStream(IterableDataset([file.getvalue()])))
    >>> [image] = next(stream.get_epoch_iterator())
    >>> image.shape
    (3, 24, 32)
    """

    _never_writes = True

    def __init__(
        self,
        data_stream: AbstractDataStream,
        color_mode: str | None = "RGB",
        *,
        which_sources: Sequence[str] | None = None,
    ) -> None:
        super().__init__(data_stream, which_sources=which_sources)
        if color_mode is not None and color_mode not in MODES:
            raise DataError(
                f"color_mode must be one of {', '.join(map(repr, MODES))} or None, not "
                f"{color_mode!r}"
            )
        self.color_mode = color_mode

    def transform_source_example(self, source_example: Any, source_name: str) -> Any:
        content = _as_bytes(source_example, f"ImagesFromBytes: source {source_name!r}")
        return read_image(content, self.color_mode, f"an image of source {source_name!r}")

    def transform_source_batch(self, source_batch: Any, source_name: str) -> Any:
        return stack([self.transform_source_example(each, source_name) for each in source_batch])

    def _inferred_labels(self) -> AxisLabels | None:
        image = ("channel", "height", "width")
        axes = image if self.produces_examples else ("batch", *image)
        return changed(self.data_stream.axis_labels, lambda names: axes, self.which_sources)

    def __repr__(self) -> str:
        return f"ImagesFromBytes({self.data_stream!r}, {self.color_mode!r})"


class ToBytes(SourcewiseTransformer):
    """Transformer that converts vectors of dtype uint8 to bytes.

    HDF5 files store text and encoded files as vectors of this dtype. A batch becomes an array of
    bytes objects.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream to transform.
    which_sources : sequence of str, optional
        The sources to change; by default all.

    Raises
    ------
    DataError
        While reading, if an example is not a vector of dtype uint8.

    Examples
    --------
    >>> from workbench.data import DataStream, IterableDataset
    >>> words = [np.frombuffer(word, np.uint8) for word in (b"Hello", b"World")]
    >>> list(ToBytes(DataStream(IterableDataset(words))).get_epoch_iterator())
    [(b'Hello',), (b'World',)]
    """

    _never_writes = True

    def __init__(
        self, data_stream: AbstractDataStream, *, which_sources: Sequence[str] | None = None
    ) -> None:
        super().__init__(data_stream, which_sources=which_sources)

    def transform_source_example(self, source_example: Any, source_name: str) -> bytes:
        return _as_bytes(source_example, f"ToBytes: source {source_name!r}")

    def transform_source_batch(self, source_batch: Any, source_name: str) -> Any:
        return as_objects([self.transform_source_example(e, source_name) for e in source_batch])

    def transform(self, data: tuple[Any, ...]) -> tuple[Any, ...]:
        if self.produces_examples:
            return super().transform(data)
        entries = list(data)
        for index, name in self._changed:
            entries[index] = self.transform_source_batch(entries[index], name)
        return tuple(entries)

    def _inferred_labels(self) -> AxisLabels | None:
        axes = ("bytes",) if self.produces_examples else ("batch", "bytes")
        return changed(self.data_stream.axis_labels, lambda names: axes, self.which_sources)


def _as_bytes(example: Any, where: str) -> bytes:
    if isinstance(example, (bytes, bytearray)):
        return bytes(example)
    array = np.asarray(example)
    if array.ndim != 1 or array.dtype != np.uint8:
        raise DataError(
            f"{where}: an example must be bytes or a vector of dtype uint8, not "
            f"{type(example).__name__} of shape {array.shape} and dtype {array.dtype}"
        )
    return array.tobytes()
