"""Files are only replaced by files of the same kind."""

import os

import numpy as np
import pytest

import workbench as wb
from extensions_live.to_html import to_html
from workbench.builder import draw
from workbench.data.hdf5 import write_hdf5
from workbench.errors import WorkbenchError
from workbench.log import TrainingLog, to_csv, to_hdf5, to_parquet
from workbench.serialization import save_safetensors, secure_dump
from workbench.utils.atomic import replace_file


def log():
    log = TrainingLog()
    log[1]["cost"] = 0.5
    return log


LAYER = wb.Linear(1, 1, seed=1)
LAYER.initialize()

WRITERS = {
    "an archive of a run": lambda path: secure_dump([1], path),
    "a report of a run": lambda path: to_html(log(), path),
    "a table of a log": lambda path: to_csv(log(), path),
    "a Parquet file": lambda path: to_parquet(log(), path),
    "an HDF5 file of a log": lambda path: to_hdf5(log(), path),
    "an HDF5 data set": lambda path: write_hdf5(path, {"train": {"x": np.zeros((2, 1))}}),
    "an ONNX file": lambda path: LAYER.to_onnx(path, np.zeros((2, 1), "float32")),
    "a safetensors file": lambda path: save_safetensors(LAYER.parameters, path),
    "an SVG image": lambda path: draw(LAYER).save(path.with_suffix(".svg")),
}


@pytest.fixture(params=WRITERS)
def kind(request):
    return request.param


def test_a_file_of_the_same_kind_is_replaced(kind, tmp_path):
    for _ in range(2):
        WRITERS[kind](tmp_path / "file.svg")


def test_a_file_of_another_kind_is_kept(kind, tmp_path):
    path = tmp_path / "file.svg"
    path.write_text('{"cells": []}')
    with pytest.raises(WorkbenchError, match=f"file.svg already exists and is not {kind}, so"):
        WRITERS[kind](path)
    assert path.read_text() == '{"cells": []}' and os.listdir(tmp_path) == ["file.svg"]


def test_unknown_content_does_not_replace_an_archive(tmp_path):
    secure_dump([1], tmp_path / "x")
    with pytest.raises(WorkbenchError, match="x already exists and is not a file of the same kind"):
        replace_file(tmp_path / "x", lambda file: file.write(b"text"), WorkbenchError)


def test_an_empty_file_is_replaced(tmp_path):
    (tmp_path / "x").touch()
    secure_dump([1], tmp_path / "x")


@pytest.mark.skipif(os.name != "posix", reason="needs named pipes")
@pytest.mark.parametrize(("make", "kind"), [(os.mkfifo, "a named pipe"), (os.mkdir, "a folder")])
def test_what_is_not_a_regular_file_is_kept(tmp_path, make, kind):
    make(tmp_path / "x")
    with pytest.raises(WorkbenchError, match=f"x cannot be written, because it is {kind}"):
        secure_dump([1], tmp_path / "x")
    assert (tmp_path / "x").exists() and not (tmp_path / "x").is_file()
