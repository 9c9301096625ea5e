"""The visual editor of models: the canvas of a notebook, and the board behind it."""

from extensions_live.editor.board import Board
from extensions_live.editor.editor import Editor
from workbench.names import explain_missing

__all__ = ["Board", "Editor"]

explain_missing(__name__)
