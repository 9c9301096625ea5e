"""Dashboard: the figures and controls of a run as a page that this process serves."""

from extensions_live.dashboard.dashboard import Dashboard
from workbench.names import explain_missing

__all__ = ["Dashboard"]

explain_missing(__name__)
