"""Reader for folders that have one sub-folder of images for each class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from workbench.data.convert.images import images_in
from workbench.data.image_files import MODES, image_size, pillow, read_image
from workbench.errors import DataError, DataFileError
from workbench.utils.numbers import is_count

Array = npt.NDArray[Any]
T = TypeVar("T")

MOST_PIXELS = 2**31
MOST_FAULTS = 20
FAULTS = "{least}{count} of {total} images cannot be used:\n{faults}"
OTHER_SIZES = (
    "all images must have the same size, but {first} has {one} and {other} has {two} (height, "
    "width); pass size=({height}, {width}) to resize all of them, as in training, validation = "
    "DataStream.from_folder(folder, size=({height}, {width}), validation=0.2), and pass both to "
    "fit(model, training, validation=validation)"
)
OTHER_THAN_TRAINED = (
    "all images must have the same size as in training, {one} (height, width), but {other} has "
    "{two}; resize it, as in PIL.Image.open(path).resize(({width}, {height})).save(resized), or "
    "train with DataStream.from_folder(folder, size=({height}, {width})), which also resizes "
    "images for predictions"
)
TOO_LARGE = (
    "the {count} images {where} have {pixels:,} values in total, too many to fit in memory; "
    "{advice}"
)
EIGHT_BITS = (
    "convert it to 8 bits, as in PIL.Image.fromarray((numpy.asarray(image) / {most} * 255)"
    ".astype('uint8')).save(path)"
)
PAINT = (
    "paint the image onto a background, as in PIL.Image.alpha_composite(PIL.Image.new('RGBA', "
    "image.size, 'white'), image.convert('RGBA')).convert('RGB').save(path)"
)
KEEP = (
    "to keep it, create streams with training, validation = DataStream.from_folder(folder, "
    "mode='RGBA', validation=0.2), and pass both to fit(model, training, validation=validation); "
    "or "
)
CONVERT = "convert them with workbench.data.convert.images_to_hdf5, and use an H5PYDataset"
FEWER = "pass fewer images at a time"


def read_folder(
    folder: Path,
    size: tuple[int, int] | None,
    mode: str,
    fixed: tuple[int, int] | None = None,
    *,
    trained: bool = False,
) -> tuple[Array, list[str]]:
    """Read a folder that has one sub-folder of images for each class.

    Parameters
    ----------
    folder : Path
    size : (int, int) or None
        The height and width that the images are resized to; None if they have the same size.
    mode : str
        The mode that the images are converted to: ``"RGB"``, ``"L"`` or ``"RGBA"``.
    fixed : (int, int), optional
        The height and width that images must have if `size` is None; by default the size of the
        first image. Pass it only if the images are not for training. In this case the classes are
        already known, so a sub-folder may be empty.
    trained : bool
        True if the model has already been trained, so that messages do not advise about training
        data.

    Returns
    -------
    pixels : ndarray
        The images, uint8 of shape (N, channels, height, width).
    names : list of str
        The class of each image.

    Raises
    ------
    DataError
        If images differ in size, if an image is not in a sub-folder, or if the sub-folders are
        splits, such as ``train`` and ``val``, that contain the class sub-folders.
    MissingDataError
        If there is no such folder, or it contains no images.
    DataFileError
        If an image cannot be read, or if a sub-folder of training data contains no images.
    """
    if mode not in ("RGB", "L", "RGBA"):
        raise DataError(f"mode must be 'RGB', 'L' or 'RGBA', not {mode!r}")
    pair = isinstance(size, (tuple, list)) and len(size) == 2 and all(map(is_count, size))
    if size is not None and not pair:
        raise DataError(
            f"size must be the height and width in pixels, such as (64, 64), not {size!r}"
        )
    found = images_in(folder, complete=fixed is None)
    loose = [file for file, name in found if name is None]
    if loose:
        raise DataError(
            f"each image must be in the sub-folder of its class, but {loose[0]} is not in a "
            f"sub-folder of {folder}; pass the folder that contains the folders of the classes"
        )
    files = [file for file, _ in found]
    pixels = read_images(files, size, mode, fixed, where=f"in {folder}", trained=trained)
    return pixels, [str(name) for _, name in found]


def read_images(
    files: Sequence[Path],
    size: tuple[int, int] | None,
    mode: str,
    fixed: tuple[int, int] | None = None,
    *,
    where: str,
    trained: bool = False,
) -> Array:
    """Read image files as an array of shape (N, channels, height, width); see `read_folder`.

    `where` describes the location of the images in an error about all of them.

    Raises
    ------
    DataFileError
        If images cannot be read; the message names all of them, or the first `MOST_FAULTS`.
    """
    sizes = list(_of_each(files, image_size))
    height, width = size or fixed or sizes[0]
    if size is None:
        for file, one in zip(files, sizes, strict=True):
            if one != (height, width):
                first = files[0] if fixed is None else "the training data"
                text = OTHER_THAN_TRAINED if trained else OTHER_SIZES
                raise DataError(
                    text.format(
                        first=first, one=(height, width), other=file, two=one, height=height,
                        width=width,
                    )
                )  # fmt: skip
    shape = (len(files), MODES[mode][0], height, width)
    count = int(np.prod(shape, dtype=np.int64))
    if count > MOST_PIXELS:
        advice = FEWER if trained else CONVERT
        raise DataError(
            TOO_LARGE.format(count=len(files), where=where, pixels=count, advice=advice)
        )
    pixels = np.empty(shape, dtype=np.uint8)
    ends = {"deep": EIGHT_BITS, "transparent": PAINT if trained else KEEP + PAINT}
    images = _of_each(files, lambda file: read_image(file, mode, file, ends))
    for number, image in enumerate(images):
        pixels[number] = _resized(image, (height, width))
    return pixels


def _of_each(files: Sequence[Path], read: Callable[[Path], T]) -> Iterator[T]:
    """Yield the result of `read` for each file; raise one error for all unreadable files."""
    faults = []
    for file in files:
        try:
            found = read(file)
        except DataFileError as fault:
            faults.append(str(fault))
            if len(faults) == MOST_FAULTS:
                break
            continue
        if not faults:
            yield found
    if len(faults) > 1:
        least = "at least " if len(faults) == MOST_FAULTS else ""
        listed = "\n".join(f"- {fault}" for fault in faults)
        raise DataFileError(
            FAULTS.format(least=least, count=len(faults), total=len(files), faults=listed)
        )
    if faults:
        raise DataFileError(faults[0])


def _resized(image: Array, size: tuple[int, int]) -> Array:
    if image.shape[1:] == size:
        return image
    image_module = pillow()
    planes = [
        np.asarray(
            image_module.fromarray(plane).resize(size[::-1], image_module.Resampling.BILINEAR)
        )
        for plane in image
    ]
    return np.stack(planes)
