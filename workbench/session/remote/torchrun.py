"""Launcher that starts the processes of a run with torchrun.

torchrun watches the processes, and ends all of them if one fails. It starts this module as the
program of each process. Torchrun's output is written to a file in the folder of the run.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from workbench.errors import ArgumentError, ProcessError
from workbench.hints import Hinted
from workbench.session.remote.children import await_end, kill_group, leave
from workbench.session.remote.folder import RunFolder
from workbench.session.remote.identity import birth, exists
from workbench.session.remote.local import LIFELINE, environment, threads_of_each

ORPHANED = "torchrun, which started this process, was killed, so the process is ending"
PATIENCE = 120.0
"""Time limit, in seconds, for all processes to start."""

GOODBYE = 10.0
"""Time limit, in seconds, for torchrun to end after its processes have ended."""

ENDED_BY_TORCHRUN = 128 + signal.SIGTERM
"""Exit status of the processes that torchrun ends because another process has failed."""

SAYS_FAILED = re.compile(r"\(exitcode: (-?\d+)\) local_rank: (\d+) \(pid: \d+\)")
"""Regular expression for the text that torchrun prints as soon as a process has failed."""

TOO_LATE = (
    "torchrun started only {begun} of {processes} processes within {seconds:g} seconds, so all "
    "of them were stopped; start fewer processes, or try again when the machine is less busy. "
    "Output of torchrun:\n{said}"
)
WRONG_OPTIONS = (
    "options must be a sequence of strings, such as ['--numa-binding=node'], not {given!r}; "
    "`torchrun --help` lists all options"
)


class Torchrun(Hinted):
    """Launcher that starts processes on this machine with ``torchrun``.

    Pass it, or its name ``"torchrun"``, as `launcher` to `MainLoop.start`. All processes run on the
    machine of the notebook. To train on several machines, use torchrun to start a script that
    calls `MainLoop.run`; see `workbench.distributed`.

    Parameters
    ----------
    options : sequence of str
        Additional command-line options for torchrun.

    Raises
    ------
    ArgumentError
        If `options` is not a sequence of strings.
    ProcessError
        If torchrun does not start all processes in time; `MainLoop.start` raises this error.

    Examples
    --------
    >>> launcher = Torchrun(["--numa-binding=node"])
    >>> launcher.options
    ('--numa-binding=node',)
    >>> main_loop.start(processes=2, launcher=launcher)  # doctest: +SKIP
    """

    def __init__(self, options: Sequence[str] = ()) -> None:
        if isinstance(options, str) or not all(isinstance(one, str) for one in options):
            raise ArgumentError(WRONG_OPTIONS.format(given=options))
        self.options = tuple(options)

    def launch(
        self, folder: RunFolder, number: int, processes: int, *, detached: bool
    ) -> TorchrunProcesses:
        """Start processes; see `Launcher.launch`."""
        command = [
            *(sys.executable, "-m", "torch.distributed.run"),
            *("--nnodes=1", f"--nproc-per-node={processes}", "--local-addr=127.0.0.1"),
            # the rendezvous uses a file, so that torchrun does not listen on the network
            *("--rdzv-backend=c10d", "--rdzv-conf=store_type=file"),
            *(f"--rdzv-endpoint={folder.path / f'torchrun-{number}'}", *self.options),
            *("-m", __name__, str(folder.path), str(number)),
            *([] if detached else [LIFELINE]),
        ]
        said = folder.path / f"torchrun-{number}.txt"
        descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor) as file:
            agent = subprocess.Popen(
                command,
                env={
                    "OMP_NUM_THREADS": str(threads_of_each(processes)),
                    **environment(processes),
                    "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",  # this store listens on the network
                },
                cwd=folder.directory,
                stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        launched = TorchrunProcesses(agent, said)
        try:
            _await_begin(folder, number, processes, launched)
        except BaseException:
            launched.kill()
            raise
        launched.knows_all = True
        if agent.poll() is not None and not folder.output(number, 0).exists():
            folder.output(number, 0).write_text(said.read_text())  # the reason for the failure
        return launched


class TorchrunProcesses:
    """Processes that `Torchrun` has started.

    Parameters
    ----------
    agent : subprocess.Popen
        The torchrun process.
    said : Path
        The file with the output of torchrun.

    Attributes
    ----------
    pids : list of int
        The IDs of the processes that are known to have started, in the order of their ranks.
    knows_all : bool
        True if all processes have started.
    """

    pids: list[int]

    def __init__(self, agent: subprocess.Popen[bytes], said: Path) -> None:
        self.agent = agent
        self.said = said
        self.pids = []
        self.births: list[str | None] = []
        self.knows_all = False

    def status(self, rank: int) -> int | None:
        """Return the exit status of a process, or None while the process is running."""
        ended = self.agent.poll()
        failed = {int(r): int(status) for status, r in SAYS_FAILED.findall(self.said.read_text())}
        if rank in failed or ended is None:
            return failed.get(rank)
        return ENDED_BY_TORCHRUN if failed else ended  # torchrun itself may fail, too

    def kill(self) -> None:
        """Kill all processes, and wait until they have ended."""
        if self.agent.poll() is None:
            for pid in self.pids:
                kill_group(pid)
            if not self.knows_all:
                self.agent.terminate()  # torchrun then ends its processes
        try:
            self.agent.wait(GOODBYE)
        except subprocess.TimeoutExpired:
            self.agent.kill()
            await_end([self.agent])
        if self.agent.returncode < 0:  # killed; its processes end when they notice
            deadline = time.monotonic() + GOODBYE
            while any(map(exists, self.pids)) and time.monotonic() < deadline:
                time.sleep(0.02)
            for pid, begun in zip(self.pids, self.births, strict=False):
                if exists(pid) and birth(pid) == begun:
                    kill_group(pid)
        if self.agent.stdin is not None:
            with suppress(OSError):
                self.agent.stdin.close()

    def leave(self) -> None:
        """Let the processes continue on their own; this process does not wait for them to end."""
        leave(self.agent)


def _await_begin(
    folder: RunFolder, number: int, processes: int, launched: TorchrunProcesses
) -> None:
    """Wait until all processes have started or torchrun has ended, and store the process IDs.

    Raises
    ------
    ProcessError
        If the processes do not start in time.
    """
    agent, deadline = launched.agent, time.monotonic() + PATIENCE
    notes = [_note(folder, number, rank) for rank in range(processes)]
    while True:
        launched.pids = [int(note.read_text()) for note in notes if note.exists()]
        launched.births = [birth(pid) for pid in launched.pids]
        if len(launched.pids) == processes:
            return
        if agent.poll() is not None:  # all have ended, and their statuses are known
            launched.pids = [agent.pid] * processes
            return
        if time.monotonic() > deadline:
            raise ProcessError(
                TOO_LATE.format(
                    begun=len(launched.pids),
                    processes=processes,
                    seconds=PATIENCE,
                    said=launched.said.read_text(),
                )
            )
        time.sleep(0.02)


def _note(folder: RunFolder, number: int, rank: int) -> Path:
    """Return the path of the file where a process writes its ID."""
    return folder.path / f"process-{number}-{rank}"


def _watch_agent() -> None:
    """End this process if torchrun, its parent, is killed, since nothing else would end it."""
    agent = os.getppid()

    def watch() -> None:
        while os.getppid() == agent != 1:  # 1 if torchrun has already ended
            time.sleep(0.5)
        print(ORPHANED, file=sys.stderr, flush=True)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _work(path: str, number: int) -> None:
    """Train in this process, which torchrun has started."""
    _watch_agent()
    folder, rank = RunFolder(Path(path)), int(os.environ["RANK"])
    descriptor = os.open(folder.output(number, rank), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(descriptor, stream.fileno())
    note = _note(folder, number, rank)
    unfinished = note.with_suffix(".part")
    unfinished.write_text(str(os.getpid()))
    unfinished.replace(note)

    from workbench.session.remote import worker

    if LIFELINE in sys.argv:
        worker.watch_lifeline()
    worker.main(path, number, rank)


if __name__ == "__main__":
    _work(sys.argv[1], int(sys.argv[2]))
