"""The command line interface, ``workbench VERB`` or ``python -m workbench VERB``.

Each verb is defined by a module of this package with a click command of the same name, and by an
entry in `VERBS`. The module is imported only when its verb is called or help is printed, so that no
verb imports the libraries of another verb.
"""

from workbench.cli.program import main
from workbench.names import explain_missing

__all__ = ["main"]

explain_missing(__name__)
