"""Every exception of the project, in one place.

All derive from `WorkbenchError`, and each also from the builtin that fits, so that code which
knows nothing of the workbench can still catch them::

    WorkbenchError
    ├── ShapeError            (ValueError)      sizes or ranks that do not fit together
    ├── DtypeError            (TypeError, ValueError) a dtype that does not fit
    ├── SymbolicError         (TypeError)       a value was asked of a variable that has none yet
    ├── OperationError        (TypeError)       a function or its arguments that are refused
    ├── UnknownNameError      (AttributeError)  a name that is not there; the text has the right one
    ├── MissingImportError    (ImportError)     a name that cannot be imported, and the right one
    ├── InputError            (ValueError)      inputs of a function: missing, surplus or ill-typed
    ├── OutOfRangeError       (IndexError)      the number of a class, or of a word, that is none
    ├── DomainError           (ValueError)      values that are no probabilities, or no weights
    ├── GradientError         (ValueError)      a gradient that is not defined
    ├── InitializationError   (ValueError)      a scheme that cannot make the values asked for
    ├── BrickError            (ValueError)      a brick that is configured or asked wrongly
    │   ├── NotConfiguredError                  a setting that allocation or initialisation needs
    │   └── ApplicationError                    a brick applied to what, or where, it must not be
    ├── SignatureError        (TypeError, ValueError) arguments that a signature does not take
    ├── UnknownAttributeError (AttributeError)  an attribute was assigned that nothing reads
    ├── NotAllocatedError     (AttributeError)  parameters asked of a brick that has none yet
    ├── GraphError            (ValueError)      a computation graph that cannot do what was asked
    ├── SelectionError        (LookupError, ValueError) a path or a name that selects nothing
    ├── SearchError           (ValueError)      a beam search that cannot be made as asked
    ├── ParameterError        (ValueError)      parameter values that do not fit the model
    │   └── UnknownParameterError (KeyError)    a path that no parameter has
    ├── AlgorithmError        (ValueError)      an algorithm or a step rule set up wrongly
    ├── NotFiniteError        (ArithmeticError) a cost became infinite or not a number
    ├── MonitoringError       (ValueError)      monitored variables that are unfit, or have no value
    ├── MonitoringWarning     (RuntimeWarning)  a mean over batches that is none over their data
    ├── ConfigurationError    (ValueError, AttributeError) a setting unknown, unset or ill-typed
    ├── DataError             (ValueError)      data, or a request for them, that do not fit
    │   ├── SourceError       (LookupError)     a source or a set that the data do not have
    │   ├── DataFileError                       a file that is damaged or not of the expected layout
    │   ├── MissingDataError  (FileNotFoundError) data that are not on this machine
    │   ├── DownloadError     (OSError)         a download that no mirror completed
    │   └── PrefetchError     (RuntimeError)    a process that reads ahead is no more
    ├── StateError            (TypeError)       a value that cannot be stored as plain state
    ├── ArchiveError          (ValueError)      an archive that is damaged, foreign or incomplete
    │   └── UntrustedArchiveError (PermissionError) an archive that nobody said to trust
    ├── MissingLibraryError   (ImportError)     an optional library that is not installed
    ├── LogError              (ValueError)      a log asked for what it cannot give
    │   └── UnknownRecordError (KeyError)       a channel, or a record of a row, that is not there
    ├── LogWarning            (RuntimeWarning)  records too large, or not yet in their database
    ├── ExtensionError        (TypeError, ValueError) an extension that cannot be called as set up
    │   └── EventError                          an event or a trigger that does not exist
    ├── ExtensionLookupError  (LookupError, ValueError) no extension, or several, of that name
    ├── AlreadyTrainingError  (RuntimeError)    somebody is training this just now
    ├── SessionError          (RuntimeError)    a command that a session refused
    ├── SessionWarning        (RuntimeWarning)  another session is training as well
    ├── CheckpointWarning     (RuntimeWarning)  a run could not be saved, or not all of it
    └── TrainingFinish        (RuntimeError)    raised to end training; never reaches the user
        └── EvaluationAbandoned                 the same, within an extension that evaluates

    WaitInterrupted           (KeyboardInterrupt) no error: waiting ended, and training goes on

Where an error was raised while bricks were being applied, its text begins with their path: the
running applications push themselves onto `location` (see `located`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from contextvars import ContextVar

from workbench.tracebacks import Readable, shorten_uncaught

location: ContextVar[tuple[str, ...]] = ContextVar("location", default=())
"""Paths of the brick applications now running, outermost first."""


@contextlib.contextmanager
def located(text: str) -> Iterator[None]:
    """Name `text` as the place of whatever goes wrong inside the `with` block."""
    token = location.set((*location.get(), text))
    try:
        yield
    finally:
        location.reset(token)


def nearest(name: str, candidates: Iterable[object]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest of `candidates`, or an empty string."""
    import difflib

    spelled = {str(c).casefold(): str(c) for c in candidates}
    found = difflib.get_close_matches(str(name).casefold(), list(spelled), n=1)
    return f"; did you mean {spelled[found[0]]!r}?" if found else ""


