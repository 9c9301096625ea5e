"""Sessions: commands, states, errors, and leases of what is trained."""

import contextvars
import copy
import ctypes
import gc
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import weakref
from datetime import datetime, timedelta
from unittest.mock import Mock

import cloudpickle
import numpy as np
import pytest
import torch

import workbench
from tests.support.fakes import FakeAlgorithm, GatedAlgorithm, Recorder, make
from workbench import interfaces, openmp
from workbench.bricks import MLP, Tanh, TorchModule
from workbench.errors import (
    AlreadyTrainingError,
    NotFiniteError,
    SessionError,
    SessionWarning,
    StateError,
    TrainingFinish,
)
from workbench.extensions import (
    CompositeExtension,
    FinishAfter,
    SimpleExtension,
    TrainingExtension,
)
from workbench.extensions.stopping import FinishIfNoImprovementAfter
from workbench.main_loop.lease import Lease
from workbench.session import Session, State
from workbench.session import running_sessions as sessions
from workbench.utils.actors import acting_as

SOON = 20  # seconds after which a test fails that still waits


@pytest.fixture(autouse=True)
def no_session_is_left():
    yield
    for session in sessions.running().values():
        session.stop()
        if isinstance(session.main_loop.algorithm, GatedAlgorithm):
            session.main_loop.algorithm.allowed.release(10**6)
        assert session._worker.ended.wait(SOON)


@pytest.fixture
def paused():
    """Start a session without an end, and pause it before the first batch."""

    def pause(main_loop):
        next(s for s in sessions.running().values() if s.main_loop is main_loop).pause()

    session = make(Recorder({"before_training": pause})).start()
    wait_until_paused(session)
    return session


def wait_until_paused(session):
    deadline = time.monotonic() + SOON
    while session.state is not State.PAUSED:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def done(session):
    return session.main_loop.status["iterations_done"]


def test_a_session_trains_to_the_end():
    session = make(FinishAfter(after_n_epochs=2)).start()
    assert session.wait(SOON) is True
    assert session.state is State.FINISHED
    assert session.main_loop.algorithm.seen == [1, 2, 3, 1, 2, 3]
    assert session.log is session.main_loop.log
    assert session.exception is None


def test_pausing_takes_effect_within_one_batch():
    algorithm = GatedAlgorithm()
    session = make(algorithm=algorithm).start()
    algorithm.arrived.acquire(timeout=SOON)
    command = session.pause()
    assert command.state == "queued"
    algorithm.allowed.release(10)
    command.wait(SOON)
    assert (session.state, done(session)) == (State.PAUSED, 1)
    assert command.state == "applied at iteration 1"


def test_everything_recorded_is_visible_while_paused():
    algorithm = GatedAlgorithm()
    monitor = SimpleExtension(after_batch=True)
    monitor.do = lambda *_: monitor.main_loop.log.current_row.update(cost=0.5)
    session = make(monitor, algorithm=algorithm).start()
    algorithm.arrived.acquire(timeout=SOON)
    command = session.pause()
    algorithm.allowed.release()
    command.wait(SOON)
    assert session.log.frame.cost.to_dict() == {1: 0.5}


def test_steps_are_so_many_batches(paused):
    for n, expected in ((1, 1), (3, 4), (5, 9)):
        paused.step(n).wait(SOON)
        assert done(paused) == expected


def test_a_step_while_running_ends_in_a_pause():
    session = make().start()
    command = session.step(5)
    command.wait(SOON)
    assert session.state is State.PAUSED
    assert done(session) == command.iteration + 5


def test_the_log_has_all_batches_of_a_step_that_was_waited_for():
    monitor = SimpleExtension(after_batch=True)
    monitor.do = lambda *_: monitor.main_loop.log.current_row.update(cost=0.5)
    session = make(monitor).start(paused=True)
    for n in (1, 2):
        session.step(n).wait(SOON)
    assert session.log.channel("cost").to_dict() == {1: 0.5, 2: 0.5, 3: 0.5}


