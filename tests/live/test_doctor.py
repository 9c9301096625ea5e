"""The output of `doctor`."""

from extensions_live import doctor
from extensions_live.doctor import ADVICE, advice


def test_it_prints_versions_and_transport(capsys):
    doctor()
    text = capsys.readouterr().out
    for word in ("python", "torch", "bokeh", "anywidget", "ipykernel", "transport", "views"):
        assert f"\n{word} " in f"\n{text}"
    assert "no port, no network" in text


def test_a_silent_page_and_a_bad_kernel_come_first():
    lines = advice({"notebook": "Colab", "ipykernel": "7.0.0"}, silent=True)
    assert "7.0" in lines[0]
    assert "No page has answered" in lines[1]
    assert lines[2] == ADVICE["Colab"]
