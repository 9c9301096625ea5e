"""Jobs at the command line."""

import pytest
import torch

from tests.jobs import Job, Size, main


def train(extensions, value):
    assert torch.get_num_threads() == 1
    return value


def job(value):
    return Job("toy", "loss", train, Size(0.1, {"value": value}), Size(0.01, {"value": value}))


def test_a_result_shows_if_the_goal_was_reached():
    assert str(job(0.05).run()).startswith("toy: loss 0.0500, must be under 0.1: reached (")
    assert "must be under 0.01: MISSED" in str(job(0.05).run(full=True))


@pytest.mark.parametrize(("arguments", "status"), [([], 0), (["--full"], 1)])
def test_the_exit_status_shows_it_too(arguments, status, capsys):
    before = torch.get_num_threads()
    assert main(job(0.05), [*arguments, "--threads", "1"]) == status
    assert capsys.readouterr().out.startswith("toy: loss 0.0500")
    assert torch.get_num_threads() == before
