"""Setups of the browser tests: a windowing mode of JupyterLab and a version of ipykernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tests.support import kernels

WINDOWING = ("contentVisibility", "defer", "full", "none")
"""The values of JupyterLab's setting ``windowingMode``, the default first."""


class Setup(NamedTuple):
    """Combination of one ``--windowing`` and one ``--kernel`` of those given to pytest."""

    windowing: str
    kernel: str

    def __str__(self) -> str:
        return "-".join(self)


def chosen(given: str, known: Sequence[str]) -> list[str]:
    """Return the names in a comma-separated list; ``all`` means `known`."""
    names = list(known) if given == "all" else given.split(",")
    if unknown := [name for name in names if name not in (*known, kernels.INSTALLED)]:
        raise ValueError(f"{', '.join(unknown)}: must be among {', '.join(known)}, or all")
    return names


def setups(windowing: str, kernel: str) -> list[Setup]:
    """Return all combinations; the first few contain every mode and every kernel.

    JupyterLab's default is the last mode, because `make test thorough` covers it.
    """
    modes, versions = chosen(windowing, WINDOWING), chosen(kernel, kernels.VERSIONS)
    modes.sort(key=lambda mode: mode == WINDOWING[0])
    return [
        Setup(mode, versions[(place + turn) % len(versions)])
        for turn in range(len(versions))
        for place, mode in enumerate(modes)
    ]
