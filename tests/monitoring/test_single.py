"""The fast path of monitoring: a single batch is read directly, several are accumulated."""

import pytest
import torch

from workbench import tensor
from workbench.monitoring import AggregationBuffer, Concatenate, Maximum
from workbench.monitoring.single import SingleBatchBuffer, buffer_of

x = tensor.vector("x")


def named(variable, name, scheme=None):
    variable = variable.copy(name=name)
    if scheme is not None:
        variable.tag.aggregation_scheme = scheme(variable)
    return variable


@pytest.fixture
def buffer():
    buffer = buffer_of([named(x.max(), "largest", Maximum)])
    buffer.initialize_aggregators()
    return buffer


def test_numbers_whose_scheme_keeps_a_single_one_take_the_fast_path(buffer):
    assert isinstance(buffer, SingleBatchBuffer)


@pytest.mark.parametrize("monitored", [named(x, "x"), named(x.sum(), "all", Concatenate)])
def test_values_that_a_scheme_changes_or_with_dimensions_do_not(monitored):
    assert isinstance(buffer_of([monitored]), AggregationBuffer)


def test_a_single_batch_is_never_accumulated(buffer):
    buffer.aggregate([torch.tensor(0.1)])
    assert buffer.get_aggregated_values() == {"largest": torch.tensor(0.1).item()}
    assert buffer.folds["largest"].state is None


def test_several_batches_are_accumulated(buffer):
    for value in (2.0, 5.0, 3.0):
        buffer.aggregate([torch.tensor(value)])
    assert buffer.get_aggregated_values() == {"largest": 5.0}
    buffer.initialize_aggregators()
    buffer.aggregate([torch.tensor(1.0)])
    assert buffer.get_aggregated_values() == {"largest": 1.0}


def test_values_in_memory_of_the_host_are_read_at_once(buffer):
    buffer.aggregate([torch.tensor(2.0)])
    assert buffer.on_device() is None


def test_values_on_another_device_can_be_read_later(buffer):
    buffer.aggregate([value := torch.tensor(2.0, device="meta")])
    assert buffer.on_device() == {"largest": value}


def test_its_state_has_the_batch_that_waits(buffer):
    buffer.aggregate([torch.tensor(2.0)])
    again = buffer_of([named(x.max(), "largest", Maximum)])
    again.load_state_dict(buffer.state_dict())
    again.aggregate([torch.tensor(1.0)])
    assert again.get_aggregated_values() == {"largest": 2.0}
