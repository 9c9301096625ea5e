"""Facts about a run that its log keeps in the status: threads, versions, hyperparameters."""

from __future__ import annotations

import platform
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from workbench.interfaces import Loop
from workbench.roles import ALGORITHM_HYPERPARAMETER, has_roles
from workbench.tensor.execution import available_threads

OTHER_THREADS = (
    "after this iteration, the number of threads for large steps is {now} instead of "
    "{before}, so sums are rounded differently; set config.threads = {before} to continue as before"
)
LIBRARIES = ("workbench", "torch", "numpy")


def record_facts(main_loop: Loop, note: Callable[[str], Any]) -> None:
    """Record facts that affect the results of a run; call `note` if the number of threads changed.

    The status then contains ``threads``, the number of threads for large steps, on which the
    rounding of sums depends; ``versions``, the versions of Python and of the libraries; and
    ``hyperparameters``, the initial hyperparameters of the algorithm by path.
    """
    status, now = main_loop.status, available_threads()
    before = status.get("threads")
    if before not in (None, now):
        note(OTHER_THREADS.format(now=now, before=before))
    status["threads"] = now
    status["versions"] = dict(versions())
    if "hyperparameters" not in status:
        status["hyperparameters"] = hyperparameters(main_loop)


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that affect the results."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:  # for instance a checkout that is not installed
            continue
    return found


def hyperparameters(main_loop: Loop) -> dict[str, float]:
    """Return the hyperparameters of the algorithm that are single numbers, by path.

    Each number is the shortest decimal that rounds to the value of its variable, for example 0.1
    instead of 0.10000000149.
    """
    _, others = main_loop.state_variables()
    return {
        path: float(str(variable.get_value()))
        for path, variable in others.items()
        if has_roles(variable, [ALGORITHM_HYPERPARAMETER])
        and not variable.ndim
        and variable.dtype.is_floating_point
    }
