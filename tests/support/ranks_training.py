"""The functions that each process of a group runs in the tests of data-parallel training."""

import copy
import functools
import os
import pickle
import signal

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from workbench import shared, tensor
from workbench.algorithms import (
    Adam,
    CompositeRule,
    GradientDescent,
    Momentum,
    RemoveNotFinite,
    Restrict,
    RMSProp,
    Scale,
    StepClipping,
    VariableClipping,
)
from workbench.bricks import (
    MLP,
    BatchNormalization,
    BatchNormalizedMLP,
    Dropout,
    Softmax,
    SpatialBatchNormalization,
    Tanh,
    TorchModule,
)
from workbench.data import (
    DataStream,
    H5PYDataset,
    IndexableDataset,
    Mapping,
    SequentialScheme,
    ShuffledScheme,
    as_stream,
)
from workbench.distributed import DataParallel, ShardedDataParallel, ZeRO1
from workbench.extensions import FinishAfter, TrainingExtension
from workbench.extensions.culprits import cause
from workbench.extensions.monitoring import DataStreamMonitoring, TrainingDataMonitoring
from workbench.extensions.saveload import Checkpoint, Load
from workbench.graph import ComputationGraph, apply_dropout
from workbench.initialization import Constant, IsotropicGaussian
from workbench.main_loop import MainLoop
from workbench.monitoring.aggregation import Concatenate, Maximum, Sum
from workbench.monitoring.evaluators import DatasetEvaluator
from workbench.roles import ALGORITHM_BUFFER, WEIGHT, has_roles
from workbench.serialization import continue_training

EXAMPLES, BATCH = 50, 12  # the last batch of an epoch has two examples

RULES = {
    "sgd": lambda: Scale(0.1),
    "momentum": lambda: CompositeRule([StepClipping(0.3), Momentum(0.05, 0.9)]),
    "adam": lambda: Adam(0.002),
    "skipping": lambda: CompositeRule([RMSProp(0.01), RemoveNotFinite()]),
    "restricted": lambda: CompositeRule([Restrict(Adam(0.01), WEIGHT), Scale(0.1)]),
}


def examples(n=EXAMPLES):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((n, 8), dtype="float32")
    return {"features": x, "targets": np.abs(x[:, :3]).argmax(1)}


def stream(batch=BATCH):
    scheme = ShuffledScheme(EXAMPLES, batch, seed=2)
    return DataStream(IndexableDataset(examples()), iteration_scheme=scheme)


def cost_of_mlp():
    x, y = tensor.matrix("features"), tensor.lvector("targets")
    mlp = MLP([Tanh(), None], [8, 6, 3], weights_init=IsotropicGaussian(0.3),
              biases_init=Constant(0), seed=3)  # fmt: skip
    mlp.initialize()
    cost = Softmax().categorical_cross_entropy(y, mlp.apply(x)).mean()
    cost.name = "cost"
    return cost


WAYS = {"data": DataParallel, "zero1": DataParallel, "sharded": ShardedDataParallel}


def descend(cost, rule, execution="eager", way="data", **options):
    """Return an algorithm whose parameters, or only the buffers of its rule, can be divided."""
    parameters = ComputationGraph(cost).parameters
    rule = ZeRO1(rule) if way == "zero1" else rule
    return GradientDescent(
        cost=cost, parameters=parameters, step_rule=rule, distributed=WAYS[way](),
        function_kwargs={"execution": execution}, **options,
    )  # fmt: skip


def outcome(loop):
    """Return the records and the final values of a run, as plain values."""
    parameters, _ = loop.state_variables()
    names = [name for name in loop.log.frame if loop.log.frame[name].dtype == float]
    return {
        "records": {name: loop.log.frame[name].dropna().tolist() for name in names},
        "values": {name: value.get_value() for name, value in parameters.items()},
    }


