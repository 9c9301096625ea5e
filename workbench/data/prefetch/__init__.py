"""Reading ahead: while one batch is used for training, a thread or process reads the next ones."""

from workbench.data.prefetch.transformer import Prefetch
from workbench.names import explain_missing

__all__ = ["Prefetch"]

explain_missing(__name__)
