"""Sessions, which train main loops in background threads and control them."""

from workbench.interfaces import State
from workbench.names import explain_missing
from workbench.session.command import Command
from workbench.session.elsewhere import in_processes
from workbench.session.running_sessions import Sessions, running, sessions
from workbench.session.session import Session

__all__ = ["Command", "Session", "Sessions", "State", "in_processes", "running", "sessions"]

explain_missing(__name__)
