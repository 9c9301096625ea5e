"""Archives: members, manifest, and files that other programs open."""

import contextlib
import io
import json
import tarfile

import pytest

from workbench.errors import ArchiveError
from workbench.serialization import archive, dump, secure_dump


@pytest.fixture
def file():
    made = io.BytesIO()
    archive.write(made, {"a": b"first", "b": b""})
    return made


def test_members_are_restored(file):
    assert archive.read(file) == {"a": b"first", "b": b""}
    assert archive.member(file, "a") == b"first"


def test_members_can_be_added(file):
    archive.add(file, {"c": b"third"})
    archive.add(file, {"d": b"fourth"})
    assert list(archive.read(file)) == ["a", "b", "c", "d"]


def test_a_path_will_do(tmp_path, file):
    path = tmp_path / "x.tar"
    path.write_bytes(file.getvalue())
    assert archive.read(path) == archive.read(str(path)) == archive.read(file)


def test_any_tar_program_can_read_it(file):
    file.seek(0)
    with tarfile.open(fileobj=file) as tar:
        assert tar.getnames() == ["a", "b", "_manifest"]
        manifest = json.load(tar.extractfile("_manifest"))
    assert manifest["version"] == archive.VERSION
    assert set(manifest["sha256"]) == {"a", "b"}


def test_a_wrong_name_shows_the_right_one(file):
    with pytest.raises(ArchiveError, match="no member 'aa', only 'a', 'b'; did you mean"):
        archive.member(file, "aa")


def test_nothing_is_added_to_other_files():
    file = io.BytesIO(b"something else")
    with pytest.raises(ArchiveError, match="file: the file must be a workbench archive"):
        archive.add(file, {"c": b""})
    assert file.getvalue() == b"something else"


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda path, _: str(path), "run.tar: .* the mode 'wb', not a path; secure_dump"),
        (lambda path, _: path, "run.tar: .* not a path"),
        (lambda path, _: io.StringIO(), "not a file in text mode"),
        (lambda path, s: s.enter_context(path.open("rb")), "not a file opened only for reading;"),
    ],
    ids=["text", "path", "text file", "reading"],
)
def test_a_file_that_cannot_be_written_to_is_named(tmp_path, make, text):
    (tmp_path / "run.tar").touch()
    with contextlib.ExitStack() as stack, pytest.raises(ArchiveError, match=text):
        dump("something", make(tmp_path / "run.tar", stack))


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ArchiveError, match="run.tar cannot be written, .* folder .*nowhere"):
        secure_dump("something", tmp_path / "nowhere" / "run.tar")
