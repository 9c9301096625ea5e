"""Memory that one step gives back is there for the next one.

Every step allocates tensors of the same sizes. The C library hands large ones back to the system at
once, which has to clear their pages for the next step; on a CPU that may take longer than what is
computed. Asked not to, it keeps them, as torch's own allocator does on an accelerator.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys

LARGEST = 32 * 2**20
"""Bytes of the largest tensor that is kept; more than glibc accepts would be ignored."""
KEPT = 2**30
"""Bytes of unused memory from which some is given back."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


@functools.cache
def keep_memory() -> bool:
    """Have the C library keep memory, unless the environment says how it should go about that.

    Returns
    -------
    bool
        Whether it does; only glibc can be asked.
    """
    asked = any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ)
    if asked or not sys.platform.startswith("linux"):
        return False
    change = getattr(ctypes.CDLL(None), "mallopt", None)
    if change is None:
        return False
    return bool(change(_M_MMAP_THRESHOLD, LARGEST) and change(_M_TRIM_THRESHOLD, KEPT))
