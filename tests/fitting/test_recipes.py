"""The recipe of a session trains to the same numbers, for every kind of data and model."""

import copy
import types

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import workbench as wb
from workbench.bricks import Dropout
from workbench.config import config
from workbench.data import DataStream, IndexableDataset, write_hdf5
from workbench.extensions import TrackTheBest
from workbench.fitting.data import prepare
from workbench.fitting.prepared import Wishes

N = 60
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 4)).astype("float32")
CLASSES = (X.sum(1) > 0).astype(int)
SUMS = X @ np.array([1.0, 2.0, 3.0, 4.0])
TABLE = pd.DataFrame(X, columns=list("abcd")).assign(
    colour=RNG.choice(["red", "blue"], N), flag=CLASSES > 0, kind=np.where(CLASSES, "yes", "no")
)
PIXELS = RNG.integers(0, 255, (N, 1, 6, 6), dtype=np.uint8)
INDICES = RNG.integers(0, 9, (N, 5))
VALUES = {"cost", "accuracy", "absolute_error", "error_rate"}


def layers():
    return [wb.Linear(output_dim=5), wb.Rectifier(), Dropout(0.2), wb.Linear()]


def images():
    return [
        wb.Convolutional((3, 3), 4),
        wb.SpatialBatchNormalization(),
        wb.Rectifier(),
        wb.MaxPooling((2, 2)),
        wb.Flattener(),
        wb.Linear(),
        wb.Softmax(),
    ]


def module():
    torch.manual_seed(3)
    return torch.nn.Sequential(
        torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Dropout(0.3), torch.nn.Linear(5, 2)
    )


class Own(torch.nn.Module):
    """A module whose class computes its output in its own way."""

    def __init__(self, end=None):
        super().__init__()
        torch.manual_seed(4)
        self.linear = torch.nn.Linear(4, 2)
        self.end = torch.nn.Identity() if end is None else end

    def forward(self, x):
        return self.end(self.linear(x))


class TwoInputs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.one, self.other = torch.nn.Linear(4, 2), torch.nn.Linear(2, 2)

    def forward(self, x, z):
        return self.one(x) + self.other(z)


def ready():
    mlp = wb.MLP([wb.Tanh(), None], [4, 3, 2], seed=5)
    mlp.initialize()
    return mlp


def records(session):
    assert session.wait()
    frame = session.log.frame
    names = [name for name in frame if name.removeprefix("validation_") in VALUES]
    return frame[names]


def repeated(session, **names):
    """Run the recipe of a session, and return what both recorded."""
    ours, space = records(session), dict(names)
    exec(session.recipe(), space)
    return ours, records(space["session"])


def torch_set():
    return torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(CLASSES))


def loader():
    generator = torch.Generator().manual_seed(3)
    return torch.utils.data.DataLoader(torch_set(), 16, shuffle=True, generator=generator)


def dataset():
    return IndexableDataset({"features": X, "targets": CLASSES[:, None]})


def stream():
    return DataStream(dataset(), iteration_scheme=wb.ShuffledScheme(N, 16, seed=4))


def in_order():
    return DataStream(dataset(), iteration_scheme=wb.SequentialScheme(N, 16))


def decaying(parameters):
    return torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.5)


