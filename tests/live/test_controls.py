"""The control bar, without a browser."""

import numpy
import pytest

from extensions_live import Controls
from extensions_live.progress import tier
from tests.support.fakes import GatedAlgorithm
from workbench import shared, tensor
from workbench.algorithms import UpdatesAlgorithm
from workbench.extensions import FinishAfter
from workbench.main_loop import MainLoop
from workbench.session import Session, State

from .runs import make_loop


@pytest.fixture
def gated():
    """Yield a session that trains on a batch whenever the test allows one, and its algorithm."""
    algorithm = GatedAlgorithm()
    main_loop = MainLoop(
        algorithm,
        [{"x": i} for i in range(5)],
        extensions=[FinishAfter(after_n_epochs=2)],
    )
    session = main_loop.start()
    yield session, algorithm
    session.stop()
    algorithm.allowed.release(100)
    assert session.wait(20)


def shown(controls, pump):
    """Refresh the bar by the pump and return its payload."""
    pump.serve(controls)
    assert controls.problem == ""
    return controls.payload


def test_a_running_session(gated, hand_pump, wire):
    session, algorithm = gated
    assert algorithm.arrived.acquire(timeout=20)
    payload = shown(Controls(session), hand_pump)
    assert payload["state"] == "running"
    assert payload["possible"] == ["pause", "stop", "train"]
    assert (payload["iteration"], payload["epoch"]) == ("iteration 0 of 10", "epoch 1 of 2")
    assert payload["fraction"] == 0.0
    assert payload["command"] is payload["error"] is None


def test_a_click_is_queued_then_acknowledged_with_its_iteration(gated, hand_pump, wire):
    session, algorithm = gated
    controls = Controls(session)
    assert algorithm.arrived.acquire(timeout=20)
    controls._hear(controls, {"kind": "command", "name": "pause"}, [])
    assert shown(controls, hand_pump)["command"]["text"] == "pause: queued"
    algorithm.allowed.release()
    session.commands[-1].wait(20)
    payload = shown(controls, hand_pump)
    assert payload["command"] == {
        "id": 1,
        "text": "pause: applied at iteration 1",
        "refused": False,
    }
    assert payload["possible"] == ["resume", "step", "stop", "train"]


def test_every_button_reaches_the_session(gated, hand_pump, wire):
    session, _ = gated
    controls = Controls(session)
    names = ["pause", "resume", "step", "train", "stop"]
    for name in names:
        given = {"epochs": 5} if name == "train" else {}
        controls._hear(controls, {"kind": "command", "name": name, "arguments": given}, [])
    assert [command.kind for command in session.commands] == names


def test_a_click_is_recorded_as_that_of_a_button(gated, hand_pump, wire):
    session, _ = gated
    controls = Controls(session)
    controls.receive({"kind": "command", "name": "pause"})
    session.pause()
    assert [command.by for command in session.commands] == ["button", "code"]


def test_a_command_that_comes_by_two_ways_acts_once(gated, hand_pump, wire):
    session, _ = gated
    controls = Controls(session)
    for id in ("a", "a", "b"):
        controls.receive({"kind": "command", "name": "step", "id": id})
        controls._hear(controls, {"kind": "command", "name": "step", "id": id}, [])
    assert [command.kind for command in session.commands] == ["step", "step"]


def test_the_bar_refreshes_sooner_while_a_command_waits(gated, hand_pump, wire):
    session, algorithm = gated
    assert algorithm.arrived.acquire(timeout=20)
    controls = Controls(session)
    session.pause()
    shown(controls, hand_pump)
    waiting = controls.period
    algorithm.allowed.release()
    session.commands[-1].wait(20)
    shown(controls, hand_pump)
    assert waiting < controls.period


def test_a_refused_command_says_why(hand_pump, wire):
    session = make_loop().start()
    assert session.wait(20)
    session.resume()
    payload = shown(Controls(session), hand_pump)
    assert payload["command"]["refused"]
    assert "resume: refused: the run has finished" in payload["command"]["text"]


