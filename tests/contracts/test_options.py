"""Public signatures name their options, for help, completion and type checkers."""

import ast
import inspect
from pathlib import Path

import pytest

import workbench.bricks as bricks
from tests.contracts.test_bricks import TABLE
from tests.contracts.test_keywords import HINTED
from tests.support.tree import modules
from workbench.hints import keywords

ROOT = Path(__file__).parents[2]

ARGUMENTS = "arguments of the step or application, which a brick knows by name once it is made"
ATTRIBUTES = "attributes of an application, which a family of bricks can invent"
REMOTE = "arguments of a method of the session in another process"

OPEN = {
    "workbench.bricks.application.Application.__call__": ARGUMENTS,
    "workbench.bricks.application.Application.__init__": ATTRIBUTES,
    "workbench.bricks.application.Application.apply": ARGUMENTS,
    "workbench.bricks.application.BoundApplication.__call__": ARGUMENTS,
    "workbench.bricks.application.application": ATTRIBUTES,
    "workbench.bricks.attention.transition.AttentionRecurrent.apply": ARGUMENTS,
    "workbench.bricks.attention.transition.AttentionRecurrent.do_apply": ARGUMENTS,
    "workbench.bricks.attention.transition.AttentionRecurrent.initial_states": ARGUMENTS,
    "workbench.bricks.base.Brick.__call__": "an error answers every call",
    "workbench.bricks.recurrent.architectures.GatedRecurrent.initial_states": ARGUMENTS,
    "workbench.bricks.recurrent.architectures.LSTM.initial_states": ARGUMENTS,
    "workbench.bricks.recurrent.architectures.SimpleRecurrent.initial_states": ARGUMENTS,
    "workbench.bricks.recurrent.base.BaseRecurrent.initial_states": ARGUMENTS,
    "workbench.bricks.recurrent.base.by_name": ARGUMENTS,
    "workbench.bricks.recurrent.bidirectional.Bidirectional.apply": ARGUMENTS,
    "workbench.bricks.recurrent.iteration.recurrent": ATTRIBUTES,
    "workbench.bricks.recurrent.stack.RecurrentStack.apply": ARGUMENTS,
    "workbench.bricks.recurrent.stack.RecurrentStack.do_apply": ARGUMENTS,
    "workbench.bricks.recurrent.stack.RecurrentStack.initial_states": ARGUMENTS,
    "workbench.bricks.recurrent.stack.RecurrentStack.low_memory_apply": ARGUMENTS,
    "workbench.bricks.sequence_generators.generator.BaseSequenceGenerator.generate": ARGUMENTS,
    "workbench.bricks.sequence_generators.generator.BaseSequenceGenerator.initial_states": (
        ARGUMENTS
    ),
    "workbench.bricks.sequence_generators.transition.FakeAttentionRecurrent.apply": ARGUMENTS,
    "workbench.bricks.sequence_generators.transition.FakeAttentionRecurrent.initial_states": (
        ARGUMENTS
    ),
    "workbench.config.Configuration.override": "a program can add settings of its own",
    "workbench.data.schemes.folds.cross_validation": "arguments of the scheme class that is given",
    "workbench.graph.annotations.BrickMethod.__call__": ARGUMENTS,
    "workbench.log.mixed_frame.MixedFrame.to_string": "the options of pandas",
    "workbench.log.row.Row.update": "records by name, which a run invents",
    "workbench.serialization.pickling.secure_dump": "arguments of the function that is given",
    "workbench.session.remote.link.Link.ask": REMOTE,
    "workbench.session.remote.link.Link.command": REMOTE,
    "workbench.session.remote.link.Link.probe": REMOTE,
    "workbench.session.remote.served.probe": REMOTE,
    "workbench.session.remote.served.use_model": REMOTE,
    "workbench.tensor.call.Operation.__call__": "arguments of a torch function",
    "workbench.tensor.call.Operation.infer": "arguments of a torch function",
    "workbench.tensor.function.Function.__call__": "values by the names of the inputs",
    "workbench.utils.plain.dict_union": "entries of a dictionary",
    "workbench.utils.plain.extract_args": "arguments of a function that is described by data",
    "extensions_live.transport.Wire.close": "as in the base class, of the package comm",
    "extensions_live.transport.Wire.open": "as in the base class, of the package comm",
    "extensions_live.transport.Wire.publish_msg": "as in the base class, of the package comm",
    "extensions_live.editor.live_canvas.LiveCanvas.__init__": "traits, as in the base class",
    "extensions_live.editor.session_canvas.SessionCanvas.__init__": "traits, as in the base class",
    "extensions_live.widget.LiveWidget.__init__": "traits of ipywidgets, which a subclass adds",
}
"""Public functions whose ``**`` takes keywords that no signature can list, and the reason."""


def is_open(function):
    """Check whether the ``**`` of a function, as a syntax tree, takes anything."""
    rest = function.args.kwarg
    annotation = rest and ast.unparse(rest.annotation or ast.Name("Any"))
    return annotation in ("Any", "object")


def public_functions(tree, prefix):
    """Yield the public functions of a module or class, with their dotted names."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node, f"{prefix}.{node.name}")
        elif isinstance(node, ast.FunctionDef) and (
            not node.name.startswith("_") or node.name in ("__init__", "__call__")
        ):
            yield f"{prefix}.{node.name}", node


def test_no_public_signature_hides_its_options():
    found = set()
    for module, path in modules().items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found |= {name for name, node in public_functions(tree, module) if is_open(node)}
    assert found == set(OPEN)


@pytest.mark.parametrize("name", HINTED)
def test_a_signature_shows_every_keyword(name):
    parameters = inspect.signature(HINTED[name]).parameters.values()
    assert not [p for p in parameters if p.kind is p.VAR_KEYWORD]
    assert {p.name for p in parameters if p.kind is not p.VAR_POSITIONAL} == set(
        keywords(HINTED[name])[0]
    )


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.brick.__name__)
def test_a_brick_shows_the_options_of_its_family(row):
    shown = inspect.signature(row.brick).parameters
    expected = {"name", "children"}
    if issubclass(row.brick, bricks.Initializable):
        expected |= {"weights_init", "biases_init", "use_bias", "seed"}
    if issubclass(row.brick, bricks.RNGMixin):
        expected |= {"seed"}
    if issubclass(row.brick, bricks.Random):
        expected |= {"random_seed"}
    assert expected <= set(shown)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.brick.__name__)
def test_the_shown_default_is_what_a_brick_has(row):
    brick = row.made()
    for name, parameter in inspect.signature(row.brick).parameters.items():
        given = name in row.always or name in row.settings
        if not given and isinstance(parameter.default, bool):
            assert getattr(brick, name, parameter.default) is parameter.default


@pytest.mark.parametrize("use_jedi", [True, False])
@pytest.mark.parametrize(
    "typed, meant",
    [
        ("Linear(3, 2, weig", "weights_init="),
        ("MLP([Tanh()], [3, 2], se", "seed="),
        ("LSTM(3, use_", "use_bias="),
        ("Softmax(na", "name="),
        ("Printing(after_ep", "after_epoch="),
    ],
)
def test_a_notebook_completes_options(typed, meant, use_jedi):
    from IPython.core.completer import IPCompleter, provisionalcompleter

    space = {}
    exec("from workbench.bricks import Linear, MLP, Softmax, Tanh", space)
    exec("from workbench.bricks.recurrent import LSTM", space)
    exec("from workbench.extensions import Printing", space)
    completer = IPCompleter(namespace=space, use_jedi=use_jedi)
    with provisionalcompleter():
        assert meant in {found.text for found in completer.completions(typed, len(typed))}
