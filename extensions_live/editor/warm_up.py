"""A thread that checks a small model in advance, since the first check takes about a second."""

from __future__ import annotations

import contextlib
import threading

from workbench.builder import BrickSpec, CallSpec, InputSpec, Spec, catalogue, check

_started = threading.Event()


def warm_up() -> threading.Thread | None:
    """Start and return the thread, or return None if it has already been started."""
    if _started.is_set():
        return None
    _started.set()
    thread = threading.Thread(target=_check, name="workbench-editor-warm-up", daemon=True)
    thread.start()
    return thread


def _check() -> None:
    with contextlib.suppress(Exception):  # the first edit reports it
        spec = Spec(
            (BrickSpec("Linear", "linear", {"input_dim": 3, "output_dim": 2}),),
            (InputSpec("x", "float32", (None, 3)),),
            (CallSpec("linear", "linear", "apply", inputs={"input_": "x"}, outputs=("y",)),),
        )
        check(spec)
        catalogue()
