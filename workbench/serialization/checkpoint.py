"""Archives of a main loop: its parameters, the state of its training, and itself as a pickle.

`Snapshot.of` copies into memory what has to be saved, on the thread that trains; writing it may
then take its time in another one. `read_state` gives back what `MainLoop.load_state_dict` takes,
without executing anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import IO, Any

import torch

from workbench.errors import ArchiveError, UntrustedArchiveError
from workbench.hints import hinted
from workbench.interfaces import Loop
from workbench.serialization import archive, state
from workbench.serialization.parameters_npz import (
    PARAMETERS,
    decode_parameters,
    encode_parameters,
)
from workbench.serialization.pickling import (
    PICKLE,
    RESERVED,
    STATE,
    UNTRUSTED,
    References,
    pickled,
    references_to,
    unpickled,
)
from workbench.serialization.variable_values import by_path, value_of
from workbench.tensor import SharedVariable

PARTS = ("parameters", "variables", "algorithm", "data", "extensions", "log")
"""The parts of a state of training; `workbench.main_loop.state` says what each holds."""

NO_STATE = (
    "{where}: there is no state of training in it, but {members}: it was not written by "
    "Checkpoint, so that only parameters can be loaded from it"
)
NO_MAIN_LOOP = (
    "{where}: there is no main loop in it, but {members}. Build the main loop as it was built "
    "before, and give it the extension Load({where!r}, load_iteration_state=True, load_log=True)"
)


@dataclass
class Snapshot:
    """What an archive of a main loop will hold; nothing that happens later changes it.

    Attributes
    ----------
    parameters : dict
        The values for ``_parameters``, by path.
    state : dict
        The state of training for ``_state``, without what is among `parameters`.
    pickles : dict
        Bytes for further members.
    failures : list of Exception
        Why some pickle that was asked for is missing.
    """

    parameters: dict[str, torch.Tensor]
    state: dict[str, Any]
    pickles: dict[str, bytes]
    failures: list[Exception]

    @classmethod
    def of(
        cls,
        main_loop: Loop,
        parameters: Iterable[SharedVariable] | None = None,
        *,
        save_main_loop: bool = True,
        save_separately: Iterable[str] = (),
    ) -> Snapshot:
        """Copy what is to be saved of `main_loop`; for the thread that trains it.

        Parameters
        ----------
        main_loop : MainLoop
        parameters : iterable of SharedVariable, optional
            What to keep in ``_parameters``; by default the parameters of the model.
        save_main_loop : bool
            Whether to pickle the main loop too. If that fails, the archive goes without.
        save_separately : iterable of str
            Attributes of the main loop to pickle into members of their own.
        """
        whole = main_loop.state_dict()
        own, others = main_loop.state_variables()
        chosen = by_path(own.values() if parameters is None else parameters)
        values: dict[str, torch.Tensor] = {}
        for name, variable in chosen.items():
            if own.get(name) is variable:
                values[name] = whole["parameters"][name]
                if values[name].dtype not in state.BITS:  # those the other file has not exactly
                    whole["parameters"][name] = None  # it stands in _parameters
            else:
                values[name] = value_of(variable)
        new = cls(values, whole, {}, [])
        references: References = {
            id(variable.tensor): ("variable", part, name)
            for part, variables in (("parameters", own), ("variables", others))
            for name, variable in variables.items()
        }
        references |= references_to(chosen)
        make = main_loop.log.maker()
        if make is not None:
            references[id(main_loop.log)] = ("log", make)
        wanted = {PICKLE: main_loop} if save_main_loop else {}
        wanted.update((name, getattr(main_loop, name)) for name in save_separately)
        for name, value in wanted.items():
            try:
                new.pickles[name] = pickled(value, references)
            except Exception as error:
                new.failures.append(error)
        return new

    def write(self, file: IO[bytes]) -> None:
        """Write the archive to `file`."""
        members = {}
        if self.parameters:
            members[PARAMETERS] = encode_parameters(self.parameters)
        members[STATE] = state.encode({**self.state, "log": _storable(self.state["log"])})
        archive.write(file, {**members, **self.pickles})


def _storable(log: Mapping[str, Any]) -> dict[str, Any]:
    """The state of a log, with text in place of values that could only be pickled."""
    return {
        **log,
        "status": {name: _or_text(value) for name, value in log["status"].items()},
        "columns": {
            name: (at, [_or_text(value) for value in values] if type(values) is list else values)
            for name, (at, values) in log.get("columns", {}).items()
        },
    }


def _or_text(value: Any) -> Any:
    return value if state.storable(value) else repr(value)


def check_separate(names: Iterable[str] | None) -> list[str]:
    """Names of attributes to be pickled separately, if they can be members of an archive."""
    if isinstance(names, str):
        raise ArchiveError(f"save_separately is a list of names, got {names!r}; write [{names!r}]")
    listed = list(names or ())
    for name in listed:
        if name in RESERVED:
            raise ArchiveError(f"the name {name!r} is reserved in archives")
    return listed


def read_state(file_: Any, parts: Iterable[str] = PARTS) -> dict[str, Any]:
    """The state of training in an archive, for `MainLoop.load_state_dict`; nothing is executed.

    Parameters
    ----------
    file_ : path or file
    parts : iterable of str, optional
        What is wanted of it; see `workbench.main_loop.state`. Parameters can also be had of
        archives without a state, which `dump` has written.

    Raises
    ------
    ArchiveError
        If the archive is damaged or does not hold that.
    """
    where, members, wanted = archive.name_of(file_), archive.read(file_), list(parts)
    if STATE not in members and wanted == ["parameters"]:
        found = decode_parameters(archive.pick(members, PARAMETERS, where), where)
        return {"parameters": found}
    if STATE not in members:
        raise ArchiveError(NO_STATE.format(where=where, members=_listed(members)))
    saved = state.decode_member(members[STATE], where)
    values = decode_parameters(members[PARAMETERS], where) if PARAMETERS in members else {}
    try:
        whole: dict[str, Any] = dict(saved)
        own = whole["parameters"].items()
        whole["parameters"] = {n: values[n] if v is None else v for n, v in own}
        return {part: whole[part] for part in wanted}
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise archive.unreadable(where, STATE, error) from None


def load_main_loop(file_: Any, *, trusted: bool = False) -> Loop:
    """The main loop in an archive, ready to go on.

    Parameters
    ----------
    file_ : path or file
    trusted : bool
        Whether you trust the file's origin: unpickling executes code that it contains.

    Raises
    ------
    UntrustedArchiveError
        If `trusted` is not true.
    ArchiveError
        If the archive is damaged or holds no main loop.
    """
    where, members = archive.name_of(file_), archive.read(file_)
    if PICKLE not in members:
        raise ArchiveError(NO_MAIN_LOOP.format(where=where, members=_listed(members)))
    if not trusted:
        raise UntrustedArchiveError(UNTRUSTED.format(where=where))
    found = unpickled(members, PICKLE, where)
    if not isinstance(found, Loop):
        listed = f"a {type(found).__name__}"
        raise ArchiveError(NO_MAIN_LOOP.format(where=where, members=listed))
    return found


@hinted
def continue_training(path: Any, *, trusted: bool = False) -> Loop:
    """Go on with training from a checkpoint, in this thread, until it ends.

    Parameters
    ----------
    path : path
        An archive that `Checkpoint` has written, with the main loop in it.
    trusted : bool
        Whether you trust the file's origin: unpickling executes code that it contains.

    Returns
    -------
    MainLoop
        When training has ended.

    Raises
    ------
    UntrustedArchiveError
        If `trusted` is not true.
    ArchiveError
        If the archive is damaged, holds no main loop, or needs code that is not here.

    See Also
    --------
    workbench.extensions.saveload.Load : Goes on without executing anything that is in the file.

    Examples
    --------
    A run that ends, and the same from its second batch on:

    >>> import tempfile
    >>> from workbench import shared, tensor
    >>> from workbench.algorithms import GradientDescent, Scale
    >>> from workbench.extensions import FinishAfter
    >>> from workbench.extensions.saveload import Checkpoint
    >>> from workbench.main_loop import MainLoop
    >>> path = tempfile.mkdtemp() + "/run.tar"
    >>> x, w = tensor.vector("x"), shared(0.0, "w")
    >>> algorithm = GradientDescent(
    ...     cost=((x - w) ** 2).mean(), parameters=[w], step_rule=Scale(0.25))
    >>> saving = Checkpoint(path, after_training=False, after_n_batches=2)
    >>> MainLoop(algorithm, [{"x": [1.0]}, {"x": [3.0]}],
    ...          extensions=[saving, FinishAfter(after_n_batches=5)]).run()
    >>> main_loop = continue_training(path, trusted=True)
    >>> main_loop.status["iterations_done"]
    5
    >>> bool(main_loop.algorithm.parameters[0].get_value() == w.get_value())
    True
    """
    main_loop = load_main_loop(path, trusted=trusted)
    main_loop.run()
    return main_loop


def _listed(members: Iterable[str]) -> str:
    return ", ".join(map(repr, members)) or "nothing"
