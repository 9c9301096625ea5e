"""The functions that each process of a group runs in the tests of step rules.

Each rule trains parameters of its own on a small regression. Some batches leave a process without
examples, and with three processes, `b` has fewer rows than there are processes.
"""

import functools

import numpy as np
import torch

from tests.contracts.test_step_rules import ROWS, rules_in
from tests.support.ranks_training import RULES, WAYS
from workbench import shared, tensor
from workbench.algorithms import CompositeRule, GradientDescent, Restrict
from workbench.data.shares import divided
from workbench.distributed import ZeRO1
from workbench.roles import WEIGHT, add_role

SIZES = (7, 5, 2, 1)
"""Numbers of examples in batches."""

COMPILED = (
    "lion", "adam", "adagrad", "adadelta", "rmsprop", "step clipping", "variable clipping",
    "restrict", "zero1",
)  # fmt: skip
"""Rules that one program computes together."""

RULES = {name: make for name, (make, _) in ROWS.items() if "default" not in name} | {
    name: lambda W, b, make=RULES[name]: make() for name in ("skipping", "restricted")
}
"""Functions that make rules for the parameters W and b."""


def made(name):
    """Return a rule and its parameters."""
    rng = np.random.default_rng(3)
    W = shared(rng.normal(size=(5, 2)), "W", dtype=torch.float32)
    b = shared(rng.normal(size=2), "b", dtype=torch.float32)
    add_role(W, WEIGHT)
    return RULES[name](W, b), [W, b]


@functools.cache
def rules(way):
    """Return the names of the rules that can be used in a way."""
    found = []
    for name in RULES:
        rule, _ = made(name)
        is_divided = any(isinstance(one, ZeRO1) for one in rules_in(rule))
        if rule.elementwise if way == "sharded" else not (way == "zero1" and is_divided):
            found.append(name)
    return found


def batches(sizes):
    """Return batches with the given numbers of examples."""
    rng = np.random.default_rng(4)
    return [
        {"x": rng.normal(size=(n, 5)).astype("float32"), "y": np.ones((n, 2), "float32")}
        for n in sizes
    ]


def follow(group, names, way="data", execution="eager", sizes=SIZES, bad=None):
    """Train with some rules at once, and return the parameters of each after every batch.

    In the batch with the number `bad`, the last example is infinite.
    """
    parts, owned = zip(*map(made, names), strict=True)
    x, y = tensor.matrix("x"), tensor.matrix("y")
    cost = sum(((x @ W + b - y) ** 2).sum(1).mean() * 0.1 for W, b in owned)
    rule = CompositeRule([*map(Restrict, parts, owned)]) if len(parts) > 1 else parts[0]
    algorithm = GradientDescent(
        cost=cost, parameters=[one for own in owned for one in own],
        step_rule=ZeRO1(rule) if way == "zero1" else rule, distributed=WAYS[way](),
        function_kwargs={"execution": execution},
    )  # fmt: skip
    found = [[] for _ in names]
    for number, batch in enumerate(batches(sizes)):
        if number == bad:
            batch["x"][-1] = np.inf
        algorithm.process_batch(divided(batch, algorithm.distributed.share, number))
        for one, own in zip(found, owned, strict=True):
            one.append([parameter.get_value() for parameter in own])
    assert algorithm.execution.tier.name == execution
    return found
