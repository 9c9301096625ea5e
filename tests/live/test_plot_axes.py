"""X axes of a plot, computed from a log."""

import numpy as np
import pytest

from extensions_live.log_values import read_curve
from extensions_live.plot_axes import Axis, axis_of, thinned
from tests.support.runs import build
from workbench.log import TrainingLog
from workbench.log.elapsed import accumulated
from workbench.utils import profile

from .inside import train
from .runs import Clock, make_loop


def log_with(**status):
    log = TrainingLog()
    log.status.update(status)
    return log


def test_an_epoch_has_the_length_that_the_log_says():
    axis = axis_of(log_with(_epoch_ends=[10, 30]), "epoch")
    assert axis.of(np.array([5, 10, 20, 30, 40])).tolist() == [0.5, 1.0, 1.5, 2.0, 2.5]


def test_the_way_back_leads_to_the_same_iteration():
    axis = axis_of(log_with(_epoch_ends=[10, 30, 70]), "epoch")
    places = np.array([0.0, 3.0, 30.0, 69.0, 100.0])
    np.testing.assert_allclose(axis.back(axis.of(places)), places)


@pytest.mark.parametrize("kind", ["epoch", "time", "examples"])
def test_an_axis_that_the_log_lacks_is_none(kind):
    assert axis_of(TrainingLog(), kind) is None


def test_time_is_known_after_an_epoch_of_any_run():
    main_loop = make_loop(epochs=2, batches=4)
    main_loop.run()
    times = main_loop.log.status["_epoch_times"]
    assert len(times) == 3 and sorted(times) == times
    assert axis_of(main_loop.log, "time").of(np.array([0, 8])).tolist() == [
        0.0,
        times[2] - times[0],
    ]


def test_time_stands_still_in_pauses_and_between_runs(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(profile, "perf_counter", clock)
    main_loop = make_loop(epochs=3, batches=4)
    session = main_loop.start(paused=True)
    session.step(6).wait(20)
    session.call(id).wait(20)  # which the pause executes
    clock.now += 3600  # a pause within the second epoch
    session.stop()
    session.wait(20)
    clock.now += 3600
    main_loop.run()
    times = np.diff(main_loop.log.status["_epoch_times"])
    assert times.tolist() == [0, 0, 0]


def test_examples_are_counted_by_epochs():
    axis = axis_of(log_with(_epoch_ends=[10, 20], _epoch_examples=500), "examples")
    assert axis.of(np.array([5, 20])).tolist() == [250.0, 1000.0]


def test_time_is_read_from_the_totals_of_timing():
    log = TrainingLog()
    for i, (read, step) in enumerate([(1.0, 2.0), (2.0, 4.0)], 1):
        log[10 * i].update({"time_read_data_total": read, "time_train_total": step})
    assert axis_of(log, "time").of(np.array([0, 5, 20])).tolist() == [0.0, 1.5, 6.0]


def test_time_is_read_from_time_stamps():
    log = TrainingLog()
    log[0]["timestamp"] = "2030-01-01 00:00:00.000000+00:00"
    log[4]["timestamp"] = "2030-01-01 00:01:00.000000+00:00"
    assert axis_of(log, "time").of(np.array([2])).tolist() == [30.0]


def test_a_clock_that_is_set_back_adds_nothing():
    log = TrainingLog()
    for i, moment in enumerate(["10:00:00", "11:00:00", "10:59:59", "12:00:00"]):
        log[i]["timestamp"] = f"2030-01-01 {moment}+00:00"
    assert axis_of(log, "time").of(np.arange(4)).tolist() == [0, 3600, 3600, 7201]


def test_a_clock_that_starts_again_goes_on():
    assert accumulated(np.array([10.0, 20.0, 5.0, 6.0])).tolist() == [10.0, 20.0, 25.0, 26.0]


def test_thinning_keeps_the_ends_and_the_last_slope():
    x = np.arange(100_000.0)
    kept, _ = thinned(x, x)
    assert len(kept) <= 300
    assert kept[0] == 0 and kept[-2:].tolist() == [99_998.0, 99_999.0]


def test_a_curve_is_drawn_on_its_axis_and_cut_there():
    log = log_with(_epoch_ends=[100 * i for i in range(1, 101)])
    for i in range(10_000):
        log[i]["cost"] = float(i)
    axis = axis_of(log, "epoch")
    curve = read_curve(log, "cost", start=2.0, stop=3.0, points=500, axis=axis)
    inside = (curve.x >= 2.0) & (curve.x <= 3.0)
    np.testing.assert_allclose(curve.y[inside], np.arange(200, 301))


def test_on_a_logarithmic_axis_the_first_iterations_are_kept():
    log = TrainingLog()
    for i in range(50_000):
        log[i]["cost"] = 1.0
    curve = read_curve(log, "cost", log_x=True)
    assert set(range(100)) <= set(curve.x.tolist())
    assert len(curve.x) < 2100


def test_two_known_points_at_one_place_do_not_break_the_slope():
    axis = Axis("time", np.array([0.0, 5.0, 5.0]), np.array([0.0, 1.0, 3.0]))
    assert np.isfinite(axis.of(np.array([2.0, 9.0]))).all()


def test_a_rewind_does_not_lengthen_an_epoch(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(profile, "perf_counter", clock)
    loop = build(20)
    loop.algorithm.process_batch = timed(loop.algorithm.process_batch, clock)
    session = loop.start(paused=True)
    train(session, 14)
    session.rewind(7).wait(20)
    train(session, 8)
    session.stop()
    session.wait(20)
    assert np.diff(loop.log.status["_epoch_times"]).tolist() == pytest.approx([5, 5])


def timed(process, clock):
    """Return `process`, which then takes a second."""

    def call(batch):
        clock.now += 1
        process(batch)

    return call
