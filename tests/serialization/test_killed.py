"""A training process that is killed at any time, repeatedly, loses no stored data."""

import multiprocessing
import random
import sqlite3

import pytest
import torch

from tests.support import killed
from tests.support.runs import assert_same, build
from workbench.log.sqlite import SQLiteLog
from workbench.log.sqlite.values import ABSENT, DELETED
from workbench.serialization import load_parameters
from workbench.serialization.checkpoint import load_main_loop, read_state

KILLS = 30


@pytest.fixture(scope="module")
def processes():
    """Return a context that starts processes fast: a server with torch loaded forks them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.forked"])
    return context


def readable(database):
    """Return the last iteration of each log in a database, which must be intact."""
    connection = sqlite3.connect(database)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute(
            "SELECT uuid, max(time) FROM entries WHERE kind IS NULL OR kind NOT IN (?, ?) "
            "GROUP BY uuid",
            (ABSENT, DELETED),
        )
        return dict(rows.fetchall())
    finally:
        connection.close()


def run_and_kill(processes, folder, batches, delay):
    """Start training, kill it after some batches and seconds, and return its last report."""
    ours, theirs = processes.Pipe(duplex=False)
    process = processes.Process(target=killed.train, args=(str(folder), theirs))
    process.start()
    theirs.close()
    said = []
    try:
        while len(said) < batches:
            said.append(ours.recv())
        process.join(delay)
    except EOFError:
        pass
    process.kill()
    process.join()
    ours.close()
    assert process.exitcode in (-9, 0), (folder / "errors.txt").read_text()
    return said


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif("forkserver" not in multiprocessing.get_all_start_methods(), reason="no fork")
def test_thirty_random_kills(tmp_path, processes):
    chance, last, logs = random.Random(0), 0, {}
    for _ in range(KILLS):
        said = run_and_kill(processes, tmp_path, chance.randint(1, 40), chance.random() / 20)
        assert said[0] == last + 1  # the run has continued from the checkpoint
        state = read_state(tmp_path / "run.tar") if (tmp_path / "run.tar").exists() else None
        if state is not None:
            done = state["log"]["status"]["iterations_done"]
            assert done >= last and done % killed.EVERY == 0
            assert done > said[-1] - 3 * killed.EVERY
            assert len(load_parameters(tmp_path / "run.tar")) == 4
            last = done
        now = readable(tmp_path / "log.sqlite")
        assert all(now[uuid] >= iteration for uuid, iteration in logs.items())
        logs = now
    assert last > 0 and [p.name for p in tmp_path.glob(".*unfinished")][1:] == []

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        whole = build(last + 20)
        whole.run()
        rest = killed.main_loop(tmp_path)
        rest.find_extension("FinishAfter").set_conditions(after_n_batches=last + 20)
        rest.run()
    finally:
        torch.set_num_threads(threads)
    assert_same(rest, whole)
    again = SQLiteLog(tmp_path / "log.sqlite", read_only=True)
    assert again.channel("cost").tolist() == whole.log.channel("cost").tolist()
    assert_same(load_main_loop(tmp_path / "run.tar", trusted=True), whole)
