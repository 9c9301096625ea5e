"""One channel: kinds of values, growth, records out of order, views that never change."""

import numpy as np
import pytest
import torch

from workbench.log.column import MISSING, Column
from workbench.utils.values import to_python


def column(*values):
    new = Column()
    for i, value in enumerate(values):
        new.put(i, value)
    return new


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([0.5, 1.5], np.float64),
        ([1, 2], np.int64),
        ([True, False], np.bool_),
        (["a", None], object),
        ([None, None], object),
        ([None, 0.5], object),
        ([1, 0.5], np.float64),
        ([0.5, 1], np.float64),
        ([1, True], object),
        ([0.5, "a"], object),
        ([2**63, 1], object),
        ([2**53 + 1, 0.5], object),
        ([0.5, 2**53 + 1], object),
    ],
)
def test_a_column_widens_only_as_far_as_no_value_changes(values, dtype):
    filled = column(*values)
    assert filled.entries()[1].dtype == dtype
    assert [filled.get(i) for i in range(len(values))] == values
    assert [type(filled.get(i)) for i in range(2)] == [
        type(v) for v in values
    ] or dtype is np.float64


def test_iterations_may_come_in_any_order_and_twice():
    filled = Column()
    for iteration, value in [(5, 0.5), (9, 0.9), (2, 0.2), (7, 0.7), (5, 1.5), (9, 1.9)]:
        filled.put(iteration, value)
    iterations, values = filled.entries()
    assert iterations.tolist() == [2, 5, 7, 9]
    assert values.tolist() == [0.2, 1.5, 0.7, 1.9]
    assert filled.get(6) is filled.get(10) is MISSING


def test_extending_in_bulk_is_recording_one_by_one():
    at, values = [3, 4, 8, 8, 1], [0.3, 0.4, 8, None, 0.1]
    bulk, single = column(0.0), column(0.0)
    bulk.extend(at, values)
    for iteration, value in zip(at, values, strict=True):
        single.put(iteration, value)
    assert [e.tolist() for e in bulk.entries()] == [e.tolist() for e in single.entries()]


def test_arrays_that_a_reader_has_never_change():
    filled = column(*np.arange(100.0).tolist())
    before = filled.entries()
    held = [e.tolist() for e in before]
    for iteration in (100, 50, 7, 99):
        filled.put(iteration, -1.0)
    filled.remove(3)
    filled.put(0, "text")
    assert [e.tolist() for e in before] == held
    with pytest.raises(ValueError, match="read-only"):
        before[1][0] = 0.0


def test_removing_the_last_record_lets_the_column_begin_again():
    filled = column(0.5)
    filled.remove(0)
    assert (filled.size, filled.last) == (0, -1)
    filled.put(0, "text")
    assert filled.get(0) == "text"


def test_storage_is_at_most_a_tenth_larger_than_its_contents():
    filled = column(*[0.5] * 20_000)
    assert filled._iterations.nbytes + filled._values.nbytes <= 1.1 * 16 * 20_000 + 16


NUMBERS = [np.float64(0.5), np.float32(0.5), np.array(0.5), torch.tensor(0.5)]


@pytest.mark.parametrize("value", [*NUMBERS, torch.tensor(0.5, dtype=torch.bfloat16)])
def test_single_numbers_become_python_numbers(value):
    assert to_python(value) == 0.5
    assert type(to_python(value)) is float


def test_arrays_and_tensors_become_independent_arrays():
    for value in (np.zeros(3), torch.zeros(3, requires_grad=True)):
        stored = to_python(value)
        with torch.no_grad():
            value += 1
        np.testing.assert_array_equal(stored, np.zeros(3))
