"""A run in another process: the numbers of a run in a thread, and every command of a session."""

import gc
import os
import signal
import stat
import sys
import weakref

import numpy as np
import pytest
import torch
from onnx.reference import ReferenceEvaluator

import workbench
from tests.distributed.test_data_parallel import assert_same
from tests.support import ranks_training as jobs
from tests.support.forked_runs import build, costs, outcome
from tests.support.waiting import paused_at, until
from workbench import errors, interfaces
from workbench._settings import Settings
from workbench.algorithms import Scale
from workbench.distributed import ProcessGroup
from workbench.extensions import FinishAfter, TrainingExtension
from workbench.interfaces import State
from workbench.main_loop import MainLoop
from workbench.session.remote import job


class Bad(TrainingExtension):
    """Extension that fails in the third batch."""

    def after_batch(self, batch):
        print("a batch")
        if self.main_loop.status["iterations_done"] == 3:
            raise ValueError("the third batch is bad")


def reference(epochs=2):
    loop = build(epochs=epochs)
    loop.run()
    return jobs.outcome(loop)


def leave_garbage(loop):
    class Cycle:
        pass

    cycle = Cycle()
    cycle.itself = cycle
    sys.left = weakref.ref(cycle)
    del cycle
    gc.freeze()


def test_collections_of_garbage_skip_what_exists_before_training(start, tmp_path):
    """A full collection stops all threads, so that a command would take longer."""
    session = start(paused=True)
    assert session.call(lambda loop: gc.get_freeze_count()).wait(60) > 10_000
    session.save(tmp_path / "run.tar").wait(60)
    session.call(leave_garbage).wait(60)
    session.load(tmp_path / "run.tar").wait(60)  # the earlier model is then collected
    alive, frozen = session.call(lambda loop: (sys.left() is not None, gc.get_freeze_count())).wait(
        60
    )
    assert not alive and frozen > 10_000


def test_the_numbers_are_those_of_a_run_here(start):
    loop = build(epochs=2)
    loop.status["note"] = "before the start"
    before = [p.get_value() for p in loop.algorithm.parameters]
    session = start(loop)
    assert isinstance(session, interfaces.Session)
    assert session.wait(60)
    assert session.state is State.FINISHED
    assert_same(reference(), outcome(session))
    assert session.processes != [os.getpid()]
    assert session.log.status["note"] == "before the start"
    # the main loop here is as it was, and can take over the result
    assert loop.status["iterations_done"] == 0
    for parameter, value in zip(loop.algorithm.parameters, before, strict=True):
        np.testing.assert_array_equal(parameter.get_value(), value)
    session.train(epochs=1)
    assert session.wait(60)
    assert session.log.status["epochs_done"] == 3


def test_the_prediction_is_sent_from_the_other_process(shared_run):
    features = jobs.examples(4)["features"]
    found = shared_run.prediction().eval({"features": features})
    np.testing.assert_allclose(found, shared_run.predict(features), rtol=1e-6)


def test_the_process_writes_an_onnx_file(shared_run, tmp_path):
    shared_run.to_onnx(tmp_path / "elsewhere.onnx")
    batch = next(jobs.stream().get_epoch_iterator(as_dict=True))
    model = ReferenceEvaluator(str(tmp_path / "elsewhere.onnx"))
    (found,) = model.run(None, {"features": np.asarray(batch["features"], "float32")})
    np.testing.assert_allclose(found, shared_run.predict(batch), atol=1e-5)


def test_a_module_of_torch_is_sent_from_the_other_process(shared_run):
    batch = next(jobs.stream().get_epoch_iterator(as_dict=True))
    with torch.no_grad():
        found = shared_run.to_torch().eval()(torch.as_tensor(batch["features"]).float())
    np.testing.assert_allclose(found, shared_run.predict(batch), atol=1e-5)


def test_the_state_can_be_taken_over(shared_run):
    state = shared_run.call(MainLoop.state_dict).wait(60)
    loop = build()
    loop.load_state_dict(state)
    assert loop.status["iterations_done"] == shared_run.log.status["iterations_done"]
    for name, value in shared_run.probe().wait(60).items():
        np.testing.assert_array_equal(loop.state_variables()[0][name].get_value(), value)


def test_it_pauses_steps_and_sets(shared_run):
    session = shared_run
    done = session.log.status["iterations_done"]
    command = session.step(3)
    command.wait(60)
    assert command.state == f"started at iteration {done:,}"
    assert (session.state, session.log.status["iterations_done"]) == ("paused", done + 3)
    assert done + 3 in session.log.channel("cost").index
    session.set("learning_rate", 0.03).wait(60)
    [rate] = [one for one in session.hyperparameters if one.name == "learning_rate"]
    assert rate.value == pytest.approx(0.03)
    assert session.interventions[-1]["command"] == "set"
    assert session.describe("learning_rate").value == pytest.approx(0.03)
    again = session.pause()
    assert again.wait(60) is None and again.unchanged
    with pytest.raises(errors.SessionError, match="this run has no variable 'learning_rat'"):
        session.set("learning_rat", 1.0)


