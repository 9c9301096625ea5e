"""Parameters that are divided among processes: the same numbers with a part of the memory."""

import pytest

from tests.distributed.test_data_parallel import assert_same
from tests.support import ranks_training as jobs


@pytest.mark.parametrize("before, after", [(2, 1), (2, 3), (1, 2)])
def test_a_checkpoint_contains_all_rows(together, tmp_path, before, after):
    whole = jobs.alone(jobs.train_on, "penalty")
    saved = str(tmp_path / "run.tar")
    together(before, jobs.train_on, "penalty", 3, None, saved, "sharded")
    for rest in together(after, jobs.train_on, "penalty", None, saved, None, "sharded"):
        assert_same(whole, rest)


def test_each_process_keeps_a_part_of_all_variables(together):
    first, second = together(2, jobs.divided)
    assert first == {**second, "kept": first["kept"]}
    assert first["kept"] < 0.6 * first["all"]
    assert all(first["same"])
    assert first["cost"] == pytest.approx(jobs.cost_of_mlp().eval(jobs.examples(4)).item())


def test_wrong_uses_of_divided_parameters(together):
    for found in together(2, jobs.divided):
        assert found["tensor"].startswith("ParameterError: the value of W is divided among")
        assert found["pickle"] == found["tensor"]
        assert "W is already divided among processes by another algorithm" in found["again"]
        assert found["rows"].startswith("MonitoringError: 'norm' is computed from gradients or")


def test_a_rule_must_be_elementwise(together):
    for said, is_whole in together(2, jobs.refused):
        assert said.startswith("AlgorithmError: VariableClipping(threshold=1, axis=None) cannot be")
        assert is_whole


def test_a_row_of_another_process_is_found_as_the_cause(together):
    first, second = together(2, jobs.cause_in_last_row)
    assert first == second
    last, gradient, largest = first
    assert last == "b has values that are infinite or NaN"
    assert "1 of 2 gradients are not finite; of these, the gradient of b is the nearest" in gradient
    assert largest == (
        "It is not known which parameter caused this, since all gradients are finite in this "
        "batch; the value farthest from 0 is 7, in b"
    )


def test_a_step_that_is_too_large_is_an_error_in_all_processes(together):
    for said, values in together(2, jobs.diverging):
        assert said.startswith("NotFiniteError: w would become infinite or NaN")
        assert values == [1.0, 1.0]
