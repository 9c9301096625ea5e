"""Several processes that one session controls: the numbers of one process, and its commands."""

import os
import random
import signal

import numpy as np
import pytest
import torch

from tests.distributed.test_data_parallel import assert_same
from tests.support import ranks_training as jobs
from tests.support.forked_runs import MANY, OftenKept, Pace, build, costs, outcome
from tests.support.waiting import paused_at, until
from workbench import errors
from workbench.algorithms import Adam
from workbench.algorithms.base import TOGETHER
from workbench.data import as_stream, write_hdf5
from workbench.distributed import DataParallel, ShardedDataParallel, ZeRO1
from workbench.interfaces import State
from workbench.main_loop import MainLoop

LEARNING_RATES = {4: 0.02, 9: 0.08}
"""Learning rates that the tests set, by iteration."""


def reference(epochs, rule="momentum", rates=None, cost=None):
    """Return the outcome of one process in this one, with learning rates at some iterations."""
    loop = build(rule, epochs, cost=cost)
    session = loop.start(paused=True)
    for iteration, rate in (rates or {}).items():
        session.step(iteration - session.log.status["iterations_done"]).wait()
        paused_at(session, iteration)
        session.set("learning_rate", rate).wait()
    session.resume()
    assert session.wait(60)
    return jobs.outcome(loop)


@pytest.fixture(scope="module")
def pair(folder_of_runs):
    """Yield a paused run of two processes, for tests that only move it on."""
    from tests.support.forked_runs import Forked

    session = build().start(processes=2, launcher=Forked(), paused=True, name="pair")
    yield session
    session.close()


class Noisy(torch.utils.data.Dataset):
    """Dataset that changes its examples with numbers from all global generators."""

    def __len__(self):
        return 9

    def __getitem__(self, index):
        features = torch.rand(8) + float(np.random.rand()) + random.random()  # noqa: NPY002
        return {"features": features, "targets": index % 3}


def test_data_loaders_draw_the_same_numbers_in_any_number_of_processes(start):
    found = []
    for processes in (1, 2):
        loop = build(epochs=2)
        loop.data_stream = as_stream(torch.utils.data.DataLoader(Noisy(), 4, shuffle=True))
        session = start(loop, processes=processes)
        assert session.wait(60)
        found.append(outcome(session))
    assert_same(*found)


def test_commands_take_effect_after_the_same_batch(start):
    session = start(build(epochs=3), processes=2, paused=True)
    for iteration, rate in LEARNING_RATES.items():
        session.step(iteration - session.log.status["iterations_done"]).wait(60)
        paused_at(session, iteration)
        session.set("learning_rate", rate).wait(60)
    session.resume()
    assert session.wait(60)
    assert session.log[0]["distributed"] == "2 processes"
    assert_same(reference(3, rates=LEARNING_RATES), outcome(session))
    session.train(epochs=1).wait(60)
    assert session.wait(60)
    assert_same(reference(4, rates=LEARNING_RATES), outcome(session))
    state = session.call(MainLoop.state_dict).wait(60)
    loop = build()
    loop.load_state_dict(state)
    assert loop.status["epochs_done"] == 4


