"""Every aggregation scheme against NumPy, outside of the graph and as updates."""

import inspect
import pickle

import numpy as np
import pytest

import workbench.monitoring as monitoring
from workbench import function, tensor
from workbench.data import as_stream
from workbench.errors import MonitoringError
from workbench.monitoring import (
    AggregationScheme,
    Concatenate,
    DatasetEvaluator,
    Maximum,
    Mean,
    Median,
    Minimum,
    Perplexity,
    Sum,
    TakeLast,
)
from workbench.monitoring.accumulate import FoldAccumulator
from workbench.monitoring.fold import Fold
from workbench.monitoring.inferred import DataIndependent, Derived, WeightedMean, scheme_of

x = tensor.variable("x", (None, 3))
m = x.mean()
s = x.sum()
c = x.sum(0)
RNG = np.random.default_rng(0)
BATCHES = [RNG.uniform(0.1, 1, size=(n, 3)).astype("float32") for n in (4, 1, 3)]
WIDE = np.concatenate(BATCHES).astype("float64")
LARGEST = np.max([batch.astype("float64").sum(0) for batch in BATCHES], axis=0)
EACH = [batch.astype("float64") for batch in BATCHES]

# Function that makes the scheme; expected value.
ROWS = {
    "mean over batches": (lambda: Mean(m), np.mean([b.mean() for b in EACH])),
    "mean over rows": (lambda: Mean(s, x.shape[0]), WIDE.sum() / len(WIDE)),
    "mean with a number": (lambda: Mean(s, 2.0), WIDE.sum() / 6),
    "mean of columns": (lambda: Mean(c, x.shape[0]), WIDE.mean(0)),
    "weighted mean": (lambda: WeightedMean(m, x.shape[0]), WIDE.mean()),
    "weighted mean without empty batches": (
        lambda: WeightedMean(m / (x[0, 0] > 0.5), (x[0, 0] > 0.5).float()),
        np.mean([b.mean() for b in EACH if b[0, 0] > 0.5]),
    ),
    "sum": (lambda: Sum(s), WIDE.sum()),
    "sum of columns": (lambda: Sum(c), WIDE.sum(0)),
    "derived": (
        lambda: Derived((s / x.shape[0]).sqrt(), {s: Sum(s), x.shape[0]: Sum(x.shape[0])}),
        np.sqrt(WIDE.sum() / len(WIDE)),
    ),
    "derived of columns": (lambda: Derived(c.abs().sum(), {c: Maximum(c)}), LARGEST.sum()),
    "last": (lambda: TakeLast(m), EACH[-1].mean()),
    "last columns": (lambda: TakeLast(c), EACH[-1].sum(0)),
    "minimum": (lambda: Minimum(m), min(b.mean() for b in EACH)),
    "minimum of columns": (lambda: Minimum(c), np.min([b.sum(0) for b in EACH], axis=0)),
    "maximum": (lambda: Maximum(m), max(b.mean() for b in EACH)),
    "maximum of columns": (lambda: Maximum(c), np.max([b.sum(0) for b in EACH], axis=0)),
    "median": (lambda: Median(m), np.median([b.mean() for b in EACH])),
    "median of columns": (lambda: Median(c), np.median([b.sum(0) for b in EACH], axis=0)),
    "perplexity": (
        lambda: Perplexity(x.log().sum(), x.shape[0]),
        np.exp(-np.log(WIDE).sum() / len(WIDE)),
    ),
    "concatenation": (lambda: Concatenate(x), WIDE),
    "concatenation of examples": (lambda: Concatenate(x.sum(1)), WIDE.sum(1)),
    "concatenation of some": (lambda: Concatenate(x[1:]), np.concatenate([b[1:] for b in EACH])),
    "concatenation of columns": (lambda: Concatenate(c), [b.sum(0) for b in EACH]),
    "concatenation of matrices": (lambda: Concatenate(x.T @ x), [b.T @ b for b in EACH]),
    "concatenation of numbers": (lambda: Concatenate(m), [b.mean() for b in EACH]),
}
GROWING = {name for name, (make, _) in ROWS.items() if make().grows}
WITHOUT_DATA = DataIndependent  # has no batches; see tests/monitoring


def schemes(base=AggregationScheme):
    """Return all schemes that the package defines and exports."""
    for cls in base.__subclasses__():
        if cls.__module__.startswith("workbench.") and not inspect.isabstract(cls):
            yield cls
        yield from schemes(cls)


def fold_over(scheme):
    """Return the aggregated value, with the state outside of the graph."""
    running = FoldAccumulator(scheme, "value")
    running.initialize()
    compute = function([x], scheme.requires)
    for batch in BATCHES:
        running.aggregate(*compute(batch))
    return running.get_aggregated_value()


def test_every_scheme_has_a_row():
    covered = {type(make()) for make, _ in ROWS.values()} | {WITHOUT_DATA}
    assert set(schemes()) == covered


@pytest.mark.parametrize("name", ROWS)
def test_outside_of_the_graph(name):
    make, expected = ROWS[name]
    np.testing.assert_allclose(fold_over(make()), expected, rtol=1e-6)


