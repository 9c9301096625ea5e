"""Wrong or doubtful arguments of `fit` never train to plausible but wrong numbers.

The cases in `test_reports_about_other_libraries` are public bug reports about other libraries.
"""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

import workbench as wb
from workbench.data import IndexableDataset, write_hdf5
from workbench.data.transformers import Filter, Mapping
from workbench.errors import WorkbenchError

N = 40
X = np.random.default_rng(0).normal(size=(N, 4)).astype("float32")
CLASSES = np.arange(N) % 2
SUMS = X.sum(1)
TABLE = pd.DataFrame(X, columns=list("abcd")).assign(kind=np.where(CLASSES, "yes", "no"))
ONE_HOT = np.eye(2, dtype=int)[CLASSES]
NAMES = np.where(CLASSES, "b", "a")


class Vector(torch.nn.Linear):
    """A linear layer that returns a vector instead of a column."""

    def forward(self, x):
        return super().forward(x)[:, 0]


def layers():
    return [wb.Linear(output_dim=5), wb.Rectifier(), wb.Linear()]


def costs(*args, **options):
    session = wb.fit(*args, epochs=1, validation=None, **options)
    assert session.wait()
    return session.log.frame["cost"].dropna().to_numpy()


class TestReportsAboutOtherLibraries:
    def test_a_column_of_targets_trains_like_a_vector(self):
        """DeepTab 441: a column vector was broadcast to all pairs of examples."""
        for targets in (SUMS, CLASSES):
            vector = costs(layers(), (X, targets))
            np.testing.assert_array_equal(vector, costs(layers(), (X, targets[:, None])))

    def test_integers_with_gaps_are_encoded_on_request(self):
        """DeepTab 409: classes such as 10 and 20 were used as indices."""
        expected = costs(layers(), (X, CLASSES))
        given = costs(layers(), (X, 10 + 10 * CLASSES), loss="cross-entropy")
        np.testing.assert_array_equal(given, expected)

    def test_unused_categories_make_no_outputs(self):
        """Fastai 3227: an unused category shifted the others."""
        kind = pd.Categorical(TABLE["kind"], ["no", "unused", "yes"])
        expected = costs(layers(), TABLE, target="kind")
        np.testing.assert_array_equal(
            costs(layers(), TABLE.assign(kind=kind), target="kind"), expected
        )

    def test_a_constant_column_is_harmless(self):
        """AutoGluon 4508: its deviation of zero made the cost NaN."""
        assert np.isfinite(costs(layers(), TABLE.assign(same=7.0), target="kind")).all()

    def test_sorted_classes_are_all_held_out(self):
        """Keras 8346: the last fifth was held out, which was a class of its own."""
        session = wb.fit([wb.Linear()], (X, np.sort(CLASSES)), epochs=1)
        session.wait()
        held = session.main_loop.extensions[1].data_stream
        targets = np.concatenate([batch[1] for batch in held.iterate(0)])
        assert np.bincount(targets).tolist() == [4, 4]

    @pytest.mark.parametrize("targets, needed", [(SUMS, 1), (np.arange(N) % 5, 5)])
    def test_a_wrong_number_of_outputs_is_refused(self, targets, needed):
        """TensorFlow 45813: targets were broadcast to the outputs."""
        with pytest.raises(ValueError, match=f"has 3 outputs, but the targets need {needed}"):
            wb.fit([wb.Linear(output_dim=3)], (X, targets))

    @pytest.mark.parametrize("dtype", ["int8", "int32", "uint8", "float64"])
    def test_targets_of_any_dtype_are_classes_if_the_model_says_so(self, dtype):
        """Skorch 554: int32 targets failed."""
        model = [wb.Linear(seed=1), wb.Softmax()]
        twin = [wb.Linear(seed=1), wb.Softmax()]
        found = costs(model, (X.astype("float64"), CLASSES.astype(dtype)))
        np.testing.assert_array_equal(found, costs(twin, (X, CLASSES)))

    def test_different_numbers_of_rows_are_refused(self):
        """Keras 1343: they were noticed much later."""
        with pytest.raises(ValueError, match="same number of examples, not 40 and 39"):
            wb.fit(layers(), (X, CLASSES[1:]))

    def test_log_probabilities_and_probabilities_are_not_transformed_twice(self):
        """Skorch 518: the end of a network must match the loss."""

        class Net(torch.nn.Module):
            def __init__(self, end):
                super().__init__()
                torch.manual_seed(1)
                self.linear, self.end = torch.nn.Linear(4, 2), end

            def forward(self, x):
                return self.end(self.linear(x))

        ends = (torch.nn.Identity(), torch.nn.Softmax(-1), torch.nn.LogSoftmax(-1))
        plain, *others = (costs(Net(end), (X, CLASSES)) for end in ends)
        for found in others:
            np.testing.assert_allclose(found, plain, rtol=1e-4)
        with pytest.raises(ValueError, match="ends with a logistic function for several classes"):
            wb.fit(Net(torch.nn.Sigmoid()), (X, CLASSES))

    def test_one_hot_targets_train_like_indices(self):
        """Keras 2155: it was unclear whether classes must be one-hot."""
        one_hot = costs([wb.Linear(seed=1)], (X, np.eye(2)[CLASSES]), loss="cross-entropy")
        np.testing.assert_array_equal(one_hot, costs([wb.Linear(seed=1)], (X, CLASSES)))

    def test_other_columns_are_ignored_by_predictions(self):
        """pytorch_tabular 6: a table needed exactly the columns of training, even the target."""
        session = wb.fit(layers(), TABLE, target="kind", epochs=1)
        session.wait()
        expected = session.predict(TABLE)
        for other in (TABLE.drop(columns=["kind"]), TABLE.assign(row="none")[["row", *"dcba"]]):
            np.testing.assert_array_equal(session.predict(other), expected)

    def test_columns_of_objects_and_of_nullable_types_are_numbers(self):
        """Keras 14851 and scikit-learn 25953: such columns could not be converted."""
        expected = costs(layers(), TABLE, target="kind")
        for other in (TABLE.astype({"a": object}), TABLE.convert_dtypes()):
            np.testing.assert_allclose(costs(layers(), other, target="kind"), expected, 1e-6)

    def test_a_rare_flag_can_be_predicted(self):
        """pytorch_tabular 403: a flag that was only in the validation data became NaN."""
        session = wb.fit(layers(), TABLE.assign(rare=False), target="kind", epochs=1)
        session.wait()
        assert np.isfinite(session.predict(TABLE.assign(rare=True))).all()

    def test_a_value_that_is_missing_only_later_is_refused(self):
        """Fastai 2911: predictions failed without saying why."""
        session = wb.fit(layers(), TABLE.assign(t=NAMES), target="kind", epochs=1)
        session.wait()
        with pytest.raises(ValueError, match=r"column 't' .* 40 are .*; fill in .*fillna\('a'\)"):
            session.predict(TABLE.assign(t=None))
        with pytest.raises(ValueError, match="has the value 'c', which .*; replace it with one of"):
            session.predict(TABLE.assign(t="c"))

    def test_a_missing_value_is_refused(self):
        """pytorch_tabular 405: NaN in a column of numbers."""
        table = TABLE.copy()
        table.loc[3, "a"] = np.nan
        with pytest.raises(ValueError, match=r"column 'a'.* 1 of 40 are missing.*position 3"):
            wb.fit(layers(), table, target="kind")


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: wb.fit("resnet", (X, CLASSES)), "must be a brick, a list of bricks or a torch.nn"),
        (lambda: wb.fit([], (X, CLASSES)), "must be a brick, a list of bricks"),
        (
            lambda: wb.fit([torch.nn.Linear(4, 2)], (X, CLASSES)),
            r"item of the list must be a brick.*pass torch.nn.Sequential\(...\) as the model",
        ),
        (lambda: wb.fit(torch.nn.LazyLinear(2), (X, CLASSES)), "run the module once before"),
        (lambda: wb.fit(layers(), X), r"pass a pair of arrays \(X, y\)"),
        (lambda: wb.fit(layers(), ([X, X], CLASSES)), "several inputs as a dictionary of arrays"),
        (lambda: wb.fit(layers(), (X, X, CLASSES)), r"not a tuple of 3 parts; .* target='y'\)"),
        (lambda: wb.fit(layers(), (X[:, 0], CLASSES)), r"pass x.reshape\(-1, 1\)"),
        (lambda: wb.fit(layers(), TABLE, target=1), "target must be the name of .*, not int"),
        (lambda: wb.fit(layers(), TABLE, target=TABLE["kind"]), "not Series; to pass values, call"),
        (
            lambda: wb.fit(layers(), (TABLE, TABLE["kind"])),
            r"its first part is a table; pass one table .*table.assign\(target=numpy",
        ),
        (
            lambda: wb.fit(layers(), IndexableDataset({"x": X, "y": ONE_HOT})),
            r"integers of shape \(32, 2\).*targets.argmax\(1\) if they are one-hot",
        ),
        (
            lambda: wb.fit(
                layers(),
                torch.utils.data.TensorDataset(torch.tensor(X).double(), torch.tensor(CLASSES)),
            ),
            r"'features' has the dtype float64, but the model computes with float32; convert it",
        ),
        (
            lambda: wb.fit(layers(), {"x": X, "y": CLASSES}, validation={"x": X}),
            "the data for validation has no 'y', only 'x'",
        ),
        (lambda: wb.fit(layers(), 3), "data must be a table with target=.*, not int"),
        (lambda: wb.fit(layers(), "none.csv"), "there is no file or folder none.csv"),
        (lambda: wb.fit(layers(), __file__), "must be a folder of images or a file that ends in"),
        (lambda: wb.fit(layers(), TABLE), "one of 'a', 'b', 'c', 'd', 'kind'"),
        (lambda: wb.fit(layers(), TABLE, target="kin"), "no column 'kin'.*did you mean 'kind'"),
        (lambda: wb.fit(layers(), {"a": X, "b": SUMS}), "a dictionary of arrays requires a target"),
        (lambda: wb.fit(layers(), {"y": X}), "no array other than the target 'y'"),
        (lambda: wb.fit(layers(), {"x": X, "y": SUMS}, target="z"), "has no 'z', only 'x', 'y'"),
        (
            lambda: wb.fit(layers(), pd.DataFrame(np.c_[X, CLASSES]), target=4),
            r"frame.columns = frame.columns.astype\(str\), and pass target='4'",
        ),
        (
            lambda: wb.fit(layers(), (TABLE[["a"]], pd.Series(SUMS))),
            r"table.assign\(target=numpy.asarray\(y\)\)",
        ),
        (lambda: wb.fit(layers(), (X, 3 + CLASSES)), "can be classes or quantities"),
        (
            lambda: wb.fit([wb.Linear(output_dim=1)], (X, CLASSES)),
            "the model has one output, so they can be classes or quantities",
        ),
        (lambda: wb.fit([wb.Linear(), wb.Softmax()], (X, SUMS)), "is not a whole number; pass"),
        (lambda: wb.fit([wb.Linear(), wb.Logistic()], (X, SUMS)), "ends with a logistic function"),
        (lambda: wb.fit(layers(), (X, NAMES), loss="squared error"), "which are not numbers"),
        (lambda: wb.fit(layers(), (X, CLASSES), loss="mse"), "did you mean 'squared error'"),
        (lambda: wb.fit(layers(), (X, CLASSES), loss="nll_loss"), "mean 'cross-entropy'"),
        (lambda: wb.fit(layers(), (X, CLASSES), loss="l1_loss"), "did you mean 'absolute error'"),
        (lambda: wb.fit(layers(), TABLE, loss=3, target="kind"), "or a function loss"),
        (lambda: wb.fit(TABLE, layers()), "not an object of type DataFrame; the data is the sec"),
        (lambda: wb.fit(torch.nn.Linear, (X, CLASSES)), r"the class Linear; write Linear\(...\)"),
        (lambda: wb.fit(Vector(4, 1), (X, SUMS)), r"returns \(B,\); return output.unsqueeze\(1"),
        (
            lambda: wb.fit(layers(), TABLE.assign(sum=[np.nan, *SUMS[1:]]), target="sum"),
            r"remove these rows with frame = frame.dropna\(subset=\['sum'\]\)",
        ),
        (
            lambda: wb.fit(layers(), TABLE.rename(columns={"kind": "0.5"}), target="kind"),
            r"pandas.read_csv\(path, header=None, names=\[...\]\)",
        ),
        (lambda: wb.fit(layers(), (X, CLASSES), metrics=["acc"]), "did you mean 'accuracy'"),
        (lambda: wb.fit(layers(), (X, CLASSES), metrics="accuracy"), r"write \['accuracy'\]"),
        (lambda: wb.fit(layers(), (X, SUMS), metrics=["accuracy"]), "needs classes as targets"),
        (lambda: wb.fit(layers(), (X, NAMES), metrics=["absolute error"]), "needs numbers as tar"),
        (lambda: wb.fit(layers(), (X, CLASSES), epochs=0), "epochs must be a whole number"),
        (lambda: wb.fit(layers(), (X, CLASSES), step_rule=0.1), "step_rule must be a step rule"),
        (
            lambda: wb.fit(
                layers(), (X, CLASSES), step_rule=torch.optim.SGD([torch.ones(1)], lr=0.2)
            ),
            r"write step_rule=lambda parameters: torch.optim.SGD\(parameters, lr=0.2\)$",
        ),
        (
            lambda: wb.fit(layers(), (X, CLASSES), step_rule=lambda parameters: 3),
            "must return an optimizer of torch, .*, not 3",
        ),
        (
            lambda: wb.TorchOptimizer(torch.optim.AdamW, lr=0.1),
            "for fit, pass step_rule=lambda parameters: torch.optim.AdamW",
        ),
        (lambda: wb.fit(layers(), (X, CLASSES), validation=20), "between 0 and 1, such as 0.2"),
        (
            lambda: wb.fit(layers(), [{"x": X, "y": CLASSES}]),
            "data must be a table with target=.*, not list",
        ),
        (
            lambda: wb.fit([wb.Linear(), wb.Rectifier(), wb.Linear()], (X, CLASSES)),
            "linear_0: allocation requires output_dim",
        ),
        (
            lambda: wb.fit(
                [wb.Convolutional((3, 3), 2), wb.Flattener(), wb.Linear()],
                (np.zeros((N, 8, 9, 3), dtype=np.uint8), CLASSES),
            ),
            r"looks like \(height, width, channels\).*transpose\(0, 3, 1, 2\)",
        ),
        (
            lambda: wb.fit([wb.Convolutional((3, 3), 2)], (np.zeros((N, 3, 8, 9)), CLASSES)),
            r"must return one row for each example",
        ),
        (
            lambda: wb.fit(layers(), wb.DataStream.from_arrays(X, CLASSES)),
            "a stream cannot be divided by validation=0.2",
        ),
        (
            lambda: wb.fit(layers(), IndexableDataset({"x": X, "y": CLASSES * 0})),
            "the indices 0, 1, 2 ... of at least two classes, but their values are 0",
        ),
        (
            lambda: wb.fit([wb.Linear(), wb.Softmax()], IndexableDataset({"x": X, "y": SUMS})),
            "have the dtype float32, but class indices must be integers",
        ),
        (
            lambda: wb.fit([wb.Linear(output_dim=1)], IndexableDataset({"x": X, "y": CLASSES})),
            "the model has one output, so they can be classes or quantities",
        ),
        (
            lambda: wb.fit(layers(), IndexableDataset({"x": X, "z": CLASSES})),
            "the data requires a target",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_refused(call, text):
    with pytest.raises((ValueError, FileNotFoundError), match=text):
        call()


def test_arrays_that_are_no_pair_are_refused():
    with pytest.raises(
        TypeError, match=r"takes 2 positional arguments, not 3; pass arrays as a pair"
    ):
        wb.fit(layers(), X, CLASSES)


def test_a_file_that_does_not_exist_is_looked_for_nearby(tmp_path, monkeypatch):
    TABLE.to_csv(tmp_path / "flowers.csv", index=False)
    monkeypatch.chdir(tmp_path)
    text = rf"no file or folder flower.csv in {tmp_path}; did you mean 'flowers.csv'\?"
    with pytest.raises(ValueError, match=text):
        wb.fit(layers(), "flower.csv", target="kind")


def test_a_message_about_a_file_says_how_to_change_its_table(tmp_path):
    TABLE.assign(day="2024-01-01").to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(ValueError, match=r"dates .*\n.* frame = pandas.read_csv\('.*a.csv'\), and"):
        wb.fit(layers(), tmp_path / "a.csv", target="kind")


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
@pytest.mark.parametrize("argument", ["frame", "validation=frame"])
def test_a_message_about_missing_values_names_the_file_that_has_them(ending, argument, tmp_path):
    table = TABLE.assign(length=1.5)
    tables = {"train": table, "valid": table}
    tables["train" if argument == "frame" else "valid"] = table.assign(length=[None, *[1.5] * 39])
    for name, one in tables.items():
        path = tmp_path / f"{name}.{ending}"
        if ending == "parquet":
            one.to_parquet(path)
        else:
            one.to_csv(path, index=False, sep="\t" if ending == "tsv" else ",")
    train = tmp_path / f"train.{ending}" if argument == "frame" else table
    with pytest.raises(ValueError, match="1 of 40 are missing") as caught:
        wb.fit(layers(), train, target="kind", validation=tmp_path / f"valid.{ending}")
    advice = str(caught.value)
    read, given = re.search(r"read it with (frame = .*), and pass (.*) instead of", advice).groups()
    exec(read, names := {"pandas": pd})
    assert names["frame"]["length"].isna().sum() == 1 and given == argument


def test_targets_far_from_zero_are_noted(capsys):
    costs(layers(), (X, 80 + SUMS))
    assert "have the mean 80" in (said := capsys.readouterr().err)
    assert "standardise the targets, as in (y - y.mean()) / y.std()" in said
    costs(layers(), (X, SUMS))
    assert capsys.readouterr().err == ""


def test_columns_of_targets_are_considered_one_by_one(capsys):
    costs(layers(), (X, np.stack([SUMS, 80 + SUMS, -80 + SUMS], 1)))
    assert "column 1 of the targets has the mean 80" in (said := capsys.readouterr().err)
    assert "as in (y - y.mean(0)) / y.std(0)" in said


def test_a_constant_column_of_targets_is_not_to_be_standardised(capsys):
    constant = np.full_like(SUMS, 80)
    costs(layers(), (X, np.stack([SUMS, constant], 1)))
    assert (
        "column 1 of the targets has the same value in all examples, which carries no "
        "information; leave it out of the targets"
    ) in (said := " ".join(capsys.readouterr().err.split()))
    assert "standardise" not in said
    costs(layers(), (X, np.stack([constant, 80 + SUMS, constant], 1)))
    said = " ".join(capsys.readouterr().err.split())
    assert "columns 0, 2 of the targets have the same value" in said
    assert "column 1 of the targets has the mean 80" in said


def test_targets_that_are_all_equal_are_noted(capsys):
    costs(layers(), (X, np.full_like(SUMS, 80)))
    assert "the targets have the same value 80 in all examples" in (said := capsys.readouterr().err)
    assert "standardise" not in said


@pytest.mark.parametrize("model", ["a module", "bricks"])
def test_nothing_is_said_about_the_outputs_of_a_model_that_has_values(model, capsys):
    bricks = wb.MLP([wb.Tanh(), None], [4, 3, 1])
    bricks.initialize()
    costs(torch.nn.Linear(4, 1) if model == "a module" else bricks, (X, 80 + SUMS))
    assert capsys.readouterr().err == ""


def test_the_index_of_a_table_in_a_file_is_explained(tmp_path):
    TABLE.to_csv(tmp_path / "table.csv")
    with pytest.raises(ValueError, match=r"a column has no name.*to_csv\(path, index=False\)"):
        wb.fit(layers(), tmp_path / "table.csv", target="kind")


def test_images_of_several_sizes_in_a_folder_are_explained(tmp_path):
    for name, size in (("a", (3, 3)), ("b", (4, 3))):
        (tmp_path / name).mkdir()
        Image.new("L", size).save(tmp_path / name / "1.png")
    with pytest.raises(ValueError, match=r"from_folder\(folder, size=\(3, 3\), validation=0.2\)"):
        wb.fit(layers(), tmp_path)


def test_a_partly_initialised_list_is_refused():
    first = wb.Linear(4, 5)
    first.initialize()
    with pytest.raises(ValueError, match="already has values, but <Linear linear.*> has none"):
        wb.fit([first, wb.Rectifier(), wb.Linear()], (X, CLASSES))


@pytest.mark.parametrize(
    "name, answer",
    [
        ("max_epochs", "did you mean 'epochs'"),
        ("optimizer", r"step_rule=Adam\(learning_rate=0.002\)"),
        ("lr", r"step_rule=Adam\(learning_rate=0.002\)"),
        ("validation_split", r"pass validation=0.2 \(a fraction\)"),
        ("callbacks", "did you mean 'extensions'"),
        ("cbs", "did you mean 'extensions'"),
        ("train_loader", r"pass the data second, as in fit\(model, \(X, y\)\)"),
        ("dls", "pass the data second"),
        ("bs", "did you mean 'batch_size'"),
        ("activation", r"as in fit\(\[Linear\(output_dim=50\), Rectifier\(\)"),
        ("split", "pass validation=0.2"),
        ("scale", "numbers in a table are standardised"),
        ("progress_bar", "are extensions"),
        ("weight_decay", r"torch.optim.AdamW\(parameters, lr=0.001, weight_decay=0.01\)"),
        ("loss_fn", "did you mean 'loss'"),
        ("y_names", "did you mean 'target'"),
        ("shuffle", "is shuffled in each epoch"),
        ("batchsize", "did you mean 'batch_size'"),
        ("verbose", "are extensions"),
        ("image_size", r"from_folder\(folder, size=\(64, 64\), validation=0.2\), and pass both"),
    ],
)
def test_names_of_other_libraries_are_answered(name, answer):
    with pytest.raises(TypeError, match=f"fit has no argument '{name}' .*{answer}"):
        wb.fit(layers(), (X, CLASSES), **{name: 1})


def test_a_file_for_validation_must_leave_one_split(tmp_path):
    arrays = {"x": X, "y": CLASSES}
    paths = [tmp_path / "one.h5", tmp_path / "other.h5"]
    write_hdf5(paths[0], {"train": arrays})
    write_hdf5(paths[1], {"train": arrays, "valid": arrays, "test": arrays})
    with pytest.raises(ValueError, match=r"has the splits 'train', 'valid', 'test'; pass one of"):
        wb.fit(layers(), paths[0], validation=paths[1])
    with pytest.raises(ValueError, match="there is no file or folder .*absent.h5"):
        wb.fit(layers(), paths[0], validation=tmp_path / "absent.h5")


def split_of(**columns):
    import datasets

    return datasets.Dataset.from_dict({"x": X.tolist(), "label": CLASSES.tolist(), **columns})


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"label": NAMES.tolist()}, "'label' of data contains text, .*to_pandas.*, target=...."),
        ({"t": ["a"] * N}, "the column 't' of data contains text, but must contain numbers; fit"),
        ({"label": [None, *CLASSES[1:].tolist()]}, "'label' of data has no value in 1 of 40"),
        ({"x": [None, *X[1:].tolist()]}, r"data.filter\(lambda example: example\['x'\] is not N"),
        ({"x": [[0.0] * (1 + i % 2) for i in range(N)]}, "data cannot be joined into a .*map"),
        ({"x": X[:, 0].tolist(), "z": X[:, 1].tolist()}, "'x' has one number .*data.to_pandas"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_split_that_cannot_be_used_as_it_is(columns, text):
    with pytest.raises(ValueError, match=text):
        wb.fit(layers(), split_of(**columns))


def test_missing_values_of_a_split_can_be_removed_as_advised():
    split = split_of(label=[None, *CLASSES[1:].tolist()])
    with pytest.raises(ValueError, match="no value in 1 of 40 examples; remove these") as caught:
        wb.fit(layers(), split)
    kept = eval(str(caught.value).partition("as in ")[2], {"data": split})
    assert wb.fit(layers(), kept, epochs=1).wait()
    assert wb.fit(layers(), split.select(range(1, N)), epochs=1).wait()


@pytest.mark.parametrize("where", ["data", "validation"])
def test_an_empty_split_is_refused(where):
    none = split_of().select([])
    given = {"data": split_of(), "validation": split_of(), where: none}
    with pytest.raises(ValueError, match=f"{where} must be a split with at least one .* has none"):
        wb.fit(layers(), **given)


def test_all_splits_of_a_dataset_are_refused():
    import datasets

    splits = datasets.DatasetDict({"train": split_of(), "test": split_of()})
    for options in ({}, {"validation": None}):
        with pytest.raises(
            ValueError, match="data must be one split, not .* 'train', 'te"
        ) as caught:
            wb.fit(layers(), splits, **options)
    with pytest.raises(ValueError, match="validation must be one split, not"):
        wb.fit(layers(), split_of(), validation=splits)
    call = str(caught.value).partition("as in ")[2]
    assert eval(call, {"fit": wb.fit, "model": layers(), "data": splits}).wait()


def test_tables_of_other_libraries_are_to_be_converted():
    import pyarrow

    arrow = pyarrow.Table.from_pandas(TABLE)
    session = wb.fit([wb.Linear()], TABLE, target="kind", epochs=1)
    assert session.wait()
    for call in (
        lambda: wb.fit(layers(), arrow, target="kind"),
        lambda: wb.DataStream.from_frame(arrow, "kind"),
        lambda: session.predict(arrow),
        lambda: session.evaluate(arrow),
    ):
        with pytest.raises(
            WorkbenchError, match=r"not pyarrow.lib.Table; pass table.to_pandas\(\)"
        ):
            call()


def normalised(dimensions=1):
    layers = [torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2)]
    if dimensions == 2:
        layers = [torch.nn.Conv2d(1, 3, 2), torch.nn.BatchNorm2d(3), torch.nn.Flatten()]
        layers.append(torch.nn.Linear(3, 2))
    return torch.nn.Sequential(*layers)


