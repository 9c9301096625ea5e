"""Methods of a session that change the examples it trains on, or its model."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from workbench import interfaces
from workbench.data.editing import (
    checked_examples,
    edits_of,
    source_in_dataset,
    training_indices,
)
from workbench.errors import DataError, SessionError
from workbench.main_loop import MainLoop
from workbench.main_loop.data_edits import drop, relabel, stream_of
from workbench.session.command import Command
from workbench.session.queue import Queue
from workbench.session.rebuilding import described, rebuild, request
from workbench.utils.values import to_python

if TYPE_CHECKING:
    from workbench.builder import Spec

FEW = 10
"""Maximum number of examples that the text of a command lists."""

SMALL = 16
"""Maximum number of elements of an old value that is recorded."""

NOTHING: dict[str, Any] = {"indices": range(0), "sources": (), "dropped": [], "relabelled": {}}
"""Value of `Editing.training_examples`, without the reason, if no example can be edited."""


class Editing(interfaces.Session):
    """Base class of sessions, with the methods that change training examples and the model."""

    main_loop: MainLoop
    _queue: Queue

    def relabel(
        self, examples: int | Sequence[int], value: Any, *, source: str = "targets"
    ) -> Command:
        """Replace the value of a source for some training examples, from the next batch onwards.

        The arrays or files of the dataset do not change: the value is replaced whenever the
        training stream reads the example. `undo` and `rewind` restore earlier values, and a saved
        run keeps the new ones. Other streams over the same dataset are not affected.

        Parameters
        ----------
        examples : int or sequence of int
            The indices of the examples in the dataset of the training stream.
        value : number, str or array
            The new value before transformers, of the shape and kind of the values in the dataset.
        source : str
            The source to change.

        Raises
        ------
        SessionError
            If the examples of the run have no indices, or an example or the source does not exist.

        Examples
        --------
        >>> session.relabel([17, 240], 3)  # doctest: +SKIP
        >>> session.undo()  # doctest: +SKIP
        """
        found, _ = checked(self.main_loop, examples, source)
        plain = to_python(value)
        plain = plain.tolist() if hasattr(plain, "tolist") else plain
        details = {"examples": found, "source": source, "value": plain}
        action = partial(make, self.main_loop, "relabel", details)
        text = f"relabel {shown(found)}: {source} = {plain!r:.40}"
        return self._queue.ask("relabel", text, action, details)

    def drop(self, examples: int | Sequence[int]) -> Command:
        """Omit training examples from the next batch onwards; epochs become shorter.

        The arrays or files of the dataset do not change. `undo` and `rewind` bring the examples
        back; a saved run still omits them. If the scheme is sequential or shuffled, later
        examples move up, so that only the last batch of an epoch can be smaller; the batches of
        other schemes become smaller.

        Parameters
        ----------
        examples : int or sequence of int
            The indices of the examples in the dataset of the training stream.

        Raises
        ------
        SessionError
            If the examples of the run have no indices, or an example does not exist.

        Examples
        --------
        >>> session.drop(17)  # doctest: +SKIP
        """
        found, _ = checked(self.main_loop, examples)
        details = {"examples": found}
        action = partial(make, self.main_loop, "drop", details)
        return self._queue.ask("drop", f"drop {shown(found)}", action, details)

    def spec(self) -> dict[str, Any]:
        """Return the specification of the model, as a JSON value; see `workbench.builder.Spec`.

        Raises
        ------
        SessionError
            If the model cannot be described.
        """
        return described(self.main_loop).spec.to_dict()

    def frozen(self) -> tuple[str, ...]:
        """Return the paths of the bricks that are not trained.

        Raises
        ------
        SessionError
            If the model cannot be described.
        """
        return described(self.main_loop).frozen

    def rebuild(
        self,
        spec: Spec | Mapping[str, Any],
        *,
        frozen: Collection[str] | None = None,
        moved: Mapping[str, str] | None = None,
        widened: Collection[str] = (),
        noise: float = 0.0,
    ) -> Command:
        """Replace the model between two batches, and train on with what still fits.

        Parameters whose shape has not changed keep their values; the layers after an inserted or
        removed one keep them although their numbers change. Buffers of the step rule, statistics
        and random streams stay in the same way; hyperparameters, schedules, the log and the
        position in the data are not affected. Parameters that are new are drawn, and so are those
        whose initialisation was changed. `undo` and `rewind` return to the earlier model.

        The bricks of the new model are other objects than those with which the run was started.

        Parameters
        ----------
        spec : Spec or mapping
            The new model, or its JSON value. `spec` has the present one.
        frozen : collection of str, optional
            The paths of bricks that are not trained from now on, such as ``mlp/linear_0``; by
            default the present ones.
        moved : dict of str to str, optional
            The earlier path of each brick that has another name or place in the new model.
        widened : collection of str, optional
            The paths of bricks whose additional units are copies of their present units, so that
            the model computes the same function; see `workbench.builder.widen`.
        noise : float
            The standard deviation of the noise on these copies, as a fraction of that of the
            weights.

        Returns
        -------
        Command
            Its result is a mapping: ``kept``, ``new``, ``again`` and ``widened`` are lists of
            paths of parameters, ``ended`` is a list of records that the new model does not have.

        Raises
        ------
        SpecError
            If `spec` is not valid.
        SessionError
            If the present model cannot be described, or if nothing would change.

        Examples
        --------
        >>> from workbench.builder import Spec, widen
        >>> wider = widen(Spec.from_dict(session.spec()), "mlp/linear_0", 200)  # doctest: +SKIP
        >>> session.rebuild(wider.spec, widened=[wider.brick])  # doctest: +SKIP
        """
        details = request(self.main_loop, spec, frozen, moved, widened, noise)
        action = partial(rebuild, self.main_loop, details)
        return self._queue.ask("rebuild", f"rebuild: {details.pop('what')}", action, details)

    @property
    def training_examples(self) -> dict[str, Any]:
        """The examples that training reads, and their edits, as plain values.

        ``indices`` are the indices in the dataset, as a range or an array. ``sources`` are the
        sources that can be relabelled. ``dropped`` is a list of indices. ``relabelled`` contains,
        for each source, the new values by index. ``reason`` says why examples cannot be edited; it
        is empty if they can be.
        """
        try:
            stream = stream_of(self.main_loop)
            edits = edits_of(stream)
            assert edits is not None
            names: dict[str, str] = {}
            for source in stream.sources:
                try:
                    names[source_in_dataset(stream, source)] = source
                except DataError:
                    continue
            return {
                "indices": training_indices(stream),
                "sources": tuple(names.values()),
                "dropped": edits.dropped,
                "relabelled": {names.get(n, n): dict(v) for n, v in edits.values.items()},
                "reason": "",
            }
        except DataError as error:
            return {**NOTHING, "reason": str(error)}


def checked(
    main_loop: MainLoop, examples: Any, source: str | None = None
) -> tuple[list[int], str | None]:
    """Check that examples and a source exist; return the indices and the name of the source.

    Raises
    ------
    SessionError
        If an example or the source does not exist, or if no example of the run can be edited.
    """
    try:
        stream = stream_of(main_loop)
        if source is not None:
            source_in_dataset(stream, source)
        return checked_examples(stream, examples), source
    except DataError as error:
        raise SessionError(str(error)) from error


def make(main_loop: MainLoop, kind: str, details: dict[str, Any]) -> None:
    """Make an edit in the training thread, and add old values to `details` if they are small."""
    if kind == "drop":
        drop(main_loop, details["examples"])
        return
    old = relabel(main_loop, details["examples"], details["source"], details["value"])
    details.pop("old", None)
    if all(not isinstance(value, list) or _count(value) <= SMALL for value in old):
        details["old"] = old


def shown(examples: Sequence[int]) -> str:
    """Return the indices of examples as text.

    Examples
    --------
    >>> shown([17]), shown([1, 2])
    ('example 17', 'examples 1, 2')
    """
    some = ", ".join(map(str, examples[:FEW]))
    if len(examples) > FEW:
        return f"{len(examples):,} examples ({some}, …)"
    return f"example{'s' * (len(examples) > 1)} {some}"


def _count(value: Any) -> int:
    return sum(map(_count, value)) if isinstance(value, list) else 1