@pytest.mark.parametrize("name", sorted(set(ROWS) - GROWING))
def test_as_updates_of_shared_variables(name):
    make, expected = ROWS[name]
    aggregator = make().get_aggregator()
    start = function([], [], updates=aggregator.initialization_updates)
    step = function([x], [], updates=aggregator.accumulation_updates, on_unused_input="ignore")
    for _ in range(2):
        start()
        for batch in BATCHES:
            step(batch)
        np.testing.assert_allclose(aggregator.readout_variable.eval().numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("name", sorted(GROWING))
def test_a_state_that_grows_has_no_form_as_updates(name):
    with pytest.raises(MonitoringError, match="grows with the data"):
        ROWS[name][0]().get_aggregator()


def test_a_value_derived_from_a_growing_state_has_no_form_as_updates():
    part = x.mean().copy()
    part.tag.aggregation_scheme = Median(part)
    with pytest.raises(MonitoringError, match="grows with the data"):
        scheme_of(part * 2).get_aggregator()


def test_a_value_derived_from_a_concatenation_needs_a_scheme():
    part = x.mean().copy(name="part")
    part.tag.aggregation_scheme = Concatenate(part)
    value = (part * 2).copy(name="value")
    with pytest.raises(MonitoringError, match="has ndim=1 instead of 0"):
        DatasetEvaluator([value]).evaluate(as_stream([{"x": one} for one in BATCHES]))


@pytest.mark.parametrize("name", sorted(set(ROWS) - GROWING))
def test_a_scheme_of_the_users_gets_by_with_an_aggregator(name):
    """A scheme without a fold, as in Blocks, is run by its updates."""
    make, expected = ROWS[name]

    class Foreign(AggregationScheme):
        def get_aggregator(self):
            return make().get_aggregator()

    value = x.sum().copy(name="value")
    value.tag.aggregation_scheme = Foreign(value)
    evaluator = DatasetEvaluator([value])
    stream = as_stream([{"x": batch} for batch in BATCHES])
    for _ in range(2):
        np.testing.assert_allclose(evaluator.evaluate(stream)["value"], expected, rtol=1e-6)


@pytest.mark.parametrize("name", ROWS)
def test_a_loaded_state_continues_with_the_same_numbers(name):
    scheme = ROWS[name][0]()
    compute = function([x], scheme.requires)
    first, second = FoldAccumulator(scheme, "value"), FoldAccumulator(scheme, "value")
    first.initialize()
    first.aggregate(*compute(BATCHES[0]))
    second.load_state_dict(first.state_dict())
    for running in (first, second):
        for batch in BATCHES[1:]:
            running.aggregate(*compute(batch))
    np.testing.assert_array_equal(first.get_aggregated_value(), second.get_aggregated_value())


@pytest.mark.parametrize("name", ROWS)
def test_schemes_pickle_and_show_themselves(name):
    scheme = ROWS[name][0]()
    copy = pickle.loads(pickle.dumps(scheme))
    assert type(copy) is type(scheme)
    assert repr(copy) == repr(scheme) and repr(scheme).startswith(f"{type(scheme).__name__}(")


@pytest.mark.parametrize("scheme, worst", [(Minimum, np.nan), (Maximum, np.nan), (Median, np.nan)])
@pytest.mark.parametrize("variable", [m, c])
def test_nan_stays_visible(scheme, worst, variable):
    running = FoldAccumulator(scheme(variable), "value")
    running.initialize()
    compute = function([x], [variable])
    for batch in (BATCHES[0], np.full((2, 3), worst, "float32"), BATCHES[1]):
        running.aggregate(*compute(batch))
    assert np.isnan(running.get_aggregated_value()).all()


@pytest.mark.parametrize("scheme", [Mean, Minimum, TakeLast])
def test_a_state_of_unknown_size_has_no_form_as_updates(scheme):
    with pytest.raises(MonitoringError, match="has an unknown size, .* use DatasetEvaluator"):
        scheme(x.sum(1)).get_aggregator()


@pytest.mark.parametrize("cls", sorted(schemes(Fold), key=lambda c: c.__name__))
def test_schemes_are_documented(cls):
    assert "Parameters\n" in inspect.getdoc(cls)
    assert cls in (WeightedMean, Derived) or cls.__name__ in monitoring.__all__


def test_concatenated_columns_of_unknown_number_have_a_row_for_each_batch():
    wide = tensor.matrix("x")
    columns, total = wide.sum(0).copy(name="columns"), wide.sum().copy(name="total")
    for variable in (columns, total):
        variable.tag.aggregation_scheme = Concatenate(variable)
    values = DatasetEvaluator([columns, total]).evaluate(as_stream([{"x": b} for b in BATCHES]))
    np.testing.assert_allclose(values["columns"], [b.sum(0) for b in EACH], rtol=1e-6)
    np.testing.assert_allclose(values["total"], [b.sum() for b in EACH], rtol=1e-6)


def test_rows_of_different_lengths_are_named():
    wide = tensor.matrix("x")
    columns = wide.sum(0).copy(name="columns")
    columns.tag.aggregation_scheme = Concatenate(columns)
    stream = as_stream([{"x": np.ones((2, n), "float32")} for n in (2, 3)])
    with pytest.raises(MonitoringError, match=r"columns\): .* shapes \[\(1, 2\), \(1, 3\)\]"):
        DatasetEvaluator([columns]).evaluate(stream)
