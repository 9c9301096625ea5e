"""Check of the last batch in an epoch for torch modules with batch normalisation."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch

from workbench.data.adapters import LoaderStream
from workbench.data.transformers.base import SourcewiseTransformer
from workbench.errors import ArgumentError
from workbench.fitting.prepared import Prepared
from workbench.tensor import torch_internals as internals

ONE_EXAMPLE = (
    "the last batch of an epoch has one example, but batch normalisation needs at least two in "
    "training ({count} examples, {size} in a batch); pass batch_size={other}, or drop_last=True to "
    "a DataLoader of your own"
)


def check_last_batch(module: torch.nn.Module, prepared: Prepared, batch: Mapping[str, Any]) -> None:
    """Raise an error if a module cannot be trained on a last batch of one example."""
    given = [batch[name] for name in prepared.inputs]
    size = len(given[0])
    count = _examples(prepared.training, size)
    normalised = any(isinstance(one, internals.NormBase) for one in module.modules())
    if count is None or not normalised or (count % size or size) != 1:
        return
    try:
        # a copy, because batch normalisation changes its buffers
        trial = copy.deepcopy(module).train()
        device = next((one.device for one in module.parameters()), torch.device("cpu"))
        forked = [device] if device.type == "cuda" else []
        with torch.no_grad(), torch.random.fork_rng(forked):
            trial(*[torch.as_tensor(values[:1]).clone().to(device) for values in given])
    except Exception as error:  # other errors are reported when the module is applied
        if "more than 1 value per channel" in str(error):
            other = next(one for one in range(size + 1, size + count + 2) if count % one != 1)
            raise ArgumentError(ONE_EXAMPLE.format(count=count, size=size, other=other)) from None


def _examples(stream: Any, size: int) -> int | None:
    """Return the number of examples in an epoch, or None if the size of the last batch is unknown.

    Parameters
    ----------
    stream : AbstractDataStream
        The stream for training.
    size : int
        The number of examples in its first batch.
    """
    count = stream.num_examples
    while isinstance(stream, SourcewiseTransformer):  # it keeps all examples of a batch
        stream = stream.data_stream
    if isinstance(stream, LoaderStream):
        loader = stream.batches
        if loader.batch_size is None or loader.drop_last or stream.num_batches is None:
            return None
        count = len(loader.sampler)  # type: ignore[arg-type]
    # batches of another size were made by a function, such as `collate_fn`
    if count is None or stream.batch_size is None or size != min(stream.batch_size, count):
        return None
    return int(count)
