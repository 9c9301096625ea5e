"""Pickles of data sets: data from a file are read again, and must be the same."""

import pickle

import numpy as np
import pytest

from tests.support.runs import lasting
from workbench import tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.bricks import MLP, Softmax
from workbench.data import (
    MNIST,
    DataStream,
    Flatten,
    H5PYDataset,
    IndexableDataset,
    Iris,
    ShuffledScheme,
    write_hdf5,
)
from workbench.data.checksum import checksum
from workbench.errors import DataFileError, MissingDataError
from workbench.extensions import FinishAfter
from workbench.extensions.monitoring import DataStreamMonitoring, TrainingDataMonitoring
from workbench.extensions.saveload import Checkpoint
from workbench.initialization import Constant, IsotropicGaussian
from workbench.main_loop import MainLoop
from workbench.model import Model
from workbench.serialization import continue_training

SMALL = 4000
X = np.arange(4000, dtype=np.float32).reshape(1000, 4)
ROWS = [np.arange(i % 4) for i in range(1000)]


def numbers(*, rows=ROWS, x=X):
    return {"train": {"x": x, "rows": rows}}


@pytest.fixture
def path(tmp_path):
    write_hdf5(tmp_path / "set.h5", numbers())
    return tmp_path / "set.h5"


@pytest.fixture
def dataset(path):
    return H5PYDataset(path, ("train",), load_in_memory=True)


def again(dataset):
    return pickle.loads(pickle.dumps(dataset))


def assert_equal(one, other):
    assert checksum(one.indexables) == checksum(other.indexables)
    assert (one.sources, one.num_examples) == (other.sources, other.num_examples)


@pytest.mark.parametrize(
    "make",
    [
        lambda: MNIST(("test",), full=False),
        lambda: MNIST(("train", "test"), full=False, start=9990, stop=10010, sources=("targets",)),
        lambda: Iris(start=40, stop=60),
        lambda: Iris("all", sources=("targets", "features")),
    ],
    ids=["digits", "some digits", "irises", "turned round"],
)
def test_data_of_the_package_are_not_in_a_pickle(make):
    dataset = make()
    assert len(pickle.dumps(dataset)) < SMALL
    assert_equal(again(dataset), dataset)
    assert_equal(again(again(dataset)), dataset)


def test_data_read_into_memory_are_not_in_a_pickle(dataset):
    assert len(pickle.dumps(dataset)) < SMALL
    copied = again(dataset)
    assert copied.load_in_memory
    assert_equal(copied, dataset)


def test_arrays_without_a_file_are_in_a_pickle():
    dataset = IndexableDataset({"x": X})
    assert len(pickle.dumps(dataset)) > X.nbytes
    assert_equal(again(dataset), dataset)


def test_arrays_that_were_replaced_are_in_a_pickle():
    dataset = Iris()
    dataset.indexables = tuple(array[::-1] for array in dataset.indexables)
    assert_equal(again(again(dataset)), dataset)


@pytest.mark.parametrize("make", [lambda d: d, lambda d: DataStream(d)], ids=["set", "stream"])
def test_a_changed_file_is_an_error(dataset, path, make):
    pickled = pickle.dumps(make(dataset))
    write_hdf5(path, numbers(x=X + 1))
    with pytest.raises(DataFileError, match="set.h5: the data must be the same"):
        pickle.loads(pickled)


def test_the_error_names_a_missing_file(dataset, path):
    pickled = pickle.dumps(dataset)
    path.unlink()
    with pytest.raises(MissingDataError, match="there is no HDF5 file .*set.h5") as caught:
        pickle.loads(pickled)
    assert "which reads its data from the file again" in caught.value.__notes__[0]


def test_modified_arrays_are_an_error():
    dataset = Iris()
    dataset.indexables[0][3, 2] = 9.0
    with pytest.raises(DataFileError, match="or the arrays were modified before pickling"):
        again(dataset)


@pytest.mark.parametrize(
    "one, other",
    [
        ([X], [X.reshape(4, 1000)]),
        ([X], [X.view(np.int32)]),
        ([X[:0]], [X[:, :0]]),
        ([np.array(["a", None], object)], [np.array(["a", "None"], object)]),
        ([IndexableDataset(ROWS).indexables[0]], [IndexableDataset(ROWS[1:]).indexables[0]]),
    ],
)
def test_checksums_distinguish_arrays(one, other):
    assert checksum(one) == checksum([array.copy() for array in one]) != checksum(other)


def digits(batches, *extensions):
    """Return a run over digits, whose checkpoints could contain them twice."""
    x, y = tensor.matrix("features"), tensor.lmatrix("targets")
    mlp = MLP(
        [None], [784, 10], weights_init=IsotropicGaussian(0.01), biases_init=Constant(0), seed=1
    )
    mlp.initialize()
    cost = Softmax().categorical_cross_entropy(y.flatten(), mlp.apply(x)).mean()
    cost.name = "cost"

    def stream(which):
        data = MNIST((which,), full=False)
        scheme = ShuffledScheme(data.num_examples, 500, seed=1)
        return Flatten(DataStream.default_stream(data, iteration_scheme=scheme))

    model = Model(cost)
    return MainLoop(
        GradientDescent(cost=cost, parameters=model.parameters, step_rule=Scale(0.1)),
        stream("train"),
        model=model,
        extensions=[
            *extensions,
            TrainingDataMonitoring([cost], after_batch=True),
            DataStreamMonitoring([cost], stream("test"), prefix="test", every_n_batches=6),
            FinishAfter(after_n_batches=batches),
        ],
    )


def test_a_checkpoint_omits_the_digits_and_training_resumes_exactly(tmp_path):
    whole = digits(27)
    whole.run()
    path = tmp_path / "run.tar"
    digits(27, Checkpoint(path, after_n_batches=23, after_training=False)).run()
    assert path.stat().st_size < 300_000
    resumed = continue_training(path, trusted=True)
    for one, other in zip(resumed.model.parameters, whole.model.parameters, strict=True):
        np.testing.assert_array_equal(one.get_value(), other.get_value())
    assert lasting(resumed).equals(lasting(whole))
