"""`ModelImage`, a diagram that can be shown in a notebook or saved to a file.

In HTML, the image is a data URL. GitHub and nbviewer remove ``<svg>`` elements from HTML, and
JupyterLab does not show ``image/svg+xml`` in untrusted notebooks, but all three show images that
are data URLs. Where images cannot be shown, the diagram appears as text.
"""

from __future__ import annotations

import base64
from pathlib import Path

from workbench.diagrams.diagram import Diagram
from workbench.diagrams.mermaid import to_text
from workbench.diagrams.svg import escaped, to_svg
from workbench.errors import ArgumentError
from workbench.hints import Hinted
from workbench.utils.atomic import replace_file


def image(diagram: Diagram) -> str:
    """Return an ``<img>`` element that shows a diagram."""
    data = base64.b64encode(to_svg(diagram).encode()).decode()
    text = escaped(diagram.as_text())
    return f'<img alt="{text}" src="data:image/svg+xml;base64,{data}"/>'


def page(diagram: Diagram) -> str:
    """Return a diagram and its totals as HTML."""
    head = f"<b>{escaped(diagram.title)}</b>"
    if diagram.summary:
        head += f" · {escaped(diagram.summary)}"
    return f"<div><div>{head}</div>{image(diagram)}</div>"


class ModelImage(Hinted):
    """Image of a model; a notebook shows the image if it is the last expression of a cell.

    Attributes
    ----------
    diagram : Diagram
        The nodes and edges, with some groups closed.

    Examples
    --------
    >>> from workbench.bricks import Linear
    >>> from workbench.builder import draw
    >>> image = draw(Linear(3, 2))
    >>> isinstance(image, ModelImage), image.mermaid.splitlines()[0]
    (True, 'flowchart TD')
    """

    def __init__(self, diagram: Diagram) -> None:
        self.diagram = diagram

    @property
    def svg(self) -> str:
        """The image as an SVG document."""
        return to_svg(self.diagram)

    @property
    def mermaid(self) -> str:
        """The diagram as the text of a Mermaid flowchart."""
        return to_text(self.diagram)

    def save(self, path: str | Path) -> None:
        """Write the image to a file.

        Parameters
        ----------
        path : str or Path
            The file to write. Its suffix determines the format: ``.svg``, or ``.mmd`` for Mermaid.

        Raises
        ------
        ArgumentError
            If the file name has a different suffix, or if the file exists and is not an image.
        """
        path = Path(path)
        texts = {".svg": to_svg, ".mmd": to_text}
        if path.suffix not in texts:
            raise ArgumentError(
                f"save: the name {path.name!r:.80} must end with .svg or .mmd; the suffix "
                "determines the format"
            )
        data = texts[path.suffix](self.diagram).encode()
        replace_file(path, lambda file: file.write(data), ArgumentError)

    def __repr__(self) -> str:
        return self.diagram.as_text()

    def _repr_html_(self) -> str:
        return page(self.diagram)