def test_a_step_is_applied_before_it_ends():
    algorithm = GatedAlgorithm()
    session = make(algorithm=algorithm).start(paused=True)
    command = session.step(2)
    algorithm.arrived.acquire(timeout=SOON)
    assert (command.done, command.state) == (True, "started at iteration 0")
    with pytest.raises(TimeoutError, match="0.001 s for <step 2: started at iteration 0>"):
        command.wait(0.001)
    assert not command.ended
    algorithm.allowed.release(2)
    command.wait(SOON)
    assert command.ended and session.state is State.PAUSED


@pytest.mark.parametrize("other", ["pause", "resume", "stop"])
def test_a_step_ends_with_the_command_that_takes_over(paused, other):
    step = paused.step(10**9)
    paused.call(id).wait(SOON)
    getattr(paused, other)().wait(SOON)
    step.wait(SOON)
    assert step.state == "started at iteration 0"


def test_a_step_says_that_training_failed_within_it():
    def fail(main_loop):
        if main_loop.status["iterations_done"] == 2:
            raise NotFiniteError("nothing is finite")

    session = make(Recorder({"after_batch": fail})).start(paused=True)
    step = session.step(5)
    text = (
        "<step 5: started at iteration 0> did not finish, since training failed at "
        r"iteration 2: NotFiniteError: nothing is finite; session.wait\(\) raises the error"
    )
    with pytest.raises(SessionError, match=text) as caught:
        step.wait(SOON)
    assert isinstance(caught.value.__cause__, NotFiniteError)
    assert session.state is State.FAILED


def test_another_command_takes_over_from_a_step(paused):
    algorithm = paused.main_loop.algorithm
    paused.step(10**9)
    paused.call(id).wait(SOON)
    assert paused.state is State.RUNNING
    paused.pause().wait(SOON)
    before = len(algorithm.seen)
    paused.step(2).wait(SOON)
    assert len(algorithm.seen) == before + 2


def test_resuming_continues(paused):
    paused.resume().wait(SOON)
    assert paused.state is State.RUNNING
    paused.pause().wait(SOON)
    assert done(paused) >= 1


def test_stopping_is_an_interrupt_and_the_run_can_go_on():
    recorder = Recorder()
    session = make(recorder).start()
    session.step(2).wait(SOON)
    command = session.stop()
    assert session.wait(SOON)
    assert command.state == f"applied at iteration {done(session)}"
    assert recorder.events[-2:] == ["on_interrupt", "after_training"]
    assert session.log[done(session)]["training_finished"] is True
    again = session.main_loop.start()
    again.step(1).wait(SOON)
    assert again.name != session.name
    assert "on_resumption" in recorder.events


def test_stopping_shows_at_once():
    algorithm = GatedAlgorithm()
    session = make(algorithm=algorithm).start()
    algorithm.arrived.acquire(timeout=SOON)
    session.stop()
    assert session.state is State.STOPPING
    algorithm.allowed.release()
    assert session.wait(SOON)
    assert session.state is State.FINISHED


def test_waiting_may_time_out(paused):
    assert paused.wait(timeout=0.001) is False
    assert paused.state is State.PAUSED


def test_waiting_for_a_command_may_time_out():
    algorithm = GatedAlgorithm()
    session = make(algorithm=algorithm).start()
    algorithm.arrived.acquire(timeout=SOON)
    command = session.pause()
    with pytest.raises(TimeoutError, match="0.001 s for <pause: queued>, which is not done yet"):
        command.wait(timeout=0.001)


def test_the_thread_runs_in_a_copy_of_the_context():
    variable = contextvars.ContextVar("variable", default="nothing")
    variable.set("here")
    seen = []
    recorder = Recorder({"before_training": lambda m: seen.append(variable.get())})
    make(recorder, FinishAfter(after_n_batches=1)).start().wait(SOON)
    assert seen == ["here"]


def test_a_call_runs_in_the_thread_that_trains(paused):
    command = paused.call(lambda main_loop: (main_loop, threading.current_thread().name))
    assert command.wait(SOON) == (paused.main_loop, paused.name)
    assert command.state == "applied at iteration 0"


@pytest.mark.parametrize("save", [pickle.dumps, cloudpickle.dumps, copy.copy])
def test_a_session_cannot_be_saved(paused, save):
    text = r"<Session .*> has a thread.*save its main loop with the Checkpoint extension"
    with pytest.raises(StateError, match=text):
        save(paused)


