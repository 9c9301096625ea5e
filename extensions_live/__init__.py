"""Live views of a training run in a notebook, with plots and a control bar."""

from extensions_live.controls import Controls
from extensions_live.dashboard import Dashboard
from extensions_live.doctor import doctor
from extensions_live.plot import Plot
from extensions_live.run_view import RunView
from extensions_live.tools import serve
from extensions_live.view import view
from workbench.names import explain_missing

__all__ = ["Controls", "Dashboard", "Plot", "RunView", "doctor", "serve", "view"]

explain_missing(__name__)
