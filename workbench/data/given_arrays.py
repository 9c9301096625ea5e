"""Features and targets that are passed as arrays, checked and converted for a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from workbench.data.datasets import as_array
from workbench.data.encoded_dataset import FEATURES, TARGETS
from workbench.data.exact_dtypes import converted
from workbench.data.targets import Targets, check_complete, encoded_targets
from workbench.errors import DataError, SourceError
from workbench.tensor.device import floatx

Array = npt.NDArray[Any]


def apart(features: Any, targets: Any) -> tuple[Any, Any]:
    """Return features and targets; if `targets` is None, take them from the mapping `features`."""
    if targets is not None or not isinstance(features, Mapping) or TARGETS not in features:
        return features, targets
    others = {name: array for name, array in features.items() if name != TARGETS}
    if not others:
        raise SourceError(f"the dictionary must have features besides {TARGETS!r}; add an array")
    return others, features[TARGETS]


def features_of(given: Any, indices: bool, images: Sequence[str] | None = None) -> dict[str, Array]:
    """Return the arrays of features; images (listed in `images` or detected) stay uint8."""
    named = dict(given) if isinstance(given, Mapping) else {FEATURES: given}
    if not named:
        raise DataError("features must contain at least one array, but the dictionary is empty")
    arrays = {
        name: _as_features(value, str(name), indices, None if images is None else name in images)
        for name, value in named.items()
    }
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"all features must have the same number of examples, not {lengths}")
    return arrays


def own(arrays: Mapping[str, Array], given: Any) -> dict[str, Array]:
    """Return the arrays, copied if they share memory with `given`, which the caller may change.

    Files that are mapped into memory are not copied, since they may be larger than memory.
    """
    named = given if isinstance(given, Mapping) else {FEATURES: given}
    return {
        name: array.copy() if _shares(array, named[name]) else array
        for name, array in arrays.items()
    }


def _shares(array: Array, given: Any) -> bool:
    if isinstance(given, torch.Tensor):
        return bool(given.numel()) and given.data_ptr() == array.ctypes.data
    values = given.to_numpy() if hasattr(given, "to_numpy") else given
    if not isinstance(values, np.ndarray) or isinstance(values, np.memmap):
        return False
    return np.may_share_memory(array, values)


def encoded_arrays(
    arrays: Mapping[str, Array], given: Any, as_classes: bool | None, labels: Any
) -> Targets | None:
    """Encode the targets of the examples in `arrays`; return None if no targets are given."""
    if given is None:
        return None
    if TARGETS in arrays:
        raise SourceError(f"an array of the features must not be named {TARGETS!r}; rename it")
    targets = encoded_targets(given, TARGETS, as_classes=as_classes, labels=labels)
    count = len(next(iter(arrays.values())))
    if len(targets.values) != count:
        raise DataError(
            f"features and targets must have the same number of examples, not {count} and "
            f"{len(targets.values)}"
        )
    return targets


def other_arrays(
    validation: Any,
    arrays: Mapping[str, Array],
    encoded: Targets | None,
    as_classes: bool | None,
    indices: bool,
    images: Sequence[str],
) -> dict[str, Array]:
    """Return the validation arrays, after checking that they match the training arrays.

    Parameters
    ----------
    validation
        A pair of features and targets.
    arrays : dict of str to array
        The features for training.
    encoded : Targets or None
        The targets for training.
    as_classes : bool or None
    indices : bool
        See `from_arrays`.
    images : sequence of str
        The features that are images.
    """
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise DataError(
            "validation must be a fraction such as 0.2, a pair (features, targets), or None, not "
            f"{type(validation).__name__}"
        )
    other = own(features_of(validation[0], indices, images), validation[0])
    mine = {name: (array.shape[1:], array.dtype) for name, array in arrays.items()}
    found = {name: (array.shape[1:], array.dtype) for name, array in other.items()}
    if mine != found:
        raise DataError(
            "the features for validation must have the names, shapes and types of the training "
            f"features ({mine}), not {found}"
        )
    if encoded is None:
        return other
    if encoded.classes is None:
        as_classes = False
    targets = encoded_arrays(other, validation[1], as_classes, encoded.labels)
    if targets is None:
        raise DataError("validation must be a pair (features, targets), but the targets are None")
    if targets.values.shape[1:] != encoded.values.shape[1:]:
        raise DataError(
            f"the validation targets must have the shape (N, {encoded.values.shape[1]}), not "
            f"{targets.values.shape}"
        )
    return {**other, TARGETS: targets.values}


def is_image(array: Array) -> bool:
    """Return True for an array of images: uint8, with at least three axes and a value above 1."""
    return array.dtype == np.uint8 and array.ndim > 2 and int(array.max()) > 1


def _as_features(given: Any, name: str, indices: bool, image: bool | None) -> Array:
    if hasattr(given, "to_numpy") and hasattr(given, "columns"):
        raise DataError(
            f"{name} is a table; pass the table and the name of its target column to "
            "DataStream.from_frame, or pass table.to_numpy() instead of the table"
        )
    array = as_array(given.to_numpy() if hasattr(given, "to_numpy") else given, name)
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"{name} must be numbers, not {array.dtype}; encode text as numbers first, or pass a "
            "pandas.DataFrame to DataStream.from_frame"
        )
    check_complete(array, name)
    if indices and array.dtype.kind in "iu":
        return converted(array, np.dtype(np.int64), name)
    if is_image(array) if image is None else image and array.dtype == np.uint8:
        return array
    if array.dtype.kind in "iu":
        array = array.astype(np.float64)  # large integers are rounded, as fractions are
    return converted(array, np.dtype(str(floatx()).removeprefix("torch.")), name)
