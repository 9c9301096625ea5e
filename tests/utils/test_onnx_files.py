"""ONNX files: equal results for every batch size, names of inputs and outputs, refusals."""

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy
import onnx
import pytest
import torch
from numpy.testing import assert_allclose
from onnx.reference import ReferenceEvaluator
from torch._subclasses.fake_tensor import FakeTensorMode

from workbench import shared, tensor
from workbench.bricks import (
    MLP,
    BatchNormalization,
    Dropout,
    Linear,
    Residual,
    RMSNormalization,
    Sequence,
    Tanh,
)
from workbench.bricks.conv import Pooling
from workbench.bricks.parallel import Parallel
from workbench.errors import ArchiveError, GraphError, InputError, MissingLibraryError
from workbench.graph import onnx_export
from workbench.initialization import Constant, IsotropicGaussian
from workbench.model import Model
from workbench.utils.onnx_files import write_onnx

SCHEMES = {"weights_init": IsotropicGaussian(0.5), "biases_init": Constant(0.1)}
ROWS = numpy.linspace(-1, 1, 28).reshape(7, 4).astype("float32")


def initialised(brick):
    brick.initialize()
    return brick


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.onnx"


def run(path, **inputs):
    return ReferenceEvaluator(str(path)).run(None, inputs)


def shapes(path):
    graph = onnx.load(path).graph
    return {
        one.name: [size.dim_param or size.dim_value for size in one.type.tensor_type.shape.dim]
        for one in (*graph.input, *graph.output)
    }


def test_a_brick_is_written_with_its_names_and_a_batch_of_any_size(path):
    mlp = initialised(MLP([Tanh(), None], [4, 3, 2], **SCHEMES))
    mlp.to_onnx(path)
    assert shapes(path) == {"input_": ["batch", 4], "output": ["batch", 2]}
    assert_allclose(run(path, input_=ROWS)[0], mlp.apply(ROWS), atol=1e-6)


def test_an_example_of_one_row_does_not_fix_the_size_of_the_batch(path):
    brick = initialised(Residual(Linear(4, 4), **SCHEMES))
    brick.to_onnx(path, ROWS[:1])
    assert_allclose(run(path, input_=ROWS)[0], brick.apply(ROWS), atol=1e-6)


def test_a_model_is_written_with_the_names_of_its_variables(path):
    mlp = initialised(MLP([Tanh(), None], [4, 3, 2], **SCHEMES))
    scores = mlp.apply(tensor.matrix("features")).copy(name="scores")
    Model(scores).to_onnx(path, {"features": ROWS[:2]})
    assert shapes(path) == {"features": ["batch", 4], "scores": ["batch", 2]}
    assert_allclose(run(path, features=ROWS)[0], mlp.apply(ROWS), atol=1e-6)


def test_evaluation_mode_is_written(path):
    brick = initialised(Sequence([Dropout(0.5), BatchNormalization(4)]))
    brick.children[1].population_mean.set_value([1.0, 2.0, 3.0, 4.0])
    brick.to_onnx(path)
    assert_allclose(run(path, input_=ROWS)[0], ROWS - [1, 2, 3, 4], rtol=1e-3, atol=1e-3)


def test_outputs_with_the_names_of_inputs_get_other_names(path):
    brick = initialised(Parallel(["x", "y"], [4, 4], [3, 2], **SCHEMES))
    brick.to_onnx(path)
    assert list(shapes(path)) == ["x", "y", "x_output", "y_output"]
    found = run(path, x=ROWS, y=-ROWS)
    for one, other in zip(found, brick.apply(x=ROWS, y=-ROWS), strict=True):
        assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("learn_scale", [True, False])
def test_an_operation_that_the_exporter_lacks_is_written(path, learn_scale):
    brick = initialised(RMSNormalization(4, 0.1, learn_scale=learn_scale))
    brick.to_onnx(path)
    assert_allclose(run(path, input_=ROWS)[0], brick.apply(ROWS), atol=1e-6)


def test_a_wrong_result_of_the_exporter_is_found(path):
    # torch's exporter ignores divisor_override, so that it would write an average
    with pytest.raises(
        ArchiveError, match=r"the output output of the ONNX program differs .* nothing"
    ):
        initialised(Pooling("sum", (2, 2))).to_onnx(path, (1, 1, 4, 4))
    assert not path.exists()


class Fixed(torch.nn.Module):
    """Adds the number of rows of the example, which tracing takes for a constant."""

    def forward(self, x):
        return x + float(x.shape[0])


def test_a_size_that_became_a_constant_is_found(path):
    with pytest.raises(
        ArchiveError, match=r"for inputs of shape x \(4, 3\), .* differs .* by up to 2"
    ):
        write_onnx(Fixed(), {"x": torch.ones(2, 3)}, ["y"], path)
    assert not path.exists()


