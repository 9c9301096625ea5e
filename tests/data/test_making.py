"""`DataStream.from_frame`, `from_arrays` and `from_folder` against numpy and pandas."""

import shutil

import numpy as np
import pandas as pd
import PIL
import pytest
import torch
from PIL import Image

from workbench.data import DataStream
from workbench.errors import SourceError


def table(rows=40):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "size": rng.normal(5, 3, rows),
            "count": rng.integers(0, 9, rows),
            "colour": rng.choice(["red", "blue", "green"], rows),
            "big": rng.random(rows) > 0.5,
        }
    )
    frame["kind"] = np.where(frame["size"] > 5, "yes", "no")
    return frame


def whole(stream):
    """Return all examples of an epoch by source."""
    batches = list(stream.get_epoch_iterator(as_dict=True))
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def test_a_table_is_standardised_and_encoded():
    frame = table()
    stream = DataStream.from_frame(frame, "kind", batch_size=7)
    features, targets = stream.dataset.indexables
    dummies = pd.get_dummies(frame.drop(columns="kind"), columns=["colour"], dtype=float)
    numbers = (dummies - dummies.mean()) / dummies.std(ddof=0)
    expected = pd.concat(
        [numbers[["size", "count"]], dummies.filter(like="colour"), dummies["big"]], axis=1
    )
    np.testing.assert_allclose(features, expected.to_numpy(dtype=float), rtol=1e-4, atol=1e-6)
    assert (targets == (frame["kind"] == "yes")).all() and targets.dtype == np.int64
    assert stream.dataset.encoding.names == (
        "size", "count", "colour=blue", "colour=green", "colour=red", "big"
    )  # fmt: skip


@pytest.mark.parametrize("target", ["sure", "size"])
def test_a_file_for_validation_keeps_the_texts_of_training(tmp_path, target):
    """A file in which only true and false occur would have bools."""
    frame = pd.DataFrame({"size": [0.5, 1.5, 2.5] * 3, "sure": ["true", "false", "maybe"] * 3})
    frame.to_csv(tmp_path / "train.csv", index=False)
    part = frame[frame["sure"] != "maybe"]
    part.to_csv(tmp_path / "valid.csv", index=False)
    training, validation = DataStream.from_frame(
        tmp_path / "train.csv", target, validation=tmp_path / "valid.csv"
    )
    encoding, held = training.dataset.encoding, whole(validation)
    np.testing.assert_array_equal(held["features"], encoding.features(part))
    np.testing.assert_array_equal(held["targets"], encoding.targets(part).values)


def test_validation_rows_are_scaled_with_the_training_rows():
    frame = table()
    training, validation = DataStream.from_frame(frame, "kind", validation=0.25)
    mean, deviation = training.dataset.encoding.numbers["size"]
    seen = whole(training)["features"][:, 0] * deviation + mean
    held = whole(validation)["features"][:, 0] * deviation + mean
    assert seen.mean() == pytest.approx(mean, rel=1e-5)
    np.testing.assert_allclose(sorted([*seen, *held]), sorted(frame["size"]), rtol=1e-4, atol=1e-5)
    assert len(held) == 10


def test_another_table_for_validation_uses_the_same_encoding():
    frame = table()
    other = frame.iloc[::-1].head(10)[["kind", "big", "colour", "count", "size"]]
    training, validation = DataStream.from_frame(frame, "kind", validation=other)
    expected = training.dataset.indexables[0][::-1][:10]
    np.testing.assert_array_equal(whole(validation)["features"], expected)


def test_a_constant_column_becomes_zero():
    stream = DataStream.from_frame(table().assign(same=3.0), "kind")
    features = stream.dataset.indexables[0]
    assert (features[:, -1] == 0).all() and np.isfinite(features).all()


def test_numbers_can_stay_as_they_are():
    frame = table()
    features = DataStream.from_frame(frame, "kind", standardise=False).dataset.indexables[0]
    np.testing.assert_array_equal(features[:, 0], frame["size"].astype("float32"))


