"""Prototype of archives to which each process contributes only the rows that it keeps.

`DECISIONS.md` describes the archives of which these files will be a part. Each process writes a
safetensors file with its rows and their positions, by torch's distributed checkpoint. Any number of
processes reads them: each one only the rows that it keeps. Nothing in the files can be executed,
unlike the pickled metadata of torch's own format, which are neither written nor read.
"""

import warnings

import torch
from torch.distributed import checkpoint
from torch.distributed.checkpoint.metadata import (
    ChunkStorageMetadata,
    MetadataIndex,
    TensorProperties,
)
from torch.distributed.checkpoint.planner import TensorWriteData, WriteItem, WriteItemType

from tests.support import ranks_training as jobs
from workbench.algorithms import Adam
from workbench.serialization.variable_values import by_path
from workbench.tensor.row_shards import Rows

BATCH = 8


class Part:
    """Rows of a variable that this process keeps; of a variable that is not divided, all.

    torch's checkpoints read and write any object with these methods.

    Parameters
    ----------
    variable : SharedVariable
    """

    def __init__(self, variable):
        kept = variable if variable.divided is None else variable.divided
        tensor, self.first = kept.tensor.detach(), 0
        self.whole = torch.Size(kept.value_shape or (1,))
        if isinstance(kept, Rows):
            self.first = kept.group.rank * len(tensor)
            tensor = tensor[: max(0, self.whole[0] - self.first)]  # the rest is filled with zeros
        self.tensor = tensor.reshape(-1, *self.whole[1:])

    def size(self):
        return self.whole

    def __create_chunk_list__(self):
        if not self.tensor.numel():
            return []
        offsets = torch.Size((self.first, *[0] * (self.tensor.ndim - 1)))
        return [ChunkStorageMetadata(offsets, self.tensor.shape)]

    def __create_write_items__(self, name, part):
        properties = TensorProperties.create_from_tensor(self.tensor)
        return [
            WriteItem(
                MetadataIndex(name, chunk.offsets),
                WriteItemType.SHARD,
                tensor_data=TensorWriteData(chunk, properties, self.whole),
            )
            for chunk in self.__create_chunk_list__()
        ]

    def __get_tensor_shard__(self, index):
        return self.tensor


def save(folder, variables):
    """Write the values of variables; all processes of the group call this function together."""
    writer = checkpoint.HuggingFaceStorageWriter(str(folder), save_distributed=True)
    with _without_warnings():
        checkpoint.save(_parts(variables), storage_writer=writer)


def load(folder, variables):
    """Read the values of variables, without messages to other processes."""
    reader = checkpoint.HuggingFaceStorageReader(str(folder))
    with _without_warnings():
        checkpoint.load(_parts(variables), storage_reader=reader, no_dist=True)


def _parts(variables):
    return {name.replace("/", "|"): Part(variable) for name, variable in variables.items()}


def _without_warnings():
    """Ignore the warning that a process reads or writes alone."""
    return warnings.catch_warnings(action="ignore", category=UserWarning)


def train(group, batches, source=None, target=None):
    """Train on some batches, after loading or before saving files of rows; return the values.

    Batches after loading are those after the first three.
    """
    algorithm = jobs.descend(jobs.cost_of_mlp(), Adam(0.002), way="sharded")
    algorithm.initialize()
    variables = by_path(algorithm.parameters) | algorithm.state_variables()
    done = 3 if source else 0
    if source:
        load(source, variables)
    first, last = algorithm.distributed.share.bounds(BATCH)
    for start in range(BATCH * done, BATCH * (done + batches), BATCH):
        batch = jobs.examples(6 * BATCH).items()
        algorithm.process_batch({name: v[start + first : start + last] for name, v in batch})
    if target:
        save(target, variables)
    return {name: variable.get_value() for name, variable in variables.items()}
