"""Cost of snapshots for a run, and the time of a rewind.

The same run trains in a session, an epoch at a time, without snapshots and with them: the speed is
the median of pairs of epochs, which train in turn. Then the run goes back by 500 iterations: to the
nearest snapshot, which loads a state, and to the exact iteration, which also trains on the batches
in between once more. The costs of those batches must be the same as the first time.
"""

from __future__ import annotations

import statistics
import time
from unittest.mock import PropertyMock, patch

from tests.benchmarks import models
from tests.benchmarks.contenders.project import InSession
from tests.benchmarks.models import Work
from tests.benchmarks.targets import NO_TARGET, Row, Target
from workbench.session.snapshot_taker import SnapshotTaker

SPEED = Target(0.95, at_least=True, unit="times the speed without")
LOAD = Target(200.0, unit="ms")
BACK = 500


def pairs(work: Work, number: int) -> list[float]:
    """Return the speed with snapshots relative to that without, for pairs of epochs."""
    without, with_snapshots = InSession(work), InSession(work)
    found = []
    for _ in range(number + 1):
        with patch.object(SnapshotTaker, "able", PropertyMock(return_value=False)):
            plain = without.epoch()
        found.append(plain / with_snapshots.epoch())
    return found[1:]  # the first epoch compiles


def rewinds(work: Work) -> list[tuple[str, float, Target | None]]:
    """Return name and milliseconds of rewinds by `BACK` iterations, after an epoch."""
    run = InSession(work)
    run.timer.after_epoch = lambda: None  # type: ignore[method-assign]
    session = run.main_loop.start(batches=BACK + 200)
    session.wait()
    first = run.costs()
    done = session.log.status["iterations_done"]
    target = done - BACK
    nearest = max(one.iteration for one in session.snapshots if one.iteration <= target)
    found = []
    for name, iteration, limit in (
        ("to a snapshot", nearest, LOAD),
        (f"exactly, {target - nearest} batches again", target, None),
    ):
        session.train(batches=max(1, done - session.log.status["iterations_done"]))
        session.wait()
        start = time.perf_counter()
        session.rewind(iteration).wait()
        found.append((name, 1e3 * (time.perf_counter() - start), limit))
        session.stop()
        session.wait()
        if run.costs()[:iteration] != first[:iteration]:
            raise AssertionError(f"after a rewind to {iteration} the costs differ")
    return found


def rows(quick: bool) -> list[Row]:
    """Return rows for the speed with snapshots, and for rewinds."""
    number = 3 if quick else 10
    found: list[Row] = []
    for work in (models.mlp(16, 2000), models.lenet(64, 60)):
        speed = statistics.median(pairs(work, number))
        found.append(
            {"work": f"{work.name}: with snapshots", "measured": speed, **SPEED.judge(speed)}
        )
    work = models.lenet(64, 60)
    for name, milliseconds, limit in rewinds(work):
        judged = NO_TARGET if limit is None else limit.judge(milliseconds)
        text = f"{work.name}: back by {BACK} iterations, {name} (ms)"
        found.append({"work": text, "measured": milliseconds, **judged})
    return found