def test_several_numbers_can_be_predicted():
    frame = table()
    targets = DataStream.from_frame(frame, ["size", "count"]).dataset.indexables[1]
    np.testing.assert_array_equal(targets, frame[["size", "count"]].to_numpy("float32"))


def test_every_class_is_held_out_and_kept():
    sorted_classes = np.repeat([0, 1, 2], [50, 30, 1])
    training, validation = DataStream.from_arrays(
        np.arange(81.0)[:, None], sorted_classes, validation=0.2
    )
    assert np.bincount(whole(validation)["targets"]).tolist() == [10, 6]
    assert np.bincount(whole(training)["targets"]).tolist() == [40, 24, 1]


def test_targets_can_be_in_the_dictionary_of_features():
    arrays = {"features": np.ones((6, 2)), "targets": np.array([0, 1, 1, 0, 1, 0])}
    stream, other = DataStream.from_arrays(arrays, validation=arrays, seed=1)
    plain = DataStream.from_arrays(arrays["features"], arrays["targets"], seed=1)
    assert stream.dataset.classes == plain.dataset.classes == ("0", "1")
    for one in (stream, other):
        found = dict(zip(one.sources, one.dataset.indexables, strict=True))
        assert found["targets"].dtype == np.int64 and found["targets"].shape == (6,)
    with pytest.raises(SourceError, match="must have features besides 'targets'"):
        DataStream.from_arrays({"targets": [0, 1]})


def test_the_order_depends_on_the_seed_alone():
    orders = [
        whole(DataStream.from_arrays(np.arange(9.0), seed=seed))["features"].tolist()
        for seed in (1, 1, 2)
    ]
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.parametrize(
    "given", [np.float64, np.float16, np.int8, torch.float64, torch.bfloat16, torch.int32], ids=str
)
def test_features_are_floats_whatever_they_were(given):
    make = torch.ones if isinstance(given, torch.dtype) else np.ones
    stream = DataStream.from_arrays(make((4, 2), dtype=given), [0.5, 1, 2, 3])
    assert [array.dtype for array in stream.dataset.indexables] == [np.float32] * 2


def test_integers_can_stay_indices():
    stream = DataStream.from_arrays(np.ones((4, 2), dtype=np.uint16), indices=True)
    assert stream.dataset.indexables[0].dtype == np.int64


def test_large_integers_are_rounded():
    stream = DataStream.from_arrays(np.array([[2**24 + 1], [2**62 + 1]]))
    assert stream.dataset.indexables[0].tolist() == [[2**24], [2**62]]


def test_flags_and_indices_of_dtype_uint8_are_not_scaled():
    flags = np.random.default_rng(1).integers(0, 2, (6, 2, 2), dtype=np.uint8)
    assert whole(DataStream.from_arrays(flags))["features"].max() == 1
    indices = whole(DataStream.from_arrays(flags * 9, indices=True))["features"]
    assert indices.dtype == np.int64 and indices.max() == 9


def test_black_images_can_be_held_out():
    pixels = np.full((4, 2, 2), 51, dtype=np.uint8)
    training, validation = DataStream.from_arrays(pixels, validation=(pixels * 0, None))
    assert whole(training)["features"].max() == pytest.approx(0.2)
    assert whole(validation)["features"].max() == 0


def test_images_are_scaled_batch_by_batch():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 3, 2, 2) * 10
    training, validation = DataStream.from_arrays(
        pixels, ["a", "b"], validation=(pixels, ["a", "b"])
    )
    assert training.data_stream.dataset.indexables[0].dtype == np.uint8
    np.testing.assert_allclose(whole(validation)["features"], pixels / 255, rtol=1e-6)


