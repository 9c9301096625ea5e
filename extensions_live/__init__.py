"""Live views of a training run in a notebook, with plots and a control bar."""

from workbench.names import explain_missing
from workbench.utils.live_layer import missing_library

try:
    from extensions_live.confusion_matrix import ConfusionMatrix
    from extensions_live.controls import Controls
    from extensions_live.dashboard import Dashboard
    from extensions_live.doctor import doctor
    from extensions_live.editor import Editor
    from extensions_live.histogram import Histogram
    from extensions_live.layers import Layers
    from extensions_live.log_table import LogTable
    from extensions_live.mistakes import Mistakes
    from extensions_live.plot import Plot
    from extensions_live.progress import Progress
    from extensions_live.run_view import RunView
    from extensions_live.samples import Samples
    from extensions_live.sweep_view import SweepView
    from extensions_live.to_html import to_html
    from extensions_live.tools import serve
    from extensions_live.view import view
except ModuleNotFoundError as error:
    raise missing_library(error, "extensions_live") from error

__all__ = [
    "ConfusionMatrix",
    "Controls",
    "Dashboard",
    "Editor",
    "Histogram",
    "Layers",
    "LogTable",
    "Mistakes",
    "Plot",
    "Progress",
    "RunView",
    "Samples",
    "SweepView",
    "doctor",
    "serve",
    "to_html",
    "view",
]

explain_missing(__name__)
