"""Functions that save and load objects with their parameters.

`dump` writes an archive. The member ``_pkl`` is the object, pickled by cloudpickle. The member
``_parameters`` contains the values of the chosen shared variables, keyed by path, in a format that
numpy can open without workbench. The pickle refers to these values instead of repeating them.
Bricks, functions and lambdas that were defined in a notebook are stored by value.

Unpickling executes code from the file. Therefore `load` requires ``trusted=True``;
`load_parameters` never executes code.
"""

from __future__ import annotations

import io
import pickle
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any, TypedDict, Unpack

import cloudpickle
import torch

from workbench.errors import ArchiveError, UntrustedArchiveError
from workbench.hints import hinted, show_options
from workbench.serialization import archive
from workbench.serialization.parameters_npz import (
    PARAMETERS,
    check_numbered,
    decode_parameters,
    encode_parameters,
    values_by_path,
)
from workbench.serialization.state import decode_member
from workbench.serialization.variable_values import by_path
from workbench.tensor import SharedVariable
from workbench.tensor.device import default_device
from workbench.utils.atomic import replace_file

PICKLE = "_pkl"
STATE = "_state"
DEVICE = ("device",)
"""Reference in a pickle to the configured device."""
RESERVED = (PICKLE, PARAMETERS, STATE, archive.MANIFEST)
STACK = 512 * 2**20  # bytes, for pickling deep graphs

UNTRUSTED = (
    "{where}: unpickling would execute code from the file; if you trust its origin, pass "
    "trusted=True, otherwise read only the parameters with load_parameters(file)"
)
NOT_AVAILABLE = (
    "{where}: {name!r} refers to an object that is not available ({error}); import or define it "
    "first"
)

References = dict[int, tuple[Any, ...]]
"""References that replace objects in a pickle, keyed by the `id` of each object."""


def references_to(parameters: Mapping[str, SharedVariable]) -> References:
    """Create references to the entries of ``_parameters``."""
    return {
        id(v.tensor): ("parameter", name, str(v.dtype).removeprefix("torch."))
        for name, v in parameters.items()
    }


class DevicePickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickler that refers to an accelerator, so that a process with another device can unpickle.

    The reference is `DEVICE`, and stands for the configured device. Tensors on this device are
    pickled in main memory.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        device = default_device()
        self._away = None if device.type == "cpu" else device

    def persistent_id(self, obj: Any) -> Any:
        here = self._away is not None and type(obj) is torch.device and obj == self._away
        return DEVICE if here else None

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, torch.Tensor) and obj.device == self._away:
            trained = isinstance(obj, torch.nn.Parameter)
            return _moved, (obj.detach().cpu(), self._away, trained, obj.requires_grad)
        return super().reducer_override(obj)


def _moved(
    value: torch.Tensor, device: torch.device, trained: bool, requires_grad: bool
) -> torch.Tensor:
    """Return a tensor on `device`; if `trained` is True, it is a parameter of a torch module."""
    value = value.to(device)
    return (
        torch.nn.Parameter(value, requires_grad) if trained else value.requires_grad_(requires_grad)
    )


class _Pickler(DevicePickler):
    def __init__(self, file: IO[bytes], references: References) -> None:
        super().__init__(file)
        self.references = references

    def persistent_id(self, obj: Any) -> Any:
        return self.references.get(id(obj)) or super().persistent_id(obj)


class _Unpickler(pickle.Unpickler):
    """Unpickler that resolves references to other members of the archive."""

    def __init__(self, file: IO[bytes], members: Mapping[str, bytes], where: str) -> None:
        super().__init__(file)
        self.members = members
        self.where = where
        self.read: dict[str, Any] = {}

    def persistent_load(self, pid: Any) -> Any:
        kind, *details = pid
        if pid == DEVICE:
            return default_device()
        try:
            if kind == "parameter":
                name, dtype = details
                value = torch.from_numpy(self._member(PARAMETERS)[name].copy())
                return value.to(default_device(), getattr(torch, dtype))
            if kind == "variable":
                part, name = details
                return self._member(STATE)[part][name].to(default_device())
            if kind == "log":
                (make,) = details
                log = make()
                log.load_state_dict(self._member(STATE)["log"])
                return log
        except KeyError:
            pass
        raise ArchiveError(
            f"{self.where}: the pickle refers to {pid!r}, which is not in the archive; "
            f"{archive.RESTORE}"
        )

    def _member(self, name: str) -> Any:
        if name not in self.read:
            data = archive.pick(self.members, name, self.where)
            decode = decode_parameters if name == PARAMETERS else decode_member
            self.read[name] = decode(data, self.where)
        return self.read[name]


def pickled(value: Any, references: References) -> bytes:
    """Pickle `value`, and replace objects with the given `references`."""

    def run() -> bytes:
        file = io.BytesIO()
        _Pickler(file, references).dump(value)
        return file.getvalue()

    result: bytes = with_deep_stack(run)
    return result


def with_deep_stack(run: Callable[[], Any]) -> Any:
    """Run a function; on a recursion error, run it again in a thread with a large stack."""
    try:
        return run()
    except (RecursionError, pickle.PicklingError) as error:
        if "recursion" not in str(error):
            raise
    results: list[Any] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            results.append(run())
        except BaseException as error:
            failures.append(error)

    limit, size = sys.getrecursionlimit(), threading.stack_size(STACK)
    sys.setrecursionlimit(10**6)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(size)
    if failures:
        raise failures[0]
    return results[0]


