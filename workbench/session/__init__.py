"""Sessions, which train main loops in background threads and control them."""

from workbench.interfaces import State
from workbench.names import explain_missing
from workbench.session.command import Command
from workbench.session.running_sessions import running
from workbench.session.session import Session

__all__ = ["Command", "Session", "State", "running"]

explain_missing(__name__)
