"""Prototype of archives of which each process writes and reads only its own rows.

`DECISIONS.md` describes the plan. The archive here is a small JSON file, which stands for the
archives of `workbench.serialization` without the values that are divided. It names a folder beside
it, and the files in this folder with their checksums. `torch.distributed.checkpoint` writes one
file for each process, in the format of safetensors, and reads rows from the files of any number of
processes.

torch's own exchange of plans and its own metadata are not used, since both are pickled. Instead,
each process plans alone, and one message tells all processes whether all have succeeded.
"""

import hashlib
import json
import math
import secrets
import shutil
import warnings
from typing import NamedTuple

import torch
from torch.distributed import checkpoint
from torch.distributed.checkpoint.metadata import (
    ChunkStorageMetadata,
    Metadata,
    MetadataIndex,
    TensorProperties,
)
from torch.distributed.checkpoint.planner import (
    SavePlan,
    TensorWriteData,
    WriteItem,
    WriteItemType,
)
from torch.distributed.checkpoint.planner_helpers import create_read_items_for_chunk_list

from workbench.distributed import all_gather, broadcast
from workbench.errors import ArchiveError, ProcessError
from workbench.tensor.row_shards import Rows
from workbench.utils.atomic import replace_file

ALONE = "torch.distributed is disabled, unavailable or uninitialized"
NO_FILE = bytes(32)
"""Checksum for a process that has no rows, and therefore writes no file."""


class Part(NamedTuple):
    """The rows that this process keeps, without rows of zeros at the end.

    Parameters
    ----------
    whole : torch.Size
        The shape of the value with the rows of all processes.
    first : int
        The index of the first row of this process.
    rows : torch.Tensor
    """

    whole: torch.Size
    first: int
    rows: torch.Tensor

    @property
    def chunk(self):
        """The position of the rows, as torch's checkpoints describe it."""
        offsets = [self.first, *[0] * (len(self.whole) - 1)]
        return ChunkStorageMetadata(torch.Size(offsets), self.rows.shape)


def kept_of(variable):
    """Return the rows that this process keeps, or the variable itself if it is undivided."""
    return variable if variable.divided is None else variable.divided


def part_of(variable, group):
    """Return the part of a value that this process keeps; this is all of it if it is undivided."""
    variable = kept_of(variable)
    kept = variable.tensor.detach()
    kept = kept if kept.ndim else kept.reshape(1)
    whole = torch.Size(variable.value_shape or (1,))
    first = min(group.rank * len(kept), whole[0]) if isinstance(variable, Rows) else 0
    return Part(whole, first, kept[: whole[0] - first])


def save(variables, path, group):
    """Write the rows of divided variables; all processes must call this function together."""
    divided = [name for name, one in variables.items() if isinstance(kept_of(one), Rows)]
    parts = {name: part_of(variables[name], group) for name in divided}
    token = broadcast(torch.tensor(list(secrets.token_bytes(8)), dtype=torch.uint8), group=group)
    folder = path.with_name(f"{path.name}-{bytes(token.tolist()).hex()}")

    def publish():
        earlier = json.loads(path.read_text())["folder"] if path.exists() else None
        files = {file_of(rank): one.hex() for rank, one in enumerate(checksums) if one != NO_FILE}
        archive = {"folder": folder.name, "files": files, "values": list(parts)}
        replace_file(path, lambda file: file.write(json.dumps(archive).encode()), ArchiveError)
        if earlier is not None:
            shutil.rmtree(path.with_name(earlier), ignore_errors=True)  # the new one is complete
        return NO_FILE

    try:
        checksums = agreed(group, lambda: write(parts, folder, group.rank))
        agreed(group, publish if group.is_first else lambda: NO_FILE)
    except ProcessError:
        if group.is_first:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def load(variables, path, group):
    """Read the rows of an archive; all processes of the group must call this function together."""
    archive, parts = {}, {}

    def plan():
        archive.update(json.loads(path.read_text()))
        parts.update((name, part_of(variables[name], group)) for name in archive["values"])
        return NO_FILE

    agreed(group, plan)
    folder = path.with_name(archive["folder"])
    agreed(group, lambda: verify(folder, archive["files"], group))
    new = {name: torch.empty_like(part.rows) for name, part in parts.items()}
    agreed(group, lambda: read(new, parts, folder))
    for name, rows in new.items():
        parts[name].rows.copy_(rows)