@pytest.mark.parametrize(
    "model, data, options",
    [
        (layers, lambda: TABLE, {"target": "kind"}),
        (layers, lambda: TABLE.drop(columns="kind"),
         {"target": ["a", "b"], "validation": TABLE.drop(columns="kind").head(9)}),
        (lambda: wb.MLP([wb.Tanh(), None], [None, 6, None]),
         lambda: (torch.tensor(X), torch.tensor(SUMS)), {"metrics": ["absolute error"]}),
        (lambda: wb.MLP([wb.Rectifier(), None], [None, 6, None]),
         lambda: {"inputs": X, "y": CLASSES * 4},
         {"loss": "cross-entropy", "seed": 7, "batch_size": 10}),
        (lambda: [wb.Linear(), wb.Logistic()], lambda: (X, CLASSES), {"metrics": ["error rate"]}),
        (lambda: [wb.Linear(output_dim=1)], lambda: (X, CLASSES > 0), {"validation": None}),
        (images, lambda: (PIXELS, CLASSES), {"step_rule": lambda: wb.Momentum(0.01, 0.9)}),
        (layers, lambda: (X, CLASSES), {"step_rule": lambda: torch.optim.AdamW}),
        (module, lambda: (X, CLASSES), {"step_rule": lambda: decaying}),
        (lambda: [wb.LookupTable(9, 3), wb.Flattener(), wb.Linear()],
         lambda: (INDICES, CLASSES), {}),
        (module, lambda: (X, CLASSES), {}),
        (TwoInputs, lambda: {"z": X[:, :2], "x": X, "y": CLASSES}, {}),
        (ready, dataset, {"step_rule": lambda: wb.CompositeRule(
            [wb.StepClipping(1.0), wb.Adam(0.123456789)])}),
        (layers, stream, {"validation": in_order()}),
        (module, torch_set, {}),
        (Own, loader, {"validation": None}),
    ],
)  # fmt: skip
def test_the_recipe_gives_the_same_numbers(model, data, options):
    rule = options.get("step_rule")
    made = {**options, "step_rule": rule()} if rule else options
    session = wb.fit(model(), data(), epochs=2, **made)
    ours, theirs = repeated(
        session, data=data(), model=model(), validation_data=options.get("validation"),
        step_rule=rule and rule(),
    )  # fmt: skip
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    assert ours["cost"].notna().sum() >= 4


@pytest.mark.parametrize("kind", ["csv", "parquet", "npz", "h5", "folder"])
def test_the_recipe_of_a_file_needs_nothing(kind, tmp_path):
    path = tmp_path / f"data.{kind}"
    target, model = None, layers()
    if kind in ("csv", "parquet"):
        target = "kind"
        (TABLE.to_csv(path, index=False) if kind == "csv" else TABLE.to_parquet(path))
    elif kind == "npz":
        np.savez(path, x=X, y=CLASSES)
    elif kind == "h5":
        write_hdf5(path, {"train": {"features": X, "targets": CLASSES[:, None]}})
    else:
        model = images()
        for number, pixels in enumerate(PIXELS[:20]):
            place = path / str(number % 2)
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[0]).convert("RGB").save(place / f"{number}.png")
    session = wb.fit(model, path, target=target, epochs=2)
    assert "# Needs" not in session.recipe()
    ours, theirs = repeated(session)
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


@pytest.mark.parametrize("kind", ["dataset", "torch", "hugging face"])
def test_images_in_a_dataset_are_scaled_like_arrays(kind):
    import datasets

    if kind == "dataset":
        data = IndexableDataset({"features": PIXELS, "targets": CLASSES[:, None]})
    elif kind == "torch":
        data = torch.utils.data.TensorDataset(torch.tensor(PIXELS), torch.tensor(CLASSES))
    else:
        features = datasets.Features(features=datasets.Image(), targets=datasets.Value("int64"))
        shown = [Image.fromarray(one[0]) for one in PIXELS]
        data = datasets.Dataset.from_dict({"features": shown, "targets": CLASSES}, features)
    session = wb.fit(images(), data, epochs=1)
    ours, theirs = repeated(session, data=data)
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    seen = np.concatenate([batch[0] for batch in session.main_loop.data_stream.iterate(0)])
    held = next(session.main_loop.extensions[1].data_stream.iterate(0))[0]
    found = np.sort(np.concatenate([seen, held]), 0)
    np.testing.assert_allclose(found, np.sort(PIXELS / 255, 0), rtol=1e-6)
    assert session.predict(PIXELS).shape == (N, 2)


def test_images_that_are_targets_are_not_scaled():
    data = IndexableDataset({"features": PIXELS, "targets": PIXELS})
    training = prepare(data, Wishes(None, None, 8, None, False, 1)).training
    assert [array.dtype for array in next(training.iterate(0))] == [np.float32, np.uint8]


class Split:
    """The parts of a split of Hugging Face ``datasets`` that are used, around arrays."""

    def __init__(self, columns, names):
        self.columns, self.features = columns, dict.fromkeys(columns)
        self.features["label"] = types.SimpleNamespace(names=names)

    def __len__(self):
        return len(self.columns["label"])

    def with_format(self, kind):
        assert kind == "torch"
        return self

    def __getitem__(self, key):
        if isinstance(key, str):
            return self.columns[key]
        return {name: torch.as_tensor(values[key]) for name, values in self.columns.items()}


