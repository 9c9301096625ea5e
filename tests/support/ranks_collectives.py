"""The functions that each process of a group runs in the tests of collectives."""

import os

import torch

from tests.support import sockets
from workbench import errors, function, shared, tensor
from workbench.session.remote.shared_mailbox import Exchange
from workbench.tensor.collectives import all_gather, all_reduce, broadcast, reduce_scatter


def every_collective(group, execution):
    """Return the values of all collectives in one function."""
    x = tensor.matrix("x")
    total = x.sum(0)
    f = function(
        [x],
        [
            all_reduce(total),
            all_reduce(total, "max"),
            all_gather(total),
            reduce_scatter(total),
            broadcast(total, 1),
        ],
        execution=execution,
    )
    given = torch.arange(12.0).reshape(2, 6)[: 2 - group.rank] + group.rank
    return [value.tolist() for value in f(given)], total.eval({x: given}).tolist()


def on_values(group):
    """Return a sum over processes of tensors that are known already."""
    return all_reduce(torch.tensor([1, group.rank])).tolist()


def patient(group):
    """Return the time limit for calls in days, and calls sent after an exchange of tensors failed.

    The receiving process waits for them longer than an exchange of tensors can take.
    """
    from datetime import timedelta

    exchange = Exchange(group, b"secret")
    limit = exchange._group._get_backend(torch.device("cpu")).options._timeout.days
    torch.distributed.distributed_c10d._set_pg_timeout(timedelta(seconds=0.5))
    if not group.is_first:
        return limit, exchange.receive()
    try:
        all_reduce(torch.ones(1))  # in which the other process does not take part
    except errors.ProcessError as error:
        return limit, exchange.send([{"do": type(error).__name__}])


def merged(group, execution):
    """Return sums computed in separate messages and in one, and the number of messages."""
    from workbench.tensor.collectives import in_one_message, is_exchanged
    from workbench.tensor.traversal import ancestors

    x = tensor.vector("x")
    first, second = all_reduce(x.sum()), all_reduce(torch.stack([x.max(), x.mean()]))
    third = all_reduce(first * second.sum() * x.sum())
    outputs = [first, second, third + first]
    together = in_one_message(outputs)
    f = function([x], outputs, execution=execution)
    g = function([x], together, execution=execution)
    given = torch.arange(3.0) + group.rank
    same = all(torch.equal(one, other) for one, other in zip(f(given), g(given), strict=True))
    return same, sum(map(is_exchanged, ancestors(together)))


def updated(group):
    """Return a shared variable after an update that all processes contribute to."""
    x, w = tensor.vector("x"), shared([0.0, 0.0], "w")
    f = function([x], updates=[(w, w + all_reduce(x))])
    for _ in range(2):
        f(torch.tensor([1.0, group.rank]))
    return w.get_value().tolist()


def differentiated(group):
    """Return the error of a gradient through a collective."""
    from workbench import grad

    w = shared([1.0], "w")
    try:
        grad(all_reduce(w * 2).sum(), [w])[0].eval()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def one_ends(group, how):
    """Let the last process end without a word, and return the error of the others."""
    x = tensor.vector("x")
    f = function([x], all_reduce(x), execution=how)
    f([1.0, 2.0])
    if group.rank == group.size - 1:
        os.kill(os.getpid(), 9)
    try:
        for _ in range(2):
            f([1.0, 2.0])
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def listening(group):
    """Return the addresses at which this process listens."""
    return sockets.listening()
