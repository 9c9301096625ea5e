"""Clean-up of HDF5 at the end of every program, after all other Python exit functions.

Functions registered with `atexit` run in reverse order. This module is imported first, so its
function runs after the functions that end sessions and other threads. Without it, two faults are
possible:

- Python ends a thread that is reading a file, and h5py's lock is never released. Python then
  deletes h5py's objects, needs the lock for this, and waits forever.
- A thread imports h5py while exit functions run. The exit function of h5py is then not called, and
  the HDF5 library crashes because it calls Python code after the end of Python.
"""

import atexit
import sys


@atexit.register
def leave_hdf5() -> None:
    """Wait until no other thread uses HDF5, and prevent HDF5 from calling Python code."""
    base, conv = (sys.modules.get(f"h5py.{name}") for name in ("_hl.base", "_conv"))
    if base is not None and conv is not None:
        base.phil.acquire()
        conv.unregister_converters()