def test_a_split_with_the_interface_of_hugging_face():
    split = Split({"x": X, "label": CLASSES}, ["no", "yes"])
    session = wb.fit(layers(), split, epochs=1)
    assert session.log.status["classes"] == ["no", "yes"]
    ours, theirs = repeated(session, data=split)
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def test_a_split_of_hugging_face():
    import datasets

    split = datasets.Dataset.from_dict({"x": X.tolist(), "label": CLASSES.tolist()})
    ours, theirs = repeated(wb.fit(layers(), split, epochs=1), data=split)
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def doubled(batch):
    """Return twice the inputs, with the labels where they are read."""
    return {**batch, "x": [2 * torch.tensor(row) for row in batch["x"]]}


@pytest.mark.parametrize("kind", ["transform", "columns", "both"])
def test_the_format_of_a_split_is_kept(kind):
    import datasets

    plain = datasets.Dataset.from_dict(
        {"x": X.tolist(), "number": list(range(N)), "label": CLASSES.tolist()}
    )
    columns = None if kind == "transform" else ["x", "label"]
    if kind == "columns":
        split = plain.with_format("torch", columns=columns)
    else:
        used = plain if columns else plain.remove_columns("number")
        split = used.with_transform(doubled, columns=columns)
    session = wb.fit(layers(), split, epochs=1)
    ours, theirs = repeated(session, data=split)
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    stream = session.main_loop.data_stream
    assert stream.sources == ("x", "label")
    seen = np.concatenate([batch[0] for batch in stream.iterate(0)])
    held = np.concatenate([b[0] for b in session.main_loop.extensions[1].data_stream.iterate(0)])
    factor = 1 if kind == "columns" else 2
    np.testing.assert_allclose(np.sort(np.concatenate([seen, held]), 0), factor * np.sort(X, 0))


@pytest.mark.parametrize("kind", ["csv", "npz", "h5", "dict"])
def test_validation_data_can_have_the_same_kind(kind, tmp_path):
    paths = [tmp_path / f"{name}.{kind}" for name in ("one", "other")]
    arrays = {"x": X, "y": CLASSES}
    other = {name: array[:12] for name, array in arrays.items()}
    if kind == "csv":
        TABLE.to_csv(paths[0], index=False)
        TABLE.head(12).to_csv(paths[1], index=False)
    elif kind == "npz":
        np.savez(paths[0], **arrays)
        np.savez(paths[1], **other)
    elif kind == "h5":
        write_hdf5(paths[0], {"train": arrays, "test": other})
        write_hdf5(paths[1], {"all": other})
    data, validation = (arrays, other) if kind == "dict" else paths
    target = "kind" if kind == "csv" else None
    session = wb.fit(layers(), data, target=target, validation=validation, epochs=1)
    names = {"data": data, "validation_data": validation} if kind == "dict" else {}
    ours, theirs = repeated(session, **names)
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    held = session.main_loop.extensions[1].data_stream
    assert sum(len(batch[0]) for batch in held.iterate(0)) == 12


SORTED = np.repeat([0, 1, 2], [40, 10, 10])


@pytest.mark.parametrize(
    "data",
    [
        IndexableDataset({"features": X, "targets": SORTED[:, None]}),
        torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(SORTED)),
    ],
    ids=["dataset", "torch"],
)
def test_each_class_of_a_dataset_in_memory_is_held_out(data):
    session = wb.fit([wb.Linear()], data, epochs=1)
    ours, theirs = repeated(session, data=data)
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    held = session.main_loop.extensions[1].data_stream
    found = np.concatenate([np.ravel(batch[1]) for batch in held.iterate(0)])
    assert np.bincount(found).tolist() == [8, 2, 2]


def test_a_dataset_with_small_classes_is_divided_regardless_of_them():
    data = IndexableDataset({"features": X, "targets": np.arange(N)[:, None] % 30})
    session = wb.fit([wb.Linear()], data, epochs=1)
    assert session.wait()
    held = session.main_loop.extensions[1].data_stream
    assert sum(len(batch[0]) for batch in held.iterate(0)) == 12
    assert "classes=" not in session.recipe().split("held_out(")[1].split(")")[0]


@pytest.mark.parametrize("make", [np.asarray, torch.tensor])
def test_a_list_of_examples_is_an_array(make):
    given = [PIXELS, [make(one) for one in PIXELS]]
    found = [records(wb.fit([wb.Flattener(), wb.Linear()], (one, CLASSES))) for one in given]
    pd.testing.assert_frame_equal(*found, check_exact=True)


