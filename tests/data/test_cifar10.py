"""CIFAR-10 in each of its file formats."""

from __future__ import annotations

import io
import tarfile

import numpy as np
import pytest

from workbench.config import config
from workbench.data import CIFAR10, write_hdf5
from workbench.data.cifar10 import BATCHES, FOLDER
from workbench.errors import DataFileError, MissingDataError

NUMBER = np.arange(10_000)
LABELS = (NUMBER % 10).astype(np.uint8)
# the pixels of each image show its index, colour and row
PLANES = (NUMBER[:, None, None] % 7 + 10 * np.arange(3)[:, None] + np.arange(32)).astype(np.uint8)
PIXELS = np.repeat(PLANES[..., None], 32, axis=3)
RECORDS = np.concatenate([LABELS[:, None], PIXELS.reshape(10_000, -1)], axis=1).tobytes()


@pytest.fixture
def folder(tmp_path):
    """Return the only folder that is searched for data."""
    with config.override(data_path=[tmp_path]):
        yield tmp_path


def write_folder(folder):
    (folder / FOLDER).mkdir(parents=True)
    (folder / FOLDER / "test_batch.bin").write_bytes(RECORDS)


def write_archive(folder, name=f"{FOLDER}/test_batch.bin", content=RECORDS):
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz", compresslevel=1) as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


def write_npz(folder):
    np.savez(folder / "cifar10.npz", x_test=PIXELS.transpose(0, 2, 3, 1), y_test=LABELS[:, None])


def write_fuel(folder):
    sources = {"features": PIXELS, "targets": LABELS[:, None]}
    write_hdf5(folder / "cifar10.hdf5", {"test": sources})


FORMS = {
    "folder": write_folder,
    "folder in cifar10": lambda folder: write_folder(folder / "cifar10"),
    "archive": write_archive,
    "npz": write_npz,
    "HDF5": write_fuel,
}


@pytest.mark.parametrize("write", FORMS.values(), ids=FORMS)
def test_every_format_gives_the_same_images(folder, write):
    write(folder)
    cifar = CIFAR10(("test",))
    features, targets = cifar.get_data([3, 9_999])
    np.testing.assert_array_equal(features, PIXELS[[3, 9_999]])
    assert targets.tolist() == [[3], [9]]
    assert (features.dtype, cifar.num_examples) == (np.uint8, 10_000)
    assert cifar.origin.startswith(str(folder))


def test_training_files_are_read_in_order(folder):
    (folder / FOLDER).mkdir()
    for shift, name in enumerate(BATCHES["train"]):
        (folder / FOLDER / name).write_bytes(RECORDS[3073 * shift :] + RECORDS[: 3073 * shift])
    [targets] = CIFAR10(("train",), sources=("targets",)).indexables
    assert targets[::10_000, 0].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", ["cifar-10-python.tar.gz", "cifar-10-batches-py"])
def test_pickles_are_not_read(folder, name):
    (folder / name).mkdir()
    with pytest.raises(MissingDataError, match=f"download.'cifar10'.*{name} is the Python version"):
        CIFAR10(("test",))


def break_archive(folder):
    write_archive(folder)
    path = folder / "cifar-10-binary.tar.gz"
    path.write_bytes(path.read_bytes()[:50_000])


DAMAGE = {
    "short file": (
        lambda folder: write_archive(folder, content=RECORDS[:-1]),
        "a file of CIFAR-10 must have 30730000 bytes .10000 records of 3073",
    ),
    "missing file": (lambda folder: (folder / FOLDER).mkdir(), "test_batch.bin: this file of CIF"),
    "other archive": (
        lambda folder: write_archive(folder, "readme", b""),
        "the archive of CIFAR-10 .*test_batch.bin' not found",
    ),
    "broken archive": (break_archive, "is not a tar.gz archive, or is damaged"),
    "no archive": (
        lambda folder: (folder / "cifar-10-binary.tar.gz").write_bytes(b"<html>"),
        "cifar-10-binary.tar.gz is not a tar.gz archive, or is damaged",
    ),
    "wrong label": (
        lambda folder: write_archive(folder, content=b"\x0a" + RECORDS[1:]),
        "of split 'test' must be between 0 and 9, but one label is 10",
    ),
}


@pytest.mark.parametrize(("write", "message"), DAMAGE.values(), ids=DAMAGE)
def test_the_error_names_the_damage(folder, write, message):
    write(folder)
    with pytest.raises(DataFileError, match=message) as caught:
        CIFAR10(("test",))
    assert str(folder) in str(caught.value)
