"""Methods that a subclass overrides are called, or refused when the class is defined."""

import itertools

import numpy as np
import pytest

from tests.support.fakes import FakeAlgorithm
from workbench import function, grad, shared, tensor
from workbench.algorithms import (
    AdaDelta,
    AdaGrad,
    Adam,
    BasicMomentum,
    BasicRMSProp,
    CompositeRule,
    GradientDescent,
    Momentum,
    RemoveNotFinite,
    Restrict,
    RMSProp,
    Scale,
    StepClipping,
    StepRule,
    UpdatesAlgorithm,
    VariableClipping,
)
from workbench.bricks import Brick, Sequence, Tanh, application
from workbench.bricks.recurrent import BaseRecurrent, SimpleRecurrent
from workbench.data import as_stream
from workbench.extensions import FinishAfter, Printing, ProgressBar, Timestamp, TrainingExtension
from workbench.extensions.monitoring import (
    DataStreamMonitoring,
    MonitoringExtension,
    TrainingDataMonitoring,
)
from workbench.extensions.saveload import Checkpoint, Load
from workbench.initialization import Constant
from workbench.main_loop import MainLoop
from workbench.monitoring.aggregation import (
    Aggregator,
    Concatenate,
    Maximum,
    Mean,
    Minimum,
    MonitoredQuantity,
    TakeLast,
)
from workbench.monitoring.evaluators import DatasetEvaluator


def method(self, *args, **kwargs):
    return None


FORMER = [
    (BaseRecurrent, "initial_state", r"define initial_states\(batch_size"),
    (SimpleRecurrent, "initial_state", r"define initial_states\(batch_size"),
    (Printing, "_print_attributes", r"define do\(which_callback"),
    (MonitoringExtension, "_record_name", r"define record_name\(variable\)"),
    (TrainingDataMonitoring, "_record_name", r"define record_name\(variable\)"),
    (Checkpoint, "save_separately_filenames", "saved as members of the archive, not as"),
    (UpdatesAlgorithm, "_validate_source_names", r"define process_batch\(batch\)"),
    (GradientDescent, "_compute_gradients", "pass gradients="),
    (MonitoredQuantity, "accumulate", r"define aggregate\(\*values\)"),
    (MonitoredQuantity, "readout", r"define get_aggregated_value\(\)"),
    (MainLoop, "_run_iteration", "a TrainingExtension that defines before_batch and after_batch"),
    (MainLoop, "_run_epoch", "a TrainingExtension that defines before_epoch and after_epoch"),
    *[
        (rule, "compute_step", "the steps of all parameters together; define compute_steps")
        for rule in (CompositeRule, Momentum, RMSProp, StepClipping, Restrict, RemoveNotFinite)
    ],
]


@pytest.mark.parametrize(
    ("base", "name", "advice"), FORMER, ids=[f"{base.__name__}.{name}" for base, name, _ in FORMER]
)
def test_methods_that_nothing_calls_are_refused_with_a_hint(base, name, advice):
    with pytest.raises(
        (ValueError, TypeError), match=f"^Old.{name} would never be called[;,] .*{advice}"
    ):
        type("Old", (base,), {name: method})


def test_other_attributes_of_a_subclass_are_allowed():
    class Own(SimpleRecurrent):
        @property
        def initial_state(self):
            return self.parameters[1]

    class Both(Momentum):
        def compute_step(self, parameter, previous_step):
            return previous_step * 2, []

        def compute_steps(self, previous_steps):
            return StepRule.compute_steps(self, previous_steps)

    brick = Own(2, Tanh())
    brick.allocate()
    assert brick.initial_state is brick.parameters[1]
    p = shared(1.0, "p")
    assert Both().compute_steps({p: tensor.constant(3.0)})[0][p].eval() == 6


RULES = {
    AdaDelta: AdaDelta, AdaGrad: AdaGrad, Adam: Adam, BasicMomentum: BasicMomentum,
    BasicRMSProp: BasicRMSProp, Scale: Scale,
    VariableClipping: lambda: VariableClipping(9.0),
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_step_of_a_subclass_is_taken(rule):
    class Halved(rule):
        def compute_step(self, parameter, previous_step):
            step, updates = super().compute_step(parameter, previous_step)
            return step / 2, updates

    def steps(made):
        a, b = shared([3.0, 4.0], "a"), shared([1.0], "b")
        cost = (a**2).sum() + (b**3).sum()
        gradients = dict(zip([a, b], grad(cost, [a, b]), strict=True))
        computed, updates = made.compute_steps(gradients)
        run = function([], list(computed.values()), updates=updates)
        return [[value.numpy() for value in run()] for _ in range(2)]

    halved = Halved(9.0) if rule is VariableClipping else Halved()
    for mine, whole in zip(steps(halved), steps(RULES[rule]()), strict=True):
        for value, expected in zip(mine, whole, strict=True):
            np.testing.assert_allclose(value, expected / 2, rtol=1e-5)


SCHEMES = {
    Mean: lambda kind, v: kind(v, 1.0), Maximum: lambda kind, v: kind(v),
    Minimum: lambda kind, v: kind(v), TakeLast: lambda kind, v: kind(v),
    Concatenate: lambda kind, v: kind(v),
}  # fmt: skip


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.__name__)
def test_an_aggregator_of_a_subclass_is_used(scheme):
    class Counting(scheme):
        def get_aggregator(self):
            count = shared(0.0, "count")
            return Aggregator(self, [(count, 0.0)], [(count, count + 1 + 0 * x.sum())], count * 10)

    x = tensor.vector("x")
    y = x.sum().copy(name="y")
    y.tag.aggregation_scheme = SCHEMES[scheme](Counting, y)
    evaluator = DatasetEvaluator([y])
    for _ in range(2):
        values = evaluator.evaluate(as_stream([{"x": [1.0]}, {"x": [2.0, 3.0]}]))
        assert float(values["y"]) == 20


