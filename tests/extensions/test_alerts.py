"""Alerts: records that views show, conditions, and delivery to a web address."""

import json
import logging
import pickle
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from tests.support.fakes import FakeAlgorithm, make
from workbench.errors import ArgumentError, SessionError
from workbench.extensions import Alert, FinishAfter, alert, alert_rate
from workbench.extensions.alerts import Sender
from workbench.utils.actors import acting_as

SOON = 20


def texts(main_loop):
    """Return iteration and text of every alert."""
    iterations, rows = main_loop.log.entries("alerts")
    return [
        (at, one["text"]) for at, row in zip(iterations.tolist(), rows, strict=True) for one in row
    ]


def run(*extensions, **options):
    main_loop = make(*extensions, FinishAfter(after_n_epochs=3), **options)
    main_loop.run()
    return main_loop


def test_an_alert_on_every_occasion_of_its_triggers():
    assert texts(run(Alert("an epoch is done"))) == [
        (3, "an epoch is done"),
        (6, "an epoch is done"),
        (9, "an epoch is done"),
    ]


def test_a_condition_alerts_once_while_it_is_met():
    found = Alert("late", when=lambda log: log.status["iterations_done"] > 3, after_batch=True)
    assert texts(run(found)) == [(4, "late")]


def test_a_condition_that_was_not_met_in_between_alerts_again():
    met = {2, 3, 6}
    found = Alert("met", when=lambda log: log.status["iterations_done"] in met, after_batch=True)
    assert texts(run(found)) == [(2, "met"), (6, "met")]


def test_a_condition_that_raises_alerts_once_and_training_continues():
    main_loop = run(Alert("low", when=lambda log: log.current_row["nothing"] < 1))
    [(at, text)] = texts(main_loop)
    assert (at, main_loop.status["epochs_done"]) == (3, 3)
    assert "the condition of Alert raised UnknownRecordError: iteration 3 has no record" in text


def test_a_condition_without_a_truth_value_alerts_once_and_training_continues():
    main_loop = run(Alert("high", when=lambda log: np.array([1.0, 20.0]) > 10))
    [(at, text)] = texts(main_loop)
    assert (at, main_loop.status["epochs_done"]) == (3, 3)
    assert "the condition of Alert raised ValueError: The truth value of an array" in text


def test_an_alert_has_the_name_of_its_extension():
    main_loop = run(Alert("done", name="my alert"))
    assert main_loop.log[3]["alerts"][0]["by"] == "my alert"


def test_repeat_alerts_on_every_occasion():
    found = Alert("late", when=lambda log: log.status["epochs_done"] > 1, repeat=True)
    assert texts(run(found)) == [(6, "late"), (9, "late")]


def test_a_condition_can_return_the_text():
    found = Alert(when=lambda log: f"{log.status['epochs_done']} done")
    assert texts(run(found)) == [(3, "1 done")]


def test_several_alerts_of_one_row_are_kept():
    assert texts(run(Alert("one"), Alert("two", name="second")))[:2] == [(3, "one"), (3, "two")]


def test_an_alert_is_logged_with_its_level(caplog):
    main_loop = make()
    with caplog.at_level(logging.INFO):
        alert(main_loop, "read once", level="info")
    assert (caplog.records[0].levelname, caplog.records[0].message) == (
        "INFO",
        "iteration 0: read once",
    )


def test_an_alert_informs_unless_its_level_is_given():
    assert run(Alert("done")).log[3]["alerts"][0]["level"] == "info"


def test_an_alert_is_printed_without_any_handler_of_logging(monkeypatch, capsys):
    monkeypatch.setattr(logging.getLogger("workbench.extensions.alerts"), "hasHandlers", bool)
    alert(make(), "read once", level="info")
    assert capsys.readouterr().err == "iteration 0: read once\n"


def test_another_text_of_a_condition_that_stays_met_is_no_change():
    main_loop = run(
        Alert(when=lambda log: f"cost {log.status['iterations_done']}", after_batch=True)
    )
    assert texts(main_loop) == [(1, "cost 1")]


def test_a_failed_run_can_alert():
    main_loop = make(
        Alert("it failed", level="error", on_error=True),
        algorithm=FakeAlgorithm(errors={2: ValueError("no")}),
    )
    with pytest.raises(ValueError):
        main_loop.run()
    assert texts(main_loop) == [(1, "it failed")]


