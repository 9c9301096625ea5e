"""A report of a run as one file."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import bokeh
import numpy as np
import pytest

from extensions_live import to_html
from extensions_live.log_curves import read_curves
from extensions_live.log_figure import build as build_plot
from tests.support.runs import build
from workbench.errors import LogError, MissingDataError
from workbench.log import TrainingLog

LIBRARY = Path(bokeh.__file__).parent / "server" / "static" / "js" / "bokeh.min.js"


class Page(HTMLParser):
    """Parser that collects tags, scripts and text of a report."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self.words, self.inside = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts[-1] += data
        elif self.inside != "style":
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def written(source, tmp_path, **options):
    path = tmp_path / "run.html"
    to_html(source, path, **options)
    return path.read_text(encoding="utf-8")


def million(names):
    """Return a log of a million rows of noise."""
    log, x = TrainingLog(), np.arange(1_000_000)
    rng = np.random.default_rng(0)
    columns = {name: (x, rng.normal(size=len(x))) for name in names}
    log.load_state_dict({**log.state_dict(), "rows": x, "columns": columns})
    return log


def test_a_session_reports_all_of_its_run(tmp_path):
    session = build(12).start(paused=True, name="first try")
    session.set("learning_rate", 0.05).wait(60)
    session.resume()
    assert session.wait(60)
    session.to_html(tmp_path / "run.html")
    text = Page((tmp_path / "run.html").read_text(encoding="utf-8")).text
    assert text.startswith("first try first try finished Run rows 13 iterations 12")
    for heading in ("Curves", "Channels", "Hyperparameters", "Interventions", "Model"):
        assert f" {heading} " in text
    assert re.search(r"2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d learning_rate 0\.1 0\.05 code", text)
    assert re.search(r"linear_0 Linear 4 -> 6 .*30 parameters: W 4 x 6, b 6", text)
    assert re.search(r"torch 2\.\d+", text) and "python 3." in text


def test_a_failed_run_shows_its_error(tmp_path):
    from .runs import make_loop

    session = make_loop(fail_at=3).start()
    with pytest.raises(ValueError, match="ran away"):
        session.wait(60)
    assert "failed ValueError: the weights ran away" in Page(written(session, tmp_path)).text


def test_every_text_is_escaped(tmp_path):
    bad = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    log = TrainingLog()
    for i in range(3):
        log[i].update({bad: float(i), "note": bad})
    log[1]["interventions"] = ({"text": bad, "by": bad, "value": bad, "old": bad, "time": bad},)
    log.status["hyperparameters"] = {bad: 0.1}
    log.status["versions"] = {bad: bad}
    page = Page(written(log, tmp_path, title=bad))
    assert [tag for tag, _ in page.tags if tag == "img"] == ["img"]  # that of noscript
    assert len(page.scripts) == 3
    assert not [attrs for _, attrs in page.tags if "onerror" in attrs]
    assert bad in page.text


def test_only_its_own_scripts_may_run_and_nothing_may_be_requested(tmp_path):
    page = Page(written(million(["cost"]), tmp_path))
    [policy] = [attrs["content"] for _, attrs in page.tags if "http-equiv" in attrs]
    _, *scripts = page.scripts
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy and "unsafe-inline" not in policy.split(";")[1]
    assert not [attrs for _, attrs in page.tags if attrs.get("src", "data:")[:5] != "data:"]
    assert not [attrs for tag, attrs in page.tags if tag == "link" or "href" in attrs]


def test_a_run_of_a_million_rows_takes_less_than_a_megabyte_beside_bokeh(tmp_path):
    names = ["cost", "test cost", "rate", "error"]
    text = written(million(names), tmp_path)
    assert len(text.encode()) - LIBRARY.stat().st_size < 1_000_000
    assert "at most 12,000 of up to 1,000,000 points" in Page(text).text


def test_a_log_of_many_channels_is_small_and_says_what_is_left_out(tmp_path):
    log = TrainingLog()
    for i in range(50):
        log[i].update({f"channel {n}": float(i * n) for n in range(300)})
    text = written(log, tmp_path)
    assert len(text.encode()) - LIBRARY.stat().st_size < 1_000_000
    shown = Page(text).text
    assert "only in the table: 288." in shown and "Channels that are not shown: 100" in shown


def test_an_empty_log_has_a_report(tmp_path):
    assert "The log has no numeric channels." in Page(written(TrainingLog(), tmp_path)).text


def test_numbers_that_are_not_finite_or_too_large_for_small_types_are_kept(tmp_path):
    log = TrainingLog()
    for i, value in enumerate([1e300, float("inf"), float("nan"), -1e-300, 10**400]):
        log[i]["cost"] = value
    assert "1e+300" in Page(written(log, tmp_path)).text


def test_the_last_rows_show_a_recorded_nan_but_no_missing_value(tmp_path):
    log = TrainingLog()
    log[1]["cost"], log[2]["cost"], log[3]["rate"] = 0.5, np.nan, 0.1
    rows = written(log, tmp_path).partition("Last rows")[2].partition("</table>")[0]
    assert re.findall("<td>(.*?)</td>", rows) == ["3", "", "0.1", "2", "nan", "", "1", "0.5", ""]


@pytest.mark.parametrize(
    ("start", "step", "dtype"),
    [(-1e7, 0.01, np.float64), (1.7e9, 0.5, np.float64), (0.1, 0.1, np.float32)],
)
def test_a_report_keeps_small_variations_of_large_values(start, step, dtype):
    log = TrainingLog()
    for i in range(200):
        log[i]["cost"] = start + step * i if i != 100 else 1e15
    line = build_plot(read_curves(log), compact=True).renderers[0]
    stored = line.data_source.data["y"]
    assert stored.dtype == dtype and len(np.unique(stored)) == 200


def test_a_constant_is_stored_in_half_the_space_only_if_it_is_exact():
    for value, dtype in ((0.5, np.float32), (0.1, np.float64)):
        log = TrainingLog()
        log[0]["cost"], log[1]["cost"] = value, value
        line = build_plot(read_curves(log), compact=True).renderers[0]
        assert line.data_source.data["y"].dtype == dtype


def test_a_report_replaces_a_file_only_once_it_is_complete(tmp_path, monkeypatch):
    log = TrainingLog()
    log[1]["cost"] = 1.0
    path = tmp_path / "run.html"
    path.write_text("old")
    monkeypatch.setattr("extensions_live.report_parts.rows", lambda log: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        to_html(log, path)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_wrong_requests_are_refused(tmp_path):
    with pytest.raises(LogError, match="to_html needs a session or a training log, not 3"):
        to_html(3, tmp_path / "run.html")
    with pytest.raises(MissingDataError, match="folder"):
        to_html(TrainingLog(), tmp_path / "missing" / "run.html")


def test_a_path_that_is_no_file_is_refused(tmp_path):
    for given, text in ((tmp_path, "which is a folder"), (None, "not None")):
        with pytest.raises(LogError, match=f"path must be the path of a file.*{text}"):
            to_html(TrainingLog(), given)


def test_the_path_is_returned_and_eager_is_explained(tmp_path):
    log = TrainingLog()
    log[1].update(cost=1.0, execution="eager: few calls so far")
    path = to_html(log, str(tmp_path / "run.html"))
    assert path == tmp_path / "run.html"
    assert "<dt>execution</dt><dd>eager (not compiled)</dd>" in path.read_text(encoding="utf-8")