@hinted
def dump(
    object_: Any,
    file_: IO[bytes],
    parameters: Iterable[SharedVariable] | None = None,
    *,
    pickle_object: bool = True,
) -> None:
    """Write an object and the values of its parameters to an archive.

    Parameters
    ----------
    object_ : object
        The object to pickle, or None to save only the parameters.
    file_ : file
        A file opened for writing bytes.
    parameters : iterable of SharedVariable, optional
        The variables whose values are saved as separate arrays.
    pickle_object : bool
        If False, do not pickle the object.

    Raises
    ------
    ArchiveError
        If `file_` is not a file opened for writing bytes.

    Examples
    --------
    >>> import io
    >>> from workbench import shared
    >>> w = shared([1.0, 2.0], "w")
    >>> file = io.BytesIO()
    >>> dump({"w": w, "twice": lambda x: 2 * x}, file, parameters=[w])
    >>> loaded = load(file, trusted=True)
    >>> loaded["w"].get_value(), loaded["twice"](3)
    (array([1., 2.], dtype=float32), 6)
    """
    archive.check_file(file_, "wb")
    named = by_path(parameters or ())
    members = {}
    if named:
        members[PARAMETERS] = encode_parameters(values_by_path(named.values()))
    if pickle_object and object_ is not None:
        members[PICKLE] = pickled(object_, references_to(named))
    archive.write(file_, members)


@hinted
def add_to_dump(
    object_: Any,
    file_: IO[bytes],
    name: str,
    parameters: Iterable[SharedVariable] | None = None,
) -> None:
    """Pickle another object and add it to an archive.

    Parameters
    ----------
    object_ : object
    file_ : file
        A file opened for reading and writing (``r+b``).
    name : str
        The name of the new member, to be passed to `load`.
    parameters : iterable of SharedVariable, optional
        Variables whose values the archive already contains; they are not stored again.

    Raises
    ------
    ArchiveError
        If the name is in use or reserved, or if a parameter is not in the archive.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> dump("the first", file)
    >>> add_to_dump("one more", file, "notes")
    >>> load(file, "notes", trusted=True)
    'one more'
    """
    archive.check_file(file_, "r+b")
    where = archive.name_of(file_)
    members = archive.read(file_)
    if name in RESERVED or name in members:
        what = "reserved" if name in RESERVED else "taken"
        raise ArchiveError(f"{where}: the name {name!r} is {what}; choose another name")
    named = by_path(parameters or ())
    present = decode_parameters(members[PARAMETERS], where) if PARAMETERS in members else {}
    absent = sorted(set(named) - set(present))
    if absent:
        raise ArchiveError(
            f"{where}: the archive does not contain the values of {', '.join(absent)}; "
            "add_to_dump accepts only parameters that were passed to dump"
        )
    check_numbered(named, present, where)
    archive.add(file_, {name: pickled(object_, references_to(named))})


class DumpOptions(TypedDict, total=False):
    """Keyword arguments of `dump`."""

    pickle_object: bool


@show_options
def dump_and_add_to_dump(
    object_: Any,
    file_: IO[bytes],
    parameters: Iterable[SharedVariable] | None = None,
    to_add: Mapping[str, Any] | None = None,
    **options: Unpack[DumpOptions],
) -> None:
    """Call `dump` for one object and `add_to_dump` for additional objects.

    Pass this function to `secure_dump` as its `dump_function`.

    Parameters
    ----------
    object_, file_, parameters
        As for `dump`, but the file must also be open for reading.
    to_add : dict, optional
        Additional objects, keyed by the names of their members.
    **options
        Keyword arguments of `dump`.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/two.tar"
    >>> secure_dump([1, 2], path, dump_and_add_to_dump, to_add={"notes": "one more"})
    >>> load(path, trusted=True), load(path, "notes", trusted=True)
    ([1, 2], 'one more')
    """
    parameters = list(parameters or ())
    dump(object_, file_, parameters, **options)
    for name, other in (to_add or {}).items():
        add_to_dump(other, file_, name, parameters)


def secure_dump(
    object_: Any,
    path: Any,
    dump_function: Callable[..., None] = dump,
    **options: object,
) -> None:
    """Save an object to a path so that neither an error nor a crash leaves a damaged file.

    Parameters
    ----------
    object_ : object
    path : path
        The file. An existing file is replaced atomically after the new file has been written to
        disk.
    dump_function : callable
        A function that writes the object. It receives the object, a file and `options`.

    Examples
    --------
    See `dump_and_add_to_dump`.
    """
    replace_file(path, lambda file: dump_function(object_, file, **options), ArchiveError)


@hinted
def load(file_: Any, name: str = PICKLE, *, trusted: bool = False) -> Any:
    """Load an object that `dump` or `add_to_dump` saved.

    Parameters
    ----------
    file_ : path or file
    name : str
        The name of the object. By default, the object that was passed to `dump` is loaded.
    trusted : bool
        Pass True only if you trust the origin of the file: unpickling executes code from it.

    Raises
    ------
    UntrustedArchiveError
        If `trusted` is not True.
    ArchiveError
        If the archive is damaged or does not contain the object, or if the object requires code
        that is missing.

    Examples
    --------
    See `dump`.
    """
    where = archive.name_of(file_)
    if not trusted:
        raise UntrustedArchiveError(UNTRUSTED.format(where=where))
    return unpickled(archive.read(file_), name, where)


def unpickled(members: Mapping[str, bytes], name: str, where: str) -> Any:
    """Unpickle the object `name` from the archive `where`; the archive must be trusted."""
    data = archive.pick(members, name, where)
    try:
        return with_deep_stack(lambda: _Unpickler(io.BytesIO(data), members, where).load())
    except (AttributeError, ImportError) as error:
        raise ArchiveError(NOT_AVAILABLE.format(where=where, name=name, error=error)) from error
    except (pickle.UnpicklingError, EOFError) as error:
        raise archive.unreadable(where, name, error) from None
