"""The training logs on which tests of common behaviour run."""

import pytest

from workbench.log import SQLiteLog, TrainingLog


def in_database():
    return SQLiteLog(":memory:")


every_backend = pytest.mark.parametrize("new", [TrainingLog, in_database], ids=["memory", "sqlite"])
