"""The setups in which the browser tests run: how JupyterLab draws a notebook, on which kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tests.support import kernels

WINDOWING = ("contentVisibility", "defer", "full", "none")
"""The values of JupyterLab's setting ``windowingMode``, its default first."""


class Setup(NamedTuple):
    """One combination, from the ``--windowing`` and ``--kernel`` given to pytest."""

    windowing: str
    kernel: str

    def __str__(self) -> str:
        return "-".join(self)


def chosen(given: str, known: Sequence[str]) -> list[str]:
    """Return the names in a list with commas; ``all`` means `known`."""
    names = list(known) if given == "all" else given.split(",")
    if unknown := [name for name in names if name not in (*known, kernels.INSTALLED)]:
        raise ValueError(f"{', '.join(unknown)}: must be among {', '.join(known)}, or all")
    return names


def setups(windowing: str, kernel: str) -> list[Setup]:
    """Return all combinations, so ordered that the first few have every mode and every kernel.

    JupyterLab's default comes last among the modes: it is tested at other times, too.
    """
    modes, versions = chosen(windowing, WINDOWING), chosen(kernel, kernels.VERSIONS)
    modes.sort(key=lambda mode: mode == WINDOWING[0])
    return [
        Setup(mode, versions[(place + turn) % len(versions)])
        for turn in range(len(versions))
        for place, mode in enumerate(modes)
    ]
