"""`fit`, which trains a model on data in one call and shows the program that does the same."""

from workbench.fitting.start import fit
from workbench.names import explain_missing

__all__ = ["fit"]

explain_missing(__name__)