def agreed(group, work):
    """Return what `work` returns in all processes; raise an error in all if it fails in one."""
    failure, mine = None, NO_FILE
    try:
        mine = work()
    except (Exception, checkpoint.CheckpointException) as error:  # the latter is no Exception
        failure = error
    message = torch.tensor([failure is not None, *mine], dtype=torch.uint8)
    found = all_gather(message, group=group).reshape(group.size, -1).tolist()
    failed = [rank for rank, (one, *_) in enumerate(found) if one]
    if failed:
        raise ProcessError(f"the archive failed in the processes {failed}") from failure
    return [bytes(checksum) for _, *checksum in found]


def file_of(rank):
    """Return the name that torch gives the file of a process."""
    return f"shard-{rank + 1:05}-model-00001-of-00001.safetensors"


def write(parts, folder, rank):
    """Write the rows of this process to its file, and return the checksum of the file."""
    kept = {name: part.rows for name, part in parts.items() if len(part.rows)}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ALONE)
        checkpoint.save(
            kept, storage_writer=Writer(folder, rank), planner=Saving(parts), no_dist=True
        )
    return checksum_of(folder / file_of(rank)) if kept else NO_FILE


def read(new, parts, folder):
    """Read rows from the files of all processes that have them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ALONE)
        reader = checkpoint.HuggingFaceStorageReader(str(folder))
        checkpoint.load(new, storage_reader=reader, planner=Loading(parts), no_dist=True)
    return NO_FILE


def verify(folder, files, group):
    """Check that the files are those of the archive; each process reads a part of them."""
    found = {one.name for one in folder.iterdir()}
    if found != set(files):
        raise ArchiveError(f"the files {sorted(found)} are not those of the archive")
    for name in sorted(files)[group.rank :: group.size]:
        if checksum_of(folder / name).hex() != files[name]:
            raise ArchiveError(f"the file {name} has changed since the archive was written")
    return NO_FILE


def checksum_of(path):
    """Return the SHA-256 checksum of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


class Writer(checkpoint.HuggingFaceStorageWriter):
    """Writer of the file of one process.

    A process that plans alone would use the name of the file of the first process.
    """

    def __init__(self, folder, rank):
        super().__init__(str(folder), save_distributed=True)
        self.number = rank + 1

    def prepare_global_plan(self, plans):
        [plan] = plans
        return [SavePlan(plan.items, storage_data={"shard_index": self.number})]


class Saving(checkpoint.DefaultSavePlanner):
    """Plan to write all rows of this process."""

    def __init__(self, parts):
        super().__init__(flatten_state_dict=False)
        self.parts = parts

    def create_local_plan(self):
        items = []
        for name, rows in self.state_dict.items():
            chunk, size = self.parts[name].chunk, self.parts[name].whole
            data = TensorWriteData(chunk, TensorProperties.create_from_tensor(rows), size)
            index = MetadataIndex(name, chunk.offsets)
            items.append(WriteItem(index, WriteItemType.SHARD, tensor_data=data))
        return SavePlan(items)

    def create_global_plan(self, all_plans):
        return all_plans, Metadata({})

    def lookup_object(self, index):
        return self.state_dict[index.fqn]


class Loading(checkpoint.DefaultLoadPlanner):
    """Plan to read only the rows of this process, each exactly once."""

    def __init__(self, parts):
        super().__init__(flatten_state_dict=False)
        self.parts = parts

    def create_local_plan(self):
        items = []
        for name, part in self.parts.items():
            saved = self.metadata.state_dict_metadata.get(name)
            expected = (part.whole, part.rows.dtype)
            if saved is None or (saved.size, saved.properties.dtype) != expected:
                raise ArchiveError(f"{name} must have the shape and the dtype {expected}: {saved}")
            found = create_read_items_for_chunk_list(name, saved, [part.chunk])
            if sum(math.prod(one.lengths) for one in found) != part.rows.numel():
                raise ArchiveError(f"the archive does not contain all rows of {name}")
            items += found
        return checkpoint.LoadPlan(items)

    def lookup_tensor(self, index):
        return self.state_dict[index.fqn]
