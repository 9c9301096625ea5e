"""Arrays of npz archives."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.data.npz import read_npz
from workbench.errors import MissingDataError


def test_arrays_are_read_in_the_given_order(tmp_path):
    np.savez_compressed(tmp_path / "data.npz", x=np.eye(2), y=[1, 2, 3])
    y, x = read_npz(tmp_path / "data.npz", ("y", "x"))
    assert y.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(x, np.eye(2))


def test_a_missing_file_is_a_file_not_found(tmp_path):
    with pytest.raises(MissingDataError, match="there is no npz file"):
        read_npz(tmp_path / "none", ("x",))
