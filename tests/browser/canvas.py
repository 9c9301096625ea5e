"""The visual editor on a page, as a test uses it by mouse and keyboard."""

import json

from .lab import until

CELLS = [
    "from extensions_live import Editor\neditor = Editor()\neditor",
    "untouched = 1",
]


class Canvas:
    """Editor on a page; if there are several, the first one."""

    def __init__(self, notebook):
        self.notebook, self.page = notebook, notebook.page

    @property
    def box(self):
        return self.page.locator(".wbe").first

    def find(self, testid):
        return self.page.locator(f'.wbe [data-testid="{testid}"]').first

    def ask(self, expression):
        return self.notebook.ask(expression)

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def nodes(self):
        return json.loads(self.ask("__import__('json').dumps(editor.drawing.document.ids())")[1:-1])

    def choose(self, text):
        """Type into the list that is open, and take the first choice."""
        field = self.find("chooser-field")
        field.wait_for()
        self.page.keyboard.type(text)
        self.press("Enter")
        field.wait_for(state="detached")

    def add(self, text, node):
        """Add what the list has for a text after the selected node."""
        self.press("a")
        self.choose(text)
        self.find(f"node-{node}").wait_for()
        until(lambda: self.selected() == [node], what=f"{node} selected")

    def selected(self):
        nodes = self.box.locator(".react-flow__node.selected")
        return nodes.evaluate_all("(all) => all.map((one) => one.dataset.id)")

    def click(self, node):
        until(self.is_still, what="a view that does not move")
        self.find(f"node-{node}").locator("b").first.click()
        until(lambda: self.selected() == [node], what=f"{node} selected")

    def set(self, field, value):
        """Fill a field of the form, as by typing."""
        self.find(f"field-{field}").fill(str(value))
        self.find(f"field-{field}").press("Enter")

    def drag(self, start, end):
        """Drag from the middle of an element to another, or to a distance from it."""
        until(self.is_still, what="a view that does not move")
        (x, y), to = self.middle(start), end
        to = (x + end[0], y + end[1]) if isinstance(end, tuple) else self.middle(end)
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + 10, y + 10, steps=3)
        self.page.mouse.move(*to, steps=10)
        self.page.mouse.up()

    def is_still(self):
        view = self.box.locator(".react-flow__viewport")
        before = view.get_attribute("style")
        self.page.wait_for_timeout(120)
        return view.get_attribute("style") == before

    def middle(self, testid):
        box = self.find(testid).bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def are_drawn(self):
        """Return True if neither the nodes nor the view have just changed."""
        before = self.places()
        return self.is_still() and self.places() == before

    def places(self):
        """Return the position and size of each node on the canvas."""
        nodes = self.box.locator(".react-flow__node")
        return nodes.evaluate_all(PLACES)

    def shape(self, source, target):
        """Return the shape on the edge between two nodes."""
        edges = self.box.locator(".react-flow__edge")
        found = edges.evaluate_all("(all) => all.map((one) => one.getAttribute('aria-label'))")
        start = f"edge from {source} to {target}, shape "
        return next((one.removeprefix(start) for one in found if one.startswith(start)), None)


def linear(canvas, width):
    """Build features of 784 numbers and a linear brick by the keyboard."""
    canvas.ask("editor.drawing.add_input('features', [None, 784])")
    canvas.click("features")
    canvas.add("linear", "linear")
    canvas.set("output_dim", width)
    until(lambda: f" → {width}" in canvas.find("node-linear").inner_text(), what="the width")
    canvas.press("Escape")


PLACES = """(all) => Object.fromEntries(all.map((one) => {
    const { e, f } = new DOMMatrix(one.style.transform);
    return [one.dataset.id, [e, f, one.offsetWidth, one.offsetHeight]];
}))"""
