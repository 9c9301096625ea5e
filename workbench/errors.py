"""All exceptions of the project.

All derive from `WorkbenchError`, and each also from the matching builtin exception, so that code
that does not use the workbench can catch them::

    WorkbenchError
    ├── ShapeError            (ValueError)      sizes or ranks that do not fit together
    ├── DtypeError            (TypeError, ValueError) a dtype that does not fit
    ├── SymbolicError         (TypeError)       the value of a variable that has none yet
    ├── OperationError        (TypeError)       a function or arguments that are refused
    ├── UnknownNameError      (AttributeError)  a name that does not exist, and the right one
    ├── MissingImportError    (ImportError)     a name that cannot be imported, and the right one
    ├── InputError            (ValueError)      inputs of a function: missing, surplus or ill-typed
    ├── OutOfRangeError       (IndexError)      a class or token index out of range
    ├── DomainError           (ValueError)      values that must be probabilities or weights
    ├── GradientError         (ValueError)      a gradient that is not defined
    ├── InitializationError   (ValueError)      a scheme that cannot make the requested values
    ├── BrickError            (ValueError)      a brick that is configured or used wrongly
    │   ├── NotConfiguredError                  a setting that allocation or initialisation needs
    │   └── ApplicationError                    a brick applied wrongly, or in a wrong place
    ├── SignatureError        (TypeError, ValueError) arguments that do not fit a signature
    ├── UnknownAttributeError (AttributeError)  assignment to an attribute that nothing reads
    ├── NotAllocatedError     (AttributeError)  parameters of a brick that has none yet
    ├── GraphError            (ValueError)      a computation graph that cannot do the request
    ├── SelectionError        (LookupError, ValueError) a path or a name that selects nothing
    ├── SearchError           (ValueError)      a beam search that cannot be built
    ├── ParameterError        (ValueError)      parameter values that do not fit the model
    │   └── UnknownParameterError (KeyError)    a path that no parameter has
    ├── AlgorithmError        (ValueError)      an algorithm or a step rule set up wrongly
    ├── NotFiniteError        (ArithmeticError) a cost that is infinite or not a number
    ├── MonitoringError       (ValueError)      monitored variables that are unfit, or have no value
    ├── MonitoringWarning     (RuntimeWarning)  a mean over batches, not over all of their data
    ├── ConfigurationError    (ValueError, AttributeError) a setting unknown, unset or ill-typed
    ├── DataError             (ValueError)      data, or a request for them, that do not fit
    │   ├── SourceError       (LookupError)     a source or a set that the data do not have
    │   ├── DataFileError                       a file that is damaged or not of the expected layout
    │   ├── MissingDataError  (FileNotFoundError) data that are not on this machine
    │   ├── DownloadError     (OSError)         a download that no mirror completed
    │   └── PrefetchError     (RuntimeError)    a process that reads ahead has died
    ├── StateError            (TypeError)       a value that cannot be stored as plain state
    ├── ArchiveError          (ValueError)      an archive that is damaged, unknown or incomplete
    │   └── UntrustedArchiveError (PermissionError) an archive with code that is not trusted
    ├── MissingLibraryError   (ImportError)     an optional library that is not installed
    ├── LogError              (ValueError)      a request that a log cannot answer
    │   └── UnknownRecordError (KeyError)       a channel, or a record of a row, that does not exist
    ├── LogWarning            (RuntimeWarning)  records too large, or not yet in their database
    ├── ExtensionError        (TypeError, ValueError) an extension that cannot be called as set up
    │   └── EventError                          an event or a trigger that does not exist
    ├── ExtensionLookupError  (LookupError, ValueError) no extension, or several, of that name
    ├── AlreadyTrainingError  (RuntimeError)    another loop or session is training this
    ├── SessionError          (RuntimeError)    a command that a session refuses
    ├── SessionWarning        (RuntimeWarning)  another session is training as well
    ├── CheckpointWarning     (RuntimeWarning)  a run could not be saved, or not all of it
    └── TrainingFinish        (RuntimeError)    raised to end training; never reaches the user
        └── EvaluationAbandoned                 the same, within an evaluation

    WaitInterrupted           (KeyboardInterrupt) not an error: waiting ended, training continues

The text of an error that is raised during the application of a brick starts with the path of the
brick: running applications push themselves onto `location` (see `located`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from contextvars import ContextVar

from workbench.tracebacks import Readable, shorten_uncaught

location: ContextVar[tuple[str, ...]] = ContextVar("location", default=())
"""Paths of the running brick applications, outermost first."""


@contextlib.contextmanager
def located(text: str) -> Iterator[None]:
    """Add `text` as the location of errors raised inside the `with` block."""
    token = location.set((*location.get(), text))
    try:
        yield
    finally:
        location.reset(token)


def nearest(name: str, candidates: Iterable[object]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest of `candidates`, or an empty string."""
    import difflib

    spelled = {str(c).casefold(): str(c) for c in candidates}
    found = difflib.get_close_matches(str(name).casefold(), list(spelled), n=1)
    return f"; did you mean {spelled[found[0]]!r}?" if found else ""


