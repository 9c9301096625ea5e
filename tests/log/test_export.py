"""Logs as files that other programs read."""

import json
from urllib.parse import unquote

import h5py
import numpy as np
import pandas as pd
import pytest

from tests.support.logs import every_backend
from workbench.errors import MissingLibraryError
from workbench.log import TrainingLog, export, to_csv, to_hdf5, to_parquet


def filled(log, slope=0.5):
    for i in range(1, 4):
        log[i].update({"cost": i * slope, "count": i, "w": np.full(2, i), "a/b": True})
    log[2].update(note="a, b", sizes=(1, [2]), what={5})
    return log


@pytest.mark.parametrize("write", [to_csv, to_parquet])
def test_a_channel_named_iteration_is_beside_the_iterations(write, tmp_path):
    log = TrainingLog()
    log[100].update(cost=0.5, iteration=7)
    write(log, tmp_path / "log")
    if write is to_csv:
        found = pd.read_csv(tmp_path / "log", index_col="iteration")
    else:
        found = pd.read_parquet(tmp_path / "log")
    assert found.loc[100].to_dict() == {"cost": 0.5, "iteration (recorded)": 7}


def test_a_channel_with_the_name_of_a_renamed_one_stays(tmp_path):
    log = TrainingLog()
    log[100].update({"iteration": 7, "iteration (recorded)": 8})
    to_csv(log, tmp_path / "log")
    found = pd.read_csv(tmp_path / "log", index_col="iteration").loc[100].to_dict()
    assert found == {"iteration (recorded)": 8, "iteration (recorded) (recorded)": 7}


def test_csv_with_carriage_returns_reads_back(tmp_path):
    log = TrainingLog()
    log[1].update({"cost": 0.5, "a\rb": "loading\r100 %", "more": 2})
    log[2].update({"cost": 0.25, "a\rb": "\r\n"})
    to_csv(log, tmp_path / "log.csv")
    found = pd.read_csv(tmp_path / "log.csv", index_col="iteration")
    pd.testing.assert_frame_equal(found, log.frame, check_dtype=False)


@every_backend
def test_csv_reads_back_as_the_frame(new, tmp_path):
    log = filled(new())
    to_csv(log, tmp_path / "log.csv")
    found = pd.read_csv(tmp_path / "log.csv", index_col="iteration")
    assert found.columns.tolist() == list(log.channels)
    pd.testing.assert_frame_equal(found[["cost", "count"]], log.frame[["cost", "count"]])
    assert found["note"][2] == "a, b" and found["w"][3] == "[3, 3]"
    assert (found["sizes"][2], found["what"][2]) == ("[1, [2]]", '"{5}"')


@every_backend
def test_hdf5_has_every_channel_and_the_status(new, tmp_path):
    log = filled(new())
    log.status["_epoch_ends"] = [3]
    to_hdf5(log, tmp_path / "log.h5")
    with h5py.File(tmp_path / "log.h5") as file:
        assert file.attrs["uuid"] == log.h_uuid
        assert json.loads(file.attrs["status"]) == dict(log.status)
        assert json.loads(file.attrs["channels"]) == [
            "cost",
            "count",
            "w",
            "a%2Fb",
            *list(log.channels)[4:],
        ]
        assert file["channels/cost/values"][:].tolist() == [0.5, 1.0, 1.5]
        assert file["channels/a%2Fb/values"].dtype == np.bool_
        assert file["channels/w/values"].shape == (3, 2)
        assert file["channels/note/iterations"][:].tolist() == [2]
        assert json.loads(file["channels/sizes/values"][0]) == [1, [2]]


def test_parquet_without_its_library_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    with pytest.raises(MissingLibraryError, match=r"pip install pyarrow .*workbench\[parquet\]"):
        to_parquet(TrainingLog(), tmp_path / "log.parquet")


@every_backend
def test_parquet_reads_back_as_the_frame(new, tmp_path):
    log = filled(new())
    log[3].update(note=3, huge=2**70)
    to_parquet(log, tmp_path / "log.parquet")
    found = pd.read_parquet(tmp_path / "log.parquet")
    pd.testing.assert_frame_equal(found[["cost", "count"]], log.frame[["cost", "count"]])
    assert found["note"].dropna().tolist() == ["a, b", "3"]
    assert found["a/b"].tolist() == [True] * 3 and found["w"][3] == "[3, 3]"
    assert found["sizes"][2] == "[1, [2]]" and found["huge"][3] == str(2**70)


@pytest.mark.parametrize("write", [to_csv, to_parquet, to_hdf5])
def test_a_file_is_replaced_only_by_a_whole_one(write, tmp_path, monkeypatch):
    log = filled(TrainingLog())
    write(log, tmp_path / "log")
    before = (tmp_path / "log").read_bytes()

    def fail(*args, **kwargs):
        raise OSError("no space left")

    for owner, name in ((pd.DataFrame, "to_csv"), (pd.DataFrame, "to_parquet"), (json, "dumps")):
        monkeypatch.setattr(owner, name, fail)
    with pytest.raises(OSError, match="no space left"):
        write(log, tmp_path / "log")
    assert (tmp_path / "log").read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("write", [to_csv, to_parquet, to_hdf5])
def test_half_a_surrogate_pair_does_not_stop_an_export(write, tmp_path):
    log = TrainingLog()
    log[1]["note"] = "\ud800"
    write(log, tmp_path / "log")
    assert b"ud800" in (tmp_path / "log").read_bytes()


def around():
    """Return a list that contains itself."""
    whole = []
    whole.append(whole)
    return whole


@pytest.mark.parametrize("write", [to_csv, to_parquet, to_hdf5])
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({(0, 1): 3}, "(0, 1)"),
        ([{"a": {1.5: {None: 2}}}], "None"),
        (around(), "[[...]]"),
        ({1, 2}, "{1, 2}"),
        (np.array([{(0, 1): 3}], object), "(0, 1)"),
    ],
    ids=["tuple", "nested", "circle", "set", "array"],
)
def test_values_that_json_lacks_are_exported_as_text(write, value, text, tmp_path):
    log = TrainingLog()
    log[1]["note"] = log.status["note"] = value
    write(log, tmp_path / "log")
    assert text.encode() in (tmp_path / "log").read_bytes()


@pytest.mark.parametrize("name", [".", "..", "", "/", "a/./b", "a\0b", "%2E", "iteration"])
def test_a_channel_of_any_name_is_restored_from_hdf5(name, tmp_path):
    log = TrainingLog()
    log[1][name] = 0.5
    to_hdf5(log, tmp_path / "log.h5")
    with h5py.File(tmp_path / "log.h5") as file:
        (path,) = json.loads(file.attrs["channels"])
        assert file[f"channels/{path}/values"][0] == 0.5
        assert len(file["channels"]) == 1
    assert unquote(path) == (name or "%")


@pytest.mark.parametrize("write", [to_csv, to_parquet])
@pytest.mark.parametrize("name", [".", "", "a\nb", "iteration", "__index_level_0__"])
def test_a_channel_of_any_name_is_in_a_table(write, name, tmp_path):
    log = TrainingLog()
    log[1][name] = 0.5
    write(log, tmp_path / "log")
    read = pd.read_csv if write is to_csv else pd.read_parquet
    assert 0.5 in read(tmp_path / "log").to_numpy()


def test_many_channels_are_no_reason_to_warn():
    log = TrainingLog()
    log[1].update({f"channel {i}": float(i) for i in range(300)})
    log.status.update(iterations_done=1, epochs_done=1, _epoch_ends=[1])
    assert log.epochs.shape == (1, 301) and log.epochs.columns[0] == "iteration"
