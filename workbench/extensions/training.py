"""Public import path of the extensions that change shared variables or track the best value."""

from workbench.extensions.reduce_on_plateau import ReduceOnPlateau
from workbench.extensions.track_the_best import TrackTheBest
from workbench.extensions.variable_modifier import SharedVariableModifier
from workbench.names import explain_missing

__all__ = ["ReduceOnPlateau", "SharedVariableModifier", "TrackTheBest"]

explain_missing(__name__)
