"""Faults around a run: after each, its state is clear and nothing is lost."""

import multiprocessing
import threading
import uuid

import pytest
import torch

from extensions_live import Controls, Plot
from extensions_live.requests import Requests
from tests.support import full_disk, runs
from tests.support.fakes import FakeAlgorithm, make
from workbench.algorithms import GradientDescent
from workbench.errors import AlgorithmError, AlreadyTrainingError, UnknownAttributeError
from workbench.extensions import FinishAfter, TrainingExtension
from workbench.interfaces import State
from workbench.log import SQLiteLog
from workbench.main_loop import MainLoop
from workbench.tensor.execution import policy

SOON = 300  # a machine that does much else may be slow


pytestmark = pytest.mark.usefixtures("no_session_is_left")


@pytest.fixture
def paused():
    session = runs.build(20).start(paused=True)
    session.snapshot().wait(SOON)
    return session


class Failing(TrainingExtension):
    """An extension that raises after a number of batches."""

    def __init__(self, at, error):
        super().__init__()
        self.at = at
        self.error = error

    def after_batch(self, batch):
        if self.main_loop.status["iterations_done"] == self.at:
            raise self.error


def test_an_extension_that_raises_ends_the_run_which_can_continue():
    main_loop = runs.build(20)
    main_loop.extensions.append(Failing(7, KeyError("oops")))
    session = main_loop.start()
    with pytest.raises(KeyError, match="oops"):
        session.wait(SOON)
    assert session.state is State.FAILED
    assert session.log.status["training_error"] == "KeyError: 'oops'"
    del main_loop.extensions[-1]
    session.train(batches=13).wait(SOON)
    assert session.wait(SOON)
    plain = runs.build(20)
    plain.run()
    assert main_loop.log.channel("cost").tolist() == plain.log.channel("cost").tolist()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("no memory"),
        RuntimeError("out of memory"),
        torch.OutOfMemoryError("CUDA out of memory"),
    ],
)
def test_a_thread_without_memory_leaves_a_log_and_a_state(error):
    session = make(algorithm=FakeAlgorithm(errors={3: error})).start()
    with pytest.raises(type(error), match="memory"):
        session.wait(SOON)
    assert (session.state, session.log.status["iterations_done"]) == (State.FAILED, 2)
    assert session.train(batches=2).wait(SOON) is None
    assert session.wait(SOON)
    assert session.log.status["iterations_done"] == 4


def test_a_view_that_raises_leaves_training_and_other_views_alone(hand_pump, wire, monkeypatch):
    session = runs.build(20, Plot(channels=["cost"])).start(paused=True)
    session.snapshot().wait(SOON)  # carried out in the pause
    broken, sound = Controls(session), Controls(session)
    monkeypatch.setattr(broken, "snapshot", lambda session: 1 / 0)
    hand_pump.serve(broken)
    hand_pump.serve(sound)
    session.resume()
    assert session.wait(SOON)
    assert broken.problem == "ZeroDivisionError: division by zero"
    assert (sound.problem, sound.payload["state"]) == ("", "paused")


def test_a_full_disk_under_log_and_checkpoint_loses_nothing(tmp_path):
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("forkserver").Process(
        target=full_disk.train, args=(str(tmp_path), there)
    )
    process.start()
    assert here.poll(150)
    assert here.recv() == (True, "finished", full_disk.LENGTH, full_disk.LENGTH + 1)
    assert here.poll(SOON)
    written = SQLiteLog(tmp_path / "runs.sqlite", uuid=uuid.UUID(here.recv()))
    process.join(SOON)
    assert len(written) == full_disk.LENGTH + 1
    assert written.channel("cost").count() == full_disk.LENGTH
    saved = written.latest()["saved_to"]
    assert not (tmp_path / "run.tar").exists() and saved is not None


def test_a_cell_that_runs_again_gets_the_running_session(paused, capsys):
    assert paused.main_loop.start() is paused
    assert "already training this main loop" in capsys.readouterr().err
    with pytest.raises(AlreadyTrainingError, match="trained by session-[0-9]+, which continues"):
        MainLoop(paused.main_loop.algorithm, [{}]).start()
    assert paused.state is State.PAUSED


def test_a_model_edited_while_paused_trains_with_the_edit(paused):
    parameter = paused.main_loop.algorithm.parameters[0]
    changed = 2 * parameter.get_value()
    parameter.set_value(changed)
    assert (parameter.get_value() == changed).all()
    paused.resume()
    assert paused.wait(SOON)
    assert paused.log.status["iterations_done"] == 20


def test_an_edit_that_could_have_no_effect_is_refused_while_paused(paused):
    algorithm = paused.main_loop.algorithm
    with pytest.raises(AlgorithmError, match="already part of the training step"):
        algorithm.cost = algorithm.total_gradient_norm
    with pytest.raises(UnknownAttributeError, match="no attribute 'learning_rat'"):
        algorithm.step_rule.learning_rat = 0.1
    paused.resume()
    assert paused.wait(SOON)


