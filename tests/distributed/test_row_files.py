"""Prototype of archives in several files: each process writes and reads only its own rows."""

import pickle

import numpy as np
import pytest
from safetensors import safe_open

from tests.support import ranks_training as jobs
from tests.support import row_files


class Trap:
    """Object whose unpickling raises an error."""

    def __reduce__(self):
        return exec, ("raise AssertionError('a file was unpickled')",)


@pytest.mark.parametrize("before, after", [(2, 1), (2, 3), (3, 2), (1, 2)])
def test_any_number_of_processes_continues(together, tmp_path, before, after):
    whole = jobs.alone(row_files.train, 6)
    together(before, row_files.train, 3, None, str(tmp_path))
    (tmp_path / ".metadata").write_bytes(pickle.dumps(Trap()))  # as torch's own format has
    for found in together(after, row_files.train, 3, str(tmp_path)):
        assert found.keys() == whole.keys()
        for name, value in whole.items():
            np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-5 * np.abs(value).max())


def test_each_process_writes_only_its_rows(together, tmp_path):
    together(2, row_files.train, 1, None, str(tmp_path))
    first, second = sorted(tmp_path.glob("*.safetensors"))
    shapes = []
    for path in (first, second):
        with safe_open(path, framework="numpy") as file:
            shapes.append(file.get_slice("|mlp|linear_0.W").get_shape())
    assert shapes == [[4, 6], [4, 6]]