@pytest.mark.parametrize("kind", ["arrays", "loader"])
def test_a_last_batch_of_one_example_cannot_be_normalised(kind):
    data, size = (X[:33], CLASSES[:33]), {"batch_size": 8}
    if kind == "loader":
        pairs = torch.utils.data.TensorDataset(*map(torch.tensor, data))
        data, size = torch.utils.data.DataLoader(pairs, 8), {}
    module = normalised()
    with pytest.raises(ValueError, match=r"\(33 examples, 8 in a batch\); pass batch_size=9, or d"):
        wb.fit(module, data, validation=None, **size)
    assert module[1].num_batches_tracked == 0
    if kind == "arrays":
        size["batch_size"] = 9
    else:
        data = torch.utils.data.DataLoader(pairs, 8, drop_last=True)
    assert wb.fit(module, data, validation=None, epochs=1, **size).wait()


@pytest.mark.parametrize("kind", ["filter", "mapping", "loader", "collate_fn"])
def test_batches_that_are_left_out_or_changed_can_be_normalised(kind):
    dataset = IndexableDataset({"features": X[:33], "targets": CLASSES[:33]})
    pairs = torch.utils.data.TensorDataset(torch.tensor(X[:33]), torch.tensor(CLASSES[:33]))
    if kind == "collate_fn":
        data = torch.utils.data.DataLoader(pairs, 8, collate_fn=twice)
    else:
        data = wb.DataStream(dataset, iteration_scheme=wb.SequentialScheme(33, 8))
        if kind == "loader":
            loader = torch.utils.data.DataLoader(pairs, 8)
            data = wb.data.as_stream(loader, ("features", "targets"))
        if kind == "mapping":
            data = Mapping(data, lambda batch: tuple(np.concatenate([one] * 2) for one in batch))
        else:
            data = Filter(data, lambda batch: len(batch[0]) > 1)
    assert wb.fit(normalised(), data, validation=None, epochs=1).wait()


