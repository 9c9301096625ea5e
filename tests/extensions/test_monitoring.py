"""Monitoring extensions in a main loop."""

import numpy as np
import pytest
import torch

from workbench import shared, tensor
from workbench.algorithms import GradientDescent, Scale, TorchOptimizer, TrainingAlgorithm
from workbench.data import DataStream, IndexableDataset, SequentialScheme
from workbench.errors import ExtensionError, MonitoringError, NotFiniteError, SourceError
from workbench.extensions import FinishAfter
from workbench.extensions.monitoring import (
    DataStreamMonitoring,
    MonitoringExtension,
    TrainingDataMonitoring,
)
from workbench.main_loop import MainLoop
from workbench.monitoring import Maximum, MonitoredQuantity, perplexity


class Line:
    """Gradient descent on the mean of ``(x - w) ** 2`` over six numbers in batches of four."""

    def __init__(self, step_rule=None):
        self.x, self.w = tensor.vector("x"), shared(0.0, "w")
        self.cost = ((self.x - self.w) ** 2).mean().copy(name="cost")
        self.cost.tag.n_examples = self.x.shape[0]
        self.algorithm = GradientDescent(
            cost=self.cost, parameters=[self.w], step_rule=step_rule or Scale(0.25)
        )
        self.data = np.arange(6, dtype="float32")

    def stream(self):
        dataset = IndexableDataset({"x": self.data})
        return DataStream(dataset, iteration_scheme=SequentialScheme(6, 4))

    def run(self, *extensions, epochs=1):
        """Return the main loop after training."""
        finish = FinishAfter(after_n_epochs=epochs)
        loop = MainLoop(self.algorithm, self.stream(), extensions=[*extensions, finish])
        loop.run()
        return loop

    def by_hand(self, epochs=1):
        """Return w before each batch and at the end."""
        w, seen = 0.0, []
        for _ in range(epochs):
            for batch in (self.data[:4], self.data[4:]):
                seen.append(w)
                w -= 0.25 * 2 * (w - batch.mean())
        return [*seen, w]


def costs(line, ws):
    batches = [line.data[:4], line.data[4:]]
    return [((b - w) ** 2).mean() for b, w in zip(batches * len(ws), ws[:-1], strict=False)]


def test_every_batch_is_recorded_with_values_from_before_the_step():
    line = Line()
    log = line.run(TrainingDataMonitoring([line.cost, line.w], after_batch=True)).log
    ws = line.by_hand()
    np.testing.assert_allclose([log[1]["w"], log[2]["w"]], ws[:-1], rtol=1e-6)
    np.testing.assert_allclose([log[1]["cost"], log[2]["cost"]], costs(line, ws), rtol=1e-6)


def test_an_epoch_is_averaged_over_examples():
    line = Line()
    log = line.run(TrainingDataMonitoring([line.cost], after_epoch=True)).log
    first, second = costs(line, line.by_hand())
    assert log[2]["cost"] == pytest.approx((4 * first + 2 * second) / 6, rel=1e-6)
    assert "cost" not in log[1]


def test_the_last_value_counts_for_variables_that_depend_on_no_data():
    line = Line()
    log = line.run(TrainingDataMonitoring([line.w], after_epoch=True)).log
    assert log[2]["w"] == pytest.approx(line.by_hand()[1])


def test_each_record_starts_from_zero():
    line = Line()
    log = line.run(TrainingDataMonitoring([line.cost], after_epoch=True), epochs=2).log
    third, fourth = costs(line, line.by_hand(2))[2:]
    assert log[4]["cost"] == pytest.approx((4 * third + 2 * fourth) / 6, rel=1e-5)


def test_triggers_that_coincide_do_not_spoil_the_record():
    line = Line()
    monitoring = TrainingDataMonitoring([line.cost], after_batch=True, after_epoch=True)
    log = line.run(monitoring).log
    assert log[2]["cost"] == pytest.approx(costs(line, line.by_hand())[1], rel=1e-6)


def test_gradients_are_computed_once():
    line = Line()
    calls = []
    tensor.put_hook(line.algorithm.gradients[line.w], lambda value: calls.append(value))
    norm = line.algorithm.total_gradient_norm
    monitors = [
        TrainingDataMonitoring([line.cost, norm], after_batch=True),
        TrainingDataMonitoring([norm], prefix="mean", after_epoch=True),
    ]
    log = line.run(*monitors).log
    assert len(calls) == 2
    each = [log[1]["total_gradient_norm"], log[2]["total_gradient_norm"]]
    assert log[2]["mean_total_gradient_norm"] == pytest.approx(np.mean(each))


def test_a_second_run_does_not_join_the_step_twice():
    line = Line()
    monitoring = TrainingDataMonitoring([line.cost], after_batch=True)
    loop = line.run(monitoring)
    function = line.algorithm.function
    loop.run(epochs=1)
    assert line.algorithm.function is function
    assert len(loop.log) >= 4 and "cost" in loop.log[4]


def test_another_algorithm_is_joined_when_it_takes_over():
    line, other = Line(), Line()
    monitoring = TrainingDataMonitoring([line.cost], after_batch=True)
    loop = line.run(monitoring)
    loop.algorithm = TorchOptimizer(line.cost, [line.w], torch.optim.SGD, {"lr": 0.0})
    loop.algorithm.initialize()
    loop.run(epochs=1)
    assert loop.log[4]["cost"] == pytest.approx(((other.data[4:] - line.w.get_value()) ** 2).mean())


