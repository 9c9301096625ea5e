"""Reading of images by Pillow: upright, and without loss of information.

Pillow itself clips 16 bits to 255, reads 16-bit colours with 8 bits, drops transparency and all
frames but the first, reads signed numbers as unsigned ones, and does not rotate photos as their
camera recorded. Here an image that would lose information is an error, which names the mode that
keeps it.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.data.exact_dtypes import converted
from workbench.data.files import one_line
from workbench.errors import DataError, DataFileError, MissingLibraryError

MODES: dict[str, tuple[int, np.dtype[Any]]] = {
    "RGB": (3, np.dtype(np.uint8)),
    "L": (1, np.dtype(np.uint8)),
    "RGBA": (4, np.dtype(np.uint8)),
    "I;16": (1, np.dtype(np.uint16)),
    "I": (1, np.dtype(np.int32)),
    "F": (1, np.dtype(np.float32)),
}
"""Modes to which images can be converted: name -> number of channels and dtype."""

NO_PILLOW = (
    "reading images needs Pillow, which is not installed; install it with: pip install pillow "
    "(or the workbench with its extra: pip install 'workbench[images]')"
)
WIDTH, LENGTH, PHOTOMETRIC, ORIENTATION, SAMPLE_FORMAT = 256, 257, 262, 274, 339
"""Numbers of tags in TIFF files, and in the EXIF data of other files."""
TURNED = (5, 6, 7, 8)
"""Orientations that exchange width and height."""
MANY_BITS = re.compile(r";(16|32|64)[A-Z]*$")
EIGHT_BITS = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"}
FRAMES = {"GIF", "PNG", "TIFF", "WEBP"}
"""Formats whose frames are separate images; those of a phone's JPEG (MPO) are previews."""


def pillow() -> ModuleType:
    """Return ``PIL.Image``; raise an error that names the package to install if it is missing."""
    try:
        from PIL import Image
    except ImportError:
        raise MissingLibraryError(NO_PILLOW) from None
    return Image


def image_size(file: Path) -> tuple[int, int]:
    """Return height and width of an image as displayed; read only its header."""
    with _faults_named(file), file.open("rb") as stream, pillow().open(stream) as image:
        if image.format == "TIFF":  # versions of Pillow rotate it at different points
            height, width = image.tag_v2[LENGTH], image.tag_v2[WIDTH]
        else:
            height, width = image.height, image.width
        turned = image.getexif().get(ORIENTATION) in TURNED
        return (width, height) if turned else (height, width)


def read_image(source: Path | bytes, mode: str | None, where: object) -> npt.NDArray[Any]:
    """Read an image, of shape (channels, height, width).

    Parameters
    ----------
    source : Path or bytes
        The file, or its content.
    mode : str or None
        One of `MODES`; None keeps the mode of the image, but converts a palette to colours.
    where : object
        The name of the image in messages.

    Raises
    ------
    MissingLibraryError
        If Pillow is not installed.
    DataFileError
        If it is not an image, is damaged, or would lose information.
    """
    # not by name: then Pillow would map a plain TIFF into memory with the sizes after rotation
    with (
        _faults_named(where),
        io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as stream,
        pillow().open(stream) as image,
    ):
        _check_bits(image, where)
        image.load()  # before the orientation is read, which can be after the pixels in the file
        upright = _upright(image)
        pixels = _pixels(upright, mode, where)
    return np.moveaxis(pixels.reshape(*pixels.shape[:2], -1), -1, 0)


@contextlib.contextmanager
def _faults_named(where: object) -> Iterator[None]:
    try:
        yield
    except (DataError, MissingLibraryError):
        raise
    except Exception as error:
        # for a damaged image Pillow raises almost any error, even a SyntaxError
        raise DataFileError(
            f"{where}: not an image, or a damaged one ({one_line(error)})"
        ) from None


def _upright(image: Any) -> Any:
    from PIL import ImageOps

    if image.format == "TIFF" or image.getexif().get(ORIENTATION, 1) == 1:
        return image  # Pillow has rotated a TIFF while loading it
    return ImageOps.exif_transpose(image)


