"""Targets as numbers: what is a class, what is a quantity, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import torch

from workbench.data.targets import encoded_targets


@pytest.mark.parametrize(
    "given, values, classes",
    [
        (["b", "a", "b"], [1, 0, 1], ("a", "b")),
        (["7", "1"], [1, 0], ("1", "7")),
        (["1", "x", "y"], [0, 1, 2], ("1", "x", "y")),
        (list(range(20)), list(range(20)), tuple(map(str, range(20)))),
        ([True, False], [1, 0], ("False", "True")),
        (np.array([[2], [0], [1]]), [2, 0, 1], ("0", "1", "2")),
        (torch.tensor([1, 0], dtype=torch.int32), [1, 0], ("0", "1")),
        (pd.Series(["x", "y"], index=[5, 5], dtype="string"), [0, 1], ("x", "y")),
        (pd.Series([1, 0], dtype="Int64"), [1, 0], ("0", "1")),
        (pd.Series(pd.Categorical(["b", "a"], ["b", "unused", "a"])), [0, 1], ("b", "a")),
    ],
)
def test_classes_become_indices(given, values, classes):
    found = encoded_targets(given, "y")
    assert found.values.tolist() == values and found.classes == classes
    assert found.values.dtype == np.int64


@pytest.mark.parametrize("given", [[0.5, 1.0], np.array([[0.5], [1.0]]), torch.tensor([0.5, 1.0])])
def test_numbers_become_a_column(given):
    found = encoded_targets(given, "y")
    assert found.values.tolist() == [[0.5], [1.0]] and found.classes is None


@pytest.mark.parametrize(
    "given, values, classes",
    [
        (["3,4", "1,2", "3,4"], [1, 0, 1], ("1,2", "3,4")),
        ([7, 3, 7], [1, 0, 1], ("3", "7")),
        ([3.0, 7.0, 3.0], [0, 1, 0], ("3", "7")),
        (np.eye(2)[[1, 0, 1]], [1, 0, 1], ("0", "1")),
    ],
)
def test_the_caller_can_say_that_targets_are_classes(given, values, classes):
    found = encoded_targets(given, "y", as_classes=True)
    assert found.values.tolist() == values and found.classes == classes


def test_many_integers_are_classes_if_they_occur_twice():
    assert len(encoded_targets([*range(30), *range(30)], "y").classes) == 30


def test_large_integers_are_rounded():
    assert encoded_targets([2**24 + 1, 2**40 + 1], "y", as_classes=False).values.tolist() == [
        [2**24],
        [2**40],
    ]


def test_the_caller_can_say_that_whole_numbers_are_quantities():
    assert encoded_targets([0, 1, 2], "y", as_classes=False).values.tolist() == [[0], [1], [2]]


@pytest.mark.parametrize(
    "given, as_classes, text",
    [
        ([3, 5], None, r"whole numbers \(3, 5\), which can be classes or quantities"),
        ([1, 2, 3], None, "which can be classes or quantities"),
        ([0.0, 1.0, 2.0], None, r"whole numbers \(0, 1, 2\), which can be classes or quantities"),
        (np.eye(3), None, r"one 1 in each row and 0 elsewhere: for classes \(one-hot\), pass"),
        (np.arange(21), None, "which can be classes or quantities"),
        (["1.5", "2.5", "NA"], None, "such as '1.5', and 'NA', which is not a number"),
        (["1.5", "2.5"], None, "numbers that are written as text, such as '1.5'; convert it"),
        (
            ["1,5", "2,5"],
            None,
            r"such as '1,5', .* from a file, .*decimal=','.*, or pass as_classes=True \(in fit",
        ),
        ([0, 0], None, "the same class 0 in all 2 examples"),
        (["a", "a"], None, "the same class 'a' in all 2 examples"),
        ([1.5, 2], True, r"the value 1.5 is not a whole number"),
        (["a", "b"], False, "has values such as 'a', which are not numbers"),
        (["a", 1], None, "values of one type, not int and str"),
        ([1.0, np.nan], None, r"1 of 2 are missing \(the first at position 1\)"),
        (["a", None], None, "1 of 2 are missing"),
        (pd.Series([1, None], dtype="Int64"), None, "1 of 2 are missing"),
        (np.ma.masked_array([1.0, 2.0], [True, False]), None, "the first at position 0"),
        ([1.0, np.inf], None, "must be finite, but is inf at position 1"),
        ([], None, "has no examples"),
        (3.0, None, "has no examples"),
        (np.array([[0, 2], [1, 1]]), True, r"one 1 in each row"),
        (np.ones((2, 2, 2)), True, "has the shape"),
        (pd.to_datetime(pd.Series(["2020-01-01"])), None, "has the dtype datetime64"),
        ([object(), object()], None, "values of the type object"),
        ([1 + 2j], None, "values of the type complex"),
    ],
)
def test_doubtful_targets_are_refused(given, as_classes, text):
    with pytest.raises(ValueError, match=text):
        encoded_targets(given, "y", as_classes=as_classes)