def train(group, rule, execution="eager", batch=BATCH, way="data"):
    """Train for two epochs, and return the outcome."""
    cost = cost_of_mlp()
    algorithm = descend(cost, RULES[rule](), execution, way)
    monitoring = TrainingDataMonitoring([cost, algorithm.total_gradient_norm], after_batch=True)
    extensions = [monitoring, FinishAfter(after_n_epochs=2)]
    loop = MainLoop(algorithm, stream(batch), extensions=extensions)
    loop.run()
    return outcome(loop)


def data_in(path, kind):
    """Return a stream of examples of an HDF5 file, read by its scheme or by a loader of torch."""
    dataset = H5PYDataset(path, ("all",), load_in_memory=kind == "loader")
    if kind == "loader":
        pairs = TensorDataset(*[torch.as_tensor(one) for one in dataset.indexables])
        loader = DataLoader(pairs, BATCH, shuffle=True, generator=torch.Generator().manual_seed(5))
        return as_stream(loader, sources=dataset.sources)
    return DataStream(dataset, iteration_scheme=ShuffledScheme(EXAMPLES, BATCH, seed=2))


def from_file(group, path, kind, after=None, load=None, save=None):
    """Train on examples of a file, from a checkpoint or with one.

    Return also the fingerprints of the data.
    """
    cost = cost_of_mlp()
    extensions = [TrainingDataMonitoring([cost], after_batch=True)]
    if load:
        extensions.append(Load(load, load_iteration_state=True, load_log=True))
    end = {"after_n_batches": after} if after else {"after_n_epochs": 2}
    extensions.append(FinishAfter(**end))
    if save:
        extensions.append(Checkpoint(save, after_epoch=False, after_training=True))
    algorithm = descend(cost, Momentum(0.05, 0.9))
    loop = MainLoop(algorithm, data_in(path, kind), extensions=extensions)
    loop.run()
    return {**outcome(loop), "data": loop.status["_initial"]}


def divided(group, rule="adam"):
    """Return facts about parameters that are divided, and errors of their wrong uses."""
    cost = cost_of_mlp()
    parameters = ComputationGraph(cost).parameters
    values = [parameter.get_value() for parameter in parameters]
    algorithm = descend(cost, RULES[rule](), way="sharded")
    kept = {v for v in algorithm.state_variables().values() if v.ndim}
    batch = examples(4)
    return {
        "kept": sum(v.tensor.numel() for v in kept),
        "all": 3 * sum(value.size for value in values),
        "same": [bool((p.get_value() == v).all()) for p, v in zip(parameters, values, strict=True)],
        "cost": cost.eval(batch).item(),
        "tensor": error_of(lambda: parameters[0].tensor),
        "again": error_of(lambda: descend(cost, Scale(0.1), way="sharded")),
        "rows": error_of(lambda: observe(algorithm, algorithm.gradients)),
        "pickle": error_of(lambda: pickle.dumps(parameters[0])),
    }


def observe(algorithm, gradients):
    """Monitor the norm of a gradient."""
    algorithm.add_observer([next(iter(gradients.values())).norm().copy(name="norm")], print)
    algorithm.initialize()


def refused(group):
    """Return the error of a rule that needs all rows of a parameter."""
    cost = cost_of_mlp()
    said = error_of(lambda: descend(cost, VariableClipping(1.0), way="sharded"))
    return said, bool(ComputationGraph(cost).parameters[0].tensor.isfinite().all())


def error_of(function):
    """Return the error that a function raises, as text."""
    try:
        function()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def diverging(group):
    """Return the error of a step that is too large in one process, and the parameters."""
    x, w = tensor.vector("x"), shared([1.0, 1.0], "w")
    slopes = torch.tensor([1.0, 1e30])
    cost = ((w * slopes).sum() * x.mean()).copy(name="cost")
    algorithm = GradientDescent(cost, [w], Scale(1e10), distributed=ShardedDataParallel())
    said = error_of(lambda: algorithm.process_batch({"x": np.ones(2, "float32")}))
    return said, w.get_value().tolist()


