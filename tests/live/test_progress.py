"""The progress line alone, without a browser."""

import pytest

from extensions_live import Controls, Progress

from .runs import make_loop


def shown(line, pump):
    """Refresh the line by the pump and return its payload."""
    pump.serve(line)
    assert line.problem == ""
    return line.payload


def test_a_finished_run_is_complete(hand_pump, wire):
    session = make_loop(epochs=3, batches=4).start()
    assert session.wait(20)
    payload = shown(Progress(session), hand_pump)
    assert (payload["state"], payload["fraction"]) == ("finished", 1.0)
    assert (payload["iteration"], payload["epoch"]) == ("iteration 12 of 12", "epoch 3 of 3")
    assert payload["time_left"] == payload["failure"] == ""


def test_a_paused_run_is_where_it_is(hand_pump, wire):
    session = make_loop(epochs=3, batches=4).start(paused=True)
    session.step(3).wait(20)
    payload = shown(Progress(session), hand_pump)
    assert payload["iteration"] == "iteration 3 of 12" and payload["fraction"] == 0.25
    session.stop()
    assert session.wait(20)


def test_an_error_of_training_is_shown(hand_pump, wire):
    session = make_loop(fail_at=3).start()
    with pytest.raises(ValueError, match="ran away"):
        session.wait(20)
    payload = shown(Progress(session), hand_pump)
    assert (payload["state"], payload["failure"]) == (
        "failed",
        "ValueError: the weights ran away",
    )


def test_an_ended_session_keeps_its_line_while_another_continues(hand_pump, wire):
    main_loop = make_loop(epochs=1, batches=4)
    session = main_loop.start()
    assert session.wait(20)
    line = Progress(session)
    before = shown(line, hand_pump)
    main_loop.run(batches=4)
    assert shown(line, hand_pump) == before


def test_the_line_says_the_same_as_the_control_bar(hand_pump, wire):
    session = make_loop(epochs=3, batches=4).start()
    assert session.wait(20)
    line, bar = Progress(session), Controls(session)
    hand_pump.serve(line), hand_pump.serve(bar)
    same = ("state", "iteration", "epoch", "rate", "tier", "time_left", "fraction")
    assert {name: line.payload[name] for name in same} == {name: bar.payload[name] for name in same}


def test_a_new_page_gets_the_payload_again_once(hand_pump, wire, monkeypatch):
    session = make_loop().start()
    assert session.wait(20)
    line, sent = Progress(session), []
    hand_pump.serve(line)
    monkeypatch.setattr(line, "send_state", sent.append)
    for rendering in ("a", "a", "b"):
        line.hear({"kind": "visibility", "rendering": rendering, "visible": True, "number": 1})
        hand_pump.serve(line)
    assert sent == [["payload", "problem"]] * 2


def test_a_paused_run_has_no_speed(hand_pump, wire):
    session = make_loop(epochs=3, batches=4).start(paused=True)
    session.step().wait(20)
    line = Progress(session)
    line._speed.rate = lambda: 266.0
    assert shown(line, hand_pump)["rate"] == ""
    session.resume()
    assert session.wait(20)
    assert shown(line, hand_pump)["rate"] == "266 it/s"
