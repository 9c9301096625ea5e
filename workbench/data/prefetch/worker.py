"""What runs in the reading process: it answers requests until there are no more."""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from typing import IO, Any


def main() -> None:
    """Serve the process that started this one; its requests come on the standard input."""
    requests = sys.stdin.buffer
    # whatever prints must not print between the batches
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = sys.stderr
    try:
        serve(requests, answers)
    except (EOFError, BrokenPipeError):
        # the other process has no more requests, or is no more
        os._exit(0)  # not to flush into the broken pipe


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Read a stream, and then for each epoch and position send its batches, until the end."""
    failure: BaseException | None = None
    try:
        stream = pickle.load(requests)
    except EOFError:
        raise
    except BaseException as error:
        failure = error
    while True:
        epoch, start = pickle.load(requests)
        try:
            if failure is not None:
                raise failure
            for batch in stream.iterate(epoch, start):
                _send(answers, ("batch", batch))
            _send(answers, ("end", None))
        except BrokenPipeError:
            raise
        except BaseException as error:
            _send(answers, ("error", _portable(error)))


def _send(answers: IO[bytes], message: tuple[str, Any]) -> None:
    # first as a whole: an error while pickling must not leave half a message
    answers.write(pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL))
    answers.flush()


def _portable(error: BaseException) -> tuple[bytes | None, str]:
    """Return the error as far as it can be sent, and its traceback as text."""
    text = "".join(traceback.format_exception(error))
    try:
        pickled = pickle.dumps(error)
        pickle.loads(pickled)  # many an exception can be taken apart but not put together
    except Exception:
        return None, text
    return pickled, text
