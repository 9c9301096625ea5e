"""A Jupyter-native workbench for training neural networks interactively."""

from __future__ import annotations

from typing import TYPE_CHECKING

import workbench.openmp  # noqa: F401, first, since its settings must precede torch
from workbench import tensor
from workbench.names import explain_missing
from workbench.tensor import function, grad, scan, shared
from workbench.tensor.execution.explain import explain

if TYPE_CHECKING:
    import os

    from workbench.session import Sessions
    from workbench.session.remote import RemoteSession

__all__ = ["attach", "explain", "function", "grad", "scan", "sessions", "shared", "tensor"]


def sessions() -> Sessions:
    """Return all sessions of this process, and the live runs in other processes of this user.

    See `workbench.session.sessions`.

    Examples
    --------
    >>> sessions()  # doctest: +SKIP
    <Session digits: running, iteration 1200, 3 epochs done, cost 0.21>
    """
    import workbench.session
    import workbench.session.remote

    return workbench.session.sessions()


def attach(run: str | os.PathLike[str]) -> RemoteSession:
    """Return a session that controls a run in other processes, for instance after a restart.

    Parameters
    ----------
    run : str or path
        The name of the run, or the database of its log; see `workbench.session.remote.attach`.

    Examples
    --------
    >>> session = attach("digits")  # doctest: +SKIP
    """
    import workbench.session.remote

    return workbench.session.remote.attach(run)


explain_missing(__name__)