def twice(examples):
    """Return a batch that has each example twice."""
    return torch.utils.data.default_collate(examples * 2)


def test_one_image_can_be_normalised():
    pixels = np.random.default_rng(1).normal(size=(9, 1, 2, 2)).astype("float32").repeat(2, 3)
    module = normalised(2)
    module[3] = torch.nn.Linear(9, 2)
    data = (pixels, CLASSES[:9])
    assert wb.fit(module, data, batch_size=8, epochs=1, validation=None).wait()


def test_a_notice_names_the_column_of_a_table(capsys):
    costs(layers(), TABLE.drop(columns="kind").assign(price=80 + SUMS), target="price")
    assert "the target 'price' has the mean 80" in capsys.readouterr().err


class Pairs(torch.utils.data.IterableDataset):
    """Examples in order; each iteration is new, or all are the same iterator."""

    def __init__(self, new):
        self.new, self.pairs = new, zip(X, CLASSES, strict=True)

    def __iter__(self):
        return zip(X, CLASSES, strict=True) if self.new else self.pairs


def test_a_dataset_that_can_be_read_only_once_is_refused_and_not_read():
    data = Pairs(new=False)
    with pytest.raises(WorkbenchError, match="dataset Pairs of the DataLoader returns the same it"):
        costs([wb.Linear(4, 2)], DataLoader(data, batch_size=8))
    assert len(list(data)) == N
    assert len(costs([wb.Linear(4, 2)], DataLoader(Pairs(new=True), batch_size=8))) == N // 8


