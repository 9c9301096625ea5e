"""Parameters without values: what works with them, and what every use of a value says."""

import copy
import io
import pickle

import cloudpickle
import numpy as np
import pytest
import torch

from workbench import function, shared, tensor
from workbench.algorithms import GradientDescent, Momentum, Scale, TorchOptimizer
from workbench.bricks import (
    MLP,
    Brick,
    Dropout,
    Initializable,
    Linear,
    Sequence,
    Tanh,
    TorchModule,
    application,
    symbolic_parameters,
)
from workbench.data import as_stream
from workbench.errors import NotConfiguredError, ParameterError, ShapeError
from workbench.extensions import FinishAfter
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph
from workbench.initialization import Constant, IsotropicGaussian
from workbench.main_loop import MainLoop
from workbench.model import Model
from workbench.monitoring.evaluators import DatasetEvaluator
from workbench.roles import WEIGHT
from workbench.serialization import dump, save_safetensors, to_state_dict

SCHEMES = {"weights_init": IsotropicGaussian(0.1), "biases_init": Constant(0)}
BATCH = {"x": np.ones((2, 3), "float32")}
SAID = (
    r"/net/linear_0\.W of shape \(3, 4\).* has no value, because it was allocated inside "
    r"`with symbolic_parameters\(\):`; leave that block, then call net\.allocate\(\) and "
    r"net\.initialize\(\), and apply net again"
)


class Job:
    """A symbolic network, and operations on it."""

    def __init__(self):
        self.x = tensor.matrix("x")
        self.net = MLP([Tanh(), None], [3, 4, 1], name="net", seed=1, **SCHEMES)
        with symbolic_parameters():
            self.output = self.net.apply(self.x)
        self.cost = (self.output**2).mean().copy(name="cost")
        self.graph = ComputationGraph(self.cost)
        self.model = Model(self.cost)

    def run(self, step_rule):
        algorithm = GradientDescent(
            cost=self.cost, parameters=self.graph.parameters, step_rule=step_rule
        )
        MainLoop(algorithm, [BATCH], extensions=[FinishAfter(after_n_epochs=1)]).run()

    def with_torch(self):
        algorithm = TorchOptimizer(self.cost, self.graph.parameters, torch.optim.SGD, {"lr": 0.1})
        MainLoop(algorithm, [BATCH], extensions=[FinishAfter(after_n_epochs=1)]).run()

    @property
    def weights(self):
        return self.net.children[0].W