def cause_in_last_row(group):
    """Return the causes found for a value and a gradient that only the last process has."""
    x, w, b = tensor.vector("x"), shared([1.0, 2.0], "w"), shared([1.0, 7.0], "b")
    cost = ((w + b * b.sqrt()).sum() * x.mean()).copy(name="cost")
    algorithm = GradientDescent(cost, [w, b], Scale(0.1), distributed=ShardedDataParallel())
    batch, found = {"x": np.ones(2, "float32")}, []
    for value in ([1.0, np.nan], [1.0, -4.0], [1.0, 7.0]):
        b.set_value(np.array(value, "float32"))
        found.append(cause(algorithm, batch))
    return found


def kept(group):
    """Return the number of elements in copied buffers of this process, and of all processes."""
    algorithm = copy.deepcopy(descend(cost_of_mlp(), ZeRO1(Adam())))
    buffers = [v for v in algorithm.state_variables().values() if has_roles(v, [ALGORITHM_BUFFER])]
    sizes = [
        (v.tensor.numel(), v.tensor.untyped_storage().nbytes() // 4) for v in buffers if v.ndim
    ]
    return sum(here for _, here in sizes if here > 1), sum(whole for whole, _ in sizes)


def overflow(group):
    """Return the error of a step whose buffer would overflow in the process that keeps it."""
    x, w, v = tensor.vector("x"), shared([1.0], "w"), shared(np.ones(2, "float32"), "v")
    cost = ((w.sum() * x).mean() + v.sum() * 1e-20 * x.mean()).copy(name="cost")
    algorithm = GradientDescent(
        cost, [w, v], ZeRO1(CompositeRule([Adam(0.1)])), distributed=DataParallel()
    )
    try:
        algorithm.process_batch({"x": np.full(2, 1e30, "float32")})
    except Exception as error:
        return f"{type(error).__name__}: {error}", w.get_value().tolist()


@functools.cache
def alone(function, *arguments):
    """Return the result of a job in one process, which several tests compare with theirs."""
    return function(None, *arguments)


def many(group, jobs):
    """Run several jobs, pairs of a function and its arguments, one after another."""
    return [function(group, *arguments) for function, *arguments in jobs]


def dropped(cost):
    """Return a cost with dropout of the input and of a hidden layer."""
    graph = ComputationGraph(cost)
    variables = [
        v for v in graph.variables if v.name == "features" or v.name == "tanh_apply_output"
    ]
    [cost] = apply_dropout(graph, variables, 0.4, seed=5).outputs
    cost.name = "cost"
    return cost


def penalised(cost):
    return (cost + 0.1 * sum((p**2).sum() for p in ComputationGraph(cost).parameters)).copy(
        name="cost"
    )


def total(cost):
    """Return a sum over examples instead of a mean, with a penalty."""
    everything = sum(p.sum() for p in ComputationGraph(cost).parameters)
    x, y = tensor.matrix("features"), tensor.lvector("targets")
    return (((x[:, 0] * everything - y) ** 2).sum() * 0.01 + everything**2).copy(name="cost")


def rooted(cost):
    """Return a nonlinear function of two means with different weights."""
    everything = sum(p.sum() for p in ComputationGraph(cost).parameters)
    x, y = tensor.matrix("features"), tensor.lvector("targets")
    error = (x[:, 0] * everything - y) ** 2
    mask = (y > 0).float()
    return ((error.mean() + 1).sqrt() + (error * mask).sum() / mask.sum()).copy(name="cost")


def class_weights(group):
    """Return the cost and the parameters after a step on a loss of torch with class weights."""
    x, y, W = tensor.matrix("features"), tensor.lvector("targets"), shared(np.ones((8, 3)), "W")
    weight = torch.tensor([1.0, 5.0, 0.5])
    cost = torch.nn.functional.cross_entropy(x @ W.float(), y, weight).copy(name="cost")
    algorithm = GradientDescent(cost, [W], Scale(1.0), distributed=DataParallel())
    seen = []
    algorithm.add_observer([cost], seen.extend)
    rank, size = (group.rank, group.size) if group else (0, 1)
    algorithm.process_batch({name: values[rank::size] for name, values in examples(7).items()})
    return float(seen[0]), W.get_value().tolist()


def module_draws(group):
    """Return the sums of the masks of dropout in a wrapped module, and the notes about draws."""
    w = shared(np.zeros(200, "float32"), "w")
    dropped = TorchModule(torch.nn.Dropout(0.5)).apply(tensor.matrix("x"))
    cost = (dropped * w).sum().copy(name="cost")
    algorithm = GradientDescent(cost, [w], Scale(0.5), distributed=DataParallel())
    algorithm.process_batch({"x": np.ones((1, 200), "float32")})
    return sorted(set((-w.get_value()).tolist())), algorithm.distributed.notes


def coupled(group, way):
    """Return the error of a cost that mixes examples, and True if parameters have changed."""
    x, w = tensor.matrix("features"), shared(np.ones((8, 2), "float32"), "w")
    cost = (x @ w).flip(0).mul(x[:, :2]).mean().copy(name="cost")
    algorithm = GradientDescent(
        cost, [w], Scale(1.0), distributed=WAYS[way](), on_unused_sources="ignore"
    )
    loop = MainLoop(algorithm, stream(2), extensions=[FinishAfter(after_n_epochs=1)])
    own = w if w.divided is None else w.divided
    before = own.tensor.clone()
    return error_of(loop.run), bool((own.tensor != before).any())


COSTS = {"dropout": dropped, "penalty": penalised, "sum": total, "function": rooted}
ALL_COSTS = {**COSTS, "normalised": lambda _: normalised_mlp(0.4)}


def train_on(group, kind, after=None, load=None, save=None, way="data", execution="eager"):
    """Train on another cost, from a checkpoint or with one, and return the outcome."""
    cost = ALL_COSTS[kind](cost_of_mlp())
    rule = CompositeRule([StepClipping(1.0), Momentum(0.02, 0.9), Scale(1.0)])
    algorithm = descend(cost, rule, execution, way)
    extensions = [TrainingDataMonitoring([cost], after_batch=True)]
    if load:
        assert os.path.exists(load)
        extensions.append(Load(load, load_iteration_state=True, load_log=True))
    extensions.append(
        FinishAfter(after_n_batches=after) if after else FinishAfter(after_n_epochs=2)
    )
    if save:
        options = {"after_epoch": False, "save_main_loop": way != "sharded"}
        extensions.append(Checkpoint(save, after_training=True, **options))
    loop = MainLoop(algorithm, stream(), extensions=extensions)
    loop.run()
    found = outcome(loop)
    if kind == "normalised":
        found["values"] |= statistics(loop)
    return found


def statistics(loop):
    """Return the statistics of batch normalisations and the buffers of the rule."""
    _, others = loop.state_variables()
    return {name: one.get_value() for name, one in others.items()}


def continued(group, path):
    """Return the error of a pickled main loop that is continued in several processes."""
    return error_of(lambda: continue_training(path, trusted=True))


def evaluate(group, way="data"):
    """Return records of monitoring on other data, divided and not divided."""
    cost = cost_of_mlp()
    algorithm = descend(cost, Scale(0.1), way=way)
    [x] = [v for v in ComputationGraph(cost).inputs if v.name == "features"]
    largest = x.max().copy(name="largest")
    rows = (x[:, 0] * 2).copy(name="rows")
    rows.tag.aggregation_scheme = Concatenate(rows)
    total = (x**2).sum().copy(name="total")
    total.tag.aggregation_scheme = Sum(total)
    loop = MainLoop(
        algorithm,
        stream(),
        extensions=[
            DataStreamMonitoring([cost, largest, total], stream(16), prefix="valid"),
            DataStreamMonitoring([rows], stream(9), prefix="whole", every_n_batches=3),
            TrainingDataMonitoring([cost], prefix="mean", after_epoch=True),
            FinishAfter(after_n_epochs=2),
        ],
    )
    loop.run()
    found = outcome(loop)
    wholes = [one for one in loop.log.frame["whole_rows"] if isinstance(one, np.ndarray)]
    found["rows"] = [one.tolist() for one in wholes]
    return found


def extremes(group):
    """Return the largest and smallest values of data and of batches, of training and others."""
    cost = cost_of_mlp()
    x, y = ComputationGraph(cost).inputs
    x, y = (x, y) if x.name == "features" else (y, x)
    found = [
        x.max().copy(name="largest"),
        x.amin(0).copy(name="lowest"),
        (x.max(0).values.sum() - x.min()).copy(name="range"),
        y.max().copy(name="class"),
        x.mean().copy(name="best_mean"),
        x.abs().mean().copy(name="sum_of_means"),
        x.abs().max().copy(name="sum_of_maxima"),
    ]
    found[4].tag.aggregation_scheme = Maximum(found[4])
    for one in found[5:]:
        one.tag.aggregation_scheme = Sum(one)
    loop = MainLoop(
        descend(cost, Scale(0.1)),
        stream(),
        extensions=[
            DataStreamMonitoring([cost, *found], stream(16), prefix="valid"),
            TrainingDataMonitoring([cost, *found], prefix="train", after_batch=True),
            FinishAfter(after_n_epochs=1),
        ],
    )
    loop.run()
    frame = loop.log.frame
    return {
        name: [np.asarray(one).tolist() for one in frame[name] if np.all(np.equal(one, one))]
        for name in frame
        if name.startswith(("valid_", "train_"))
    }


class Undivided(list):
    """Batches whose iterators do not divide them among processes."""

    def get_epoch_iterator(self, as_dict=False):
        return WholeBatches(self) if self[0] is None else (batch for batch in self)


class WholeBatches:
    """Iterator that accepts any attribute, for example a share, and ignores it."""

    def __init__(self, batches):
        self.batches = iter(batches[1:])

    def __iter__(self):
        return self.batches


def undivided(group):
    """Return what evaluation on whole batches gives, and the errors where it needs shares."""
    x = tensor.matrix("features")
    total, rows = (x**2).sum().copy(name="total"), x[:, 0].copy(name="rows")
    total.tag.aggregation_scheme, rows.tag.aggregation_scheme = Sum(total), Concatenate(rows)
    batches = [examples(4)]
    streams = [Undivided(batches), Undivided([None, *batches])]
    distributed = DataParallel()
    return [
        error_of(
            lambda stream=stream: DatasetEvaluator([total]).evaluate(stream, None, distributed)
        )
        for stream in streams
    ], DatasetEvaluator([rows]).evaluate(streams[1], None, distributed)["rows"].shape


def normalised_mlp(drop_prob=0):
    """Return a cost with dropout, two normalisations, one after the other, and a penalty."""
    x, y = tensor.matrix("features"), tensor.lvector("targets")
    mlp = BatchNormalizedMLP([Tanh(), None], [8, 6, 3], weights_init=IsotropicGaussian(0.3),
                             biases_init=Constant(0), seed=3)  # fmt: skip
    mlp.initialize()
    x = Dropout(drop_prob, random_seed=5).apply(x)
    return penalised(Softmax().categorical_cross_entropy(y, mlp.apply(x)).mean())


def normalised_images():
    """Return a function of two means of normalised images, one of which is only centred."""
    x, y = tensor.matrix("features"), tensor.lvector("targets")
    spatial, centred = SpatialBatchNormalization((2, 2, 2)), BatchNormalization(8, mean_only=True)
    spatial.initialize(), centred.initialize()
    images = spatial.apply(x.reshape(-1, 2, 2, 2) + 3)
    error = (images.flatten(1).amax(1) - y) ** 2
    moved = (centred.apply(x * 1.0).tanh() ** 3).mean()
    return ((error.mean() + 1).sqrt() + moved).copy(name="cost")


def one_each(group, statistics):
    """Return the population statistics after a batch with one example for each of two processes."""
    brick = BatchNormalization(8)
    brick.initialize()
    cost = (brick.apply(tensor.matrix("features")) ** 2).mean().copy(name="cost")
    parallel = DataParallel(statistics=statistics)
    parameters = ComputationGraph(cost).parameters
    algorithm = GradientDescent(cost, parameters, Scale(0.1), distributed=parallel)
    rank, size = (group.rank, group.size) if group else (0, 1)
    algorithm.process_batch({"features": examples(2)["features"][rank::size]})
    return [one.get_value().tolist() for one in (brick.population_mean, brick.population_stdev)]


NORMALISED = {"mlp": normalised_mlp, "images": normalised_images}


def normalised(group, kind, execution="eager", over="batch", batch=BATCH):
    """Train with batch normalisation, and return the outcome and the note in the log."""
    cost = NORMALISED[kind]()
    algorithm = GradientDescent(
        cost=cost, parameters=ComputationGraph(cost).parameters, step_rule=Scale(0.1),
        distributed=DataParallel(statistics=over), function_kwargs={"execution": execution},
    )  # fmt: skip
    monitoring = TrainingDataMonitoring([cost, algorithm.total_gradient_norm], after_batch=True)
    extensions = [monitoring, FinishAfter(after_n_epochs=2)]
    loop = MainLoop(algorithm, stream(batch), extensions=extensions)
    loop.run()
    found = outcome(loop)
    found["values"] |= statistics(loop)
    return found, loop.log[0].get("distributed")


def messages(group):
    """Return the number of messages for an ordinary batch, whose values are monitored."""
    cost = cost_of_mlp()
    algorithm = descend(cost, RULES["momentum"]())
    algorithm.add_observer([cost, algorithm.total_gradient_norm], print)
    algorithm.initialize()
    nodes = algorithm.execution.task.program.graph.nodes
    return sum(getattr(node.target, "exchanges", False) for node in nodes)


def not_finite(group):
    """Train on data with one infinite example, and return the error and the parameters."""
    data = examples()
    data["features"][13] = np.inf
    scheme = SequentialScheme(EXAMPLES, BATCH)
    cost = cost_of_mlp()
    algorithm = descend(cost, Scale(0.1))
    loop = MainLoop(algorithm, DataStream(IndexableDataset(data), iteration_scheme=scheme),
                    extensions=[FinishAfter(after_n_epochs=1)])  # fmt: skip
    try:
        loop.run()
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
    return said, outcome(loop)["values"], loop.status["iterations_done"]


class Trouble(TrainingExtension):
    """Extension that disturbs one process after some batches."""

    def __init__(self, how, rank, batch):
        super().__init__()
        self.how, self.rank, self.batch = how, rank, batch

    def before_batch(self, batch):
        loop = self.main_loop
        here = loop.algorithm.distributed.group.rank, loop.status["iterations_done"]
        if here != (self.rank, self.batch):
            return
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.how == "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
        elif self.how == "raise":
            raise ValueError("no more memory for this")
        elif self.how == "extra":
            loop.algorithm.process_batch(batch)


def other_data(group, kind):
    """Return the error of training on batches that differ between processes."""
    number = EXAMPLES - BATCH * group.rank * (kind == "fewer")
    scheme = ShuffledScheme(number, BATCH, seed=group.rank * (kind != "fewer"))
    data = DataStream(IndexableDataset(examples(number)), iteration_scheme=scheme)
    if kind == "whole":  # a stream from which whole batches are read
        data = Mapping(data, lambda batch: batch)
    loop = MainLoop(descend(cost_of_mlp(), Scale(0.1)), data,
                    extensions=[FinishAfter(after_n_epochs=1)])  # fmt: skip
    try:
        loop.run()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def in_thread(group):
    """Return the error of a session for one of several processes."""
    try:
        MainLoop(descend(cost_of_mlp(), Scale(0.1)), stream()).start()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def undistributed(group):
    """Return the error of a divided rule without gradients of whole batches."""
    cost = cost_of_mlp()
    try:
        GradientDescent(cost, ComputationGraph(cost).parameters, ZeRO1(Adam()))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def disturbed(group, how, rank, batch, epochs=4):
    """Train with trouble in one process, and return the error and the number of batches."""
    cost = cost_of_mlp()
    loop = MainLoop(
        descend(cost, Scale(0.1)),
        stream(),
        extensions=[Trouble(how, rank, batch), FinishAfter(after_n_epochs=epochs)],
    )
    said = None
    try:
        loop.run()
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
    return said, loop.status["iterations_done"]