def test_an_error_in_a_call_is_that_of_the_command(paused):
    command = paused.call(lambda main_loop: 1 / 0)
    with pytest.raises(SessionError, match="failed: ZeroDivisionError: division by zero") as caught:
        command.wait(SOON)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    paused.step().wait(SOON)
    assert paused.exception is None


def test_a_call_may_change_the_extensions(paused):
    recorder = Recorder()
    recorder.main_loop = paused.main_loop
    paused.call(lambda main_loop: main_loop.extensions.append(recorder)).wait(SOON)
    paused.step().wait(SOON)
    assert recorder.events == ["before_batch", "after_batch"]


def test_a_call_may_end_training(paused):
    def finish(main_loop):
        raise TrainingFinish

    paused.call(finish)
    assert paused.wait(SOON)
    assert paused.state is State.FINISHED


def test_setting_a_shared_variable(paused):
    rate = workbench.shared(0.5, "learning_rate")
    array = np.array([1.0, 2.0], dtype="float32")
    vector = workbench.shared(array, "vector")
    paused.set(rate, 0.25).wait(SOON)
    array += 1
    command = paused.set(vector, array)
    array += 10
    command.wait(SOON)
    assert rate.get_value() == 0.25
    assert vector.get_value().tolist() == [2.0, 3.0]
    assert [c.text for c in paused.commands[-2:]] == [
        "set learning_rate = 0.25",
        "set vector = [2. 3.]",
    ]


def test_a_value_that_does_not_fit_is_refused(paused):
    rate = workbench.shared(0.5, "learning_rate")
    command = paused.set(rate, [1.0, 2.0])
    with pytest.raises(SessionError, match="refused: ShapeError: set_value of learning_rate"):
        command.wait(SOON)
    assert rate.get_value() == 0.5


def test_interventions_are_recorded_where_they_took_effect(paused):
    rate = workbench.shared(0.5, "learning_rate")
    paused.set(rate, 0.25).wait(SOON)
    paused.step(2).wait(SOON)
    paused.call(lambda _: None).wait(SOON)
    pause, change, step = paused.log[0]["interventions"]
    moment = datetime.fromisoformat(pause["time"])
    untimed = {key: value for key, value in pause.items() if key != "time"}
    assert timedelta(0) <= datetime.now().astimezone() - moment < timedelta(hours=1)
    assert untimed == {
        "id": 1,
        "command": "pause",
        "text": "pause",
        "by": "code",
    }
    assert change["text"] == "set learning_rate = 0.25"
    assert (change["variable"], change["value"]) == ("learning_rate", 0.25)
    assert (step["command"], step["text"], step["batches"]) == ("step", "step 2", 2)
    assert [c["command"] for c in paused.log[2]["interventions"]] == ["call"]


def test_interventions_say_who_asked_for_them(paused):
    with acting_as("button"):
        paused.step().wait(SOON)
    assert [record["by"] for record in paused.log[0]["interventions"]] == ["code", "button"]


def test_a_second_pause_or_resume_changes_nothing(paused):
    before = paused.interventions
    again = paused.pause()
    assert again.wait(SOON) is None and again.state == "applied at iteration 0, unchanged"
    assert paused.state is State.PAUSED and paused.interventions == before
    paused.resume().wait(SOON)
    again = paused.resume()
    assert again.wait(SOON) is None and again.unchanged
    assert sum(one["command"] == "resume" for one in paused.interventions) == 1


def test_steps_without_sense_are_refused(paused):
    for n in (0, -1, True, 1.5):
        with pytest.raises(SessionError, match="n must be a positive whole number of batches, not"):
            paused.step(n)


def test_commands_after_the_end_are_refused():
    session = make(FinishAfter(after_n_batches=1)).start()
    session.wait(SOON)
    for command in (session.pause(), session.call(print), session.stop()):
        assert command.state.startswith(
            "refused: the run has finished; to continue it, call train(epochs=1)"
        )
        assert command.done
    assert session.state is State.FINISHED


