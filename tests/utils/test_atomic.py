"""Atomic writes: files are always complete."""

import os
import stat
import subprocess
import sys
from functools import partial

import h5py
import pytest

from workbench.errors import ArchiveError
from workbench.utils.atomic import UNFINISHED, replace_file, replacing

replace_file = partial(replace_file, error=ArchiveError)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_new_content_replaces_the_old(tmp_path):
    path = tmp_path / "x.tar"
    for content in (b"old and long", b"new"):
        replace_file(path, lambda file, content=content: file.write(content))
        assert path.read_bytes() == content
    assert names(tmp_path) == ["x.tar"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_an_error_while_writing_keeps_the_old_content(tmp_path, error):
    def write(file):
        file.write(b"half")
        raise error

    path = tmp_path / "x.tar"
    path.write_bytes(b"old")
    with pytest.raises(type(error)):
        replace_file(path, write)
    assert path.read_bytes() == b"old" and names(tmp_path) == ["x.tar"]


def test_the_old_content_remains_until_the_end(tmp_path):
    path = tmp_path / "x.tar"
    path.write_bytes(b"old")

    def write(file):
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"

    replace_file(path, write)


@pytest.mark.skipif(os.name != "posix", reason="needs file locks of POSIX")
def test_temporary_files_of_killed_processes_are_removed(tmp_path):
    path, left = tmp_path / "x[1].tar", tmp_path / f".x[1].tar.0123{UNFINISHED}"
    other = tmp_path / f".y.tar.0123{UNFINISHED}"
    for leftover in (left, other):
        leftover.write_bytes(b"half")
    replace_file(path, lambda file: file.write(b"whole"))
    assert names(tmp_path) == [other.name, path.name]


@pytest.mark.skipif(os.name != "posix", reason="needs file locks of POSIX")
def test_a_write_inside_another_one_does_not_disturb_it(tmp_path):
    path = tmp_path / "x.tar"

    def write(file):
        replace_file(path, lambda inner: inner.write(b"inner"))
        assert path.read_bytes() == b"inner"
        file.write(b"outer")

    replace_file(path, write)
    assert path.read_bytes() == b"outer" and names(tmp_path) == ["x.tar"]


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_permissions_are_those_of_other_new_files(tmp_path):
    (tmp_path / "usual").write_bytes(b"")
    replace_file(tmp_path / "x", lambda file: file.write(b""))
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("usual", "x")]
    assert modes[0] == modes[1]


def test_a_symbolic_link_is_kept(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    replace_file(tmp_path / "link", lambda file: file.write(b"new"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


@pytest.mark.skipif(os.name != "posix", reason="needs file locks of POSIX")
def test_a_write_in_another_process_does_not_disturb_this_one(tmp_path):
    path = tmp_path / "x.tar"
    with replacing(path, ArchiveError) as temporary:
        code = (
            "from workbench.errors import ArchiveError\n"
            "from workbench.utils.atomic import replacing\n"
            f"with replacing({str(path)!r}, ArchiveError) as file: file.write_bytes(b'inner')"
        )
        subprocess.run([sys.executable, "-c", code], check=True)
        assert path.read_bytes() == b"inner" and temporary.exists()
        temporary.write_bytes(b"outer")
    assert path.read_bytes() == b"outer" and names(tmp_path) == ["x.tar"]


def test_a_library_that_opens_the_file_itself_can_write_it(tmp_path):
    path = tmp_path / "x.h5"
    with replacing(path, ArchiveError) as temporary, h5py.File(temporary, "w") as file:
        file["x"] = [1, 2]
    with h5py.File(path) as file:
        assert file["x"][:].tolist() == [1, 2]
    assert names(tmp_path) == ["x.h5"]


def test_the_error_names_a_missing_folder(tmp_path):
    with pytest.raises(
        ArchiveError,
        match="x cannot be written, because the folder .*nowhere does not exist; create",
    ):
        replace_file(tmp_path / "nowhere" / "x", print)