def test_bricks_are_allocated_by_their_own_methods():
    called = []

    class Loud(Brick):
        def allocate(self):
            called.append((self.name, "allocate"))
            super().allocate()

        def initialize(self):
            called.append((self.name, "initialize"))
            super().initialize()

        def push_allocation_config(self):
            called.append((self.name, "push"))
            super().push_allocation_config()

        @application(inputs=["x"], outputs=["y"])
        def apply(self, x):
            return x + 1

    child = Loud(name="child")
    top = Sequence([child, child.apply], name="top")
    top.apply(tensor.vector("x"))
    top.initialize()
    assert called == [("child", "push"), ("child", "allocate"), ("child", "initialize")]
    called.clear()
    Loud(name="alone").apply(tensor.vector("x"))
    assert called == [("alone", "allocate"), ("alone", "push")]


class Doubled:
    """Extension that doubles recorded values."""

    def add_records(self, log, record_tuples):
        super().add_records(log, [(name, value * 2) for name, value in record_tuples])

    def record_name(self, variable):
        return "own_" + super().record_name(variable)


@pytest.mark.parametrize("kind", [DataStreamMonitoring, TrainingDataMonitoring])
def test_records_go_through_the_methods_of_a_subclass(kind):
    x, w = tensor.vector("x"), shared(0.0, "w")
    cost = ((x - w) ** 2).mean().copy(name="cost")
    own = type("Own", (Doubled, kind), {})
    stream = [[{"x": [3.0]}]] * (kind is DataStreamMonitoring)
    main_loop = MainLoop(
        GradientDescent(cost=cost, parameters=[w], step_rule=Scale(0.0)),
        [{"x": [3.0]}],
        extensions=[own([cost], *stream, after_batch=True), FinishAfter(after_n_batches=1)],
    )
    main_loop.run()
    assert main_loop.log[1]["own_cost"] == 18


def test_further_hooks_of_extensions_are_called(tmp_path):
    called = []

    class Stamp(Timestamp):
        def get_timestamp(self):
            called.append("get_timestamp")
            return "now"

    class Bar(ProgressBar):
        def get_iter_per_epoch(self):
            called.append("get_iter_per_epoch")
            return super().get_iter_per_epoch()

        def create_bar(self):
            called.append("create_bar")
            return super().create_bar()

    class Reload(Load):
        def load_to(self, main_loop):
            called.append("load_to")

    class Everything(TrainingExtension):
        def dispatch(self, callback_name, *args):
            called.append("dispatch")

    path = tmp_path / "run.tar"
    batches = [{"x": 1}] * 3
    for extensions in (
        [Checkpoint(path)],
        [Reload(path), Stamp(), Bar(interval=0.01), Everything()],
    ):
        finish = FinishAfter(after_n_epochs=1)
        MainLoop(FakeAlgorithm(), batches, extensions=[*extensions, finish]).run()
    assert {"get_timestamp", "load_to", "dispatch"} <= set(called)
    bar = Bar(interval=0.01)
    bar.main_loop = MainLoop(FakeAlgorithm(), batches)
    bar.create_bar().close()
    assert {"create_bar", "get_iter_per_epoch"} <= set(called)


def test_evaluators_call_what_a_subclass_overrides():
    called = []

    def wrapped(name):
        def call(self, *args):
            called.append(name)
            return getattr(super(Own, self), name)(*args)

        return call

    names = ["initialize_aggregators", "process_batch", "get_aggregated_values"]
    Own = type("Own", (DatasetEvaluator,), {name: wrapped(name) for name in names})
    x = tensor.vector("x")
    Own([x.sum().copy(name="y")]).evaluate(as_stream([{"x": [1.0]}]))
    assert called == names


def test_a_scheme_may_initialise_in_its_own_way():
    class Counted(Constant):
        calls = itertools.count()

        def generate(self, rng, shape):
            return super().generate(rng, shape) + next(self.calls)

    brick = SimpleRecurrent(2, Tanh(), weights_init=Counted(5))
    brick.initialize()
    brick.initialize()
    assert (brick.W.get_value() == 6).all()
