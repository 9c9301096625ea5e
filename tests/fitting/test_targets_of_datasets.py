"""Names of classes of HDF5 files, torch datasets and Hugging Face splits, and their targets."""

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.data import DataStream, H5PYDataset, IndexableDataset, SequentialScheme, write_hdf5
from workbench.data.transformers import Rename
from workbench.fitting.data import prepare
from workbench.fitting.prepared import Wishes

X = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))


class Letters(torch.utils.data.Dataset):
    """A dataset with the attributes of those of torchvision."""

    def __init__(self, target_transform, classes):
        self.targets = (torch.arange(40) % 4).tolist()
        self.target_transform = target_transform
        if classes:
            self.classes = classes

    def __len__(self):
        return 40

    def __getitem__(self, row):
        return X[row], self.target_transform(self.targets[row])


def outputs(session):
    assert session.wait()
    return session.predict(X).shape[1]


@pytest.mark.parametrize("classes", [list("abcd"), None])
def test_classes_of_other_targets_are_not_those_of_the_model(classes):
    data = Letters(lambda target: int(target >= 2), classes)
    session = wb.fit([wb.Linear(output_dim=2)], data, epochs=1)
    assert outputs(session) == 2
    assert "classes" not in session.log.status
    with pytest.raises(ValueError, match="the number of classes cannot be inferred"):
        wb.fit([wb.Linear()], data)


def test_classes_without_targets_are_not_used_for_transformed_targets():
    data = Letters(lambda target: int(target >= 2), list("abcd"))
    data.targets = (*data.targets, 0)  # not one for each example
    session = wb.fit([wb.Linear(output_dim=2)], data, epochs=1)
    assert session.wait() and "classes" not in session.log.status


def test_a_dataset_may_have_a_method_with_the_name_keys(capsys):
    class Keyed(IndexableDataset):
        def keys(self):
            return list(self.sources)

    data = Keyed({"features": X.numpy(), "targets": 1000 * X.numpy()[:, :1]})
    assert wb.fit([wb.Linear()], data, epochs=1).wait()
    assert "the targets have the mean" in capsys.readouterr().err


@pytest.mark.parametrize("classes", [list("abcd"), None])
def test_a_transform_that_keeps_targets_keeps_classes(classes):
    session = wb.fit([wb.Linear()], Letters(int, classes), epochs=1)
    assert outputs(session) == 4
    assert session.log.status.get("classes") == classes


@pytest.mark.parametrize("keeps", [True, False])
def test_the_transform_of_a_split_can_change_its_targets(keeps):
    import datasets

    def transform(batch):
        labels = batch["label"] if keeps else [label // 2 for label in batch["label"]]
        return {"x": [torch.tensor(row) for row in batch["x"]], "label": labels}

    features = datasets.Features(
        x=datasets.List(datasets.Value("float32")), label=datasets.ClassLabel(names=list("abcd"))
    )
    columns = {"x": X.tolist(), "label": np.arange(40) % 4}
    split = datasets.Dataset.from_dict(columns, features).with_transform(transform)
    session = wb.fit([wb.Linear(output_dim=None if keeps else 2)], split, epochs=1)
    assert outputs(session) == (4 if keeps else 2)
    assert session.log.status.get("classes") == (list("abcd") if keeps else None)


@pytest.mark.parametrize("count", [2, 3])
def test_an_hdf5_file_names_its_classes(tmp_path, count):
    path = tmp_path / "letters.h5"
    arrays = {"features": X.numpy(), "targets": np.arange(40)[:, None] % 3}
    write_hdf5(path, {"train": arrays}, attributes={"classes": list("abc")[:count]})
    if count == 3:
        session = wb.fit([wb.Linear()], path, epochs=1)
        assert session.wait() and session.log.status["classes"] == ["a", "b", "c"]
        return
    with pytest.raises(ValueError, match="contain 2, but the data names only 2 classes"):
        wb.fit([wb.Linear()], path, epochs=1)


def test_an_hdf5_file_names_only_the_classes_of_its_targets(tmp_path):
    path = tmp_path / "letters.h5"
    numbers = np.arange(40)[:, None] % 3
    arrays = {"features": X.numpy(), "targets": numbers, "colour": numbers[::-1]}
    write_hdf5(path, {"train": arrays}, attributes={"classes": list("abc")})
    data = H5PYDataset(path, ("train",))
    stream = DataStream(data, iteration_scheme=SequentialScheme(40, 8))
    renamed = Rename(stream, {"targets": "letter"})
    for given, target, classes in (
        (data, "targets", ("a", "b", "c")),
        (data, "colour", None),
        (renamed, "letter", ("a", "b", "c")),
    ):
        assert prepare(given, Wishes(target, None, 8, None, False, 1)).classes == classes


class Named(Letters):
    """A dataset of dictionaries, whose batches have other keys."""

    def __getitem__(self, row):
        return {"image": X[row], "letter": self.targets[row]}


def with_other_names(examples):
    batch = torch.utils.data.default_collate(examples)
    return {"y": batch["letter"], "x": batch["image"]}


def reversed_pair(examples):
    return torch.utils.data.default_collate(examples)[::-1]


@pytest.mark.parametrize("kind", ["names", "order"])
def test_the_targets_are_those_in_the_batches_of_a_loader(kind):
    if kind == "names":
        data, collate = Named(None, list("abcd")), with_other_names
    else:
        data, collate = Reversed(int, list("abcd")), reversed_pair
    loader = torch.utils.data.DataLoader(data, 8, collate_fn=collate)
    session = wb.fit([wb.Linear()], loader, validation=None, epochs=1)
    assert outputs(session) == 4
    assert session.log.status["classes"] == list("abcd")


class Reversed(Letters):
    def __getitem__(self, row):
        return self.targets[row], X[row]


class Streamed(torch.utils.data.IterableDataset):
    targets = (0, 1)

    def __iter__(self):
        return zip(X, torch.arange(40) % 2, strict=True)


def test_a_dataset_that_can_only_be_iterated_may_have_targets():
    loader = torch.utils.data.DataLoader(Streamed(), 8)
    assert outputs(wb.fit([wb.Linear(output_dim=2)], loader, validation=None, epochs=1)) == 2


def test_numbers_are_compared_in_the_precision_in_which_they_are_read(capsys):
    data = Letters(torch.tensor, None)
    data.targets = [[1000.1 + row] for row in range(40)]
    assert wb.fit([wb.Linear()], data, epochs=1).wait()
    assert "the targets have the mean 1020" in capsys.readouterr().err
