"""Suppression of torch's log messages about code that it cannot trace or compile.

The workbench reports the failure in its own error instead. Messages that ``TORCH_LOGS`` enables
have a lower level and are not suppressed.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from contextvars import ContextVar

from workbench.tensor import torch_internals as internals

_silent: ContextVar[bool] = ContextVar("silent", default=False)


class _Unwanted(logging.Filter):
    """Filter that drops warnings and errors that are logged within `silence`."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (_silent.get() and record.levelno >= logging.WARNING)


_unwanted = _Unwanted()


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Suppress warnings and errors from torch's loggers in this thread.

    Python warnings that the compiler issues for its developers remain suppressed afterwards.
    """
    warnings.filterwarnings("ignore", category=UserWarning, module=internals.COMPILER)
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if name.partition(".")[0] == "torch":
            for handler in getattr(logger, "handlers", ()):
                handler.addFilter(_unwanted)  # adding it again has no effect
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)
