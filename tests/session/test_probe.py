"""Probes copy values of a run between two batches, and never change it."""

import time

import numpy as np
import pytest
import torch

from tests.support.fakes import GatedAlgorithm
from tests.support.runs import assert_same, build, shuffled
from workbench.config import config
from workbench.errors import SessionError
from workbench.extensions import FinishAfter
from workbench.main_loop import MainLoop
from workbench.session import probe as probes

W, B = "/mlp/linear_0.W", "/mlp/linear_0.b"


@pytest.fixture
def paused():
    session = build(None).start(paused=True)
    yield session
    session.stop()
    session.wait(20)


def train(session, batches):
    """Train a paused session on some batches."""
    end = session.log.status["iterations_done"] + batches
    session.step(batches)
    while session.log.status["iterations_done"] < end or session.state != "paused":
        time.sleep(0.001)


def test_a_paused_session_answers(paused):
    train(paused, 3)
    answer = paused.probe([W])
    assert list(answer.wait(20)) == [W]
    assert answer.iteration == 3
    assert torch.equal(answer.values[W], paused.main_loop.state_variables()[0][W].tensor)


def test_an_answer_is_a_copy(paused):
    values = paused.probe([W]).wait(20)
    before = values[W].clone()
    train(paused, 2)
    assert torch.equal(values[W], before)
    assert not torch.equal(paused.probe([W]).wait(20)[W], before)


def test_by_default_all_parameters_are_copied(paused):
    assert list(paused.probe().wait(20)) == [W, B, "/mlp/linear_1.W", "/mlp/linear_1.b"]


def test_variables_are_described(paused):
    assert paused.variables[W] == {"shape": (4, 6), "dtype": "float32", "parameter": True}
    assert paused.variables["learning_rate"]["parameter"] is False


def test_a_step_is_what_one_batch_changed(paused, monkeypatch):
    monkeypatch.setattr(probes, "GAP", 0.0)
    monkeypatch.setattr(probes, "SHARE", 1e9)
    train(paused, 1)
    before = paused.probe([W]).wait(20)[W]
    answer = paused.probe([W], steps=True)
    assert answer.wait(20) is not None
    assert answer.steps == {}, "no batch followed in a pause"
    answer = probe_while_training(paused)
    change = paused.probe([W]).wait(20)[W] - before
    assert answer.iteration == 1
    assert torch.equal(answer.steps[W], change)


def probe_while_training(session):
    """Return a probe that is answered before one batch."""
    with session._worker.queue.lock:  # the thread sees both requests at the same boundary
        answer = session.probe([W], steps=True)
        session.step(1)
    answer.wait(20)
    while session.log.status["iterations_done"] < 2 or session.state != "paused":
        time.sleep(0.001)
    return answer


def test_a_session_that_was_not_started_answers():
    session = build(1).start(paused=True)
    session.resume()
    session.wait(20)
    answer = session.probe([W])
    assert answer.done
    assert answer.iteration == 1


def test_an_unknown_name_is_refused_with_a_hint(paused):
    with pytest.raises(SessionError, match=r"no variable '/mlp/linear_0.w'.*did you mean"):
        paused.probe(["/mlp/linear_0.w"])


def test_a_probe_that_takes_too_much_memory_is_refused(paused, monkeypatch):
    monkeypatch.setitem(probes.Prober.ask.__kwdefaults__, "most", 100)
    with pytest.raises(SessionError, match=r"at most 100 bytes .* take 204 bytes .*variables: 4\)"):
        paused.probe()


def test_a_probe_that_waits_is_answered_when_the_run_ends():
    algorithm = GatedAlgorithm()
    loop = MainLoop(algorithm, [{"x": 1}], extensions=[FinishAfter(after_n_batches=1)])
    session = loop.start()
    assert algorithm.arrived.acquire(timeout=20)
    answer = session.probe([])
    assert not answer.done
    algorithm.allowed.release()
    session.wait(20)
    assert answer.wait(20) == {}
    assert answer.iteration == 1


def test_copies_take_their_share_of_the_time_at_most(paused, monkeypatch):
    slow = 0.01
    real = probes._copies
    made = []

    def copies(asked):
        made.append(time.perf_counter())
        time.sleep(slow)
        return real(asked)

    monkeypatch.setattr(probes, "_copies", copies)
    for _ in range(3):
        paused.probe([W]).wait(20)
    gaps = np.diff(made)
    assert (gaps >= slow / probes.SHARE).all()


def test_the_thread_that_trains_cannot_wait_for_itself(paused):
    command = paused.call(lambda _: paused.probe([W]).wait())
    with pytest.raises(SessionError, match="the training thread would wait for itself"):
        command.wait(20)


def test_a_batch_of_the_training_data(paused):
    answer = paused.probe([], batch=True)
    answer.wait(20)
    [first] = [batch for batch, _ in zip(shuffled().iterate(0, 0), range(1), strict=False)]
    assert list(answer.batch) == ["features", "targets"]
    np.testing.assert_array_equal(answer.batch["features"], first[0])


def test_a_stream_with_one_reader_is_left_to_training():
    session = MainLoop(
        GatedAlgorithm(), ({"x": i} for i in range(5)), extensions=[FinishAfter(after_n_batches=1)]
    ).start(paused=True)
    answer = session.probe([], batch=True)
    with pytest.raises(SessionError, match=r"only training can read.*pass your own batch"):
        answer.wait(20)
    session.stop()


@pytest.mark.parametrize("tier", ["eager", "compiled"])
def test_training_is_the_same_with_probes(tier, monkeypatch):
    monkeypatch.setattr(config, "execution", tier)
    monkeypatch.setattr(probes, "GAP", 0.0)
    plain, probed = build(60), build(60)
    plain.run()
    session = probed.start()
    while not session.state.ended:
        session.probe(steps=True, batch=True).wait(60)
    session.wait(60)
    assert_same(plain, probed)
