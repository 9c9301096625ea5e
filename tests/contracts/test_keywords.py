"""Unknown keywords of public classes give errors that suggest the right one."""

import difflib
import enum
import importlib
import inspect
import typing

import pytest

import workbench.algorithms as algorithms
import workbench.bricks as bricks
import workbench.extensions as extensions
from tests.codebase.test_exports import pinned
from workbench import function, shared, tensor
from workbench.argument_names import ADVICE, OURS
from workbench.bricks.conv import Convolutional
from workbench.bricks.lookup import LookupTable
from workbench.bricks.recurrent import LSTM
from workbench.data import DataStream, ShuffledScheme
from workbench.errors import SignatureError, WorkbenchError
from workbench.hints import Hinted, hint, keywords
from workbench.initialization import Constant, IsotropicGaussian, Uniform
from workbench.log import SQLiteLog
from workbench.main_loop import MainLoop
from workbench.session import Session
from workbench.utils import shared_floatx, shared_floatx_zeros

# Classes that users do not create with keywords.
MADE_FOR_ONE = {
    "Application", "BoundApplication", "Children", "Parameters", "AnnotatingList", "LazyNone",
    "Configuration", "EpochIterator", "SQLiteStatus", "Row", "SQLiteEntry", "Command", "Variable",
    "SharedVariable", "Function", "Course", "Execution", "Task", "Fault", "RunView", "Flops",
    "Sessions", "Built", "Entry", "Field", "Group", "Method", "Port", "SweepRun",
}  # fmt: skip


def public_classes():
    """Return every class that the project exports, by its name."""
    found = {}
    for module, names in pinned().items():
        for name in names:
            value = getattr(importlib.import_module(module), name)
            if isinstance(value, type) and not typing.is_typeddict(value):
                found[f"{module}.{name}"] = value
    return found


CLASSES = public_classes()
HINTED = {name: CLASSES[name] for name in sorted(CLASSES) if issubclass(CLASSES[name], Hinted)}


def test_every_public_class_with_settings_gives_hints():
    others = [
        cls
        for cls in CLASSES.values()
        if not issubclass(cls, (Hinted, BaseException, enum.Enum))
        and not any(base.__name__ == "VariableRole" for base in cls.__mro__)
        and not getattr(cls, "_is_protocol", False)  # a protocol has no instances
    ]
    assert {cls.__name__ for cls in others} == MADE_FOR_ONE


@pytest.mark.parametrize("name", HINTED)
def test_an_unknown_keyword_is_refused_by_name(name):
    cls = HINTED[name]
    with pytest.raises(
        TypeError, match=f"^{cls.__name__} has no (argument|trigger) 'zyx'"
    ) as caught:
        cls(zyx=1)
    assert isinstance(caught.value, WorkbenchError)


@pytest.mark.parametrize("name", HINTED)
def test_every_keyword_is_found_when_a_letter_is_missing(name):
    cls = HINTED[name]
    known, complete = keywords(cls)
    assert complete
    for keyword in known:
        typed = keyword[:-2] + keyword[-1]
        if len(keyword) < 5 or typed in known or typed in OURS:
            continue
        [near] = difflib.get_close_matches(typed, known, n=1)
        with pytest.raises(TypeError, match=f"{typed!r}.* did you mean '{near}'"):
            cls(**{typed: 1})


