"""Saving and loading objects with their parameters.

`dump` writes an archive: the object, by cloudpickle, as ``_pkl``, and the values of chosen shared
variables, by name, as ``_parameters``, a file that `numpy.load` alone can open. The pickle refers to
those values and does not contain them again. Bricks, functions and lambdas that were defined in a
notebook are stored by value.

Unpickling executes code that is in the file. `load` therefore wants to be told ``trusted=True``;
`load_parameters` never executes anything.
"""

from __future__ import annotations

import io
import pickle
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any

import cloudpickle
import numpy
import torch

from workbench.errors import ArchiveError, UntrustedArchiveError
from workbench.filter import get_brick
from workbench.serialization import archive
from workbench.tensor import SharedVariable
from workbench.tensor.device import default_device

PICKLE = "_pkl"
PARAMETERS = "_parameters"
STATE = "_state"
RESERVED = (PICKLE, PARAMETERS, STATE, archive.MANIFEST)
STACK = 512 * 2**20  # bytes, for pickling graphs that are deep


def parameter_names(parameters: Iterable[SharedVariable]) -> dict[SharedVariable, str]:
    """A unique name for each of `parameters`: brick path and name, such as ``/mlp/linear_0.W``.

    Raises
    ------
    ArchiveError
        If two have the same name.
    """
    names: dict[SharedVariable, str] = {}
    for parameter in parameters:
        brick = get_brick(parameter)
        name = brick.get_hierarchical_name(parameter) if brick is not None else repr(parameter)
        name = name if brick is None else "/" + name.lstrip("/")
        if name in names.values():
            raise ArchiveError(
                f"two parameters are named {name!r}; give their bricks different names, so that the "
                "values can be told apart"
            )
        names[parameter] = name
    return names


def encode_parameters(parameters: Iterable[SharedVariable]) -> bytes:
    """The values of `parameters` as the bytes of an ``.npz`` file, with ``|`` for ``/``."""
    file = io.BytesIO()
    named = parameter_names(parameters)
    values = {name.replace("/", "|"): variable.get_value() for variable, name in named.items()}
    numpy.savez(file, **values)  # type: ignore[arg-type]
    return file.getvalue()


def decode_parameters(data: bytes, where: str) -> dict[str, numpy.ndarray[Any, Any]]:
    """The arrays of `encode_parameters` by name."""
    try:
        with numpy.load(io.BytesIO(data), allow_pickle=False) as file:
            return {name.replace("|", "/"): file[name] for name in file.files}
    except Exception as error:
        raise ArchiveError(f"{where}: its parameters cannot be read ({error})") from None


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Leaves the values of `parameters` out, as references by name."""

    def __init__(self, file: IO[bytes], parameters: Iterable[SharedVariable]) -> None:
        super().__init__(file)
        self.names = {id(v.tensor): name for v, name in parameter_names(parameters).items()}

    def persistent_id(self, obj: Any) -> Any:
        name = self.names.get(id(obj)) if isinstance(obj, torch.Tensor) else None
        return None if name is None else ("parameter", name)


class _Unpickler(pickle.Unpickler):
    """Puts the values of parameters back in."""

    def __init__(self, file: IO[bytes], values: Mapping[str, numpy.ndarray[Any, Any]]) -> None:
        super().__init__(file)
        self.values = values

    def persistent_load(self, pid: Any) -> torch.Tensor:
        kind, name = pid
        if kind != "parameter" or name not in self.values:
            raise ArchiveError(f"the pickle refers to {name!r}, which the archive does not contain")
        return torch.from_numpy(self.values[name].copy()).to(default_device())


def _pickled(value: Any, parameters: Iterable[SharedVariable]) -> bytes:
    def run() -> bytes:
        file = io.BytesIO()
        _Pickler(file, parameters).dump(value)
        return file.getvalue()

    result: bytes = _with_deep_stack(run)
    return result


def _with_deep_stack(run: Callable[[], Any]) -> Any:
    """Run, and where Python's recursion limit ends it, once more in a thread with a large stack."""
    try:
        return run()
    except (RecursionError, pickle.PicklingError) as error:
        if "recursion" not in str(error):
            raise
    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.append((run(), None))
        except BaseException as error:
            outcome.append((None, error))

    limit, size = sys.getrecursionlimit(), threading.stack_size(STACK)
    sys.setrecursionlimit(10**6)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(size)
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


