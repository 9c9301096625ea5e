"""Handling of errors raised while a batch is processed: notes about the batch, and retries."""

from __future__ import annotations

from typing import Any

from workbench.errors import TrainingFinish
from workbench.interfaces import Loop
from workbench.main_loop.ending import Ending, Owner
from workbench.main_loop.mailbox import Mailbox


def note(error: BaseException, main_loop: Loop, doing: str) -> None:
    """Add a note with the batch and epoch numbers to an error."""
    status = main_loop.status
    done, ends = status["iterations_done"], status["_epoch_ends"]
    number, epoch = done - (ends[-1] if ends else 0) + 1, status["epochs_done"] + 1
    error.add_note(
        f"raised {doing} batch {number} of epoch {epoch}, after {done} "
        f"iteration{'s' * (done != 1)}; the log contains all records up to this batch"
    )


def recover(
    main_loop: Owner, mailbox: Mailbox, ending: Ending, error: Exception, batch: Any
) -> Exception | None:
    """Process a batch again as long as an extension recovers from the errors of the algorithm.

    Returns
    -------
    Exception or None
        The last error, if no extension recovers from it. None if the batch was processed, or if a
        different state has been loaded.

    Raises
    ------
    TrainingFinish
        If training must end before the next attempt.
    """
    batches = main_loop.epoch_iterator
    while True:
        replays = mailbox.gate is not None
        if replays or not any(one.recover(error, batch) for one in main_loop.extensions):
            note(error, main_loop, "while training on")
            return error
        main_loop.log.commit()
        mailbox.run_all()  # handles pauses, rewinds and changes of values
        if ending.requested:
            raise TrainingFinish
        if batches is not main_loop.epoch_iterator:
            return None
        try:
            main_loop.algorithm.process_batch(batch)
        except Exception as again:
            error = again
        else:
            return None
