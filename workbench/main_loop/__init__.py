"""The main loop, which repeatedly reads a batch, trains on it and calls the extensions.

All other functionality is implemented by extensions; `workbench.extensions.events` contains a table
of the events. `workbench.session` runs a main loop in a background thread.
"""

from workbench.errors import TrainingFinish
from workbench.main_loop.loop import MainLoop
from workbench.names import explain_missing

__all__ = ["MainLoop", "TrainingFinish"]

explain_missing(__name__)
