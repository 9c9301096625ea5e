"""Setting of glibc that keeps freed memory for the next training step.

Every step allocates tensors of the same sizes. By default glibc returns large ones to the operating
system at once, which must clear their pages for the next step. On a CPU this can take longer than
the computation. With the setting, glibc keeps freed memory, as torch's allocator does on an
accelerator.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys

LARGEST = 32 * 2**20
"""Bytes of the largest tensor that is kept: the largest value that glibc does not ignore."""
KEPT = 2**30
"""Bytes of unused memory above which glibc returns some."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


@functools.cache
def keep_memory() -> bool:
    """Make the C library keep freed memory, unless environment variables configure it.

    Returns
    -------
    bool
        True if it does; only glibc has the setting.
    """
    asked = any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ)
    if asked or not sys.platform.startswith("linux"):
        return False
    change = getattr(ctypes.CDLL(None), "mallopt", None)
    if change is None:
        return False
    return bool(change(_M_MMAP_THRESHOLD, LARGEST) and change(_M_TRIM_THRESHOLD, KEPT))
