"""Errors for attributes that do not exist, with the name that was meant."""

import pickle

import cloudpickle
import pytest
import torch

from tests.contracts.test_extensions import KINDS, ROWS, Job
from tests.contracts.test_step_rules import ROWS as RULES
from tests.support.fakes import FakeAlgorithm
from workbench import shared, tensor
from workbench.algorithms import (
    Adam,
    CompositeRule,
    GradientDescent,
    Momentum,
    RMSProp,
    Scale,
    StepClipping,
    TorchOptimizer,
    UpdatesAlgorithm,
    VariableClipping,
)
from workbench.errors import AlgorithmError, UnknownAttributeError
from workbench.extensions import FinishAfter, SimpleExtension, TrainingExtension
from workbench.main_loop import MainLoop
from workbench.session import Session


def algorithm(rule):
    x, w = tensor.vector("x"), shared(1.0, "w")
    return GradientDescent(cost=((w - x) ** 2).mean(), parameters=[w], step_rule=rule)


def main_loop(rule, *extensions):
    return MainLoop(algorithm(rule), [{"x": [1.0]}], extensions=extensions)


CLIPPED = CompositeRule([StepClipping(1.0), Adam()])
PATH = "main_loop.algorithm.step_rule"


@pytest.mark.parametrize(
    "holder, name, text",
    [
        (Session(main_loop(Scale())), "learning_rate", rf"session.set\(session.{PATH}.learning_ra"),
        (Session(main_loop(Scale())), "lr", rf"session.set\(session.{PATH}.learning_rate, 0.5\)"),
        (Session(main_loop(CLIPPED)), "beta1", rf"session.{PATH}.components\[1\].beta1, 0.5\)"),
        (Session(main_loop(Scale())), "comands", "Session has no .*did you mean 'commands"),
        (main_loop(Scale()), "learning_rate", rf"{PATH}.learning_rate.set_value\(0.5\)"),
        (
            main_loop(Scale()),
            "extension",
            "MainLoop has no .*; did you mean 'extensions'",
        ),
        (main_loop(Scale()), "cost", "did you mean main_loop.algorithm.cost"),
        (algorithm(Scale()), "lr", r"algorithm.step_rule.learning_rate.set_value\(0.5\)"),
        (algorithm(Scale()), "on_unused_source", "did you mean 'on_unused_sources'"),
        (UpdatesAlgorithm(), "update", "UpdatesAlgorithm has no .*; did you mean 'updates'"),
        (CLIPPED, "threshold", r"rule.components\[0\].threshold.set_value\(0.5\)"),
        (Scale(), "lr", "Scale has no attribute 'lr'.*; did you mean 'learning_rate'"),
        (FinishAfter(after_n_epochs=1), "after_n_epochs", r"set_conditions\(after_n_epochs=0.5\)"),
    ],
)
def test_the_error_names_the_attribute_that_was_meant(holder, name, text):
    with pytest.raises(UnknownAttributeError, match=text):
        setattr(holder, name, 0.5)
    assert not hasattr(holder, name) or name in ("cost", "threshold")


@pytest.mark.parametrize("name", RULES)
def test_no_rule_accepts_an_unknown_attribute(name):
    rule = RULES[name][0](shared([[1.0]], "W"), shared([1.0], "b"))
    with pytest.raises(UnknownAttributeError, match="no attribute 'learnin_rate'"):
        rule.learnin_rate = 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_no_extension_accepts_an_unknown_attribute(kind, tmp_path):
    extension = ROWS[kind](Job(tmp_path))
    with pytest.raises(UnknownAttributeError, match="did you mean 'name'"):
        extension.nam = "mine"
    extension.name = "mine"
    extension._note = 1


def test_methods_of_a_subclass_can_set_any_attribute():
    class Counter(SimpleExtension):
        def __init__(self, start, **triggers):
            super().__init__(**triggers)
            self.count = start

        def do(self, which_callback, *args):
            self.count += 1
            self.last = [setattr(self, name, self.count) for name in ("seen", "called")]

    counter = Counter(5, after_batch=True)
    main_loop(Scale(), counter, FinishAfter(after_n_batches=2)).run()
    assert (counter.count, counter.seen, counter.called) == (7, 7, 7)
    with pytest.raises(UnknownAttributeError, match="did you mean 'count'"):
        counter.cuont = 0


def test_a_pickled_extension_keeps_its_attributes():
    class Kept(TrainingExtension):
        def before_training(self):
            self.value = 3

    kept = Kept()
    kept.before_training()
    assert pickle.loads(cloudpickle.dumps(kept)).value == 3


def test_an_algorithm_of_the_user_accepts_any_attribute():
    own = FakeAlgorithm()
    own.anything = 1
    assert MainLoop(own, [{"x": [1.0]}]).algorithm.anything == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda a: setattr(a, "step_rule", Scale(0.1)),
        lambda a: setattr(a, "cost", a.cost * 2),
        lambda a: setattr(a, "parameters", []),
        lambda a: setattr(a.step_rule, "components", []),
        lambda a: setattr(a.step_rule.components[0], "learning_rate", shared(0.1)),
        lambda a: setattr(a.step_rule.components[1], "axis", 0),
    ],
)
def test_parts_of_a_training_step_cannot_be_replaced_afterwards(change):
    built = algorithm(CompositeRule([Scale(1.0), VariableClipping(9.0)]))
    with pytest.raises(AlgorithmError, match="is already part of the training step"):
        change(built)


def test_a_variable_of_a_rule_can_be_replaced_before_it_is_used():
    rate, rule = shared(0.25, "rate"), Scale(1.0)
    rule.learning_rate = rate
    trained = algorithm(rule)
    trained.process_batch({"x": [3.0]})
    assert trained.parameters[0].get_value() == 2.0
    with pytest.raises(AlgorithmError, match="is a shared variable that the training"):
        rule.learning_rate = 0.5


@pytest.mark.parametrize("kind", [Momentum, RMSProp])
def test_a_setting_of_a_component_is_not_replaced(kind):
    with pytest.raises(AlgorithmError, match="it belongs to a component"):
        kind().learning_rate = shared(0.1)


def test_the_cost_of_a_torch_optimizer_is_fixed():
    w = shared(1.0, "w")
    with pytest.raises(AlgorithmError, match="create a new TorchOptimizer"):
        TorchOptimizer(w**2, [w], torch.optim.SGD, {"lr": 0.25}).cost = w


class Own(SimpleExtension):
    """Extension written by a user."""

    @classmethod
    def make(cls, setting):
        made = cls(after_epoch=True)
        made.setting = setting
        return made

    def do(self, which, *args):
        """Do nothing."""


def test_other_code_can_add_attributes_to_a_class_of_the_user():
    assert Own.make(3).setting == 3

    def prepare(extension):
        extension.seen = 0

    extension = Own(after_epoch=True)
    prepare(extension)
    assert extension.seen == 0


def test_a_near_miss_on_a_class_of_the_user_is_an_error():
    extension = Own(after_epoch=True)
    with pytest.raises(UnknownAttributeError, match="did you mean 'main_loop'"):
        extension.main_lop = None
