"""MNIST: the digits of the package, and the full set if it is found."""

from __future__ import annotations

import gzip
import os
import struct
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.support.embedded.make_mnist import choose, subset
from workbench.config import config
from workbench.data import MNIST, DataStream, Flatten, SequentialScheme, write_hdf5
from workbench.data.mnist import EMBEDDED
from workbench.data.mnist_layout import IDX_FILES
from workbench.errors import DataError, DataFileError, MissingDataError, SourceError

SIZES = MNIST.sizes


@pytest.fixture(autouse=True)
def folder(tmp_path):
    """Return the only folder that is searched for data."""
    with config.override(data_path=[tmp_path]):
        yield tmp_path


@pytest.fixture(scope="session")
def made_up() -> dict[str, np.ndarray]:
    """Return a set as large as the full one; every image is a constant."""
    arrays = {}
    for split, count in SIZES.items():
        shade = np.arange(count).astype(np.uint8)
        arrays[f"x_{split}"] = np.broadcast_to(shade[:, None, None], (count, 28, 28))
        arrays[f"y_{split}"] = shade % 10
    return arrays


def write_npz(folder: Path, arrays) -> Path:
    np.savez(folder / "mnist.npz", **arrays)
    return folder / "mnist.npz"


def write_fuel(folder: Path, arrays) -> Path:
    splits = {
        split: {
            "features": arrays[f"x_{split}"][:, None],
            "targets": arrays[f"y_{split}"][:, None],
        }
        for split in SIZES
    }
    write_hdf5(folder / "mnist.hdf5", splits)
    return folder / "mnist.hdf5"


def write_idx(folder: Path, arrays, *, pack=bytes, suffix="") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for split, names in IDX_FILES.items():
        for name, array in zip(names, (arrays[f"x_{split}"], arrays[f"y_{split}"]), strict=True):
            header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            (folder / f"{name}{suffix}").write_bytes(pack(header + array.tobytes()))
    return folder


WRITERS = {
    "npz": write_npz,
    "HDF5": write_fuel,
    "IDX": write_idx,
    "IDX in mnist": lambda folder, arrays: write_idx(folder / "mnist", arrays),
    "IDX.gz as torchvision": lambda folder, arrays: write_idx(
        folder / "MNIST" / "raw",
        arrays,
        pack=lambda content: gzip.compress(content, 1),
        suffix=".gz",
    ),
}


@pytest.mark.parametrize(("split", "count"), [("train", 10_000), ("test", 2_000)])
def test_the_digits_of_the_package(split, count):
    mnist = MNIST((split,))
    features, targets = mnist.get_data(slice(0, count))
    assert mnist.sources == ("features", "targets")
    assert (features.shape, features.dtype) == ((count, 1, 28, 28), np.uint8)
    assert (targets.shape, targets.dtype) == ((count, 1), np.uint8)
    assert (mnist.num_examples, mnist.is_subset) == (count, True)
    assert repr(mnist) == f"MNIST(('{split}',), {count} examples, origin='embedded subset')"


def test_the_digits_look_like_mnist():
    features, targets = MNIST(("train",)).indexables
    share = np.bincount(targets[:, 0]) / len(targets)
    assert abs(features.mean() / 255 - 0.1307) < 0.001
    assert abs(features.std() / 255 - 0.3081) < 0.001
    # shares of the full training set, in per cent
    np.testing.assert_allclose(
        100 * share, [9.87, 11.24, 9.93, 10.22, 9.74, 9.04, 9.86, 10.44, 9.75, 9.92], atol=0.01
    )


def test_the_file_is_small_and_names_its_licence():
    assert EMBEDDED.stat().st_size <= 2_500_000
    licence = EMBEDDED.with_suffix(".LICENSE").read_text(encoding="utf-8")
    with h5py.File(EMBEDDED) as file:
        assert file.attrs["licence"] == licence
    assert "Attribution-ShareAlike 3.0" in licence


@pytest.mark.skipif(
    "FULL_MNIST_NPZ" not in os.environ,
    reason="FULL_MNIST_NPZ does not name an mnist.npz with the full set",
)
def test_the_script_makes_the_file_from_the_full_set():
    made = subset(Path(os.environ["FULL_MNIST_NPZ"]))
    for split, arrays in made.items():
        features, targets = MNIST((split,)).indexables
        np.testing.assert_array_equal(features, arrays["features"])
        np.testing.assert_array_equal(targets, arrays["targets"])


def test_the_script_does_not_accept_other_data(tmp_path, made_up):
    with pytest.raises(DataFileError, match="differs from the published train-images-idx3-ubyte"):
        subset(write_npz(tmp_path, made_up))


def test_the_selection_keeps_proportions_and_order():
    labels = np.random.default_rng(0).integers(0, 10, 5000).astype(np.uint8)
    chosen = choose(labels, 999)
    assert len(np.unique(chosen)) == 999
    assert (np.diff(chosen) > 0).all()
    assert (abs(np.bincount(labels[chosen]) - np.bincount(labels) * 999 / 5000) < 1).all()


