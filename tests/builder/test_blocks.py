"""The ready blocks: each is checked, built, trained for one step, and written as code and read."""

import ast
from dataclasses import replace

import numpy as np
import pytest

from workbench.algorithms import GradientDescent, Scale
from workbench.builder import BLOCKS, Spec, check, from_code, from_spec, to_code, validate
from workbench.model import Model

each = pytest.mark.parametrize("block", BLOCKS.values(), ids=lambda block: block.name)
SIZES = {"batch": 4, "time": 6}


def batch_of(spec):
    """Return a batch of random values for the inputs of a specification."""
    rng, checked, batch = np.random.default_rng(1), check(spec), {}
    for given in spec.inputs:
        shape = [SIZES.get(size, size) for size in checked.wires[given.name].shape]
        if given.name.endswith("mask"):
            batch[given.name] = np.ones(shape, "float32")
        elif given.dtype == "int64":
            batch[given.name] = rng.integers(0, 3, shape)
        else:
            batch[given.name] = rng.normal(size=shape).astype("float32")
    return batch


def test_the_blocks_are_there():
    assert list(BLOCKS) == [
        "MLP", "LeNet", "ResNet block", "LSTM classifier", "Transformer block",
        "Sequence generator",
    ]  # fmt: skip


@each
def test_a_block_has_no_fault_and_every_shape_is_known(block):
    checked = check(block.spec)
    assert checked.faults == ()
    assert all(None not in kind.shape for kind in checked.wires.values())
    assert checked.parameters > 1000
    assert all(call.flops is not None for call in checked.calls.values())


@each
def test_one_step_of_training_lowers_the_cost(block):
    built, batch = from_spec(block.spec), batch_of(block.spec)
    cost = built.cost
    if cost is None:  # a part of a model
        [output] = built.monitored
        cost = (output**2).mean().copy("cost")
    for brick in built.bricks.values():
        brick.initialize()
    model = Model(cost)
    rule = Scale(1e-3)
    algorithm = GradientDescent(cost=cost, parameters=model.parameters, step_rule=rule)
    algorithm.initialize()
    algorithm.process_batch(batch)
    before = algorithm.last_cost  # in training mode, as the step that follows
    algorithm.process_batch(batch)
    assert algorithm.last_cost < before


@each
def test_a_block_survives_code_and_text(block):
    code = to_code(block.spec)
    assert from_code(code) == block.spec
    assert Spec.from_json(block.spec.to_json()) == block.spec
    assert ast.parse(code)


@each
def test_the_file_of_specifications_is_up_to_date(block):
    assert from_code(block.code) == block.spec


@each
def test_the_code_of_a_block_builds_the_same_model(block):
    names: dict[str, object] = {}
    exec(block.code, names)
    built = from_spec(block.spec)
    root = block.spec.cost or block.spec.monitored[0]
    theirs = Model(built.variables[root]).get_parameter_dict()
    ours = Model(names[root]).get_parameter_dict()
    assert {n: p.shape for n, p in theirs.items()} == {n: p.shape for n, p in ours.items()}


FEATURES = [block for block in BLOCKS.values() if block.spec.inputs[-1].dtype == "float32"]


@pytest.mark.parametrize("block", FEATURES[:-1], ids=lambda block: block.name)
def test_other_features_are_a_fault_and_the_fixes_remove_it(block):
    spec = block.spec
    given = next(one for one in spec.inputs if one.dtype == "float32")
    wider = replace(given, shape=(*given.shape[:-1], given.shape[-1] * 2))
    spec = replace(spec, inputs=tuple(wider if one is given else one for one in spec.inputs))
    assert len(validate(spec)) == 1
    for _ in range(4):
        if faults := validate(spec):
            spec = faults[0].fix.apply(spec)
    assert validate(spec) == ()
    from_spec(spec)
