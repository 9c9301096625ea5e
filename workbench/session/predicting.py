"""Methods of a session that use the model: predictions, evaluations and the best iteration.

They are defined as functions, so that a session needs no additional base class; `States` uses them
as its methods.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from workbench.algorithms.base import inputs_by_name
from workbench.data import as_stream
from workbench.errors import SessionError
from workbench.main_loop.lease import changed_by
from workbench.monitoring.accumulate import Monitored
from workbench.monitoring.evaluate import DatasetEvaluator
from workbench.monitoring.graph_copy import GraphCopy, names_of, own_copy
from workbench.session.best import Best, best_of, file_of, tracked
from workbench.session.example_batches import batches_of
from workbench.session.predictions import (
    find_monitored,
    find_output,
    for_evaluation,
    in_evaluation_mode,
    outputs_of,
)
from workbench.session.queue import Refused
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.shared import check_set
from workbench.tensor.traversal import ancestors
from workbench.utils.notices import tell

NOT_ROWS = (
    "predict: {output!r} has shape {shape} for a batch of {count:,} examples, so the results of "
    "several batches cannot be joined along the first axis; pass batch_size=None to compute all "
    "examples in one batch, or another output"
)
TRAINED_LATER = (
    "{session}: its parameters are shared with {other}, which has trained them since this session "
    "ended, so they are no longer those of its own end; train another model with fit to keep both"
)
BATCH_SIZE = 256

_told: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
"""For each session, the other session that `note_later_training` has named."""


def predict(
    session: Any,
    X: Any,
    output: Variable | str | None = None,
    *,
    batch_size: int | None = BATCH_SIZE,
) -> NDArray[Any]:
    """Compute predictions for the given data in evaluation mode.

    The method can be called during training, a pause or an evaluation, and after the end of
    training. All parameters are copied between two batches, so they all come from the same
    iteration. Then training continues, and the predictions are computed in the calling thread.

    Parameters
    ----------
    X : array, tensor, table, path, dict, Dataset, DataStream, DataLoader or iterable of batches
        The data. A single array or a table of numbers is accepted if the model has only one input.
        A dictionary must contain an array for each input, and a table can contain a column for
        each input. Other keys and columns, such as targets, are ignored. If the model was trained
        on a table, another table or the path of a CSV or Parquet file is encoded by the same rules.
        Images of dtype uint8 are scaled as in training. If the model was trained on a folder of
        images, the data can be the path of another folder, the path of an image, or a list of paths
        of images, which are read in the same way. The images of a folder may be in sub-folders or
        not; their order is that of their sorted paths.
    output : Variable or str, optional
        The variable to compute, or its name. By default, it is the output of the model or, if
        the output is a cost, the variable that the cost compares with the targets. For the
        cross-entropy of `Softmax`, this variable contains the logits.
    batch_size : int or None
        The number of examples to compute at a time if the data has no batches, or None for all.

    Returns
    -------
    array
        The predictions for all examples, in the order of the data.

    Raises
    ------
    SessionError
        If the data does not fit the inputs, or if the output is unknown or computed in
        training mode.
    ParameterError
        If a parameter is not initialised.

    Examples
    --------
    >>> classes = session.predict(images).argmax(1)  # doctest: +SKIP
    """
    note_later_training(session)
    with session._lock:
        variable, copy = _graph_of(session, output)
    # The training thread may wait for the lock, so the lock is free while this thread is waiting.
    values = session._worker.prober.now(copy.names)
    batches = batches_of(
        X,
        inputs_by_name([variable], "predict"),
        method="predict",
        batch_size=batch_size,
        training=session.main_loop.data_stream,
    )
    found: list[NDArray[Any]] = []
    for batch in batches:
        with session._lock:  # another thread may fill the copy with other values
            (result,) = copy(values, batch)
        if result.dtype is torch.bfloat16:  # numpy does not have this dtype
            result = result.float()
        found.append(result.cpu().numpy())
        _check_rows(found[-1], batch, variable, batch_size)
    if not found:
        raise SessionError("predict: the data has no batches; pass at least one example")
    return np.concatenate(found) if len(found) > 1 else found[0]


def prediction(session: Any) -> Variable:
    """Return the variable that `predict` computes by default, in evaluation mode.

    Raises
    ------
    SessionError
        If the model does not show which variable is its prediction.

    Examples
    --------
    >>> import workbench as wb
    >>> run = wb.fit([wb.Linear()], ([[0.0], [1.0]] * 5, ["a", "b"] * 5), name="of two classes")
    >>> run.prediction().shape[1]
    2
    """
    (variable,) = in_evaluation_mode([find_output(session.main_loop, None)])
    return variable


def evaluate(
    session: Any,
    data: Any,
    variables: Monitored | str | Iterable[Monitored | str] | None = None,
    *,
    batch_size: int | None = BATCH_SIZE,
) -> dict[str, Any]:
    """Compute monitored values on the given data in evaluation mode.

    Like `predict`, the method can be called at any time, uses the parameters of one iteration
    and does not change training. Values are aggregated as by `DataStreamMonitoring`: the mean
    of a cost is taken over all examples, regardless of how they are divided into batches.

    Parameters
    ----------
    data : dict, tuple, table, path, Dataset, DataStream, DataLoader or iterable of batches
        The data, as for `predict`, with all sources that the variables use. For a model with
        one input and one target, it can be a pair of arrays ``(X, y)``. Labels in tables and arrays
        are converted to classes as in training.
    variables : Variable, MonitoredQuantity, str or list of these, optional
        The values to compute, or their names. By default, they are the values that the run
        evaluates with `DataStreamMonitoring`. If there are none, they are the values that it
        monitors during training or, as a last resort, the cost.
    batch_size : int or None
        The number of examples to compute at a time if the data has no batches, or None for all.

    Returns
    -------
    dict
        The values, keyed by name, without the prefixes of the records in the log.

    Raises
    ------
    SessionError
        If the data does not fit the inputs, or if a name is unknown.
    MonitoringError
        If the data contains no batches.

    Warns
    -----
    MonitoringWarning
        If a value can only be averaged over batches.

    Examples
    --------
    >>> session.evaluate({"features": X, "targets": y})  # doctest: +SKIP
    {'cost': 0.31, 'error_rate': 0.08}
    """
    wanted = find_monitored(session.main_loop, variables)
    roots = [v for one in wanted for v in ([one] if isinstance(one, Variable) else one.requires)]
    originals = for_evaluation(roots)
    copies = shared_copies(session, [*roots, *originals.values()])
    evaluator = DatasetEvaluator(wanted, givens={**originals, **copies})
    inputs = evaluator.inputs
    try:
        predicted = set(inputs_by_name([find_output(session.main_loop, None)], "evaluate"))
    except SessionError:
        predicted = set()
    targets = [name for name in inputs if predicted and name not in predicted]
    batches = batches_of(
        data,
        inputs,
        method="evaluate",
        batch_size=batch_size,
        training=session.main_loop.data_stream,
        targets=targets,
    )
    return evaluator.evaluate(as_stream(batches))


def best(
    session: Any, record: str | None = None, *, choose_best: Callable[[Any, Any], Any] | None = None
) -> Best:
    """Find the best iteration so far; `Best.restore` goes back to it.

    Parameters
    ----------
    record : str, optional
        The name of the record to compare; by default the record of the `TrackTheBest` extension
        or, in a run of `fit` without this extension, ``validation_cost``.
    choose_best : callable, optional
        `min` or `max`, or another function that returns the better of two values. By default
        the function of the `TrackTheBest` extension for this record. If there is none, it follows
        from the name: `max` for an accuracy, AUC, F1 score, precision or recall, `min` for a cost,
        loss or error.

    Returns
    -------
    Best
        The ``iteration``, its ``value`` and all its ``values``; ``restore()`` goes back to this
        iteration if ``available`` is True.

    Raises
    ------
    SessionError
        If the record is unknown or has no value.
    ArgumentError
        If `choose_best` is required, since the name does not say which values are better.

    Examples
    --------
    >>> import workbench as wb
    >>> run = wb.fit([wb.Linear()], ([[0.0], [1.0]] * 9, ["a", "b"] * 9), name="with a best epoch")
    >>> run.wait()
    True
    >>> run.best().record, run.best("validation_accuracy").value
    ('validation_cost', 1.0)
    """
    log = session.main_loop.log
    name, better = tracked(session.main_loop, record, choose_best)
    if name not in log.channels and record is None:
        raise SessionError(f"the log has no value of {name!r} yet; train until it is recorded")
    iteration, value = best_of(log, name, better)
    try:
        session._worker.rewinder.check(iteration)
        reason = ""
    except Refused as refusal:
        reason = str(refusal)
    values = dict(log[iteration])
    return Best(name, value, iteration, values, file_of(log, iteration), reason, session)


def note_later_training(session: Any) -> None:
    """Print a notice, once, if another run has trained the parameters since the session's end."""
    other = changed_by(session.main_loop)
    if other is not None and _told.get(session) != other:
        _told[session] = other
        tell(TRAINED_LATER.format(session=session.name, other=other))


