"""Every kind of criterion, in every function that accepts criteria."""

import operator
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workbench import tensor
from workbench.algorithms import GradientDescent, Restrict, Scale, TorchOptimizer
from workbench.bricks import MLP, Linear, Tanh
from workbench.errors import SelectionError, SignatureError
from workbench.filter import VariableFilter, as_predicate
from workbench.graph import ComputationGraph, apply_dropout, apply_noise, collect_parameters
from workbench.initialization import Constant
from workbench.model import Model
from workbench.roles import BIAS, INPUT, OUTPUT, PARAMETER, WEIGHT, WeightRole
from workbench.select import Path, Selector
from workbench.tensor import SharedVariable

MLP_ = MLP([Tanh(), Tanh()], [3, 4, 2], weights_init=Constant(0.1), biases_init=Constant(0))
MLP_.initialize()
FIRST, SECOND = MLP_.linear_transformations
X = tensor.matrix("x")
COST = MLP_.apply(X).sum()
GRAPH = ComputationGraph(COST)
ALL = [FIRST.W, FIRST.b, SECOND.W, SECOND.b]

# Criterion, its repr, and the parameters that it selects.
KINDS = {
    "role": (WEIGHT, "WEIGHT", [FIRST.W, SECOND.W]),
    "brick": (FIRST, repr(FIRST), [FIRST.W, FIRST.b]),
    "class": (Linear, "Linear", ALL),
    "name": ("W", "'W'", [FIRST.W, SECOND.W]),
    "pattern": (re.compile(r"/mlp/linear_\d.b"), None, [FIRST.b, SECOND.b]),
    "text of a path": ("/mlp/linear_0.W", "Path('/mlp/linear_0.W')", [FIRST.W]),
    "path": (Path.parse("mlp/linear_1"), "Path('/mlp/linear_1')", [SECOND.W, SECOND.b]),
    "path of the parent": ("/mlp.b", "Path('/mlp.b')", [FIRST.b, SECOND.b]),
    "function": (lambda v: v.ndim == 2, "<lambda>", [FIRST.W, SECOND.W]),
    "variable": ([FIRST.W, WEIGHT & SECOND], None, [FIRST.W, SECOND.W]),
    "selector": (Selector(FIRST), None, [FIRST.W, FIRST.b]),
    "filter": (VariableFilter(roles=[BIAS]), None, [FIRST.b, SECOND.b]),
    "list": ([BIAS, FIRST], f"BIAS | {FIRST!r}", [FIRST.W, FIRST.b, SECOND.b]),
    "and": (WEIGHT & FIRST, f"WEIGHT & {FIRST!r}", [FIRST.W]),
    "or": (FIRST | SECOND, f"{FIRST!r} | {SECOND!r}", ALL),
    "not": (PARAMETER & ~BIAS, "PARAMETER & ~BIAS", [FIRST.W, SECOND.W]),
    "union of classes": (PARAMETER & (Linear | Tanh), "PARAMETER & (Linear | Tanh)", ALL),
    "class of variables": (SharedVariable, "SharedVariable", ALL),
}


def parameters_of_gradient_descent(criterion):
    return GradientDescent(cost=COST, parameters=criterion).parameters


def parameters_of_gradients(criterion):
    gradients = GradientDescent(cost=COST, parameters=ALL).gradients
    return GradientDescent(gradients=gradients, parameters=criterion).parameters


def parameters_of_torch_optimizer(criterion):
    return TorchOptimizer(COST, criterion, torch.optim.SGD, {"lr": 0.1}).parameters


def restricted(criterion):
    steps, _ = Restrict(Scale(0.5), criterion).compute_steps({p: p + 0 for p in ALL})
    return [p for p in ALL if steps[p].owner.inputs[0] is not p]


def replaced_by(rewrite):
    """Return a function that rewrites the graph of all parameters, and lists what is replaced."""

    def rewritten(criterion):
        before = ComputationGraph([p + 0 for p in ALL])
        after = rewrite(before, criterion)
        return [
            p for p, new in zip(ALL, after.outputs, strict=True) if new.owner.inputs[0] is not p
        ]

    return rewritten


CONSUMERS = {
    "VariableFilter": lambda criterion: VariableFilter(criterion)(ALL),
    "VariableFilter of a graph": lambda criterion: VariableFilter(criterion, PARAMETER)(GRAPH),
    "VariableFilter of a brick": lambda criterion: VariableFilter(criterion)(MLP_),
    "VariableFilter of a selector": lambda criterion: VariableFilter(criterion)(Selector([MLP_])),
    "graph.select": lambda c: [v for v in GRAPH.select(c) if v in set(ALL)],
    "model.select": lambda c: [v for v in Model(COST).select(c) if v in set(ALL)],
    "Selector.select": lambda criterion: Selector([MLP_]).select([criterion]),
    "GradientDescent": parameters_of_gradient_descent,
    "GradientDescent of gradients": parameters_of_gradients,
    "TorchOptimizer": parameters_of_torch_optimizer,
    "Restrict": restricted,
    "replace": replaced_by(lambda graph, c: graph.replace(c, lambda v: v * 2)),
    "Selection.replace": replaced_by(lambda g, c: g.select(c).replace(g, lambda v: v * 2)),
    "apply_noise": replaced_by(lambda graph, c: apply_noise(graph, c, 0.1)),
    "apply_dropout": replaced_by(lambda graph, c: apply_dropout(graph, c, 0.5)),
    "collect_parameters": replaced_by(collect_parameters),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("consumer", CONSUMERS)
def test_every_consumer_accepts_every_kind_of_criterion(kind, consumer):
    criterion, _, expected = KINDS[kind]
    assert set(CONSUMERS[consumer](criterion)) == set(expected)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind][1] is not None])
