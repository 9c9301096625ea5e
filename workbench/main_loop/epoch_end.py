"""Times and example counts of completed epochs, stored in the log's status for plots."""

from __future__ import annotations

import time

from workbench.interfaces import Loop

EPOCH_TIMES = "_epoch_times"
"""Key for the times when the first epoch began and each epoch ended.

The times are seconds since 1970 on a clock that stops during pauses and between runs, so a run that
was paused overnight, or resumed the next day, has no gap on a time axis.
"""

EPOCH_EXAMPLES = "_epoch_examples"
"""Key for the number of examples in an epoch, if the data stream provides this number."""


def note_epoch_end(loop: Loop) -> None:
    """Count a completed epoch, and record its last iteration, end time and number of examples.

    If a state was loaded in the middle of the epoch, for example by a rewind, the time of the whole
    epoch is estimated from the time since then.
    """
    status, profile = loop.status, loop.profile
    seconds = profile.training.lap()
    ends, times = status["_epoch_ends"], status.get(EPOCH_TIMES)
    begin, done = ends[-1] if ends else 0, status["iterations_done"]
    if profile.lap_start is not None and begin < profile.lap_start < done:
        seconds *= (done - begin) / (done - profile.lap_start)
    profile.lap_start = None
    if not ends:
        times = [time.time() - seconds]
    if times is not None and len(times) == len(ends) + 1:  # False for runs of older versions
        status[EPOCH_TIMES] = [*times, times[-1] + seconds]
    examples = getattr(loop.data_stream, "num_examples", None)
    if isinstance(examples, int) and status.get(EPOCH_EXAMPLES) != examples:
        status[EPOCH_EXAMPLES] = examples
    status["epochs_done"] += 1
    status["_epoch_ends"] += [status["iterations_done"]]
