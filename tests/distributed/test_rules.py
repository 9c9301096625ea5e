"""Every step rule in several processes gives the numbers of one process, however it is divided."""

import numpy as np
import pytest

from tests.contracts.test_step_rules import rule_classes, rules_in
from tests.distributed.test_data_parallel import assert_all_same
from tests.support import ranks_rules as jobs
from tests.support.ranks_training import alone, many
from workbench.algorithms import CompositeRule


def classes(names):
    """Return the classes of some rules and of the rules that they contain."""
    return {type(one) for name in names for one in rules_in(jobs.made(name)[0])}


def assert_same(found, names, *arguments):
    """Assert that all processes have the values of one process that uses each rule alone."""
    assert_all_same(found)
    for name, values in zip(names, found[0], strict=True):
        [expected] = alone(jobs.follow, (name,), "data", "eager", *arguments)
        for ours, theirs in zip(values, expected, strict=True):
            for value, other in zip(ours, theirs, strict=True):
                scale = np.abs(other).max()
                np.testing.assert_allclose(value, other, rtol=0, atol=1e-5 * scale, err_msg=name)


def test_every_class_of_rules_is_tested():
    assert classes(jobs.rules("data")) == set(rule_classes())
    together = {CompositeRule, *classes([*jobs.COMPILED, "remove not finite"])}
    assert together == set(rule_classes())
    assert set(jobs.rules("data")) - set(jobs.rules("zero1")) == {"zero1"}
    not_of_rows = {"variable clipping", "variable clipping of rows", "composite", "zero1"}
    assert set(jobs.rules("data")) - set(jobs.rules("sharded")) == not_of_rows


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("way", jobs.WAYS)
def test_every_rule_has_the_numbers_of_one_process(together, size, way):
    names = jobs.rules(way)
    runs = together(size, many, [(jobs.follow, (name,), way) for name in names])
    assert_same([[one for [one] in run] for run in runs], names)


@pytest.mark.parametrize("size", [2, 3])
def test_rules_of_different_parameters_exchange_values_in_the_same_order(together, size):
    """Each process computes the steps of other parameters, and some processes those of none."""
    names = ["lion", "adam", "restrict"]
    assert_same(together(size, jobs.follow, names, "zero1"), names)


@pytest.mark.slow
@pytest.mark.parametrize("way", jobs.WAYS)
def test_every_compiled_rule_has_the_numbers_of_one_process(together, way):
    for names in (jobs.COMPILED, ["remove not finite"]):
        names = [name for name in names if name in jobs.rules(way)]
        found = together(2, jobs.follow, names, way, "compiled", (7, 7))
        assert_same(found, names, (7, 7))


@pytest.mark.parametrize("name, factor", [("remove not finite", 0.5), ("skipping", 1)])
@pytest.mark.parametrize("way", jobs.WAYS)
def test_a_batch_that_is_not_finite_in_one_process_is_skipped_by_all(together, way, name, factor):
    """The infinite example is in the share of the second process."""
    found = together(2, jobs.follow, [name], way, "eager", (5, 4, 3), 1)
    assert_same(found, [name], (5, 4, 3), 1)
    for first, second, last in zip(*found[0][0], strict=True):
        np.testing.assert_allclose(second, factor * first)
        assert np.isfinite(last).all() and (last != second).any()