def test_it_rewinds_and_undoes(shared_run):
    session = shared_run
    first = session.log.status["iterations_done"]
    session.step(6).wait(60)
    paused_at(session, first + 6)
    before = costs(session.log)
    session.rewind(first + 4).wait(60)
    paused_at(session, first + 4)
    assert [branch.end for branch in session.branches[-2:]] == [first + 6, None]
    np.testing.assert_array_equal(costs(session.log), before[: first + 4])
    session.step(2).wait(60)
    paused_at(session, first + 6)
    np.testing.assert_array_equal(costs(session.log), before)
    np.testing.assert_array_equal(costs(session.branches[-2].log), before)
    session.set("learning_rate", 0.5).wait(60)
    session.undo().wait(60)
    assert session.describe("learning_rate").value != 0.5
    session.branches[-1].name = "mine"
    assert session.call(lambda loop: loop.session.branches[-1].name).wait(60) == "mine"
    assert session.snapshots[-1].branch is session.branches[-1]


def test_values_of_another_process(shared_run):
    session = shared_run
    bricks, _ = session.model_tree
    assert {bricks["type"], _["type"]} == {"MLP", "Softmax"}
    assert session.variables["/mlp/linear_0.W"]["shape"] == (8, 6)
    assert list(session.training_examples["indices"]) == list(range(jobs.EXAMPLES))
    probe = session.probe(["/mlp/linear_0.W"], batch=True)
    assert probe.wait(60)["/mlp/linear_0.W"].shape == (8, 6)
    assert probe.batch["features"].shape == (jobs.BATCH, 8)
    assert session.planned["epochs"] == 10_000
    assert session.execution["tier"] == "eager"
    with pytest.raises(errors.SessionError, match="this run has no variable 'nothing'"):
        session.probe(["nothing"])


def test_a_function_is_called_after_the_end(start):
    session = start(build(epochs=1))
    assert session.wait(60)
    assert session.call(lambda loop: loop.status["epochs_done"]).wait(60) == 1
    with pytest.raises(errors.SessionError, match="ZeroDivisionError"):
        session.call(lambda loop: 1 / 0).wait(60)


def test_predictions_and_evaluations_of_another_process(shared_run):
    loop = build()
    loop.load_state_dict(shared_run.call(MainLoop.state_dict).wait(60))
    here = loop.start(paused=True)
    batch = next(jobs.stream().get_epoch_iterator(as_dict=True))
    np.testing.assert_allclose(shared_run.predict(batch), here.predict(batch), rtol=1e-6)
    assert shared_run.evaluate(batch, "cost") == pytest.approx(here.evaluate(batch, "cost"))
    here.stop()
    best = shared_run.best("cost")
    assert best.value == min(costs(shared_run.log))
    assert shared_run.log[best.iteration]["cost"] == best.value
    with pytest.raises(errors.SessionError, match="was not started by fit"):
        shared_run.recipe()


def test_a_fork_trains_in_a_process_of_its_own(shared_run):
    session = shared_run
    done = session.log.status["iterations_done"]
    fork = session.fork(name="a fork")
    try:
        paused_at(fork, done)
        assert fork.processes != session.processes
        np.testing.assert_array_equal(costs(fork.log), costs(session.log))
        fork.step(2).wait(60)
        session.step(2).wait(60)
        paused_at(fork, done + 2)
        paused_at(session, done + 2)
        np.testing.assert_array_equal(costs(fork.log), costs(session.log))
    finally:
        fork.close()


def test_functions_travel_and_their_results_too(shared_run):
    factor = 3
    assert shared_run.call(lambda loop: factor * 2).wait(60) == 6
    with pytest.raises(errors.SessionError, match="ZeroDivisionError"):
        shared_run.call(lambda loop: 1 / 0).wait(60)
    with pytest.raises(errors.SessionError, match="its result cannot be sent to this process"):
        shared_run.call(lambda loop: loop.session).wait(60)


def test_a_variable_of_the_main_loop_here_stands_for_its_copy(start):
    loop = build(Scale(0.1))
    session = start(loop, paused=True)
    session.set(loop.algorithm.step_rule.learning_rate, 0.2).wait(60)
    assert session.describe("learning_rate").value == pytest.approx(0.2)
    assert float(loop.algorithm.step_rule.learning_rate.get_value()) == pytest.approx(0.1)


def test_an_error_is_raised_here_with_its_traceback(start, capsys):
    session = start(build("momentum", 2, Bad()))
    with pytest.raises(ValueError, match="the third batch is bad") as caught:
        session.wait(60)
    assert 'raise ValueError("the third batch is bad")' in caught.value.__notes__[-1]
    assert session.state is State.FAILED
    assert session.log.status["iterations_done"] == 3
    session._link.outputs.show()
    assert capsys.readouterr().out.count("a batch") == 3