def test_an_existing_file_is_kept_if_the_check_fails(path):
    path.write_text("before")
    with pytest.raises(ArchiveError):
        write_onnx(Fixed(), {"x": torch.ones(2, 3)}, ["y"], path)
    assert path.read_text() == "before"


@pytest.mark.parametrize("axes, rows", [(None, "batch"), ({}, 3), ({"input_": {}}, 3)])
def test_no_axis_varies_if_there_are_no_dynamic_axes(path, axes, rows):
    linear = initialised(Linear(4, 2, **SCHEMES))
    linear.to_onnx(path, torch.zeros(3, 4), dynamic_axes=axes)
    [first, _] = onnx.load(str(path)).graph.input[0].type.tensor_type.shape.dim
    assert (first.dim_param or first.dim_value) == rows


def test_dynamic_axes_of_an_unknown_input_are_refused(path):
    text = r"dynamic_axes contains 'input', which is not an input; the inputs are input_"
    with pytest.raises(ArchiveError, match=text):
        initialised(Linear(4, 2, **SCHEMES)).to_onnx(path, dynamic_axes={"input": {0: "rows"}})


def test_what_onnx_cannot_express_is_refused(path):
    class Strange(torch.nn.Module):
        def forward(self, x):
            return torch.linalg.eigvals(x)

    with pytest.raises(ArchiveError, match=r"Strange cannot be written as ONNX \(Unsupported"):
        write_onnx(Strange(), {"x": torch.eye(2)}, ["y"], path)


def test_the_mode_of_the_module_is_restored(path):
    module = torch.nn.Dropout(0.5).train()
    write_onnx(module, {"x": torch.ones(2, 3)}, ["y"], path)
    assert module.training


def test_random_models_and_unknown_inputs_are_refused(path):
    x = tensor.matrix("x")
    dropout = Dropout(0.5)
    with dropout:
        y = dropout.apply(x)
    with pytest.raises(GraphError, match="draw random numbers"):
        Model(y).to_onnx(path, {"x": ROWS})
    with pytest.raises(InputError, match=r"has the inputs x, but examples were given for y"):
        Model(x * 2).to_onnx(path, {"y": ROWS})


def test_onnx_is_named_if_it_is_not_installed(path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(MissingLibraryError, match=r"pip install 'workbench\[onnx\]'"):
        write_onnx(torch.nn.Identity(), {"x": torch.ones(2)}, ["y"], path)


class Meeting(torch.nn.Module):
    """Module whose forward pass, during an export, calls a function once."""

    def __init__(self, meet):
        super().__init__()
        self.meet = meet

    def forward(self, x):
        if torch.onnx.is_in_onnx_export():
            self.meet()
        return 2 * x


def test_exports_in_two_threads_take_turns(tmp_path):
    """The second export starts during the first one."""
    inputs = {"x": torch.ones(2, 3)}
    with ThreadPoolExecutor(1) as other:
        started = []

        def meet():
            begun = threading.Event()
            started.append(other.submit(second, begun))
            assert begun.wait(60)

        def second(begun):
            begun.set()
            write_onnx(Meeting(lambda: None), inputs, ["y"], tmp_path / "second.onnx")

        write_onnx(Meeting(meet), inputs, ["y"], tmp_path / "first.onnx")
        for one in started:
            one.result(60)
    assert started
    for name in ("first", "second"):
        assert_allclose(run(tmp_path / f"{name}.onnx", x=ROWS[:, :3])[0], 2 * ROWS[:, :3])


def test_prints_and_warnings_of_other_threads_are_seen_during_an_export(path, capsys):
    def speak():
        print("of another thread")
        warnings.warn("heard", UserWarning, stacklevel=1)

    def meet():
        warnings.warn("of the exporter", UserWarning, stacklevel=1)
        thread = threading.Thread(target=speak)
        thread.start()
        thread.join()

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        before = list(warnings.filters)
        write_onnx(Meeting(meet), {"x": torch.ones(2, 3)}, ["y"], path)
        assert warnings.filters == before
    assert {str(one.message) for one in seen} == {"heard"}
    assert set(capsys.readouterr().out.splitlines()) == {"of another thread"}


def test_a_model_on_another_device_is_exported_on_the_cpu(path, monkeypatch):
    given = []
    monkeypatch.setattr(onnx_export, "write_onnx", lambda module, *_, **__: given.append(module))
    scale = shared(numpy.ones(4, "float32"), "scale")
    model = Model(tensor.matrix("x") * scale)
    with FakeTensorMode():  # which has tensors of CUDA without a GPU
        scale.tensor = torch.ones(4, device="cuda")
        model.to_onnx(path, {"x": ROWS})
    assert [value.device.type for value in given[0].state_dict().values()] == ["cpu"]
    assert scale.tensor.device.type == "cuda"
