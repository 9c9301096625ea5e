"""Properties of a run, kept in the status of its log: threads, versions and hyperparameters."""

from __future__ import annotations

import platform
import zlib
from collections.abc import Callable, Mapping, MutableMapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from workbench.algorithms.base import UpdatesAlgorithm
from workbench.data.shares import SharedBatch
from workbench.interfaces import Loop
from workbench.main_loop.data_fingerprints import SAMPLED, of_batch, of_data
from workbench.roles import ALGORITHM_HYPERPARAMETER, has_roles
from workbench.tensor import SharedVariable
from workbench.tensor.execution import available_threads

INITIAL = "_initial"
"""Key in the log's status for the fingerprints of the initial training state."""

BATCH = "batch"
"""Key in the initial fingerprints for the fingerprint of the first batch."""

EXECUTION = "_execution"
"""Key in the log's status for the requested tier of the training step."""

NAME = "session_name"
"""Key in the log's status for the name that the user has given to the session."""

OTHER_THREADS = (
    "after this iteration, the number of threads for large steps is {now} instead of "
    "{before}, so sums are rounded differently; set config.threads = {before} to continue as before"
)
LIBRARIES = ("workbench", "torch", "numpy")


def record_facts(main_loop: Loop, note: Callable[[str], Any]) -> None:
    """Record properties that affect results; call `note` if the number of threads has changed.

    The function sets these entries of the status:

    - ``threads``: the number of threads for large steps, which affects the rounding of sums
    - ``_execution``: the requested tier
    - ``versions``: the versions of Python and the libraries
    - ``hyperparameters``: the initial hyperparameters of the algorithm, by path
    - ``_initial``: fingerprints of the initial ``parameters``, other ``variables`` and data, for
      comparing runs; see `workbench.main_loop.data_fingerprints`
    """
    status, now = main_loop.status, available_threads()
    before = status.get("threads")
    if before not in (None, now):
        note(OTHER_THREADS.format(now=now, before=before))
    status["threads"] = now
    algorithm = main_loop.algorithm
    if isinstance(algorithm, UpdatesAlgorithm) and algorithm.function is not None:
        status[EXECUTION] = algorithm.function.execution.mode
    status["versions"] = dict(versions())
    if "hyperparameters" not in status:
        status["hyperparameters"] = hyperparameters(main_loop)
    if status["iterations_done"] == 0:
        parameters, others = main_loop.state_variables()
        status[INITIAL] = {
            "parameters": fingerprint(parameters),
            "variables": fingerprint(others),
            **({} if main_loop.data_stream is None else of_data(main_loop.data_stream)),
        }


def awaits_first_batch(status: Mapping[str, Any]) -> bool:
    """Return True if the fingerprint of the first batch has not been recorded yet."""
    return status["iterations_done"] == 0 and INITIAL in status and BATCH not in status[INITIAL]


def record_first_batch(status: MutableMapping[str, Any], batch: Any) -> None:
    """Record the fingerprint of the first batch, for comparisons of runs.

    If this process reads only a share of the batch, the whole batch is still used for the
    fingerprint, which therefore does not depend on the number of processes.
    """
    checksum = of_batch(batch.read_whole() if isinstance(batch, SharedBatch) else batch)
    if checksum is not None:
        status[INITIAL] = {**status[INITIAL], BATCH: checksum}


def fingerprint(variables: Mapping[str, SharedVariable]) -> str:
    """Return a checksum of the names, dtypes, shapes and some elements of variables.

    Examples
    --------
    >>> from workbench import shared
    >>> fingerprint({"w": shared([1.0, 2.0])}) == fingerprint({"w": shared([1.0, 2.0])})
    True
    >>> fingerprint({"w": shared([1.0, 2.0])}) == fingerprint({"w": shared([1.0, 3.0])})
    False
    """
    checksum = 0
    for name, variable in sorted(variables.items()):
        kept = variable if variable.divided is None else variable.divided
        value = kept.tensor.detach()
        flat = value.reshape(-1)
        some = flat[:: max(1, -(-flat.numel() // SAMPLED))].contiguous().cpu()
        about = f"{name} {value.dtype} {tuple(value.shape)}".encode()
        checksum = zlib.crc32(some.view(torch.uint8).numpy().tobytes(), zlib.crc32(about, checksum))
    return f"{checksum:08x}"


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python and the libraries that affect the results."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:  # for instance a checkout that is not installed
            continue
    return found


def hyperparameters(main_loop: Loop) -> dict[str, float]:
    """Return the algorithm's hyperparameters that are single numbers, keyed by path.

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
