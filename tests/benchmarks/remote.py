"""Runs in other processes, measured from the notebook; rows of the benchmark `distributed`."""

from __future__ import annotations

import json
import logging
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from pathlib import Path

import workbench
from extensions_live import Plot
from tests.benchmarks import models
from tests.benchmarks.contenders.project import Eager, InSession, Project, Timer
from tests.benchmarks.screen import full_view
from tests.benchmarks.targets import NO_TARGET, Row, Target
from tests.benchmarks.timing import measured_alone
from tests.support.waiting import until
from workbench.config import config
from workbench.errors import ProcessError
from workbench.main_loop import MainLoop
from workbench.session.remote import RemoteSession, remove

RECEIPT = Target(0.1, unit="s")
KNOWN = Target(1.0, unit="s")
ATTACHED = Target(2.0, unit="s")
SPEED = Target(0.97, at_least=True, unit="times the speed without")
NAME = "benchmark"

ATTACH = """
import sys, time
import workbench
from workbench.config import config

config.runs_path = sys.argv[1]
start = time.perf_counter()
session = workbench.attach(sys.argv[2])
assert len(session.log.column("cost")[1])
print(time.perf_counter() - start)
"""
"""Program of another kernel, which has imported the library, but knows nothing of the run."""


def receipts(session: RemoteSession, times: int) -> list[float]:
    """Return the seconds from commands to their receipts, while the processes train."""
    found = []
    for number in range(times):
        start = time.perf_counter()
        session.set("learning_rate", 0.01 + number * 1e-6).wait(60)
        found.append(time.perf_counter() - start)
    return found


@contextmanager
def expected_failures() -> Iterator[None]:
    """Print neither the outputs of processes, which can fail, nor the errors of their session."""
    logging.getLogger("workbench.session.remote").setLevel(logging.CRITICAL)
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        yield
    logging.getLogger("workbench.session.remote").setLevel(logging.NOTSET)


def until_known(session: RemoteSession, rank: int) -> float:
    """Return the seconds from the death of a process until the session has the error."""
    start = time.perf_counter()
    os.kill(session.processes[rank], signal.SIGKILL)
    with suppress(ProcessError):
        session.wait(60)
    seconds = time.perf_counter() - start
    assert f"process {rank} of 2" in str(session.exception)
    return seconds


def attachments(folder: Path, times: int) -> list[float]:
    """Return the seconds in which other kernels get the session of a detached run with its log."""
    command = [sys.executable, "-c", ATTACH, str(folder), NAME]
    return [float(subprocess.check_output(command).decode()) for _ in range(times)]


def endless(kind: type[Project]) -> MainLoop:
    """Return the main loop of a run that does not end by itself."""
    contender = kind(models.mlp(64, 1000))
    contender.timer.epochs = 10**9
    return contender.main_loop


def of_two(quick: bool) -> tuple[list[float], list[float]]:
    """Return the seconds of receipts, and of kills until they are known, for two processes."""
    known = []
    session = endless(Eager).start(processes=2)
    try:
        asked = receipts(session, 10 if quick else 50)
        with expected_failures():
            for rank in (0, 1) if quick else (0, 1, 0, 1):
                done = session.log.status["iterations_done"]
                until(lambda at=done: session.log.status["iterations_done"] > at, timeout=60)
                known.append(until_known(session, rank))
                session.restart()
    finally:
        session.close()
    return asked, known


def of_detached(folder: Path, quick: bool) -> list[float]:
    """Return the seconds of attachments to a detached run, which continues meanwhile."""
    session = endless(Eager).start(detached=True, name=NAME)
    session.close()
    try:
        return attachments(folder, 2 if quick else 5)
    finally:
        again = workbench.attach(NAME)
        again.stop().wait(60)
        again.wait(60)
        remove(again)


def seconds_of(session: RemoteSession, epochs: int, *, shown: bool) -> float:
    """Return the seconds of some epochs, measured where they are trained."""
    with full_view(session) if shown else nullcontext():
        session.train(epochs=epochs).wait(60)
        session.wait()
        seconds: float = session.call(
            lambda loop: next(one for one in loop.extensions if isinstance(one, Timer)).seconds
        ).wait(60)
    return seconds


def viewed(processes: int, quick: bool) -> tuple[float, float]:
    """Return the seconds with the full view, and the speed relative to that without.

    Several processes, whose steps wait for messages, train for fewer epochs.
    """
    contender = InSession(models.mlp(16, 2000))
    pairs = 3 if quick else 10 if processes == 1 else 5
    contender.timer.epochs = epochs = (2 if quick else 6) if processes == 1 else 1
    contender.main_loop.extensions.append(Plot(channels=[["cost"]]))
    session = contender.main_loop.start(detached=processes == 1, processes=processes)
    try:
        session.wait()  # the first epochs compile
        found = []
        for _ in range(pairs):
            without = seconds_of(session, epochs, shown=False)
            found.append((without, seconds_of(session, epochs, shown=True)))
    finally:
        session.close(end=True)
    ratios = [without / watched for without, watched in found]
    return min(watched for _, watched in found), statistics.median(ratios)


def rows(quick: bool) -> list[Row]:
    """Return the rows."""
    return measured_alone(__name__, quick)


def measure(quick: bool) -> None:
    """Print the rows as JSON, in a new process."""
    with (
        redirect_stdout(sys.stderr),
        tempfile.TemporaryDirectory() as folder,
        config.override(runs_path=Path(folder)),
    ):
        asked, known = of_two(quick)
        attached = of_detached(Path(folder), quick)
        views = {processes: viewed(processes, quick) for processes in (1, 2)}
    found: list[Row] = []
    for work, seconds, target in (
        ("receipt of a command, 2 processes that train", asked, RECEIPT),
        ("a killed process is known, 2 processes", known, KNOWN),
        ("another kernel attaches to a detached run", attached, ATTACHED),
    ):
        slowest = max(seconds)
        row = {"work": f"{work}: slowest of {len(seconds)}", "seconds": slowest, "ratio": ""}
        found.append({**row, **target.judge(slowest)})
    for processes, (seconds, speed) in views.items():
        name = "a detached process" if processes == 1 else f"{processes} processes"
        row = {"work": f"live view of {name}", "seconds": seconds, "ratio": speed}
        found.append({**row, **(SPEED.judge(speed) if processes == 1 else NO_TARGET)})
    print(json.dumps(found))
