"""Values of tensors as numbers and arrays, for every dtype of torch."""

from collections import Counter, namedtuple

import numpy as np
import pytest
import torch

from workbench import tensor
from workbench.data import as_stream
from workbench.log import SQLiteLog, TrainingLog
from workbench.monitoring import DatasetEvaluator, TakeLast
from workbench.utils.values import to_python

FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
EIGHTS = [torch.float8_e4m3fn, torch.float8_e5m2]
WHOLE = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool]
Pair = namedtuple("Pair", "first second")
COMPLEX = [torch.complex32, torch.complex64, torch.complex128]


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
@pytest.mark.parametrize("dtype", [*FLOATS, *EIGHTS, *WHOLE, *COMPLEX], ids=str)
def test_every_dtype_keeps_its_values(dtype):
    values = [0.0, 1.0] if dtype is torch.bool else [0.0, 1.0, 2.0]
    given = torch.tensor(values).to(dtype)
    array = to_python(given)
    assert isinstance(array, np.ndarray) and array.tolist() == values
    number = to_python(given[1])
    assert type(number) in (float, int, bool, complex) and number == 1


@pytest.mark.parametrize(
    "given, expected",
    [
        (np.float32(0.5), 0.5),
        (np.array(3), 3),
        (torch.tensor(0.5, requires_grad=True), 0.5),
        (torch.tensor(1 + 2j).conj(), 1 - 2j),
        (True, True),
        (None, None),
        ("text", "text"),
    ],
)
def test_single_values_become_those_of_python(given, expected):
    value = to_python(given)
    assert value == expected and type(value) is type(expected)


@pytest.mark.parametrize(
    "given",
    [
        torch.tensor([1.0, 2.0], requires_grad=True),
        torch.tensor([1 + 1j, 2.0]).conj(),
        torch.tensor([[1.0, 0.0], [0.0, 2.0]]).to_sparse(),
        torch.arange(6.0).reshape(2, 3).T,
    ],
)
def test_unusual_tensors_are_converted(given):
    expected = np.array(given.detach().to_dense().resolve_conj().tolist())
    np.testing.assert_array_equal(to_python(given), expected)


@pytest.mark.parametrize("given", [torch.ones(2), np.ones(2), torch.ones(2, dtype=torch.bfloat16)])
def test_later_changes_do_not_affect_the_array(given):
    array = to_python(given)
    given[0] = 7
    assert array.tolist() == [1, 1]


@pytest.mark.parametrize("make", [TrainingLog, lambda: SQLiteLog(":memory:")])
def test_later_changes_do_not_affect_recorded_containers(make):
    log, counts = make(), [0]
    facts = {"n": counts, "pair": Pair(counts, 1), "more": Counter(a=1)}
    for i in range(3):
        counts[0] += 1
        facts["more"]["a"] += 1
        log[i].update(counts=counts, facts=facts)
    assert log.channel("counts").tolist() == [[1], [2], [3]]
    for i, found in enumerate(log.channel("facts")):
        assert found == {"n": [i + 1], "pair": ([i + 1], 1), "more": Counter(a=i + 2)}


def test_a_container_within_itself_and_one_that_occurs_twice_are_copied():
    inner = [torch.tensor(1)]
    given = [inner, inner]
    given.append(given)
    found = to_python(given)
    assert found[:2] == [[1], [1]] and found[2] is found and found is not given


@pytest.mark.parametrize("make", [TrainingLog, lambda: SQLiteLog(":memory:")])
def test_a_log_accepts_dtypes_that_numpy_lacks(make):
    log = make()
    log.current_row["number"] = torch.tensor(0.5, dtype=torch.bfloat16)
    log.current_row["array"] = torch.tensor([0.5, 2.0], dtype=torch.bfloat16)
    assert log.current_row["number"] == 0.5
    assert log.current_row["array"].tolist() == [0.5, 2.0]


def test_monitoring_accepts_dtypes_that_numpy_lacks():
    x = tensor.matrix("x")
    columns, low = x.sum(0).bfloat16().copy("columns"), x.sum().bfloat16().copy("low")
    for variable in (columns, low):
        variable.tag.aggregation_scheme = TakeLast(variable)
    stream = as_stream([{"x": np.ones((2, 3), "float32")}])
    values = DatasetEvaluator([columns, low]).evaluate(stream)
    assert values["columns"].tolist() == [2.0] * 3 and values["low"] == 6.0
