"""ONNX files that a session writes: the same predictions, shapes from the data, clear refusals."""

import json

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from onnx.reference import ReferenceEvaluator

import workbench as wb
from tests.support.runs import build, examples
from workbench.errors import ArchiveError, SessionError, SignatureError

X = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("int64")


def layers():
    return [wb.Linear(output_dim=8), wb.Tanh(), wb.Dropout(0.5), wb.Linear()]


def module():
    normal = torch.nn.BatchNorm1d(8)
    return torch.nn.Sequential(
        torch.nn.Linear(4, 8), normal, torch.nn.ReLU(), torch.nn.Linear(8, 2)
    )


def computed(path, features):
    """Return the input's name and sizes in a file, and its output for some features."""
    model = onnx.load(path)
    [given] = model.graph.input
    sizes = [one.dim_param or one.dim_value for one in given.type.tensor_type.shape.dim]
    [found] = ReferenceEvaluator(model).run(None, {given.name: features})
    return given.name, sizes, found


@pytest.mark.parametrize("model", [layers, module])
def test_the_file_computes_the_predictions_for_any_number_of_examples(model, tmp_path):
    session = wb.fit(model(), (X, Y), epochs=2)
    session.wait()
    session.to_onnx(tmp_path / "network.onnx")
    name, sizes, found = computed(tmp_path / "network.onnx", X)
    assert (name, sizes) == ("features", ["batch", 4])
    assert_allclose(found, session.predict(X), atol=1e-5)


def test_the_file_says_how_its_inputs_are_encoded(tmp_path):
    values = {
        "a": X[:, 0],
        "city": ["u", "v"] * 30,
        "flag": [True, False] * 30,
        "y": list("nyn") * 20,
    }
    session = wb.fit([wb.Linear()], table := pd.DataFrame(values), target="y", epochs=1)
    session.wait()
    path = session.to_onnx(tmp_path / "table.onnx")
    assert path == tmp_path / "table.onnx"
    model = onnx.load(path)
    told = {one.key: json.loads(one.value) for one in model.metadata_props}
    assert told["classes"] == ["n", "y"]
    assert "'n', 'y', in this order" in model.doc_string
    number, city, flag = told["encoding"]["features"]["columns"]
    columns = [(table["a"] - number["mean"]) / number["deviation"]]
    columns += [table["city"] == one for one in city["one feature for each of"]]
    columns += [table[flag["column"]]]
    encoded = np.stack(columns, axis=1).astype("float32")
    assert_allclose(computed(path, encoded)[2], session.predict(table), atol=1e-5)


def test_the_file_says_how_images_are_scaled(tmp_path):
    pixels = (np.abs(X.reshape(60, 1, 2, 2)) * 50).astype("uint8")
    session = wb.fit([wb.Flattener(), wb.Linear()], (pixels, Y), epochs=1)
    session.wait()
    model = onnx.load(path := session.to_onnx(tmp_path / "images.onnx"))
    told = {one.key: json.loads(one.value) for one in model.metadata_props}
    [scaling] = told["encoding"]["features"]["scaled"]
    scaled = (pixels * scaling["scale"] + scaling["shift"]).astype("float32")
    assert_allclose(computed(path, scaled)[2], session.predict(pixels), atol=1e-5)


@pytest.mark.parametrize(
    ("model", "targets", "name"),
    [
        (lambda: [wb.Linear()], Y, "scores"),
        (lambda: [wb.Linear(output_dim=2), wb.Softmax()], Y, "probabilities"),
        (
            lambda: torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Softmax(1)),
            Y,
            "probabilities",
        ),
        (lambda: [wb.Linear()], X[:, :1], "predictions"),
    ],
)
def test_the_output_is_named_after_its_meaning(model, targets, name, tmp_path):
    session = wb.fit(model(), (X, targets), epochs=1)
    session.wait()
    [output] = onnx.load(session.to_onnx(tmp_path / "named.onnx")).graph.output
    assert output.name == name


def test_a_file_without_a_path_is_refused():
    session = build(1).start()
    session.wait()
    with pytest.raises(SignatureError, match="to_onnx needs 'path'"):
        session.to_onnx()


def images():
    return [wb.Convolutional((3, 3), 2), wb.Rectifier(), wb.Flattener(), wb.Linear()]


@pytest.mark.parametrize(
    ("model", "features"),
    [(layers, X), (module, X), (images, np.repeat(X.reshape(60, 1, 2, 2), 2, 2).repeat(2, 3))],
)
def test_a_module_of_torch_computes_the_predictions(model, features):
    session = wb.fit(model(), (features, Y), epochs=2)
    session.wait()
    net = session.to_torch().eval()
    assert all(type(part).__module__.startswith("torch.") for part in net.modules())
    with torch.no_grad():
        found = net(torch.as_tensor(features))
    assert_allclose(found, session.predict(features), atol=1e-5)


def test_the_module_has_its_own_values():
    session = wb.fit(layers(), (X, Y), epochs=1)
    session.wait()
    before = session.predict(X)
    with torch.no_grad():
        for parameter in session.to_torch().parameters():
            parameter.zero_()
    assert_allclose(session.predict(X), before)


def test_training_is_not_changed(tmp_path):
    one, other = build(4), build(4)
    one.run()
    session = other.start(paused=True)
    session.to_onnx(tmp_path / "before.onnx")
    before = session.predict(examples()["features"])
    session.resume()
    session.wait()
    _, _, found = computed(tmp_path / "before.onnx", examples()["features"])
    assert_allclose(found, before, atol=1e-5)
    for path, value in one.model.get_parameter_values().items():
        np.testing.assert_array_equal(other.model.get_parameter_values()[path], value)


def test_an_output_is_chosen_by_name(tmp_path):
    session = wb.fit(layers(), (X, Y), epochs=1)
    session.wait()
    name = session.prediction().name
    session.to_onnx(tmp_path / "named.onnx", name)
    assert_allclose(computed(tmp_path / "named.onnx", X)[2], session.predict(X, name), atol=1e-5)


def test_what_cannot_be_exported_is_refused_and_nothing_is_written(tmp_path):
    session = build(2).start()
    session.wait()
    with pytest.raises(ArchiveError, match="cannot be written as ONNX .* nothing was written"):
        session.to_onnx(tmp_path / "cost.onnx", session.main_loop.algorithm.cost)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_output_is_refused(tmp_path):
    session = wb.fit(layers(), (X, Y), epochs=1)
    session.wait()
    with pytest.raises(SessionError, match="the graph of this run has no variable 'score'"):
        session.to_onnx(tmp_path / "unknown.onnx", "score")
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_data_is_refused(tmp_path):
    loop = build(1)
    session = loop.start()
    session.wait()
    loop.data_stream = None
    with pytest.raises(SessionError) as raised:
        session.to_onnx(tmp_path / "none.onnx")
    assert str(raised.value) == (
        "to_onnx takes the shapes of the inputs from the training data, which cannot be read here: "
        "this run has no data stream, so there is no batch to copy; pass examples yourself, as in "
        "Model(scores).to_onnx(path, {'features': examples})"
    )