@pytest.mark.parametrize("size", [2, 3])
def test_a_run_can_be_paused_at_any_moment(start, size):
    session = start(build("momentum", 60, Pace(0.001)), processes=size)
    chance = random.Random(2)
    for _ in range(6):
        after = session.log.status["iterations_done"] + chance.randrange(9)
        until(lambda at=after: session.log.status["iterations_done"] >= at)
        session.pause().wait(60)
        assert session.state is State.PAUSED
        assert session.call(lambda loop: loop.is_running).wait(60)
        session.resume().wait(60)
    session.stop().wait(60)
    assert session.wait(60)
    done = session.log.status["iterations_done"]
    whole = reference(60)["records"]["cost"]
    np.testing.assert_allclose(costs(session.log), whole[:done], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("size", [2, 3])
def test_a_rate_can_be_set_at_any_moment(start, size):
    session = start(build("momentum", MANY, Pace(0.002)), processes=size)
    chance, last = random.Random(size), 0
    for rate in (0.02, 0.08, 0.03, 0.07, 0.04):
        after = last + 1 + chance.randrange(9)
        until(lambda at=after: session.log.status["iterations_done"] >= at, timeout=60)
        command = session.set("learning_rate", rate)
        command.wait(60)
        last = command.iteration
    until(lambda: session.log.status["iterations_done"] >= last + 5, timeout=60)
    session.stop().wait(60)
    assert session.wait(60)
    changes = [one for one in session.interventions if one["command"] == "set"]
    rates = {one["iteration"]: one["value"] for one in changes}
    assert len(rates) == 5 and last == max(rates)
    found = costs(session.log)
    epochs = 1 + session.log.status["epochs_done"]
    whole = reference(epochs, rates=rates)["records"]["cost"]
    np.testing.assert_allclose(found, whole[: len(found)], rtol=1e-6, atol=1e-6)


def rewind_and_undo(session):
    """Check that the numbers after a rewind are those of the first time; return the first batch."""
    first = session.log.status["iterations_done"]
    session.step(7).wait(60)
    paused_at(session, first + 7)
    before = costs(session.log)
    session.rewind(first + 3).wait(60)
    paused_at(session, first + 3)
    session.set("learning_rate", 0.5).wait(60)
    session.step(2).wait(60)
    paused_at(session, first + 5)
    session.undo().wait(60)
    paused_at(session, first + 3)
    session.step(4).wait(60)
    paused_at(session, first + 7)
    np.testing.assert_array_equal(costs(session.log), before)
    return first


def fork(session, iteration):
    """Fork a session from the branch that it left, and end the fork."""
    fork = session.fork(iteration, branch="branch 1")
    try:
        paused_at(fork, iteration)
        assert len(fork.processes) == len(session.processes)
    finally:
        fork.close()


def test_it_rewinds_undoes_and_forks(pair):
    fork(pair, rewind_and_undo(pair) + 5)


@pytest.mark.parametrize("way", jobs.WAYS)
def test_three_processes_rewind_and_are_replayed(start, way):
    rules = [ZeRO1(Adam(0.002)) if way == "zero1" else "adam" for _ in range(2)]
    loops = [build(rule) for rule in rules]
    for loop in loops:
        loop.algorithm.distributed = jobs.WAYS[way]()
    session, again = (start(loop, processes=3, paused=True) for loop in loops)
    rewind_and_undo(session)
    fork(session, 5)
    again.replay(session)
    again.step(7).wait(60)
    paused_at(again, 7)
    np.testing.assert_array_equal(costs(again.log), costs(session.log))


@pytest.mark.parametrize("way", jobs.WAYS)
def test_a_fork_has_the_numbers_of_its_origin(start, way):
    """It starts at a snapshot whose buffers and parameters are not those of the beginning."""
    loop = build(ZeRO1(Adam(0.002)) if way == "zero1" else "adam")
    loop.algorithm.distributed = jobs.WAYS[way]()
    session = start(loop, processes=2, paused=True)
    session.step(4).wait(60)
    paused_at(session, 4)
    session.snapshot().wait(60)
    session.step(4).wait(60)
    paused_at(session, 8)
    fork = session.fork(6)
    try:
        paused_at(fork, 6)
        assert_same_at(8, session, fork)
        fork.rewind(5).wait(60)
        paused_at(fork, 5)
        assert_same_at(8, session, fork)
    finally:
        fork.close()


def assert_same_at(iteration, session, other):
    """Move a run on to another one; assert that costs, parameters and buffers are bitwise equal."""
    other.step(iteration - other.log.status["iterations_done"]).wait(60)
    paused_at(other, iteration)
    np.testing.assert_array_equal(costs(other.log), costs(session.log))
    ours, theirs = (one.call(MainLoop.state_dict).wait(60) for one in (session, other))
    for part in ("parameters", "variables"):
        assert ours[part].keys() == theirs[part].keys()
        assert all(torch.equal(value, theirs[part][name]) for name, value in ours[part].items())
    assert any(name.endswith("W_mean") for name in ours["variables"])


def test_a_command_that_is_refused_says_why(pair):
    with pytest.raises(errors.SessionError, match="this run has no variable 'learning_rat'"):
        pair.set("learning_rat", 1.0)
    again = pair.pause()
    assert again.wait(60) is None and again.unchanged
    with pytest.raises(errors.SessionError, match="ZeroDivisionError"):
        pair.call(lambda loop: 1 / 0).wait(60)
    done = pair.log.status["iterations_done"]
    pair.step(2).wait(60)
    paused_at(pair, done + 2)


def test_probes_do_not_disturb_the_others(pair):
    done = pair.log.status["iterations_done"]
    assert pair.probe().wait(60)["/mlp/linear_0.W"].shape == (8, 6)
    pair.step(5)
    probe = pair.probe(steps=True)
    probe.wait(60)
    paused_at(pair, done + 5)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_run_of_three_continues_with_another_number_of_processes(start, size):
    session = start(build(ZeRO1(Adam(0.002)), 4), processes=3, paused=True)
    session.step(8).wait(60)
    paused_at(session, 8)
    session.set("learning_rate", 0.004).wait(60)
    until(lambda: session._link.facts.get("kept") is not None)
    killed = size - 1
    os.kill(session.processes[killed], signal.SIGKILL)
    with pytest.raises(errors.ProcessError, match=f"process {killed} of 3 in .* signal SIGKILL"):
        session.wait(60)
    began = session.restart(processes=size)
    assert began <= 8
    assert session.wait(60)
    assert len(session.processes) == size
    rates = {8: 0.004} if any(i["command"] == "set" for i in session.interventions) else {}
    assert_same(reference(4, Adam(0.002), rates), outcome(session))


@pytest.mark.parametrize("kind, size", [("scheme", 3), ("loader", 1)])
def test_a_file_is_read_on_by_another_number_of_processes(start, tmp_path, kind, size):
    """The run of two processes ends in the middle of an epoch."""
    write_hdf5(tmp_path / "data.hdf5", {"all": jobs.examples()})
    one, loop = build(epochs=2), build(epochs=2)
    for each in (one, loop):
        each.data_stream = jobs.data_in(tmp_path / "data.hdf5", kind)
    one.run()
    session = start(loop, processes=2, paused=True)
    session.step(3).wait(60)
    paused_at(session, 3)
    session.stop().wait(60)
    assert session.wait(60)
    assert session.restart(processes=size) == 3
    assert session.wait(60)
    assert_same(jobs.outcome(one), outcome(session))


@pytest.mark.slow
@pytest.mark.parametrize("size, kills", [(2, 20), (3, 21)])
def test_processes_can_be_killed_at_any_moment(start, size, kills):
    chance = random.Random(1)
    session = start(build("momentum", 10_000, OftenKept(0.005)), processes=size)
    ranks = [*range(size)] * (kills // size)
    chance.shuffle(ranks)
    began = [0]
    for place, killed in enumerate(ranks):
        if place % 2 == 0:  # otherwise, on a busy machine, every kill comes before a new snapshot
            until(lambda: (session._link.facts["kept"] or 0) > began[-1], timeout=60)
        assert not session.wait(chance.uniform(0, 0.3))
        os.kill(session.processes[killed], signal.SIGKILL)
        until(lambda: session.state is State.FAILED, timeout=60)
        said = str(session.exception)
        assert f"process {killed} of {size}" in said and "SIGKILL" in said
        began.append(session.restart())
    assert began == sorted(began) and len(set(began)) > kills // 2
    until(lambda: session.log.status["iterations_done"] > began[-1], timeout=60)
    session.stop()
    assert session.wait(60)
    found = costs(session.log)
    assert len(found) == session.log.status["iterations_done"] > began[-1]
    whole = reference(1 + session.log.status["epochs_done"])["records"]["cost"]
    np.testing.assert_allclose(found, whole[: len(found)], rtol=1e-6, atol=1e-6)


@pytest.mark.slow
def test_compiled_steps_have_the_numbers_of_one_process(start):
    session = start(build(epochs=1, execution="compiled"), processes=2, paused=True)
    session.step(3).wait(200)
    until(lambda: session.log.status["iterations_done"] == 3, timeout=200)
    paused_at(session, 3)
    assert session.execution["tier"] == "compiled"
    session.set("learning_rate", 0.02).wait(60)
    session.resume()
    assert session.wait(200)
    assert_same(reference(1, rates={3: 0.02}), outcome(session))


def test_steps_that_are_eager_by_default_say_why(start):
    session = start(build(epochs=1, execution=None), processes=2, paused=True)
    session.step(2).wait(60)
    paused_at(session, 2)
    assert session.execution == {"tier": "eager", "reason": f"eager: {TOGETHER}"}
    assert 'execution="compiled"' in TOGETHER


def test_dropout_and_shares_of_unequal_size(start):
    cost = jobs.dropped(jobs.cost_of_mlp())
    session = start(build(epochs=2, cost=cost), processes=3)
    assert session.wait(60)
    assert_same(reference(2, cost=jobs.dropped(jobs.cost_of_mlp())), outcome(session))


def test_an_error_in_one_process_is_known_with_its_traceback(start, capsys):
    session = start(build("momentum", 9, jobs.Trouble("raise", 1, 4)), processes=2)
    with pytest.raises(errors.ProcessError, match="process 1 of 2.*no more memory for this"):
        session.wait(60)
    session._link.outputs.show()
    assert "[process 1] ValueError: no more memory for this" in capsys.readouterr().out


def test_only_gradient_descent_can_be_divided():
    from tests.live.runs import make_loop

    with pytest.raises(errors.ProcessError, match="2 processes cannot train this main loop"):
        make_loop().start(processes=2)


def test_an_axis_that_was_given_is_kept(start):
    loop = build(epochs=1)
    loop.algorithm.distributed = DataParallel(axis={"targets": 0})
    session = start(loop, processes=2)
    assert session.wait(60)
    assert_same(reference(1), outcome(session))


def test_the_kind_and_the_statistics_of_a_division_are_kept(start):
    loop = build(epochs=1)
    loop.algorithm.distributed = ShardedDataParallel(statistics="share")
    session = start(loop, processes=2, paused=True)
    given = session.call(lambda loop: loop.algorithm.distributed.statistics).wait(60)
    assert given == "share"
    session.resume()
    assert session.wait(60)
    assert "parameters are divided among the processes" in session.log[0]["distributed"]
    np.testing.assert_allclose(costs(session.log), reference(1)["records"]["cost"], rtol=1e-5)


def test_a_run_with_divided_parameters_is_saved_and_loaded_by_another(start, tmp_path):
    loops = [build("adam", 2), build("adam", 2)]
    for loop in loops:
        loop.algorithm.distributed = ShardedDataParallel()
    session = start(loops[0], processes=3, paused=True)
    session.step(4).wait(60)
    paused_at(session, 4)
    session.save(tmp_path / "run.tar").wait(60)
    again = start(loops[1], processes=2, paused=True)
    again.load(tmp_path / "run.tar").wait(60)
    for one in (session, again):
        one.resume()
        assert one.wait(60)
    np.testing.assert_allclose(costs(again.log), costs(session.log), rtol=1e-6)


def test_one_process_writes_the_file_and_all_or_none_refuse(pair, tmp_path):
    pair.save(tmp_path / "good.tar").wait(60)
    assert pair.log[pair.log.status["iterations_done"]]["saved_to"][-1].endswith("good.tar")
    file = tmp_path / "a file"
    file.write_text("")
    with pytest.raises(errors.SessionError, match="a file"):
        pair.save(file / "bad.tar").wait(60)
    done = pair.log.status["iterations_done"]
    pair.load(tmp_path / "good.tar").wait(60)
    pair.step(2).wait(60)
    paused_at(pair, done + 2)


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="no /proc")
def test_a_stopped_process_is_named(start, monkeypatch, caplog):
    monkeypatch.setattr("workbench.session.remote.failures.SILENT", 0.2)
    session = start(processes=2)
    pid = session.processes[1]
    os.kill(pid, signal.SIGSTOP)
    until(lambda: session.note.startswith(f"process 1 of 2 (pid {pid}) is stopped, and has not"))
    assert f"(pid {pid}) is stopped" in caplog.text
    os.kill(pid, signal.SIGCONT)
    until(lambda: session.note == "")
    assert session.pause().wait(60) is None