def test_a_loader_is_not_advanced_by_a_look_at_its_first_batch():
    generator = torch.Generator().manual_seed(3)
    state = torch.get_rng_state(), generator.get_state()
    data = TensorDataset(torch.as_tensor(X), torch.as_tensor(CLASSES))
    costs([wb.Linear(4, 2)], DataLoader(data, batch_size=8, shuffle=True, generator=generator))
    assert torch.equal(torch.get_rng_state(), state[0])
    assert torch.equal(generator.get_state(), state[1])


@pytest.mark.parametrize(
    ("dtype", "advice"), [(torch.bfloat16, r"to\(torch.float32\)$"), (torch.float64, "floatx = ")]
)
def test_a_module_of_another_dtype_is_to_be_converted(dtype, advice):
    with pytest.raises(WorkbenchError, match=f"of the module have the dtype .*{advice}"):
        wb.fit(torch.nn.Linear(4, 2).to(dtype), (X, CLASSES))


@pytest.mark.parametrize(
    ("shape", "text"),
    [((8, 8, 3), r"transpose\(0, 3, 1, 2\)"), ((8, 8), r"pass images\[:, None\]")],
)
def test_images_without_channels_in_front_are_refused_for_a_module(shape, text):
    images = np.zeros((N, *shape), "float32")
    channels = shape[-1] if len(shape) == 3 else 1
    model = torch.nn.Sequential(torch.nn.Conv2d(channels, 2, 8), torch.nn.Flatten())
    with pytest.raises(WorkbenchError, match=text):
        wb.fit(model, (images, CLASSES))