def test_commands_that_come_too_late_are_refused():
    algorithm = GatedAlgorithm()
    session = make(FinishAfter(after_n_batches=1), algorithm=algorithm).start()
    algorithm.arrived.acquire(timeout=SOON)
    command = session.pause()
    algorithm.allowed.release()
    session.wait(SOON)
    assert command.state.startswith("refused: the run has finished")


def test_a_session_that_was_not_started_does_nothing():
    session = Session(make())
    assert session.state is State.CREATED
    assert session.pause().state == "refused: the session was not started"
    with pytest.raises(SessionError, match="was not started, so it cannot end"):
        session.wait()


def test_a_session_starts_once():
    session = make(FinishAfter(after_n_batches=1)).start()
    session.wait(SOON)
    with pytest.raises(SessionError, match=r"has already run and ended; .* train\(epochs=1\)"):
        session.start()


def test_starting_a_running_session_prints_a_line(paused, capsys):
    assert paused.main_loop.start() is paused
    assert paused.start() is None
    first, second = capsys.readouterr().err.splitlines()
    assert f"<Session {paused.name}: paused" in first and "start() returns this session" in first
    assert "is still running; nothing was changed" in second
    assert paused.state is State.PAUSED and len(sessions.running()) == 1


def test_waiting_for_oneself_is_refused(paused):
    errors = []

    def wait_for_itself(main_loop):
        for wait in (paused.wait, paused.pause().wait):
            with pytest.raises(SessionError) as caught:
                wait()
            errors.append(str(caught.value))

    paused.call(wait_for_itself).wait(SOON)
    assert "would wait for itself" in errors[0]
    assert "by this thread between two batches" in errors[1]


def test_an_error_reaches_wait_the_log_and_the_screen(caplog):
    algorithm = FakeAlgorithm(errors={5: NotFiniteError("cost is nan")})
    with caplog.at_level(logging.ERROR):
        session = make(algorithm=algorithm).start()
        for _ in range(2):
            with pytest.raises(NotFiniteError, match="cost is nan") as caught:
                session.wait(SOON)
    assert caught.traceback[-1].name == "process_batch"
    assert len(caught.traceback) < 10
    assert session.exception is caught.value
    assert session.state is State.FAILED
    assert session.log[4]["training_error"] == "NotFiniteError: cost is nan"
    assert "failed (iterations done: 4): NotFiniteError: cost is nan" in caplog.text
    assert "failed" in repr(session)
    assert "NotFiniteError: cost is nan" in session._repr_html_()


def test_an_error_in_on_interrupt_ends_training(caplog):
    session = make(Recorder({"on_interrupt": lambda _: 1 / 0})).start()
    session.stop()
    with pytest.raises(ZeroDivisionError):
        session.wait(SOON)
    assert session.state is State.FAILED


def test_interrupting_wait_leaves_training_running(paused):
    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(
            KeyboardInterrupt,
            match=r"but training continues: <Session .*stop\(\) method to end training",
        ):
            paused.wait()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert paused.state is State.PAUSED


def test_a_wait_for_a_paused_session_says_that_it_is_paused(paused, capsys):
    assert not paused.wait(0.1)
    assert capsys.readouterr().err == ""
    assert not paused.wait(2.5)
    text = capsys.readouterr().err
    assert text.startswith(f"{paused.name} is paused at iteration ") and text.count("\n") == 1
    threading.Timer(1.2, paused.stop).start()
    assert paused.wait(SOON)


def test_a_main_loop_that_is_running_is_not_run_again(paused):
    before = dict(paused.main_loop.status)
    for start in (Session(paused.main_loop).start, paused.main_loop.run):
        with pytest.raises(
            AlreadyTrainingError, match="this main loop is being trained by"
        ) as caught:
            start()
        assert caught.value.session is paused
        assert f"trained by {paused.name}, which continues;" in str(caught.value)
        assert "stop() and wait()" in str(caught.value)
    assert paused.main_loop.status == before
    assert paused.state is State.PAUSED


def test_parameters_of_bricks_are_named_by_their_paths():
    mlp = MLP([Tanh(), None], [2, 3, 4])
    mlp.allocate()
    weights = [
        parameter for linear in mlp.linear_transformations for parameter in linear.parameters
    ]
    session = make(algorithm=FakeAlgorithm(parameters=weights)).start()
    named = "/mlp/linear_0.W, /mlp/linear_0.b, /mlp/linear_1.W and 1 more, parameters of this main"
    with pytest.raises(AlreadyTrainingError, match=f"^{named}"):
        make(algorithm=FakeAlgorithm(parameters=weights)).run()
    session.stop()
    session.wait(SOON)


