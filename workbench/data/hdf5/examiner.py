"""Program that reads, in its own process, the parts of a file that could crash the HDF5 library.

The program does not import workbench, so that it starts quickly. Requests and answers are lines of
JSON. A request names a file and some of its datasets; the answer ``"."`` reports progress, and
``"done"`` reports that everything has been read. Errors are ignored here, because the actual reader
reports them; this process only shows that the library does not crash.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import time
from typing import Any

ROWS = 16
"""Number of rows to read at a time; a single row may be very large."""


def main() -> None:
    """Serve requests until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import h5py

    say("ready")
    for line in sys.stdin:
        request = json.loads(line)
        lasting(request["patience"])
        with contextlib.suppress(Exception), h5py.File(request["path"], "r") as file:
            for name in request["names"]:
                with contextlib.suppress(Exception):
                    read(file[name], request["rows"], request["patience"])
        lasting(0)
        say("done")


def lasting(seconds: float) -> None:
    """Make the operating system end this process after `seconds`, even if the parent has ended."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def read(stored: Any, rows: bool, patience: float) -> None:
    """Read the axis names and the scales of a dataset and, if `rows` is True, its rows.

    For the root group, read only the table of splits and the class names.
    """
    if stored.name == "/":
        for name in ("split", "classes"):
            with contextlib.suppress(Exception):
                stored.attrs[name]
        return
    for axis in stored.dims:
        str(axis.label)
        for name in list(axis.keys()):
            axis[name].shape  # noqa: B018
    labels = stored.dims[0]
    if "shape_labels" in labels.keys():  # noqa: SIM118
        labels["shape_labels"][...]
    said = time.monotonic()
    for start in range(0, stored.shape[0] if rows else 0, ROWS):
        if time.monotonic() > said + 1:
            say(".")
            lasting(patience)
            said = time.monotonic()
        with contextlib.suppress(Exception):
            stored[start : start + ROWS]


def say(word: str) -> None:
    """Send a message to the parent process."""
    sys.stdout.write(json.dumps(word) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
