"""Everything a person sees of a training run: plots, controls, and the views that hold them."""

from workbench.names import explain_missing

from .controls import Controls
from .doctor import doctor
from .output import RunView
from .plot import Plot
from .view import view

__all__ = ["Controls", "Plot", "RunView", "doctor", "view"]

explain_missing(__name__)