class Images(torch.nn.Module):
    """A network that may put the channels of its images in front itself."""

    def __init__(self, channels, change, width):
        super().__init__()
        self.convolution = torch.nn.Conv2d(channels, 2, 8)
        self.linear = torch.nn.Linear(width, 2)
        self.change = change

    def forward(self, images):
        return self.linear(self.convolution(self.change(images)).flatten(1))


@pytest.mark.parametrize(
    ("shape", "change", "text"),
    [
        ((8, 8, 3), lambda images: images.permute(0, 3, 1, 2), r"transpose\(0, 3, 1, 2\)"),
        ((8, 8), lambda images: images.unsqueeze(1), r"pass images\[:, None\]"),
    ],
)
def test_only_a_failure_that_channels_in_front_would_mend_is_explained(shape, change, text):
    images, channels = np.zeros((N, *shape), "float32"), 3 if len(shape) == 3 else 1
    assert len(costs(Images(channels, change, 2), (images, CLASSES)))
    with pytest.raises(WorkbenchError, match="reduction dim"):
        wb.fit(Images(channels, change, 5), (images, CLASSES))
    with pytest.raises(WorkbenchError, match=text):
        wb.fit(Images(channels, torch.nn.Identity(), 2), (images, CLASSES))


class InOrder(torch.utils.data.IterableDataset):
    """A dataset that is its own iterator, which starts again."""

    def __iter__(self):
        self.examples = iter(list(zip(X, CLASSES, strict=True)))
        return self

    def __next__(self):
        return next(self.examples)