def test_the_scheme_of_a_variable_counts():
    line = Line()
    line.cost.tag.aggregation_scheme = Maximum(line.cost)
    log = line.run(TrainingDataMonitoring([line.cost], after_epoch=True)).log
    assert log[2]["cost"] == pytest.approx(max(costs(line, line.by_hand())), rel=1e-6)


class Count(MonitoredQuantity):
    """Number of examples."""

    def initialize(self):
        self.n = 0

    def aggregate(self, x):
        self.n += len(x)

    def get_aggregated_value(self):
        return self.n


def test_quantities_that_are_not_symbolic():
    line = Line()
    count = Count([line.x], "examples")
    log = line.run(
        TrainingDataMonitoring([count, line.cost], after_epoch=True),
        DataStreamMonitoring([Count([line.x], "examples")], line.stream(), prefix="test"),
        epochs=2,
    ).log
    assert log[4]["examples"] == 6 and log[4]["test_examples"] == 6


def test_training_with_an_optimizer_of_torch_is_monitored_too():
    line = Line()
    line.algorithm = TorchOptimizer(line.cost, [line.w], torch.optim.SGD, {"lr": 0.25})
    log = line.run(TrainingDataMonitoring([line.cost, line.w], after_batch=True)).log
    assert log[2]["w"] == pytest.approx(line.by_hand()[1])


def test_an_algorithm_that_cannot_be_joined_is_refused():
    class Idle(TrainingAlgorithm):
        def initialize(self):
            pass

        def process_batch(self, batch):
            pass

    line = Line()
    line.algorithm = Idle()
    with pytest.raises(ExtensionError, match="an UpdatesAlgorithm, .* of the main loop is 'Idle'"):
        line.run(TrainingDataMonitoring([line.cost], after_batch=True))


def test_a_stream_is_monitored_before_the_first_and_after_every_epoch():
    line = Line()
    log = line.run(DataStreamMonitoring([line.cost], line.stream(), prefix="test"), epochs=2).log
    ws = line.by_hand(2)
    for iteration in (0, 2, 4):
        expected = ((line.data - ws[iteration]) ** 2).mean()
        assert log[iteration]["test_cost"] == pytest.approx(expected, rel=1e-6)
    assert "test_cost" not in log[1]


def test_a_stream_is_monitored_when_asked():
    line = Line()
    monitoring = DataStreamMonitoring(
        [line.cost], line.stream(), before_first_epoch=False, after_epoch=False, every_n_batches=3
    )
    log = line.run(monitoring, epochs=2).log
    assert [i for i in range(5) if "cost" in log[i]] == [3]


def test_a_missing_source_names_variable_and_stream():
    line = Line()
    monitoring = DataStreamMonitoring([line.cost], [{"X": line.data}])
    with pytest.raises(SourceError, match="monitoring of 'cost' requires the source 'x'") as caught:
        line.run(monitoring)
    assert any("DataStreamMonitoring" in note for note in caught.value.__notes__)


def test_evaluation_does_not_change_the_model():
    line = Line()
    before = line.w.get_value()
    monitoring = DataStreamMonitoring([line.cost], line.stream())
    monitoring.evaluator.evaluate(line.stream())
    assert line.w.get_value() == before


@pytest.mark.parametrize(
    "options, expected",
    [
        ({}, "cost"),
        ({"prefix": "test"}, "test_cost"),
        ({"suffix": "mean"}, "cost_mean"),
        ({"prefix": "a", "suffix": "b"}, "a_cost_b"),
    ],
)
def test_names_of_records(options, expected):
    assert MonitoringExtension(**options).record_name(tensor.scalar("cost")) == expected


@pytest.mark.parametrize("kind", [TrainingDataMonitoring, DataStreamMonitoring])
def test_names_must_be_unique(kind):
    line = Line()
    rest = [line.stream()] if kind is DataStreamMonitoring else []
    with pytest.raises(MonitoringError, match="two monitored variables are named 'cost'"):
        kind([line.cost, line.cost.copy(name="cost")], *rest)


def test_the_batch_that_failed_leaves_no_record():
    line = Line()
    line.data[5] = np.nan
    monitoring = TrainingDataMonitoring([line.cost], after_batch=True)
    loop = MainLoop(line.algorithm, line.stream(), extensions=[monitoring])
    with pytest.raises(NotFiniteError, match="the cost 'cost' is nan in batch 2"):
        loop.run()
    assert "cost" in loop.log[1] and "cost" not in loop.log[2]


def test_state_in_the_middle_of_an_epoch():
    def fresh():
        line = Line(Scale(0.0))
        monitoring = TrainingDataMonitoring([line.cost], after_epoch=True)
        return line, monitoring

    (line, first), (other, second) = fresh(), fresh()
    loop = MainLoop(
        line.algorithm, line.stream(), extensions=[first, FinishAfter(after_n_batches=1)]
    )
    loop.run()
    second.load_state_dict(first.state_dict())
    batch = [{"x": line.data[4:]}]
    MainLoop(other.algorithm, batch, extensions=[second, FinishAfter(after_n_epochs=1)]).run()
    assert second.main_loop.log[1]["cost"] == pytest.approx((line.data**2).mean())


def test_a_perplexity_of_every_batch_is_no_log_likelihood():
    line = Line()
    line.perplexity = perplexity(-((line.x - line.w) ** 2).mean() / 8, 1.0)
    log = line.run(TrainingDataMonitoring([line.perplexity], after_batch=True)).log
    first, second = costs(line, line.by_hand())
    expected = [np.exp(first / 8), np.exp(second / 8)]
    assert [log[1]["perplexity"], log[2]["perplexity"]] == pytest.approx(expected, rel=1e-5)
