"""The examples of the tutorials and notebooks, to specifications and code and back."""

import ast
import contextlib
import doctest
import io
import sys
from collections import Counter
from unittest.mock import MagicMock

import pytest

import workbench
from tests.support import notebooks
from tests.support.tree import ROOT
from workbench import fitting, main_loop
from workbench.bricks import Brick
from workbench.builder import BuilderError, from_code, from_spec, register, to_code, to_spec
from workbench.builder.expressions import variables_in
from workbench.builder.operations import flat
from workbench.builder.parse import COSTS
from workbench.builder.registry import kind_of
from workbench.model import Model
from workbench.tensor import Variable
from workbench.tensor.traversal import ancestors

UNDESCRIBED = (
    "does not keep the argument 'input_dims'",  # a class that shows what `super` does
    "is inside the brick",
)
"""Parts of the errors for variables and bricks that a specification does not have."""

TUTORIALS = ROOT / "tests" / "tutorials"
NOTEBOOKS = {path.stem: path for path in notebooks.paths()}
WITH_A_MODEL = (
    "00_five_lines", "01_first_training", "03_computation_graph", "04_building_by_clicking",
    "06_log_as_data", "07_saving", "08_data", "09_convolution", "11_sequence_generators",
    "13_training_and_evaluation", "14_step_rules", "15_extensions", "16_speed",
    "17_from_other_libraries", "18_from_blocks", "21_finding_wrong_labels",
)  # fmt: skip
"""Notebooks that build one model outside functions and classes."""

UNREADABLE = {
    "02_bricks": "linear: allocation requires input_dim",  # as the notebook shows
    "10_recurrent_networks": "cannot be read .a statement of the kind ClassDef",
    "12_attention": "`cost`, the cost of the model, .* .a statement of the kind ClassDef",
    "20_small_language_model": "cannot be read .a call to transformers.LlamaForCausalLM",
}
"""Notebooks whose cells are more than one model, with what the error says."""


CREATED_IN_A_CALL = ("04_building_by_clicking", "08_data")
"""Notebooks whose bricks are arguments of functions, so that no name is theirs."""


def code_of(name):
    return "\n".join(notebooks.code_of(NOTEBOOKS[name]))


@pytest.mark.parametrize("name", sorted(set(NOTEBOOKS) - set(UNREADABLE)))
def test_the_model_of_a_notebook_is_read_from_its_cells(name):
    spec = from_code(code_of(name))
    assert bool(spec.bricks) == (name in WITH_A_MODEL)
    if spec.bricks:
        assert from_code(to_code(spec)) == spec


@pytest.fixture
def training_is_replaced(monkeypatch):
    """Replace training, compiled functions and views, which return nothing of a model."""
    for module in (workbench, fitting, main_loop):
        for name in {"fit", "function", "MainLoop"} & set(dir(module)):
            monkeypatch.setattr(module, name, MagicMock())
    monkeypatch.setitem(sys.modules, "extensions_live", MagicMock())
    monkeypatch.setenv("MPLBACKEND", "agg")


@pytest.mark.parametrize("name", sorted(set(WITH_A_MODEL) - set(CREATED_IN_A_CALL)))
def test_the_model_that_is_read_is_the_model_that_the_cells_build(name, training_is_replaced):
    names = executed(notebooks.shorten(name, code_of(name)))
    values = list(names.values())
    cost = next((names[n] for n in COSTS if isinstance(names.get(n), Variable)), None)
    computed = [v for v in variables_in(values) if v.owner is not None and is_describable(v)]
    inner = {one for v in computed for one in ancestors([v]) if one is not v}
    shown = [v for v in dict.fromkeys(computed) if v not in inner and v is not cost]
    bricks = [value for value in flat(values) if isinstance(value, Brick)]
    tops = [brick for brick in dict.fromkeys(bricks) if not brick.parents]
    variables = shown if cost is None else [cost, *shown]
    rename_equal([*tops, *(brick for v in variables for brick in Model(v).get_top_bricks())])
    built = to_spec(*tops, *([] if cost is None else [cost]), monitored=shown)
    assert parts(from_code(code_of(name))) == parts(built)


def executed(code):
    """Return the names that code defines; statements that need results of training can fail."""
    names = {"__name__": "notebook"}
    for statement in ast.parse(code).body:
        text = ast.unparse(statement)
        if not text.startswith("config."):
            with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
                exec(compile(text, "notebook", "exec"), names)
    return names


def is_describable(variable):
    try:
        return bool(to_spec(variable).calls)
    except BuilderError as error:
        return "two bricks" in str(error)


def rename_equal(bricks):
    """Add numbers to equal names of bricks, since a specification requires different names."""
    seen = Counter()
    for brick in dict.fromkeys(bricks):
        seen[brick.name] += 1
        if seen[brick.name] > 1:
            brick.name = f"{brick.name}_{seen[brick.name]}"


def parts(spec):
    """Return the parts of a specification without their order."""
    bricks = {brick.name: brick for brick in spec.bricks}
    inputs = {given.name: given for given in spec.inputs}
    return bricks, inputs, {c.id: c for c in spec.calls}, spec.cost, set(spec.monitored)


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_in_a_notebook_is_named_with_its_line(name):
    with pytest.raises(BuilderError, match=rf"^line \d+: .*{UNREADABLE[name]}"):
        from_code(code_of(name))


@pytest.mark.parametrize("name", sorted(path.stem for path in TUTORIALS.glob("*.md")))
def test_every_brick_and_variable_of_a_tutorial_survives(name):
    path = TUTORIALS / f"{name}.md"
    source = path.read_text(encoding="utf-8")
    names = {"__name__": "tutorial"}
    examples = doctest.DocTestParser().get_examples(source, path.name)
    seen, survived = [], 0
    for example in examples:
        # Examples of errors raise them.
        with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
            exec(compile(example.source, path.name, "single"), names)
        for value in list(names.values()):
            if kind_of(value) and value.__module__ == "tutorial":
                register(value)
            top = isinstance(value, Brick) and not value.parents
            computed = isinstance(value, Variable) and value.owner is not None
            if (top or computed) and not any(value is one for one in seen):
                seen.append(value)
                survived += survives(value)
    assert survived >= 5


def survives(value):
    """Check that a brick or variable survives; return False if it cannot be described."""
    try:
        spec = to_spec(value)
    except BuilderError as error:
        assert any(text in str(error) for text in UNDESCRIBED), error
        return False
    built = from_spec(spec)
    shown = built.monitored if built.cost is None else [built.cost, *built.monitored]
    assert to_spec(*(shown or built.bricks.values())) == spec
    assert from_code(to_code(spec)) == spec
    return True
