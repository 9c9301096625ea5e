"""The examples of the tutorials and notebooks, to specifications and code and back."""

import contextlib
import doctest
import io
import json

import pytest

from tests.support.tree import ROOT
from workbench.bricks import Brick
from workbench.builder import BuilderError, from_code, from_spec, register, to_code, to_spec
from workbench.builder.registry import kind_of
from workbench.tensor import Variable

UNDESCRIBED = (
    "does not keep the argument 'input_dims'",  # a class that shows what `super` does
    "is inside the brick",
)
"""Parts of the errors for variables and bricks that a specification does not have."""

NOTEBOOKS = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
WITH_A_MODEL = (
    "00_five_lines", "01_first_training", "03_computation_graph", "04_building_by_clicking",
    "06_log_as_data", "07_saving", "08_data", "09_convolution", "11_sequence_generators",
    "12_attention", "13_training_and_evaluation", "14_step_rules", "15_extensions", "16_speed",
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


def code_of(name):
    cells = json.loads(NOTEBOOKS[name].read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")


@pytest.mark.parametrize("name", sorted(set(NOTEBOOKS) - set(UNREADABLE)))
def test_the_model_of_a_notebook_is_read_from_its_cells(name):
    spec = from_code(code_of(name))
    assert bool(spec.bricks) == (name in WITH_A_MODEL)
    if spec.bricks:
        assert from_code(to_code(spec)) == spec


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_in_a_notebook_is_named_with_its_line(name):
    with pytest.raises(BuilderError, match=rf"^line \d+: .*{UNREADABLE[name]}"):
        from_code(code_of(name))


@pytest.mark.parametrize("name", ["bricks", "generators", "graph", "recurrent"])
def test_every_brick_and_variable_of_a_tutorial_survives(name):
    path = ROOT / "tests" / "tutorials" / f"{name}.md"
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