def test_a_session_records_an_alert_in_the_thread_that_trains():
    session = make(FinishAfter(after_n_epochs=1)).start(paused=True)
    session.alert("look", "info").wait(SOON)
    assert session.log[0]["alerts"] == ({"level": "info", "text": "look", "by": "code"},)
    with pytest.raises(SessionError, match="the text of an alert must be a non-empty string"):
        session.alert("").wait(SOON)
    session.resume()
    assert session.wait(SOON)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"text": "x", "level": "fatal"}, "level must be one of info, warning, error, not 'fatal'"),
        ({}, "must be a non-empty string, not '', unless when=... is given"),
        ({"text": "x", "when": 3}, "when must be a function of the log, not 3"),
        ({"text": "x", "webhook": "ftp://host"}, "webhook must be an address that starts with"),
        ({"text": "x", "webhook": "https://"}, "webhook must be an address that starts with"),
        ({"text": "x", "webhook": 3}, "or a function that accepts a mapping, not 3"),
    ],
)
def test_wrong_arguments(options, text):
    with pytest.raises(ArgumentError, match=text):
        Alert(**options)


def delivered(webhook):
    """Send one alert, and wait until nothing is left to send."""
    sender = Sender(webhook)
    sender.send({"text": "look"})
    while sender._thread is not None:
        thread = sender._thread
        if thread is not None:
            thread.join(SOON)


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            size = int(self.headers["Content-Length"])
            if self.path.startswith("/moved"):
                self.send_response(int(self.path[-3:]))
                self.send_header("Location", "/secret")
                self.end_headers()
                return
            posted.append((self.headers["Content-Type"], json.loads(self.rfile.read(size))))
            self.send_response(204)
            self.end_headers()

        def do_GET(self):
            posted.append("a request without the alert")
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    posted = []
    running = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/secret", posted
    running.shutdown()
    thread.join()
    running.server_close()


def test_of_many_alerts_a_few_are_printed_and_the_rest_is_counted(caplog, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(alert_rate, "monotonic", lambda: now[0])
    main_loop = make()
    for _ in range(8):
        alert(main_loop, "low")
    with acting_as("another"):
        alert(main_loop, "high")
    now[0] = 31.0
    alert(main_loop, "low")
    low = "iteration 0: low"
    *first, note, high, last = [record.message for record in caplog.records]
    assert (first, high) == ([low] * 5, "iteration 0: high")
    assert note.startswith("code sends alerts very often; at most 5 of its alerts within 30")
    assert last == "iteration 0: low (3 earlier alerts not printed)"
    assert len(main_loop.log[0]["alerts"]) == 10


def test_of_many_alerts_the_last_is_sent_with_the_number_of_the_others(monkeypatch):
    now, got = [0.0], []
    monkeypatch.setattr(alert_rate, "monotonic", lambda: now[0])
    sender = Sender(got.append)
    for number in range(9):
        sender.send({"text": number})
    thread = sender._thread
    now[0] = 31.0
    if thread is not None:
        thread.join(SOON)
    assert [one["text"] for one in got] == [0, 1, 2, 3, 4, 8]
    assert got[-1] == {"text": 8, "left_out": 3}


def test_after_the_main_thread_has_ended_a_late_alert_is_sent_at_once(monkeypatch):
    got = []
    monkeypatch.setattr(alert_rate, "monotonic", lambda: 0.0)
    monkeypatch.setattr(threading, "main_thread", threading.Thread)  # one that does not run
    sender = Sender(got.append)
    for number in range(7):
        sender.send({"text": number})
    while sender._thread is not None:
        sender._thread.join(SOON)
    assert {"text": 6} in got or {"text": 6, "left_out": 1} in got


def test_an_address_gets_json(server):
    address, posted = server
    delivered(address)
    assert posted == [("application/json", {"text": "look"})]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_an_alert_to_an_address_that_redirects_is_noted(server, caplog, status):
    address, posted = server
    delivered(address.replace("secret", f"moved{status}"))
    assert posted == []
    assert f"an alert was not delivered (HTTPError, status {status}): look" in caplog.text


def test_a_function_gets_the_facts_of_an_alert():
    got = []
    main_loop = run(Alert("low", webhook=got.append, level="info", after_n_epochs=1))
    for thread in threading.enumerate():
        if thread.name == "workbench-alerts":
            thread.join(SOON)
    log = main_loop.log.h_uuid
    assert got == [{"text": "low", "level": "info", "iteration": 3, "log": log}]


def test_a_failing_address_is_noted_without_showing_it(caplog):
    delivered("http://127.0.0.1:9/secret-token")
    assert "an alert was not delivered (URLError): look" in caplog.text
    assert "secret" not in caplog.text


def test_an_alert_does_not_show_its_address():
    assert "secret" not in repr(Alert("x", webhook="https://host/secret"))


def test_an_extension_with_an_address_can_be_pickled():
    found = pickle.loads(pickle.dumps(Sender("http://127.0.0.1:9/")))
    assert found.webhook == "http://127.0.0.1:9/"
