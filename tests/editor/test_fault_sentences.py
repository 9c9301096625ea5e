"""Short sentences about the faults of nodes, for messages that Python really raises."""

import pytest

from extensions_live.editor.board import Board


def node(board, id):
    return next(one for one in board.payload()["nodes"] if one["id"] == id)


def features(*shape, dtype="float32"):
    board = Board()
    board.add_input("features", [None, *shape], dtype)
    return board


def wrong_size():
    board = features(784)
    board.add("Linear", after="features", settings={"input_dim": 700, "output_dim": 10})
    return board, "linear", "linear expects vectors of size 700, but gets size 784"


def wrong_size_inside():
    board = features(784)
    board.add("MLP", after="features")
    board.set("mlp", "dims", [700, 32, 10])
    return board, "mlp", "linear_0 in mlp expects vectors of size 700, but gets size 784"


def wrong_rank():
    board = features(784)
    settings = {"filter_size": {"tuple": [5, 5]}, "num_filters": 3, "num_channels": 1}
    board.add("Convolutional", after="features", settings=settings)
    sentence = "convolutional: input has shape ? × 784, but must have four dimensions"
    return board, "convolutional", sentence


def wrong_setting():
    board = features(784)
    board.add("Linear", after="features", settings={"output_dim": -3})
    return board, "linear", "linear: output_dim is -3, but dimensions must be whole numbers >= 0"


def wrong_operands():
    board = features(3)
    board.add_input("other", [None, 4])
    board.add("add", name="sum", after="features")
    board.connect("other", "other", "sum", "other")
    sentence = "sum: the size of tensor a (3) must match the size of tensor b (4) at"
    return board, "sum", sentence


CASES = [wrong_size, wrong_size_inside, wrong_rank, wrong_setting, wrong_operands]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_fault_is_said_in_a_short_sentence_with_the_name_of_its_node(case):
    board, id, sentence = case()
    fault = node(board, id)["fault"]
    assert fault["short"].startswith(sentence) and len(fault["short"]) <= 110
    assert ";" not in fault["short"] and fault["text"] == board.fault(id)
    assert board.payload()["summary"]["fault"]["short"] == fault["short"]


def test_a_closed_group_says_which_of_its_nodes_has_the_fault():
    board, _, sentence = wrong_size()
    board.add("Tanh", after="linear")
    group = board.group(["linear", "tanh"], "hidden")
    board.close(group)
    assert node(board, group)["fault"]["short"] == sentence
