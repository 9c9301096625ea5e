"""Extensions of the main loop: all that happens in a run besides training itself."""

from workbench.extensions import predicates
from workbench.extensions.alerts import Alert, alert
from workbench.extensions.base import TrainingExtension, callback
from workbench.extensions.composite import CompositeExtension
from workbench.extensions.events import CallbackName
from workbench.extensions.finish_after import FinishAfter
from workbench.extensions.guard import Guard
from workbench.extensions.monitoring import (
    DataStreamMonitoring,
    MonitoringExtension,
    TrainingDataMonitoring,
)
from workbench.extensions.printing import Printing
from workbench.extensions.progress import ProgressBar
from workbench.extensions.saveload import Checkpoint, Load
from workbench.extensions.simple_extension import SimpleExtension
from workbench.extensions.stopping import EarlyStopping, FinishIfNoImprovementAfter
from workbench.extensions.timing import Timestamp, Timing
from workbench.extensions.training import ReduceOnPlateau, SharedVariableModifier, TrackTheBest
from workbench.extensions.triggers import Predicate, Triggers, always_true, has_done_epochs
from workbench.names import explain_missing

__all__ = [
    "Alert",
    "CallbackName",
    "Checkpoint",
    "CompositeExtension",
    "DataStreamMonitoring",
    "EarlyStopping",
    "FinishAfter",
    "FinishIfNoImprovementAfter",
    "Guard",
    "Load",
    "MonitoringExtension",
    "Predicate",
    "Printing",
    "ProgressBar",
    "ReduceOnPlateau",
    "SharedVariableModifier",
    "SimpleExtension",
    "Timestamp",
    "Timing",
    "TrackTheBest",
    "TrainingDataMonitoring",
    "TrainingExtension",
    "Triggers",
    "alert",
    "always_true",
    "callback",
    "has_done_epochs",
    "predicates",
]

explain_missing(__name__)
