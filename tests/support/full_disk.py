"""A training process on a full disk, which gets space again at the end."""

import resource
import signal
from pathlib import Path

from tests.support.runs import build
from workbench.extensions import Checkpoint
from workbench.log import SQLiteLog

LENGTH = 60
SPACE = 4096


def train(folder, pipe):
    """Train with a log and checkpoints in `folder`, where files can have `SPACE` bytes.

    Sends the state of the session and the number of iterations; then, with space again, whether the
    log could be written.
    """
    folder = Path(folder)
    main_loop = build(LENGTH, Checkpoint(folder / "run.tar", every_n_batches=20))
    log = main_loop.log = SQLiteLog(folder / "runs.sqlite")
    log[0]["begun"] = True
    log.flush()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the error is that of the write
    resource.setrlimit(resource.RLIMIT_FSIZE, (SPACE, resource.RLIM_INFINITY))
    session = main_loop.start()
    ended = session.wait(120)
    pipe.send((ended, str(session.state), main_loop.status["iterations_done"], len(log)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    log.flush()
    pipe.send(log.h_uuid)