def test_a_killed_process_is_known_and_the_run_continues_with_the_same_numbers(start):
    session = start(build(epochs=4), paused=True)
    session.step(7).wait(60)
    paused_at(session, 7)
    until(lambda: session._link.facts.get("kept") is not None)
    os.kill(session.processes[0], signal.SIGKILL)
    with pytest.raises(errors.ProcessError) as caught:
        session.wait(60)
    said = str(caught.value)
    assert f"process 0 of 1 in {session.name!r} (pid {session.processes[0]}) ended" in said
    assert "it was killed by the signal SIGKILL" in said
    assert "session.restart() continues from the snapshot of iteration" in said
    assert session.state is State.FAILED
    assert session.log.status["iterations_done"] == 7
    with pytest.raises(
        errors.SessionError, match="have ended, so they cannot answer; call restart"
    ):
        session.resume().wait(60)
    assert session.restart() <= 7
    assert session.wait(60)
    assert_same(reference(4), outcome(session))


def test_another_connection_has_the_whole_curve(shared_run):
    folder = shared_run._folder
    workbench.session.remote.lifecycle.SESSIONS.pop(str(folder.path))  # as in another kernel
    try:
        for given in ("shared run", shared_run._run["database"]):
            other = workbench.attach(given)
            assert other is not shared_run and other.name == shared_run.name
            np.testing.assert_array_equal(costs(other.log), costs(shared_run.log))
            assert [c.text for c in other.commands] == [c.text for c in shared_run.commands]
            done = other.log.status["iterations_done"]
            other.step().wait(60)
            paused_at(shared_run, done + 1)
            other.close()
            assert shared_run.call(lambda loop: 1).wait(60) == 1
            workbench.session.remote.lifecycle.SESSIONS.pop(str(folder.path))
            del other
            gc.collect()
    finally:
        workbench.session.remote.lifecycle.SESSIONS[str(folder.path)] = shared_run


def test_the_list_of_sessions_has_it(shared_run):
    assert workbench.sessions()["shared run"] is shared_run
    with pytest.raises(errors.SessionError, match="another running session is named 'shared run'"):
        build().start(detached=True, name="shared run")


def test_only_the_user_can_read_the_folder(shared_run):
    folder = shared_run._folder.path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in (*folder.glob("*.pkl"), *folder.glob("*.json")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_wrong_arguments(start):
    loop = build()
    with pytest.raises(errors.ArgumentError, match="processes must be a positive integer"):
        loop.start(processes=0)
    known = "launcher must be 'local', 'torchrun', 'ray', or an object"
    with pytest.raises(errors.ArgumentError, match=known):
        loop.start(processes=2, launcher="elsewhere")
    with pytest.raises(errors.ArgumentError, match="linger must be a non-negative number"):
        loop.start(detached=True, linger=-1)
    with pytest.raises(errors.SessionError, match="no run named 'elsewhere'"):
        workbench.attach("elsewhere")
    loop.extensions.append(_Unpicklable())
    with pytest.raises(errors.ProcessError, match="a part of it cannot be pickled"):
        loop.start(detached=True)


class _Unpicklable(TrainingExtension):
    def __getstate__(self):
        raise TypeError("it holds a file")


def test_a_process_that_does_not_start_shows_its_output(start):
    with pytest.raises(errors.ProcessError, match=r"(?s)could not start.*no such class here"):
        start(build("momentum", 2, _Unloadable()))


class _Unloadable(TrainingExtension):
    def __setstate__(self, state):
        raise ImportError("no such class here")


class Counting:
    """Algorithm that only counts batches."""

    batches = 0

    def initialize(self):
        pass

    def process_batch(self, batch):
        self.batches += 1


def test_a_trained_algorithm_of_ones_own_travels_with_its_state(tmp_path):
    loop = MainLoop(Counting(), jobs.stream(), extensions=[FinishAfter(after_n_epochs=1)])
    loop.run()
    data, database = job.pack(loop, processes=1), str(tmp_path / "runs.sqlite")
    copy, _ = job.unpack(data, ProcessGroup(), database, trusted=True)
    assert 0 < loop.algorithm.batches == copy.algorithm.batches


def test_a_closed_run_whose_processes_have_ended_is_over(start):
    session = start(paused=True, name="closed")
    session.close()
    assert session.state is State.STOPPED and session.wait(0)
    assert "closed" not in workbench.session.running()


def test_processes_take_every_setting_but_those_of_the_notebook_itself():
    own = {"blocks_path", "runs_path", "log_backend", "sqlite_database", "full_tracebacks"}
    assert set(Settings.model_fields) - set(job.SETTINGS) == own
