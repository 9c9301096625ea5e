"""Fashion-MNIST, which has the layout of MNIST and must not be confused with it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from workbench.config import config
from workbench.data import MNIST, DataStream, FashionMNIST, SequentialScheme, fetch
from workbench.data.idx import encode_idx
from workbench.data.mnist_layout import IDX_FILES
from workbench.errors import DataFileError, MissingDataError


@pytest.fixture
def folder(tmp_path):
    """Return the only folder that is searched for data."""
    with config.override(data_path=[tmp_path]):
        yield tmp_path


LABELS = (np.arange(10_000) % 10).astype(np.uint8)
IMAGES = np.broadcast_to(LABELS[:, None, None] * np.uint8(20), (10_000, 28, 28))


def write_test_set(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(IDX_FILES["test"], (IMAGES, LABELS), strict=True):
        (folder / name).write_bytes(encode_idx(np.ascontiguousarray(array)))
    return folder


@pytest.mark.parametrize("inner", ["fashion_mnist", "FashionMNIST/raw"])
def test_idx_files_are_read(folder, inner):
    where = write_test_set(folder / inner)
    fashion = FashionMNIST(("test",))
    features, targets = fashion.get_data([0, 9])
    assert (fashion.origin, fashion.num_examples) == (str(where), 10_000)
    assert (features.shape, features.dtype) == ((2, 1, 28, 28), np.uint8)
    assert [fashion.classes[number] for [number] in targets] == ["T-shirt/top", "Ankle boot"]


@pytest.mark.parametrize("name", ["fashion_mnist.npz", "fashion_mnist/fashion_mnist.npz"])
def test_an_archive_is_read(folder, name):
    (folder / "fashion_mnist").mkdir()
    np.savez(folder / name, x_test=IMAGES, y_test=LABELS)
    scheme = SequentialScheme(10_000, batch_size=100)
    stream = DataStream.default_stream(FashionMNIST("test"), iteration_scheme=scheme)
    features, _ = next(stream.get_epoch_iterator())
    assert features.dtype == np.float32
    np.testing.assert_allclose(features[:, 0, 0, 0], LABELS[:100] * 20 / 255, rtol=1e-6)


def test_files_in_the_folder_itself_are_not_read(folder):
    write_test_set(folder)
    with pytest.raises(MissingDataError, match=r"download\('fashion_mnist', directory\)") as caught:
        FashionMNIST(("test",))
    assert str(folder) in str(caught.value)


def test_one_set_is_not_confused_with_the_other(folder, monkeypatch):
    digest = hashlib.sha256(encode_idx(LABELS)).hexdigest()
    entry = fetch.CATALOGUE["fashion_mnist"]
    monkeypatch.setitem(
        fetch.CATALOGUE, "fashion_mnist", replace(entry, sha256={"t10k-labels": digest})
    )
    write_test_set(folder)
    with pytest.raises(DataFileError, match="has the labels of 'fashion_mnist', whose files"):
        MNIST(("test",))
    write_test_set(folder / "fashion_mnist")
    assert FashionMNIST(("test",)).num_examples == 10_000


def test_a_folder_with_some_of_the_files_is_an_error(folder):
    (write_test_set(folder / "fashion_mnist") / IDX_FILES["test"][0]).unlink()
    with pytest.raises(DataFileError, match="does not contain the files t10k-images-idx3-ubyte"):
        FashionMNIST(("test",))
