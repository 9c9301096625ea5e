"""The text of programs: imports, literals, step rules."""

import numpy as np
import pytest
import torch

from workbench import algorithms
from workbench.algorithms import Adam, CompositeRule, Momentum, Scale, StepClipping, StepRule
from workbench.fitting.program import Statements, literal, rule_code, written


def test_parts_share_their_imports():
    one, two = Statements(lines=["a = 1"], comments=["First."]), Statements(needs={"b": "a number"})
    one.use("numpy")
    one.add("from math import (\n    sin,\n)\nimport os\n\nc = sin(b)\n")
    two.use("math", "cos", "PI")
    assert written([one, two]) == (
        "# First.\n# Needs b: a number.\n\nimport numpy\nimport os\nfrom math import PI, cos, sin\n"
        "\na = 1\nc = sin(b)\n"
    )


def test_line_breaks_do_not_end_a_comment():
    part = Statements(comments=["Column a\nb."], needs={"x": "one\ntwo"})
    assert written([part]) == "# Column a\\nb.\n# Needs x: one\\ntwo.\n\n"


def test_numbers_of_numpy_are_plain():
    assert literal((np.float64(0.5), np.int64(2))) == "(0.5, 2)"


@pytest.mark.parametrize("value", ['a "b"', ("x",), ["é", 1, None], {"a": 1.5}, True, 0.1])
def test_literals_are_read_back(value):
    assert eval(literal(value)) == value


@pytest.mark.parametrize(
    "rule", [Adam(), Momentum(0.1, 0.5), CompositeRule([StepClipping(2.0), Scale(0.25)])], ids=repr
)
def test_the_code_of_a_rule_makes_the_same_rule(rule):
    code = rule_code(rule)
    assert code is not None and repr(eval(code, vars(algorithms))) == repr(rule)


def test_a_rule_that_cannot_be_written_exactly_has_no_code():
    class Sign(StepRule):
        def compute_step(self, parameter, previous_step):
            return torch.sign(previous_step), []

    assert rule_code(Scale(0.123456789)) is None
    assert rule_code(Sign()) is None
    assert rule_code(CompositeRule([Sign()])) is None
