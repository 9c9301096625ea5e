"""Initial values of models that the editor builds, and of their code in a new process."""

import pytest
import torch

from extensions_live.editor import Board
from workbench.bricks.seeds import fresh_seeds
from workbench.builder import BLOCKS
from workbench.model import Model


def values(model):
    """Return the parameters of a model after its bricks were initialised in order."""
    for brick in model.get_top_bricks():
        brick.initialize()
    return {name: one.tensor.detach() for name, one in model.get_parameter_dict().items()}


@pytest.mark.parametrize("block", ["MLP", "LeNet", "LSTM classifier", "Sequence generator"])
def test_the_code_of_a_board_draws_the_values_of_its_model(block):
    assert block in BLOCKS
    board = Board()
    board.add_block(block)
    board.add("Dropout", name="first")  # which takes a seed while the board is checked
    board.remove(["first"])
    mine = values(board.built.model)
    scope = {}
    with fresh_seeds():
        exec(board.code, scope)
        others = values(Model(scope["cost"]))
    assert mine.keys() == others.keys()
    assert all(torch.equal(mine[name], others[name]) for name in mine)


def test_a_random_brick_takes_its_seed_before_what_is_initialised():
    board = Board()
    board.add_block("LeNet")
    board.insert("Dropout", "mlp", "input_")
    mine = values(board.built.model)
    scope = {}
    with fresh_seeds():
        exec(board.code, scope)
        others = values(Model(scope["cost"]))
    assert all(torch.equal(mine[name], others[name]) for name in mine)