@pytest.mark.parametrize("make", [np.asarray, torch.from_numpy, pd.Series, lambda x: {"a": x}])
@pytest.mark.parametrize("validation", [None, 0.5, "pair"])
def test_later_changes_of_the_arrays_do_not_reach_the_streams(make, validation):
    features, targets = np.arange(8, dtype="float32"), np.arange(8, dtype="float32") / 8
    pixels = np.full((8, 1, 2, 2), 9, dtype=np.uint8)
    for given in (features, pixels):
        if make is pd.Series and given.ndim > 1:
            continue
        other = (make(given), targets) if validation == "pair" else validation
        made = DataStream.from_arrays(make(given), targets, validation=other)
        streams = made if isinstance(made, tuple) else (made,)
        before = [whole(stream) for stream in streams]
        kept = given.copy(), targets.copy()
        given[...], targets[...] = 0, 0
        for stream, arrays in zip(streams, before, strict=True):
            for name, array in whole(stream).items():
                np.testing.assert_array_equal(np.sort(array, 0), np.sort(arrays[name], 0))
        given[...], targets[...] = kept


def test_an_array_in_a_file_is_not_copied(tmp_path):
    mapped = np.memmap(tmp_path / "x", dtype="float32", mode="w+", shape=(4, 2))
    stream = DataStream.from_arrays(mapped, [0, 1, 0, 1])
    assert np.shares_memory(stream.dataset.indexables[0], mapped)


def test_small_classes_cannot_be_divided_by_a_small_fraction():
    labels = [f"c{i // 2}" for i in range(40)]
    text = (
        "class by class and each class has at most 2; pass a larger .* validation=0.5, pass other"
    )
    with pytest.raises(ValueError, match=text):
        DataStream.from_arrays(np.arange(40), labels, validation=0.2)
    _, validation = DataStream.from_arrays(np.arange(40), labels, validation=0.5)
    assert sorted(whole(validation)["targets"].tolist()) == list(range(20))
    with pytest.raises(ValueError, match="has at most 1; pass other data"):
        DataStream.from_arrays([1, 2], ["a", "b"], validation=0.9)


def test_several_inputs_keep_their_names():
    stream = DataStream.from_arrays({"a": np.ones(3), "b": np.ones((3, 2))}, ["x", "y", "x"])
    assert stream.sources == ("a", "b", "targets")


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(("cat", "dog")):
        (tmp_path / name).mkdir()
        for i in range(4):
            colour = (60 * number, i, 0)
            Image.new("RGB", (6, 5), colour).save(tmp_path / name / f"{i}.png")
    return tmp_path


def test_a_folder_of_images(folder):
    training, validation = DataStream.from_folder(folder, validation=0.25, batch_size=3)
    batch = whole(training)
    assert batch["features"].shape == (6, 3, 5, 6)
    np.testing.assert_allclose(
        batch["features"][:, 0, 0, 0], batch["targets"] * 60 / 255, rtol=1e-6
    )
    assert training.data_stream.dataset.classes == ("cat", "dog")
    assert whole(validation)["targets"].tolist() == [0, 1]


def test_images_of_several_sizes_are_resized_on_request(folder):
    Image.new("RGB", (9, 9), (250, 0, 0)).save(folder / "dog" / "large.png")
    with pytest.raises(ValueError, match=r"large.png has \(9, 9\).*pass size=\(5, 6\) to resize"):
        DataStream.from_folder(folder)
    assert whole(DataStream.from_folder(folder, size=(4, 4)))["features"].shape == (9, 3, 4, 4)


def test_files_that_are_not_read_as_images_are_told(folder, capsys):
    for name in ("a.heic", "b.HEIC", "notes", ".hidden.txt"):
        (folder / "cat" / name).write_text("")
    assert DataStream.from_folder(folder).num_examples == 8
    told = " ".join(capsys.readouterr().err.split())
    assert told.endswith("not read as images: 1 without an ending, 2 with the ending .heic.")


@pytest.mark.parametrize("files", [[], ["1.heic", "2.heic"]], ids=len)
def test_a_class_without_images_is_refused(folder, files):
    (folder / "emu").mkdir()
    for file in files:
        (folder / "emu" / file).write_text("")
    count = "2 with the ending .heic" if files else "none"
    with pytest.raises(ValueError, match=rf"none in 'emu' .* read: {count}\); remove the subf"):
        DataStream.from_folder(folder)


