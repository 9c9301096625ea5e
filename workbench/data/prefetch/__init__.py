"""Reading ahead: while one batch is being trained on, a thread or a process reads the next ones."""

from workbench.data.prefetch.transformer import Prefetch
from workbench.names import explain_missing

__all__ = ["Prefetch"]

explain_missing(__name__)
