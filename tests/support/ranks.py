"""Several processes that run one function as a group, for tests of collectives.

The processes are forked from a server with torch loaded, so that they start fast. They meet in a
file and exchange tensors over the loopback interface only. A process that takes too long is killed.
`Crews` keeps the processes of a group for many tests, and `Ranks` starts a group for one test.
"""

import multiprocessing
import os
import signal
import tempfile
import time
import traceback
from pathlib import Path

import torch

from workbench.tensor.processes import known_group, process_group

SECONDS = 240
MET = ("met", None)
"""Message of a process of `Ranks` that has joined the group."""


def context():
    """Return a context that starts processes fast: a server with torch loaded forks them."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["tests.support.forked"])
    return found


class Ranks:
    """Processes that run ``function(group, *arguments)`` as a group.

    Parameters
    ----------
    folder : path
        A folder in which the processes meet.
    size : int
    function : callable
        A function of a module, so that another process can import it.
    timeout : float
        Seconds for which the processes wait for each other.
    absent : int, optional
        A process that is killed before it joins the group.
    """

    def __init__(self, folder, size, function, *arguments, timeout=60.0, absent=None):
        processes = context()
        meeting = Path(folder) / f"meeting_{time.monotonic_ns()}"
        self.pipes, self.processes = [], []
        for rank in range(size):
            ours, theirs = processes.Pipe()
            place = None if rank == absent else str(meeting)
            given = (rank, size, place, timeout, theirs, function, arguments)
            process = processes.Process(target=_run, args=given, daemon=True)
            process.start()
            theirs.close()
            self.pipes.append(ours)
            self.processes.append(process)

    def meet(self, seconds=SECONDS):
        """Wait until all processes are in the group."""
        end = time.monotonic() + seconds
        for pipe in self.pipes:
            assert pipe.poll(max(0.0, end - time.monotonic())), "a process has not met the others"
            assert pipe.recv() == MET

    def results(self, seconds=SECONDS):
        """Return what each process returned: a pair of 'result' or 'error', and the value."""
        end = time.monotonic() + seconds
        found = []
        for pipe in self.pipes:
            try:
                said = MET
                while said == MET:
                    ready = pipe.poll(max(0.0, end - time.monotonic()))
                    said = pipe.recv() if ready else ("late", None)
                found.append(said)
            except (EOFError, ConnectionError):
                found.append(("dead", None))
        self.close()
        return found

    def close(self):
        """End all processes."""
        for process in self.processes:
            process.join(5 if process.is_alive() else 0)
            process.kill()
            process.join()
        for pipe in self.pipes:
            pipe.close()


class Crew:
    """Processes that stay together and run one job after another as a group.

    A job can leave the group, but it must not end its process.

    Parameters
    ----------
    size : int
    """

    def __init__(self, size):
        processes = context()
        self.folder = tempfile.TemporaryDirectory()
        self.jobs, self.complete = 0, False
        self.pipes, self.processes = [], []
        for rank in range(size):
            ours, theirs = processes.Pipe()
            process = processes.Process(target=_serve, args=(rank, size, theirs), daemon=True)
            process.start()
            theirs.close()
            self.pipes.append(ours)
            self.processes.append(process)

    def run(self, function, *arguments, seconds=SECONDS):
        """Return pairs of 'result', 'error', 'late' or 'dead' and the value, for each process."""
        self.jobs += 1
        meeting = f"{self.folder.name}/{self.jobs}"
        for pipe in self.pipes:
            pipe.send((meeting, self.complete, function, arguments))
        end = time.monotonic() + seconds
        found, self.complete = [], True
        for pipe in self.pipes:
            try:
                ready = pipe.poll(max(0.0, end - time.monotonic()))
                *result, stays = pipe.recv() if ready else ("late", None, False)
            except (EOFError, ConnectionError):
                *result, stays = "dead", None, False
            found.append(tuple(result))
            self.complete &= stays
        return found

    def close(self):
        """End all processes."""
        for pipe in self.pipes:
            pipe.close()
        for process in self.processes:
            process.kill()
            process.join()
        self.folder.cleanup()


class Crews:
    """Crews of several sizes, each of which starts when it is needed first."""

    def __init__(self):
        self.crews = {}

    def __call__(self, size, function, *arguments):
        """Return the results of ``function(group, *arguments)`` in all processes of a group."""
        if size not in self.crews:
            self.crews[size] = Crew(size)
        found = self.crews[size].run(function, *arguments)
        bad = [f"process {rank}: {kind} {value}" for rank, (kind, value) in enumerate(found)
               if kind != "result"]  # fmt: skip
        if bad:
            self.crews.pop(size).close()
        assert not bad, "\n".join(bad)
        return [value for _, value in found]

    def close(self):
        """End all processes."""
        for crew in self.crews.values():
            crew.close()


def _run(rank, size, meeting, timeout, pipe, function, arguments):
    torch.set_num_threads(1)
    if meeting is None:
        os.kill(os.getpid(), signal.SIGKILL)
    try:
        group = process_group(rank, size, meeting_place=meeting, timeout=timeout)
        pipe.send(MET)
        sent = ("result", function(group, *arguments))
    except BaseException as error:
        sent = ("error", f"{type(error).__name__}: {error}\n{traceback.format_exc()}")
    pipe.send(sent)
    pipe.close()
    os._exit(0)


def _serve(rank, size, pipe):
    """Run jobs in one process of a crew until the tests close their end of the pipe."""
    torch.set_num_threads(1)
    while True:
        try:
            meeting, complete, function, arguments = pipe.recv()
        except EOFError:
            os._exit(0)
        try:
            if not complete and (left := known_group()) is not None:
                left.leave()
            group = known_group() or process_group(rank, size, meeting_place=meeting, timeout=120)
            sent = ("result", function(group, *arguments))
        except BaseException as error:
            sent = ("error", f"{type(error).__name__}: {error}\n{traceback.format_exc()}")
        pipe.send((*sent, known_group() is not None))