def test_the_default_stream_gives_floats_between_zero_and_one():
    mnist = MNIST(("test",))
    scheme = SequentialScheme(mnist.num_examples, batch_size=256)
    stream = Flatten(DataStream.default_stream(mnist, iteration_scheme=scheme))
    batch = next(stream.get_epoch_iterator(as_dict=True))
    assert (batch["features"].shape, batch["features"].dtype) == ((256, 784), np.float32)
    assert (batch["features"].min(), batch["features"].max()) == (0, 1)
    assert (batch["targets"].shape, batch["targets"].dtype) == ((256, 1), np.uint8)
    raw = mnist.indexables[0][:256].reshape(256, 784)
    np.testing.assert_allclose(batch["features"], raw / 255, atol=1e-7)


def test_the_default_stream_of_targets_alone():
    stream = DataStream.default_stream(MNIST("test", sources=("targets",)))
    assert stream.sources == ("targets",)


def test_sets_can_be_joined_and_limited():
    both = MNIST(("train", "test"))
    assert both.num_examples == 12_000
    np.testing.assert_array_equal(both.get_data(10_000)[0], MNIST(("test",)).get_data(0)[0])
    assert MNIST(("train",), start=100, stop=150).num_examples == 50


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_the_full_set_is_used_if_it_is_found(folder, made_up, write):
    where = write(folder, made_up)
    mnist = MNIST(("test",), full=True)
    assert (mnist.origin, mnist.is_subset, mnist.num_examples) == (str(where), False, 10_000)
    features, targets = mnist.get_data([3, 9_999])
    assert features.shape == (2, 1, 28, 28)
    assert features[:, 0, 0, 0].tolist() == [3, 9_999 % 256]
    assert targets.tolist() == [[3], [9_999 % 256 % 10]]
    assert MNIST(("test",)).origin == str(where)


def test_both_sets_of_the_full_set(folder, made_up):
    write_npz(folder, made_up)
    mnist = MNIST(("train", "test"))
    assert mnist.num_examples == 70_000
    assert mnist.get_data(60_007)[0][0, 0, 0] == 7


def test_the_subset_can_be_requested(folder, made_up):
    write_npz(folder, made_up)
    assert MNIST(("test",), full=False).origin == "embedded subset"


def test_the_full_set_can_be_required(folder):
    with pytest.raises(MissingDataError) as caught:
        MNIST(("train",), full=True)
    text = str(caught.value)
    assert str(folder) in text
    assert "workbench.data.download('mnist', directory)" in text


def cut_short(path):
    path.write_bytes(path.read_bytes()[:100_000])


DAMAGE = {
    "npz": (write_npz, "mnist.npz", cut_short, "not an npz file, or is damaged .File is not a"),
    "HDF5": (write_fuel, "mnist.hdf5", cut_short, "not an HDF5 file, or is damaged"),
    "IDX": (
        write_idx,
        IDX_FILES["test"][0],
        cut_short,
        "contains 99984 bytes .* the file is damaged",
    ),
    "IDX missing": (
        write_idx,
        IDX_FILES["test"][1],
        Path.unlink,
        "does not contain the files t10k-labels-idx1-ubyte of MNIST",
    ),
}


@pytest.mark.parametrize(("write", "name", "damage", "message"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_full_set_is_an_error_and_not_ignored(
    folder, made_up, write, name, damage, message
):
    write(folder, made_up)
    damage(folder / name)
    with pytest.raises(DataFileError, match=message):
        MNIST(("test",))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"x_test": np.zeros((5, 28, 28), np.uint8)},
            r"10000 images of .*images of shape \(5, 28, 28\)",
        ),
        ({"y_test": np.zeros(10_000)}, "must have .* all uint8, .* labels of shape .* float64"),
        (
            {"y_test": np.full(10_000, 10, np.uint8)},
            "labels of split 'test' must be between 0 and 9, but one label is 10",
        ),
    ],
)
def test_a_full_set_that_is_not_mnist_is_an_error(folder, made_up, change, message):
    write_npz(folder, made_up | change)
    with pytest.raises(DataFileError, match=rf"mnist\.npz: .*{message}"):
        MNIST(("test",))


def test_an_archive_without_the_arrays_is_an_error(folder):
    np.savez(folder / "mnist.npz", x=np.zeros(3))
    with pytest.raises(DataFileError, match=r"mnist\.npz: the archive has no array x_test"):
        MNIST(("test",))


def test_unknown_sets_are_an_error():
    with pytest.raises(
        SourceError, match="no split 'trian', only 'train', 'test'; did you mean 'tra"
    ):
        MNIST(("trian",))
    with pytest.raises(DataError, match="which_sets of MNIST must contain at least one of"):
        MNIST(())


def test_h5py_is_imported_only_when_a_file_is_read():
    code = "import sys, workbench.data; assert 'h5py' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
