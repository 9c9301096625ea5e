"""Pauses, commands and interrupts during the evaluation of a data set."""

import signal
import threading
import time

import numpy as np
import pandas as pd
import pytest

from tests.support.fakes import Recorder
from tests.support.runs import build, lasting
from workbench import shared, tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.data import DataStream, IndexableDataset, ShuffledScheme
from workbench.extensions import FinishAfter, Timestamp
from workbench.extensions.monitoring import DataStreamMonitoring, TrainingDataMonitoring
from workbench.extensions.saveload import Checkpoint, Load
from workbench.main_loop import MainLoop
from workbench.monitoring import MonitoredQuantity
from workbench.monitoring.evaluators import DatasetEvaluator
from workbench.session import State

SOON = 20


class Gate(MonitoredQuantity):
    """Calls a function with the number of each evaluated batch, and counts the batches."""

    def __init__(self, variable, action, name="batches"):
        super().__init__([variable], name)
        self.action = action

    def initialize(self):
        self.count = 0

    def aggregate(self, value):
        self.count += 1
        self.action(self.count)

    def get_aggregated_value(self):
        return self.count

    def state_dict(self):
        return {}


class Job:
    """Main loop with two batches an epoch and an evaluation of six, which calls `action`.

    Parameters
    ----------
    action : callable
        Takes the number of the batch that has been evaluated.
    *extensions
        After the one that evaluates.
    **triggers
        When it evaluates.
    """

    def __init__(self, action, *extensions, **triggers):
        x, self.w = tensor.vector("x"), shared(0.0, "w")
        self.cost = ((x - self.w) ** 2).mean().copy(name="cost")
        data = IndexableDataset({"x": np.arange(6, dtype="float32")})
        self.stream = DataStream(data, iteration_scheme=ShuffledScheme(6, 1, seed=1))
        self.evaluation = DataStreamMonitoring(
            [self.cost, Gate(x, action)], self.stream, prefix="valid", **triggers
        )
        self.recorder = Recorder()
        self.main_loop = MainLoop(
            GradientDescent(cost=self.cost, parameters=[self.w], step_rule=Scale(0.1)),
            [{"x": [1.0]}, {"x": [2.0]}],
            extensions=[
                TrainingDataMonitoring([self.cost], after_batch=True),
                self.evaluation,
                self.recorder,
                *extensions,
            ],
        )

    def cost_of_all(self, w=None):
        w = self.w.get_value() if w is None else w
        return np.mean((np.arange(6) - w) ** 2)


AT_FIRST = {"before_first_epoch": True, "after_epoch": False}
AFTERWARDS = {"before_first_epoch": False, "after_epoch": True}


@pytest.fixture
def held():
    """Pause a session after the second batch of the evaluation before its first epoch."""
    started, go_on = threading.Event(), threading.Event()

    def wait(count):
        if count == 2:
            started.set()
            go_on.wait(SOON)

    job = Job(wait, FinishAfter(after_n_epochs=2))
    job.session = job.main_loop.start()
    assert started.wait(SOON)
    pause = job.session.pause()
    go_on.set()
    pause.wait(SOON)
    job.quantity = job.evaluation.evaluator._buffer.quantities.quantities[0]
    yield job
    job.session.stop()
    job.session.wait(SOON)


def test_a_pause_takes_effect_between_the_batches_of_an_evaluation(held):
    assert held.session.state is State.PAUSED and held.quantity.count == 2
    time.sleep(0.05)
    assert held.quantity.count == 2 and held.session.commands[0].iteration == 0
    held.session.resume().wait(SOON)
    assert held.session.wait(SOON)
    log = held.session.log
    assert log[0]["valid_cost"] == pytest.approx(held.cost_of_all(0.0))
    assert log[4]["valid_batches"] == 6 and log[4]["valid_cost"] == pytest.approx(
        held.cost_of_all(), rel=1e-6
    )
    assert [record["text"] for record in log[0]["interventions"]] == ["pause", "resume"]


def test_other_threads_see_no_part_of_an_event_during_a_pause(held):
    assert "interventions" not in held.session.log[0]
    held.session.resume()
    held.session.wait(SOON)
    assert "interventions" in held.session.log[0]


def test_commands_that_can_change_values_wait_for_the_end_and_the_pause_stays(held):
    held.session.set(held.w, 3.0).wait(SOON)
    assert held.quantity.count == 6 and held.session.state is State.PAUSED
    assert held.session.log[0]["valid_cost"] == pytest.approx(held.cost_of_all(0.0))
    assert held.session.call(lambda m: float(held.w.get_value())).wait(SOON) == 3.0
    assert held.session.call(lambda m: m.status["iterations_done"]).wait(SOON) == 0
    held.session.resume()
    assert held.session.wait(SOON) and held.recorder.events[-1] == "after_training"


