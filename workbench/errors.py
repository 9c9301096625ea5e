"""All exceptions of the package.

All exceptions except `WaitInterrupted` derive from `WorkbenchError`, and each also derives from the
matching builtin exception, so that code can catch it without importing the workbench::

    WorkbenchError
    ├── ShapeError            (ValueError)      incompatible sizes or numbers of dimensions
    ├── DtypeError            (TypeError, ValueError) an invalid dtype
    ├── SymbolicError         (TypeError)       use of a value that has not been computed yet
    ├── OperationError        (TypeError)       a function or arguments that are not supported
    ├── UnknownNameError      (AttributeError)  a name that does not exist, with a suggestion
    ├── MissingImportError    (ImportError)     a name that cannot be imported, with a suggestion
    ├── InputError            (ValueError)      missing, surplus or ill-typed inputs of a function
    ├── CompilationError      (RuntimeError)    a function that cannot be compiled
    ├── CompilationWarning    (RuntimeWarning)  a function that runs eagerly instead
    ├── OutOfRangeError       (IndexError)      a class or token index out of range
    ├── DomainError           (ValueError)      values that are not probabilities or weights
    ├── GradientError         (ValueError)      a gradient that is not defined
    ├── InitializationError   (ValueError)      a scheme that cannot draw the requested values
    ├── BrickError            (ValueError)      a brick that is configured or used incorrectly
    │   ├── NotConfiguredError                  a missing setting for allocation or initialisation
    │   └── ApplicationError                    an incorrect application of a brick
    ├── SignatureError        (TypeError, ValueError) arguments that do not match a signature
    ├── UnknownAttributeError (AttributeError)  assignment to an attribute that does not exist
    ├── NotAllocatedError     (AttributeError)  access to parameters before their allocation
    ├── GraphError            (ValueError)      a request that a computation graph cannot satisfy
    ├── SelectionError        (LookupError, ValueError) a path that is invalid or selects nothing
    ├── SearchError           (ValueError)      a beam search that cannot be built or run
    ├── BuilderError          (ValueError)      a model that a specification cannot describe
    │   └── SpecError                           a specification with a fault, and its location
    ├── BuilderWarning        (RuntimeWarning)  a saved block that cannot be read
    ├── ParameterError        (ValueError)      parameter values that do not match the model
    │   └── UnknownParameterError (KeyError)    a parameter path that does not exist
    ├── AlgorithmError        (ValueError)      an algorithm or a step rule that is misconfigured
    ├── NotFiniteError        (ArithmeticError) a value that is infinite or not a number
    ├── MonitoringError       (ValueError)      monitored variables that are invalid or lack a value
    ├── MonitoringWarning     (RuntimeWarning)  a value that may differ from the exact value
    ├── ConfigurationError    (ValueError, AttributeError) an unknown, missing or invalid setting
    ├── ArgumentError         (ValueError)      arguments that are missing or invalid
    │   ├── UnknownArgumentError (KeyError)     an unknown keyword argument
    │   └── SurplusArgumentError (TypeError)    more arguments than expected
    ├── DataError             (ValueError)      invalid data, or an invalid request for data
    │   ├── SourceError       (LookupError)     a source or a set that the data do not have
    │   ├── DataFileError                       a damaged file, or a file with an unexpected layout
    │   ├── MissingDataError  (FileNotFoundError) data that are not on this machine
    │   ├── DownloadError     (OSError)         a download that failed
    │   └── PrefetchError     (RuntimeError)    the failure of a process that reads ahead
    ├── StateError            (TypeError)       a value that cannot be stored as plain state
    ├── ArchiveError          (ValueError)      an archive that is damaged, incomplete or too new
    │   └── UntrustedArchiveError (PermissionError) an untrusted archive that contains code
    ├── MissingLibraryError   (ImportError)     an optional library that is not installed
    ├── LogError              (ValueError)      a request that a log cannot satisfy
    │   └── UnknownRecordError (KeyError)       a channel or a record that does not exist
    ├── LogWarning            (RuntimeWarning)  records that are large, damaged or not yet written
    ├── ExtensionError        (TypeError, ValueError) an extension that is configured incorrectly
    │   └── EventError                          an unknown event, or an unknown or invalid trigger
    ├── ExtensionLookupError  (LookupError, ValueError) a name that is unknown or ambiguous
    ├── ProcessError          (RuntimeError)    a group of processes that is incomplete or broken
    ├── AlreadyTrainingError  (RuntimeError)    an object that another loop or session is training
    ├── SessionError          (RuntimeError)    a request that a session or a view rejects
    ├── SessionWarning        (RuntimeWarning)  the start of a session while another is training
    ├── CheckpointWarning     (RuntimeWarning)  a run that was not saved completely
    └── TrainingFinish        (RuntimeError)    a request to end training, never shown to the user
        └── EvaluationAbandoned                 a request to end an evaluation

    WaitInterrupted           (KeyboardInterrupt) the end of a wait; training continues

If an error is raised while a brick is applied, its message starts with the path of the brick, which
is the last entry of `location` (see `located`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from workbench.tracebacks import Readable, shorten_uncaught

location: ContextVar[tuple[str, ...]] = ContextVar("location", default=())
"""Paths of the brick applications in progress, outermost first."""


@contextlib.contextmanager
def located(text: str) -> Iterator[None]:
    """Add `text` to the location of errors that are raised inside the ``with`` block."""
    token = location.set((*location.get(), text))
    try:
        yield
    finally:
        location.reset(token)


SIMILAR, SIMILAR_START = 0.75, 0.6
"""Least similarity of a name to a suggested name, in general and if one begins with the other."""


def nearest(name: str, candidates: Iterable[object], form: str = "; {}") -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest of `candidates`, or an empty string.

    By default, the hint is suitable for the end of a message. To use the hint within a message,
    pass a `form` such as ``" ({})"``. Only a candidate that is probably a correct spelling is
    suggested: one that is similar, has the same letters in another order, or continues the name.

    Examples
    --------
    >>> nearest("epsilom", ["learning_rate", "epsilon"]), nearest("activation", ["validation"])
    ("; did you mean 'epsilon'?", '')
    """
    import difflib

    spelled = {str(c).casefold(): str(c) for c in candidates}
    given = str(name).casefold()
    for one in difflib.get_close_matches(given, list(spelled), n=1):
        similarity = difflib.SequenceMatcher(None, one, given).ratio()
        begins = one.startswith(given) or given.startswith(one)
        if similarity >= (SIMILAR_START if begins else SIMILAR) or sorted(one) == sorted(given):
            return form.format(f"did you mean {spelled[one]!r}?")
    return ""