USES = {
    "initialisation": lambda job: job.net.initialize(),
    "initialisation of a layer": lambda job: job.net.children[0].initialize(),
    "evaluation of a variable": lambda job: job.output.eval(BATCH),
    "a function": lambda job: function([job.x], job.output),
    "a compiled function": lambda job: function([job.x], job.output, execution="compiled"),
    "an update": lambda job: function([], updates=[(job.weights, job.weights * 1)]),
    "the value": lambda job: job.weights.get_value(),
    "the tensor": lambda job: job.weights.tensor,
    "a new value": lambda job: job.weights.set_value(np.ones((3, 4), "float32")),
    "values of the model": lambda job: job.model.get_parameter_values(),
    "immediate application": lambda job: job.net.apply(BATCH["x"]),
    "training": lambda job: job.run(Scale(0.1)),
    "training with buffers": lambda job: job.run(Momentum(0.1, 0.9)),
    "training with torch": Job.with_torch,
    "evaluation": lambda job: DatasetEvaluator([job.cost]).evaluate(as_stream([BATCH])),
    "pickling": lambda job: pickle.dumps(job.net),
    "cloudpickle": lambda job: cloudpickle.dumps(job.output),
    "an archive": lambda job: dump(job.net, io.BytesIO(), parameters=job.graph.parameters),
    "a state dict": lambda job: to_state_dict(job.graph.parameters),
    "safetensors": lambda job: save_safetensors(job.graph.parameters, "unwritten"),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_every_use_of_a_value_names_the_parameter_and_the_remedy(use):
    with pytest.raises(ParameterError, match=SAID):
        use(Job())


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_the_same_holds_inside_the_context(use):
    with symbolic_parameters(), pytest.raises(ParameterError, match=SAID):
        use(Job())


def test_the_graph_can_be_inspected():
    job = Job()
    assert job.output.shape[1] == 1 and job.output.dtype is torch.float32
    assert VariableFilter(roles=[WEIGHT])(job.graph) == [layer.W for layer in job.net.children[::2]]
    assert "linear_0.W" in "".join(job.model.get_parameter_dict())
    assert tensor.grad(job.cost, job.weights).shape == (3, 4)
    assert str(job.net).splitlines()[0] == "MLP net: 3 -> 1 · 21 parameters"
    assert [job.net.get_dim(name) for name in ("input_", "output")] == [3, 1]
    assert tensor.pprint(job.cost)


def test_shapes_are_checked_as_always():
    with symbolic_parameters(), pytest.raises(ShapeError, match="input_dim is 3"):
        Linear(3, 4).apply(tensor.variable("x", (None, 5), torch.float32))
    with symbolic_parameters(), pytest.raises(NotConfiguredError, match="input_dim"):
        Linear(output_dim=4).apply(tensor.matrix("x"))


def test_no_memory_is_used():
    with symbolic_parameters():
        weights = Linear(10**6, 10**6)
        weights.allocate()  # 4 TB
    assert weights.W.shape == (10**6, 10**6)


def test_nothing_is_drawn_and_no_seed_is_used_up():
    brick = Sequence([Linear(3, 4, **SCHEMES).apply, Dropout(0.5, name="drop").apply])
    drop = brick.children[1]
    with symbolic_parameters():
        outputs = [brick.apply(tensor.matrix("x")), drop.apply(tensor.matrix("x"))]
    assert "_root_seed" not in vars(brick)
    assert drop._stream is None
    assert len(outputs) == 2


def test_the_stream_of_a_real_brick_does_not_advance():
    drop = Dropout(0.5, random_seed=1)
    x = tensor.matrix("x")
    with drop:
        drop.apply(x)
        before = drop.random_stream.draws
        with symbolic_parameters():
            y = drop.apply(x)
    assert drop.random_stream.draws == before
    with pytest.raises(ParameterError, match=r"random_counter_0 of shape \(\) has no value"):
        y.eval({x: np.ones((2, 2), "float32")})


def test_allocating_after_the_context_gives_the_usual_values():
    first, second = (
        MLP([Tanh(), None], [3, 4, 1], name="net", seed=1, **SCHEMES) for _ in range(2)
    )
    with symbolic_parameters():
        first.apply(tensor.matrix("x"))
    first.allocate()
    for net in (first, second):
        net.initialize()
    assert np.array_equal(first.children[0].W.get_value(), second.children[0].W.get_value())
    assert first.apply(BATCH["x"]).equal(second.apply(BATCH["x"]))


def test_a_brick_with_parameters_keeps_them():
    linear = Linear(3, 2, **SCHEMES)
    linear.initialize()
    W, value = linear.W, linear.W.get_value()
    with symbolic_parameters():
        y = linear.apply(tensor.matrix("x"))
    assert linear.W is W and np.array_equal(W.get_value(), value)
    assert y.eval({"x": BATCH["x"]}).shape == (2, 2)


def test_other_shared_variables_keep_their_values():
    with symbolic_parameters():
        rate = shared(0.1, "rate")
        assert (rate * 2).eval() == pytest.approx(0.2)


class Filled(Initializable):
    """A brick that fills its parameter when it is allocated."""

    def _allocate(self):
        self.parameters.append(shared(np.ones((2, 3)), "ones"))
        self.parameters[0].set_value(np.zeros((2, 3)))

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_):
        return input_ @ self.parameters[0]


def test_an_allocation_can_fill_its_parameters():
    with symbolic_parameters():
        y = Filled().apply(tensor.matrix("x", dtype=torch.float64))
    assert y.shape[1] == 3 and y.dtype is torch.float64


def test_a_wrong_value_is_refused_during_allocation():
    class Wrong(Filled):
        def _allocate(self):
            super()._allocate()
            self.parameters[0].set_value(np.zeros((3, 3)))

    with symbolic_parameters(), pytest.raises(ShapeError, match=r"must be \(2, 3\), not \(3, 3\)"):
        Wrong().allocate()


def test_a_brick_that_is_not_lazy_is_not_initialised(monkeypatch):
    monkeypatch.setattr(Brick, "lazy", False)
    linear = Linear(3, 4, **SCHEMES)
    with symbolic_parameters():
        assert linear.apply(tensor.matrix("x")).shape[1] == 4
    assert not linear.initialized


def test_a_wrapped_module_keeps_its_tensors():
    module = torch.nn.Linear(3, 2)
    with symbolic_parameters():
        y = TorchModule(module).apply(tensor.matrix("x"))
    assert torch.equal(y.eval(BATCH), module(torch.ones(2, 3)))


def test_a_module_without_memory_is_symbolic():
    with torch.device("meta"):
        module = torch.nn.Linear(30_000, 30_000)
    y = TorchModule(module, name="net").apply(tensor.matrix("x"))
    assert y.shape[1] == 30_000
    with pytest.raises(ParameterError, match=r"/net\.weight of shape .* has no value"):
        y.eval({"x": np.ones((1, 30_000), "float32")})


def test_copies_share_parameters_as_copies_of_real_bricks_do():
    job = Job()
    net, graph = copy.deepcopy((job.net, job.output))
    parameters = ComputationGraph(graph).parameters
    assert {p for part in net.children[::2] for p in part.parameters} == set(parameters)
