"""A thread that checks a small model in advance, since the first check takes about a second."""

from __future__ import annotations

import contextlib
import threading

from workbench.builder import BrickSpec, CallSpec, InputSpec, Spec, catalogue, check

_lock = threading.Lock()
_started = False


def warm_up() -> threading.Thread | None:
    """Start a thread that checks a small model; return it, or None if it was started before."""
    global _started
    with _lock:
        if _started:
            return None
        _started = True
    # Not a daemon: torch crashes if the interpreter ends while a thread infers shapes.
    thread = threading.Thread(target=_check, name="workbench-editor-warm-up")
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
