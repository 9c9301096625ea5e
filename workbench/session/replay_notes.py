"""Notes that explain why a replay cannot reproduce the results of the original run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from workbench.log import TrainingLogBase
from workbench.main_loop import MainLoop
from workbench.main_loop.facts import BATCH, EXECUTION, INITIAL
from workbench.main_loop.mailbox import Request
from workbench.tensor.execution import available_threads
from workbench.utils.notices import tell

OTHER_THREADS = (
    "the original run used a different number of threads for large steps ({then}) than this run "
    "({now}); sums over several threads are rounded differently, so the last digits may differ; "
    "for identical results, set config.threads = {then}"
)
OTHER_TIER = (
    "the original run used execution={then!r}, but this run uses execution={now!r}; the tiers "
    "round differently, so the last digits may differ; for identical results, set "
    "config.execution = {then!r} before you build the run"
)
OTHER_START = (
    "the original run started with different parameters than this run, so the results differ from "
    "the first batch onwards. In one process, each new model draws different initial values unless "
    "its bricks have a seed: build both runs with the same seed, as in MLP(..., seed=1), or build "
    "this run in a new process (restart the kernel)"
)
OTHER_STATE = (
    "the original run started with different hyperparameters, buffers or random numbers than this "
    "run, so the results differ; build both runs with the same code, seeds and hyperparameters"
)
OTHER_DATA = {
    "examples": (
        "the original run was not trained on the same examples as this run ({stream!r}), so the "
        "results differ; use the same dataset, and the same part of it"
    ),
    "order": (
        "the original run did not read its examples in the same order as this run ({stream!r}), "
        "so the results differ; use the same iteration scheme, with the same seed and batch size"
    ),
    BATCH: (
        "the first batch of this run differs from the first batch of the original run "
        "({stream!r}), so the results differ; use the same data in the same order, and "
        "transformers with the same seeds"
    ),
}
"""Notes about differences in the data, keyed by the fingerprint that shows the difference."""


def thread_note(source: object) -> str | None:
    """Return a note if the logged run used a different number of threads, otherwise None."""
    if isinstance(source, TrainingLogBase):
        then, now = source.status.get("threads"), available_threads()
        if then not in (None, now):
            return OTHER_THREADS.format(then=then, now=now)
    return None


def start_notes(source: object, main_loop: MainLoop) -> list[str]:
    """Return notes if the logged run and `main_loop` started from different states or data."""
    then, now = _initial(source), main_loop.status.get(INITIAL, {})
    notes = _tier_notes(source, main_loop)
    if _unlike("parameters", then, now):
        notes.append(OTHER_START)
    elif _unlike("variables", then, now):
        notes.append(OTHER_STATE)
    return [*notes, *_data_notes(("examples", "order"), then, main_loop)]


def _tier_notes(source: object, main_loop: MainLoop) -> list[str]:
    then = source.status.get(EXECUTION) if isinstance(source, TrainingLogBase) else None
    now = main_loop.status.get(EXECUTION)
    same = then == now or None in (then, now)
    return [] if same else [OTHER_TIER.format(then=then, now=now)]


def tell_of_first_batch(source: object, main_loop: MainLoop) -> None:
    """Print a note if `main_loop` and the logged run have different first batches."""
    then, now = _initial(source), main_loop.status.get(INITIAL, {})
    if BATCH not in then or any(_unlike(name, then, now) for name in ("examples", "order")):
        return  # nothing to compare, or the difference is known already
    if main_loop.status["iterations_done"] == 0:
        again = partial(tell_of_first_batch, source, main_loop)
        main_loop._run.mailbox.post(Request(again, rests=True))
        return
    for text in _data_notes((BATCH,), then, main_loop):
        tell(text)


def _initial(source: object) -> Mapping[str, str]:
    """Return the fingerprints of a logged run's initial state and data.

    The mapping is empty if `source` is not a log.
    """
    found: Mapping[str, str] = {}
    if isinstance(source, TrainingLogBase):
        found = source.status.get(INITIAL, found)
    return found


def _unlike(name: str, then: Mapping[str, str], now: Mapping[str, str]) -> bool:
    return name in then and name in now and then[name] != now[name]


def _data_notes(names: Iterable[str], then: Mapping[str, str], main_loop: MainLoop) -> list[str]:
    now, stream = main_loop.status.get(INITIAL, {}), main_loop.data_stream
    return [OTHER_DATA[name].format(stream=stream) for name in names if _unlike(name, then, now)]
