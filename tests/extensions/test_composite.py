"""Several extensions combined into one."""

import pytest

from tests.support.fakes import Recorder, make
from workbench.extensions import CompositeExtension, FinishAfter, SimpleExtension


class Naming(SimpleExtension):
    def do(self, which_callback, *args):
        self.main_loop.log.status["calls"] += [self.name]


class Outer(CompositeExtension):
    do = Naming.do


def calls(extension, epochs=1):
    main_loop = make(extension, FinishAfter(after_n_epochs=epochs))
    main_loop.status["calls"] = []
    main_loop.run()
    return main_loop.status["calls"]


@pytest.mark.parametrize("first", [True, False])
def test_the_composite_comes_before_or_after_its_parts(first):
    parts = [Naming("a", after_epoch=True), Naming("b", after_epoch=True)]
    composite = Outer(parts, run_before_children=first, name="outer", after_epoch=True)
    assert calls(composite) == (["outer", "a", "b"] if first else ["a", "b", "outer"])


def test_parts_keep_their_own_triggers():
    parts = [Naming("a", every_n_batches=2), CompositeExtension([Naming("b", every_n_epochs=2)])]
    assert calls(CompositeExtension(parts), epochs=2) == ["a", "a", "a", "b"]


def test_parts_belong_to_the_main_loop():
    recorder = Recorder()
    composite = CompositeExtension([recorder])
    main_loop = make(composite, FinishAfter(after_n_epochs=1))
    main_loop.run()
    assert recorder.main_loop is composite.main_loop is main_loop
    assert recorder.events[-1] == "after_training"
    assert composite.sub_extensions == [recorder]


def test_overriding_dispatch_intercepts_the_events_of_the_parts():
    class Deaf(CompositeExtension):
        def dispatch(self, callback_invoked, *from_main_loop):
            if callback_invoked != "after_batch":
                super().dispatch(callback_invoked, *from_main_loop)

    part = Naming("a", after_batch=True, after_training=True)
    assert calls(Deaf([part])) == ["a"]
