r"""Training in several processes: groups, collectives, data parallelism and divided state.

A script that calls `MainLoop.run` can be started in several processes by any launcher that sets the
environment variables ``RANK``, ``WORLD_SIZE``, ``MASTER_ADDR`` and ``MASTER_PORT``, such as
``torchrun``. `workbench.algorithms.GradientDescent` then divides batches among the processes; to
change settings, pass a `DataParallel` or `ShardedDataParallel` to it. A notebook starts and
controls processes on its own machine with ``main_loop.start(processes=2)``.

On one machine, here with two processes::

    torchrun --standalone --nproc_per_node 2 train.py

On several machines, run the same command on each machine, with the address of one of the machines.
On GPUs, use one process for each GPU::

    torchrun --nnodes 4 --nproc_per_node 8 --rdzv_backend c10d --rdzv_id run1 \
        --rdzv_endpoint machine0:29500 train.py

With Slurm, ``srun`` starts this command once on each machine of a job (``#SBATCH --nodes=4`` and
``#SBATCH --ntasks-per-node=1``)::

    machine0=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
    srun torchrun --nnodes "$SLURM_NNODES" --nproc_per_node 8 --rdzv_backend c10d \
        --rdzv_id "$SLURM_JOB_ID" --rdzv_endpoint "$machine0:29500" train.py

With Kubernetes, a ``PyTorchJob`` of the Kubeflow training operator sets the same four variables in
each container. The command of a container is therefore ``python train.py`` (one process and at most
one GPU for each container) or the ``torchrun`` command above. Mount the folder of logs and
checkpoints in the container of rank 0.

A launcher that starts each process itself, such as ``srun python train.py``, must also set
``LOCAL_RANK`` (here to ``$SLURM_LOCALID``) if each process sees several GPUs.

Only the process with rank 0 writes the log and checkpoints, and shows progress. If a process ends,
all other processes raise `ProcessError`. A script with the extensions `Checkpoint` and `Load` can
then be started again with any number of processes, and continues from the last checkpoint.

The tests (``tests/distributed``) use ``torchrun`` on one machine with 3 processes and gloo, and
groups of 2 and 3 processes without a launcher. Training on several machines, with Slurm or
Kubernetes, or on more than one GPU with NCCL has not been tested.

Processes exchange tensors over the loopback interface only if all of them are known to be on one
machine, either because ``LOCAL_WORLD_SIZE``, which ``torchrun`` sets, equals ``WORLD_SIZE``, or
because ``MASTER_ADDR`` is ``localhost``. Otherwise they use a network without encryption or a
password, so only trusted machines should have access to this network; set ``GLOO_SOCKET_IFNAME`` to
choose the interface.
"""

from workbench.algorithms.zero import ZeRO1
from workbench.distributed.data_parallel import DataParallel
from workbench.distributed.sharded import ShardedDataParallel
from workbench.names import explain_missing
from workbench.tensor.collectives import all_gather, all_reduce, broadcast, reduce_scatter
from workbench.tensor.processes import ProcessGroup, process_group

__all__ = [
    "DataParallel",
    "ProcessGroup",
    "ShardedDataParallel",
    "ZeRO1",
    "all_gather",
    "all_reduce",
    "broadcast",
    "process_group",
    "reduce_scatter",
]

explain_missing(__name__)