def test_a_predicate_shows_its_criterion(kind):
    criterion, text, _ = KINDS[kind]
    assert repr(as_predicate(criterion)) == text


NOT_FOUND = (
    r"selects nothing; available variables: /mlp/linear_0.W \(WEIGHT\), "
    r".*did you mean '/mlp/linear_1.W'"
)


@pytest.mark.parametrize("consumer", sorted(set(CONSUMERS) - {
    "VariableFilter", "VariableFilter of a graph", "VariableFilter of a brick",
    "VariableFilter of a selector", "graph.select", "model.select",
}))  # fmt: skip
def test_a_criterion_that_selects_nothing_to_act_upon_is_refused(consumer):
    with pytest.raises(
        SelectionError, match="selects nothing; available variables: .*did you mean"
    ):
        CONSUMERS[consumer]("/mlp/linera_1.W")


def test_the_error_lists_variables_with_roles_and_the_nearest_path():
    with pytest.raises(SelectionError, match=NOT_FOUND):
        GradientDescent(cost=COST, parameters="/mlp/linera_1.W")
    with pytest.raises(
        SelectionError, match=r"BIAS & Tanh selects nothing; available variables: .*and \d+ more"
    ):
        apply_noise(GRAPH, BIAS & Tanh, 0.1)


def test_applications_are_criteria():
    both = GRAPH.select(Linear.apply & OUTPUT)
    assert [v.name for v in both] == ["linear_0_apply_output", "linear_1_apply_output"]
    assert [v.name for v in GRAPH.select(FIRST.apply & ~INPUT & OUTPUT)] == both[0].name.split()
    assert GRAPH.select(OUTPUT & (FIRST.apply | SECOND.apply)) == both


def test_a_criterion_selects_constants_of_a_gradient():
    algorithm = GradientDescent(cost=COST, parameters=ALL, consider_constant=OUTPUT & FIRST)
    gradients = [algorithm.gradients[p].eval({"x": [[1.0, 2.0, 3.0]]}).any() for p in ALL]
    assert gradients == [False, False, True, True]


def test_a_path_begins_at_a_brick_without_parents():
    assert GRAPH.select("linear_0.W") == []
    assert GRAPH.select("/mlp/linear_0.output").paths == ["/mlp/linear_0.output"]


@pytest.mark.parametrize(
    ("criterion", "text"),
    [
        (3, "3 cannot select variables; a criterion must be a role such as WEIGHT, a brick"),
        (None, "None cannot select variables"),
        (WeightRole, "WeightRole is a role class; pass an instance of it, WEIGHT"),
        ([WEIGHT, 3], "3 cannot select variables"),
    ],
)
def test_other_values_are_refused(criterion, text):
    with pytest.raises(SignatureError, match=text):
        as_predicate(criterion)
    with pytest.raises(SignatureError, match=text):
        WEIGHT & criterion


def test_the_arguments_of_a_filter_have_the_order_of_blocks():
    assert VariableFilter([WEIGHT], [FIRST])(GRAPH) == [FIRST.W]
    assert VariableFilter([WEIGHT, BIAS], [Linear], True)(GRAPH) == []
    assert VariableFilter([OUTPUT], [MLP], False, "output")(GRAPH).paths == ["/mlp.output"]
    assert repr(VariableFilter(WEIGHT, name="W")) == "VariableFilter(WEIGHT, name='W')"


LEAVES = st.sampled_from([WEIGHT, BIAS, OUTPUT, as_predicate(FIRST), as_predicate("W"), Tanh.apply])
PREDICATES = st.deferred(
    lambda: (
        LEAVES
        | st.builds(operator.and_, PREDICATES, PREDICATES)
        | st.builds(operator.or_, PREDICATES, PREDICATES)
        | st.builds(operator.invert, PREDICATES)
    )
)


def names(predicate):
    return {id(v) for v in GRAPH.select(predicate)}


@given(PREDICATES, PREDICATES)
def test_combinations_are_those_of_sets(a, b):
    everything = {id(v) for v in GRAPH}
    assert names(a & b) == names(a) & names(b)
    assert names(a | b) == names(a) | names(b)
    assert names(~a) == everything - names(a)


@given(PREDICATES, PREDICATES, PREDICATES)
def test_boolean_algebra_holds(a, b, c):
    assert names(~(a & b)) == names(~a | ~b)
    assert names(a & (b | c)) == names((a & b) | (a & c))
    assert (a & a & b, ~~a) == (a & b, a)
    assert ((a & b) & c, (a | b) | c) == (a & (b & c), a | (b | c))
    assert hash(a & b) == hash(a & b)