class WorkbenchError(Readable, Exception):
    """Base of all errors raised by the workbench.

    Uncaught, they are shown without the frames within the workbench; see `workbench.tracebacks`.
    """


class ShapeError(WorkbenchError, ValueError):
    """Sizes or numbers of dimensions that do not fit together."""


class DtypeError(WorkbenchError, TypeError, ValueError):
    """A dtype that does not fit."""


class SymbolicError(WorkbenchError, TypeError):
    """Use of the value of a variable, which has not been computed yet."""


class OperationError(WorkbenchError, TypeError):
    """A function that is refused on variables, or arguments that it does not accept."""


class UnknownNameError(WorkbenchError, AttributeError):
    """A name that a module or a variable does not have; the text suggests the right one."""


class MissingImportError(WorkbenchError, ImportError):
    """An imported name that a module does not have; the text suggests the right one."""


class InputError(WorkbenchError, ValueError):
    """Inputs of a function that are missing, surplus or of the wrong kind."""


class CompilationError(WorkbenchError, RuntimeError):
    """A function that cannot be compiled, and runs eagerly."""


class CompilationWarning(WorkbenchError, RuntimeWarning):
    """A function that runs eagerly although compilation was requested."""


class OutOfRangeError(WorkbenchError, IndexError):
    """An index of a row or an element, such as that of a class or a token, that is out of range."""


class DomainError(WorkbenchError, ValueError):
    """Values outside the domain of a function, such as probabilities above one."""


class GradientError(WorkbenchError, ValueError):
    """A gradient that is not defined."""


class InitializationError(WorkbenchError, ValueError):
    """An initialisation scheme that is configured wrongly, or cannot make an array of the shape."""


class BrickError(WorkbenchError, ValueError):
    """A brick that is configured wrongly, or a part that it does not have."""


class NotConfiguredError(BrickError):
    """A missing setting that the allocation or initialisation of a brick needs."""


class ApplicationError(BrickError):
    """An application of a brick to wrong arguments, or in a place where it is not allowed."""


class SignatureError(WorkbenchError, TypeError, ValueError):
    """Arguments that do not fit the signature of a constructor, a function or an application."""


class UnknownAttributeError(WorkbenchError, AttributeError):
    """Assignment to an attribute that does not exist, so nothing would read it."""


class NotAllocatedError(WorkbenchError, AttributeError):
    """Access to the parameters of a brick before they are allocated."""


class GraphError(WorkbenchError, ValueError):
    """A request that a computation graph cannot carry out."""


class SelectionError(WorkbenchError, LookupError, ValueError):
    """A path or a name that selects nothing."""


class SearchError(WorkbenchError, ValueError):
    """A beam search that cannot be built from the given variables."""


class ParameterError(WorkbenchError, ValueError):
    """Values of parameters that do not fit the model, or were never set."""


class UnknownParameterError(ParameterError, KeyError):
    """A path that no parameter has."""

    __str__ = Exception.__str__  # a KeyError would show the quoted text