def test_a_class_without_images_for_validation_is_harmless(folder, tmp_path_factory, capsys):
    other = tmp_path_factory.mktemp("other")
    (other / "cat").mkdir()
    (other / "cat" / "1.heic").write_text("")
    shutil.copytree(folder / "dog", other / "dog")
    _, validation = DataStream.from_folder(folder, validation=other)
    assert set(whole(validation)["targets"].tolist()) == {1}
    assert capsys.readouterr().err.count("1 with the ending .heic") == 1


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".JPG", ".avif"])
def test_all_usual_endings_of_images_are_read(folder, suffix):
    (folder / "emu").mkdir()
    Image.new("RGB", (6, 5), (90, 0, 0)).save(folder / "emu" / f"1{suffix}")
    assert DataStream.from_folder(folder).data_stream.dataset.classes == ("cat", "dog", "emu")


def test_folders_of_splits_are_not_taken_for_classes(tmp_path):
    for split in ("Train", "test", "val"):
        for name in ("cat", "dog"):
            (tmp_path / split / name).mkdir(parents=True)
            Image.new("L", (2, 2), 99).save(tmp_path / split / name / "1.png")
    with pytest.raises(ValueError, match="'Train', 'test', 'val' of .* names of splits") as caught:
        DataStream.from_folder(tmp_path)
    first, second = str(tmp_path / "Train"), str(tmp_path / "val")
    assert f"as in fit(model, {first!r}, validation={second!r})" in str(caught.value)
    training, _ = DataStream.from_folder(first, validation=second)
    assert training.data_stream.dataset.classes == ("cat", "dog")


def test_classes_can_have_the_names_of_splits(tmp_path):
    for name in ("train", "test"):
        (tmp_path / name).mkdir()
        Image.new("L", (2, 2), 99).save(tmp_path / name / "1.png")
    stream = DataStream.from_folder(tmp_path)
    assert stream.data_stream.dataset.classes == ("test", "train")


