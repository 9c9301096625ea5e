"""Predictions and evaluations encode tables, labels and images as training did."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import workbench as wb
from workbench.data import image_folder
from workbench.data.encoded_dataset import EncodedDataset
from workbench.data.making import dataset_below
from workbench.data.transformers import ScaleAndShift
from workbench.errors import DataError, SessionError, SourceError
from workbench.session.as_in_training import AsInTraining

N = 60
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 3)).astype("float32")
CLASSES = (X.sum(1) > 0).astype(int)
TABLE = pd.DataFrame(1000 + 50 * X, columns=list("abc")).assign(
    colour=RNG.choice(["red", "blue"], N), flag=X[:, 0] > 0, kind=np.where(CLASSES, "yes", "no")
)


def trained(data, model=None, **options):
    model = [wb.Linear()] if model is None else model
    session = wb.fit(model, data, epochs=1, validation=None, **options)
    assert session.wait()
    return session


def arrays_of(session):
    dataset = session.main_loop.data_stream.dataset
    return dict(zip(dataset.sources, dataset.indexables, strict=True))


@pytest.fixture(scope="module")
def of_table():
    return trained(TABLE, target="kind")


def test_a_table_is_encoded_as_in_training(of_table, tmp_path):
    arrays = arrays_of(of_table)
    expected = of_table.predict({"features": arrays["features"]})
    np.testing.assert_array_equal(of_table.predict(TABLE), expected)
    shuffled = TABLE.drop(columns="kind")[["flag", "c", "colour", "a", "b"]].tail(5)
    np.testing.assert_allclose(of_table.predict(shuffled), expected[-5:], rtol=1e-5)
    with pytest.raises(SourceError, match="missing: 'a'"):
        of_table.predict(TABLE.drop(columns="a"))
    values = of_table.evaluate(arrays)
    assert of_table.evaluate(TABLE) == values
    assert of_table.evaluate((TABLE.drop(columns="kind"), TABLE["kind"])) == values


def test_a_dictionary_of_columns_is_a_table(of_table):
    columns = TABLE.drop(columns="kind")
    expected = of_table.predict(columns)
    row = dict(columns.iloc[3])
    np.testing.assert_allclose(of_table.predict(row), expected[3:4], rtol=1e-5)
    whole = {name: columns[name].to_list() for name in columns}
    np.testing.assert_array_equal(of_table.predict(whole), expected)
    del row["b"]
    with pytest.raises(SourceError, match="missing: 'b'"):
        of_table.predict(row)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"a": [1.0, 2.0]}, r"equal lengths, but 'a' has 2, 'b' has 60, .* values"),
        ({"a": [[1.0], [2.0, 3.0]]}, "but 'a' is a nested list"),
        ({"a": np.zeros((N, 2))}, r"but 'a' is a ndarray of shape \(60, 2\)"),
        ({"a": {1.0, 2.0}, "b": iter([1.0])}, "'a' is of type set, 'b' is of type list_iterator"),
        ({"a": TABLE["a"], "b": TABLE["b"][::-1]}, "the columns 'a', 'b' have different indexes"),
    ],
)
def test_a_dictionary_of_columns_that_form_no_rows_is_refused(of_table, change, text):
    columns = {name: TABLE[name].to_list() for name in TABLE}
    for call, name in ((of_table.predict, "predict"), (of_table.evaluate, "evaluate")):
        with pytest.raises(SessionError, match=f"{name}: .*{text}"):
            call({**columns, **change})
    more = {**columns, "words": [["a"]] * N, "a": TABLE["a"]}
    np.testing.assert_array_equal(of_table.predict(more), of_table.predict(TABLE))


def test_the_columns_of_a_table_for_predictions_must_have_unique_texts_as_names(of_table):
    twice = pd.concat([TABLE, TABLE[["a"]]], axis=1)
    for call in (of_table.predict, of_table.evaluate):
        with pytest.raises(DataError, match="the table has two columns named 'a'; rename one"):
            call(twice)
    with pytest.raises(DataError, match="two columns named 'kind'"):
        of_table.evaluate(pd.concat([TABLE, TABLE[["kind"]]], axis=1))
    numbered = TABLE[["a", "b", "kind"]].set_axis(["0", "1", "kind"], axis=1)
    with pytest.raises(DataError, match="column of the table must be text, but one is 0; rename"):
        trained(numbered, target="kind").predict(numbered.set_axis([0, 1, "kind"], axis=1))
    levels = pd.MultiIndex.from_product([["t"], TABLE.columns])
    with pytest.raises(DataError, match="missing: 'a', 'b', 'c', 'colour', 'flag'; unknown:"):
        of_table.predict(TABLE.set_axis(levels, axis=1))


def test_further_columns_of_a_table_for_predictions_can_have_any_names(of_table):
    more = TABLE.assign(other=0)
    more = pd.concat([more, more[["other"]], pd.DataFrame({7: np.zeros(N)})], axis=1)
    np.testing.assert_array_equal(of_table.predict(more), of_table.predict(TABLE))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "object", "bool"])
def test_categories_of_numbers(dtype):
    numbers = np.array([0.1, 0.25] if "float" in dtype else [0, 3]).astype(dtype)[CLASSES]
    table = pd.DataFrame({"c": pd.Categorical(numbers), "a": X[:, 0], "kind": CLASSES})
    session = trained(table, target="kind")
    expected = session.predict(table)
    np.testing.assert_array_equal(session.predict(table.assign(c=numbers)), expected)


def test_categories_of_fractions_are_classes(tmp_path):
    table = pd.DataFrame({"a": X[:, 0], "c": pd.Categorical(np.array([0.25, 0.5])[CLASSES])})
    session = trained(table, target="c")
    assert session.log.status["classes"] == ["0.25", "0.5"]
    np.testing.assert_array_equal(arrays_of(session)["targets"], CLASSES)
    table.to_csv(tmp_path / "table.csv", index=False)
    again = session.evaluate(tmp_path / "table.csv")
    assert again == pytest.approx(session.evaluate(table), rel=1e-4)
    with pytest.raises(DataError, match="has the value 0.75, which is not one of the classes"):
        session.evaluate(table.assign(c=0.75))


def test_an_array_is_not_mistaken_for_encoded_columns(of_table):
    numbers = TABLE[["a", "b", "c"]]
    text = (
        r"the input 'features' is of type {}, .* columns 'a', 'b', 'c', 'colour', 'flag', or {{'f"
    )
    for given in (numbers.to_numpy(), numbers.to_numpy().tolist(), torch.tensor(X), numbers["a"]):
        with pytest.raises(SessionError, match="predict: .*" + text.format(type(given).__name__)):
            of_table.predict(given)
    with pytest.raises(SessionError, match="evaluate: .*" + text.format("ndarray")):
        of_table.evaluate((numbers.to_numpy(), TABLE["kind"]))
    with pytest.raises(SessionError, match=r"frame\.iloc\[\[0\]\] instead of frame\.iloc\[0\]"):
        of_table.predict(TABLE.iloc[0])
    assert of_table.predict(TABLE.iloc[[0]]).shape == (1, 2)


def test_an_array_of_columns_that_are_not_encoded_is_accepted():
    stream = wb.DataStream.from_frame(TABLE[["a", "b", "kind"]], "kind", standardise=False)
    session = trained(stream, [wb.Linear(output_dim=2)])
    columns = TABLE[["a", "b"]]
    np.testing.assert_allclose(session.predict(columns.to_numpy()), session.predict(columns))


def test_a_file_is_encoded_as_in_training(tmp_path):
    table, path = TABLE, tmp_path / "table.csv"
    table.to_csv(path, index=False)
    session = trained(path, target="kind")
    np.testing.assert_allclose(session.predict(str(path)), session.predict(table), rtol=1e-4)
    assert session.evaluate(path)["cost"] == pytest.approx(session.evaluate(table)["cost"])


@pytest.mark.parametrize("target", ["sure", "kind"])
def test_a_file_without_one_of_the_texts_of_training(tmp_path, target):
    """The remaining texts, true and false, would be bools."""
    sure = RNG.choice(["true", "false", "maybe"], N)
    table = TABLE.drop(columns="colour").assign(sure=sure)
    session = trained(table, target=target)
    part = table[sure != "maybe"]
    part.to_csv(tmp_path / "part.csv", index=False)
    found = session.predict(tmp_path / "part.csv")
    np.testing.assert_allclose(found, session.predict(part), rtol=1e-4, atol=1e-6)
    again = session.evaluate(tmp_path / "part.csv")
    assert again == pytest.approx(session.evaluate(part), rel=1e-4)


def test_a_message_about_a_missing_value_names_the_file(of_table, tmp_path):
    TABLE.assign(colour=None).to_csv(tmp_path / "gaps.csv", index=False)
    with pytest.raises(DataError, match=r"fillna\('blue'\)\n.*read_csv\('.*gaps.csv'\), and pass"):
        of_table.predict(tmp_path / "gaps.csv")


def test_a_target_of_bools_in_a_file_is_that_of_the_table(tmp_path):
    path = tmp_path / "table.csv"
    TABLE.drop(columns="kind").to_csv(path, index=False)
    session = trained(path, target="flag")
    table = pd.read_csv(path)
    assert session.evaluate(table) == session.evaluate(path)


@pytest.mark.parametrize("content", [None, b"a,b\n1\n"])
def test_a_file_that_cannot_be_read_gets_no_advice_to_change_its_table(
    of_table, content, tmp_path, monkeypatch
):
    """The name of the file looks like the advice."""
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "frame.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"frame\.csv") as caught:
        of_table.predict("frame.csv")
    assert "pandas.read_csv('frame.csv')" not in str(caught.value)


def test_a_message_that_only_mentions_a_frame_gets_no_advice(of_table, tmp_path):
    TABLE.rename(columns={"a": "frame.a"}).to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(DataError, match="unknown: 'frame.a'") as caught:
        of_table.predict(tmp_path / "other.csv")
    assert "To change the table" not in str(caught.value)


def test_columns_of_several_dtypes_are_numbers():
    session = trained((X, CLASSES))
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1] > 0, "c": pd.array([1] * N, dtype="Int64")})
    expected = session.predict(np.column_stack([X[:, 0], X[:, 1] > 0, np.ones(N)]))
    np.testing.assert_array_equal(session.predict(frame), expected)


def test_images_are_scaled_as_in_training():
    pixels = RNG.integers(0, 255, (N, 1, 4, 4), dtype=np.uint8)
    session = trained((pixels, CLASSES), [wb.Flattener(), wb.Linear()])
    expected = session.predict(pixels.astype("float32") / np.float32(255))
    for given in (pixels, {"features": pixels}, [{"features": pixels}]):
        np.testing.assert_allclose(session.predict(given), expected, rtol=1e-5, atol=1e-6)


def test_images_of_other_dtypes_are_scaled_or_refused():
    pixels = np.arange(16 * N).astype("uint8").reshape(N, 1, 4, 4)
    session = trained((pixels, CLASSES), [wb.Flattener(), wb.Linear()])
    expected, tensor = session.predict(pixels), torch.tensor(pixels)
    for given in (pixels.astype(int), pixels.tolist(), tensor.int(), {"features": tensor.long()}):
        np.testing.assert_array_equal(session.predict(given), expected)
    for given in (pixels.astype("float32"), tensor.float()):
        with pytest.raises(
            DataError, match=r"scaled to 0\.\.1 in training, .* divide the values by"
        ):
            session.predict(given)
    for given, value in ((pixels.astype(int) + 9, 264), (-tensor.long() - 1, -256)):
        with pytest.raises(DataError, match=rf"integers from 0 to 255, .* but one is {value}"):
            session.predict(given)


def test_images_of_dtypes_that_numpy_lacks_are_accepted():
    pixels = np.arange(16 * N).astype("uint8").reshape(N, 1, 4, 4)
    session = trained((pixels, CLASSES), [wb.Flattener(), wb.Linear()])
    given = torch.tensor(pixels / 255).bfloat16()
    np.testing.assert_array_equal(session.predict(given), session.predict(given.float()))


def test_images_of_a_stream_have_any_range():
    pixels = np.arange(16 * N).astype("uint8").reshape(N, 1, 4, 4)
    session = trained((pixels, CLASSES), [wb.Flattener(), wb.Linear()])
    bright = pixels / np.float32(100)
    with pytest.raises(DataError, match=r"scaled to 0\.\.1 in training"):
        session.predict(bright)
    found = session.predict([{"features": bright[:9]}, {"features": bright[9:]}])
    expected = session.predict([{"features": bright}])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_images_that_were_changed_after_the_scaling_have_any_range():
    pixels = RNG.integers(0, 255, (N, 1, 4, 4), dtype=np.uint8)
    made = wb.DataStream.from_arrays(pixels, CLASSES)
    normalised = ScaleAndShift(made, 4, -2, which_sources=("features",))
    session = trained(normalised, [wb.Flattener(), wb.Linear(output_dim=2)])
    expected = session.predict(pixels)
    np.testing.assert_allclose(session.predict(pixels / 255 * 4 - 2), expected, atol=1e-4)


@pytest.mark.parametrize(
    "labels",
    [
        np.array([0, 3])[CLASSES],
        np.array([1, 2])[CLASSES],
        np.array([-1.0, 1.0])[CLASSES],
        np.array(["b", "a"])[CLASSES],
        CLASSES > 0,
        np.eye(2, dtype=int)[CLASSES],
    ],
    ids=lambda labels: str(labels[0]),
)
def test_labels_become_classes_as_in_training(labels):
    session = trained((X, labels), loss="cross-entropy", metrics=["accuracy"])
    indices = arrays_of(session)["targets"]
    expected = (session.predict(X).argmax(1) == indices).mean()
    for data in ((X, labels), {"features": X, "targets": labels}):
        assert session.evaluate(data, "accuracy") == {"accuracy": pytest.approx(expected)}


def test_whole_numbers_are_indices_if_labels_are_text():
    session = trained((X, np.array(["b", "a"])[CLASSES]))
    assert session.evaluate((X, 1 - CLASSES)) == session.evaluate(
        (X, np.array(["b", "a"])[CLASSES])
    )
    with pytest.raises(DataError, match="has the value 4, which is not one of the classes"):
        session.evaluate((X, CLASSES + 4))


def test_numbers_can_be_a_vector():
    session = trained((X, X.sum(1)))
    assert session.evaluate((X, X.sum(1))) == session.evaluate((X, X.sum(1)[:, None]))


def write_images(folder, count, height=4):
    for number in range(count):
        path = folder / ("dark", "light")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, height), (120 * (number % 2) + number,) * 3).save(path)
    return folder


def test_a_folder_is_read_as_in_training(tmp_path):
    session = trained(write_images(tmp_path / "one", 8), [wb.Flattener(), wb.Linear()])
    dataset = dataset_below(session.main_loop.data_stream)
    pixels, classes = dataset.indexables
    other = write_images(tmp_path / "other", 8)
    assert session.evaluate(other) == session.evaluate((pixels, classes))
    np.testing.assert_array_equal(session.predict(str(other)), session.predict(pixels))
    with pytest.raises(DataError, match=r"size as in training, \(4, 4\) .*has \(6, 4\)") as caught:
        session.evaluate(high := write_images(tmp_path / "high", 4, height=6))
    resize = re.search(r"as in PIL\.(.*\.save)", str(caught.value))[1]
    for path in sorted(high.glob("*/*.png")):
        eval(resize, {"Image": Image, "path": path})(path)
    assert session.predict(high).shape == (4, 2)


def test_images_that_are_too_many_for_the_memory_are_refused(tmp_path, monkeypatch):
    folder = write_images(tmp_path / "one" / "nested", 8)
    session = trained(folder, [wb.Flattener(), wb.Linear()])
    monkeypatch.setattr(image_folder, "MOST_PIXELS", 10)
    with pytest.raises(DataError, match=r"8 images in .*nested have 384 .*memory; convert them"):
        wb.DataStream.from_folder(folder)
    with pytest.raises(DataError, match=r"8 images in .*nested have 384 .*; pass fewer images"):
        session.predict(folder)
    paths = sorted(folder.glob("*/*.png"))
    with pytest.raises(DataError, match=r"the 8 images that were passed .*; pass fewer images"):
        session.predict(paths)


def test_a_folder_for_predictions_can_lack_images_of_a_class(tmp_path):
    rules = AsInTraining(wb.DataStream.from_folder(write_images(tmp_path / "one", 8)))
    (write_images(tmp_path / "other", 1) / "light").mkdir()
    assert rules.folder(tmp_path / "other")[1] == ["dark"]


def test_images_to_predict_need_no_folders_of_classes(tmp_path):
    session = trained(write_images(tmp_path / "one", 8), [wb.Flattener(), wb.Linear()])
    new = tmp_path / "new"
    for path in sorted((tmp_path / "one").glob("*/*.png")):
        new.mkdir(exist_ok=True)
        path.rename(new / path.name)
    (new / "more" / "inside").mkdir(parents=True)
    (new / "5.png").rename(new / "more" / "inside" / "5.png")
    paths = sorted(new.rglob("*.png"))
    assert len(paths) == 8
    np.testing.assert_array_equal(session.predict(new), session.predict(paths))
    with pytest.raises(DataError, match="each image must be in the sub-folder of its class"):
        session.evaluate(new)


def test_images_of_a_folder_are_resized_if_those_of_training_were(tmp_path):
    stream = wb.DataStream.from_folder(write_images(tmp_path / "one", 8), size=(2, 3))
    rules = AsInTraining(stream)
    pixels, names = rules.folder(write_images(tmp_path / "high", 4, height=6))
    assert pixels.shape == (4, 3, 2, 3) and names == ["dark", "dark", "light", "light"]


def test_images_are_read_from_their_files(tmp_path):
    folder = write_images(tmp_path, 8)
    session = trained(folder, [wb.Flattener(), wb.Linear()])
    paths = [folder / "dark" / "0.png", folder / "light" / "1.png"]
    expected = session.predict(folder)[[0, 4]]  # the folder is read class by class
    np.testing.assert_allclose(session.predict(paths), expected, 1e-6)
    np.testing.assert_allclose(session.predict(str(paths[1])), expected[1:], 1e-6)
    with pytest.raises(FileNotFoundError, match="there is no image .*none.png"):
        session.predict(folder / "none.png")
    with Image.open(paths[0]) as image, pytest.raises(SessionError, match="pass the path of the"):
        session.predict(image)
    with pytest.raises(SessionError, match=r"shape \(1, 4, 4, 3\), .*pass numpy.moveaxis"):
        session.predict(np.zeros((1, 4, 4, 3), np.uint8))


class Two(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(3, 2)

    def forward(self, left, right):
        return self.linear(torch.cat([left, right], 1))


def test_several_inputs_are_given_by_name_as_in_fit():
    data = {"left": X[:, :1], "right": X[:, 1:], "y": CLASSES}
    session = trained(data, Two())
    assert session.evaluate(data) == session.evaluate({**data, "targets": CLASSES})
    with pytest.raises(SessionError, match="'left', 'right'; pass a dictionary with an array for"):
        session.predict((data["left"], data["right"]))
    with pytest.raises(SessionError, match="the data is a tuple of arrays"):
        session.evaluate(((data["left"], data["right"]), CLASSES))


@pytest.mark.parametrize(
    "x", [X, RNG.integers(0, 255, (N, 1, 4, 4), dtype=np.uint8)], ids=["x", "i"]
)
def test_the_keys_of_the_training_arrays_are_accepted(x):
    data = {"x": x, "y": CLASSES}
    session = trained(data, [wb.Flattener(), wb.Linear()])
    exec(session.recipe(), again := {"data": data})
    assert again["session"].wait()
    for one in (session, again["session"]):
        assert one.evaluate(data) == one.evaluate({"features": x, "targets": CLASSES})
        np.testing.assert_array_equal(one.predict({"x": x}), one.predict(x))
    with pytest.raises(SessionError, match="has no 'x', only 'a', 'y'; the inputs are 'x', 'y'"):
        session.evaluate({"a": x, "y": CLASSES})


def test_older_pickles_of_a_dataset_have_no_keys():
    dataset = EncodedDataset({"features": X, "targets": CLASSES})
    assert "keys" not in vars(dataset) and not pickle.loads(pickle.dumps(dataset)).keys


def test_a_folder_is_refused_after_training_on_other_data(of_table, tmp_path):
    with pytest.raises(SessionError, match=r"evaluate: .* is a folder, but this run was not"):
        of_table.evaluate(tmp_path)


@pytest.mark.parametrize("shuffled", [True, False])
@pytest.mark.parametrize("kind", ["loader", "stream"])
def test_predictions_in_another_order_are_noted(kind, shuffled, capsys):
    session = trained((X, CLASSES))
    if kind == "loader":
        pairs = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(CLASSES))
        loader = torch.utils.data.DataLoader(pairs, 16, shuffle=shuffled)
        data = wb.data.as_stream(loader, ("features", "targets"))
    else:
        dataset = wb.data.IndexableDataset({"features": X, "targets": CLASSES})
        scheme = wb.data.ShuffledScheme if shuffled else wb.data.SequentialScheme
        data = wb.DataStream(dataset, iteration_scheme=scheme(N, 16))
    capsys.readouterr()
    session.evaluate(data)
    assert capsys.readouterr().err == ""
    found = session.predict(data)
    assert ("the examples are shuffled" in capsys.readouterr().err) == shuffled
    assert np.array_equal(found, session.predict(X)) != shuffled


def of_torch(kind):
    import datasets

    pairs = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(CLASSES))
    if kind == "inputs":
        return torch.utils.data.TensorDataset(torch.tensor(X))
    if kind == "split":
        return datasets.Dataset.from_dict({"x": X.tolist(), "label": CLASSES.tolist()})
    return torch.utils.data.DataLoader(pairs, 16) if kind == "loader" else pairs


@pytest.mark.parametrize("kind", ["loader", "dataset", "split"])
def test_what_fit_reads_can_be_predicted_and_evaluated(kind):
    session = trained(of_torch(kind), [wb.Linear(output_dim=2)])
    names = session.main_loop.data_stream.sources
    arrays = dict(zip(names, (X, CLASSES), strict=True))
    for size in (16, None):
        found = session.predict(of_torch(kind), batch_size=size)
        np.testing.assert_allclose(found, session.predict(arrays), rtol=1e-5, atol=1e-6)
        assert session.evaluate(of_torch(kind), batch_size=size) == pytest.approx(
            session.evaluate(arrays)
        )


@pytest.mark.parametrize("kind", ["loader", "dataset", "inputs"])
def test_entries_without_names_are_those_of_training(kind):
    session = trained((X, CLASSES))
    np.testing.assert_allclose(session.predict(of_torch(kind)), session.predict(X), rtol=1e-5)


def test_entries_without_names_are_not_encoded_columns(of_table):
    with pytest.raises(
        SessionError, match="predict: the run was trained on a table, whose columns"
    ):
        of_table.predict(of_torch("dataset"))
