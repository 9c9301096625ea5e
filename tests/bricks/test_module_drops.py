"""A module of torch that drops something at random though it is in evaluation mode."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from workbench import tensor
from workbench.bricks import TorchModule


class Net(nn.Module):
    """A layer, and a function of what it gives."""

    def __init__(self, after):
        super().__init__()
        self.layer = nn.Linear(3, 4)
        self.hidden = [nn.Dropout(0.5)]  # in a list, where torch does not see it
        self.attention = nn.MultiheadAttention(4, 2, dropout=0.5, batch_first=True)
        self.after = after

    def forward(self, x):
        return self.after(self, self.layer(x))


def attention(h, **options):
    h = h[None, None]
    return F.scaled_dot_product_attention(h, h, h, **options)[0, 0]


WRONG = {
    "dropout": lambda self, h: F.dropout(h),
    "by position": lambda self, h: F.dropout(h, 0.5, True),
    "of torch": lambda self, h: torch.dropout(h, 0.5, True),
    "alpha_dropout": lambda self, h: F.alpha_dropout(h, 0.5, training=True),
    "dropout1d": lambda self, h: F.dropout1d(h),
    "in a list": lambda self, h: self.hidden[0](h),
    "attention": lambda self, h: attention(h, dropout_p=0.5),
    "rrelu": lambda self, h: F.rrelu(-1 - h.abs(), training=True),  # it keeps positive values
}
RIGHT = {
    "dropout": lambda self, h: F.dropout(h, training=self.training),
    "of nothing": lambda self, h: F.dropout(h, 0.0),
    "attention": lambda self, h: attention(h, dropout_p=0.5 if self.training else 0.0),
    "a layer of it": lambda self, h: self.attention(h[None], h[None], h[None])[0][0],
    "noise, as an autoencoder has it": lambda self, h: h + torch.randn_like(h),
}


def applied(after):
    brick = TorchModule(Net(after), name="net")
    brick.initialize()
    x = tensor.matrix("x")
    return [brick.apply(x), brick.apply(x)]


@pytest.mark.parametrize("after", WRONG.values(), ids=WRONG)
def test_it_is_told_of_once_by_its_path(after, caplog):
    y, _ = applied(after)
    assert caplog.text.count("drops elements at random in evaluation mode") == 1
    once, again = (y.eval({"x": torch.ones(256, 3)}) for _ in range(2))  # never equal by chance
    assert not torch.equal(once, again)


@pytest.mark.parametrize("after", RIGHT.values(), ids=RIGHT)
def test_one_that_minds_its_mode_is_not(after, caplog):
    applied(after)
    assert "drops elements" not in caplog.text


@pytest.mark.parametrize("after", WRONG.values(), ids=WRONG)
def test_nor_is_one_in_training_mode(after, caplog):
    brick = TorchModule(Net(after))
    brick.initialize()
    with brick:
        brick.apply(tensor.matrix("x"))
    assert "drops elements" not in caplog.text
