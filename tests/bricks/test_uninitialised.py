"""Forgetting `initialize()`: the brick and the call are named, wherever values are needed first."""

import copy
import pickle

import numpy as np
import pytest
import torch

from workbench import function, tensor
from workbench.algorithms import GradientDescent, Scale, TorchOptimizer
from workbench.bricks import MLP, BatchNormalizedMLP, Brick, Linear, Sequence, Tanh, application
from workbench.bricks.recurrent import LSTM
from workbench.data import as_stream
from workbench.errors import ParameterError
from workbench.extensions import DataStreamMonitoring, FinishAfter
from workbench.graph import ComputationGraph
from workbench.initialization import Constant, IsotropicGaussian
from workbench.main_loop import MainLoop
from workbench.model import Model
from workbench.monitoring.evaluators import DatasetEvaluator
from workbench.utils import shared_floatx_nans

SCHEMES = {"weights_init": IsotropicGaussian(0.1), "biases_init": Constant(0)}
BATCH = {"x": np.ones((2, 3), "float32")}
SAID = (
    r"not initialised: /net/linear_0\.W, .*call the brick's initialize\(\) method first, as in "
    r"net\.initialize\(\)"
)


class Job:
    """A network without initialised parameters, and operations on it."""

    def __init__(self):
        self.x = tensor.matrix("x")
        self.net = MLP([Tanh(), None], [3, 4, 1], name="net", **SCHEMES)
        self.output = self.net.apply(self.x)
        self.cost = (self.output**2).mean().copy(name="cost")
        self.graph = ComputationGraph(self.cost)

    def run(self, algorithm=None, **options):
        if algorithm is None:
            algorithm = GradientDescent(
                cost=self.cost, parameters=self.graph.parameters, step_rule=Scale(0.1)
            )
        extensions = [*options.pop("extensions", ()), FinishAfter(after_n_epochs=1)]
        MainLoop(algorithm, [BATCH], extensions=extensions, **options).run()

    def with_torch(self):
        self.run(TorchOptimizer(self.cost, self.graph.parameters, torch.optim.SGD, {"lr": 0.1}))

    def monitored(self):
        self.run(extensions=[DataStreamMonitoring([self.cost], [BATCH])])


USES = {
    "training": Job.run,
    "training a model": lambda job: job.run(model=Model(job.cost)),
    "training with torch": Job.with_torch,
    "monitoring while training": Job.monitored,
    "evaluation": lambda job: DatasetEvaluator([job.cost]).evaluate(as_stream([BATCH])),
    "application": lambda job: job.net.apply(BATCH["x"]),
    "application to a tensor": lambda job: job.net.apply(torch.ones(2, 3)),
    "eval": lambda job: job.output.eval({job.x: BATCH["x"]}),
    "a graph's function": lambda job: job.graph.get_function()(BATCH["x"]),
    "a compiled function": lambda job: function([job.x], job.cost, execution="compiled")(
        BATCH["x"]
    ),
}


@pytest.mark.parametrize("use", USES)
def test_the_brick_and_the_call_are_named(use):
    with pytest.raises(ParameterError, match=SAID):
        USES[use](Job())


@pytest.mark.parametrize("use", USES)
def test_after_initialisation_everything_works(use):
    job = Job()
    with pytest.raises(ParameterError):
        USES[use](job)
    job.net.initialize()
    USES[use](job)


@pytest.mark.parametrize(
    "make, name",
    [
        (lambda: LSTM(2, weights_init=Constant(1)), "lstm.W_state, "),
        (
            lambda: BatchNormalizedMLP([Tanh()], [3, 2], **SCHEMES),
            r"batchnormalizedmlp/linear_0\.W",
        ),
    ],
)
def test_parameters_of_other_bricks_are_found_too(make, name):
    brick = make()
    x = tensor.tensor3("x") if isinstance(brick, LSTM) else tensor.matrix("x")
    outputs = brick.apply(x, as_list=True)
    values = np.ones((4, 2, 8) if isinstance(brick, LSTM) else (4, 3), "float32")
    with pytest.raises(ParameterError, match=f"not initialised: .*{name}.*{brick.name}.initialize"):
        outputs[0].eval({x: values})


def test_two_bricks_are_both_named():
    x = tensor.matrix("x")
    first, second = Linear(3, 2, name="first"), Linear(2, 1, name="second")
    y = second.apply(first.apply(x))
    with pytest.raises(ParameterError, match=r"first.initialize\(\) and second.initialize\(\)"):
        y.eval({x: BATCH["x"]})
    Sequence([first.apply, second.apply], name="both")
    with pytest.raises(ParameterError, match=r"both/first\.W, .* as in both.initialize\(\), or"):
        y.eval({x: BATCH["x"]})


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda brick: pickle.loads(pickle.dumps(brick))])
def test_a_copy_is_as_little_initialised(copied):
    linear = Linear(3, 2, **SCHEMES)
    linear.allocate()
    with pytest.raises(ParameterError, match=r"linear\.initialize"):
        copied(linear).apply(BATCH["x"])
    linear.initialize()
    assert copied(linear).apply(BATCH["x"]).shape == (2, 2)


def test_values_that_are_assigned_or_loaded_do_as_well():
    linear = Linear(3, 1)
    y = linear.apply(x := tensor.matrix("x"))
    Model(y).set_parameter_values({"linear.W": np.ones((3, 1)), "linear.b": np.zeros(1)})
    assert y.eval({x: BATCH["x"]}).tolist() == [[3.0], [3.0]]


def test_what_belongs_to_no_brick_is_left_alone():
    assert (shared_floatx_nans((2,)) + 1).eval().isnan().all()


def test_a_brick_of_ones_own_is_watched_too():
    class Shift(Brick):
        def _allocate(self):
            self.parameters.append(shared_floatx_nans((3,), name="by"))

        def _initialize(self):
            self.parameters[0].set_value(np.ones(3))

        @application(outputs=["output"])
        def apply(self, x):
            return x + self.parameters[0]

    shift = Shift()
    with pytest.raises(ParameterError, match=r"shift\.by; .* as in shift\.initialize\(\)"):
        shift.apply(BATCH["x"])
    shift.initialize()
    assert shift.apply(BATCH["x"]).tolist() == [[2.0] * 3] * 2
