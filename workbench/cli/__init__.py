"""The command line, ``workbench VERB`` or ``python -m workbench VERB``.

A verb is one module of this package, which defines a click command of the same name, and one row in
`VERBS`. The module is imported only when its verb is called or when help is printed, so that no
verb waits for the libraries of another one.
"""

from workbench.cli.program import main
from workbench.names import explain_missing

__all__ = ["main"]

explain_missing(__name__)
