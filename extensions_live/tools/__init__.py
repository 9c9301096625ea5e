"""Access to sessions for tools: state, log and commands as JSON over HTTP."""

from extensions_live.tools.server import ToolServer, serve
from workbench.names import explain_missing

__all__ = ["ToolServer", "serve"]

explain_missing(__name__)
