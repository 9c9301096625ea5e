"""Training in other processes, controlled from a notebook in the same way as in a thread.

``main_loop.start(detached=True)`` trains outside the kernel, and ``main_loop.start(processes=2)``
divides training between two processes. Both return a `RemoteSession`. The processes get a copy of
the main loop in a file that only the user can read; the main loop in the notebook is not changed,
and can be used in the meantime.

The notebook communicates with the first process over the loopback interface. This process writes
the log to a database, which the notebook reads.
"""

from workbench.names import explain_missing
from workbench.session.remote.launcher import Launched, Launcher
from workbench.session.remote.ray_launcher import Ray
from workbench.session.remote.runs import attach, live, remove, start
from workbench.session.remote.session import RemoteSession
from workbench.session.remote.torchrun import Torchrun
from workbench.session.running_sessions import sessions  # also lists the runs of this package

__all__ = [
    "Launched",
    "Launcher",
    "Ray",
    "RemoteSession",
    "Torchrun",
    "attach",
    "live",
    "remove",
    "sessions",
    "start",
]

explain_missing(__name__)
