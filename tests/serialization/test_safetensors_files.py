"""Parameters to and from safetensors files and torch's state dictionaries."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.support.runs import cost_of, digits_mlp
from workbench import shared
from workbench.errors import ArchiveError, ParameterError
from workbench.model import Model
from workbench.serialization import (
    from_state_dict,
    load_safetensors,
    save_safetensors,
    to_state_dict,
)


@pytest.fixture
def model():
    return Model(cost_of(digits_mlp(), dropout=0))


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_safetensors_itself_reads_what_was_saved(tmp_path, model):
    path = tmp_path / "model.safetensors"
    save_safetensors(model.parameters, path, {"made by": "a test"})
    assert equal(load_file(path), to_state_dict(model.parameters))


def test_saved_parameters_are_restored(tmp_path, model):
    path, other = tmp_path / "model.safetensors", Model(cost_of(digits_mlp(), dropout=0))
    model.parameters[0].set_value(np.full((4, 6), 0.5))
    save_safetensors(model.parameters, path, {"made by": "a test"})
    assert load_safetensors(other.parameters, path) == {"made by": "a test"}
    assert equal(to_state_dict(other.parameters), to_state_dict(model.parameters))


def test_names_are_those_of_the_module(model):
    module = model.to_module()
    assert equal(to_state_dict(model.parameters), dict(module.state_dict()))


def test_a_module_gives_its_parameters(model):
    other = Model(cost_of(digits_mlp(), dropout=0)).to_module()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(2)
    from_state_dict(model.parameters, other.state_dict())
    assert equal(to_state_dict(model.parameters), dict(other.state_dict()))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int64])
def test_every_dtype_goes_there_and_back(tmp_path, dtype):
    w, v = (shared(torch.tensor([[1, 2, k]]).to(dtype), "w") for k in (3, 4))
    save_safetensors([w], tmp_path / "w.safetensors")
    load_safetensors([v], tmp_path / "w.safetensors")
    assert v.tensor.dtype is dtype and v.tensor.tolist() == [[1, 2, 3]]


def test_nothing_is_set_if_anything_is_wrong(tmp_path, model):
    before = to_state_dict(model.parameters)
    values = {name: value + 1 for name, value in before.items()}
    values["mlp.linear_0.w"] = values.pop("mlp.linear_0.W")
    values["mlp.linear_1.b"] = torch.ones(4)
    values["mlp.linear_1.W"] = values["mlp.linear_1.W"].double() / 3
    save_file(values, tmp_path / "x.safetensors")
    with pytest.raises(ParameterError) as caught:
        load_safetensors(model.parameters, tmp_path / "x.safetensors")
    assert str(caught.value) == (
        f"{tmp_path}/x.safetensors: no parameter was set: 'mlp.linear_0.w' is unknown (did "
        "you mean 'mlp.linear_0.W'?); 'mlp.linear_0.W' is missing; 'mlp.linear_1.W' must "
        "have dtype float32, not float64; 'mlp.linear_1.b' must have shape (3,), not (4,)"
    )
    with pytest.raises(ParameterError, match="^no parameter was set: 'mlp.linear_0.w' is unknown"):
        from_state_dict(model.parameters, values)
    assert equal(to_state_dict(model.parameters), before)


@pytest.mark.parametrize(
    "content, text",
    [
        (None, "cannot be opened"),
        (b"", "must be a valid safetensors file"),
        (b"something else altogether", "must be a valid safetensors file"),
        (b"\x02\0\0\0\0\0\0\0{}rest", "must be a valid safetensors file"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, model, content, text):
    path = tmp_path / "x.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ArchiveError, match=f"x.safetensors: {text}"):
        load_safetensors(model.parameters, path)


def test_an_older_file_stays_if_saving_fails(tmp_path):
    path = tmp_path / "w.safetensors"
    save_safetensors([shared(1.0, "w")], path)
    with pytest.raises(ArchiveError, match="parameters must be unique, but two are named 'w'"):
        save_safetensors([shared(1.0, "w"), shared(2.0, "w")], path)
    assert list(load_file(path)) == ["w"]
