"""Extensions that derive from no class of the workbench."""

from unittest.mock import Mock

import pytest

from tests.support.fakes import make
from workbench.errors import ExtensionError
from workbench.extensions import CompositeExtension, FinishAfter, TrainingExtension


class Listener:
    """Stores the events that it receives."""

    def __init__(self):
        self.heard = []

    def dispatch(self, event, *args):
        self.heard.append((event, len(args)))
        self.main_loop.log.current_row["heard"] = len(self.heard)


def test_a_listener_receives_every_event_in_order():
    listener = Listener()
    main_loop = make(listener, FinishAfter(after_n_batches=1))
    main_loop.run()
    assert listener.heard == [
        ("before_training", 0),
        ("before_epoch", 0),
        ("before_batch", 1),
        ("after_batch", 1),
        ("after_training", 0),
    ]
    assert main_loop.log[1]["heard"] == 5
    assert main_loop.find_extension("Listener").extension is listener


@pytest.mark.parametrize("event", ["before_training", "after_batch"])
def test_a_composite_passes_events_on_to_any_object_that_dispatches(event):
    one, other = Mock(), Mock()
    composite = CompositeExtension([one, other])
    composite.main_loop = main_loop = object()
    args = [5] * (event == "after_batch")
    composite.dispatch(event, *args)
    for extension in (one, other):
        extension.dispatch.assert_called_once_with(event, *args)
        assert extension.main_loop is main_loop


def test_an_event_may_be_dispatched_by_its_name():
    class Counting(TrainingExtension):
        calls = 0

        def after_batch(self, batch):
            self.calls += batch

    extension = Counting()
    extension.dispatch("after_batch", 3)
    assert extension.calls == 3
    with pytest.raises(ValueError, match="did you mean 'after_batch'"):
        extension.dispatch("after_bach", 3)


@pytest.mark.parametrize("given", [Listener, object(), len, "Timing"])
def test_objects_without_dispatch_are_refused(given):
    with pytest.raises(ExtensionError, match=r"extensions\[0\] must be a TrainingExtension, not"):
        make(given)


def test_the_state_of_a_listener_is_kept_if_it_has_one():
    class Counter(Listener):
        def state_dict(self):
            return {"heard": len(self.heard)}

        def load_state_dict(self, state):
            self.heard = [None] * state["heard"]

    first, second = make(Counter(), FinishAfter(after_n_batches=1)), make(Counter())
    first.run()
    second.load_state_dict(first.state_dict())
    assert second.extensions[0].extension.heard == [None] * 5
    assert "Listener" not in make(Listener()).state_dict()["extensions"]
