"""Groups of processes that run the same program together; a process's number is its *rank*.

A group is created from the environment variables of a launcher such as ``torchrun``, or from
explicit arguments. The processes exchange tensors with the operations in
`workbench.tensor.collectives`. A process that was launched alone forms a group of one process.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch

from workbench import errors
from workbench.hints import Hinted, hinted
from workbench.tensor.device import default_device

TIMEOUT = 600.0
"""Number of seconds that a process waits for the other processes in one exchange."""

LAUNCHED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""Environment variables that launchers set for each process."""
ENVIRONMENT = "env://"
"""URL that tells torch to connect the processes through the variables `LAUNCHED`."""
HERE = "LOCAL_WORLD_SIZE"
"""Environment variable with the number of processes on this machine; not all launchers set it."""
NUMBER_HERE = "LOCAL_RANK"
"""Environment variable with the number of this process among the processes on this machine."""
LOOPBACK = re.compile(r"localhost|127\.[\d.]+|::1", re.IGNORECASE)
"""Regular expression for loopback addresses, which are usable only on the same machine."""
INTERFACE = "GLOO_SOCKET_IFNAME"
"""Environment variable with the name of the network interface that gloo uses."""

BROKEN = re.compile(
    r"gloo|NCCL|connection (closed|reset|refused)|timed? ?out waiting|broken pipe|process group",
    re.IGNORECASE,
)
"""Pattern that matches torch's errors about an exchange that failed."""
GONE = (
    "process {rank} of {size} lost the connection to the other processes: one of them has ended, "
    "stopped or failed, and its own output shows the reason. Start all processes again, and "
    "continue from the last checkpoint. torch says: {said}"
)
INCOMPLETE = (
    "the environment variables {given} are set, but {missing} {verb} not; launch the script with "
    "torchrun, which sets all of these variables"
)
NO_OWN_GPU = (
    "process {rank} of {size} must have a GPU of its own, but it sees {gpus} GPUs and the "
    "environment variable LOCAL_RANK is not set. Set it to the number of the process on its "
    "machine, from 0 (for Slurm, export LOCAL_RANK=$SLURM_LOCALID), or launch the script with "
    "torchrun, which sets it"
)


class ProcessGroup(Hinted):
    """Processes that run the same program together.

    `process_group` creates the group.

    Parameters
    ----------
    rank, size : int
        The number of this process, counted from 0, and the number of processes.
    name : str
        torch's name for the group.

    Examples
    --------
    >>> group = process_group()
    >>> isinstance(group, ProcessGroup), group, group.is_first
    (True, <process 0 of 1>, True)
    """

    def __init__(self, rank: int = 0, size: int = 1, name: str = "") -> None:
        self.rank = rank
        self.size = size
        self.name = name
        self._local = True

    @property
    def is_first(self) -> bool:
        """True in the process with rank 0, which writes logs and files."""
        return self.rank == 0

    def leave(self) -> None:
        """Close all connections; the other processes raise an error in their next exchange."""
        if self is _joined[0]:
            _joined[0] = None
            if torch.distributed.is_initialized():
                torch.distributed.destroy_process_group()

    def __deepcopy__(self, memo: dict[int, Any]) -> ProcessGroup:
        return self

    def __repr__(self) -> str:
        return f"<process {self.rank} of {self.size}>"


_joined: list[ProcessGroup | None] = [None]
"""The group of this process, once it is known."""


@hinted
def process_group(
    rank: int | None = None,
    size: int | None = None,
    *,
    meeting_place: str | Path | None = None,
    backend: str | None = None,
    timeout: float = TIMEOUT,
) -> ProcessGroup:
    """Return the group of this process, and join it first if necessary.

    Without arguments, the process joins the group that a launcher such as ``torchrun`` describes in
    environment variables. A process without these variables forms a group of one process. If all
    processes are on this machine, they listen only on the loopback interface. They are assumed to
    be on this machine if ``LOCAL_WORLD_SIZE`` equals ``WORLD_SIZE`` or, if ``LOCAL_WORLD_SIZE`` is
    not set, if ``MASTER_ADDR`` is a loopback address such as ``localhost``.

    Parameters
    ----------
    rank, size : int, optional
        The number of this process, from 0 to ``size - 1``, and the number of processes.
    meeting_place : path, optional
        A file on this machine that the processes use to find each other; it must not exist yet.
        The processes then listen only on the loopback interface. This argument is required if
        `rank` and `size` are given.
    backend : str, optional
        The library that exchanges tensors: by default ``nccl`` if every process has its own GPU,
        and ``gloo`` otherwise.
    timeout : float, optional
        The number of seconds that a process waits for the other processes in one exchange before it
        raises an error.

    Returns
    -------
    ProcessGroup

    Raises
    ------
    ProcessError
        If the arguments or the environment variables are incomplete, if the process has already
        joined another group, or if the other processes do not join in time.
    """
    joined = _joined[0]
    if joined is not None:
        if (rank, size) not in ((None, None), (joined.rank, joined.size)):
            raise errors.ProcessError(
                f"this process is already {joined!r} and cannot become process {rank} of {size}; "
                "call the group's leave() method first"
            )
        return joined
    if rank is not None or size is not None:
        if rank is None or size is None or not 0 <= rank < size or meeting_place is None:
            raise errors.ProcessError(
                "to join a group, pass rank (0 to size - 1), size and meeting_place, as in "
                f"process_group(0, 2, meeting_place='meeting'), not rank={rank!r}, "
                f"size={size!r}, meeting_place={meeting_place!r}"
            )
        method, local = f"file://{Path(str(meeting_place)).absolute()}", True
    else:
        rank, size, local = _from_environment()
        method = ENVIRONMENT
    _joined[0] = group = _join(rank, size, method, backend, timeout, local=local)
    return group


