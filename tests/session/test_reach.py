"""Limits of a rewind: the number of interventions that can be undone, and data read once."""

import numpy as np
import pytest
import torch

from workbench import shared, tensor
from workbench.algorithms import GradientDescent
from workbench.errors import SessionError
from workbench.extensions import FinishAfter
from workbench.main_loop import MainLoop
from workbench.session import State
from workbench.session.reach import UndoStack
from workbench.session.snapshots import MEMORY, MOST, Snapshot


def snapshot(size=1):
    state = {"parameters": {"w": torch.empty(size, dtype=torch.uint8)}}
    return Snapshot(0, 0, state, {}, {}, "main")


def test_commands_that_share_a_snapshot_are_undone_together():
    stack, one = UndoStack(), snapshot()
    for id, state in enumerate([snapshot(), one, one], 1):
        stack.add(id, state)
    assert stack.ids() == [2, 3]
    stack.drop(2)
    assert stack.ids() == [1]


def test_the_number_of_commands_has_a_bound():
    stack = UndoStack()
    for id in range(MOST + 5):
        stack.add(id, snapshot())
    assert len(stack) == MOST


def test_their_memory_has_a_bound():
    stack = UndoStack()
    for id in range(5):
        stack.add(id, snapshot(MEMORY // 3))
    assert stack.ids() == [4]
    assert len(stack) == 3


def test_a_stack_can_have_less_memory():
    stack = UndoStack(memory=10)
    for id in range(3):
        stack.add(id, snapshot(8))
    assert stack.ids() == [2]
    assert len(stack) == 1


def test_data_that_is_read_once_cannot_be_brought_back():
    x, w = tensor.vector("x"), shared(0.0, "w")
    algorithm = GradientDescent(cost=((x - w) ** 2).mean(), parameters=[w])
    batches = ({"x": np.array([i], dtype="float32")} for i in range(9))
    session = MainLoop(algorithm, batches, extensions=[FinishAfter(after_n_batches=6)]).start()
    assert session.wait(20)
    with pytest.raises(SessionError, match="yields its data only once, so this run cannot be"):
        session.rewind(3).wait(20)
    assert session.state is State.FINISHED
    assert session.log.status["iterations_done"] == 6
