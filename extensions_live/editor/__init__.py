"""The visual editor of models."""

from extensions_live.editor.board import Board
from workbench.names import explain_missing

__all__ = ["Board"]

explain_missing(__name__)