def _graph_of(session: Any, output: Variable | str | None) -> tuple[Variable, GraphCopy]:
    """Return the variable to predict, and a copy of its graph that is kept for the next call."""
    reference = outputs_of(session.main_loop) if not isinstance(output, Variable) else [output]
    key = (*map(id, reference), output if isinstance(output, str) else None)
    if session._graph is None or session._graph[0] != key:
        (variable,) = in_evaluation_mode([find_output(session.main_loop, output)])
        check_set([v for v in ancestors([variable]) if isinstance(v, SharedVariable)])
        copy = GraphCopy([variable], known=session._worker.prober.described, session=session.name)
        session._graph = key, reference, variable, copy
    return session._graph[2], session._graph[3]


def shared_copies(session: Any, roots: Iterable[Variable]) -> Mapping[Variable, Variable]:
    """Return copies of the shared variables of the run, with their values at one iteration."""
    note_later_training(session)
    shared = [v for v in ancestors(roots) if isinstance(v, SharedVariable)]
    check_set(shared)
    kept = [v for v in shared if v.default_update is None]
    named = names_of(kept, session._worker.prober.described, session.name)
    values = session._worker.prober.now(named)
    copies: dict[Variable, Variable] = {}
    with torch.no_grad():
        for name, variable in named.items():
            copies[variable] = own_copy(variable)
            copies[variable].tensor.copy_(values[name])
    return copies


def _check_rows(
    result: NDArray[Any], batch: Mapping[str, Any], output: Variable, batch_size: int | None
) -> None:
    count = next((len(value) for value in batch.values() if value.ndim), 1)
    if batch_size is not None and (result.ndim == 0 or len(result) != count):
        raise SessionError(NOT_ROWS.format(output=output, shape=result.shape, count=count))
