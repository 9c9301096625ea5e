"""Parameters as arrays that numpy alone can read."""

import io

import numpy as np
import pytest
import torch

from tests.support.runs import build, cost_of, digits_mlp
from workbench import shared
from workbench.bricks import Linear, Sequence
from workbench.errors import ArchiveError
from workbench.model import Model
from workbench.serialization import add_to_dump, archive, dump, load, load_parameters
from workbench.serialization.parameters_npz import encode_parameters, values_by_path
from workbench.serialization.variable_values import by_path


def dumped(parameters):
    file = io.BytesIO()
    dump(None, file, parameters=parameters)
    return file


def test_numpy_alone_opens_them():
    model = Model(cost_of(digits_mlp()))
    data = archive.member(dumped(model.parameters), "_parameters")
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        assert sorted(file) == [
            "|mlp|linear_0.W", "|mlp|linear_0.b", "|mlp|linear_1.W", "|mlp|linear_1.b"
        ]  # fmt: skip
        for path, value in model.get_parameter_values().items():
            assert np.array_equal(file[path.replace("/", "|")], value)


def test_loaded_parameters_fit_a_model():
    trained, other = build(3), Model(cost_of(digits_mlp()))
    trained.run()
    other.set_parameter_values(load_parameters(dumped(trained.model.parameters)))
    for path, value in trained.model.get_parameter_values().items():
        assert np.array_equal(other.get_parameter_values()[path], value)


def twins():
    pair = Sequence([Linear(1, 1), Linear(1, 1)])
    pair.allocate()
    for value, layer in enumerate(pair.children):
        layer.W.set_value([[value]])
    return pair, [layer.W for layer in pair.children]


def test_several_of_one_path_are_numbered():
    w, v, u = shared(1.0, "w"), shared(2.0, "w"), shared(3.0, "w")
    assert load_parameters(dumped([w, v, u])) == {"w": 1, "w_2": 2, "w_3": 3}
    _, (first, second) = twins()
    values = load_parameters(dumped([first, second]))
    assert values["/sequence/linear.W"] == first.get_value()
    assert values["/sequence/linear.W_2"] == second.get_value()


def test_an_object_gets_the_values_of_numbered_parameters_back():
    pair, parameters = twins()
    file = io.BytesIO()
    dump(pair, file, parameters)
    add_to_dump(pair, file, "again", parameters)
    for name in ("_pkl", "again"):
        again = load(file, name, trusted=True)
        assert [c.W.get_value() for c in again.children] == [0, 1]


def test_numbered_parameters_are_not_taken_for_one_another():
    pair, parameters = twins()
    file = io.BytesIO()
    dump(pair, file, parameters)
    for wrong in ([parameters[1]], parameters[::-1]):
        with pytest.raises(ArchiveError, match="several parameters are named '/sequence/linear.W'"):
            add_to_dump(pair, file, "again", wrong)


def test_a_variable_listed_twice_is_saved_once():
    w = shared(1.0, "w")
    assert by_path([w, w]) == {"w": w}


def test_a_dtype_that_numpy_lacks_becomes_float32():
    w = shared(torch.tensor([1.5], dtype=torch.bfloat16), "w")
    (value,) = load_parameters(dumped([w])).values()
    assert value.dtype == np.float32 and value == 1.5


def test_an_archive_without_parameters_says_so():
    file = io.BytesIO()
    dump("something", file)
    with pytest.raises(ArchiveError, match="no member '_parameters', only '_pkl'"):
        load_parameters(file)


def test_objects_are_not_unpickled():
    file, data = io.BytesIO(), io.BytesIO()
    np.savez(data, w=np.array([print], dtype=object))
    archive.write(file, {"_parameters": data.getvalue()})
    with pytest.raises(ArchiveError, match="the member '_parameters' cannot be read .*unpickling"):
        load_parameters(file)


def test_values_are_copies():
    w = shared([1.0], "w")
    values = values_by_path([w])
    w.set_value([2.0])
    assert encode_parameters(values) == encode_parameters({"w": torch.tensor([1.0])})
