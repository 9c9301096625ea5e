"""What stands at a path if it is no regular file: reading a pipe or a device may never end."""

from __future__ import annotations

import stat
from typing import Final

KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def irregular(mode: int) -> str | None:
    """Return what a file is by its `mode`, such as a folder, or None if it is a regular one.

    Parameters
    ----------
    mode : int
        The ``st_mode`` that `os.stat` gives.

    Examples
    --------
    >>> import os
    >>> irregular(os.stat(".").st_mode)
    'a folder'
    """
    return None if stat.S_ISREG(mode) else KINDS.get(stat.S_IFMT(mode), "something else")
