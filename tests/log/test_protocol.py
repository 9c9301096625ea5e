"""Logs that derive from no class of the workbench."""

import pytest

from tests.support.fakes import make
from workbench.errors import LogError
from workbench.extensions import FinishAfter
from workbench.log import TrainingLog
from workbench.main_loop import MainLoop


class OwnLog:
    """A log with only the methods that a main loop needs."""

    def __init__(self):
        self._log = TrainingLog()
        self.status = self._log.status
        for name in "resume writing commit maker state_dict load_state_dict".split():
            setattr(self, name, getattr(self._log, name))

    @property
    def current_row(self):
        return self._log.current_row

    def __getitem__(self, iteration):
        return self._log[iteration]


def test_a_log_with_the_methods_of_the_protocol_suffices():
    made, log = make(FinishAfter(after_n_epochs=2)), OwnLog()
    MainLoop(made.algorithm, made.data_stream, log=log, extensions=made.extensions).run()
    assert log.status["epochs_done"] == 2
    assert log[log.status["iterations_done"]]["training_finished"]


def test_a_log_that_lacks_something_says_what():
    log = OwnLog()
    del log.commit, log.maker
    with pytest.raises(LogError, match="OwnLog object.*, which does not have commit, maker$"):
        MainLoop(None, None, log=log)
    with pytest.raises(LogError, match="not 'run.sqlite'$"):
        MainLoop(None, None, log="run.sqlite")
