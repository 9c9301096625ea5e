"""The printed text, and the events on which it is printed."""

from tests.support.fakes import make
from workbench.extensions import FinishAfter, Printing, SimpleExtension
from workbench.extensions.saveload import Checkpoint


class Monitor(SimpleExtension):
    def do(self, which_callback, *args):
        self.main_loop.log.current_row.update(cost=1 / 3, note="fine")


def test_status_and_records_are_printed_at_the_default_occasions(capsys):
    make(Monitor(after_epoch=True), FinishAfter(after_n_epochs=1), Printing()).run()
    first, epoch, end = capsys.readouterr().out.split("\n\n")[:3]
    rule = "-" * 79
    assert first.splitlines() == [
        *(rule, "BEFORE FIRST EPOCH", rule),
        *("Training status:", "\tepochs_done: 0", "\titerations_done: 0"),
        "Log records from iteration 0:",
    ]
    assert epoch.splitlines()[1:] == [
        *("AFTER ANOTHER EPOCH", rule),
        *("Training status:", "\tepochs_done: 1", "\titerations_done: 3"),
        "Log records from iteration 3:",
        *("\tcost: 0.3333333", "\tnote: fine", "\ttraining_finish_requested: True"),
    ]
    assert end.splitlines()[1] == "TRAINING HAS BEEN FINISHED"
    assert end.splitlines()[-1] == "\ttraining_finished: True"


def test_the_end_shows_where_the_checkpoint_before_it_was_saved(capsys, tmp_path):
    path = tmp_path / "run.tar"
    printing = Printing(after_epoch=False, before_first_epoch=False)
    make(FinishAfter(after_n_epochs=1), Checkpoint(path), printing).run()
    shown = capsys.readouterr().out
    assert shown.splitlines()[-2].strip() == "training_finished: True"
    assert f"\tsaved_to: ('{path}',)" in shown


def test_printing_by_hand(capsys):
    printing = Printing()
    printing.main_loop = make(printing)
    printing.do()
    assert "NOW" in capsys.readouterr().out.splitlines()


def test_resumption_and_interrupts_are_printed_too(capsys):
    main_loop = make(Printing(after_epoch=False, after_training=False, before_batch=True))
    for _ in range(2):
        main_loop.post(lambda: main_loop.post(main_loop.interrupt))
        main_loop.run()
    headings = [line for line in capsys.readouterr().out.splitlines() if line.isupper()]
    assert headings == [
        "BEFORE FIRST EPOCH",
        "BEFORE ANOTHER BATCH",
        "TRAINING HAS BEEN INTERRUPTED",
        "TRAINING HAS BEEN RESUMED",
        "BEFORE ANOTHER BATCH",
        "TRAINING HAS BEEN INTERRUPTED",
    ]
