"""Ratios that carry their scheme."""

import numpy as np
import pytest
import torch

from workbench import tensor
from workbench.data import as_stream
from workbench.errors import MonitoringError
from workbench.monitoring import DatasetEvaluator, Mean, Median, Perplexity, mean, perplexity
from workbench.monitoring.inferred import scheme_of

x = tensor.vector("x")
STREAM = as_stream([{"x": np.float32([0.5, 0.25])}, {"x": np.float32([0.125])}])


def test_a_mean_has_the_name_of_its_numerator():
    ratio = mean(x.sum().copy(name="energy"), x.shape[0])
    assert ratio.name == "energy" and isinstance(ratio.tag.aggregation_scheme, Mean)
    assert ratio.eval({x: [1.0, 3.0]}) == 2
    assert DatasetEvaluator([ratio]).evaluate(STREAM)["energy"] == pytest.approx(0.875 / 3)


def test_a_mean_over_batches():
    ratio = mean(x.sum().copy(name="energy"))
    assert DatasetEvaluator([ratio]).evaluate(STREAM)["energy"] == pytest.approx(0.875 / 2)


def test_perplexity_over_a_data_set_is_not_the_mean_over_batches():
    value = perplexity(x.log().sum(), x.shape[0])
    assert isinstance(value.tag.aggregation_scheme, Perplexity)
    expected = np.exp(-np.log([0.5, 0.25, 0.125]).mean())
    assert DatasetEvaluator([value]).evaluate(STREAM) == {"perplexity": pytest.approx(expected)}


@pytest.mark.parametrize(
    "values", [[3.0, 1.0], [4.0, 1.0, 2.0, 8.0], [np.inf, 1.0, np.inf], [2, 1, 5, 3]]
)
def test_a_median_is_that_of_numpy(values):
    x = tensor.vector("x", dtype=torch.from_numpy(np.array(values)).dtype)
    total = x.sum().copy(name="total")
    total.tag.aggregation_scheme = Median(total)
    stream = as_stream([{"x": np.array([value])} for value in values])
    assert DatasetEvaluator([total]).evaluate(stream) == {"total": np.median(values)}


@pytest.mark.parametrize("arguments, text", [((5,), "numerator .*not 5"), ((x, "n"), "not 'n'")])
def test_a_mean_is_of_variables(arguments, text):
    with pytest.raises(MonitoringError, match=text):
        Mean(*arguments)


def test_a_tag_that_is_no_scheme_is_named():
    m = x.mean().copy(name="m")
    m.tag.aggregation_scheme = "mean"
    with pytest.raises(
        MonitoringError, match=r"of m must be a scheme such as Maximum\(m\), not 'mean'"
    ):
        DatasetEvaluator([m])


def test_the_number_of_examples_is_read_from_the_first_variable():
    x = tensor.matrix("x")
    costs = torch.relu(-x.sum(1))
    cost = costs.mean().copy(name="cost")
    cost.tag.n_examples = costs.shape[0]
    [_, number] = scheme_of(cost).requires
    assert repr(number) == "x.shape[0]"
