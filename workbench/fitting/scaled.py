"""Scaling of the uint8 images that `fit` finds in a dataset to floats from 0 to 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from workbench.data import AbstractDataStream
from workbench.data.files import some
from workbench.data.given_arrays import is_image
from workbench.data.pixels import is_to_unit, kind_of, largest_beyond_unit, to_unit
from workbench.errors import DataError
from workbench.fitting.prepared import Prepared, Wishes, target_in
from workbench.fitting.program import Statements, call, literal
from workbench.tensor.arrays import as_array
from workbench.utils.notices import tell

OTHER_RANGE = (
    "the training images {name!r} are integers from 0 to 255, which fit() scales to 0..1, but the "
    "validation images have the dtype {dtype} and contain the value {value:.6g}; pass integers "
    "for both, or divide the validation images by 255"
)
SCALED = (
    "fit scales the images {names} from 0..255 to 0..1, so the module must not divide them by 255 "
    "again"
)


def scaled(
    training: AbstractDataStream,
    validation: AbstractDataStream | None,
    wishes: Wishes,
    code: Statements,
) -> tuple[AbstractDataStream, AbstractDataStream | None]:
    """Scale images of dtype uint8 to 0..1, and write the statements that do so.

    Raises
    ------
    DataError
        If the images for validation are floats above 1.
    """
    batch = _first_batch(training)
    if not batch or wishes.indices:
        return training, validation
    target = target_in(list(training.sources), wishes.target, "the data")
    images = [name for name in batch if name != target and _are_images(batch[name])]
    if not images:
        return training, validation
    training = _divided(training, "training", images, code)
    if validation is not None:
        held = _first_batch(validation)
        whole = [name for name in images if name in held and not _is_scaled(held[name], name)]
        if whole:
            validation = _divided(validation, "validation", whole, code)
    return training, validation


def _first_batch(stream: AbstractDataStream) -> Mapping[str, Any]:
    """Return the first batch of a stream, or an empty dictionary if there is none."""
    batch = next(iter(stream.iterate(0, 0)), None)
    return {} if batch is None else dict(zip(stream.sources, batch, strict=True))


def _are_images(values: Any) -> bool:
    dtype = getattr(values, "dtype", None)
    return dtype in (np.dtype(np.uint8), torch.uint8) and is_image(as_array(values))


def _is_scaled(values: Any, name: str) -> bool:
    """Return True for floats up to 1, and False for integers; refuse floats above 1."""
    values = values if isinstance(values, torch.Tensor) else np.asarray(values)
    if kind_of(values) != "f":
        return False
    if values.shape[0] and (beyond := largest_beyond_unit(values)) is not None:
        dtype = str(values.dtype).removeprefix("torch.")
        raise DataError(OTHER_RANGE.format(name=name, dtype=dtype, value=beyond))
    return True


def _divided(
    stream: AbstractDataStream, variable: str, images: list[str], code: Statements
) -> AbstractDataStream:
    code.use("workbench.data.transformers", "ScaleAndShift")
    arguments = [variable, "1 / 255", "0", f"which_sources={literal(images)}"]
    code.lines += call("ScaleAndShift", arguments, variable)
    return to_unit(stream, images)


def note_scaled_images(model: Any, data: Any, prepared: Prepared) -> None:
    """Print a notice if `fit` scales the images of a torch module, which may scale them itself.

    Parameters
    ----------
    model
        The model as the caller passed it.
    data
        The data as the caller passed it; streams and loaders are used as they are.
    prepared : Prepared
    """
    stream: Any = prepared.training
    if isinstance(data, (AbstractDataStream, DataLoader)) or not isinstance(model, torch.nn.Module):
        return
    if is_to_unit(stream):
        tell(SCALED.format(names=some(stream.which_sources)))