def patient_group(limit: timedelta) -> Any:
    """Create a second process group that exchanges data in main memory and has a long timeout.

    All processes of the group must call this function together.

    Parameters
    ----------
    limit : timedelta
        The time until an exchange fails.

    Returns
    -------
    torch.distributed.ProcessGroup
    """
    joined = _joined[0]
    with _on_loopback() if joined is None or joined._local else contextlib.nullcontext():
        return torch.distributed.new_group(backend="gloo", timeout=limit)


def launched_size() -> int:
    """Return the number of processes that a launcher such as ``torchrun`` has started.

    In a process that was not started by a launcher, the number is 1.
    """
    given = os.environ.get("WORLD_SIZE", "1") if "RANK" in os.environ else "1"
    return int(given) if given.isdecimal() else 1


def known_group() -> ProcessGroup | None:
    """Return the group of this process, or None if it has not joined a group."""
    return _joined[0]


def _from_environment() -> tuple[int, int, bool]:
    """Return the rank, the number of processes, and True if all are on this machine."""
    given = [name for name in LAUNCHED[:2] if name in os.environ]
    if not given:
        return 0, 1, True
    missing = [name for name in LAUNCHED if name not in os.environ]
    if missing:
        raise errors.ProcessError(
            INCOMPLETE.format(
                given=" and ".join(given),
                missing=", ".join(missing),
                verb="are" if len(missing) > 1 else "is",
            )
        )
    size = int(os.environ["WORLD_SIZE"])
    if HERE in os.environ:
        local = int(os.environ[HERE]) == size
    else:
        local = LOOPBACK.fullmatch(os.environ["MASTER_ADDR"]) is not None
    return int(os.environ["RANK"]), size, local


def _join(
    rank: int, size: int, method: str, backend: str | None, timeout: float, *, local: bool
) -> ProcessGroup:
    if size == 1:
        return ProcessGroup()
    dist = torch.distributed
    if backend is None:
        gpus = torch.cuda.device_count() if default_device().type == "cuda" else 0
        enough = gpus >= _number_here(size, local=local)
        backend = "nccl" if enough and dist.is_nccl_available() else "gloo"
    if backend == "nccl":
        torch.cuda.set_device(_own_gpu(rank, size, local=local))
    limit = timedelta(seconds=timeout)
    with _on_loopback() if local else contextlib.nullcontext():
        try:
            store = _local_store(rank, size, limit) if local and method == ENVIRONMENT else None
            if store is None:
                dist.init_process_group(backend, method, limit, world_size=size, rank=rank)
            else:
                dist.init_process_group(
                    backend, timeout=limit, world_size=size, rank=rank, store=store
                )
        except (RuntimeError, OSError) as error:
            raise errors.ProcessError(
                f"process {rank} of {size} could not join the other processes: "
                f"{_first_line(error)}; check that all processes were started, and that the "
                "number of processes is the same in each of them"
            ) from error
    world: Any = dist.group.WORLD
    group = ProcessGroup(rank, size, str(world.group_name))
    group._local = local
    return group


def _local_store(rank: int, size: int, limit: timedelta) -> Any:
    """Return the store that the processes on this machine use to find each other.

    The first process serves the store, as it would serve torch's own store, but only on the
    loopback interface. If torchrun provides a store, or if the system is not POSIX, the result
    is None, and torch chooses the store.
    """
    dist: Any = torch.distributed
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == str(True) or os.name != "posix":
        return None
    port, listens = int(os.environ["MASTER_PORT"]), None
    if rank == 0:
        listener = socket.create_server(("127.0.0.1", port))
        listens = listener.detach()  # the store closes the socket
    return dist.TCPStore(
        "127.0.0.1", port, size, rank == 0, limit, wait_for_workers=False,
        multi_tenant=False, master_listen_fd=listens,
    )  # fmt: skip


def _number_here(size: int, *, local: bool) -> int:
    """Return the number of processes on this machine, or a lower bound if it is unknown."""
    return int(os.environ.get(HERE, size if local else 1))


def _own_gpu(rank: int, size: int, *, local: bool) -> int:
    """Return the index of the GPU that this process uses."""
    if NUMBER_HERE in os.environ:
        return int(os.environ[NUMBER_HERE])
    gpus = torch.cuda.device_count()
    if not local and gpus > 1:
        raise errors.ProcessError(NO_OWN_GPU.format(rank=rank, size=size, gpus=gpus))
    return rank if local else 0


@contextlib.contextmanager
def _on_loopback() -> Iterator[None]:
    """Make gloo listen only on the loopback interface, unless the user has chosen an interface."""
    names = [name for _, name in socket.if_nameindex() if name in ("lo", "lo0")]
    if INTERFACE in os.environ or not names:
        yield
        return
    os.environ[INTERFACE] = names[0]
    try:
        yield
    finally:
        del os.environ[INTERFACE]


def lost(error: Exception) -> errors.ProcessError | None:
    """Return the error to raise if `error` reports a failed exchange, or None otherwise."""
    group = _joined[0]
    if group is None or group.size == 1 or isinstance(error, errors.WorkbenchError):
        return None
    if not isinstance(error, RuntimeError) or not BROKEN.search(str(error)):
        return None
    said = _first_line(error)
    return errors.ProcessError(GONE.format(rank=group.rank, size=group.size, said=said))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
