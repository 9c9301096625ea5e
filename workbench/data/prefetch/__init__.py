"""Prefetching: a thread or process reads the next batches while the current batch is in use."""

from workbench.data.prefetch.transformer import Prefetch
from workbench.names import explain_missing

__all__ = ["Prefetch"]

explain_missing(__name__)
