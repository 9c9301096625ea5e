"""The main loop: fetches a batch, trains on it and calls the extensions, repeatedly.

Everything else is an extension; `workbench.extensions.events` has the table of events.
`workbench.session` runs a main loop in a background thread.
"""

from workbench.errors import TrainingFinish
from workbench.main_loop.loop import MainLoop
from workbench.names import explain_missing

__all__ = ["MainLoop", "TrainingFinish"]

explain_missing(__name__)