def test_equal_names_of_parameters_are_counted():
    weights = [workbench.shared(0.0, "w"), workbench.shared(0.0, "w")]
    session = make(algorithm=FakeAlgorithm(parameters=weights)).start()
    with pytest.raises(AlreadyTrainingError, match="^w, w_2, parameters of this main loop, are"):
        make(algorithm=FakeAlgorithm(parameters=weights)).run()
    session.stop()
    session.wait(SOON)


def test_a_torch_module_is_trained_by_one_run_at_a_time():
    module = torch.nn.Linear(2, 1)
    bricks = [TorchModule(module, name="net") for _ in range(2)]
    for brick in bricks:
        brick.allocate()
    first, second = (brick.parameters for brick in bricks)
    row = workbench.shared(0.0)
    row.tensor = module.weight.detach()[0, 1]
    session = make(algorithm=FakeAlgorithm(parameters=first)).start()
    with pytest.raises(AlreadyTrainingError, match=r"^/net.weight, /net.bias, parameters of this"):
        make(algorithm=FakeAlgorithm(parameters=second)).run()
    with pytest.raises(AlreadyTrainingError, match="parameter of this main loop, is being"):
        make(algorithm=FakeAlgorithm(parameters=[row])).run()
    session.stop()
    session.wait(SOON)


def test_parts_of_one_tensor_are_trained_by_two_runs():
    whole = torch.zeros(4)
    parts = [workbench.shared(0.0), workbench.shared(0.0)]
    parts[0].tensor, parts[1].tensor = whole[:2], whole[2:]
    loops = [make(algorithm=FakeAlgorithm(parameters=[one])) for one in parts]
    with Lease(loops[0]), Lease(loops[1]):
        pass


def test_parameters_are_trained_by_one_run_at_a_time():
    weights = [workbench.shared(0.0, name) for name in "abcde"]
    session = make(algorithm=FakeAlgorithm(parameters=weights)).start()
    other = make(algorithm=FakeAlgorithm(parameters=weights[:1]))
    with pytest.raises(
        AlreadyTrainingError, match="a, parameter of this main loop, is being train"
    ):
        other.start()
    with pytest.raises(
        AlreadyTrainingError, match="a, b, c and 2 more, parameters of this .*, are"
    ):
        make(algorithm=FakeAlgorithm(parameters=weights)).run()
    assert other.status["iterations_done"] == 0
    session.stop()
    session.wait(SOON)
    other.start().step(1).wait(SOON)


@pytest.mark.parametrize("what", ["algorithm", "log", "extension"])
def test_nothing_else_is_shared_by_two_runs(paused, what):
    extension = FinishAfter()
    paused.main_loop.extensions.append(extension)
    shared = {
        "algorithm": {"algorithm": paused.main_loop.algorithm},
        "log": {"log": paused.log},
        "extension": {},
    }[what]
    other = make(*([extension] if what == "extension" else []), **shared)
    with pytest.raises(AlreadyTrainingError, match=f"the {what} .*of this main loop"):
        other.start()
    assert paused.main_loop.log is not other.log or what == "log"


def test_a_failed_start_leaves_nothing_behind(paused):
    paused.resume().wait(SOON)
    with pytest.warns(SessionWarning, match=f"<Session {paused.name}.* is training too"):
        other = make(FinishAfter(after_n_batches=1)).start()
    other.wait(SOON)
    main_loop = make()
    with pytest.raises(SessionWarning):
        main_loop.start()
    assert list(sessions.running().values()) == [paused]


def test_a_session_that_is_training_is_named_once_at_the_line_of_the_user(paused):
    paused.resume().wait(SOON)
    with pytest.warns(SessionWarning) as caught:
        other = make(FinishAfter(after_n_batches=1)).start()
    assert [one.filename for one in caught] == [__file__]
    other.wait(SOON)
    other.train(batches=1).wait(SOON)  # a warning would be an error
    assert other.wait(SOON)


