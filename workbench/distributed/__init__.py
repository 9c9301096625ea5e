"""Training by several processes: groups, collectives, data parallelism and divided state."""

from workbench.algorithms.zero import ZeRO1
from workbench.distributed.data_parallel import DataParallel
from workbench.names import explain_missing
from workbench.tensor.collectives import all_gather, all_reduce, broadcast, reduce_scatter
from workbench.tensor.processes import ProcessGroup, process_group

__all__ = [
    "DataParallel",
    "ProcessGroup",
    "ZeRO1",
    "all_gather",
    "all_reduce",
    "broadcast",
    "process_group",
    "reduce_scatter",
]

explain_missing(__name__)
