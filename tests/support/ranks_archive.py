"""The functions that each process of a group runs in the tests of archives of divided rows."""

from pathlib import Path

import numpy as np

from tests.distributed import prototype_sharded_archive as prototype
from tests.support.ranks_training import RULES, cost_of_mlp, descend, error_of, stream
from workbench import shared
from workbench.distributed import process_group
from workbench.extensions import FinishAfter
from workbench.main_loop import MainLoop
from workbench.roles import WEIGHT, add_role


def variables(batches):
    """Return all variables of a run after some batches; two have fewer rows than processes."""
    number, row = shared(0.5, "number"), shared([[1.0, 2.0]], "row")
    for parameter in (number, row):
        add_role(parameter, WEIGHT)
    cost = (cost_of_mlp() + number**2 + (row**2).sum()).copy(name="cost")
    algorithm = descend(cost, RULES["adam"](), way="sharded")
    loop = MainLoop(algorithm, stream(), extensions=[FinishAfter(after_n_batches=batches or 1)])
    if batches:
        loop.run()
    parameters, others = loop.state_variables()
    return {**parameters, **others}


def values_of(found):
    """Return the whole values of variables, by name."""
    return {name: np.asarray(variable.get_value()) for name, variable in found.items()}


def save_trained(group, path):
    """Train, write an archive, and return the whole values."""
    found = variables(batches=3)
    prototype.save(found, Path(path), group)
    return values_of(found)


def load_archive(group, path):
    """Return the values of a new model before and after reading, and the error of reading."""
    found = variables(batches=0)
    before = values_of(found)
    failure = error_of(lambda: prototype.load(found, Path(path), group or process_group()))
    return before, values_of(found), failure


def fail_to_save(group, path):
    """Write an archive where the last process cannot write, and return the error."""
    write = prototype.write

    def fails(*arguments):
        raise OSError("No space left on device")

    try:
        if group.rank == group.size - 1:
            prototype.write = fails
        return error_of(lambda: prototype.save(variables(batches=1), Path(path), group))
    finally:
        prototype.write = write
