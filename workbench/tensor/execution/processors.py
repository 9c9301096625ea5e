"""Number of processors that this process can use.

A process in a container sees all processors of the host, but its quota may be much smaller. Threads
beyond the quota do not run in parallel, but delay each other.
"""

from __future__ import annotations

import functools
import math
import os
from pathlib import Path

_CGROUP = Path("/proc/self/cgroup")
_MOUNT = Path("/sys/fs/cgroup")


@functools.cache
def available_processors() -> int:
    """Return the number of processors that this process can use at the same time.

    The process can use all processors of the machine, or only the processors that it is bound to.
    On Linux, the quotas of its control groups (versions 1 and 2), rounded up, also limit the
    number.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> available_processors() >= 1
    True
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    granted = [math.ceil(quota) for quota in _quotas()]
    return max(1, min([bound or 1, *granted]))


def _quotas() -> list[float]:
    """Return the processor quotas of the control groups that contain this process."""
    found = []
    try:
        memberships = _CGROUP.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    for membership in memberships:
        _, controllers, path = membership.split(":", 2)
        if controllers not in ("", "cpu", "cpu,cpuacct", "cpuacct,cpu"):
            continue
        root = _MOUNT / controllers.replace("cpuacct,cpu", "cpu,cpuacct")
        if controllers and not root.is_dir():
            root = _MOUNT / "cpu"
        # Within a container, the path may be a path of the host, which does not exist here.
        folder = root / path.lstrip("/")
        for place in (folder, *folder.parents):
            quota = _version_1(place) if controllers else _version_2(place)
            if quota is not None:
                found.append(quota)
            if place == root:
                break
    return found


def _version_2(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _version_1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text(encoding="ascii"))
        period = int((folder / "cpu.cfs_period_us").read_text(encoding="ascii"))
        return quota / period if quota > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
