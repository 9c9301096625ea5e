"""Every brick, step rule and scheme on a GPU, which is emulated where there is none."""

import functools
import io
import runpy

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch.utils.data import TensorDataset

from tests.contracts import test_aggregation, test_bricks, test_step_rules
from tests.support.emulated_gpu import emulated
from tests.support.forked_runs import build
from workbench import fit, function, shared, tensor
from workbench.bricks import TorchModule
from workbench.builder.growth import Copies, Growth
from workbench.config import config
from workbench.distributed import ProcessGroup
from workbench.distributed.whole import Whole
from workbench.errors import DomainError
from workbench.serialization import dump, load
from workbench.session.remote.job import pack, unpack
from workbench.tensor.device import default_device
from workbench.tensor.row_shards import _padded


@pytest.fixture(autouse=True)
def on_gpu(monkeypatch):
    """Let variables be on a GPU."""
    with config.override(device="cuda", execution="eager"):
        if torch.cuda.is_available():
            yield
        else:
            with emulated(monkeypatch):
                yield


def on_cpu():
    return config.override(device="cpu")


@functools.cache
def aggregation():
    """Return the names in the battery of schemes, whose variables are on the GPU."""
    return runpy.run_path(test_aggregation.__file__)


def computed(row):
    """Return the output of a new brick."""
    seed = {"seed": 3} if "weights_init" in row.always | row.settings else {}
    brick, given = row.made(**seed), test_bricks.symbols(row)
    brick.initialize()
    return function(given, test_bricks.applied(row, brick, given))(*row.all_inputs)


@test_bricks.each
def test_a_brick_computes_the_same_as_on_the_cpu(row):
    found = computed(row)
    assert found.device.type == "cuda"
    with on_cpu():
        assert_allclose(found.cpu(), computed(row), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", test_step_rules.ROWS)
def test_a_step_rule_trains_as_on_the_cpu(name):
    trained = []
    for device in ("cuda", "cpu"):
        with config.override(device=device):
            parameters, algorithm, batches = test_step_rules.job(name)
            for batch in batches[:3]:
                algorithm.process_batch(batch)
            algorithm.load_state_dict(algorithm.state_dict())
            algorithm.process_batch(batches[3])
        trained.append([parameter.get_value() for parameter in parameters])
    for one, other in zip(*trained, strict=True):
        assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", test_aggregation.ROWS)
def test_a_scheme_aggregates_outside_of_the_graph_and_as_updates(name):
    battery = aggregation()
    make, expected = battery["ROWS"][name]
    assert_allclose(torch.as_tensor(battery["fold_over"](make())).cpu(), expected, rtol=1e-6)
    if name in battery["GROWING"]:
        return
    aggregator = make().get_aggregator()
    function([], [], updates=aggregator.initialization_updates)()
    given = [battery["x"]]
    updates = aggregator.accumulation_updates
    step = function(given, [], updates=updates, on_unused_input="ignore")
    for batch in battery["BATCHES"]:
        step(batch)
    assert_allclose(aggregator.readout_variable.eval().cpu(), expected, rtol=1e-6)


def test_constants_and_new_tensors_are_on_the_device_of_the_variables():
    x = tensor.matrix("x")
    n = x.shape[0]
    y = x * np.ones(3, "float32") + torch.ones(3) + torch.zeros((n, 3)) + torch.arange(n)[:, None]
    assert y.eval({"x": np.ones((2, 3), "float32")}).tolist() == [[2.0] * 3, [3.0] * 3]


def test_constant_weights_are_checked():
    x, y = tensor.matrix("x"), tensor.lvector("y")
    with pytest.raises(DomainError, match="values from -1 to 1"):
        torch.nn.functional.cross_entropy(x, y, weight=torch.tensor([1.0, -1.0]))


def test_a_torch_module_is_moved_to_the_device():
    module = torch.nn.Linear(4, 3)
    output = TorchModule(module).apply(tensor.matrix("x"))
    assert output.eval({"x": test_bricks.ROWS}).device.type == "cuda"
    assert {one.device.type for one in module.parameters()} == {"cuda"}


@pytest.mark.parametrize("shared_by_copies", [True, False])
def test_a_widened_value_is_the_same_as_on_the_cpu(shared_by_copies):
    growth = Growth("/W", (Copies(0, (0, 1, 1), shared_by_copies),), noise=0.1, seed=1)
    old = torch.tensor([[1.0], [3.0]])
    assert_array_equal(growth.value(old.to(default_device())).cpu(), growth.value(old))
    assert_array_equal(growth.buffer(old.to(default_device())).cpu(), growth.buffer(old))


def test_rows_of_zeros_are_on_the_device_of_the_rows():
    found = _padded(torch.ones(3, 2).to(default_device()), type("Group", (), {"size": 2}))
    assert found.tolist() == [[1.0, 1.0]] * 3 + [[0.0, 0.0]]


def test_an_archive_from_a_gpu_is_loaded_on_a_cpu():
    x, w = tensor.vector("x"), shared([1.0, 2.0], "w")
    y = x * w + torch.ones(2) + 0 * tensor.RandomStream(1).uniform((2,))
    file = io.BytesIO()
    dump(y, file, [w])
    file.seek(0)
    with on_cpu():
        loaded = load(file, trusted=True)
        value = loaded.eval({"x": [1.0, 1.0]})
    assert value.device.type == "cpu" and value.tolist() == [2.0, 3.0]


def test_fit_trains_on_a_dataset_on_the_gpu():
    x, y = torch.arange(12.0).reshape(6, 2), torch.tensor([0, 1, 0, 1, 0, 1])
    data = TensorDataset(x.to(default_device()), y.to(default_device()))
    session = fit(torch.nn.Linear(2, 2), data, epochs=1)
    assert session.wait(60)
    assert session.predict(x.to(default_device())).shape == (6, 2)


def test_a_run_sent_to_another_process_uses_the_device_of_that_process(tmp_path):
    data = pack(build(epochs=1), processes=1)
    with on_cpu():
        loop, _ = unpack(data, ProcessGroup(), str(tmp_path / "log.sqlite"), trusted=True)
        loop.run()
    assert {one.tensor.device.type for one in loop.algorithm.parameters} == {"cpu"}


def test_numbers_of_examples_are_summed_on_the_device():
    whole = Whole(ProcessGroup(0, 2, "a group"))
    assert whole(tensor.matrix("x").shape[0]).device.type == "cuda"


def test_a_session_rewinds_and_copies_values_to_main_memory():
    session = build(epochs=1).start(paused=True)
    session.step(3).wait(60)
    session.rewind(1).wait(60)
    values = session.probe().wait(60)
    assert {one.device.type for one in values.values()} == {"cpu"}
    session.resume()
    assert session.wait(60)
