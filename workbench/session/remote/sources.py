"""Checksums of the modules that the program of a run imports from files of the user.

A restart imports these modules again. If a file was changed since the start, the run continues with
other code, which the log then says.
"""

from __future__ import annotations

import sys
import sysconfig
import zlib
from collections.abc import Mapping
from pathlib import Path

CHANGED = (
    "the code of {modules} has changed since the run was started, so the run continues from the "
    "snapshot with the new code, and can differ from a run without an interruption"
)
OWN = Path(__file__).parents[2]
"""The folder of this package."""


def checksums() -> dict[str, str]:
    """Return the checksum of each imported module's file, except for installed libraries."""
    libraries = [Path(one) for one in set(sysconfig.get_paths().values())]
    found = {}
    for name, module in list(sys.modules.items()):
        path = Path(getattr(module, "__file__", None) or "")
        if path.suffix != ".py" or path.is_relative_to(OWN):
            continue
        if "site-packages" in path.parts or any(map(path.is_relative_to, libraries)):
            continue
        try:
            found[name] = f"{zlib.crc32(path.read_bytes()):08x}"
        except OSError:
            continue
    return found


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Describe which modules have changed, or return an empty string if none has.

    Examples
    --------
    >>> changes({"job": "1"}, {"job": "2", "new": "1"})[:37]
    "the code of 'job' has changed since t"
    >>> changes({"job": "1"}, {"job": "1"})
    ''
    """
    found = [repr(name) for name in sorted(before) if now.get(name, before[name]) != before[name]]
    return CHANGED.format(modules=", ".join(found)) if found else ""
