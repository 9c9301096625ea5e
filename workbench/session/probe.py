"""Probes, which request the values of a run's variables during training.

A view requests variables by name. The training thread copies their values at the next boundary
between two batches and continues; other threads do all further work with the copies. The copies for
all probes together take at most the fraction `SHARE` of the training time; a request that would
exceed this fraction is delayed. If no thread is training, a request is answered immediately.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from functools import cached_property, partial
from time import perf_counter, thread_time
from typing import Any, Literal

import numpy as np
import torch

from workbench import interfaces
from workbench.data import AbstractDataStream
from workbench.data.editing import checked_examples, read_examples
from workbench.data.reader_copies import apart, read_by_one
from workbench.errors import AlreadyTrainingError, DataError, SessionError, nearest
from workbench.extensions.monitoring import DataStreamMonitoring
from workbench.interfaces import Loop
from workbench.main_loop.data_edits import stream_of
from workbench.main_loop.lease import at_rest
from workbench.session.interventions import CHANGING
from workbench.session.queue import Queue
from workbench.tensor import SharedVariable
from workbench.tensor.shared import together
from workbench.utils.waiting import wait

SHARE = 0.02
"""Maximum fraction of the training time that copies may take."""

GAP = 0.1
"""Minimum number of seconds between two copies."""

MEMORY = 256 * 2**20
"""Maximum number of bytes that one probe may copy."""

UNKNOWN = "this run has no variable {name!r}; session.variables lists all names{hint}"
TOO_LARGE = (
    "a probe copies at most {most:,} bytes at a time, but the requested values take {size:,} "
    "bytes (number of variables: {count}); request fewer or smaller variables"
)
NO_STREAM = "this run has no data stream, so there is no batch to copy; pass your own batch"
ONE_READER = (
    "only training can read {stream!r}, so a view cannot read a batch from it; pass your "
    "own batch to the view: batch={{source: array, ...}}"
)
NO_VALIDATION = (
    "no DataStreamMonitoring of this run has prefix='validation', so there are no validation "
    "examples"
)
BOTH = "a probe copies either the first batch or given examples; pass batch or examples, not both"
FROM_TRAINING = "the training thread would wait for itself; check the attribute 'done' later"

ENOUGH = 256
"""The number of validation examples that are read."""

Values = dict[str, torch.Tensor]
Wanted = bool | Literal["validation"]


class Probe(interfaces.Probe):
    """Request for the values of variables between two batches, and the answer to it.

    `workbench.session.Session.probe` creates probes.

    Attributes
    ----------
    iteration : int or None
        The number of completed iterations when the request was answered; None until then.
    reason : str
        The reason why the request was refused; empty if it was not refused.
    batch : dict of str to array
        The first batch of the training data, or the requested examples, keyed by source.
    examples : list of int
        The indices of the examples in `batch`, if specific examples were requested.
    stored : dict of str to array
        The values of these examples in the dataset, for sources with one number per example.
    seconds : float
        The delay of training due to reading the examples, in seconds.
    processor_seconds : float
        The part of `seconds` that the training thread spent computing instead of waiting.
    """

    def __init__(
        self,
        variables: Mapping[str, SharedVariable],
        *,
        steps: bool,
        batch: Wanted,
        examples: Iterable[int] = (),
    ) -> None:
        self.seconds = self.processor_seconds = 0.0
        self.examples = list(examples)
        self.stored: dict[str, Any] = {}
        self.iteration: int | None = None
        self.reason = ""
        self.batch: dict[str, Any] = {}
        self._variables = variables
        self._wants_steps = steps
        self._wants_batch = batch
        self._found: Values = {}
        self._later: Values = {}
        self._thread: int | None = None
        self._answered = threading.Event()

    @property
    def done(self) -> bool:
        """True if the request has been answered or refused."""
        return self._answered.is_set()

    @cached_property
    def values(self) -> Values:
        """The values as tensors in main memory, keyed by name; use only when `done` is True."""
        return {name: value.to("cpu") for name, value in self._found.items()}

    @cached_property
    def steps(self) -> Values:
        """The changes in the values during the next batch, keyed by name.

        The mapping is empty if the changes were not requested, if no batch followed, or if a
        command changed training during the batch.
        """
        return {name: value.to("cpu") - self.values[name] for name, value in self._later.items()}

    def wait(self, timeout: float | None = None) -> Values:
        """Wait until the request is answered, and return the values.

        Parameters
        ----------
        timeout : float, optional
            The maximum number of seconds to wait; by default unlimited.

        Raises
        ------
        SessionError
            If the request was refused, or if the training thread calls this method.
        TimeoutError
            If the request was not answered in time.
        """
        if not self.done and threading.get_ident() == self._thread:
            raise SessionError(FROM_TRAINING)
        if not wait(self._answered, timeout):
            raise TimeoutError(f"the probe was not answered within {timeout} s")
        if self.reason:
            raise SessionError(self.reason)
        return self.values

    def __repr__(self) -> str:
        state = "waiting" if not self.done else self.reason or f"at iteration {self.iteration:,}"
        count = len(self._variables)
        return f"<Probe of {count} variable{'s' * (count != 1)}: {state}>"


class Prober:
    """Object that answers the probes of one session.

    Parameters
    ----------
    main_loop : Loop
    queue : Queue
        The queue of the session; its lock guards the attributes of this object, and its attribute
        `closed` shows whether a thread is training.
    """

    def __init__(self, main_loop: Loop, queue: Queue) -> None:
        self._main_loop = main_loop
        self._queue = queue
        self._waiting: list[Probe] = []
        self._halves: list[tuple[int, list[Probe]]] = []
        self._armed = False
        self._next = 0.0  # when the next copies may be made
        self._seconds = 0.0  # duration of the last copies

    @property
    def variables(self) -> Mapping[str, SharedVariable]:
        """The variables of the run, keyed by name."""
        return self._queue.variables.by_path

    @property
    def described(self) -> dict[str, dict[str, Any]]:
        """The shape and dtype of each variable, and whether it is a parameter, keyed by name."""
        parameters = self._main_loop.state_variables()[0]
        return {
            name: {
                "shape": tuple(variable.tensor.shape),
                "dtype": str(variable.dtype).removeprefix("torch."),
                "parameter": name in parameters,
            }
            for name, variable in self.variables.items()
        }

    def ask(
        self,
        names: Iterable[str] | None = None,
        *,
        steps: bool = False,
        batch: Wanted = False,
        examples: Iterable[int] | None = None,
        most: int | None = MEMORY,
    ) -> Probe:
        """Create a probe that is answered now or, during training, at the next boundary.

        The values may occupy at most `most` bytes; ``None`` means that there is no limit.

        Raises
        ------
        SessionError
            If a variable or an example does not exist, or if the values require too much memory.
        """
        if examples is not None:
            if batch:
                raise SessionError(BOTH)
            examples = asked_examples(self._main_loop, examples)
        if names is None:
            names = self._main_loop.state_variables()[0]
        variables = {name: self._known(name) for name in names}
        size = sum(variable.tensor.nbytes for variable in variables.values())
        if most is not None and size > most:
            text = TOO_LARGE.format(most=most, count=len(variables), size=size)
            raise SessionError(text)
        probe = Probe(variables, steps=steps, batch=batch, examples=examples or ())
        with self._queue.lock:
            if self._queue.closed is not None:
                self._answer_at_rest(probe)
            else:
                self._waiting.append(probe)
                probe._thread = self._queue.thread
                self._arm()
        return probe

    def now(self, names: Iterable[str]) -> Values:
        """Return copies of the values of variables at one boundary, however large they are.

        The training thread can call this method between two batches.

        Raises
        ------
        SessionError
            If a variable does not exist.
        """
        wanted = list(names)
        if threading.get_ident() != self._queue.thread or self._queue.closed is not None:
            return self.ask(wanted, most=None).wait()
        probe = Probe({name: self._known(name) for name in wanted}, steps=False, batch=False)
        copies = _copies([probe])
        return {name: copies[name].to("cpu") for name in wanted}

    def _answer_at_rest(self, probe: Probe) -> None:
        try:
            with at_rest(self._main_loop):
                self._waiting.append(probe)
                self._answer(at_rest=True)
        except AlreadyTrainingError as refusal:
            probe.reason = str(refusal)
            _settle([probe])

    def _known(self, name: str) -> SharedVariable:
        known = self.variables
        if name not in known:
            raise SessionError(UNKNOWN.format(name=name, hint=nearest(str(name), known)))
        return known[name]

    def run_ended(self) -> None:
        """Answer all waiting probes, since the mailbox is not read after the end of the run."""
        with self._queue.lock:
            self._armed = False
            halves, self._halves = self._halves, []
            for _, probes in halves:
                _settle(probes)
            if self._waiting:
                self._answer(at_rest=True)

    def _arm(self) -> None:
        """Post a request to answer the probes, now or as soon as `SHARE` allows it."""
        if self._armed:
            return
        self._armed = True
        delay = self._next - perf_counter()
        if delay <= 0:
            self._main_loop.post(self._answer, early=self._answer_early)
            return
        timer = threading.Timer(delay, self._post)
        timer.daemon = True
        timer.start()

    def _post(self) -> None:
        with self._queue.lock:
            if self._armed and self._queue.closed is None:
                self._main_loop.post(self._answer, early=self._answer_early)

    def _answer_early(self) -> bool:
        """Answer the probes during an evaluation, but do not compute `Probe.steps`."""
        self._answer(at_rest=True)
        return True

    def _answer(self, *, at_rest: bool = False) -> None:
        """Copy the values for all waiting probes; the training thread calls this method."""
        with self._queue.lock:
            probes, self._waiting = self._waiting, []
            self._armed = False
        start = perf_counter()
        done = self._main_loop.status["iterations_done"]
        copies = _copies(probes)
        wanted = {probe._wants_batch for probe in probes if probe._wants_batch}
        batches = {kind: self._batch(kind) for kind in wanted}
        halves = []
        for probe in probes:
            if probe.examples:
                self._read(probe)
            probe.iteration = done
            probe._found = {name: copies[name] for name in probe._variables}
            if probe._wants_batch:
                batch = batches[probe._wants_batch]
                if isinstance(batch, str):
                    probe.reason = batch
                else:
                    probe.batch = batch
            if probe._wants_steps and not at_rest and not probe.reason:
                halves.append(probe)
            else:
                _settle([probe])
        if halves:
            mark = (done, self._main_loop.log.h_uuid, len(self._queue.commands))
            self._halves.append((done, halves))
            self._main_loop.post(partial(self._answer_steps, halves, mark))
        self._spent(perf_counter() - start)

    def _answer_steps(self, probes: list[Probe], mark: tuple[int, str, int]) -> None:
        """Copy the values again at the boundary after the next batch, to compute `Probe.steps`."""
        start = perf_counter()
        done, uuid, commands = mark
        with self._queue.lock:
            self._halves = [half for half in self._halves if half[1] is not probes]
        loop = self._main_loop
        changed = any(one.kind in CHANGING for one in self._queue.commands[commands:])
        if loop.status["iterations_done"] == done + 1 and loop.log.h_uuid == uuid and not changed:
            copies = _copies(probes)
            for probe in probes:
                probe._later = {name: copies[name] for name in probe._variables}
        _settle(probes)
        self._spent(self._seconds + perf_counter() - start)

    def _spent(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = perf_counter() + max(GAP, seconds / SHARE)

    def _read(self, probe: Probe) -> None:
        """Read the examples that a probe requests."""
        stream, start, own = self._main_loop.data_stream, perf_counter(), thread_time()
        assert stream is not None
        try:
            batch, probe.stored = read_examples(stream, probe.examples)
            probe.batch = deepcopy(batch)
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            probe.reason = f"examples of {stream!r} could not be read: {text}"
        probe.seconds, probe.processor_seconds = perf_counter() - start, thread_time() - own

    def _batch(self, kind: Wanted) -> dict[str, Any] | str:
        """Return a copy of the first batch, or the reason why it cannot be read.

        The batches for training are not affected. For validation, the batch consists of the first
        batches that have `ENOUGH` examples together.
        """
        held_out = kind == "validation"
        stream = validation_of(self._main_loop) if held_out else self._main_loop.data_stream
        if stream is None:
            return NO_VALIDATION if held_out else NO_STREAM
        if stream.reads_once or read_by_one(stream):
            return ONE_READER.format(stream=stream)
        try:
            batches = iter(apart(stream).iterate(0, 0))
            found = [deepcopy(next(batches))]
            while held_out and (count := sum(map(_rows, found))) and count < ENOUGH:
                if (batch := next(batches, None)) is None or not _rows(batch):
                    break
                found.append(deepcopy(batch))
            whole = (
                found[0]
                if len(found) == 1
                else [np.concatenate(one) for one in zip(*found, strict=True)]
            )
            return dict(zip(stream.sources, whole, strict=True))
        except StopIteration:
            return f"{stream!r} has no batches"
        except Exception as error:
            return f"a batch of {stream!r} could not be read: {type(error).__name__}: {error}"


def validation_of(loop: Loop) -> AbstractDataStream | None:
    """Return the data whose records have a prefix such as ``validation``, or None."""
    for one in loop.extensions:
        if isinstance(one, DataStreamMonitoring) and str(one.prefix).startswith("val"):
            return one.data_stream
    return None


def _rows(batch: Sequence[Any]) -> int:
    """Return the number of examples in a batch of arrays, or 0 for any other batch."""
    arrays = all(isinstance(one, np.ndarray) and one.ndim for one in batch)
    return len(batch[0]) if arrays and batch else 0


def asked_examples(loop: Loop, examples: Iterable[int]) -> list[int]:
    """Return the indices of training examples, in the given order, after checking that they exist.

    Raises
    ------
    SessionError
    """
    try:
        found = [int(index) for index in examples]
        stream = stream_of(loop)
        checked_examples(stream, found)
    except (DataError, TypeError, ValueError) as error:
        raise SessionError(str(error)) from error
    if read_by_one(stream):
        raise SessionError(ONE_READER.format(stream=stream))
    return found


def _copies(probes: Iterable[Probe]) -> Values:
    """Return one copy of every variable that at least one probe requests."""
    wanted: dict[str, SharedVariable] = {}
    for probe in probes:
        wanted.update(probe._variables)
    copies: Values = {}
    with torch.no_grad():
        for name, variable in wanted.items():
            with together(variable.writers):
                copies[name] = variable.tensor.detach().clone()
    return copies


def _settle(probes: Iterable[Probe]) -> None:
    for probe in probes:
        probe._answered.set()