def test_a_recipe_names_what_the_caller_must_pass():
    session = wb.fit(Own(), (X, CLASSES), epochs=1, extensions=[TrackTheBest("cost")])
    text = session.recipe()
    assert "# Needs model: the module that was passed to fit, as it was before the call." in text
    assert "# Needs more_extensions" in text
    space = {"data": (X, CLASSES), "model": Own(), "more_extensions": [TrackTheBest("cost")]}
    assert session.wait()
    exec(text, space)
    assert space["session"].wait()
    assert space["session"].log.status["best_cost"] == session.log.status["best_cost"]


def test_a_recipe_shows_every_choice():
    session = wb.fit(layers(), TABLE, target="kind", epochs=3)
    assert session.wait()
    recipe = session.recipe()
    for text in (
        "# Column a: standardised, mean ", "# Column colour: one feature for each of 'blue', ",
        "# Classes: no, yes.", "validation=0.2", "batch_size=32", "seed=1", "He()", "Glorot()",
        "Constant(0)", "Adam(learning_rate=0.002", "after_n_epochs=3", "accuracy = 1 - error_rate",
    ):  # fmt: skip
        assert text in recipe
    assert repr(recipe) == str(recipe)


def test_only_fit_leaves_a_recipe():
    loop = wb.fit([wb.Linear()], (X, CLASSES), epochs=1).main_loop
    del loop.status["recipe"]
    session = loop.start(epochs=1)
    session.wait()
    with pytest.raises(RuntimeError, match=r"was not started by fit\(\), so no program was"):
        session.recipe()


def test_a_fork_has_the_recipe_too():
    session = wb.fit(layers(), (X, CLASSES), epochs=2)
    session.wait()
    fork = session.fork(2)
    assert fork.recipe() == session.recipe()
    fork.stop().wait()


class NamedOutput(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(4, 2)

    def forward(self, x):
        return {"logits": self.linear(x)}


def test_a_module_that_returns_a_dictionary_is_passed_as_a_brick():
    brick = wb.TorchModule(NamedOutput(), outputs=["logits"])
    session = wb.fit(brick, (X, CLASSES), epochs=1)
    session.wait()
    assert session.predict(X).shape == (len(X), 2)
    assert "\noutput = model.apply(features)" in session.recipe()


def test_a_module_is_trained_in_place_and_a_brick_keeps_its_values():
    net = Own()
    before = copy.deepcopy(net.linear.weight)
    wb.fit(net, (X, CLASSES), epochs=1).wait()
    assert not torch.equal(before, net.linear.weight)
    bricks = layers()
    wb.fit(bricks, (X, CLASSES), epochs=1).wait()
    trained = bricks[0].W.get_value()
    session = wb.fit(bricks, (X, CLASSES), epochs=1, step_rule=wb.Scale(0.0))
    session.wait()
    np.testing.assert_array_equal(bricks[0].W.get_value(), trained)
    assert "so training continues from its values" in session.recipe()
    for brick in bricks:
        brick.initialize()
    session = wb.fit(bricks, (X, CLASSES), epochs=1)
    session.wait()
    assert "already initialised, so training starts from its values" in session.recipe()


def test_in_a_notebook_the_session_plots(monkeypatch):
    monkeypatch.setattr("workbench.fitting.start.in_notebook", lambda: True)
    session = wb.fit(layers(), (X, CLASSES), epochs=1)
    channels = [["cost", "validation_cost"], ["accuracy", "validation_accuracy"]]
    assert [view["channels"] for view in session.views] == [channels]
    ours, theirs = repeated(session, data=(X, CLASSES))
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def test_class_names_reach_the_confusion_matrix():
    from extensions_live import ConfusionMatrix

    session = wb.fit(layers(), TABLE, target="kind", epochs=1)
    session.wait()
    scores = session.main_loop.model.outputs[1]
    batch = next(session.main_loop.data_stream.get_epoch_iterator(as_dict=True))
    matrix = ConfusionMatrix(session, scores, batch)
    assert matrix.examples.label(1) == "yes"


def test_the_seed_of_the_configuration_is_written_out():
    with config.override(default_seed=12):
        session = wb.fit(layers(), (X, CLASSES), epochs=1)
    ours, theirs = repeated(session, data=(X, CLASSES))
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
