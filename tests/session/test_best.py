"""The best iteration of a run, and how to go back to it."""

from dataclasses import replace

import numpy as np
import pytest

import workbench as wb
from tests.support.runs import build
from workbench.errors import ArgumentError, SessionError, UnknownRecordError
from workbench.extensions import SimpleExtension, TrackTheBest
from workbench.extensions.saveload import Checkpoint
from workbench.log import TrainingLog
from workbench.main_loop import MainLoop
from workbench.session.best import best_of, file_of


def finished(*extensions, batches=12):
    session = build(batches, *extensions).start()
    session.wait()
    return session


def test_the_best_iteration_has_the_lowest_value():
    session = finished()
    best = session.best("valid_cost")
    series = session.log.channel("valid_cost")
    assert (best.iteration, best.value) == (series.idxmin(), series.min())
    assert best.values["cost"] == session.log[best.iteration]["cost"]


def test_higher_values_can_be_better():
    session = finished()
    series = session.log.channel("total_gradient_norm")
    best = session.best("total_gradient_norm", choose_best=max)
    assert (best.iteration, best.value) == (series.idxmax(), series.max())


def test_a_run_of_fit_compares_its_validation_records():
    points = np.random.default_rng(1).normal(size=(60, 2)).astype("float32")
    labels = (points.sum(1) > 0).astype("int64")
    run = wb.fit([wb.Linear()], (points, labels), step_rule=wb.Adam(0.1), seed=1)
    run.wait(60)
    assert run.best().record == "validation_cost"
    assert run.best().value == run.log.channel("validation_cost").min()
    assert run.best("validation_accuracy").value == run.log.channel("validation_accuracy").max()
    assert run.best("validation_accuracy", choose_best=min).iteration == 0


def test_a_name_that_does_not_say_what_is_better_needs_a_direction():
    with pytest.raises(
        ArgumentError, match=r"'total_gradient_norm' does not say .*=min or choose_"
    ):
        finished(batches=2).best("total_gradient_norm")


def test_the_extension_says_what_is_best():
    session = finished(TrackTheBest("cost", choose_best=max, after_batch=True))
    assert session.best().value == session.log.channel("cost").max()


class Remember(SimpleExtension):
    """Extension that keeps the parameters after each batch."""

    def __init__(self, found):
        super().__init__(after_batch=True)
        self.found = found

    def do(self, which_callback=None, *args):
        values = self.main_loop.model.get_parameter_values()
        self.found.setdefault(self.main_loop.status["iterations_done"], values)


def test_the_state_is_restored_to_the_same_parameters():
    found = {}
    session = finished(Remember(found))
    best = session.best("valid_cost")
    assert best.available
    command = best.restore()
    command.wait()
    assert repr(command).endswith("; the session is then paused, and resume() continues it>")
    restored = session.main_loop.model.get_parameter_values()
    assert session.main_loop.status["iterations_done"] == best.iteration
    for path, value in found[best.iteration].items():
        assert np.array_equal(restored[path], value)
    session.stop()
    session.wait()


class Untracked:
    """An algorithm without a state, whose run cannot be rewound."""

    def initialize(self): ...

    def process_batch(self, batch): ...


def test_a_run_that_cannot_go_back_says_why():
    loop = MainLoop(Untracked(), [{"x": [0]}] * 4)
    session = loop.start(paused=True)
    for cost in (3.0, 1.0, 2.0):
        session.step().wait()
        session.call(lambda loop, c=cost: loop.log.current_row.update(cost=c)).wait()
    best = session.best("cost")
    assert (best.value, best.available) == (1.0, False)
    with pytest.raises(SessionError, match=r"the best according to 'cost', cannot be restored: .*"):
        best.restore()
    session.stop()
    session.wait()


def test_a_saved_file_of_that_iteration_can_be_loaded(tmp_path):
    saver = Checkpoint(tmp_path / "{iterations_done}.tar", every_n_batches=1)
    found = {}
    session = finished(saver, Remember(found))
    best = session.best("cost")
    assert best.file == str(tmp_path / f"{best.iteration}.tar")
    replace(best, reason="no snapshot is left").restore().wait()
    restored = session.main_loop.model.get_parameter_values()
    for path, value in found[best.iteration].items():
        assert np.array_equal(restored[path], value)
    session.stop()
    session.wait()


def test_a_file_that_was_written_again_is_not_used(tmp_path):
    log = TrainingLog()
    path = tmp_path / "run.tar"
    path.write_text("")
    log[1]["saved_to"] = (str(path),)
    assert file_of(log, 1) == str(path)
    log[2]["saved_to"] = (str(path),)
    assert (file_of(log, 1), file_of(log, 2)) == (None, str(path))
    path.unlink()
    assert file_of(log, 2) is None


def test_nan_is_never_the_best_and_the_first_of_equal_values_is():
    log = TrainingLog()
    for i, value in enumerate([float("nan"), 2.0, 1.0, 1.0]):
        log[i]["cost"] = value
    assert best_of(log, "cost", min) == (2, 1.0)


def test_only_nan_has_no_best():
    log = TrainingLog()
    log[0]["cost"] = float("nan")
    with pytest.raises(SessionError, match=r"no value of 'cost' yet \(only NaN\)"):
        best_of(log, "cost", min)


def test_a_run_without_a_record_must_be_told_it():
    session = finished(batches=2)
    with pytest.raises(SessionError, match=r"nor an extension TrackTheBest.*best\('[a-z_]*cost'\)"):
        session.best()
    with pytest.raises(UnknownRecordError, match=r"no channel 'valid_cos'; did you mean"):
        session.best("valid_cos")


def test_several_tracked_records_must_be_told_apart():
    trackers = [TrackTheBest("cost", name="one"), TrackTheBest("epoch_cost", name="other")]
    session = finished(*trackers, batches=2)
    with pytest.raises(SessionError, match=r"tracks several records \('cost', 'epoch_cost'\)"):
        session.best()