def test_a_call_requires_a_function(paused):
    with pytest.raises(SessionError, match=r"call\(\) requires a function .* not 3"):
        paused.call(3)


@pytest.mark.parametrize("name", [3, ""])
def test_a_snapshot_requires_a_name(paused, name):
    with pytest.raises(SessionError, match=f"snapshot must be a non-empty string, not {name!r}"):
        paused.snapshot(name)


def test_a_session_that_is_training_is_named_when_another_resumes(paused):
    other = make().start()
    with pytest.warns(SessionWarning, match=f"<Session {other.name}.* is training too") as caught:
        paused.resume().wait(SOON)
    assert [one.filename for one in caught] == [__file__]
    paused.pause().wait(SOON)
    paused.resume().wait(SOON)  # a second warning would be an error


def test_a_paused_session_is_not_named(paused):
    assert make(FinishAfter(after_n_batches=1)).start().wait(SOON)


class Closed(TrainingExtension):
    """An extension that waits at the start of training until its event is set."""

    def __init__(self):
        super().__init__()
        self.opened = threading.Event()

    def before_training(self):
        assert self.opened.wait(SOON)


@pytest.fixture
def about_to_pause():
    """Start a session that is running, and whose pause waits in its queue."""
    closed = Closed()
    session = make(closed).start(paused=True)
    assert session.state is State.RUNNING
    yield session
    closed.opened.set()
    session.stop()
    assert session.wait(SOON)


def test_a_session_whose_pause_is_queued_is_not_named(about_to_pause):
    assert make(FinishAfter(after_n_batches=1)).start().wait(SOON)  # a warning would be an error


def test_a_session_that_resumes_after_a_queued_pause_is_named(about_to_pause):
    about_to_pause.resume()
    with pytest.warns(SessionWarning, match="is training too"):
        other = make(FinishAfter(after_n_batches=1)).start()
    assert other.wait(SOON)


def test_a_name_in_use_is_refused_with_a_way_to_end_that_session(paused):
    with pytest.raises(SessionError, match=rf"running\(\)\['{paused.name}'\]\.stop\(\)"):
        make().start(name=paused.name)


def test_running_sessions_are_found_by_name(paused):
    assert sessions.running() == {paused.name: paused}
    paused.stop()
    paused.wait(SOON)
    assert sessions.running() == {}


def test_a_session_that_has_ended_is_freed():
    session = make(FinishAfter(after_n_batches=1)).start()
    session.wait(SOON)
    reference = weakref.ref(session)
    del session
    gc.collect()
    assert reference() is None


def test_python_ends_while_a_session_trains():
    code = (
        "import time\n"
        "from tests.support.fakes import make, Recorder\n"
        "class Slow(Recorder):\n"
        "    def dispatch(self, callback_name, *args):\n"
        "        time.sleep(0.01)\n"
        "        if callback_name == 'after_training': print('in good order', flush=True)\n"
        "session = make(Slow()).start()\n"
        "session.step(3).wait()\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=env
    )
    assert (done.returncode, done.stdout) == (0, "in good order\n")


def test_a_thread_that_cannot_start_leaves_nothing_behind(monkeypatch):
    main_loop = make(FinishAfter(after_n_batches=1))
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", Mock(side_effect=RuntimeError("can't start new")))
        for _ in range(2):
            with pytest.raises(SessionError, match="could not be created .*can't start new"):
                main_loop.start()
    assert sessions.running() == {}
    assert main_loop.start().wait(SOON)


