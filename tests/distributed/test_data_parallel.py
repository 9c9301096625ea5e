"""Training by several processes gives the numbers of one process."""

import numpy as np
import pytest

from tests.support import ranks_training as jobs
from tests.support.ranks import together


def assert_same(one, other, rtol=1e-5, costs=1e-6):
    """Assert that two runs have the same records and the same final values."""
    assert set(one["records"]) == set(other["records"])
    for name, values in one["records"].items():
        np.testing.assert_allclose(other["records"][name], values, rtol=1e-5, atol=costs)
    for name, value in one["values"].items():
        scale = np.abs(value).max()
        np.testing.assert_allclose(other["values"][name], value, rtol=rtol, atol=rtol * scale)


@pytest.mark.parametrize("execution", ["eager", "compiled"])
def test_the_numbers_of_one_process(tmp_path, execution):
    runs = [(jobs.train, rule, execution) for rule in jobs.RULES]
    for rank, found in enumerate(together(tmp_path, 2, jobs.many, runs)):
        for (_, rule, _), many in zip(runs, found, strict=True):
            assert_same(jobs.train(None, rule, execution), many)
        first = found if not rank else first  # noqa: F821
        assert str(found) == str(first)


def test_shares_can_be_empty(tmp_path):
    """The last batch of an epoch has two examples for three processes."""
    for many in together(tmp_path, 3, jobs.train, "momentum"):
        assert_same(jobs.train(None, "momentum"), many)