def test_a_finished_session(hand_pump, wire):
    session = make_loop(epochs=3, batches=4).start()
    assert session.wait(20)
    payload = shown(Controls(session), hand_pump)
    assert (payload["state"], payload["possible"]) == (State.FINISHED, ["train"])
    assert (payload["iteration"], payload["epoch"]) == ("iteration 12 of 12", "epoch 3 of 3")
    assert (payload["fraction"], payload["time_left"]) == (1.0, "")
    assert payload["values"] == [["cost", "0.3012"], ["test_cost", "0.5"]]


def test_channels_that_a_plot_shows_need_not_be_repeated(hand_pump, wire):
    session = make_loop().start()
    assert session.wait(20)
    payload = shown(Controls(session, hide=["cost"]), hand_pump)
    assert payload["values"] == [["test_cost", "0.5"]]


def test_an_error_in_training_is_shown_with_message_and_traceback(hand_pump, wire):
    session = make_loop(fail_at=3).start()
    with pytest.raises(ValueError, match="ran away"):
        session.wait(20)
    payload = shown(Controls(session), hand_pump)
    assert payload["state"] == "failed"
    assert payload["error"]["message"].startswith("ValueError: the weights ran away\n")
    assert "process_batch" in payload["error"]["traceback"]


def test_the_tier_is_shown_if_it_is_not_eager():
    x, total = tensor.scalar("x"), shared(numpy.float32(0), "total")
    algorithm = UpdatesAlgorithm(
        updates=[(total, total + x)], function_kwargs={"execution": "compiled"}
    )
    session = Session(MainLoop(algorithm, None))
    assert tier(session.execution) == ["", ""]
    algorithm.process_batch({"x": numpy.float32(1)})
    assert tier(session.execution) == ["compiled", "compiled: requested"]


def test_nothing_is_sent_while_nothing_changes(gated, hand_pump, wire):
    session, algorithm = gated
    assert algorithm.arrived.acquire(timeout=20)
    controls = Controls(session)
    wire.clear()
    for _ in range(3):
        hand_pump.serve(controls)
    assert len(wire) == 1


def test_an_ended_session_keeps_its_display_while_another_continues(hand_pump, wire):
    main_loop = make_loop(epochs=1, batches=4)
    session = main_loop.start()
    assert session.wait(20)
    controls = Controls(session)
    before = shown(controls, hand_pump)
    assert main_loop.start().wait(20)
    assert shown(controls, hand_pump) == before


def test_training_on_shows_the_new_totals(hand_pump, wire):
    session = make_loop(epochs=5, batches=4).start()
    assert session.wait(20)
    controls = Controls(session)
    assert shown(controls, hand_pump)["iteration"] == "iteration 20 of 20"
    for total in (40, 60):  # too quick for the pump to see it running
        controls.receive({"kind": "command", "name": "train", "arguments": {"epochs": 5}})
        assert session.wait(20)
        payload = shown(controls, hand_pump)
        assert payload["iteration"] == f"iteration {total} of {total}"
        assert payload["epoch"] == f"epoch {total // 4} of {total // 4}"
        assert (
            payload["command"]["text"] == f"train 5 more epochs: applied at iteration {total - 20}"
        )


def test_a_run_beyond_its_old_end_shows_no_total(hand_pump, wire):
    main_loop = make_loop(epochs=1, batches=4)
    main_loop.run(batches=6)
    session = Session(main_loop)
    main_loop.status.pop("_goal")
    payload = shown(Controls(session), hand_pump)
    assert (payload["iteration"], payload["epoch"]) == ("iteration 6", "epoch 2")


def test_a_session_with_nothing_to_train_shows_a_note(hand_pump, wire, capsys):
    main_loop = make_loop(epochs=1)
    main_loop.run()
    session = main_loop.start()
    assert "Nothing was trained" in shown(Controls(session), hand_pump)["note"]
