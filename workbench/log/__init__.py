"""Training logs: what happened at which iteration, by channel."""

from workbench.log.base import TrainingLogBase
from workbench.log.memory import TrainingLog
from workbench.log.row import Row

__all__ = ["Row", "TrainingLog", "TrainingLogBase"]
