"""The end of training when a record does not improve."""

import math

import numpy as np
import pytest

from tests.extensions.test_training import Feed
from tests.support import runs
from tests.support.fakes import make
from workbench.errors import ArgumentError
from workbench.extensions import CompositeExtension, FinishAfter, TrainingExtension
from workbench.extensions.saveload import Checkpoint
from workbench.extensions.stopping import EarlyStopping, FinishIfNoImprovementAfter
from workbench.serialization import load_parameters

COSTS = [5.0, 4.0, 4.5, 3.0, 3.0, 3.5, 4.0, 1.0]


def epochs_done(*extensions, costs=COSTS):
    main_loop = make(Feed(costs), *extensions, FinishAfter(after_n_epochs=len(costs)))
    main_loop.run()
    return main_loop.status["epochs_done"], main_loop.log


@pytest.mark.parametrize(("wait", "ends"), [(1, 3), (2, 6), (3, 7), (4, 8)])
def test_training_ends_after_so_many_epochs_without_a_new_best(wait, ends):
    done, log = epochs_done(EarlyStopping("cost", epochs=wait))
    assert done == ends
    assert log.status["best_cost"] == min(COSTS[:ends])


def test_the_number_left_is_recorded():
    finish = FinishIfNoImprovementAfter("best", epochs=2)
    main_loop = make(Feed([None, True, None, True, None, None, True], "best"), finish)
    main_loop.run()
    patience = main_loop.log.channel("best_patience_epochs")
    assert patience.to_dict() == {6: 2, 9: 1, 12: 2, 15: 1, 18: 0}


def test_iterations_are_counted_across_epochs():
    finish = FinishIfNoImprovementAfter("best", 4, after_epoch=False, after_batch=True)
    main_loop = make(finish)
    main_loop.log[2]["best"] = main_loop.log[4]["best"] = "yes"
    main_loop.log[6]["best"] = False
    main_loop.run()
    assert main_loop.status["iterations_done"] == 8
    assert main_loop.log[5]["best_patience_iterations"] == 3


def test_training_ends_at_the_first_look_after_the_wait():
    finish = FinishIfNoImprovementAfter("best", iterations=4, patience_log_record="left")
    main_loop = make(Feed([True, None, None, None], "best"), finish)
    main_loop.run()
    assert main_loop.status["iterations_done"] == 9
    assert main_loop.log.channel("left").to_dict() == {3: 4, 6: 1, 9: -2}


def test_waiting_begins_with_the_first_best():
    done, log = epochs_done(EarlyStopping("cost", epochs=2), costs=[math.nan] * 4 + [1.0] * 4)
    assert done == 7
    assert "cost_best_so_far_patience_epochs" not in log[12]


def test_more_may_be_better():
    done, _ = epochs_done(EarlyStopping("cost", choose_best=max, epochs=4))
    assert done == 5


def test_a_subclass_decides_what_an_improvement_is():
    class Rather(FinishIfNoImprovementAfter):
        def update_best(self):
            if self.main_loop.log.current_row["cost"] < 4.2:
                self.last_best_iter = self.main_loop.status["iterations_done"]
                self.last_best_epoch = self.main_loop.status["epochs_done"]

    assert epochs_done(Rather("good", epochs=1))[0] == 3


@pytest.mark.parametrize("kind", [FinishIfNoImprovementAfter, EarlyStopping])
@pytest.mark.parametrize("wait", [{}, {"iterations": 3, "epochs": 2}])
def test_exactly_one_way_of_waiting_is_needed(kind, wait):
    text = f"{kind.__name__} requires exactly one of .*, not iterations="
    with pytest.raises(ArgumentError, match=text):
        kind("cost", **wait)


@pytest.mark.parametrize("number", [0, -1, 2.5, True])
def test_a_wait_is_a_whole_number(number):
    with pytest.raises(ArgumentError, match=f"epochs must be a whole number >= 1, not {number}"):
        EarlyStopping("cost", epochs=number)


def test_a_checkpoint_needs_a_file_and_a_file_a_checkpoint():
    with pytest.raises(ArgumentError, match="Checkpoint.'a.tar', after_training=True. and None"):
        EarlyStopping("cost", Checkpoint("a.tar"), epochs=1)
    with pytest.raises(ArgumentError, match="both be omitted, not None and 'b.tar'"):
        EarlyStopping("cost", checkpoint_filename="b.tar", epochs=1)


@pytest.mark.parametrize("place", ["before", "after", "within", "nowhere"])
def test_the_best_model_is_saved_for_any_place_of_the_checkpoint(place, tmp_path):
    last, best = str(tmp_path / "last.tar"), str(tmp_path / "best.tar")
    checkpoint = Checkpoint(last, save_main_loop=False)
    stopping = EarlyStopping("cost", checkpoint, best, epochs=2)
    extensions = {
        "before": [checkpoint, stopping],
        "after": [stopping, checkpoint],
        "within": [CompositeExtension([checkpoint]), stopping],
        "nowhere": [stopping],
    }
    _, log = epochs_done(*extensions[place])
    assert log.channel("saved_to").to_dict() == {
        3: (best,), 6: (best,), 12: (best,), 18: (last,),
    }  # fmt: skip


class Keep(TrainingExtension):
    """Stores the parameters of every epoch."""

    def __init__(self):
        super().__init__()
        self.kept = []

    def after_epoch(self):
        self.kept.append(self.main_loop.model.get_parameter_values())


def test_the_saved_model_is_the_best(tmp_path):
    file, keep = str(tmp_path / "best.tar"), Keep()
    checkpoint = Checkpoint(tmp_path / "last.tar", save_main_loop=False)
    stopping = EarlyStopping("cost", checkpoint, file, epochs=9)
    main_loop = runs.build(16, Feed([3.0, 2.0, 4.0]), stopping, keep)
    main_loop.run()
    main_loop.model.set_parameter_values(load_parameters(file))
    for name, value in main_loop.model.get_parameter_values().items():
        equal = [np.array_equal(value, kept[name]) for kept in keep.kept]
        assert equal == [False, True, False]


def test_a_resumed_run_ends_where_one_without_interruption_does():
    def build(batches):
        main_loop = runs.build(batches)
        main_loop.extensions[-1:-1] = [EarlyStopping("cost", iterations=7, after_batch=True)]
        return main_loop

    whole, part, rest = build(60), build(8), build(60)
    whole.run()
    part.run()
    rest.load_state_dict(part.state_dict())
    rest.run()
    runs.assert_same(whole, rest)
    assert 8 < whole.status["iterations_done"] < 60
