"""Buffers of step rules that are divided among processes: the same numbers with less memory."""

import pytest

from tests.distributed.test_data_parallel import assert_same
from tests.support import ranks_training as jobs


def test_each_process_keeps_a_part_of_the_buffers(together):
    (first, all_of_them), (second, _) = together(2, jobs.kept)
    assert first + second == all_of_them
    assert max(first, second) < 0.8 * all_of_them


@pytest.mark.parametrize("before, after", [(2, 1), (2, 3), (1, 2)])
def test_a_checkpoint_contains_all_buffers(together, tmp_path, before, after):
    whole = jobs.alone(jobs.train_on, "penalty")
    saved = str(tmp_path / "run.tar")
    together(before, jobs.train_on, "penalty", 3, None, saved, "zero1")
    for rest in together(after, jobs.train_on, "penalty", None, saved, None, "zero1"):
        assert_same(whole, rest)


def test_a_pickled_rule_is_that_of_one_process(together, tmp_path):
    """Otherwise all processes would compute the steps of the one that wrote it."""
    saved = str(tmp_path / "run.tar")
    together(2, jobs.train_on, "penalty", 3, None, saved, "zero1")
    for said in together(2, jobs.continued, saved):
        assert said.startswith("ProcessError: the pickled step rule ZeRO1 contains the buffers of")
        assert said.endswith("for instance with the Load extension")


def test_a_buffer_that_overflows_is_an_error_in_all_processes(together):
    for said, value in together(2, jobs.overflow):
        assert said.startswith("NotFiniteError: w would become infinite or NaN")
        assert value == [1.0]


def test_the_gradients_must_be_those_of_whole_batches(together):
    for said in together(2, jobs.undistributed):
        assert said.startswith("AlgorithmError: ZeRO1(Adam(")
        assert said.endswith("pass distributed=DataParallel() to GradientDescent")
