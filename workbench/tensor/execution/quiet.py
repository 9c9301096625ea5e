"""Silence on stderr about what torch refuses to trace or compile: it is said by an error of ours.

What ``TORCH_LOGS`` asks torch to tell is of a lower level and stays.
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
    """Drops warnings and errors of a thread that asked for silence; other threads go on."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (_silent.get() and record.levelno >= logging.WARNING)


_unwanted = _Unwanted()


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Keep torch's loggers from writing warnings and errors, in this thread.

    The compiler's warnings to its own developers are left out from then on.
    """
    warnings.filterwarnings("ignore", category=UserWarning, module=internals.COMPILER)
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if name.partition(".")[0] == "torch":
            for handler in getattr(logger, "handlers", ()):
                handler.addFilter(_unwanted)  # which is there once
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)