def test_a_forked_child_leaves_the_session_to_its_parent():
    session = make().start()
    code = None
    child = os.fork()
    if child == 0:  # pragma: no cover
        try:
            begin = time.monotonic()
            sessions.stop_all()
            assert time.monotonic() - begin < 1 and not sessions.running()
            with pytest.raises(SessionError, match="the parent of this forked process"):
                session.wait()
            assert session.pause().done
            code = 0
        finally:
            os._exit(1 if code is None else code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert session.state is State.RUNNING


def test_a_session_continues_after_the_end():
    recorder = Recorder()
    session = make(FinishAfter(after_n_epochs=1), recorder).start()
    session.wait(SOON)
    command = session.train(epochs=2)
    command.wait(SOON)
    assert session.wait(SOON) and session.state is State.FINISHED
    assert session.main_loop.algorithm.seen == [1, 2, 3] * 3
    assert (command.text, command.state) == ("train 2 more epochs", "applied at iteration 3")
    assert recorder.events.count("on_resumption") == 1
    record = session.log[3]["interventions"][-1]
    assert (record["command"], record["epochs"]) == ("train", 2)
    session.train(batches=1)
    assert session.wait(SOON) and done(session) == 10


def test_more_is_added_to_the_plan_during_training():
    algorithm = GatedAlgorithm()
    session = make(FinishAfter(after_n_epochs=1), algorithm=algorithm).start()
    algorithm.arrived.acquire(timeout=SOON)
    session.train(epochs=1)
    session.train(batches=2)
    algorithm.allowed.release(100)
    assert session.wait(SOON) and done(session) == 3 + 3 + 2


def test_a_pause_stays_a_pause(paused):
    paused.train(batches=2).wait(SOON)
    assert paused.state is State.PAUSED
    paused.resume()
    assert paused.wait(SOON) and done(paused) == 2


def test_a_request_for_more_at_the_last_batch_is_not_lost():
    algorithm = GatedAlgorithm()
    session = make(FinishAfter(after_n_batches=1), algorithm=algorithm).start()
    algorithm.arrived.acquire(timeout=SOON)
    first, second = session.train(batches=1), session.train(batches=2)
    algorithm.allowed.release(100)
    assert session.wait(SOON) and done(session) == 4
    assert first.wait(SOON) is second.wait(SOON) is None


def test_a_failed_run_may_go_on():
    session = make(algorithm=FakeAlgorithm(errors={2: ValueError("once")})).start()
    with pytest.raises(ValueError, match="once"):
        session.wait(SOON)
    session.train(batches=2)
    assert session.wait(SOON) and session.exception is None and done(session) == 3


def test_training_what_another_session_trains_is_refused():
    main_loop = make(FinishAfter(after_n_batches=1))
    session = main_loop.start()
    session.wait(SOON)
    other = main_loop.start(batches=10**9)
    assert session.train(epochs=1).state.startswith("refused: this main loop is being trained by")
    assert session.state is State.FINISHED and other.state is State.RUNNING


def test_waiting_for_an_improvement_begins_again():
    stopping = FinishIfNoImprovementAfter("best", epochs=2)
    stopping.last_best_iter = stopping.last_best_epoch = 0
    session = make(stopping).start()
    assert session.wait(SOON) and session.main_loop.status["epochs_done"] == 2
    assert session.main_loop.start().note.startswith(
        "Nothing was trained: there was no improvement"
    )
    session.train(epochs=1)
    assert session.wait(SOON) and session.main_loop.status["epochs_done"] == 3
    session.train(epochs=5)
    assert session.wait(SOON) and session.main_loop.status["epochs_done"] == 5


def test_a_session_with_nothing_to_train_has_finished_and_says_why(capsys):
    main_loop = make(FinishAfter(after_n_batches=1))
    main_loop.start().wait(SOON)
    session = main_loop.start()
    assert session.state is State.FINISHED and session.wait(SOON)
    assert capsys.readouterr().err.startswith("Nothing was trained: FinishAfter(after_n_batches=1)")
    assert session.train(batches=1).wait(SOON) is None
    assert session.wait(SOON) and done(session) == 2 and session.note == ""


def test_of_many_values_for_one_variable_the_last_is_assigned_and_each_has_an_outcome():
    algorithm, n = GatedAlgorithm(), 100_000
    session = make(algorithm=algorithm).start()
    algorithm.arrived.acquire(timeout=SOON)
    rate, other = workbench.shared(0.5, "rate"), workbench.shared(0.5, "other")
    writes = Mock(wraps=rate.set_value)
    rate.set_value = writes
    commands = [session.set(rate, i) for i in range(n)]
    wrong, mine = session.set(rate, [1.0, 2.0]), session.set(other, 2.0)
    stop = session.stop()
    algorithm.allowed.release(100)
    assert session.wait(SOON)
    assert writes.call_count == 1 and rate.get_value() == n - 1 and other.get_value() == 2.0
    assert {command.iteration for command in [*commands, mine, stop]} == {1}
    assert commands[0].state == f"applied at iteration 1, with the value of command {n}"
    assert commands[-1].state == "applied at iteration 1" and commands[5].wait() is None
    assert wrong.state.startswith("refused: ShapeError: set_value of rate")
    assert [r["id"] for r in session.log[1]["interventions"]] == [n, n + 2, n + 3]


def test_only_consecutive_values_are_joined(paused):
    rate = workbench.shared(0.5, "rate")
    paused.set(rate, 1.0)
    first = paused.call(lambda _: float(rate.get_value()))
    paused.set(rate, 2.0)
    second = paused.call(lambda _: float(rate.get_value()))
    assert (first.wait(SOON), second.wait(SOON)) == (1.0, 2.0)


def test_many_interventions_are_recorded_in_order_in_linear_time():
    algorithm, n = GatedAlgorithm(), 20_000
    session = make(algorithm=algorithm).start()
    algorithm.arrived.acquire(timeout=SOON)
    for _ in range(n):
        session.call(id)
    algorithm.allowed.release(100)
    session.stop()
    session.wait(SOON)
    assert [r["id"] for r in session.log[1]["interventions"]] == list(range(1, n + 2))


def test_stop_overtakes_commands_for_later_training():
    algorithm = GatedAlgorithm()
    session = make(algorithm=algorithm).start()
    algorithm.arrived.acquire(timeout=SOON)
    saved = session.call(lambda m: m.status["iterations_done"])
    overtaken = [session.pause(), session.step(3), session.resume(), session.train(epochs=1)]
    stop = session.stop()
    algorithm.allowed.release(100)
    assert session.wait(SOON)
    assert saved.wait() == 1 and stop.iteration == 1
    assert {c.state for c in overtaken} == {
        "refused: training was stopped before the command took effect"
    }


def test_a_session_shows_itself(paused):
    paused.call(lambda m: m.log.current_row.update({"<cost>": 1 / 3, "best": True})).wait(SOON)
    assert repr(paused) == (
        f"<Session {paused.name}: paused, iteration 0, 0 epochs done, <cost> 0.33333>"
    )
    shown = paused._repr_html_()
    assert "<th>&lt;cost&gt;</th><td>0.33333</td>" in shown
    assert "<b>paused</b>" in shown
    assert repr(paused.commands[0]) == "<pause: applied at iteration 0>"


@pytest.mark.parametrize(
    ("target", "value", "text"),
    [
        (
            "learning_rate",
            0.1,
            "this run has no variable 'learning_rate'; pass the variable",
        ),
        (
            workbench.shared(0.1, "rate"),
            "fast",
            "rate must be set to a number or an array, not 'fast'",
        ),
    ],
)
def test_impossible_values_are_refused_at_once(target, value, text):
    session = Session(make())
    with pytest.raises(SessionError, match=text):
        session.set(target, value)


@pytest.mark.skipif(not openmp._loaded(), reason="torch has no GNU OpenMP here")
def test_the_thread_that_trains_uses_the_number_of_threads_of_torch():
    before = torch.get_num_threads()
    torch.set_num_threads(before + 2)
    try:
        libraries = [ctypes.CDLL(path) for path in openmp._loaded()]
        numbers = make().start().call(lambda _: [one.omp_get_max_threads() for one in libraries])
        assert before + 2 in numbers.wait(SOON)
    finally:
        torch.set_num_threads(before)


class Shown(Recorder):
    """An extension with a view."""

    def views(self):
        return [{"kind": "text", "text": "hello"}]


def test_its_facts_can_be_sent_to_another_process():
    bundle = CompositeExtension([Shown()])
    session = Session(make(FinishAfter(after_n_epochs=2), bundle))
    facts = [session.planned, session.execution, session.views]
    assert json.loads(json.dumps(facts)) == [
        {"epochs": 2, "batches": 6},
        {"tier": "", "reason": ""},
        [{"kind": "text", "text": "hello"}],
    ]


def test_it_meets_the_protocol_of_views():
    assert isinstance(Session(make()), interfaces.Session)
