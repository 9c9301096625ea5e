"""The still output of an editor: an image of the board in the saved notebook."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable
from typing import Any

from extensions_live.editor.board_state import BoardState
from extensions_live.editor.image import as_text, draw
from extensions_live.messages import MimeBundle, SourceExample
from extensions_live.still_output import STYLE, StillOutput

NOT_LIVE = (
    '<div class="wb-not-live" hidden>Not live: if the kernel is still running, reload the page; '
    "otherwise run the cell again.</div>"
)
EMPTY = '<div class="wb-still wb-no-values">The board of this editor was empty.</div>'


class EditorStill(StillOutput):
    """Still image of a board, with the code of the model.

    Parameters
    ----------
    board : BoardState
    examples : callable, optional
        A function that returns the example that each input shows, keyed by the ids of the inputs.
    """

    def __init__(
        self, board: BoardState, examples: Callable[[], dict[str, SourceExample]] = dict
    ) -> None:
        source: Any = board
        super().__init__(source)
        self._board, self._examples = board, examples

    def due(self) -> object:
        """Return the version of the board, or None if it is too early for the static image."""
        if self._clock() < self._next:
            return None
        return ("board", self._board.version)

    def over(self) -> bool:
        """Return False, since a board can always change."""
        return False

    def text(self) -> str:
        """Return the nodes of the board as text."""
        return as_text(self._board.payload())

    def bundles(self) -> tuple[MimeBundle, MimeBundle]:
        """Return the code and the image as MIME bundles."""
        payload = self._board.payload()
        text = as_text(payload)
        if not payload["nodes"]:
            return {"text/plain": text, "text/html": STYLE + EMPTY}, {"text/plain": ""}
        code = html.escape(payload["code"]["text"])
        shown = f'<details class="wb-still"><summary>code</summary><pre>{code}</pre></details>'
        image: MimeBundle = {"text/plain": text}
        image["image/png"] = base64.b64encode(draw(payload, self._examples())).decode()
        return {"text/plain": "", "text/html": STYLE + NOT_LIVE + shown}, image