@dataclass(frozen=True)
class Fix:
    """A setting that resolves an error.

    `workbench.bricks.apply_fix` applies it.

    Attributes
    ----------
    brick : str
        The path of the brick to change, such as ``mlp/linear_0``. If a parent pushes the setting to
        its children, this is the path of the parent. For an error in a constructor, this is the
        name of the class.
    attribute : str
        The attribute to set.
    value : object
        The value to assign: a number, or a list, tuple or dictionary of numbers.

    Examples
    --------
    >>> str(Fix("mlp", "input_dim", 784))
    'set mlp.input_dim = 784'
    """

    brick: str
    attribute: str
    value: Any

    def __str__(self) -> str:
        return f"set {self.brick}.{self.attribute} = {self.value!r}"


class WorkbenchError(Readable, Exception):
    """Base class of all errors of the workbench.

    Uncaught errors are shown without the stack frames of the workbench; see `workbench.tracebacks`.

    Attributes
    ----------
    brick : str or None
        The path of the brick that raised the error.
    fix : Fix or None
        A setting that resolves the error, if its value is known.
    """

    brick: str | None = None
    fix: Fix | None = None


class ShapeError(WorkbenchError, ValueError):
    """Incompatible sizes or numbers of dimensions."""


class DtypeError(WorkbenchError, TypeError, ValueError):
    """An invalid dtype, or incompatible dtypes."""


class SymbolicError(WorkbenchError, TypeError):
    """Use of a variable's value before it is computed."""


class OperationError(WorkbenchError, TypeError):
    """A function that variables do not support, or arguments that it does not accept."""


class UnknownNameError(WorkbenchError, AttributeError):
    """A name that a module or a variable does not have; the message may suggest another name."""


class MissingImportError(WorkbenchError, ImportError):
    """An imported name that a module does not have; the message may suggest another name."""


class InputError(WorkbenchError, ValueError):
    """Inputs of a function that are missing, surplus or of the wrong type."""


class CompilationError(WorkbenchError, RuntimeError):
    """A function that cannot be compiled and therefore runs eagerly."""


class CompilationWarning(WorkbenchError, RuntimeWarning):
    """A function that runs eagerly although compilation was requested."""


class OutOfRangeError(WorkbenchError, IndexError):
    """An index out of range, for example a class index or a token index."""


