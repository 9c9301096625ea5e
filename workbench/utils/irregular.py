"""Kinds of non-regular files, such as pipes and devices, which may block a reader."""

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
    """Return the kind of a file, such as "a folder", or None for a regular file.

    Parameters
    ----------
    mode : int
        The ``st_mode`` of `os.stat`.

    Examples
    --------
    >>> import os
    >>> irregular(os.stat(".").st_mode)
    'a folder'
    """
    return None if stat.S_ISREG(mode) else KINDS.get(stat.S_IFMT(mode), "something else")
