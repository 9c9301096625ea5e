"""The small reverser spells words that it has never seen."""

import pytest

from tests.jobs import reverser


@pytest.mark.slow
def test_unseen_words_are_spelled_backwards():
    result = reverser.JOB.run()
    assert result.reached, result


@pytest.mark.parametrize(
    ("text", "other", "number"),
    [("", "", 0), ("", "abc", 3), ("abc", "abd", 1), ("abc", "bc", 1), ("sitting", "kitten", 3)],
)
def test_differences(text, other, number):
    assert reverser.differences(text, other) == reverser.differences(other, text) == number


def test_phrases_are_those_of_the_novels():
    found = reverser.phrases(("EMMA",), 4, 12)
    assert len(set(found)) == len(found) > 20_000
    assert all(len(phrase.split()) == 4 for phrase in found)
    assert "emma woodhouse handsome clever" in found
