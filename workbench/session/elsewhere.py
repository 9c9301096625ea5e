"""Deferred import of the code for runs in other processes, which most sessions do not need."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench.hints import hinted

if TYPE_CHECKING:
    from workbench.session.remote import RemoteSession


@hinted
def in_processes() -> Callable[..., RemoteSession]:
    """Import and return the function that starts a main loop in other processes.

    Examples
    --------
    >>> in_processes().__module__
    'workbench.session.remote.runs'
    """
    from workbench.session.remote import start

    return start