def test_two_views_with_conflicting_commands_settle_all_of_them():
    session = make().start()

    def click(*names):
        requests = Requests()
        for _ in range(20):
            for name in names:
                requests.handle(session, {"kind": "command", "name": name})

    views = [threading.Thread(target=click, args=pair) for pair in (("pause",), ("resume",))]
    for view in views:
        view.start()
    for view in views:
        view.join(SOON)
    session.resume()
    session.stop().wait(SOON)
    assert session.wait(SOON)
    assert all(command.done for command in session.commands)
    assert len({command.id for command in session.commands}) == len(session.commands) == 42
    states = {command.state.split()[0] for command in session.commands}
    assert states <= {"applied", "refused:"}


@pytest.mark.slow
def test_a_hundred_thousand_commands_all_have_an_outcome():
    session = make(FinishAfter(after_n_epochs=5)).start(paused=True)
    done = []
    commands = [session.call(lambda _, i=i: done.append(i)) for i in range(100_000)]
    session.resume()
    assert session.wait(SOON)
    assert done == list(range(100_000))
    assert all(command.iteration == 0 for command in commands)
    assert len(session.interventions) == 100_002  # the first is the pause


class Compiler:
    """The maker of the compiled tier, which begins to compile only when `go_on` is set."""

    def __init__(self):
        self.inside, self.go_on = threading.Event(), threading.Event()
        self.make = policy.TIERS["compiled"]

    def __call__(self, *args, **kwargs):
        self.inside.set()
        assert self.go_on.wait(SOON)
        return self.make(*args, **kwargs)


@pytest.fixture
def compiler(monkeypatch):
    compiler = Compiler()
    monkeypatch.setitem(policy.TIERS, "compiled", compiler)
    for name, value in [("SECONDS", 0.0), ("SECONDS_AN_OPERATION", 0.0), ("SAMPLE_EVERY", 1)]:
        monkeypatch.setattr(policy, name, value)
    yield compiler
    compiler.go_on.set()


def without_monitors(execution):
    """Return a main loop that only its training step can compile, and that has no end."""
    main_loop = runs.build(None)
    main_loop.extensions.clear()
    main_loop.algorithm.function_kwargs = {"execution": execution}
    return main_loop


def test_a_stop_during_compilation_ends_the_run(compiler):
    session = without_monitors("compiled").start()
    assert compiler.inside.wait(SOON)
    stop = session.stop()
    assert not stop.done  # the first batch waits for its program
    compiler.go_on.set()
    stop.wait(SOON)
    assert session.wait(SOON)
    assert session.state is State.FINISHED
    assert session.log.status["iterations_done"] == 1
    assert session.execution["tier"] == "compiled"


def test_a_stop_does_not_wait_for_a_compilation_in_the_background(compiler):
    session = without_monitors("auto").start()
    assert compiler.inside.wait(SOON)
    session.stop().wait(SOON)
    assert session.wait(SOON)
    assert (session.state, session.execution["tier"]) == (State.FINISHED, "eager")
    compiler.go_on.set()
    session.main_loop.algorithm.execution.thread.join(SOON)
    session.train(batches=1).wait(SOON)
    assert session.wait(SOON)
    assert session.execution["tier"] == "compiled"


memory = {"left": -1}
"""The number of further calls of `fragile` for which there is memory; negative if unlimited."""


@torch.library.custom_op("tests_live::fragile", mutates_args=())
def fragile(x: torch.Tensor) -> torch.Tensor:
    memory["left"] -= 1
    if memory["left"] == -1:
        raise torch.OutOfMemoryError("CUDA out of memory")
    return x.clone()


fragile.register_fake(torch.empty_like)
fragile.register_autograd(lambda ctx, gradient: gradient)


@pytest.mark.parametrize("execution", ["eager", "compiled"])
@pytest.mark.parametrize("again", ["rewind", "train"])
def test_a_step_without_memory_changes_nothing(execution, again):
    def algorithm(cost, parameters, rule):
        options = {"execution": execution}
        fragile_cost = torch.ops.tests_live.fragile(cost)
        return GradientDescent(
            cost=fragile_cost, parameters=parameters, step_rule=rule, function_kwargs=options
        )

    plain, main_loop = (runs.build(20, algorithm=algorithm) for _ in range(2))
    if again == "rewind":
        plain.run()
    else:  # training goes on after the batch that failed
        plain.run(batches=7)
        next(plain.epoch_iterator)
        plain.run(batches=13)
    memory["left"] = 7
    session = main_loop.start()
    with pytest.raises(torch.OutOfMemoryError, match="out of memory"):
        session.wait(SOON)
    assert (session.state, session.log.status["iterations_done"]) == (State.FAILED, 7)
    if again == "rewind":
        session.rewind(7).wait(SOON)
        session.resume()
    else:
        session.train(batches=13).wait(SOON)
    assert session.wait(SOON)
    runs.assert_same(main_loop, plain)