class Held(InOrder):
    """A dataset that holds one iterator."""

    def __init__(self):
        self.given = zip(X, CLASSES, strict=True)

    def __iter__(self):
        return self.given


class OfWorkers(InOrder):
    """A dataset that only workers can read."""

    def __iter__(self):
        assert torch.utils.data.get_worker_info() is not None
        return super().__iter__()


def test_a_dataset_in_order_is_refused_only_if_it_cannot_start_again():
    for data, workers in ((InOrder(), 0), (OfWorkers(), 1)):
        loader = DataLoader(data, batch_size=8, num_workers=workers)
        session = wb.fit([wb.Linear(4, 2)], loader, validation=None, epochs=2)
        assert session.wait() and session.main_loop.status["iterations_done"] == 10
    with pytest.raises(WorkbenchError, match="Held of the DataLoader returns the same iterator"):
        costs([wb.Linear(4, 2)], DataLoader(Held(), batch_size=8))


def test_a_sparse_matrix_and_batches_are_answered():
    sparse = pytest.importorskip("scipy.sparse").csr_matrix(X)
    with pytest.raises(WorkbenchError, match=r"csr_matrix; pass matrix.toarray\(\)"):
        wb.fit(layers(), (sparse, CLASSES))
    batches = [(X[i : i + 8], CLASSES[i : i + 8]) for i in range(0, N, 8)]
    for given in (batches, iter(batches)):
        with pytest.raises(WorkbenchError, match=r"if it has batches, pass as_stream\(batches"):
            wb.fit(layers(), given)
