"""Images and text that are stored in a data set as bytes."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.data.support import batches_of, examples_of
from workbench.data import (
    Batch,
    ConstantScheme,
    ImagesFromBytes,
    IndexableDataset,
    SwissRoll,
    ToBytes,
    write_hdf5,
)
from workbench.data.hdf5 import H5PYDataset
from workbench.errors import DataError, DataFileError

DRAW = np.random.default_rng(1)
PIXELS = [DRAW.integers(0, 256, (*size, 3), dtype=np.uint8) for size in ((4, 5), (6, 3))]


def encoded(pixels, kind="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


FILES = [encoded(pixels, kind) for pixels, kind in zip(PIXELS, ("PNG", "BMP"), strict=True)]


@pytest.mark.parametrize("make", [lambda x: examples_of(x=x), lambda x: batches_of(2, x=x)])
@pytest.mark.parametrize("form", [list, lambda x: [np.frombuffer(each, np.uint8) for each in x]])
def test_images_are_decoded(make, form):
    read = [image for [image] in ImagesFromBytes(make(form(FILES))).get_epoch_iterator()]
    images = read if len(read) == 2 else read[0]
    for image, pixels in zip(images, PIXELS, strict=True):
        np.testing.assert_array_equal(image, np.moveaxis(pixels, -1, 0))


def test_images_in_an_hdf5_file_are_decoded(tmp_path):
    rows = [np.frombuffer(each, np.uint8) for each in FILES]
    write_hdf5(tmp_path / "set.h5", {"all": {"x": rows}})
    dataset = H5PYDataset(tmp_path / "set.h5", ("all",))
    shapes = [x.shape for (x,) in ImagesFromBytes(dataset.get_example_stream()).iterate(0)]
    assert shapes == [(3, 4, 5), (3, 6, 3)]


def test_the_mode_is_the_given_one_or_that_of_the_file():
    grey = encoded(PIXELS[0][..., 0])
    stream = examples_of(x=[FILES[0], grey])
    shapes = [x.shape for (x,) in ImagesFromBytes(stream, None).iterate(0)]
    assert shapes == [(3, 4, 5), (1, 4, 5)]
    assert [x.shape for (x,) in ImagesFromBytes(stream, "L").iterate(0)] == [(1, 4, 5)] * 2


def test_other_sources_do_not_change():
    stream = ImagesFromBytes(examples_of(x=FILES, y=[b"a", b"b"]), which_sources="x")
    assert [y for _, y in stream.iterate(0)] == [b"a", b"b"]


@pytest.mark.parametrize(
    ("example", "error", "message"),
    [
        (
            54321,
            DataError,
            "source 'x': an example must be bytes or .* not int of shape .. and dtype int64",
        ),
        ("text", DataError, "not str of"),
        (
            np.zeros(3),
            DataError,
            "or a vector of dtype uint8, not ndarray of shape .3,. and dtype float64",
        ),
        (b"text", DataFileError, "an image of source 'x' cannot be read; it may be damaged"),
    ],
)
def test_other_bytes_than_images_are_an_error(example, error, message):
    with pytest.raises(error, match=message.replace("..,", "..")):
        next(ImagesFromBytes(examples_of(x=[example])).get_epoch_iterator())


def test_an_unknown_mode_is_an_error():
    with pytest.raises(DataError, match="color_mode must be one of 'RGB', 'L', .* not 'CMYK'"):
        ImagesFromBytes(examples_of(x=FILES), "CMYK")


WORDS = [b"Hello", b"World\0\0", b""]


@pytest.mark.parametrize("make", [lambda x: examples_of(x=x), lambda x: batches_of(3, x=x)])
def test_vectors_become_bytes(make):
    stream = ToBytes(make([np.frombuffer(word, np.uint8) for word in WORDS]))
    read = [words for [words] in stream.get_epoch_iterator()]
    assert (read if len(read) == 3 else list(read[0])) == WORDS
    with pytest.raises(DataError, match="ToBytes: source 'x': an example must be bytes"):
        next(ToBytes(make([[1.5], [2.5], [3.5]])).get_epoch_iterator())


def test_bytes_keep_trailing_zeros():
    """Check that no array of numpy's dtype S is made, which would lose them."""
    assert IndexableDataset(WORDS).indexables[0].tolist() == WORDS
    [batch] = next(Batch(examples_of(x=WORDS), ConstantScheme(3)).get_epoch_iterator())
    assert batch.tolist() == WORDS


def test_the_swiss_roll_follows_its_formula():
    features, position = SwissRoll(500, seed=1).get_data(slice(0, 500))
    along, height = position.T.astype(float)
    radius = np.hypot(features[:, 0], features[:, 1])
    np.testing.assert_allclose(radius, (2 * along + 1) / 3, rtol=1e-5)
    angle = 1.5 * np.pi * (2 * along + 1)
    np.testing.assert_allclose(features[:, 0], radius * np.cos(angle), atol=1e-5)
    np.testing.assert_allclose(features[:, 1], radius * np.sin(angle), atol=1e-5)
    np.testing.assert_array_equal(features[:, 2], position[:, 1])
    assert 0 <= along.min() < 0.05 and 0.95 < along.max() <= 1
    assert -1 <= height.min() < -0.9 and 0.9 < height.max() <= 1


def test_the_swiss_roll_depends_on_seed_and_noise():
    one, other = SwissRoll(50, 0.1, seed=1), SwissRoll(50, 0.1, seed=1)
    assert all(map(np.array_equal, one.indexables, other.indexables))
    still = SwissRoll(50, seed=1).indexables[0]
    assert 0.05 < (one.indexables[0] - still).std() < 0.15
    with pytest.raises(DataError, match="noise must be a finite, non-negative number, not -1"):
        SwissRoll(5, noise=-1)
