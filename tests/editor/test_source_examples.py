"""Examples of a stream, which the inputs on the canvas show."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from extensions_live.editor import Editor
from extensions_live.editor.notebook_names import Streams, facts
from extensions_live.editor.source_examples import source_example, source_examples
from extensions_live.editor.still import EditorStill
from workbench.builder import InputSpec
from workbench.data import DataStream, IndexableDataset, Mapping, SequentialScheme
from workbench.data.encoded_dataset import EncodedDataset


def pixels(url):
    """Return the pixels of an image in a URL."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))


def stream(**sources):
    dataset = IndexableDataset({name: list(values) for name, values in sources.items()})
    return DataStream(dataset, iteration_scheme=SequentialScheme(4, 2))


def test_an_example_of_numbers_is_its_first_values():
    assert source_example(np.array([5.1, 3.5, 1.4, 0.2])) == {
        "text": "5.1, 3.5, 1.4, 0.2",
        "image": None,
    }
    assert source_example(np.arange(9))["text"] == "0, 1, 2, 3, …"


@pytest.mark.parametrize(
    "value, text",
    [
        (np.array(["a", "b"]), "a, b"),
        (np.array("2026-01-31", dtype="datetime64[D]"), "2026-01-31"),
        (np.array(None), "None"),
        (np.array([[1, 2], [3]], dtype=object), "[1, 2], [3]"),
        (np.full(64, "a"), "a, a, a, a, …"),
    ],
)
def test_an_example_of_other_values_is_their_text(value, text):
    assert source_example(value) == {"text": text, "image": None}


@pytest.mark.parametrize(
    "value, text",
    [
        (np.array(2), "2 (dog)"),
        (np.array([0]), "0 (cat)"),
        (np.array(7), "7"),
        (np.array(-1), "-1"),
    ],
)
def test_a_target_has_the_name_of_its_class(value, text):
    examples = source_examples({"targets": value, "ids": value}, ("cat", "bird", "dog"))
    assert examples["targets"]["text"] == text
    assert examples["ids"]["text"] == str(value.reshape(()))


def test_the_classes_of_a_dataset_behind_transformers_are_found():
    dataset = EncodedDataset({"targets": np.array([1, 0, 1, 0])}, classes=("cat", "dog"))
    given = DataStream(dataset, iteration_scheme=SequentialScheme(4, 2))
    assert facts("train", Mapping(given, tuple))["examples"]["targets"]["text"] == "1 (dog)"


@pytest.mark.parametrize("shape", [(28, 28), (1, 28, 28), (28, 28, 3), (3, 28, 28)])
def test_an_image_is_shown_as_an_image(shape):
    found = source_example(np.random.default_rng(1).integers(0, 255, shape).astype(np.uint8))
    assert pixels(found["image"]).shape[:2] == (28, 28)
    assert found["text"] == "an image of 28 × 28 pixels"


def test_a_large_image_is_made_smaller():
    assert pixels(source_example(np.zeros((200, 100)))["image"]).shape == (50, 25)


def test_a_row_of_pixels_is_an_image_only_if_it_is_smooth():
    x, y = np.mgrid[:8, :8]
    assert (
        pixels(source_example((x * y / 49).ravel())["image"]) == np.round(255 * x * y / 49)
    ).all()
    noise = np.random.default_rng(2).random(64)
    for other in (noise, -noise, np.zeros(64), np.full(64, np.nan), noise[:60]):
        assert source_example(other)["image"] is None


def test_a_look_for_an_example_does_not_move_the_stream():
    given = stream(x=[[1.0], [2.0], [3.0], [4.0]])
    assert facts("train", given)["examples"]["x"]["text"] == "1"
    assert given.state_dict() == {"epoch": 0, "position": 0}
    assert next(given.get_epoch_iterator())[0].tolist() == [[1.0], [2.0]]


def test_a_stream_of_single_examples_shows_a_whole_one():
    one = DataStream(IndexableDataset({"x": [[1.0, 2.0], [3.0, 4.0]]}))
    assert facts("one", one)["examples"]["x"]["text"] == "1, 2"


def test_a_source_without_examples_does_not_hide_the_sources():
    odd = (np.float32(0.1), np.zeros((0, 2)))
    given = Mapping(stream(x=[[1.0]] * 4), lambda batch: odd, add_sources=("rate", "empty"))
    found = facts("own", given)
    assert [one["name"] for one in found["sources"]] == ["x", "rate", "empty"]
    assert list(found["examples"]) == ["x"]


def test_an_example_that_raises_an_error_does_not_hide_the_sources(monkeypatch):
    monkeypatch.setattr(
        "extensions_live.editor.notebook_names.source_examples", lambda *given: 1 / 0
    )
    found = facts("own", stream(x=[[1.0]] * 4))
    assert (found["sources"][0]["name"], found["examples"]) == ("x", {})


def test_an_input_shows_an_example_of_the_stream_that_fits_it():
    streams = Streams(lambda: {"own": stream(features=[[1.0] * 4] * 4)})
    editor = Editor()
    editor.drawing.add_input("features", [None, 784])
    editor.drawing.add_input("other", [None, 784])
    inputs = {node: editor.drawing.document.input(node) for node in editor.drawing.document.inputs}
    assert streams.shown_from(streams.listed(), inputs) == {"features": "digits"}
    editor.close()


def test_streams_of_the_notebook_and_the_last_one_in_use_come_first():
    own = stream(targets=[3, 2, 1, 0])
    streams = Streams(lambda: {"own": own})
    editor = Editor()
    editor.drawing.add_input("targets", [None], "int64")
    inputs = {"targets": editor.drawing.document.input("targets")}
    assert streams.shown_from(streams.listed(), inputs) == {"targets": "own"}
    streams.found("digits")
    assert streams.shown_from(streams.listed(), inputs) == {"targets": "digits"}
    editor.close()


def test_a_stream_of_a_run_shows_its_examples():
    own = stream(targets=[3, 2, 1, 0])
    streams = Streams(lambda: {"own": own})
    inputs = {"targets": InputSpec("targets", "int64", (None,))}
    streams.use(stream(targets=[5, 6, 7, 8]))
    shown = streams.shown_from(streams.listed(), inputs)["targets"]
    [found] = [one for one in streams.listed() if one["name"] == shown]
    assert found["examples"]["targets"]["text"] == "5"
    streams.use(own)
    assert streams.shown_from(streams.listed(), inputs) == {"targets": "own"}


def test_the_page_gets_the_examples(hand_pump):
    editor = Editor()
    hand_pump.serve(editor)
    editor.add_stream("digits")
    hand_pump.serve(editor)
    assert editor.board["shown_from"] == {"features": "digits", "targets": "digits"}
    digits = editor.palette["streams"][0]
    assert digits["examples"]["targets"]["text"] in "0123456789"
    assert pixels(digits["examples"]["features"]["image"]).shape == (28, 28)
    editor.close()


def test_the_saved_image_says_what_the_inputs_show(hand_pump):
    editor = Editor()
    hand_pump.serve(editor)
    editor.drawing.add_input("targets", [None], "int64")
    found = editor._examples()
    assert list(found) == ["targets"]
    shown, plain = EditorStill(editor.drawing, lambda: found), EditorStill(editor.drawing)
    heights = [height(one.bundles()[1]["image/png"]) for one in (shown, plain)]
    assert heights[0] > heights[1]
    editor.close()


def height(text):
    return Image.open(io.BytesIO(base64.b64decode(text))).height