class DomainError(WorkbenchError, ValueError):
    """Values outside the domain of a function, such as probabilities above one."""


class GradientError(WorkbenchError, ValueError):
    """A gradient that is not defined."""


class InitializationError(WorkbenchError, ValueError):
    """An initialisation scheme that is invalid or cannot draw values of the requested shape."""


class BrickError(WorkbenchError, ValueError):
    """A brick that is configured incorrectly, or a request that it cannot satisfy."""


class NotConfiguredError(BrickError):
    """A missing setting that is required to allocate or initialise a brick.

    Attributes
    ----------
    missing : tuple of str
        The attributes of the brick that must be set; empty if the error is due to a changed
        setting.
    """

    def __init__(self, text: str, missing: Iterable[str] = ()) -> None:
        super().__init__(text)
        self.missing = tuple(missing)


class ApplicationError(BrickError):
    """An application of a brick to invalid arguments, or in a place where it is not allowed."""


class SignatureError(WorkbenchError, TypeError, ValueError):
    """Arguments that do not match the signature of a constructor, a function or an application."""


class UnknownAttributeError(WorkbenchError, AttributeError):
    """Access to an attribute that does not exist, or an assignment that would have no effect."""


class NotAllocatedError(WorkbenchError, AttributeError):
    """Access to the parameters of a brick before they are allocated."""


class GraphError(WorkbenchError, ValueError):
    """A request that a computation graph cannot satisfy."""


class SelectionError(WorkbenchError, LookupError, ValueError):
    """A path or name that is invalid or that selects no brick or variable."""


class SearchError(WorkbenchError, ValueError):
    """A beam search that cannot be built or run with the given arguments."""


class BuilderError(WorkbenchError, ValueError):
    """A model or code that a specification cannot describe; see `workbench.builder`.

    Examples
    --------
    >>> from workbench.builder import to_spec
    >>> try:
    ...     to_spec("a model")
    ... except BuilderError as error:
    ...     print(type(error).__name__)
    BuilderError
    """


LONGEST = 2000
"""Maximum number of characters of the text of a `SpecError`."""


class SpecError(BuilderError):
    """A model specification that cannot be read or built.

    Attributes
    ----------
    path : str
        The location of the fault in the specification, such as ``bricks/0/settings/dims/1``.
    brick : str or None
        The path of the brick that contains the fault, such as ``mlp/linear_0``.
    setting : str or None
        The setting whose value is wrong.
    fix : object
        A value to use instead, or None if no suitable value is known.
    reason : str
        The text without the location.
    missing : bool
        True if nothing is wrong yet, but `setting` or an input is missing.

    Examples
    --------
    >>> from workbench.builder import BrickSpec, Spec, from_spec
    >>> try:
    ...     _ = from_spec(Spec(bricks=(BrickSpec("Linear", "linear", {"input_dim": -1}),)))
    ... except SpecError as error:
    ...     print(error.brick, error.setting)
    linear input_dim
    """

    fix: Any

    def __init__(
        self,
        text: str,
        *,
        path: str = "",
        brick: str | None = None,
        setting: str | None = None,
        fix: object = None,
        missing: bool = False,
    ) -> None:
        text = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
        where = f"{path or 'the specification'}"
        if brick is not None:
            where += f" (brick {brick!r})"
        super().__init__(f"{where}: {text}")
        self.reason = text
        self.path = path
        self.brick = brick
        self.setting = setting
        self.fix = fix
        self.missing = missing


class BuilderWarning(WorkbenchError, RuntimeWarning):
    """A saved block of the visual editor that cannot be read."""


class ParameterError(WorkbenchError, ValueError):
    """Parameter values that do not match the model or were never set."""


class UnknownParameterError(ParameterError, KeyError):
    """A parameter path that does not exist."""

    __str__ = Exception.__str__  # KeyError would show the quoted text


class AlgorithmError(WorkbenchError, ValueError):
    """An algorithm or a step rule that is configured incorrectly."""


class NotFiniteError(WorkbenchError, ArithmeticError):
    """A cost, gradient or parameter that is infinite or not a number."""


class MonitoringError(WorkbenchError, ValueError):
    """Monitored variables that are invalid, have no name or no value, or have the same name."""


class MonitoringWarning(WorkbenchError, RuntimeWarning):
    """A value computed batch by batch, which may differ from the value for the whole dataset."""


class ConfigurationError(WorkbenchError, ValueError, AttributeError):
    """A setting that is unknown or has no value, or an invalid value for a setting.

    Examples
    --------
    >>> from workbench.config import config
    >>> try:
    ...     config.default_sed = 1
    ... except ConfigurationError as error:
    ...     print("did you mean" in str(error))
    True
    """