class WorkbenchError(Readable, Exception):
    """Base of all errors raised by the workbench.

    Shown without the frames within it, where they are not caught; see `workbench.tracebacks`.
    """


class ShapeError(WorkbenchError, ValueError):
    """Sizes or numbers of dimensions do not fit together."""


class DtypeError(WorkbenchError, TypeError, ValueError):
    """A dtype does not fit."""


class SymbolicError(WorkbenchError, TypeError):
    """Something needs a value, but a variable is a tensor that has not been computed yet."""


class OperationError(WorkbenchError, TypeError):
    """A function does not take these arguments, or is refused on variables."""


class UnknownNameError(WorkbenchError, AttributeError):
    """A name that a module or a variable does not have; the text says what to write instead."""


class MissingImportError(WorkbenchError, ImportError):
    """A name was imported that a module does not have; the text says what to write instead."""


class InputError(WorkbenchError, ValueError):
    """The inputs of a function are missing, surplus or of the wrong kind."""


class CompilationError(WorkbenchError, RuntimeError):
    """Something that a function computes cannot be compiled; it runs eagerly."""


class CompilationWarning(WorkbenchError, RuntimeWarning):
    """A function that was to be compiled runs eagerly."""


class OutOfRangeError(WorkbenchError, IndexError):
    """An integer that chooses a row or an element, such as that of a class, has no place there."""


class DomainError(WorkbenchError, ValueError):
    """Values lie outside of what a function is defined for, as probabilities above one do."""


class GradientError(WorkbenchError, ValueError):
    """A gradient was asked for that is not defined."""


class InitializationError(WorkbenchError, ValueError):
    """An initialisation scheme is ill-configured, or cannot make an array of this shape."""


class BrickError(WorkbenchError, ValueError):
    """A brick is configured wrongly, or asked for what it does not have."""


class NotConfiguredError(BrickError):
    """A brick lacks a setting that its allocation or its initialisation needs."""


class ApplicationError(BrickError):
    """A brick is applied to what, or at a place where, it must not be."""


class SignatureError(WorkbenchError, TypeError, ValueError):
    """The arguments of a constructor or an application do not fit its signature."""


class UnknownAttributeError(WorkbenchError, AttributeError):
    """An attribute was assigned that does not exist, so that nothing would read it."""


class NotAllocatedError(WorkbenchError, AttributeError):
    """The parameters of a brick were asked for before they were allocated."""


class GraphError(WorkbenchError, ValueError):
    """A computation graph cannot do what it was asked."""


class SelectionError(WorkbenchError, LookupError, ValueError):
    """A path or a name selects nothing."""


class SearchError(WorkbenchError, ValueError):
    """A search for likely sequences cannot be made from what was given."""


class ParameterError(WorkbenchError, ValueError):
    """Values of parameters do not fit the model, or were never set."""


class UnknownParameterError(ParameterError, KeyError):
    """No parameter has the path asked for."""

    __str__ = Exception.__str__  # a KeyError would show the quoted text


