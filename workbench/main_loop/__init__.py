"""The main loop: fetch a batch, train on it, call the extensions, over and over.

Everything else is an extension; `workbench.extensions.events` has the table of what is called
when. `workbench.session` runs a main loop in a background thread.
"""

from workbench.errors import TrainingFinish
from workbench.main_loop.loop import MainLoop
from workbench.names import explain_missing

__all__ = ["MainLoop", "TrainingFinish"]

explain_missing(__name__)