def dump(
    object_: Any,
    file_: IO[bytes],
    parameters: Iterable[SharedVariable] | None = None,
    *,
    pickle_object: bool = True,
    state: bytes | None = None,
) -> None:
    """Write an object and the values of its parameters to an archive.

    Parameters
    ----------
    object_ : object
        What to pickle; ``None`` to save the parameters only.
    file_ : file
        Opened for writing bytes.
    parameters : iterable of SharedVariable, optional
        Those whose values are to be saved as arrays of their own.
    pickle_object : bool
        Whether to pickle the object.
    state : bytes, optional
        Encoded state (see `workbench.serialization.state`) to go with it.

    Raises
    ------
    ArchiveError
        If two parameters have the same name.

    Examples
    --------
    >>> import io
    >>> from workbench import shared
    >>> w = shared([1.0, 2.0], "w")
    >>> file = io.BytesIO()
    >>> dump({"w": w}, file, parameters=[w])
    >>> load_parameters(file)
    {'w': array([1., 2.], dtype=float32)}
    >>> load(file, trusted=True)["w"].get_value()
    array([1., 2.], dtype=float32)
    """
    parameters = [] if parameters is None else list(parameters)
    members = {}
    if parameters:
        members[PARAMETERS] = encode_parameters(parameters)
    if state is not None:
        members[STATE] = state
    if pickle_object and object_ is not None:
        members[PICKLE] = _pickled(object_, parameters)
    archive.write(file_, members)


def add_to_dump(
    object_: Any,
    file_: IO[bytes],
    name: str,
    parameters: Iterable[SharedVariable] | None = None,
) -> None:
    """Pickle one more object into an archive.

    Parameters
    ----------
    object_ : object
    file_ : file
        Opened for reading and writing (``r+b``).
    name : str
        The name of the new member, by which `load` finds it.
    parameters : iterable of SharedVariable, optional
        Those that the archive contains already, so that they are not stored again.

    Raises
    ------
    ArchiveError
        If the name is taken or reserved, or a parameter is not in the archive.
    """
    where = archive.name_of(file_)
    members = archive.read(file_)
    if name in RESERVED or name in members:
        raise ArchiveError(f"{where}: the name {name!r} is {'reserved' if name in RESERVED else 'taken'}")
    parameters = [] if parameters is None else list(parameters)
    present = decode_parameters(members[PARAMETERS], where) if PARAMETERS in members else {}
    absent = sorted(set(parameter_names(parameters).values()) - set(present))
    if absent:
        raise ArchiveError(
            f"{where}: {', '.join(absent)} is not among the parameters in the archive; pass to "
            "add_to_dump only those that were passed to dump"
        )
    archive.add(file_, {name: _pickled(object_, parameters)})


def dump_and_add_to_dump(
    object_: Any,
    file_: IO[bytes],
    parameters: Iterable[SharedVariable] | None = None,
    to_add: Mapping[str, Any] | None = None,
    **options: Any,
) -> None:
    """`dump` an object and `add_to_dump` several more, by name, as one function for `secure_dump`."""
    parameters = [] if parameters is None else list(parameters)
    dump(object_, file_, parameters, **options)
    for name, other in (to_add or {}).items():
        file_.seek(0)
        add_to_dump(other, file_, name, parameters)


def secure_dump(
    object_: Any,
    path: Any,
    dump_function: Callable[..., None] = dump,
    **options: Any,
) -> None:
    """Save to a path so that neither a failure nor a crash leaves a damaged file there.

    Parameters
    ----------
    object_ : object
    path : path
    dump_function : callable
        Takes the object, a file and `options`.
    """
    archive.replace_file(path, lambda file: dump_function(object_, file, **options))


def load(file_: Any, name: str = PICKLE, *, trusted: bool = False) -> Any:
    """Load an object that `dump` or `add_to_dump` saved.

    Parameters
    ----------
    file_ : path or file
    name : str
        Which object; by default the one given to `dump`.
    trusted : bool
        Whether you trust the file's origin: unpickling executes code that it contains.

    Raises
    ------
    UntrustedArchiveError
        If `trusted` is not true.
    ArchiveError
        If the archive is damaged or has no such object.
    """
    where = archive.name_of(file_)
    if not trusted:
        raise UntrustedArchiveError(
            f"{where}: unpickling would execute code from the file; if you trust where it comes from, "
            "pass trusted=True; load_parameters(file) reads the parameters without executing anything"
        )
    data = archive.member(file_, name)
    members = archive.read(file_)
    values = decode_parameters(members[PARAMETERS], where) if PARAMETERS in members else {}
    try:
        return _with_deep_stack(lambda: _Unpickler(io.BytesIO(data), values).load())
    except (AttributeError, ImportError) as error:
        raise ArchiveError(
            f"{where}: {name!r} uses something that is not here: {error}; import or define it first"
        ) from error


def load_parameters(file_: Any) -> dict[str, numpy.ndarray[Any, Any]]:
    """The parameters in an archive, by name; nothing is executed.

    Parameters
    ----------
    file_ : path or file

    Raises
    ------
    ArchiveError
        If the archive is damaged or contains no parameters.
    """
    return decode_parameters(archive.member(file_, PARAMETERS), archive.name_of(file_))
