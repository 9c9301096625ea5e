"""``from module import *`` imports the public names, and shadows no other name by accident."""

import pytest

from tests.codebase.test_exports import pinned

MODULES = (
    "bricks.cost bricks.lookup bricks.parallel bricks.wrappers expressions extensions.predicates "
    "filter graph.annotations initialization model monitoring.aggregation monitoring.evaluators "
    "roles select utils.containers utils.profile"
).split()


@pytest.mark.parametrize("name", MODULES)
def test_modules_that_users_import_from_list_their_names(name):
    assert f"workbench.{name}" in pinned()


def test_sequences_of_python_survive():
    names = {}
    for name in MODULES:
        exec(f"from workbench.{name} import *", names)
    assert not {"Sequence", "Any", "Variable", "annotations"} & set(names)
    assert {"Constant", "SquaredError", "VariableFilter", "Selector", "WEIGHT"} <= set(names)