def _check_bits(image: Any, where: object) -> None:
    """Raise an error for images that Pillow would misread, as the plan of its decoder shows."""
    from PIL.TiffImagePlugin import TiffImageFile

    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format in FRAMES:
        raise DataFileError(
            f"{where}: has {frames} frames, but an image of a data set must have one; save each "
            "frame as a separate file"
        )
    for tile in image.tile:
        args = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        plan = str(args[0]) if args else ""
        scaled = tile[0] in ("ppm", "ppm_plain") and isinstance(args[-1], int) and args[-1] > 255
        # BGR;16 has 16 bits for all three colours together
        wide = MANY_BITS.search(plan) is not None and not plan.startswith("BGR")
        if image.mode in EIGHT_BITS and (scaled or wide):
            raise DataFileError(
                f"{where}: has more than 8 bits per colour, of which Pillow reads 8; convert it to "
                "8 bits, or read it with another library and store its array with write_hdf5"
            )
    if isinstance(image, TiffImageFile):
        if image.mode in EIGHT_BITS and 2 in _formats(image):
            raise DataFileError(
                f"{where}: has signed pixels of 8 bits, which Pillow reads as unsigned; read it "
                "with another library and store its array with write_hdf5"
            )
        if image.mode not in EIGHT_BITS and image.tag_v2.get(PHOTOMETRIC) == 0:
            raise DataFileError(
                f"{where}: 0 means white and pixels have more than 8 bits, which Pillow does not "
                "invert; save the image with 0 as black"
            )


def _formats(image: Any) -> list[int]:
    """Return the formats of the samples of a TIFF: 1 is unsigned, 2 signed, 3 floating-point."""
    formats: list[int] = np.atleast_1d(image.tag_v2.get(SAMPLE_FORMAT, (1,))).tolist()
    return formats


def _pixels(image: Any, mode: str | None, where: object) -> npt.NDArray[Any]:
    if image.mode in EIGHT_BITS:
        return _of_eight_bits(image, mode, where)
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        if mode is None:
            return np.asarray(image)
        return np.asarray(image.convert(mode))
    pixels = np.asarray(image)
    negative = image.mode == "I" and pixels.min(initial=0) < 0
    if negative and image.format == "TIFF" and 2 not in _formats(image):
        raise DataFileError(f"{where}: has pixels of 2**31 and more, which Pillow cannot read")
    if mode is None:
        return pixels.astype(pixels.dtype.newbyteorder("="))
    if mode in EIGHT_BITS:
        kind, keeping = _kind(image, pixels)
        raise DataFileError(
            f"{where}: its pixels are {kind}, from {pixels.min()} to {pixels.max()}, which "
            f"mode={mode!r} cannot represent; mode={keeping!r} keeps them"
        )
    try:
        return converted(pixels, MODES[mode][1], f"{where}: with mode={mode!r} the image")
    except DataError as error:
        raise DataFileError(str(error)) from None


def _kind(image: Any, pixels: npt.NDArray[Any]) -> tuple[str, str]:
    if image.mode == "F":
        return "floating-point numbers", "F"
    fits = pixels.min(initial=0) >= 0 and pixels.max(initial=0) < 2**16
    return ("integers of 16 bits", "I;16") if fits else ("integers of 32 bits", "I")


def _of_eight_bits(image: Any, mode: str | None, where: object) -> npt.NDArray[Any]:
    if mode is None:
        if image.mode in ("P", "PA"):
            image = image.convert("RGBA" if _is_transparent(image) else "RGB")
        return np.asarray(image.convert("L") if image.mode == "1" else image)
    if mode not in EIGHT_BITS:
        if image.mode not in ("1", "L"):
            raise DataFileError(
                f"{where}: is in colour or transparent (its mode is {image.mode!r}), but "
                f"mode={mode!r} has one channel of grey; use 'RGB', 'RGBA' or 'L'"
            )
        return np.asarray(image.convert("L")).astype(MODES[mode][1])
    if mode != "RGBA" and _is_transparent(image):
        raise DataFileError(
            f"{where}: has transparent pixels, which mode={mode!r} would lose; mode='RGBA' keeps "
            "them, or paint the image onto a background first"
        )
    return np.asarray(image.convert(mode))


def _is_transparent(image: Any) -> bool:
    if image.mode not in ("LA", "La", "PA", "RGBA", "RGBa") and "transparency" not in image.info:
        return False
    alpha = np.asarray(image.convert("RGBA"))[..., 3]
    return bool(alpha.min(initial=255) < 255)
