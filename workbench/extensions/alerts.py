"""Alerts, which views show immediately and which can be sent to a web address.

The record ``alerts`` is a tuple of alerts. An alert is a mapping with the keys ``level``, ``text``
and ``by`` (its origin). It is also logged with `logging`, unless there are too many alerts from
the same origin.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping
from time import sleep
from typing import Any, ClassVar, Literal, Unpack, get_args
from urllib.error import HTTPError
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from workbench.errors import ArgumentError
from workbench.extensions.alert_rate import MOST, PERIOD, Rate
from workbench.extensions.events import CallbackName
from workbench.extensions.simple_extension import SimpleExtension
from workbench.extensions.triggers import Triggers
from workbench.hints import hinted
from workbench.interfaces import Loop
from workbench.log import TrainingLogBase
from workbench.names import explain_missing
from workbench.utils.actors import acting_as, actor

__all__ = ["ALERTS", "Alert", "Level", "alert"]

logger = logging.getLogger(__name__)

ALERTS = "alerts"
"""Name of the record that contains the alerts."""

Level = Literal["info", "warning", "error"]
Webhook = str | Callable[[Mapping[str, Any]], object]

LEVELS: Mapping[str, int] = {
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
TIMEOUT = 10.0
"""Maximum number of seconds to wait for a response from a web address."""

MOST_WAITING = 100
"""Maximum number of alerts that wait to be sent; if there are more, the oldest are dropped."""

NAP = 0.2
"""Seconds after which a waiting thread checks again whether the main thread has ended."""

NOT_A_LEVEL = "level must be one of {levels}, not {level!r}"
NO_TEXT = "the text of an alert must be a non-empty string, not {text!r}"
NOT_A_WEBHOOK = (
    "webhook must be an address that starts with http:// or https://, or a function that "
    "accepts a mapping, not {webhook!r}"
)
HOLDS = "the condition of {name} is met"
RAISED = (
    "the condition of {name} raised {error}, so it could not be checked; training continues, and "
    "later errors of this condition are not shown"
)
TOO_MANY = (
    f"%s sends alerts very often; at most {MOST} of its alerts within {PERIOD:.0f} seconds are "
    "printed, and log.channel('alerts') contains all of them"
)
_printed: WeakKeyDictionary[Loop, dict[str, Rate]] = WeakKeyDictionary()


def check_level(level: object) -> None:
    """Raise an `ArgumentError` unless `level` is an alert level."""
    if level not in LEVELS:
        raise ArgumentError(NOT_A_LEVEL.format(levels=", ".join(get_args(Level)), level=level))


@hinted
def alert(main_loop: Loop, text: str, level: Level = "warning") -> None:
    """Record an alert in the current row of a main loop's log.

    Call this function only in the training thread; other threads must use `Session.alert`.

    Parameters
    ----------
    main_loop : MainLoop
    text : str
        One or two sentences for the user.
    level : {'info', 'warning', 'error'}

    Raises
    ------
    ArgumentError
        If `text` is empty or `level` is not a valid level.

    Examples
    --------
    >>> from workbench.main_loop import MainLoop
    >>> main_loop = MainLoop(None, None)
    >>> alert(main_loop, "the data have been read once", level="info")
    >>> main_loop.log[0]["alerts"]
    ({'level': 'info', 'text': 'the data have been read once', 'by': 'code'},)
    """
    check_level(level)
    if not isinstance(text, str) or not text:
        raise ArgumentError(NO_TEXT.format(text=text))
    row = main_loop.log.current_row
    row[ALERTS] = (*row.get(ALERTS, ()), {"level": level, "text": text, "by": actor()})
    if logger.isEnabledFor(LEVELS[level]) or not logger.hasHandlers():
        _print(main_loop, LEVELS[level], f"iteration {row.iteration}: {text}")
    main_loop.after_event(main_loop.log.commit)


def _print(main_loop: Loop, level: int, text: str) -> None:
    """Log an alert, or warn once if there are too many alerts from the same origin."""
    rate = _printed.setdefault(main_loop, {}).setdefault(actor(), Rate())
    if not rate.permits():
        if rate.left_out == 1:
            logger.warning(TOO_MANY, actor())
        return
    count = rate.told()
    more = f" ({count} earlier alert{'s' * (count != 1)} not printed)" if count else ""
    if logger.isEnabledFor(level):
        logger.log(level, "%s%s", text, more)
    else:  # by default, `logging` prints warnings only, but the user has asked for this alert
        print(f"{text}{more}", file=sys.stderr)


class Alert(SimpleExtension):
    """Extension that alerts the user when a condition is met.

    Parameters
    ----------
    text : str, optional
        The text of the alert, used unless `when` returns a string.
    when : callable, optional
        A function that receives the log and returns True, or the text of the alert, if the
        condition is met. By default the condition is always met. If the function raises errors,
        only the first error becomes an alert; training continues.
    level : {'info', 'warning', 'error'}
        The level; by default ``'info'``.
    repeat : bool
        If True, alert whenever the condition is met. By default, if `when` reports several times in
        a row that the condition is met, alert only the first time, even if the text changes. If the
        condition depends on a noisy value, use a mean of several values or check less often.
    webhook : str or callable, optional
        The http or https address that each alert is posted to as JSON, or a function that receives
        the same items as a mapping. The keys are ``text``, ``level``, ``iteration`` and ``log``
        (the identity of the log). Alerts are sent in another thread; a failure is logged, and
        training continues. If there are more than five alerts within 30 seconds, only the last of
        the remaining alerts is sent, with the additional key ``left_out``: the number of alerts
        that were not sent.
    name : str, optional
        The name of the extension; by default the class name.
    **triggers
        When to check the condition; see `SimpleExtension`. By default after every epoch.

    Raises
    ------
    ArgumentError
        If an argument is not valid, or if neither `text` nor `when` is given.

    Examples
    --------
    >>> Alert("the cost is low", when=lambda log: log.current_row["cost"] < 0.01)
    Alert(after_epoch=True)
    >>> Alert("training has failed", level="error", on_error=True)
    Alert(on_error=True)
    """

    only_reports = True

    state_keys: ClassVar[tuple[str, ...]] = ("met",)

    def __init__(
        self,
        text: str = "",
        when: Callable[[TrainingLogBase], bool | str] | None = None,
        *,
        level: Level = "info",
        repeat: bool = False,
        webhook: Webhook | None = None,
        name: str | None = None,
        **triggers: Unpack[Triggers],
    ) -> None:
        check_level(level)
        if not isinstance(text, str) or not (text or when):
            raise ArgumentError(f"{NO_TEXT.format(text=text)}, unless when=... is given")
        if when is not None and not callable(when):
            raise ArgumentError(f"when must be a function of the log, not {when!r}")
        if not triggers:
            triggers = {"after_epoch": True}
        super().__init__(name, **triggers)
        self.text = text
        self.when = when
        self.level = level
        self.repeat = repeat
        self.met = False
        self.failed = False  # the condition has raised an error
        self._sender = None if webhook is None else Sender(webhook)

    def records(self) -> dict[str, bool]:
        return {ALERTS: False}

    def do(self, which_callback: CallbackName | None = None, *args: Any) -> None:
        """Check the condition, and alert the user if it is met."""
        log = self.main_loop.log
        try:
            found = True if self.when is None else self.when(log)
            met = bool(found)  # an array of several values, for example, raises an error
        except Exception as error:
            if not self.failed:
                self.failed = True
                text = RAISED.format(name=self.name, error=f"{type(error).__name__}: {error}")
                self._alert(text, "error")
            return
        before, self.met = self.met, met
        if not met or (before and not self.repeat and self.when is not None):
            return
        text = found if isinstance(found, str) else self.text or HOLDS.format(name=self.name)
        self._alert(text, self.level)

    def _alert(self, text: str, level: Level) -> None:
        log = self.main_loop.log
        with acting_as(self.name):
            alert(self.main_loop, text, level)
        if self._sender is not None:
            iteration = log.status["iterations_done"]
            facts = {"text": text, "level": level, "iteration": iteration, "log": log.h_uuid}
            self._sender.send(facts)


class Sender:
    """Queue of alerts that a separate thread sends to a web address or passes to a function.

    Alerts are sent one after another. The thread ends when all alerts have been sent. The thread is
    not a daemon, so that a script does not end before its last alert has been sent. If there are
    more alerts than `Rate` permits, only the last of the remaining alerts is sent, as soon as
    `Rate` permits it or the main thread has ended.

    Parameters
    ----------
    webhook : str or callable

    Raises
    ------
    ArgumentError
        If `webhook` is neither an address nor a function.
    """

    def __init__(self, webhook: Webhook) -> None:
        if isinstance(webhook, str):
            if urlsplit(webhook).scheme not in ("http", "https") or not urlsplit(webhook).netloc:
                raise ArgumentError(NOT_A_WEBHOOK.format(webhook=webhook))
        elif not callable(webhook):
            raise ArgumentError(NOT_A_WEBHOOK.format(webhook=webhook))
        self.webhook = webhook
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Mapping[str, Any]] = deque(maxlen=MOST_WAITING)
        self._late: Mapping[str, Any] | None = None  # the last alert above the limit
        self._rate = Rate()
        self._thread: threading.Thread | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"webhook": self.webhook}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.webhook = state["webhook"]
        self._reset()

    def send(self, facts: Mapping[str, Any]) -> None:
        """Queue `facts` for another thread to send."""
        with self._lock:
            if self._rate.permits():
                self._waiting.append(with_count(facts, self._rate.told()))
                self._late = None
            else:
                self._late = facts
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="workbench-alerts")
                self._thread.start()

    def _next(self) -> Mapping[str, Any] | None:
        """Wait if necessary, and return the next alert to send, or None if no alert is left."""
        while True:
            with self._lock:
                if self._waiting:
                    return self._waiting.popleft()
                if self._late is None:
                    self._thread = None
                    return None
                delay = self._rate.delay
                if delay <= 0 or not threading.main_thread().is_alive():
                    facts, self._late = self._late, None
                    others = self._rate.told() - 1
                    self._rate.permits()
                    return with_count(facts, others)
            sleep(min(delay, NAP))

    def _work(self) -> None:
        while (facts := self._next()) is not None:
            try:
                if isinstance(self.webhook, str):
                    post(self.webhook, facts)
                else:
                    self.webhook(facts)
            except Exception as error:  # training must continue, and the address is a secret
                kind = type(error).__name__
                if isinstance(error, HTTPError):
                    kind = f"{kind}, status {error.code}"
                logger.warning("an alert was not delivered (%s): %s", kind, facts["text"])


def with_count(facts: Mapping[str, Any], left_out: int) -> Mapping[str, Any]:
    """Add the key ``left_out`` to an alert, unless the number of alerts left out is 0.

    Examples
    --------
    >>> with_count({"text": "low"}, 3), with_count({"text": "low"}, 0)
    ({'text': 'low', 'left_out': 3}, {'text': 'low'})
    """
    return {**facts, "left_out": left_out} if left_out else facts


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Handler that treats redirects as errors; urllib would follow them but omit the alert."""

    def redirect_request(self, *args: Any) -> None:
        """Return None, so that the response counts as an error."""


def post(address: str, facts: Mapping[str, Any]) -> None:
    """Send a mapping as JSON to a web address.

    Raises
    ------
    OSError
        If no response arrives within `TIMEOUT` seconds, or if the response is an error or a
        redirect.
    """
    data = json.dumps(facts).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(address, data, headers, method="POST")
    opener = urllib.request.build_opener(_NoRedirects)
    with opener.open(request, timeout=TIMEOUT) as answer:
        answer.read()


explain_missing(__name__)
