"""Shared variables that change during training, and records that are the best so far."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from tests.support import runs
from tests.support.fakes import BATCHES, Recorder, make
from workbench import shared
from workbench.algorithms import Momentum
from workbench.errors import ArgumentError, ExtensionError
from workbench.extensions import CallbackName, FinishAfter, TrainingExtension
from workbench.extensions.schedules import linear, step
from workbench.extensions.training import ReduceOnPlateau, SharedVariableModifier, TrackTheBest

NAN, INF = math.nan, math.inf


class Feed(TrainingExtension):
    """Records one of the given values after every epoch, but no None."""

    def __init__(self, values, record="cost"):
        super().__init__()
        self.values, self.record = list(values), record

    def after_epoch(self):
        value = self.values[self.main_loop.status["epochs_done"] - 1]
        if value is not None:
            self.main_loop.log.current_row[self.record] = value


def values_seen(variable, *extensions, batches=4, **options):
    """Return the values of a variable before every batch."""
    seen = []
    watch = Recorder({CallbackName.BEFORE_BATCH: lambda _: seen.append(variable.get_value())})
    make(*extensions, watch, FinishAfter(after_n_batches=batches), **options).run()
    return [value.item() for value in seen]


def test_a_function_of_the_iterations_acts_after_every_batch():
    rate = shared(8.0, "rate")
    assert values_seen(rate, SharedVariableModifier(rate, lambda n: 1 / n)) == pytest.approx(
        [8, 1, 1 / 2, 1 / 3]
    )


def test_a_function_of_the_old_value_gets_it_in_its_dtype():
    rate, dtypes = shared(8.0, "rate"), set()

    def halve(n, old):
        dtypes.add(old.dtype)
        return old / 2

    assert values_seen(rate, SharedVariableModifier(rate, halve)) == [8, 4, 2, 1]
    assert dtypes == {np.dtype("float32")}


def test_a_trigger_replaces_the_default():
    rate = shared(8.0, "rate")
    modifier = SharedVariableModifier(rate, lambda n, old: old / 2, every_n_batches=2)
    assert values_seen(rate, modifier) == [8, 8, 4, 4]


def test_a_schedule_gives_the_first_batch_its_value_too():
    rate = shared(8.0, "rate")
    modifier = SharedVariableModifier(rate, linear(0.0, 1.0, 4))
    assert values_seen(rate, modifier) == [0, 0.25, 0.5, 0.75]


class Callable2:
    def __call__(self, n, old):
        return old


@pytest.mark.parametrize(
    ("function", "number"),
    [
        (lambda n: n, 1),
        (lambda n, old: n, 2),
        (lambda n, scale=2: n * scale, 1),
        (partial(lambda a, n, old: a, 3.0), 2),
        (Callable2(), 2),
        (step(0.1, 5), 1),
    ],
)
def test_the_number_of_arguments_comes_from_the_signature(function, number):
    assert SharedVariableModifier(shared(0.0, "rate"), function).num_args == number


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda *args: 1, "is unknown; pass num_args=1"),
        (lambda: 1, "must accept the number of completed iterations"),
        (lambda a, b, c: 1, r"its signature is \(a, b, c\)"),
        (lambda n, *, scale: 1, r"its signature is \(n, \*, scale\)"),
        (3.0, "is unknown; pass num_args=1"),
    ],
)
def test_a_function_that_could_not_be_called_is_refused(function, text):
    with pytest.raises(ExtensionError, match=text):
        SharedVariableModifier(shared(0.0, "rate"), function)


def test_the_number_of_arguments_can_be_given():
    rate = shared(8.0, "rate")
    modifier = SharedVariableModifier(rate, lambda *args: args[-1] / 2, num_args=2)
    assert values_seen(rate, modifier) == [8, 4, 2, 1]
    with pytest.raises(ArgumentError, match="num_args must be 1"):
        SharedVariableModifier(rate, lambda n: n, num_args=3)


def test_a_subclass_may_define_the_function():
    class Halver(SharedVariableModifier):
        def function(self, n, old):
            return old / 2

    rate = shared(8.0, "rate")
    assert values_seen(rate, Halver(rate, None)) == [8, 4, 2, 1]
    with pytest.raises(ExtensionError, match="SharedVariableModifier of rate has no function"):
        make(SharedVariableModifier(rate, None, 1), FinishAfter(after_n_batches=1)).run()


def test_a_subclass_may_define_the_number_of_arguments():
    class Halver(SharedVariableModifier):
        num_args = 2

        def function(self, *args):
            return args[1] / 2

    rate = shared(8.0, "rate")
    assert values_seen(rate, Halver(rate, None)) == [8, 4, 2, 1]


def test_a_value_that_is_set_lasts_until_the_next_trigger():
    rate = shared(8.0, "rate")
    modifier = SharedVariableModifier(rate, lambda n: n, every_n_batches=2)
    meddle = Recorder({CallbackName.BEFORE_EPOCH: lambda _: rate.set_value(100.0)})
    assert values_seen(rate, meddle, modifier) == [100, 100, 2, 100]


def test_holding_keeps_a_value_until_it_is_released():
    rate = shared(8.0, "rate")
    modifier = SharedVariableModifier(rate, lambda n: n)
    hold = Recorder({CallbackName.BEFORE_TRAINING: lambda _: modifier.hold(100.0)})
    release = Recorder({CallbackName.AFTER_EPOCH: lambda _: modifier.release()}, name="release")
    assert values_seen(rate, hold, release, modifier, batches=6) == [100, 100, 100, 100, 4, 5]


def test_a_session_takes_a_variable_from_its_schedule_and_gives_it_back():
    rate = shared(8.0, "rate")
    modifier = SharedVariableModifier(rate, lambda n: n)
    session = make(modifier).start()
    session.call(lambda _: modifier.hold(0.5)).wait(20)
    held = [session.call(lambda _: rate.get_value().item()).wait(20) for _ in range(3)]
    session.call(lambda _: modifier.release()).wait(20)
    session.step(2).wait(20)
    session.stop()
    session.wait(20)
    assert held == [0.5, 0.5, 0.5]
    assert rate.get_value() == session.main_loop.status["iterations_done"]


def test_holding_is_part_of_the_state():
    one, other = (SharedVariableModifier(shared(8.0, "rate"), lambda n: n) for _ in range(2))
    one.hold()
    other.load_state_dict(one.state_dict())
    assert other.held and values_seen(other.parameter, other) == [8, 8, 8, 8]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mode": "max"},
        {"factor": 0.5, "patience": 1, "cooldown": 2},
        {"patience": 0, "threshold": 0.2, "factor": 0.7, "minimum": 0.05},
    ],
)
def test_reducing_on_a_plateau_agrees_with_torch(options):
    options = {"patience": 3, **options}
    costs = np.geomspace(5, 1, 50) + 2 * np.random.default_rng(1).random(50)
    costs[[7, 20]] = NAN
    rate, rates, expected = shared(0.5, "rate"), [], []
    modifier = ReduceOnPlateau(rate, "cost", **options)
    keep = Recorder({CallbackName.AFTER_EPOCH: lambda _: rates.append(rate.get_value().item())})
    make(Feed(costs), modifier, keep, FinishAfter(after_n_epochs=50)).run()
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    options["min_lr"] = options.pop("minimum", 0)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, **options)
    for cost in costs:
        scheduler.step(cost)
        expected.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx(expected, abs=2e-8)  # torch omits smaller steps
    assert len(set(expected)) > 1


def lowered(records, mode="min", threshold=0.01, patience=1, **options):
    """Return the epochs after which a rate was lowered."""
    rate, rates = shared(1.0, "rate"), [1.0]
    plateau = ReduceOnPlateau(
        rate, "cost", mode=mode, factor=0.5, threshold=threshold, patience=patience, **options
    )
    keep = Recorder({CallbackName.AFTER_EPOCH: lambda _: rates.append(rate.get_value().item())})
    make(Feed(records), plateau, keep, FinishAfter(after_n_epochs=len(records))).run()
    return [epoch for epoch in range(1, len(rates)) if rates[epoch] < rates[epoch - 1]]


@pytest.mark.parametrize(
    ("records", "mode", "epochs"),
    [
        ([5.0] * 4, "min", [3]),
        ([-5.0] * 4, "min", [3]),
        ([-5.0] * 4, "max", [3]),
        ([0.0] * 4, "min", [3]),
        ([-5.0, -4.99, -4.98, -4.97], "min", [3]),
        ([-5.0, -5.04, -5.04, -5.04], "min", [3]),  # better by less than 1 percent of 5
        ([-5.0, -5.06, -5.12, -5.18], "min", []),
        ([-5.0, -4.94, -4.88, -4.82], "max", []),
        ([-5.0, -4.96, -4.96, -4.96], "max", [3]),
        ([-0.5, 0.5, 1.5], "min", [3]),
        ([0.5, -0.5, -1.5], "min", []),
        ([INF, INF, 5.0, 4.0], "min", []),
        ([-INF, -INF, -5.0, -4.0], "max", []),
    ],
)
def test_the_margin_is_a_part_of_the_size_of_the_best_record(records, mode, epochs):
    assert lowered(records, mode) == epochs


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=12), st.sampled_from([0, 0.01, 0.5]))
def test_less_is_to_min_as_more_is_to_max(records, threshold):
    mirrored = [-record for record in records]
    assert lowered(records, "min", threshold) == lowered(mirrored, "max", threshold)


def test_a_rate_below_the_minimum_is_not_raised_to_it():
    rate = shared(0.25, "rate")
    plateau = ReduceOnPlateau(rate, "cost", patience=0, minimum=0.5)
    make(Feed([1.0] * 3), plateau, FinishAfter(after_n_epochs=3)).run()
    assert rate.get_value() == 0.25


def test_a_record_that_two_events_show_is_counted_once():
    rate = shared(1.0, "rate")
    plateau = ReduceOnPlateau(
        rate, "cost", patience=1, factor=0.5, after_epoch=True, after_training=True
    )
    make(Feed([1.0, 2.0]), plateau, FinishAfter(after_n_epochs=2)).run()
    assert (plateau.waited, rate.get_value()) == (1, 1.0)


def test_reducing_on_a_plateau_continues_from_its_state():
    def run(modifier, costs):
        make(Feed(costs), modifier, FinishAfter(after_n_epochs=len(costs))).run()

    costs = [3.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0]
    whole, first, second = (
        ReduceOnPlateau(shared(1.0, "rate"), "cost", patience=1, cooldown=1) for _ in range(3)
    )
    run(whole, costs)
    run(first, costs[:4])
    second.parameter.set_value(first.parameter.get_value())
    second.load_state_dict(first.state_dict())
    run(second, costs[4:])
    assert second.state_dict() == whole.state_dict()
    assert second.parameter.get_value() == whole.parameter.get_value() < 0.1


def test_reducing_passes_over_occasions_without_the_record():
    rate = shared(1.0, "rate")
    modifier = ReduceOnPlateau(rate, "cost", patience=0)
    make(Feed([1.0, None, None, 0.5]), modifier, FinishAfter(after_n_epochs=4)).run()
    assert rate.get_value() == 1.0


def test_wrong_settings_for_reducing_are_named():
    rate = shared(1.0, "rate")
    with pytest.raises(ArgumentError, match="mode must be 'min' or 'max', not 'least'"):
        ReduceOnPlateau(rate, "cost", mode="least")
    with pytest.raises(ArgumentError, match="factor must be at least 0 and less than 1, not 2"):
        ReduceOnPlateau(rate, "cost", factor=2)


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("patience", [-1, 1.5, "3", True]),
        ("cooldown", [-1, 2.0]),
        ("threshold", [-0.1, NAN, INF]),
        ("minimum", [-0.1, NAN, INF]),
        ("factor", [NAN, -0.5, 1]),
    ],
)
def test_numbers_for_reducing_that_make_no_sense_are_refused(option, values):
    for value in values:
        text = f"{option}={value!r} must be |{option} must be .*, not {value!r}"
        with pytest.raises(ArgumentError, match=text):
            ReduceOnPlateau(shared(1.0, "rate"), "cost", **{option: value})


@pytest.mark.parametrize(
    ("choose", "values", "best"),
    [
        (min, [3.0, 4.0, 2.0, 2.0, 1.0], [1, 3, 5]),
        (max, [3.0, 4.0, 2.0, 4.0, 5.0], [1, 2, 5]),
        (min, [NAN, 4.0, NAN, 5.0, 3.0], [2, 5]),
        (max, [NAN, NAN, 1.0, NAN, 0.5], [3]),
        (min, [None, 4.0, None, math.inf, 3.0], [2, 5]),
        (lambda a, b: min(a, b, key=abs), [-3.0, 2.0, -1.0, 1.5, -1.0], [1, 2, 3]),
    ],
)
def test_the_best_value_so_far_is_noted(choose, values, best):
    track = TrackTheBest("cost", choose_best=choose)
    main_loop = make(Feed(values), track, FinishAfter(after_n_epochs=len(values)))
    main_loop.run()
    log = main_loop.log
    assert [i // len(BATCHES) for i in log if "cost_best_so_far" in log[i]] == best
    assert log[best[-1] * 3]["cost_best_so_far"] is True
    assert main_loop.status["best_cost"] == values[best[-1] - 1]


def test_the_best_is_looked_for_when_triggered_and_noted_under_the_given_name():
    track = TrackTheBest("x", "is_best", every_n_batches=2)
    main_loop = make(track, FinishAfter(after_n_batches=6))
    main_loop.log[2]["x"], main_loop.log[5]["x"], main_loop.log[6]["x"] = 3, 1, 2
    main_loop.run()
    assert [i for i in main_loop.log if "is_best" in main_loop.log[i]] == [2, 6]
    assert main_loop.status["best_x"] == 2


def test_a_resumed_run_with_a_schedule_ends_in_the_same_numbers():
    def build(batches):
        rule = Momentum(0.1, 0.9)
        modifier = SharedVariableModifier(rule.learning_rate, linear(0.2, 0.01, 12))
        plateau = ReduceOnPlateau(rule.momentum, "epoch_cost", patience=0, threshold=0.5)
        track = TrackTheBest("epoch_cost")
        main_loop = runs.build(batches, modifier, rule=rule)
        main_loop.extensions[-1:-1] = [plateau, track]
        return main_loop

    whole, part, rest = build(17), build(8), build(17)
    whole.run()
    part.run()
    rest.load_state_dict(part.state_dict())
    rest.run()
    runs.assert_same(whole, rest)
    assert whole.status["best_epoch_cost"] == rest.status["best_epoch_cost"]
