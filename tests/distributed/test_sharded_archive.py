"""The prototype of archives of which each process writes and reads only its own rows."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.support import ranks_archive as jobs


@pytest.fixture(scope="module")
def written(together, tmp_path_factory):
    """Return the path of an archive that two processes have written, and the whole values."""
    path = tmp_path_factory.mktemp("archive") / "run.json"
    first, second = together(2, jobs.save_trained, str(path))
    assert_equal(first, second, first)
    return path, first


@pytest.fixture
def archive(written, tmp_path):
    """Return the path of a copy of the archive, which a test can change."""
    shutil.copytree(written[0].parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / written[0].name


def files(path):
    """Return the files in the folder that an archive names."""
    return sorted(path.with_name(json.loads(path.read_text())["folder"]).iterdir())


def assert_equal(found, expected, names):
    """Assert that the values with some names are the same, bit for bit."""
    for name in names:
        assert found[name].dtype == expected[name].dtype
        assert found[name].shape == expected[name].shape, name
        assert found[name].tobytes() == expected[name].tobytes(), name


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_any_number_of_processes_reads_the_rows_of_two(together, written, processes):
    path, whole = written
    names = json.loads(path.read_text())["values"]
    run = together if processes > 1 else lambda _, *job: [job[0](None, *job[1:])]
    for before, after, failure in run(processes, jobs.load_archive, str(path)):
        assert failure is None
        assert_equal(after, whole, names)
        changed = [name for name in names if not np.array_equal(before[name], whole[name])]
        assert changed == names


def test_each_process_writes_only_its_own_rows(written):
    path, whole = written
    names = json.loads(path.read_text())["values"]
    first, second = map(load_file, files(path))
    assert {"number", "row"} <= set(first) - set(second)
    for name in names:
        value = np.atleast_1d(whole[name])
        half = -(-len(value) // 2)
        assert np.array_equal(first[name], value[:half])
        assert np.array_equal(second.get(name, value[:0]), value[half:])


def change_a_byte(path):
    with open(files(path)[1], "r+b") as file:
        file.seek(-1, 2)
        last = file.read()
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 1]))


def remove_a_file(path):
    files(path)[1].unlink()


def add_a_file(path):
    shutil.copy(files(path)[0], files(path)[0].with_name("another.safetensors"))


@pytest.mark.parametrize("damage", [change_a_byte, remove_a_file, add_a_file])
def test_files_of_another_archive_are_refused_in_all_processes(together, archive, damage):
    damage(archive)
    for before, after, failure in together(2, jobs.load_archive, str(archive)):
        assert failure.startswith("ProcessError: the archive failed in the processes")
        assert_equal(after, before, before)


def test_an_archive_is_replaced_together_with_its_folder(together, archive):
    earlier = files(archive)[0].parent
    together(2, jobs.save_trained, str(archive))
    assert files(archive)[0].parent != earlier
    assert sorted(archive.parent.iterdir()) == sorted([archive, files(archive)[0].parent])


def test_a_process_that_cannot_write_leaves_the_earlier_archive(together, archive, written):
    before = archive.read_text()
    for failure in together(2, jobs.fail_to_save, str(archive)):
        assert failure == "ProcessError: the archive failed in the processes [1]"
    assert archive.read_text() == before
    assert sorted(archive.parent.iterdir()) == sorted([archive, files(archive)[0].parent])
    for _, after, failure in together(2, jobs.load_archive, str(archive)):
        assert failure is None
        assert_equal(after, written[1], json.loads(before)["values"])


def test_an_archive_whose_earlier_folder_is_missing_is_replaced(together, archive, written):
    shutil.rmtree(files(archive)[0].parent)
    together(2, jobs.save_trained, str(archive))
    for _, after, failure in together(2, jobs.load_archive, str(archive)):
        assert failure is None
        assert_equal(after, written[1], json.loads(archive.read_text())["values"])
