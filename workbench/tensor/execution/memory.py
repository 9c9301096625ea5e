"""Setting that makes glibc keep freed memory for the next training step.

Every step allocates tensors of the same sizes. By default, glibc immediately returns the memory of
large tensors to the operating system. The operating system must then clear the pages for the next
step; on a CPU, this may take longer than the computation. With this setting, glibc keeps freed
memory, as torch's allocator does on an accelerator.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys

LARGEST = 32 * 2**20
"""Maximum size in bytes of memory blocks that are kept; glibc accepts no larger value."""
KEPT = 2**30
"""Maximum size in bytes of the unused memory that glibc keeps."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


@functools.cache
def keep_memory() -> bool:
    """Make glibc keep freed memory, unless environment variables configure its allocator.

    Returns
    -------
    bool
        True if the setting was changed; only glibc has this setting.
    """
    asked = any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ)
    if asked or not sys.platform.startswith("linux"):
        return False
    change = getattr(ctypes.CDLL(None), "mallopt", None)
    if change is None:
        return False
    return bool(change(_M_MMAP_THRESHOLD, LARGEST) and change(_M_TRIM_THRESHOLD, KEPT))
