"""Evaluators: values over data sets, computed batch by batch."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import function, shared, tensor
from workbench.data import as_stream
from workbench.errors import MonitoringError, SourceError
from workbench.monitoring import (
    AggregationBuffer,
    DatasetEvaluator,
    Mean,
    Minimum,
    MonitoredQuantity,
    MonitoredQuantityBuffer,
    TakeLast,
    mean,
)
from workbench.tensor import RandomStream


class Median(MonitoredQuantity):
    """The median of all elements."""

    def initialize(self):
        self.seen = []

    def aggregate(self, values):
        self.seen.extend(values.tolist())

    def get_aggregated_value(self):
        return float(np.median(self.seen))


class Span(MonitoredQuantity):
    """The largest difference between two numbers."""

    def initialize(self):
        self.largest = 0.0

    def aggregate(self, low, high):
        self.largest = max(self.largest, high - low)

    def get_aggregated_value(self):
        return self.largest


def batches(*values):
    return as_stream([{"x": np.asarray(value, "float32")} for value in values])


x = tensor.vector("x")


def named(variable, name, **tags):
    new = variable.copy(name=name)
    for key, value in tags.items():
        setattr(new.tag, key, value)
    return new


def each(variable, name):
    """Return a variable whose scheme is the mean over batches."""
    return mean(named(variable, name))


def test_means_are_those_over_examples():
    value = DatasetEvaluator([named(x.mean(), "m")]).evaluate(batches([1, 3], [8]))
    assert value == {"m": 4}


def test_a_mean_over_batches_can_be_demanded():
    value = DatasetEvaluator([each(x.mean(), "m")]).evaluate(batches([1, 3], [8]))
    assert value == {"m": 5}


def test_values_are_averaged_over_examples_where_their_number_is_known():
    mean = named(x.mean(), "m", n_examples=x.shape[0])
    assert DatasetEvaluator([mean]).evaluate(batches([1, 3], [8])) == {"m": 4}


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_the_division_into_batches_does_not_matter(sizes):
    data = np.random.default_rng(0).normal(size=sum(sizes)).astype("float32")
    parts = np.split(data, np.cumsum(sizes)[:-1])
    whole = MEAN_OVER_EXAMPLES.evaluate(batches(*parts))["m"]
    assert whole == pytest.approx(data.astype("float64").mean(), abs=1e-7)


MEAN_OVER_EXAMPLES = DatasetEvaluator([named(x.mean(), "m", n_examples=x.shape[0])])


def test_the_scheme_of_the_tag_goes_first():
    m = named(x.mean(), "m", n_examples=x.shape[0])
    m.tag.aggregation_scheme = Minimum(m)
    assert DatasetEvaluator([m]).evaluate(batches([1, 3], [8])) == {"m": 2}


def test_small_values_are_not_lost_among_many():
    """In single precision the sum would stop growing."""
    evaluator = DatasetEvaluator([each(x.sum(), "s")])
    evaluator.initialize_aggregators()
    for value in [2.0**24] + [1.0] * 64:
        evaluator.process_batch({"x": np.float32([value])})
    assert evaluator.get_aggregated_values()["s"] == (2**24 + 64) / 65


def test_arrays_are_averaged_element_by_element():
    m = tensor.matrix("m")
    evaluator = DatasetEvaluator([named(m.mean(0), "means")])
    stream = as_stream([{"m": np.float32([[1, 2], [3, 4]])}, {"m": np.float32([[4, 8]])}])
    np.testing.assert_array_equal(evaluator.evaluate(stream)["means"], [8 / 3, 14 / 3])


def test_numbers_come_as_python_numbers():
    n = named(x.shape[0], "n")
    n.tag.aggregation_scheme = TakeLast(n)
    values = DatasetEvaluator([named(x.sum(), "s"), n]).evaluate(batches([1, 2]))
    assert type(values["s"]) is float and type(values["n"]) is int


def test_order_is_that_of_the_variables():
    w = shared(1.0, "w")
    monitored = [named(x.sum(), "s"), Median([x], "median"), w, named(x.max(), "h")]
    values = DatasetEvaluator(monitored).evaluate(batches([1, 2]))
    assert list(values) == ["s", "median", "w", "h"]


def test_variables_without_data_are_computed_once():
    calls = []
    w = shared(3.0, "w")
    square = tensor.put_hook(named(w**2, "square"), lambda value: calls.append(value))
    values = DatasetEvaluator([square, each(x.sum(), "s")]).evaluate(batches([1], [2], [3]))
    assert values == {"square": 9, "s": 2} and len(calls) == 1


def test_the_stream_is_not_read_for_variables_without_data():
    class Untouchable:
        def get_epoch_iterator(self, as_dict=False):
            raise AssertionError("read nevertheless")

    assert DatasetEvaluator([shared(2.0, "w")]).evaluate(Untouchable()) == {"w": 2}


def test_each_evaluation_starts_again():
    evaluator = DatasetEvaluator([each(x.sum(), "s"), Median([x], "median")])
    evaluator.evaluate(batches([100]))
    assert evaluator.evaluate(batches([1], [3])) == {"s": 2, "median": 2}


def test_updates_are_done_with_every_batch():
    seen = shared(0, "seen")
    evaluator = DatasetEvaluator([each(x.sum(), "s")], updates={seen: seen + x.shape[0]})
    evaluator.evaluate(batches([1, 2], [3]))
    assert seen.get_value() == 3 and evaluator.changes == [seen]


def test_random_draws_differ_from_batch_to_batch():
    noise = named(RandomStream(1).uniform(x.shape).mean(), "noise")
    seen = []
    tensor.put_hook(noise, lambda value: seen.append(value.item()))
    DatasetEvaluator([noise]).evaluate(batches([1], [1]))
    assert seen[0] != seen[1]


def test_nothing_is_kept_for_gradients():
    w = shared(2.0, "w")
    seen = []
    product = tensor.put_hook(named((w * x).sum(), "p"), lambda value: seen.append(value))
    DatasetEvaluator([product]).evaluate(batches([1]))
    assert not seen[0].requires_grad


def test_surplus_sources_are_not_looked_at():
    stream = as_stream([{"x": np.float32([1]), "labels": ["a"]}])
    assert DatasetEvaluator([named(x.sum(), "s")]).evaluate(stream) == {"s": 1}


def test_a_missing_source_is_named_with_its_users():
    y = tensor.vector("targets")
    evaluator = DatasetEvaluator([named(x.sum(), "s"), named(y.sum(), "error")])
    text = "monitoring of 'error' requires the source 'targets', .* did you mean 'target'"
    with pytest.raises(SourceError, match=text):
        evaluator.process_batch({"x": [1.0], "target": [1.0]})


def test_a_value_without_a_batch_is_refused():
    evaluator = DatasetEvaluator([named(x.sum(), "s")])
    evaluator.initialize_aggregators()
    with pytest.raises(MonitoringError, match="'s' has no value, because there was no batch"):
        evaluator.get_aggregated_values()


def test_a_mean_over_no_examples_is_not_a_number():
    value = named(x.sum(), "m", aggregation_scheme=Mean(x.sum(), x.shape[0]))
    assert np.isnan(DatasetEvaluator([value]).evaluate(batches([]))["m"])


@pytest.mark.parametrize(
    "monitored, text",
    [
        (lambda: [x.sum()], "sum must have a name for its records"),
        (lambda: [Median([x])], "Median must have a name"),
        (lambda: [named(x.sum(), "a"), named(x.max(), "a")], "two monitored variables .*'a'"),
        (lambda: [x, x], "monitored variable 'x' is listed twice; list it only once$"),
        (lambda: [Median([x], "x"), x], "two monitored variables are named 'x'.*; rename one"),
        (lambda: ["cost"], "must be a Variable or a MonitoredQuantity, not 'cost'"),
    ],
)
def test_names_must_be_there_and_unique(monitored, text):
    with pytest.raises(MonitoringError, match=text):
        DatasetEvaluator(monitored())


def test_quantities_get_arrays_and_numbers():
    values = DatasetEvaluator([Median([x], "median"), Span([x.min(), x.max()], "span")])
    assert values.evaluate(batches([1, 2], [9, 4])) == {"median": 3, "span": 5}


def test_a_buffer_of_quantities():
    buffer = MonitoredQuantityBuffer([Median([x], "median"), Span([x.min(), x.max()], "span")])
    assert buffer.quantity_names == ["median", "span"]
    assert buffer.inputs == [x] and len(buffer.requires) == 3
    compute = function(buffer.inputs, buffer.requires)
    buffer.initialize_quantities()
    buffer.aggregate_quantities(compute([1.0, 4.0]))
    assert buffer.get_aggregated_values() == {"median": 2.5, "span": 3}


def test_a_buffer_can_take_the_last_value_of_variables_without_data():
    w = shared(1.0, "w")
    once, last = AggregationBuffer([w]), AggregationBuffer([w], use_take_last=True)
    assert list(once.readout_variables) == ["w"] and once.requires == []
    assert last.requires == [w] and last.readout_variables == {}
    once.initialize_aggregators()
    last.initialize_aggregators()
    last.aggregate([5.0])
    assert once.get_aggregated_values() == {"w": 1} and last.get_aggregated_values() == {"w": 5}


def test_state_goes_on_where_it_was():
    def fresh():
        monitored = [named(x.mean(), "m", n_examples=x.shape[0]), Median([x], "median")]
        return AggregationBuffer(monitored)

    first, second = fresh(), fresh()
    first.initialize_aggregators()
    first.aggregate([np.float32(1), 2, np.float32([0, 2])])
    second.load_state_dict(first.state_dict())
    first.aggregate([np.float32(4), 1, np.float32([4])])
    second.aggregate([np.float32(4), 1, np.float32([4])])
    assert first.get_aggregated_values() == second.get_aggregated_values() == {"m": 2, "median": 2}


def test_an_evaluator_can_be_pickled():
    evaluator = pickle.loads(pickle.dumps(DatasetEvaluator([each(x.sum(), "s")])))
    assert evaluator.evaluate(batches([1], [3])) == {"s": 2}


@pytest.mark.parametrize("wrong", [[{"x": [1.0]}], None, {"x": [1.0]}])
def test_evaluation_needs_a_stream(wrong):
    x = tensor.vector("x")
    with pytest.raises(
        MonitoringError, match=r"of s: the argument of evaluate must be a data stream, not .*as_"
    ):
        DatasetEvaluator([named(x.sum(), "s")]).evaluate(wrong)


def test_monitored_variables_must_be_in_a_list():
    with pytest.raises(
        MonitoringError, match=r"monitored variables must be a list, not s; write \[s\]"
    ):
        DatasetEvaluator(named(tensor.vector("x").sum(), "s"))
