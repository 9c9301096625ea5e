"""Layers that are inserted on the canvas, and what a session keeps of the others."""

import numpy as np
import pytest
import torch

from extensions_live.editor import Board, Editor
from extensions_live.editor.surgery import moved
from tests.support.waiting import SOON, until
from workbench.errors import BuilderError
from workbench.interfaces import State

from .test_editor import stream

pytestmark = pytest.mark.usefixtures("no_session_is_left")

RECTIFIER = {"brick": {"type": "Rectifier"}}


def deep(board):
    """Draw a classifier with two hidden layers of different sizes."""
    board.add_input("features", [None, 4])
    schemes = {
        "weights_init": {"scheme": {"type": "IsotropicGaussian", "settings": {"std": 0.5}}},
        "biases_init": {"scheme": {"type": "Constant", "settings": {"constant": 0.1}}},
    }
    settings = {"dims": [4, 6, 5, 3], "activations": [RECTIFIER, RECTIFIER, None], **schemes}
    board.add("MLP", after="features", settings=settings)
    board.add_input("targets", [None], "int64")
    board.add("CategoricalCrossEntropy", name="entropy")
    board.connect("targets", "targets", "entropy", "y")
    board.connect("mlp", "output", "entropy", "y_hat")
    board.set("mlp", "activations", [RECTIFIER, RECTIFIER, {"brick": {"type": "Softmax"}}])
    return board


def test_layers_are_recognised_after_several_insertions_and_undoing():
    board = deep(Board())
    first = board.document
    board.deepen("mlp/linear_1")
    board.deepen("mlp/linear_0")
    assert board.document.bricks["mlp"].settings["dims"] == [4, 6, 6, 5, 5, 3]
    assert moved(first, board.document) == {
        "mlp/linear_2": "mlp/linear_1",
        "mlp/linear_4": "mlp/linear_2",
    }
    second = board.document
    board.undo()
    assert moved(second, board.document) == {
        "mlp/linear_1": "mlp/linear_2",
        "mlp/linear_2": "mlp/linear_3",
        "mlp/linear_3": "mlp/linear_4",
    }
    assert moved(first, board.document) == {"mlp/linear_3": "mlp/linear_2"}


def test_a_renamed_mlp_still_knows_its_layers():
    board = deep(Board())
    first = board.document
    board.deepen("mlp/linear_0")
    board.rename("mlp", "net")
    found = moved(first, board.document)
    assert found == {
        "net": "mlp", "net/linear_2": "mlp/linear_1", "net/linear_3": "mlp/linear_2",
    }  # fmt: skip


def test_a_frozen_layer_is_still_frozen_after_an_insertion():
    board = deep(Board())
    board.freeze("mlp/linear_1")
    board.deepen("mlp/linear_0")
    assert board.document.frozen == {"mlp/linear_2"}


@pytest.mark.parametrize("node, text", [
    ("mlp/linear_2", "mlp/linear_2 is the last layer of mlp"),
    ("features", "features is not a brick"),
    ("mlp", "mlp is not a layer of a top-level MLP"),
])  # fmt: skip
def test_what_no_layer_can_be_inserted_after(node, text):
    board = deep(Board())
    with pytest.raises(BuilderError, match=text):
        board.deepen(node)


def test_a_session_trains_on_with_an_inserted_layer_and_computes_the_same(hand_pump):
    editor = Editor()
    deep(editor.drawing)
    session = editor.train(stream())
    session.pause().wait(SOON)
    until(lambda: session.state is State.PAUSED)
    before = session.main_loop.model.get_parameter_dict()["/mlp/linear_1.W"].get_value().copy()
    batch = {"features": np.linspace(-1, 1, 20, dtype="float32").reshape(5, 4)}
    (wire,) = editor.drawing.document.calls["mlp"].outputs
    expected = editor.built.variables[wire].eval(batch)
    editor.drawing.deepen("mlp/linear_0")
    hand_pump.serve(editor)
    assert editor.surgery["text"] == "3 layers kept, mlp/linear_1 new: 42 parameters"
    editor.apply()
    after = session.main_loop.model.get_parameter_dict()["/mlp/linear_2.W"].get_value()
    np.testing.assert_array_equal(after, before)
    output = editor.built.variables[wire].eval(batch)
    torch.testing.assert_close(output, expected, rtol=1e-5, atol=1e-6)
    session.stop()
    editor.close()