def test_another_folder_for_validation(folder):
    training, validation = DataStream.from_folder(folder / ".." / folder.name, validation=folder)
    assert training.num_examples == validation.num_examples == 8


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: DataStream.from_frame(table(), "kin"), "no column 'kin'.*did you mean 'kind'"),
        (lambda: DataStream.from_frame(table()[["kind"]], "kind"), "no column besides the target"),
        (lambda: DataStream.from_frame(np.eye(3), "kind"), "a pandas.DataFrame, not ndarray"),
        (
            lambda: DataStream.from_frame(pd.DataFrame({"a": [1], 0: [2]}), "a"),
            "must be text, but one is 0",
        ),
        (
            lambda: DataStream.from_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]), "a"),
            "two columns named 'a'",
        ),
        (
            lambda: DataStream.from_frame(table(), "kind", validation=table().drop(columns="size")),
            "missing: 'size'; unknown: none",
        ),
        (
            lambda: DataStream.from_frame(
                table(), "kind", validation=table().assign(colour="violet")
            ),
            "column 'colour' has the value 'violet', which does not occur in the training data",
        ),
        (
            lambda: DataStream.from_frame(table(), "kind", validation=table().assign(kind="maybe")),
            "target 'kind' has the value 'maybe', which is not one of the classes",
        ),
        (lambda: DataStream.from_frame(table(), ["kind", "big"], as_classes=True), "in one column"),
        (lambda: DataStream.from_frame(table(), ["size", "size"]), "once, not 'size', 'size'"),
        (lambda: DataStream.from_frame(table(), "kind", validation=0.001), "leaves 0 examples"),
        (lambda: DataStream.from_frame(table(), "kind", validation=1.5), "must be a fraction"),
        (lambda: DataStream.from_frame(table(), "kind", validation=True), "not True"),
        (lambda: DataStream.from_arrays(np.ones(3), [0, 1]), "number of examples, not 3 and 2"),
        (lambda: DataStream.from_arrays({"a": [1], "b": [1, 2]}), "not {'a': 1, 'b': 2}"),
        (lambda: DataStream.from_arrays({}), "the dictionary is empty"),
        (lambda: DataStream.from_arrays(table(), [1]), "to DataStream.from_frame, or pass table"),
        (lambda: DataStream.from_arrays(["a", "b"], [0, 1]), "features must be numbers"),
        (lambda: DataStream.from_arrays([1.0, np.nan], [0, 1]), "1 of 2 are missing"),
        (lambda: DataStream.from_arrays([1.0, -np.inf], [0, 1]), "must be finite, but is -inf"),
        (lambda: DataStream.from_arrays([1e300, 1.0], [0, 1]), "features"),
        (lambda: DataStream.from_arrays(np.ones((0, 2)), []), "has no examples"),
        (lambda: DataStream.from_arrays([1, 2], [0, 1], batch_size=0), "batch_size must be"),
        (lambda: DataStream.from_arrays([1, 2], [0, 1], validation=[1]), r"a pair \(features,"),
        (
            lambda: DataStream.from_arrays(np.eye(2), [0, 1], validation=(np.eye(3), [0, 1, 1])),
            "must have the names, shapes and types",
        ),
        (
            lambda: DataStream.from_arrays([1, 2], [0.5, 1], validation=([1], [[1.0, 2.0]])),
            r"must have the shape \(N, 1\), not \(1, 2\)",
        ),
        (
            lambda: DataStream.from_arrays([1, 2], [0, 1], validation=([1], [2])),
            "targets has the value 2, which is not one of the classes",
        ),
        (lambda: DataStream.from_arrays([1, 2], [0, 1], batchsize=3), "did you mean 'batch_size'"),
        (lambda: DataStream.from_folder("."  , mode="CMYK"), "mode must be 'RGB', 'L' or 'RGBA'"),
        (lambda: DataStream.from_folder(".", size=(3,)), "size must be the height and width"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_safely_is_refused(call, text):
    with pytest.raises(ValueError, match=text):
        call()


DEEP = np.linspace(0, 65535, 30).astype("uint16").reshape(5, 6)


@pytest.mark.parametrize("pixels", [DEEP, DEEP.astype("float32")], ids=["16 bits", "floats"])
def test_images_of_more_than_8_bits_can_be_converted_as_advised(folder, pixels):
    path = folder / "cat" / "deep.tif"
    Image.fromarray(pixels).save(path)
    with pytest.raises(ValueError, match="convert it to 8 bits, as in PIL") as caught:
        DataStream.from_folder(folder, mode="L")
    with Image.open(path) as image:
        image.load()
    names = {"PIL": PIL, "numpy": np, "image": image, "path": path}
    eval(str(caught.value).partition("as in ")[2], names)
    found = DataStream.from_folder(folder, mode="L").data_stream.dataset.indexables[0][4, 0]
    np.testing.assert_array_equal(found, (DEEP / 65535 * 255).astype("uint8"))


def test_transparent_images_can_be_read_as_advised(folder):
    path = folder / "cat" / "clear.png"
    Image.new("RGBA", (6, 5), (10, 20, 30, 0)).save(path)
    with pytest.raises(ValueError, match=r"to keep it, .*from_folder\(.*\); or paint") as caught:
        DataStream.from_folder(folder)
    keep, _, paint = str(caught.value).partition("; or ")
    names = {"DataStream": DataStream, "PIL": PIL, "folder": folder, "path": path}
    kept, _ = eval(keep.partition("validation = ")[2].partition(", and pass")[0], names)
    assert whole(kept)["features"].shape[1] == 4
    with Image.open(path) as image:
        image.load()
    eval(paint.partition("as in ")[2], {**names, "image": image})
    painted = DataStream.from_folder(folder).data_stream.dataset.indexables[0]
    assert sorted(one[:, 0, 0].tolist() for one in painted)[-1] == [255, 255, 255]


def test_images_outside_of_folders_of_classes_are_refused(tmp_path):
    Image.new("L", (2, 2)).save(tmp_path / "1.png")
    with pytest.raises(ValueError, match=r"in the sub-folder of its class, but .*1.png"):
        DataStream.from_folder(tmp_path)


def test_one_number_is_no_size_of_images(tmp_path):
    with pytest.raises(ValueError, match=r"such as \(64, 64\), not 64"):
        DataStream.from_folder(tmp_path, size=64)
