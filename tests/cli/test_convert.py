"""Converting files from a shell, in each format."""

import h5py
import numpy as np
import pytest
from PIL import Image

from workbench.cli import main
from workbench.data.idx import encode_idx

X = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.h5"


def idx(folder):
    (folder / "x").write_bytes(encode_idx(X))
    return ["idx", f"train.features={folder / 'x'}"]


def npz(folder):
    np.savez(folder / "data.npz", x=X)
    return ["npz", str(folder / "data.npz"), "train.features=x"]


def csv(folder):
    (folder / "t.csv").write_text("a,b,kind,note\n1,2.5,red,x\n3,4,blue,y\n5,6,red,z\n")
    return ["csv", f"train={folder / 't.csv'}", "--target", "kind", "--ignore", "note"]


def images(folder):
    (folder / "all").mkdir()
    Image.new("L", (3, 2), 1).save(folder / "all" / "0.png")
    return ["images", f"train={folder / 'all'}", "--mode", "L"]


@pytest.mark.parametrize(
    ("words", "shape"),
    [(idx, (4, 3, 2)), (npz, (4, 3, 2)), (csv, (3, 2)), (images, (1,))],
)
def test_each_format_is_converted(tmp_path, out, capsys, words, shape):
    kind, *rest = words(tmp_path)
    assert main(["convert", kind, str(out), *rest]) == 0
    assert capsys.readouterr().out == f"{out}: {out.stat().st_size} bytes\n"
    with h5py.File(out) as file:
        found = next(iter(v for k, v in file.items() if "feature" in k or "image" in k))
        assert found.shape[: len(shape)] == shape


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["idx", "o.h5", "train.x=nowhere"], 1, "there is no IDX file nowhere"),
        (["idx", "o.h5", "train=x"], 2, "'train' must be of the form SPLIT.SOURCE"),
        (["csv", "o.h5", "train"], 2, "'train' must be of the form NAME=VALUE"),
        (["csv", "o.h5", "a=1", "a=2"], 2, "'a' is given twice"),
    ],
)
def test_the_error_says_what_is_wrong(capsys, arguments, code, message):
    assert main(["convert", *arguments]) == code
    assert message in capsys.readouterr().err


def test_the_options_of_the_command_are_named(tmp_path, capsys):
    table = tmp_path / "table.csv"
    table.write_text("name,size,kind\nx,1,a\ny,2,b\n")
    words = ["convert", "csv", str(tmp_path / "o.h5"), f"all={table}", "--target", "kind"]
    assert main(words) == 1
    assert "exclude the column with --ignore" in capsys.readouterr().err
    table.write_text("name;size;kind\nx;1;a\ny;2;b\n")
    assert main(words) == 1
    assert "pass --delimiter" in capsys.readouterr().err