class AlgorithmError(WorkbenchError, ValueError):
    """An algorithm or a step rule that is set up wrongly."""


class NotFiniteError(WorkbenchError, ArithmeticError):
    """A cost, gradient or parameter that is infinite or not a number."""


class MonitoringError(WorkbenchError, ValueError):
    """Monitored variables whose names clash or are missing, or that have no value yet."""


class MonitoringWarning(WorkbenchError, RuntimeWarning):
    """A value over several batches that differs from the value over all of their data."""


class ConfigurationError(WorkbenchError, ValueError, AttributeError):
    """A setting that is unknown or has no value, or a value that does not fit."""


class ArgumentError(WorkbenchError, ValueError):
    """Arguments, or keys of a dictionary, that are missing or do not fit."""


class UnknownArgumentError(ArgumentError, KeyError):
    """An unknown keyword argument."""

    __str__ = Exception.__str__  # a KeyError would show the quoted text


class SurplusArgumentError(ArgumentError, TypeError):
    """More arguments than expected, or an argument that is given twice."""


class DataError(WorkbenchError, ValueError):
    """Data, a request for data, or a saved position that do not fit."""


class SourceError(DataError, LookupError):
    """A data source, or a named set of examples, that does not exist."""


class DataFileError(DataError):
    """A data file that is damaged, or has an unexpected layout; the text names file and fault."""


class MissingDataError(DataError, FileNotFoundError):
    """Data that are not on this machine."""


class DownloadError(DataError, OSError):
    """A download that no mirror completed with the right checksum."""


class StateError(WorkbenchError, TypeError):
    """A value that cannot be stored as plain state, or stored state that cannot be read."""


class ArchiveError(WorkbenchError, ValueError):
    """An archive that is damaged, of another kind, newer than this program, or incomplete."""


class UntrustedArchiveError(ArchiveError, PermissionError):
    """An archive that contains code, which loading would execute, and is not trusted."""


class PrefetchError(DataError, RuntimeError):
    """A process that reads data ahead, and has died or failed without a report."""


class MissingLibraryError(WorkbenchError, ImportError):
    """An optional library that is not installed; the text states how to install it."""


class LogError(WorkbenchError, ValueError):
    """A request that a training log cannot answer."""


class UnknownRecordError(LogError, KeyError):
    """A channel, or a record of a row, that does not exist."""

    __str__ = Exception.__str__  # KeyError would show the text quoted and on one line


class LogWarning(WorkbenchError, RuntimeWarning):
    """Records that take much space in a database, or could not be written to it yet."""


class ExtensionError(WorkbenchError, TypeError, ValueError):
    """An extension that, as it is set up, can never be called."""


class EventError(ExtensionError):
    """An event of training, or a trigger keyword, that does not exist."""


class ExtensionLookupError(WorkbenchError, LookupError, ValueError):
    """A name that no extension of a main loop has, or that several have."""


class AlreadyTrainingError(WorkbenchError, RuntimeError):
    """A main loop, or a variable that it would change, that is already being trained.

    Attributes
    ----------
    session : Session or None
        The session that is training, if there is one.
    """

    def __init__(self, text: str, session: object = None) -> None:
        super().__init__(text)
        self.session = session


class SessionError(WorkbenchError, RuntimeError):
    """A command that a session refuses; the text states the reason."""


class SessionWarning(WorkbenchError, RuntimeWarning):
    """The start of a session while another one is training."""


class WaitInterrupted(Readable, KeyboardInterrupt):
    """Interruption of waiting for training; training continues."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]  # no frames, since nothing went wrong


class CheckpointWarning(WorkbenchError, RuntimeWarning):
    """A run that could not be saved completely; training continues."""


class TrainingFinish(WorkbenchError, RuntimeError):
    """Exception that an extension, or a command of a session, raises to end training normally."""


class EvaluationAbandoned(TrainingFinish):
    """Exception raised between the batches of an evaluation if training must end without it.

    An extension that catches it lets the following extensions handle the event; see
    `MainLoop.yield_to_commands`.
    """


shorten_uncaught()
