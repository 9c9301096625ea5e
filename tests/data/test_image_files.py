"""Images of each kind that Pillow opens: upright with all their levels, or an error."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from workbench.data import H5PYDataset
from workbench.data.convert import images_to_hdf5
from workbench.data.image_files import image_size, read_image
from workbench.errors import DataFileError

RAMP = np.linspace(0, 65535, 256).astype("uint16").reshape(16, 16)


def saved(array, suffix=".png", mode=None, **options):
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    stream = io.BytesIO()
    (image if mode is None else image.convert(mode)).save(
        stream, {".png": "PNG", ".tif": "TIFF", ".jpg": "JPEG", ".gif": "GIF"}[suffix], **options
    )
    return stream.getvalue()


def png(depth, color, row):
    """Return the bytes of a PNG one pixel high, which Pillow itself cannot write."""

    def chunk(kind, content):
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", 2, 1, depth, color, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def tiff(array, photometric=1, orientation=1):
    """Return the bytes of a TIFF with one channel of this dtype."""
    height, width = array.shape
    kind = {"u": 1, "i": 2, "f": 3}[array.dtype.kind]
    tags = [(256, width), (257, height), (258, 8 * array.dtype.itemsize), (259, 1)]
    tags += [(262, photometric), (273, 8), (274, orientation), (277, 1), (278, height)]
    tags += [(279, array.nbytes), (339, kind)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    body = array.tobytes() + struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + array.nbytes) + body


def test_sixteen_bits_are_kept_by_the_mode_that_has_them(tmp_path):
    (tmp_path / "all").mkdir()
    Image.fromarray(RAMP).save(tmp_path / "all" / "1.png")
    images_to_hdf5(tmp_path / "set.h5", {"all": tmp_path / "all"}, mode="I;16")
    [stored] = H5PYDataset(tmp_path / "set.h5", ("all",)).indexables
    assert (stored.shape, stored.dtype) == ((1, 1, 16, 16), np.uint16)
    np.testing.assert_array_equal(stored[0, 0], RAMP)


KEPT = {
    "16 bits": (saved(RAMP), "I;16", RAMP),
    "16 bits as 32": (saved(RAMP), "I", RAMP),
    "16 bits as floats": (saved(RAMP), "F", RAMP),
    "8 bits as 16": (saved(np.uint8([[7, 255]])), "I;16", [[7, 255]]),
    "signed 16 bits": (tiff(np.int16([[-5, 300]])), "I", [[-5, 300]]),
    "signed 32 bits": (tiff(np.int32([[-5, 2**30]])), "I", [[-5, 2**30]]),
    "floats": (tiff(np.float32([[0.25, 0.5]])), "F", [[0.25, 0.5]]),
    "whole floats": (tiff(np.float32([[3, 4]])), "I", [[3, 4]]),
    "one bit": (saved(Image.new("1", (2, 1), 1)), "L", [[255, 255]]),
    "two bits": (png(2, 0, b"\x40"), "L", [[85, 0]]),
    "palette": (saved(Image.new("P", (2, 1), 0)), "L", [[0, 0]]),
    "0 is white": (tiff(np.uint8([[0, 255]]), photometric=0), "L", [[255, 0]]),
    "the other byte order": (b"P5 2 1 65535\n\x01\x00\x00\x02", "I;16", [[256, 2]]),
}


@pytest.mark.parametrize(("content", "mode", "values"), KEPT.values(), ids=KEPT)
def test_every_level_of_grey_is_kept(content, mode, values):
    np.testing.assert_array_equal(read_image(content, mode, "an image"), [values])


COLOURS = {
    "palette": (saved(Image.new("RGB", (2, 1), (10, 20, 30)), mode="P"), "RGB", None),
    "CMYK": (saved(Image.new("CMYK", (8, 8), (0, 0, 0, 0)), ".jpg"), "RGB", [255, 255, 255]),
    "black CMYK": (saved(Image.new("CMYK", (8, 8), (0, 0, 0, 255)), ".tif"), "RGB", [0, 0, 0]),
    "opaque": (saved(Image.new("RGBA", (2, 1), (1, 2, 3, 255))), "RGB", [1, 2, 3]),
    "transparent": (saved(Image.new("RGBA", (2, 1), (1, 2, 3, 4))), "RGBA", [1, 2, 3, 4]),
    "grey and alpha": (saved(Image.new("LA", (2, 1), (9, 4))), "RGBA", [9, 9, 9, 4]),
    "grey": (saved(Image.new("L", (2, 1), 9)), "RGB", [9, 9, 9]),
    "one bit": (saved(Image.new("1", (2, 1), 1)), "RGB", [255, 255, 255]),
    "16 bits for three colours": (
        b"BM" + struct.pack("<IIIIiiHHIIIIII", 58, 0, 54, 40, 1, 1, 1, 16, 0, 4, 0, 0, 0, 0)
        + struct.pack("<HH", 0x7FFF, 0), "RGB", [255, 255, 255]
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "mode", "pixel"), COLOURS.values(), ids=COLOURS)
def test_colours_are_those_of_the_image(content, mode, pixel):
    if pixel is None:  # the nearest of a palette
        pixel = np.asarray(Image.open(io.BytesIO(content)).convert(mode))[0, 0]
    assert read_image(content, mode, "an image")[:, 0, 0].tolist() == list(pixel)


CUT = "mode='L' cannot represent the pixels, which are"
FRAMES = [Image.new("L", (2, 2), 9)]
REFUSED = {
    "16 bits": (saved(RAMP), "L", f"{CUT} 16-bit integers from 0 to 65535; use"),
    "16 bits in colour": (saved(RAMP), "RGB", "mode='RGB' cannot represent the pixels, which"),
    "32 bits": (tiff(np.int32([[-5, 2**30]])), "L", f"{CUT} 32-bit integers from -5"),
    "floats": (tiff(np.float32([[0.25, 0.5]])), "L", "0.25 to 0.5; use mode='F'"),
    "floats as integers": (tiff(np.float32([[0, 0.5]])), "I", "value 0.5 at index (0, 1), which"),
    "NaN as integers": (tiff(np.float32([[np.nan]])), "I;16", "the value nan at index (0, 0)"),
    "32 bits as 16": (tiff(np.int32([[2**20]])), "I;16", "the value 1048576 at index (0, 0)"),
    "32 bits as floats": (tiff(np.int32([[2**24 + 1]])), "F", "the value 16777217 at index"),
    "unsigned 32 bits": (tiff(np.uint32([[2**31]])), "I", "pixel values must be less than 2**31,"),
    "signed 8 bits": (tiff(np.int8([[-5]])), "L", "8-bit pixels must be unsigned, because"),
    "0 is white, 16 bits": (
        tiff(np.uint16([[5]]), photometric=0),
        "I;16",
        "0 must represent black",
    ),
    "colours of 16 bits": (png(16, 2, bytes(12)), "RGB", "8 bits per channel,"),
    "alpha of 16 bits": (png(16, 6, bytes(16)), "RGBA", "8 bits per channel,"),
    "grey and alpha of 16 bits": (png(16, 4, bytes(8)), "RGBA", "8 bits per channel,"),
    "PPM of 16 bits": (b"P6 1 1 65535\n" + bytes(6), "RGB", "8 bits per channel,"),
    "PPM as text": (b"P3 1 1 1000\n1 2 3", "RGB", "8 bits per channel,"),
    "transparent": (saved(Image.new("RGBA", (2, 1), (1, 2, 3, 4))), "RGB", "mode='RGB' would lose"),
    "transparent grey": (saved(Image.new("LA", (2, 1), (9, 4))), "L", "use mode='RGBA', or paint"),
    "a transparent colour": (
        saved(Image.new("P", (2, 1), 0), transparency=0), "RGB", "would lose the transparency"
    ),
    "colour as 16 bits": (saved(Image.new("RGB", (2, 1))), "I;16", "the image has colours"),
    "several frames": (
        saved(Image.new("L", (2, 2)), ".gif", save_all=True, append_images=FRAMES), "L",
        "an image of a dataset must have one frame, not 2;",
    ),
    "no image": (b"text", "L", "(cannot identify image file"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "mode", "message"), REFUSED.values(), ids=REFUSED)
def test_a_loss_of_information_is_an_error(content, mode, message):
    with pytest.raises(DataFileError) as caught:
        read_image(content, mode, "shots/1.png")
    assert message in str(caught.value)
    assert str(caught.value).startswith(("shots/1.png: ", "shots/1.png cannot be read"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_a_photo_is_turned_upright(tmp_path, orientation, suffix):
    """Check that the pixel that the camera stored first goes to the corner of its orientation."""
    stored = np.zeros((24, 40), np.uint8)
    stored[:12, :20] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"1{suffix}"
    path.write_bytes(
        tiff(stored, orientation=orientation)
        if suffix == ".tif"
        else saved(stored, suffix, exif=exif)
    )
    ways = {
        1: stored,
        2: np.fliplr(stored),
        3: np.rot90(stored, 2),
        4: np.flipud(stored),
        5: stored.T,
        6: np.rot90(stored, -1),
        7: np.rot90(stored, 2).T,
        8: np.rot90(stored),
    }
    [image] = read_image(path, "L", path)
    np.testing.assert_array_equal(image > 127, ways[orientation] > 127)
    assert image_size(path) == image.shape


def test_a_folder_of_rotated_photos_becomes_one_array(tmp_path):
    folder = tmp_path / "all" / "house"
    folder.mkdir(parents=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 24), "red").save(folder / "1.jpg", exif=exif)
    Image.new("RGB", (24, 40), "red").save(folder / "2.jpg")
    images_to_hdf5(tmp_path / "set.h5", {"all": tmp_path / "all"})
    features, _ = H5PYDataset(tmp_path / "set.h5", ("all",)).indexables
    assert features.shape == (2, 3, 40, 24)


def test_without_a_mode_that_of_the_image_is_kept():
    shapes = {
        saved(Image.new("CMYK", (4, 3)), ".jpg"): (4, 3, 4),
        saved(Image.new("RGBA", (4, 3))): (4, 3, 4),
        saved(Image.new("RGB", (4, 3)), mode="P"): (3, 3, 4),
        saved(RAMP): (1, 16, 16),
    }
    for content, shape in shapes.items():
        assert read_image(content, None, "an image").shape == shape
    assert read_image(saved(RAMP), None, "an image").dtype == np.uint16
