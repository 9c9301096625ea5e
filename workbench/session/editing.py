"""Methods of a session that show or change a run's variables, examples, model and planned end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench import interfaces
from workbench.errors import SessionError
from workbench.extensions.alerts import Level, alert, check_level
from workbench.extensions.planned_end import check_more, planned_batches, planned_epochs
from workbench.main_loop import MainLoop
from workbench.session.arrangement import called
from workbench.session.command import Command, text_of_call
from workbench.session.examples import checked, make, shown, training_examples
from workbench.session.hyperparameters import (
    Hyperparameter,
    check_number,
    describe,
    hyperparameters,
    modifier_of,
    path_in,
    plain,
    request_of,
    variable_of,
)
from workbench.session.probe import Probe
from workbench.session.queue import Queue, Value
from workbench.session.rebuilding import described, rebuild, request
from workbench.session.worker import Worker
from workbench.tensor import SharedVariable
from workbench.utils.values import to_python

if TYPE_CHECKING:
    from workbench.builder import Spec

NOT_CALLABLE = (
    "call() requires a function of the main loop, such as lambda main_loop: ..., not {given!r}"
)


class Editing(interfaces.Session):
    """Base class of sessions, with the methods that change or show parts of a run."""

    main_loop: MainLoop
    _queue: Queue
    _worker: Worker

    def set(self, shared: SharedVariable | str, value: Any) -> Command:
        """Assign a new value to a shared variable between two batches.

        If a schedule sets the variable, the value is kept until the next update by the
        schedule; use `hold` to keep it longer.

        Parameters
        ----------
        shared : SharedVariable or str
            The variable, such as a learning rate, or its name or path in `hyperparameters`.
        value : number or array
            The new value, which is copied.

        Raises
        ------
        SessionError
            If the variable does not exist, if `value` is not a number or an array, or if the dtype
            of the variable rounds the number to zero or infinity.
        """
        shared, given, shown = request_of(self._queue.variables.find, shared, value)
        name = str(shared)
        details = {"variable": name, "value": plain(given)}
        with self._queue.lock:
            command = self._queue.new("set", f"set {name} = {shown}")
            if self._queue.accepts(command):
                try:
                    shared._checked(given)
                except Exception as error:
                    command._refuse(f"{type(error).__name__}: {error}", error)
                else:
                    self._queue.assign_later(Value(command, shared, given, details))
            return command

    def hold(self, shared: SharedVariable | str, value: Any = None) -> Command:
        """Prevent a schedule from changing its variable until `release` is called.

        Parameters
        ----------
        shared : SharedVariable or str
        value : number or array, optional
            The value to assign first; by default the variable keeps its value.

        Raises
        ------
        SessionError
            If the variable does not exist, or if no schedule sets it.
        """
        variable = variable_of(self.main_loop, shared)
        modifier = modifier_of(self.main_loop, variable, "hold")
        to = "" if value is None else f" at {value}"
        details = {"variable": str(variable), "path": path_in(self.main_loop, variable)}
        if value is not None:
            array = np.array(to_python(value))
            check_number(variable, array)
            variable._checked(array)
            details["value"] = to_python(value)
        action = partial(modifier.hold, value)
        return self._queue.ask("hold", f"hold {variable}{to}", action, details)

    def release(self, shared: SharedVariable | str) -> Command:
        """Allow a schedule to change its variable again, from the next trigger onwards.

        Parameters
        ----------
        shared : SharedVariable or str

        Raises
        ------
        SessionError
            If the variable does not exist, or if no schedule sets it.
        """
        variable = variable_of(self.main_loop, shared)
        modifier = modifier_of(self.main_loop, variable, "release")
        details = {"variable": str(variable), "path": path_in(self.main_loop, variable)}
        return self._queue.ask("release", f"release {variable}", modifier.release, details)

    @property
    def hyperparameters(self) -> list[Hyperparameter]:
        """The hyperparameters that can be changed during training, with their values and bounds."""
        return hyperparameters(self.main_loop)

    def describe(self, shared: SharedVariable | str) -> Hyperparameter:
        """Describe a shared variable that is a single number, such as a hyperparameter.

        Parameters
        ----------
        shared : SharedVariable or str
            The variable, its name, or its path in the training state.

        Raises
        ------
        SessionError
            If training has no such variable, or if the variable is not a single real number.
        """
        return describe(self.main_loop, shared)

    def relabel(
        self, examples: int | Sequence[int], value: Any, *, source: str = "targets"
    ) -> Command:
        """Replace the value of a source for some training examples, from the next batch onwards.

        The arrays or files of the dataset do not change: the value is replaced whenever the
        training stream reads the example. `undo` and `rewind` restore earlier values, and a saved
        run keeps the new values. Other streams over the same dataset are not affected.

        Parameters
        ----------
        examples : int or sequence of int
            The indices of the examples in the dataset of the training stream.
        value : number, str or array
            The new value, before the transformers of the stream are applied. It must have the shape
            and kind of the values in the dataset.
        source : str
            The source to change.

        Raises
        ------
        SessionError
            If the examples of the run have no indices, or if an example or the source does not
            exist.

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
        """Drop training examples, starting with the next batch; epochs become shorter.

        The arrays or files of the dataset do not change. `undo` and `rewind` restore the examples;
        a saved run still omits them. If the scheme is sequential or shuffled, later examples fill
        the gaps, so that only the last batch of an epoch may be smaller. With other schemes, the
        batches that contained the examples become smaller.

        Parameters
        ----------
        examples : int or sequence of int
            The indices of the examples in the dataset of the training stream.

        Raises
        ------
        SessionError
            If the examples of the run have no indices, or if an example does not exist.

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
        """Replace the model between two batches, and keep all state that still fits.

        Parameters whose shape has not changed keep their values, even if their layer has a
        different number because a layer was inserted or removed. Buffers of the step rule,
        statistics and random streams are kept in the same way. Hyperparameters, schedules, the log
        and the position in the data are not affected. Parameters are initialised if they are new or
        if their initialisation was changed. `undo` and `rewind` return to the earlier model.

        The bricks of the new model are new objects, not the bricks that the run was started with.

        Parameters
        ----------
        spec : Spec or mapping
            The specification of the new model, or its JSON value. The `spec` method returns the
            specification of the current model.
        frozen : collection of str, optional
            The paths of the bricks, such as ``mlp/linear_0``, that are not trained from now on; by
            default, the currently frozen bricks stay frozen.
        moved : dict of str to str, optional
            The earlier path of each brick that is renamed or moved, keyed by the path in the new
            model.
        widened : collection of str, optional
            The paths of bricks whose additional units are copies of their existing units, so that
            the model computes the same function; see `workbench.builder.widen`.
        noise : float
            The standard deviation of the noise that is added to these copies, as a fraction of the
            standard deviation of the weights.

        Returns
        -------
        Command
            The command, whose result is a mapping. ``kept``, ``new``, ``again`` (initialised again)
            and ``widened`` are lists of the paths of parameters. ``ended`` is a list of the names
            of records that the new model no longer produces.

        Raises
        ------
        SpecError
            If `spec` is not valid.
        SessionError
            If the current model cannot be described, or if nothing would change.

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
        for each source, the new values, keyed by index. ``reason`` says why the examples cannot be
        edited, and is empty if they can be edited.
        """
        return training_examples(self.main_loop)

    def set_end(self, *, epochs: int | None = None, batches: int | None = None) -> Command:
        """Set the total number of epochs or batches of the training.

        The command takes effect between two batches. The new end may be later or earlier than the
        end that `FinishAfter` defines, but not before the current iteration. It is part of the
        log's status, so it also applies to resumed runs. `train`, in contrast, adds to the
        planned total.

        Parameters
        ----------
        epochs, batches : int
            The total, counted from the start of the run. Exactly one of the two must be given.

        Raises
        ------
        ArgumentError
            If neither or both are given, or if the given value is not a positive integer.
        """
        check_more(epochs, batches)
        unit, number = ("epochs", epochs) if epochs is not None else ("batches", batches)
        details: dict[str, Any] = {unit: number}

        def action() -> None:
            old = {"epochs": planned_epochs, "batches": planned_batches}[unit](self.main_loop)
            self.main_loop.end_at(**{unit: number})
            details["old"] = old

        units = {"epochs": "epoch", "batches": "batch"}[unit] if number == 1 else unit
        return self._queue.ask("set_end", f"end after {number:,} {units}", action, details)

    def call(self, f: Callable[[MainLoop], Any]) -> Command:
        """Call ``f(main_loop)`` in the training thread between two batches.

        `Command.wait` returns the result. If `f` raises an error, the command fails with this
        error, and training continues. Changes to the extensions, the data streams and their
        iteration schemes are undone; other changes remain.

        Raises
        ------
        SessionError
            If `f` is not callable.
        """
        if not callable(f):
            raise SessionError(NOT_CALLABLE.format(given=f))

        details: dict[str, Any] = {}
        action = partial(called, self.main_loop, f, details)
        return self._queue.ask("call", text_of_call(f), action, details)

    def alert(self, text: str, level: Level = "warning") -> Command:
        """Record an alert, which is shown in views; see `workbench.extensions.alerts`.

        Parameters
        ----------
        text : str
        level : {'info', 'warning', 'error'}

        Raises
        ------
        ArgumentError
            If `level` is invalid.
        """
        check_level(level)
        return self._queue.ask("alert", "alert", partial(alert, self.main_loop, text, level))

    @property
    def variables(self) -> dict[str, dict[str, Any]]:
        """The ``shape``, ``dtype`` and ``parameter`` flag of each variable, keyed by name."""
        return self._worker.prober.described

    def probe(
        self,
        names: Iterable[str] | None = None,
        *,
        steps: bool = False,
        batch: bool | Literal["validation"] = False,
        examples: Sequence[int] | None = None,
    ) -> Probe:
        """Copy the values of variables between two batches, using at most 2 % of the training time.

        Parameters
        ----------
        names : iterable of str, optional
            Names from `variables`; by default the names of all parameters.
        steps : bool
            If True, also copy the changes in the values during the next batch.
        batch : bool or "validation"
            If True, also copy the first batch of the training data, read separately from training.
            If ``"validation"``, the first 256 or more of the examples that the run evaluates with
            `DataStreamMonitoring` and a prefix such as ``validation``.
        examples : sequence of int, optional
            The indices of training examples to copy as a batch, edited and transformed as in
            training. The training thread reads them, so request only a few at a time.

        Raises
        ------
        SessionError
            If there is no such variable or example, if the values require more than 256 MB, or if
            both `batch` and `examples` are given.
        """
        return self._worker.prober.ask(names, steps=steps, batch=batch, examples=examples)
