"""Encoding of plain values and arrays as bytes that can be decoded without executing code.

The member ``_state`` of an archive is a file for `numpy.load`. The entry ``tree`` of this file is
JSON, and the other entries are the arrays that the JSON refers to. None, booleans, integers of
any size, floats (including infinity and NaN), strings, bytes, lists, tuples, dictionaries with
plain keys, UUIDs, arrays, numpy scalars and tensors are restored with their type and dtype.
"""

from __future__ import annotations

import base64
import io
import json
import math
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy
import torch

from workbench.errors import StateError, nearest
from workbench.serialization import archive
from workbench.utils.npy import arrays_of

TREE = "tree"
BITS = {
    torch.bfloat16: torch.int16,
    torch.float8_e4m3fn: torch.int8,
    torch.float8_e5m2: torch.int8,
}
"""Mapping from dtypes without a numpy equivalent to integer dtypes that store the same bits."""


def check_keys(what: str, given: Iterable[str], expected: Iterable[str]) -> None:
    """Raise a `StateError` unless the keys `given` and `expected` are the same.

    The message names every unknown key, with the nearest valid spelling, and every missing key.
    """
    given, expected = list(map(str, given)), list(expected)
    problems = [
        f"{key!r} is unknown{nearest(key, expected, ' ({})')}"
        for key in given
        if key not in expected
    ]
    problems += [f"{key!r} is missing" for key in expected if key not in given]
    if problems:
        raise StateError(f"{what} does not fit: {'; '.join(problems)}")


def encode(value: Any) -> bytes:
    """Encode `value` as bytes.

    Raises
    ------
    StateError
        If a part of `value` cannot be encoded; the message names its location.

    Examples
    --------
    >>> import numpy
    >>> decode(encode({"epoch": 3, "buffer": numpy.ones(2), 7: ("a", None)}))
    {'epoch': 3, 'buffer': array([1., 1.]), 7: ('a', None)}
    """
    arrays: dict[str, numpy.ndarray[Any, Any]] = {}
    text = json.dumps(_tree(value, arrays, "state"), separators=(",", ":"))
    file = io.BytesIO()
    numpy.savez(file, **{TREE: numpy.frombuffer(text.encode(), numpy.uint8)}, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def decode(data: bytes) -> Any:
    """Decode a value that `encode` encoded.

    Raises
    ------
    StateError
        If `data` was not created by `encode`.
    """
    try:
        return _decoded(data)
    except Exception as error:
        raise StateError(f"the state cannot be read ({type(error).__name__}: {error})") from None


def decode_member(data: bytes, where: str) -> Any:
    """Decode the member ``_state`` of the archive `where`; see `decode`.

    Raises
    ------
    ArchiveError
        If `data` was not created by `encode`.
    """
    try:
        return _decoded(data)
    except Exception as error:
        raise archive.unreadable(where, "_state", error) from None


def _decoded(data: bytes) -> Any:
    arrays = arrays_of(data)
    value = _value(json.loads(arrays.pop(TREE).tobytes().decode()), arrays)
    if arrays:
        raise ValueError(f"the tree does not refer to {', '.join(map(repr, arrays))}")
    return value


def storable(value: Any) -> bool:
    """Return True if `encode` can encode `value`."""
    try:
        _tree(value, {}, "it")
    except StateError:
        return False
    return True


def _tree(value: Any, arrays: dict[str, numpy.ndarray[Any, Any]], place: str) -> Any:
    """Convert `value` to JSON values; types unknown to JSON become dictionaries with one key."""
    if value is None or isinstance(value, (bool, str)) or type(value) is int:
        return value
    if isinstance(value, float) and not isinstance(value, numpy.generic):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, (numpy.ndarray, numpy.generic, torch.Tensor)):
        return _reference(value, arrays, place)
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, uuid.UUID):
        return {"uuid": value.hex}
    if isinstance(value, list):
        return [_tree(part, arrays, f"{place}[{i}]") for i, part in enumerate(value)]
    if type(value) is tuple:
        return {"tuple": [_tree(part, arrays, f"{place}[{i}]") for i, part in enumerate(value)]}
    if isinstance(value, Mapping):
        pairs = [
            [
                _tree(key, arrays, f"key {key!r} of {place}"),
                _tree(part, arrays, f"{place}[{key!r}]"),
            ]
            for key, part in value.items()
        ]
        return {"dict": pairs}
    raise StateError(
        f"{place} is {type(value).__name__} {value!r:.60}, which cannot be stored as state; it "
        "must consist of numbers, strings, lists, tuples, dictionaries, arrays and tensors"
    )


def _reference(value: Any, arrays: dict[str, numpy.ndarray[Any, Any]], place: str) -> Any:
    key = f"array_{len(arrays)}"
    if isinstance(value, torch.Tensor):
        held = value.detach().cpu()
        if held.dtype in BITS:  # numpy does not have this dtype
            arrays[key] = held.view(BITS[held.dtype]).numpy()
            return {"bits": [key, str(held.dtype).removeprefix("torch.")]}
        arrays[key] = held.numpy()
        return {"tensor": key}
    array = numpy.asarray(value)
    if array.dtype.hasobject:
        raise StateError(
            f"{place} is an array of objects, which cannot be stored as state; convert it to a list"
        )
    arrays[key] = array
    return {"scalar" if isinstance(value, numpy.generic) else "array": key}


def _value(tree: Any, arrays: dict[str, numpy.ndarray[Any, Any]]) -> Any:
    """Decode a tree; each array can be used only once, to bound the size of the result."""
    if isinstance(tree, list):
        return [_value(part, arrays) for part in tree]
    if not isinstance(tree, dict):
        return tree
    ((kind, held),) = tree.items()
    if kind == "dict":
        return {_value(key, arrays): _value(part, arrays) for key, part in held}
    if kind == "tuple":
        return tuple(_value(part, arrays) for part in held)
    if kind == "bits":
        key, dtype = held
        bits = torch.from_numpy(arrays.pop(key))
        return bits.view(next(d for d in BITS if str(d) == f"torch.{dtype}"))
    readers: dict[str, Callable[[Any], Any]] = {
        "float": float,
        "bytes": base64.b64decode,
        "uuid": uuid.UUID,
        "array": arrays.pop,
        "scalar": lambda key: arrays.pop(key)[()],
        "tensor": lambda key: torch.from_numpy(arrays.pop(key)),
    }
    return readers[kind](held)
