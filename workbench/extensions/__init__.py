"""Extensions of the main loop: whatever shall happen besides training itself."""

from workbench.extensions import predicates
from workbench.extensions.base import TrainingExtension, callback
from workbench.extensions.composite import CompositeExtension
from workbench.extensions.events import CallbackName
from workbench.extensions.finish import FinishAfter
from workbench.extensions.printing import Printing
from workbench.extensions.progress import ProgressBar
from workbench.extensions.simple import (
    Predicate,
    SimpleExtension,
    Triggers,
    always_true,
    has_done_epochs,
)
from workbench.extensions.timing import Timestamp, Timing

__all__ = [
    "CallbackName",
    "CompositeExtension",
    "FinishAfter",
    "Predicate",
    "Printing",
    "ProgressBar",
    "SimpleExtension",
    "Timestamp",
    "Timing",
    "TrainingExtension",
    "Triggers",
    "always_true",
    "callback",
    "has_done_epochs",
    "predicates",
]
