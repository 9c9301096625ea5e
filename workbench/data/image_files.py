"""Reader for image files that applies their orientation and detects any loss of information.

Pillow decodes the files. On its own, it clips 16-bit values to 255, reduces 16-bit colours to 8
bits, drops transparency and all frames except the first, reads signed values as unsigned, and
ignores the orientation that the camera recorded. This module raises an error if information
would be lost, except when colours are converted to grey. The message says how to avoid the loss.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator, Mapping
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
"""Modes that images can be converted to, with the number of channels and the dtype of each."""

ANOTHER_MODE = {
    "transparent": "use mode='RGBA', or paint the image onto a background first",
    "deep": "use mode={keeping!r}",
}
"""Advice on keeping the transparency of an image, and values of more than 8 bits."""
NO_PILLOW = (
    "reading images requires Pillow, which is not installed; install it with: pip install pillow "
    "(or install workbench with the extra: pip install 'workbench[images]')"
)
WIDTH, LENGTH, PHOTOMETRIC, ORIENTATION, SAMPLE_FORMAT = 256, 257, 262, 274, 339
"""Tag numbers in TIFF files and in the EXIF data of other files."""
TURNED = (5, 6, 7, 8)
"""Values of the orientation tag that swap width and height."""
MANY_BITS = re.compile(r";(16|32|64)[A-Z]*$")
EIGHT_BITS = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"}
FRAMES = {"AVIF", "GIF", "PNG", "TIFF", "WEBP"}
"""Formats whose frames are all images; in JPEG files (MPO), further frames are previews."""


def pillow() -> ModuleType:
    """Import ``PIL.Image``; if it is missing, raise an error that names the package to install."""
    try:
        from PIL import Image
    except ImportError:
        raise MissingLibraryError(NO_PILLOW) from None
    return Image


def image_size(file: Path) -> tuple[int, int]:
    """Return the height and width of an image as displayed, reading only its header."""
    with _faults_named(file), file.open("rb") as stream, pillow().open(stream) as image:
        if image.format == "TIFF":  # its size may already be rotated, depending on Pillow's version
            height, width = image.tag_v2[LENGTH], image.tag_v2[WIDTH]
        else:
            height, width = image.height, image.width
        turned = image.getexif().get(ORIENTATION) in TURNED
        return (width, height) if turned else (height, width)


def read_image(
    source: Path | bytes,
    mode: str | None,
    where: object,
    advice: Mapping[str, str] = ANOTHER_MODE,
) -> npt.NDArray[Any]:
    """Read an image as an array of shape (channels, height, width).

    Parameters
    ----------
    source : Path or bytes
        The path of the file, or its content.
    mode : str or None
        One of `MODES`. None keeps the mode of the image, but converts palettes to
        colours and one-bit images to grey.
    where : object
        The name of the image in messages.
    advice : dict of str to str
        The ends of the messages about images that `mode` cannot represent; see `ANOTHER_MODE`.

    Raises
    ------
    MissingLibraryError
        If Pillow is not installed.
    DataFileError
        If the file is not an image or is damaged, or if information would be lost.
    """
    # given a file name, Pillow would map a plain TIFF into memory with the sizes after rotation
    with (
        _faults_named(where),
        io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as stream,
        pillow().open(stream) as image,
    ):
        _check_bits(image, where)
        image.load()  # load first: the orientation may follow the pixels in the file
        upright = _upright(image)
        pixels = _pixels(upright, mode, where, advice)
    return np.moveaxis(pixels.reshape(*pixels.shape[:2], -1), -1, 0)


@contextlib.contextmanager
def _faults_named(where: object) -> Iterator[None]:
    try:
        yield
    except (DataError, MissingLibraryError):
        raise
    except Exception as error:
        # Pillow raises almost any error for a damaged image, even a SyntaxError
        raise DataFileError(
            f"{where} cannot be read; it may be damaged ({one_line(error)}), so remove it or save "
            "it again"
        ) from None


def _upright(image: Any) -> Any:
    from PIL import ImageOps

    if image.format == "TIFF" or image.getexif().get(ORIENTATION, 1) == 1:
        return image  # Pillow has already rotated a TIFF while loading it
    return ImageOps.exif_transpose(image)


def _check_bits(image: Any, where: object) -> None:
    """Raise an error if an image has several frames, or if Pillow would misread its pixels."""
    from PIL.TiffImagePlugin import TiffImageFile

    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format in FRAMES:
        raise DataFileError(
            f"{where}: an image of a dataset must have one frame, not {frames}; save each frame as "
            "a separate file"
        )
    for tile in image.tile:
        args = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        plan = str(args[0]) if args else ""
        scaled = tile[0] in ("ppm", "ppm_plain") and isinstance(args[-1], int) and args[-1] > 255
        # in the mode BGR;16 the three colours share 16 bits
        wide = MANY_BITS.search(plan) is not None and not plan.startswith("BGR")
        if image.mode in EIGHT_BITS and (scaled or wide):
            raise DataFileError(
                f"{where}: a colour image must have 8 bits per channel, because Pillow cannot "
                "read more; convert it to 8 bits, or read it with another library and store its "
                "array with write_hdf5"
            )
    if isinstance(image, TiffImageFile):
        if image.mode in EIGHT_BITS and 2 in _formats(image):
            raise DataFileError(
                f"{where}: 8-bit pixels must be unsigned, because Pillow would read signed pixels "
                "as unsigned; read the image with another library and store its array with "
                "write_hdf5"
            )
        if image.mode not in EIGHT_BITS and image.tag_v2.get(PHOTOMETRIC) == 0:
            raise DataFileError(
                f"{where}: in an image with more than 8 bits per pixel, 0 must represent black, "
                "because Pillow does not invert the values; save the image so that 0 represents "
                "black"
            )


def _formats(image: Any) -> list[int]:
    """Return the sample formats of a TIFF: 1 for unsigned, 2 for signed, 3 for floating-point."""
    formats: list[int] = np.atleast_1d(image.tag_v2.get(SAMPLE_FORMAT, (1,))).tolist()
    return formats


def _pixels(
    image: Any, mode: str | None, where: object, advice: Mapping[str, str]
) -> npt.NDArray[Any]:
    if image.mode in EIGHT_BITS:
        return _of_eight_bits(image, mode, where, advice)
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        if mode is None:
            return np.asarray(image)
        return np.asarray(image.convert(mode))
    pixels = np.asarray(image)
    negative = image.mode == "I" and pixels.min(initial=0) < 0
    if negative and image.format == "TIFF" and 2 not in _formats(image):
        raise DataFileError(
            f"{where}: pixel values must be less than 2**31, because Pillow cannot read larger "
            "values"
        )
    if mode is None:
        return pixels.astype(pixels.dtype.newbyteorder("="))
    if mode in EIGHT_BITS:
        kind, keeping = _kind(image, pixels)
        raise DataFileError(
            f"{where}: mode={mode!r} cannot represent the pixels, which are {kind} from "
            f"{pixels.min()} to {pixels.max()}; "
            + advice["deep"].format(
                keeping=keeping, most=65535 if keeping == "I;16" else pixels.max()
            )
        )
    try:
        return converted(pixels, MODES[mode][1], f"{where}: the image with mode={mode!r}")
    except DataError as error:
        raise DataFileError(str(error)) from None


def _kind(image: Any, pixels: npt.NDArray[Any]) -> tuple[str, str]:
    if image.mode == "F":
        return "floating-point numbers", "F"
    fits = pixels.min(initial=0) >= 0 and pixels.max(initial=0) < 2**16
    return ("16-bit integers", "I;16") if fits else ("32-bit integers", "I")


def _of_eight_bits(
    image: Any, mode: str | None, where: object, advice: Mapping[str, str]
) -> npt.NDArray[Any]:
    if mode is None:
        if image.mode in ("P", "PA"):
            image = image.convert("RGBA" if _is_transparent(image) else "RGB")
        return np.asarray(image.convert("L") if image.mode == "1" else image)
    if mode not in EIGHT_BITS:
        if image.mode not in ("1", "L"):
            raise DataFileError(
                f"{where}: mode={mode!r} has one grey channel, but the image has colours or "
                f"transparency (its mode is {image.mode!r}); use 'RGB', 'RGBA' or 'L'"
            )
        return np.asarray(image.convert("L")).astype(MODES[mode][1])
    if mode != "RGBA" and _is_transparent(image):
        raise DataFileError(
            f"{where}: mode={mode!r} would lose the transparency of the image; "
            f"{advice['transparent']}"
        )
    return np.asarray(image.convert(mode))


def _is_transparent(image: Any) -> bool:
    if image.mode not in ("LA", "La", "PA", "RGBA", "RGBa") and "transparency" not in image.info:
        return False
    alpha = np.asarray(image.convert("RGBA"))[..., 3]
    return bool(alpha.min(initial=255) < 255)
