"""The command line interface, ``workbench COMMAND`` or ``python -m workbench COMMAND``.

Each command is a click command in the module of the same name in this package, and has an entry in
`VERBS`. The module is imported only when its command is called or help is printed, so that no
command imports the libraries of another command.
"""

from workbench.cli.program import main
from workbench.names import explain_missing

__all__ = ["main"]

explain_missing(__name__)
