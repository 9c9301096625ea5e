"""Functions for main loops that train one model in several processes.

Every process runs the whole main loop and calls the extensions at the same batches. Only the first
process shows output and writes files. All processes start with the values of the first process, and
copy its values again at the end of every epoch, because programs for different batch sizes may
round differently.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from workbench.distributed import DataParallel
from workbench.errors import ProcessError
from workbench.extensions import TrainingExtension
from workbench.extensions.base import reported_elsewhere
from workbench.interfaces import Loop
from workbench.log import TrainingLog, TrainingLogBase
from workbench.serialization.variable_values import value_of
from workbench.tensor import SharedVariable
from workbench.tensor.collectives import broadcast
from workbench.tensor.device import default_device
from workbench.tensor.processes import launched_size

IN_THREAD = (
    "{size} processes train this main loop together, so it cannot run in a thread that one of them "
    "controls; call main_loop.run() in every process. To control several processes, start them "
    "from one: main_loop.start(processes={size}) in a notebook or script without a launcher"
)
APART = (
    "a launcher has started this script in {size} processes, but {algorithm} does not divide "
    "batches, so each process would train the whole model alone and write the same files. Pass "
    "distributed=DataParallel() to a GradientDescent, or start the script without the launcher"
)
RECORD = "distributed"


def distributed_of(loop: Loop) -> DataParallel | None:
    """Return the object that divides batches among processes, or None for a single process."""
    found = getattr(loop.algorithm, "distributed", None)
    return found if isinstance(found, DataParallel) and found.is_active else None


def take_share(loop: Loop, batches: Any) -> None:
    """Make an iterator over batches return only this process's share of each batch."""
    distributed = distributed_of(loop)
    if distributed is not None:
        distributed.take_share(batches)


def begin(loop: Loop) -> None:
    """Record the number of processes, and copy the values of the first process."""
    distributed = distributed_of(loop)
    if distributed is not None:
        loop.log.current_row[RECORD] = distributed.described
        agree(loop)


def agree(loop: Loop) -> None:
    """Copy the values of all trained and saved variables from the first process."""
    distributed = distributed_of(loop)
    if distributed is not None:
        parameters, others = loop.state_variables()
        distributed.agree([*parameters.values(), *others.values()])


def first_succeeded(loop: Loop, succeeded: bool) -> bool:
    """Return True if the first process succeeded; all processes call this function together."""
    distributed = distributed_of(loop)
    if distributed is None:
        return succeeded
    told = torch.tensor([int(succeeded)], device=default_device())
    return bool(broadcast(told, group=distributed.group).item())


def value(loop: Loop, variable: SharedVariable) -> torch.Tensor:
    """Return the value of a shared variable of training, even if another process stores it."""
    distributed = distributed_of(loop)
    if distributed is None or not distributed.is_divided(variable):
        return value_of(variable)
    return distributed.value(variable)


def called(loop: Loop, extensions: Iterable[TrainingExtension]) -> list[TrainingExtension]:
    """Return all extensions; processes other than the first omit extensions that only report."""
    if not reported_elsewhere(loop):
        return list(extensions)
    return [one for one in extensions if not one.only_reports]


def own_log(loop: Loop) -> TrainingLogBase:
    """Return the log of this process; all processes except the first use a log in memory."""
    log = loop.log
    if not reported_elsewhere(loop) or type(log) is TrainingLog:
        return log
    new = TrainingLog()
    new.load_state_dict(log.state_dict())
    return new


def check_together(loop: Loop) -> None:
    """Raise `ProcessError` if a launcher has started processes that would not train together."""
    size = launched_size()
    if size > 1 and distributed_of(loop) is None:
        raise ProcessError(APART.format(size=size, algorithm=type(loop.algorithm).__name__))


def leave(loop: Loop) -> None:
    """Close the connections after an error, so that the other processes fail instead of waiting."""
    distributed = distributed_of(loop)
    if distributed is not None:
        distributed.group.leave()


def check_alone(loop: Loop) -> None:
    """Raise `ProcessError` if several processes train a main loop together."""
    distributed = distributed_of(loop)
    if distributed is not None:
        raise ProcessError(IN_THREAD.format(size=distributed.group.size))
