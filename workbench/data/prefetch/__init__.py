"""Reading ahead: while one batch is being trained on, a thread or a process reads the next ones."""

from workbench.data.prefetch.transformer import Prefetch

__all__ = ["Prefetch"]
