"""Names from Theano give errors with the name to use instead."""

import re

import pytest
import torch

from workbench import shared, tensor
from workbench.tensor import vocabulary


@pytest.mark.parametrize(
    ("word", "instead"),
    [
        ("ones", "torch.ones"),
        ("concatenate", "torch.cat"),
        ("switch", "torch.where"),
        ("dot", "torch.matmul"),
        ("clip", "torch.clamp"),
        ("arctan2", "torch.atan2"),
        ("dmatrix", "tensor.variable(name, (None, None), torch.float64)"),
        ("ivector", "tensor.variable(name, (None,), torch.int32)"),
        ("fscalar", "tensor.variable(name, (), torch.float32)"),
        ("set_subtensor", "x.index_put((index,), value)"),
        ("nnet", "torch.nn.functional"),
        ("cast", "x.to(torch.float32)"),
        ("matrices", "write tensor.matrix(name) for each variable"),
        ("lvectors", "write tensor.lvector(name) for each variable"),
        ("fvectors", "write tensor.variable(name, (None,), torch.float32) for each variable"),
        ("rows", "write tensor.variable(name, shape=(1, None)) for each variable"),
    ],
)
def test_functions_of_theano_name_those_of_torch(word, instead):
    with pytest.raises(AttributeError, match=re.escape(f"no '{word}'") + ".*" + re.escape(instead)):
        getattr(tensor, word)


@pytest.mark.parametrize("word", sorted(vocabulary.FUNCTIONS))
def test_names_in_hints_exist(word):
    if hasattr(type(tensor), word) or word in tensor.__all__:
        return
    with pytest.raises(AttributeError, match="write "):
        getattr(tensor, word)
    named = re.match(r"(torch|tensor)((?:\.\w+)+)", vocabulary.FUNCTIONS[word])
    if named:
        place = {"torch": torch, "tensor": tensor}[named[1]]
        for part in named[2].split(".")[1:]:
            place = getattr(place, part)


@pytest.mark.parametrize(
    ("use", "instead"),
    [
        (lambda x: x.astype("float32"), "x.to(torch.float32)"),
        (lambda x: x.repeat(2, axis=0), "x.repeat_interleave(n, axis)"),
        (lambda x: x.take([0], axis=0), "x.index_select(axis, indices)"),
        (lambda x: x.dimshuffle(0, "x", 1), "x.permute(...)"),
        (lambda x: x.flatten(ndim=2), "x.flatten(ndim - 1)"),
        (lambda x: x.std(ddof=1), "correction="),
        (lambda x: x.broadcastable, "x.shape"),
        (lambda x: x.transpos(0, 1), "did you mean 'transpose"),
        (lambda x: shared([1.0]).get_value(borrow=True), "w.tensor"),
        (lambda x: shared([1.0]).set_value([2.0], borrow=True), "copies the value"),
    ],
)
def test_methods_of_theano_name_those_of_torch(use, instead):
    with pytest.raises((AttributeError, TypeError), match=re.escape(instead)):
        use(tensor.tensor3("x"))


def test_near_names_are_suggested():
    with pytest.raises(AttributeError, match="has no 'matirx'; did you mean 'matrix'"):
        _ = tensor.matirx
    assert not hasattr(tensor, "ones") and not hasattr(tensor.matrix("x"), "astype")
