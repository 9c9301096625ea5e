"""Methods of a `RemoteSession` that send queries and commands to the processes of its run."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from numpy.typing import NDArray

from workbench import interfaces
from workbench.errors import SessionError
from workbench.extensions.alerts import check_level
from workbench.extensions.planned_end import check_more
from workbench.extensions.saveload import checked_path
from workbench.log import TrainingLog, TrainingLogBase
from workbench.log.sources import HasLog
from workbench.session.archives import default_path
from workbench.session.best import Best
from workbench.session.branch import interventions
from workbench.session.hyperparameters import Hyperparameter
from workbench.session.known_variables import KnownVariables
from workbench.session.predicting import BATCH_SIZE
from workbench.session.recipe import Recipe, recipe_of
from workbench.session.remote.link import Link
from workbench.session.remote.values import (
    RemoteBranch,
    RemoteCommand,
    RemoteProbe,
    RemoteSnapshot,
)
from workbench.session.replay import to_replay
from workbench.tensor import SharedVariable, Variable
from workbench.utils.live_layer import from_live_layer

NO_VARIABLES = (
    "this session has no main loop in this process, so it cannot find the variable {given!r}; pass "
    "its name or path, as listed by session.hyperparameters and session.variables"
)


class Controls(interfaces.Session):
    """Base class of `RemoteSession`, with the methods that need only its connection."""

    _link: Link | None
    _variables: KnownVariables | None
    _commands: list[RemoteCommand]
    _past: dict[str, Any]

    def _fact(self, name: str, default: Any) -> Any:
        return default if self._link is None else self._link.facts.get(name, default)

    @property
    def commands(self) -> list[RemoteCommand]:
        """All commands of the session so far."""
        return self._commands

    @property
    def exception(self) -> BaseException | None:
        """The error that ended training, if any."""
        return None if self._link is None else self._link.exception

    @property
    def note(self) -> str:
        """The reason why the last run did not train or why a fork is not ready; otherwise empty."""
        return str(self._fact("note", "") or self._fact("unwritten", ""))

    @property
    def runs(self) -> int:
        """The number of times that training has started."""
        return int(self._fact("runs", 0))

    @property
    def planned(self) -> Mapping[str, int | None]:
        """The planned total of ``epochs`` and ``batches``; None if not known."""
        found: Mapping[str, int | None] = self._fact("planned", {"epochs": None, "batches": None})
        return found

    @property
    def execution(self) -> Mapping[str, str]:
        """The ``tier`` that processes batches and the ``reason`` for it; empty if unknown."""
        found: Mapping[str, str] = self._fact("execution", {"tier": "", "reason": ""})
        return found

    @property
    def model_tree(self) -> list[dict[str, Any]]:
        """The bricks of the model as dictionaries, each with ``children`` and ``parameters``."""
        found: list[dict[str, Any]] = self._read("model_tree", [])
        return found

    @property
    def views(self) -> list[Mapping[str, Any]]:
        """The views that the extensions request; see `TrainingExtension.views`."""
        return list(self._fact("views", ()))

    @property
    def hyperparameters(self) -> list[Hyperparameter]:
        """The hyperparameters that can be changed during training, with their values and bounds."""
        return [replace(one) for one in self._fact("hyperparameters", ())]

    @property
    def training_examples(self) -> dict[str, Any]:
        """The examples that training reads, and their edits; see `Session.training_examples`."""
        found: dict[str, Any] = self._read("training_examples", {
            "indices": range(0), "sources": (), "dropped": [], "relabelled": {},
            "reason": "the processes of this run have ended"})  # fmt: skip
        return found

    @property
    def variables(self) -> dict[str, dict[str, Any]]:
        """The ``shape``, ``dtype`` and ``parameter`` flag of each variable, keyed by name."""
        found: dict[str, dict[str, Any]] = self._read("variables", {})
        return found

    @property
    def interventions(self) -> list[dict[str, Any]]:
        """The logged commands that took effect in this run, in the order of their iterations."""
        return interventions(self.log)

    @property
    def branches(self) -> list[RemoteBranch]:
        """The branches of the run; training continues on the last branch."""
        return [] if self._link is None else list(self._link.known.branches)

    @property
    def snapshots(self) -> list[RemoteSnapshot]:
        """The training states in the memory of the first process, in the order of iterations."""
        return [] if self._link is None else self._link.known.snapshots

    @property
    def default_path(self) -> str:
        """The path that `save` uses by default, with a placeholder for the iteration."""
        return default_path(self.name)

    def _read(self, name: str, default: Any) -> Any:
        """Return an attribute of the session in the first process, or its last known value."""
        if self._link is not None and self._link.is_open:
            try:
                self._past[name] = self._link.ask(name)
            except SessionError:
                if self._link.is_open:
                    raise
        return self._past.get(name, default)

    def describe(self, shared: SharedVariable | str) -> Hyperparameter:
        """Describe a shared variable that is a single number; see `Session.describe`."""
        found: Hyperparameter = self._open().ask("describe", self._named(shared))
        return found

    def spec(self) -> dict[str, Any]:
        """Return the specification of the model, as a JSON value; see `Session.spec`."""
        found: dict[str, Any] = self._open().ask("spec")
        return found

    def frozen(self) -> tuple[str, ...]:
        """Return the paths of the bricks that are not trained."""
        return tuple(self._open().ask("frozen"))

    def probe(
        self,
        names: Iterable[str] | None = None,
        *,
        steps: bool = False,
        batch: bool | Literal["validation"] = False,
        examples: Sequence[int] | None = None,
    ) -> RemoteProbe:
        """Copy the values of variables between two batches; see `Session.probe`."""
        given = None if names is None else list(names)
        chosen = None if examples is None else list(examples)
        return self._open().probe(given, steps=steps, batch=batch, examples=chosen)

    def predict(
        self, X: Any, output: Variable | str | None = None, *, batch_size: int | None = BATCH_SIZE
    ) -> NDArray[Any]:
        """Send data to the first process, and compute predictions; see `Session.predict`."""
        found: NDArray[Any] = self._open().ask(
            "predict", X, _name_of(output), batch_size=batch_size
        )
        return found

    def prediction(self) -> Variable:
        """Return a copy of the variable that `predict` computes; see `Session.prediction`.

        The copy has the parameter values from the time of the call, and is not updated later.
        """
        found: Variable = self._open().ask("prediction")
        return found

    def evaluate(
        self, data: Any, variables: Any = None, *, batch_size: int | None = BATCH_SIZE
    ) -> dict[str, Any]:
        """Send data to the first process, and evaluate the model there; see `Session.evaluate`."""
        several = isinstance(variables, (list, tuple, set, frozenset))
        names = [_name_of(one) for one in variables] if several else _name_of(variables)
        found: dict[str, Any] = self._open().ask("evaluate", data, names, batch_size=batch_size)
        return found

    def best(
        self, record: str | None = None, *, choose_best: Callable[[Any, Any], Any] | None = None
    ) -> Best:
        """Find the best iteration so far; see `Session.best`."""
        found: Best = self._open().ask("best", record, choose_best=choose_best)
        return replace(found, _session=self)

    def to_onnx(
        self,
        path: str | os.PathLike[str],
        output: Variable | str | None = None,
        *,
        dynamic_axes: Mapping[str, Mapping[int, str]] | None = None,
        tolerance: float = 1e-4,
    ) -> Path:
        """Write the network to an ONNX file in the first process; see `Session.to_onnx`."""
        self._open().ask(
            "to_onnx",
            _whole(path),
            _name_of(output),
            dynamic_axes=dynamic_axes,
            tolerance=tolerance,
        )
        return Path(_whole(path))

    def to_torch(self) -> torch.nn.Module:
        """Create a torch module of the network in the first process; see `Session.to_torch`."""
        found: torch.nn.Module = self._open().ask("to_torch")
        return found

    def recipe(self) -> Recipe:
        """Return a program that does the same as `fit` in explicit steps; see `Session.recipe`."""
        return recipe_of(self)

    # Commands

    def _open(self) -> Link:
        if self._link is None:
            raise SessionError(
                f"the processes of {self.name!r} have ended; restart() continues from the last "
                "snapshot on disk"
            )
        return self._link

    def _ask(self, name: str, *args: Any, **options: Any) -> RemoteCommand:
        return self._open().command(name, *args, **options)

    def pause(self) -> RemoteCommand:
        """Pause between two batches, until `resume`, `step` or `stop` is called."""
        return self._ask("pause")

    def resume(self) -> RemoteCommand:
        """Continue training after a pause."""
        return self._ask("resume")

    def step(self, n: int = 1) -> RemoteCommand:
        """Train on `n` batches, then pause; see `Session.step`."""
        return self._ask("step", n)

    def train(self, epochs: int | None = None, *, batches: int | None = None) -> RemoteCommand:
        """Train for more epochs or batches, even after training has ended; see `Session.train`."""
        check_more(epochs, batches)
        return self._ask("train", epochs, batches=batches)

    def set_end(self, *, epochs: int | None = None, batches: int | None = None) -> RemoteCommand:
        """Set the total number of epochs or batches; see `Session.set_end`."""
        check_more(epochs, batches)
        return self._ask("set_end", epochs=epochs, batches=batches)

    def stop(self, *, save: str | os.PathLike[str] | None = None) -> RemoteCommand:
        """End training between two batches; see `Session.stop`."""
        return self._ask("stop", save=None if save is None else _whole(save))

    def save(self, path: str | os.PathLike[str] | None = None) -> RemoteCommand:
        """Save the run between two batches to a file on this machine; see `Session.save`."""
        return self._ask("save", _whole(self.default_path if path is None else path))

    def load(self, path: str | os.PathLike[str]) -> RemoteCommand:
        """Restore the state of training from a file, and pause; see `Session.load`."""
        return self._ask("load", os.path.abspath(os.path.expanduser(path)))

    def call(self, f: Callable[[Any], Any]) -> RemoteCommand:
        """Call ``f(main_loop)`` in the processes that train, between two batches.

        After the end of training, the function is called immediately, for example to collect the
        state, and any changes that it makes are not recorded. The function and its result are
        pickled by cloudpickle. `Command.wait` returns the result of the first process.

        Raises
        ------
        SessionError
            If `f` is not callable.
        """
        return self._ask("call", f)

    def set(self, shared: SharedVariable | str, value: Any) -> RemoteCommand:
        """Assign a new value to a shared variable between two batches; see `Session.set`.

        If `shared` is a variable of the original main loop, the value is
        assigned to its copies in the processes.
        """
        return self._ask("set", self._named(shared), value)

    def hold(self, shared: SharedVariable | str, value: Any = None) -> RemoteCommand:
        """Prevent a schedule from changing its variable; see `Session.hold`."""
        return self._ask("hold", self._named(shared), value)

    def release(self, shared: SharedVariable | str) -> RemoteCommand:
        """Allow a schedule to change its variable again; see `Session.release`."""
        return self._ask("release", self._named(shared))

    def _named(self, shared: SharedVariable | str) -> Any:
        """Return the path of a main loop variable in this process."""
        if not isinstance(shared, SharedVariable):
            return shared
        if self._variables is None:
            raise SessionError(NO_VARIABLES.format(given=shared))
        found = self._variables.find(shared)
        return self._variables.paths.get(found, str(shared))

    def rebuild(
        self,
        spec: Any,
        *,
        frozen: Collection[str] | None = None,
        moved: Mapping[str, str] | None = None,
        widened: Collection[str] = (),
        noise: float = 0.0,
    ) -> RemoteCommand:
        """Replace the model between two batches; see `Session.rebuild`."""
        given = spec if isinstance(spec, Mapping) else spec.to_dict()
        return self._ask(
            "rebuild",
            dict(given),
            frozen=None if frozen is None else list(frozen),
            moved=None if moved is None else dict(moved),
            widened=list(widened),
            noise=noise,
        )

    def relabel(
        self, examples: int | Sequence[int], value: Any, *, source: str = "targets"
    ) -> RemoteCommand:
        """Replace the value of a source for some examples; see `Session.relabel`."""
        return self._ask("relabel", examples, value, source=source)

    def drop(self, examples: int | Sequence[int]) -> RemoteCommand:
        """Drop training examples, starting with the next batch; see `Session.drop`."""
        return self._ask("drop", examples)

    def snapshot(self, name: str = "snapshot") -> RemoteCommand:
        """Keep the current training state in memory; see `Session.snapshot`."""
        return self._ask("snapshot", name)

    def rewind(self, iteration: int, *, branch: str | None = None) -> RemoteCommand:
        """Rewind training to an iteration, and pause there; see `Session.rewind`."""
        return self._ask("rewind", iteration, branch=branch)

    def undo(self) -> RemoteCommand:
        """Rewind training to the point before the last intervention; see `Session.undo`."""
        return self._ask("undo")

    def replay(
        self,
        source: TrainingLogBase | HasLog | str | os.PathLike[str] | Iterable[Mapping[str, Any]],
        *,
        functions: Mapping[str, Callable[[Any], Any]] | None = None,
    ) -> RemoteCommand:
        """Repeat the interventions of another run in this run; see `Session.replay`."""
        given: Any = to_replay(source)
        if isinstance(given, TrainingLogBase):
            log = TrainingLog()
            log.load_state_dict(given.state_dict())
            given = log
        elif isinstance(given, Iterable):
            given = list(given)
        return self._ask("replay", given, functions=dict(functions or {}))

    def alert(
        self, text: str, level: Literal["info", "warning", "error"] = "warning"
    ) -> RemoteCommand:
        """Record an alert, which is shown in views; see `Session.alert`."""
        check_level(level)
        return self._ask("alert", text, level)

    def to_html(self, path: str | os.PathLike[str], *, title: str = "") -> Path:
        """Write a report of the run as one file; see `Session.to_html`."""
        write = from_live_layer("to_html", "to_html", what="session.to_html()")
        written: Path = write(self, path, title=title)
        return written


def _whole(path: str | os.PathLike[str]) -> str:
    """Return an absolute path; `path` can be relative to the working directory of this process."""
    return os.path.abspath(os.path.expanduser(checked_path(path)))


def _name_of(variable: Any) -> Any:
    """Return the name that the processes use to find their own copies of a variable."""
    return variable.name if isinstance(variable, Variable) else variable
