"""Main program of the reading process, which serves requests until its input ends."""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from typing import IO, Any

from workbench.data.editing import set_edits


def main() -> None:
    """Serve the requests that the parent process sends to standard input."""
    requests = sys.stdin.buffer
    # text that user code prints must not mix with the batches
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = sys.stderr
    try:
        serve(requests, answers)
    except (EOFError, BrokenPipeError):
        # the parent process closed the stream or ended
        os._exit(0)  # a normal exit would flush to the broken pipe


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Receive a stream, then send its batches for each requested epoch and position."""
    failure: BaseException | None = None
    try:
        stream = pickle.load(requests)
    except EOFError:
        raise
    except BaseException as error:
        failure = error
    while True:
        epoch, start, edits = pickle.load(requests)
        try:
            if failure is not None:
                raise failure
            if edits is not None:
                set_edits(stream, edits)
            for batch in stream.iterate(epoch, start):
                _send(answers, ("batch", batch))
            _send(answers, ("end", None))
        except BrokenPipeError:
            raise
        except BaseException as error:
            _send(answers, ("error", _portable(error)))


def _send(answers: IO[bytes], message: tuple[str, Any]) -> None:
    # pickled before writing, so that an error while pickling does not leave half a message
    answers.write(pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL))
    answers.flush()


def _portable(error: BaseException) -> tuple[bytes | None, str]:
    """Return the pickled error (None if it cannot be pickled and restored) and its traceback."""
    text = "".join(traceback.format_exception(error))
    try:
        pickled = pickle.dumps(error)
        pickle.loads(pickled)  # some exceptions can be pickled but not unpickled
    except Exception:
        return None, text
    return pickled, text
