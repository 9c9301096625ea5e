"""Names for files that are not regular."""

import os
import socket
import stat

import pytest

from workbench.utils.irregular import irregular


def test_folders_and_devices_are_named(tmp_path):
    (tmp_path / "file").touch()
    os.symlink(tmp_path / "file", tmp_path / "link")
    assert irregular(os.stat(tmp_path / "link").st_mode) is None
    assert irregular(os.stat(tmp_path).st_mode) == "a folder"
    assert irregular(os.stat(os.devnull).st_mode) == "a device"
    assert irregular(stat.S_IFBLK) == "a device" and irregular(0) == "something else"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_pipes_and_sockets_are_named(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        kinds = [irregular(os.stat(tmp_path / name).st_mode) for name in ("pipe", "s")]
    assert kinds == ["a named pipe", "a socket"]
