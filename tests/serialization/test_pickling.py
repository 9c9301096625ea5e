"""Whole objects: dumped, added, and loaded if trusted, with code from a notebook."""

import io
import pickle
import subprocess
import sys
import tarfile
import threading

import numpy as np
import pytest
import torch

from tests.support.runs import cost_of, digits_mlp
from workbench import shared
from workbench.errors import ArchiveError, UntrustedArchiveError
from workbench.model import Model
from workbench.serialization import (
    add_to_dump,
    dump,
    dump_and_add_to_dump,
    load,
    load_parameters,
    secure_dump,
)


@pytest.fixture
def model():
    return Model(cost_of(digits_mlp()))


def names_in(path):
    with tarfile.open(path) as tar:
        return [name for name in tar.getnames() if name != "_manifest"]


def test_an_object_alone(tmp_path, model):
    path = tmp_path / "model.tar"
    with open(path, "wb") as file:
        dump(model, file)
    assert names_in(path) == ["_pkl"]
    again = load(path, trusted=True)
    assert sorted(again.get_parameter_dict()) == sorted(model.get_parameter_dict())


def test_parameters_are_stored_outside_of_the_pickle(tmp_path, model):
    path, rng = tmp_path / "model.tar", np.random.default_rng(1)
    big = shared(rng.normal(size=(100, 100)), "big")
    with open(path, "wb") as file:
        dump({"model": model, "big": big}, file, parameters=[big, *model.parameters])
    assert names_in(path) == ["_parameters", "_pkl"]
    with tarfile.open(path) as tar:
        assert tar.getmember("_pkl").size < big.tensor.nbytes < tar.getmember("_parameters").size
    with open(path, "rb") as file:
        again = load(file, trusted=True)
    assert np.array_equal(again["big"].get_value(), big.get_value())
    for name, value in model.get_parameter_values().items():
        assert np.array_equal(again["model"].get_parameter_values()[name], value)


def test_a_loaded_model_computes_the_same(model):
    file = io.BytesIO()
    dump(model, file, parameters=model.parameters)
    batch = {"features": np.ones((2, 4), "float32"), "targets": np.array([[0], [1]])}
    costs = [m.outputs[0].eval(batch) for m in (model, load(file, trusted=True))]
    assert torch.equal(*costs)


def test_a_loaded_object_is_independent(model):
    file = io.BytesIO()
    dump(model, file, parameters=model.parameters)
    one, other = (load(file, trusted=True).parameters[0] for _ in range(2))
    one.set_value(np.zeros(tuple(one.shape)))
    assert other.get_value().any()


def test_other_dtypes_are_restored():
    file, w = io.BytesIO(), shared(torch.tensor([1.5], dtype=torch.bfloat16), "w")
    dump([w], file, parameters=[w])
    (again,) = load(file, trusted=True)
    assert again.tensor.dtype is torch.bfloat16 and again.tensor.item() == 1.5


def test_only_parameters(tmp_path):
    w = shared([1.0], "w")
    for object_, options in ((None, {}), (lambda: 1, {"pickle_object": False})):
        with open(tmp_path / "x.tar", "wb") as file:
            dump(object_, file, parameters=[w], **options)
        assert names_in(tmp_path / "x.tar") == ["_parameters"]


def test_unpickling_wants_trust():
    file = io.BytesIO()
    dump("something", file)
    with pytest.raises(UntrustedArchiveError, match="would execute code from the file.*trusted="):
        load(file)


def test_objects_can_be_added_that_share_parameters(tmp_path, model):
    path = tmp_path / "model.tar"
    secure_dump(
        model,
        path,
        dump_and_add_to_dump,
        parameters=model.parameters,
        to_add={"again": model, "note": "hello"},
    )
    with open(path, "r+b") as file:
        add_to_dump([1, 2], file, "numbers")
    assert names_in(path) == ["_parameters", "_pkl", "again", "note", "numbers"]
    assert load(path, "note", trusted=True) == "hello"
    assert load(path, "numbers", trusted=True) == [1, 2]
    values = load(path, "again", trusted=True).get_parameter_values()
    for name, value in load_parameters(path).items():
        assert np.array_equal(values[name], value)


@pytest.mark.parametrize(
    "name, parameters, text",
    [
        ("_pkl", [], "the name '_pkl' is reserved"),
        ("note", [], "the name 'note' is taken"),
        ("x", [shared(1.0, "v")], "the archive does not contain the values of v;"),
    ],
)
def test_invalid_additions_are_refused(name, parameters, text):
    file, w = io.BytesIO(), shared(1.0, "w")
    dump_and_add_to_dump(None, file, [w], {"note": "hello"})
    before = file.getvalue()
    with pytest.raises(ArchiveError, match=text):
        add_to_dump("x", file, name, parameters)
    assert file.getvalue() == before


def test_securely_dumped_with_another_function(tmp_path):
    secure_dump([1], tmp_path / "x.pkl", pickle.dump, protocol=2)
    assert pickle.loads((tmp_path / "x.pkl").read_bytes()) == [1]


def test_a_failed_pickle_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.tar"
    secure_dump("old", path)
    with pytest.raises(TypeError, match="pickle"):
        secure_dump(threading.Lock(), path)
    assert load(path, trusted=True) == "old" and len(list(tmp_path.iterdir())) == 1


def test_graphs_may_be_deep():
    value = depth = shared(0.0, "w")
    for _ in range(1500):
        depth = depth + 1
    file = io.BytesIO()
    dump(depth, file, parameters=[value])
    assert load(file, trusted=True).eval() == 1500


# Code that exists in one program only


WRITER = """
import sys
import torch
from workbench import tensor
from workbench.bricks import MLP, Brick, Linear, Tanh
from workbench.bricks.application import application
from workbench.initialization import Constant
from workbench.model import Model
from workbench.serialization import secure_dump

FACTOR = 3.0

def scaled(x):
    return FACTOR * x

class Cube(Brick):
    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_):
        return scaled(input_) ** 3

linear = Linear(2, 1, name="linear", weights_init=Constant(0.5), biases_init=Constant(1))
linear.initialize()
y = Cube(name="cube").apply(linear.apply(tensor.matrix("x")))
model = Model(y)
secure_dump({"model": model, "function": scaled, "lambda": lambda x: scaled(x) + 1},
            sys.argv[1], parameters=model.parameters)
"""

READER = """
import sys
from workbench.filter import get_brick
from workbench.serialization import load

loaded = load(sys.argv[1], trusted=True)
(y,) = loaded["model"].outputs
brick = repr(get_brick(y))
print(y.eval({"x": [[1.0, 1.0]]}).item(), brick, loaded["function"](2), loaded["lambda"](2))
"""


def run(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.slow
def test_bricks_functions_and_lambdas_of_a_notebook_are_saved(tmp_path):
    run(WRITER, tmp_path / "model.tar")
    assert run(READER, tmp_path / "model.tar") == "216.0 <Cube cube> 6.0 7.0"


def test_a_module_that_is_not_here_is_named(tmp_path):
    (tmp_path / "helpers.py").write_text("class Helper:\n    pass\n")
    code = "import sys; sys.path.insert(0, sys.argv[2])\nimport helpers\n"
    code += "from workbench.serialization import secure_dump\n"
    code += "secure_dump(helpers.Helper(), sys.argv[1])"
    run(code, tmp_path / "x.tar", tmp_path)
    with pytest.raises(ArchiveError, match="'_pkl' refers to an object that is not available .No"):
        load(tmp_path / "x.tar", trusted=True)
