"""Extensions that override methods of events."""

import pytest

from tests.support.fakes import make
from workbench.errors import EventError, ExtensionError
from workbench.extensions import CallbackName, FinishAfter, TrainingExtension, callback


class Counting(TrainingExtension):
    count = 0

    def after_batch(self, batch):
        self.count += batch["x"]


def test_only_overridden_methods_are_handlers():
    extension = Counting()
    listening = [event for event in CallbackName if extension.handler(event) is not None]
    assert listening == ["after_batch"]
    make(extension, FinishAfter(after_n_epochs=2)).run()
    assert extension.count == 12


def test_a_function_put_on_the_object_counts_as_overriding():
    extension, seen = TrainingExtension(), []
    extension.after_batch = seen.append
    make(extension, FinishAfter(after_n_epochs=1)).run()
    assert [batch["x"] for batch in seen] == [1, 2, 3]


def test_overriding_dispatch_intercepts_every_event():
    class Nosy(TrainingExtension):
        def dispatch(self, callback_name, *args):
            heard.append(str(callback_name))

    heard = []
    make(Nosy(), FinishAfter(after_n_batches=1)).run()
    assert heard[0] == "before_training"
    assert heard[-1] == "after_training"


def test_a_method_that_cannot_be_called_is_refused_before_training():
    class Wrong(TrainingExtension):
        def after_batch(self):
            pass

    main_loop = make(Wrong())
    with pytest.raises(
        ExtensionError, match=r"after_batch of Wrong\(\) cannot .* passes 1 argument"
    ):
        main_loop.run()
    assert main_loop.algorithm.seen == []


def test_callback_finds_mistakes_when_the_class_is_defined():
    with pytest.raises(EventError, match="'after_epok'; did you mean 'after_epoch'"):

        @callback
        def after_epok(self):
            pass

    with pytest.raises(
        ExtensionError, match="on_error cannot handle the event .* passes 2 arguments"
    ):

        @callback
        def on_error(self):
            pass

    @callback
    def before_batch(self, batch):
        return "kept"

    assert before_batch(None, None) == "kept"


def test_an_extension_knows_its_name_and_its_main_loop():
    extension = Counting()
    assert (extension.name, Counting(name="mine").name) == ("Counting", "mine")
    assert repr(Counting(name="mine")) == "Counting(name='mine')"
    with pytest.raises(ExtensionError, match="Counting.. does not belong to a main loop yet;"):
        _ = extension.main_loop
    main_loop = make(extension, FinishAfter(after_n_batches=1))
    main_loop.run()
    assert extension.main_loop is main_loop


def test_a_misspelt_event_is_found_when_the_class_is_written():
    with pytest.raises(ExtensionError, match="after_bach would never be called.*'after_batch'"):

        class Misspelt(TrainingExtension):
            def after_bach(self, batch):
                pass