class AlgorithmError(WorkbenchError, ValueError):
    """An algorithm or a step rule is set up in a way that does not make sense."""


class NotFiniteError(WorkbenchError, ArithmeticError):
    """A cost became infinite or not a number."""


class MonitoringError(WorkbenchError, ValueError):
    """Variables cannot be monitored: their names clash or are missing, or there is no value yet."""


class MonitoringWarning(WorkbenchError, RuntimeWarning):
    """A value over several batches is not that over all of their data."""


class ConfigurationError(WorkbenchError, ValueError, AttributeError):
    """A setting is unknown, has no value, or was given one that does not fit."""


class ArgumentError(WorkbenchError, ValueError):
    """Arguments, or keys of a dictionary, are missing or do not fit."""


class UnknownArgumentError(ArgumentError, KeyError):
    """A keyword argument was given that nobody expects."""

    __str__ = Exception.__str__  # a KeyError would show the quoted text


class SurplusArgumentError(ArgumentError, TypeError):
    """More arguments were given than expected, or one was given twice."""


class DataError(WorkbenchError, ValueError):
    """Data, a request for data, or a saved position do not fit."""


class SourceError(DataError, LookupError):
    """A data source, or a named set of examples, does not exist."""


class DataFileError(DataError):
    """A data file is damaged or laid out otherwise than expected; the text names file and fault."""


class MissingDataError(DataError, FileNotFoundError):
    """Data that were asked for are not on this machine."""


class DownloadError(DataError, OSError):
    """No mirror delivered a file whole and with the right checksum."""


class StateError(WorkbenchError, TypeError):
    """A value cannot be stored as plain state, or stored state cannot be read."""


class ArchiveError(WorkbenchError, ValueError):
    """An archive is damaged, foreign, newer than this program, or lacks what was asked for."""


class UntrustedArchiveError(ArchiveError, PermissionError):
    """Loading would execute code from an archive that nobody said to trust."""


class PrefetchError(DataError, RuntimeError):
    """A process that was reading data ahead has ended, or failed in a way that it cannot tell."""


class MissingLibraryError(WorkbenchError, ImportError):
    """What was asked for needs a library that is not installed; the text says how to install it."""


class LogError(WorkbenchError, ValueError):
    """A training log was asked for something that it cannot give."""


class UnknownRecordError(LogError, KeyError):
    """A channel, or a record of a row, does not exist."""

    __str__ = Exception.__str__  # KeyError would show the text quoted and on one line


class LogWarning(WorkbenchError, RuntimeWarning):
    """Records take much room in a database, or could not be written to it yet."""


class ExtensionError(WorkbenchError, TypeError, ValueError):
    """An extension is set up in a way in which it could not be called."""


class EventError(ExtensionError):
    """An event of training, or a trigger keyword, does not exist."""


class ExtensionLookupError(WorkbenchError, LookupError, ValueError):
    """No extension of a main loop has the name asked for, or several have it."""


class AlreadyTrainingError(WorkbenchError, RuntimeError):
    """The main loop, or something that it would change, is being trained already.

    Attributes
    ----------
    session : Session or None
        The session that is training, where there is one.
    """

    def __init__(self, text: str, session: object = None) -> None:
        super().__init__(text)
        self.session = session


class SessionError(WorkbenchError, RuntimeError):
    """A session refused a command; the text says why."""


class SessionWarning(WorkbenchError, RuntimeWarning):
    """Another session is training while a new one starts."""


class WaitInterrupted(Readable, KeyboardInterrupt):
    """Waiting for training was interrupted, and training goes on."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]  # nothing went wrong anywhere


class CheckpointWarning(WorkbenchError, RuntimeWarning):
    """A run could not be saved, or not all of it; training goes on."""


class TrainingFinish(WorkbenchError, RuntimeError):
    """Raised by an extension, or in a command of a session, to end training in good order."""


class EvaluationAbandoned(TrainingFinish):
    """Raised between the batches of an evaluation when training is to end without it.

    An extension that catches it lets those behind it see the event; see
    `MainLoop.yield_to_commands`.
    """


shorten_uncaught()
