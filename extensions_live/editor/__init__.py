"""The visual editor for models: the canvas in a notebook, and the board behind the canvas."""

from extensions_live.editor.board import Board
from extensions_live.editor.editor import Editor
from workbench.names import explain_missing

__all__ = ["Board", "Editor"]

explain_missing(__name__)
