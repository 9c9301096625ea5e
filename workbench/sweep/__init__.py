"""Sweeps: many runs of one program with different settings, and the best of them.

A sweep builds each run with a function of the user, trains the runs as sessions, ends the worst
early if that was requested, and keeps a journal in the database of the logs, from which it
continues after a restart.
"""

from workbench.names import explain_missing
from workbench.sweep.run import SweepRun
from workbench.sweep.space import Between
from workbench.sweep.sweep import Sweep

__all__ = ["Between", "Sweep", "SweepRun"]

explain_missing(__name__)
