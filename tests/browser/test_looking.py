"""Images of models in cells, and models that an editor only shows, in a real browser."""

import json

import pytest

from workbench import tensor
from workbench.bricks import MLP, Softmax, Tanh
from workbench.model import Model

from .lab import notebook_text, until

MODULE = """\
import torch
from extensions_live import Editor

class Own(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Linear(4, width), torch.nn.ReLU())
        self.head = torch.nn.Linear(width, 2)
    def forward(self, x):
        return self.head(self.body(x))

editor = Editor(Own(3))
editor"""


@pytest.fixture(scope="module")
def notebook(open_notebook):
    """Yield a notebook with the saved output of a model, which is not trusted, and an editor."""
    content = json.loads(notebook_text("model", MODULE, "untouched = 1"))
    model = Model(MLP([Tanh(), Softmax()], [784, 100, 10]).apply(tensor.matrix("features")))
    content["cells"][0]["outputs"] = [{
        "output_type": "display_data",
        "metadata": {},
        "data": {"text/html": model._repr_html_(), "text/plain": repr(model)},
    }]  # fmt: skip
    return open_notebook("looking.ipynb", json.dumps(content))


def test_the_saved_image_of_a_model_is_shown_without_a_kernel(notebook):
    image = notebook.cell(0).locator("img").first
    image.wait_for()
    until(lambda: image.evaluate("(one) => one.naturalWidth") > 200, what="the image")
    assert "linear_0 Linear" in image.get_attribute("alt")
    assert notebook.cell(0).get_by_text("79,510 parameters").is_visible()


def test_a_module_that_cannot_be_edited_is_shown_on_the_canvas(notebook):
    notebook.run(1)
    assert notebook.errors() == []
    notebook.scroll_to(1)
    canvas = notebook.cell(1).locator(".wbe")
    inner = canvas.locator('[data-testid="node-body.0"]').first
    inner.wait_for()
    edges = canvas.locator(".react-flow__edge")
    labels = edges.evaluate_all("(all) => all.map((one) => one.getAttribute('aria-label'))")
    assert "edge from body to head, shape batch × 3" in labels
    canvas.locator('[data-testid="node-head"] b').first.click()
    notebook.page.keyboard.press("Delete")
    toast = canvas.locator(".wbe-toast[data-kind=refused]").first
    toast.wait_for()
    assert "can be viewed, but not edited" in toast.inner_text()
    assert canvas.locator('[data-testid="node-head"]').count() == 1
