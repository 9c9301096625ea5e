"""The small LeNet recognises digits."""

from tests.jobs import lenet


def test_digits_are_recognised():
    result = lenet.JOB.run()
    assert result.reached, result