def test_commands_keep_their_order(held):
    called = held.session.call(lambda m: held.session.state)
    resumed = held.session.resume()
    assert called.wait(SOON) is State.PAUSED and resumed.wait(SOON) is None
    assert held.session.wait(SOON) and held.main_loop.status["epochs_done"] == 2


def test_a_step_ends_the_evaluation_and_pauses_after_its_batches(held):
    held.session.step(1).wait(SOON)
    assert held.session.state is State.PAUSED
    assert held.session.log[0]["valid_batches"] == 6
    assert held.main_loop.status["iterations_done"] == 1


def test_stopping_abandons_the_evaluation_with_a_word_in_the_log(held):
    stop = held.session.stop()
    assert held.session.wait(SOON) and stop.state == "applied at iteration 0"
    log = held.session.log
    assert log[0]["valid_evaluation_abandoned"] == (
        "after batch 2 of 6, because training had to end"
    )
    assert "valid_cost" not in log[0] and log[0]["batch_interrupt_received"] is True
    assert held.recorder.events == [
        "before_training",
        "before_epoch",
        "on_interrupt",
        "after_training",
    ]


def test_an_abandoned_evaluation_is_not_continued(held):
    held.session.stop()
    held.session.wait(SOON)
    assert held.stream.state_dict() == {"epoch": 1, "position": 0}
    held.main_loop.start().wait(SOON)
    assert held.main_loop.log[2]["valid_batches"] == 6


def test_an_abandoned_evaluation_does_not_keep_an_event_from_other_extensions():
    def stop(count):
        if count == 3:
            job.main_loop.post(job.main_loop.interrupt, urgent=True)

    job = Job(stop, Timestamp(), **AFTERWARDS)
    job.main_loop.run()
    assert "timestamp" in job.main_loop.log[2]
    assert job.main_loop.status["epochs_done"] == 1
    assert job.recorder.events[-3:] == ["after_epoch", "on_interrupt", "after_training"]


def test_the_first_ctrl_c_in_an_evaluation_lets_it_end_and_training_with_it(capsys):
    def interrupt(count):
        if count == 3:
            signal.raise_signal(signal.SIGINT)
        if count == 5:
            job.told = capsys.readouterr().err

    job = Job(interrupt, **AFTERWARDS)
    job.main_loop.run()
    assert job.told.startswith("Interrupted: training ends after this epoch")
    assert capsys.readouterr().err == ""
    assert job.main_loop.log[2]["valid_batches"] == 6
    assert job.recorder.events[-3:] == ["after_epoch", "on_interrupt", "after_training"]


def test_the_second_ctrl_c_abandons_the_evaluation():
    def interrupt(count):
        if count in (2, 3):
            signal.raise_signal(signal.SIGINT)

    job = Job(interrupt, **AT_FIRST)
    job.main_loop.run()
    log = job.main_loop.log
    assert log[0]["valid_evaluation_abandoned"].startswith("after batch 3 of 6")
    assert log[0]["epoch_interrupt_received"] and log[0]["batch_interrupt_received"]
    assert job.main_loop.status["iterations_done"] == 0


def test_an_evaluation_that_failed_starts_again_the_next_time():
    def fail(count):
        if count == 4 and job.main_loop.status["iterations_done"] == 0:
            raise ValueError("no")

    job = Job(fail, FinishAfter(after_n_epochs=1), before_epoch=True)
    with pytest.raises(ValueError, match="no") as caught:
        job.main_loop.run()
    assert any("valid" in n or "DataStreamMonitoring" in n for n in caught.value.__notes__)
    assert job.stream.state_dict() == {"epoch": 1, "position": 0}
    job.main_loop.run()
    assert job.main_loop.log[2]["valid_batches"] == 6


def test_a_run_stopped_within_an_evaluation_resumes_to_the_same_numbers(tmp_path):
    def stop(count):
        if count == 2 and part.status["iterations_done"] == 6:
            part.post(part.interrupt, urgent=True)

    whole = build(14, dropout=0)
    rest = build(14, Load(tmp_path / "run.tar", True, True), dropout=0)
    part = build(14, dropout=0)
    part.extensions.append(Checkpoint(tmp_path / "run.tar"))
    evaluation = part.find_extension("DataStreamMonitoring")
    cost = evaluation.evaluator._buffer.variables[0]
    evaluation.evaluator = DatasetEvaluator([cost, Gate(cost, stop)])
    for main_loop in (whole, part, rest):
        main_loop.run()
    assert part.log[6]["valid_evaluation_abandoned"].startswith("after batch 2 of 6")
    del whole.log[6]["valid_cost"]
    channels = ["cost", "total_gradient_norm", "epoch_cost", "valid_cost"]
    pd.testing.assert_frame_equal(lasting(rest)[channels], lasting(whole)[channels])