@pytest.mark.parametrize("name", HINTED)
def test_the_keywords_are_those_of_the_signature(name):
    cls = HINTED[name]
    named = [
        p.name
        for p in inspect.signature(cls.__init__).parameters.values()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    assert set(named) - {"self"} <= set(keywords(cls)[0])


def takes_more(function):
    """Check whether a function hands keywords on to another one."""
    return inspect.unwrap(function).__code__.co_flags & inspect.CO_VARKEYWORDS


def public_functions():
    """Return every exported function that checks its keywords."""
    found = {}
    for module, names in pinned().items():
        for name in names:
            value = getattr(importlib.import_module(module), name)
            if inspect.isfunction(value) and not takes_more(value):
                found[f"{module}.{name}"] = value
    return found


FUNCTIONS = public_functions()


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_public_function_gives_hints(name):
    called = FUNCTIONS[name]
    with pytest.raises(SignatureError, match=rf"^{called.__name__} has no argument 'zyx' \(it has"):
        called(zyx=1)
    parameters = inspect.signature(called).parameters.values()
    known = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    for keyword in known:
        typed = keyword[:-2] + keyword[-1]
        if len(keyword) < 5 or typed in known or typed in OURS:
            continue
        [near] = difflib.get_close_matches(typed, known, n=1)
        with pytest.raises(SignatureError, match=f"{typed!r}.* did you mean '{near}'"):
            called(**{typed: 1})


def test_a_function_that_hands_keywords_on_has_them_looked_at_too():
    for makes, value in ((shared_floatx, 1.0), (shared_floatx_zeros, (2,))):
        with pytest.raises(SignatureError, match="shared has no argument 'nam'.*'name'"):
            makes(value, nam="w")


def test_hints_for_other_libraries_name_existing_arguments():
    known = {keyword for cls in HINTED.values() for keyword in keywords(cls)[0]}
    known |= {p for f in FUNCTIONS.values() for p in inspect.signature(f).parameters}
    makers = (DataStream.from_frame, DataStream.from_arrays, DataStream.from_folder)
    known |= {p for f in makers for p in inspect.signature(f).parameters}
    known |= {"rate", "factor", "every", "iterations", "maximum", "warm_up", "default_seed"}
    assert {one for names in OURS.values() for name in names for one in name.split()} <= known


COST = tensor.scalar("cost")


@pytest.mark.parametrize(
    "make, meant",
    [
        (lambda: algorithms.Adam(lr=0.1), "'learning_rate'"),
        (lambda: algorithms.Adam(betas=(0.9, 0.99)), "'beta1' and 'beta2'"),
        (lambda: algorithms.Adam(eps=1e-8), "'epsilon'"),
        (lambda: algorithms.RMSProp(alpha=0.9), "'decay_rate'"),
        (lambda: algorithms.StepClipping(max_norm=1.0), "'threshold'"),
        (lambda: algorithms.GradientDescent(params=[], cost=COST), "'parameters'"),
        (lambda: algorithms.GradientDescent(loss=COST), "'cost'"),
        (lambda: algorithms.GradientDescent(optimizer=1), "'step_rule'"),
        (lambda: algorithms.TorchOptimizer(COST, [], scheduler=1), "'schedulers'"),
        (lambda: MainLoop(callbacks=[]), "'extensions'"),
        (lambda: MainLoop(None, dataloader=[]), "'data_stream'"),
        (lambda: Session(mainloop=None), "'main_loop'"),
        (lambda: bricks.MLP(activation=[]), "'activations'"),
        (lambda: bricks.MLP(hidden_size=3), "'dims'"),
        (lambda: bricks.Linear(in_features=3, out_features=4), "'input_dim'"),
        (lambda: bricks.Linear(bias=False), "'use_bias'"),
        (lambda: bricks.Dropout(p=0.5), "'drop_prob'"),
        (lambda: bricks.BatchNormalization(eps=1e-5), "'epsilon'"),
        (lambda: LSTM(hidden_size=3), "'dim'"),
        (lambda: Convolutional(kernel_size=3), "'filter_size'"),
        (lambda: Convolutional(kernel=3), "'filter_size'"),
        (lambda: Constant(val=3), "'constant'"),
        (lambda: Constant(value=3), "'constant'"),
        (lambda: function(input=[]), "'inputs'"),
        (lambda: shared(val=3), "'value'"),
        (lambda: tensor.matrix(nam="x"), "'name'"),
        (lambda: extensions.FinishAfter(after_epochs=3), "'after_n_epochs'"),
        (lambda: extensions.FinishAfter(after_iterations=3), "'after_n_batches'"),
        (lambda: extensions.Printing(every_epochs=3), "'every_n_epochs'"),
        (lambda: extensions.Printing(every_steps=3), "'every_n_batches'"),
        (lambda: Convolutional(out_channels=3), "'num_filters'"),
        (lambda: Convolutional(padding=1), "'border_mode'"),
        (lambda: LookupTable(num_embeddings=3), "'length'"),
        (lambda: IsotropicGaussian(stddev=0.1), "'std'"),
        (lambda: extensions.FinishAfter(epochs=3), "'after_n_epochs'"),
        (lambda: extensions.FinishAfter(max_steps=3), "'after_n_batches'"),
        (lambda: extensions.EarlyStopping(monitor="cost"), "'record_name'"),
        (lambda: extensions.EarlyStopping("cost", patience=3), "'epochs'"),
        (lambda: extensions.ReduceOnPlateau(monitor="cost"), "'record_name'"),
        (lambda: extensions.ReduceOnPlateau(shared(1.0), "cost", min_lr=0.1), "'minimum'"),
        (lambda: extensions.Checkpoint(filepath="a.tar"), "'path'"),
        (lambda: extensions.DataStreamMonitoring(metrics=[]), "'variables'"),
        (lambda: extensions.Timing(prefx="a"), "'prefix'"),
        (lambda: DataStream(None, scheme=None), "'iteration_scheme'"),
        (lambda: ShuffledScheme(num_examples=3), "'examples'"),
        (lambda: SQLiteLog(filename="a.sqlite"), "'database'"),
    ],
)
def test_words_of_other_libraries_are_understood(make, meant):
    with pytest.raises(TypeError, match=f"; did you mean {meant}"):
        make()


@pytest.mark.parametrize(
    "make, advice",
    [
        (lambda: algorithms.Adam(weight_decay=0.1), "add the penalty to the cost"),
        (lambda: algorithms.Scale(momentum=0.1), r"Momentum\(learning_rate, momentum\)"),
        (lambda: algorithms.Scale(nesterov=True), "TorchOptimizer"),
        (lambda: MainLoop(epochs=3), r"FinishAfter\(after_n_epochs=...\)"),
        (lambda: MainLoop(metrics=[]), "DataStreamMonitoring"),
        (lambda: algorithms.GradientDescent(lr=0.1), r"Adam\(learning_rate=0.001\)"),
        (lambda: LSTM(3, batch_first=True), "the first axis is time"),
        (lambda: extensions.Checkpoint("a.tar", save_best_only=True), "EarlyStopping"),
        (lambda: extensions.Checkpoint("a.tar", save_best=True), "EarlyStopping"),
        (lambda: Uniform(low=0), "the width high - low"),
        (lambda: Uniform(maxval=1), "the width high - low"),
    ],
)
def test_arguments_without_a_counterpart_give_advice(make, advice):
    with pytest.raises(TypeError, match=f"has no (argument|trigger) .*; .*{advice}"):
        make()


def test_an_argument_that_the_constructor_of_a_subclass_takes_is_left_to_it():
    class Own(extensions.SimpleExtension):
        def __init__(self, **settings):
            self.depth = settings.pop("depth")
            super().__init__(**settings)

    assert Own(depth=3, after_epoch=True).depth == 3
    with pytest.raises(TypeError, match="Own has no trigger 'after_epok'; .* you mean 'after_ep"):
        Own(depth=3, after_epok=True)


def test_the_error_of_a_subclass_names_the_subclass():
    class Own(algorithms.StepRule):
        def __init__(self, learning_rate):
            self.rate = learning_rate

    assert Own(learning_rate=1).rate == 1
    with pytest.raises(SignatureError, match="^Own has no argument 'lr'"):
        Own(lr=1)


def test_a_class_without_settings_says_so():
    with pytest.raises(
        SignatureError, match=r"Tanh has no argument 'gain' \(it has name, children"
    ):
        bricks.Tanh(gain=1)
    assert hint("something", []) == "" and not set(ADVICE) & {""}
