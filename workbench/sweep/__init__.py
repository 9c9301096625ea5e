"""Sweeps, which train many runs with different settings and keep the best runs.

A sweep builds each run with a function that the user provides, and trains the runs as sessions. On
request, it ends the worst runs early. The database of the logs also contains a journal of the
sweep, so that the sweep can continue after a restart.
"""

from workbench.names import explain_missing
from workbench.sweep.run import SweepRun
from workbench.sweep.space import Between
from workbench.sweep.sweep import Sweep

__all__ = ["Between", "Sweep", "SweepRun"]

explain_missing(__name__)