class ArgumentError(WorkbenchError, ValueError):
    """Arguments, or keys of a dictionary, that are missing or invalid."""


class UnknownArgumentError(ArgumentError, KeyError):
    """An unknown keyword argument."""

    __str__ = Exception.__str__  # KeyError would show the quoted text


class SurplusArgumentError(ArgumentError, TypeError):
    """More arguments than expected, or an argument that is given twice."""


class DataError(WorkbenchError, ValueError):
    """Invalid data, an invalid request for data, or an invalid saved position in the data.

    Attributes
    ----------
    changes_frame : bool
        True if the message shows how to change a table that is called ``frame``.
    """

    changes_frame = False


class SourceError(DataError, LookupError):
    """A data source, or a named set of examples, that does not exist."""


class DataFileError(DataError):
    """A data file that is damaged or has an unexpected layout."""


class MissingDataError(DataError, FileNotFoundError):
    """Data that are not on this machine."""


class DownloadError(DataError, OSError):
    """A download that failed on every mirror, or whose files could not be written."""


class StateError(WorkbenchError, TypeError):
    """A value that cannot be stored as plain state, or stored state that cannot be read."""


class ArchiveError(WorkbenchError, ValueError):
    """A file that is not an archive, or an archive that is damaged, incomplete or too new."""


class UntrustedArchiveError(ArchiveError, PermissionError):
    """An untrusted archive that would execute code if it were loaded."""


class PrefetchError(DataError, RuntimeError):
    """The failure of a process that reads data in advance."""


class MissingLibraryError(WorkbenchError, ImportError):
    """An optional library that is not installed; the message states how to install it."""


class LogError(WorkbenchError, ValueError):
    """A request that a training log cannot satisfy."""


class UnknownRecordError(LogError, KeyError):
    """A channel or a record that does not exist."""

    __str__ = Exception.__str__  # KeyError would show the quoted text on one line


class LogWarning(WorkbenchError, RuntimeWarning):
    """A slow database, or records that are large, damaged or not yet stored."""


class ExtensionError(WorkbenchError, TypeError, ValueError):
    """An incorrectly configured extension, for example one that would never be called."""


class EventError(ExtensionError):
    """An unknown training event, or a trigger keyword that is unknown or has an invalid value."""


class ExtensionLookupError(WorkbenchError, LookupError, ValueError):
    """An extension name that is unknown, or that several extensions share."""


class ProcessError(WorkbenchError, RuntimeError):
    """A process that cannot join a group, or that has lost contact with the other processes."""


class AlreadyTrainingError(WorkbenchError, RuntimeError):
    """A main loop that is already training, or a variable that another run is training.

    Attributes
    ----------
    session : Session or None
        The session that is training, if there is one.
    """

    def __init__(self, text: str, session: object = None) -> None:
        super().__init__(text)
        self.session = session


class SessionError(WorkbenchError, RuntimeError):
    """A request that a session or a view rejects; the message states the reason."""


class NoResultError(SessionError, AttributeError):
    """The best run of a sweep, before any run has a result."""


class SessionWarning(WorkbenchError, RuntimeWarning):
    """The start of a session while another session is training."""


class WaitInterrupted(Readable, KeyboardInterrupt):
    """The interruption of a call to `wait`, for example by Ctrl+C; training continues."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]  # no frames, since this is not an error


class CheckpointWarning(WorkbenchError, RuntimeWarning):
    """A run that could not be saved completely; training continues."""


class TrainingFinish(WorkbenchError, RuntimeError):
    """Exception that an extension or a session command raises to end training normally.

    Examples
    --------
    >>> from workbench.extensions import TrainingExtension
    >>> class GoodEnough(TrainingExtension):
    ...     def after_batch(self, batch):
    ...         if self.main_loop.log.current_row["cost"] < 0.1:
    ...             raise TrainingFinish
    """


class EvaluationAbandoned(TrainingFinish):
    """Exception that ends an evaluation between two batches because training must end.

    If an extension catches this exception, the extensions after it still handle the event; see
    `MainLoop.yield_to_commands`.
    """


E = TypeVar("E", bound=WorkbenchError)


def about(error: E, brick: str, fix: Fix | None = None) -> E:
    """Add the path of the brick and, if it is known, a fix to `error`, and return `error`."""
    error.brick, error.fix = brick, fix
    return error


shorten_uncaught()
