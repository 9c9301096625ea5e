"""Sessions: a main loop in a background thread, as a thing to hold."""

from workbench.session.command import Command
from workbench.session.session import Session, State, running

__all__ = ["Command", "Session", "State", "running"]
