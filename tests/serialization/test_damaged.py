"""Damaged, unrelated and forged archives: one line names file and fault; nothing changes."""

import gzip
import hashlib
import io
import json
import os
import pickle
import shutil
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pytest

from tests.support.runs import build, digits_mlp, gradient_descent, shuffled
from workbench import tensor
from workbench.bricks import Dropout, Softmax
from workbench.errors import ArchiveError, CheckpointWarning
from workbench.extensions import FinishAfter
from workbench.extensions.saveload import Checkpoint, Load
from workbench.graph import ComputationGraph, apply_training_mode
from workbench.main_loop import MainLoop
from workbench.model import Model
from workbench.serialization import archive, continue_training, load_parameters
from workbench.serialization.state import decode, encode


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Return the path of an intact archive."""
    path = tmp_path_factory.mktemp("sound") / "run.tar"
    build(3, Checkpoint(path)).run()
    return path


@pytest.fixture(scope="module")
def main_loop():
    """Return a main loop that fits the archive."""
    return build(3)


def members_of(path):
    with tarfile.open(path) as tar:
        return {info.name: tar.extractfile(info).read() for info in tar}


def rewrite(path, members):
    """Write a tar file of these members, with any manifest."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def forge(path, change):
    """Change members, and update the checksums."""
    members = members_of(path)
    manifest = json.loads(members.pop("_manifest"))
    change(members)
    manifest["sha256"] = {n: hashlib.sha256(m).hexdigest() for n, m in members.items()}
    rewrite(path, [*members.items(), ("_manifest", json.dumps(manifest).encode())])


def offset(path, name):
    """Return the offset of the content of a member."""
    with tarfile.open(path) as tar:
        return tar.getmember(name).offset_data


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content)


def cut(path, at):
    path.write_bytes(path.read_bytes()[:at])


def with_manifest(change):
    def damage(path):
        members = members_of(path)
        manifest = json.loads(members["_manifest"])
        manifest = change(manifest) or manifest
        content = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
        rewrite(path, [*list(members.items())[:-1], ("_manifest", content)])

    return damage


def forged(name, content):
    return lambda path: forge(path, lambda members: members.update({name: content}))


def forged_state(change):
    def apply(members):
        state = decode(members["_state"])
        change(state)
        members["_state"] = encode(state)

    return lambda path: forge(path, apply)


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def tree(text):
    return npz(tree=np.frombuffer(text.encode(), np.uint8))


def compress(path):
    path.write_bytes(gzip.compress(path.read_bytes()))


def to_zip(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("_parameters", b"x")


def remove_member(path):
    rewrite(path, [item for item in members_of(path).items() if item[0] != "_state"])


def swap(path):
    members = members_of(path)
    members["_state"], members["_parameters"] = members["_parameters"], members["_state"]
    rewrite(path, members.items())


def link(path):
    members = members_of(path)
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("_state")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(info)
        for name in ("_parameters", "_pkl", "_manifest"):
            info = tarfile.TarInfo(name)
            info.size = len(members[name])
            tar.addfile(info, io.BytesIO(members[name]))


def drop_parameter(members):
    with np.load(io.BytesIO(members["_parameters"])) as file:
        members["_parameters"] = npz(**{name: file[name] for name in file.files[1:]})


def reshape_parameter(members):
    with np.load(io.BytesIO(members["_parameters"])) as file:
        members["_parameters"] = npz(**{name: file[name][:1] for name in file.files})


DAMAGES = {
    "missing": (lambda path: path.unlink(), "cannot be opened"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "cannot be opened"),
    "empty": (lambda path: cut(path, 0), "the file is empty"),
    "cut in the first header": (lambda path: cut(path, 300), "truncated or damaged after 0"),
    "cut in the first member": (lambda path: cut(path, 700), "truncated or damaged after 0"),
    "cut in the state": (
        lambda path: cut(path, offset(path, "_state") + 100),
        "truncated or damaged after 1 member ",
    ),
    "cut before the manifest": (
        lambda path: cut(path, offset(path, "_manifest") - 512),
        "ends before its manifest, so it is truncated or damaged",
    ),
    "cut in the manifest": (
        lambda path: cut(path, offset(path, "_manifest") + 10),
        "truncated or damaged after 3 members",
    ),
    "a bit of the parameters": (
        lambda path: flip(path, offset(path, "_parameters") + 200),
        "the member '_parameters' has changed since it was written",
    ),
    "a bit of the state": (
        lambda path: flip(path, offset(path, "_state") + 200),
        "the member '_state' has changed since it was written",
    ),
    "a bit of the pickle": (
        lambda path: flip(path, offset(path, "_pkl") + 200),
        "the member '_pkl' has changed since it was written",
    ),
    "a bit of the first header": (lambda path: flip(path, 20), "truncated or damaged after 0"),
    "a bit of a later header": (
        lambda path: flip(path, offset(path, "_state") - 500),
        "ends before its manifest, so it is truncated or damaged",
    ),
    "a bit of the manifest": (
        lambda path: flip(path, offset(path, "_manifest")),
        "the manifest cannot be read",
    ),
    "text": (lambda path: path.write_text("hello " * 200), "but is not a tar file"),
    "a pickle": (lambda path: path.write_bytes(pickle.dumps([1])), "but is not a tar file"),
    "an npz file": (lambda path: path.write_bytes(npz(w=np.ones(3))), "but is not a tar file"),
    "a zip file": (to_zip, "but is not a tar file"),
    "compressed": (compress, "but is not a tar file"),
    "another tar file": (
        lambda path: rewrite(path, [("README", b"hello")]),
        "it is a tar file without a '_manifest' member",
    ),
    "a tar file without members": (lambda path: rewrite(path, []), "a tar file without a '_man"),
    "of another program": (
        with_manifest(lambda manifest: manifest.update(format="theirs")),
        "but was written by another program",
    ),
    "newer": (
        with_manifest(lambda manifest: manifest.update(version=2)),
        "format version 2, but this version of workbench reads versions up to 1; update workbench",
    ),
    "an invalid version": (
        with_manifest(lambda manifest: manifest.update(version="1")),
        "but was written by another program",
    ),
    "a manifest that is no mapping": (
        with_manifest(lambda manifest: b"[1, 2]"),
        "the manifest cannot be read",
    ),
    "a member missing": (remove_member, "the member '_state' is missing"),
    "a member too many": (
        lambda path: rewrite(path, [("extra", b"x"), *members_of(path).items()]),
        "the manifest does not list the member 'extra'",
    ),
    "members exchanged": (swap, "has changed since it was written"),
    "a link for a member": (link, "the member '_state' has changed since it was written"),
    "forged parameters": (
        forged("_parameters", b"hello"),
        "the member '_parameters' cannot be read",
    ),
    "forged parameters that are one array": (
        forged("_parameters", np.save(one := io.BytesIO(), np.ones(3)) or one.getvalue()),
        "the member '_parameters' cannot be read",
    ),
    "forged parameters that would be unpickled": (
        forged("_parameters", npz(w=np.array([print], dtype=object))),
        "the member '_parameters' cannot be read .*unpickling",
    ),
    "a parameter missing": (lambda path: forge(path, drop_parameter), "'_state' cannot be read"),
    "parameters of other shapes": (
        lambda path: forge(path, reshape_parameter),
        r"'/mlp/linear_0.W' must have shape \(4, 6\), not \(1, 6\)",
    ),
    "forged state": (forged("_state", b"hello"), "the member '_state' cannot be read"),
    "state that is no JSON": (forged("_state", tree("{")), "the member '_state' cannot be read"),
    "state of an unknown kind": (
        forged("_state", tree('{"code": "print()"}')),
        "the member '_state' cannot be read .KeyError: 'code'",
    ),
    "state without an array": (
        forged("_state", tree('{"array": "array_7"}')),
        "the member '_state' cannot be read .KeyError: 'array_7'",
    ),
    "state that is no mapping": (forged("_state", encode([1])), "the member '_state' cannot be re"),
    "state without a part": (
        forged_state(lambda state: state.pop("data")),
        "the member '_state' cannot be read .KeyError: 'data'",
    ),
    "state of another extension": (
        forged_state(lambda state: state["extensions"].update(Stranger={})),
        "the saved state of the extensions does not fit: 'Stranger' is unknown",
    ),
    "state with a variable missing": (
        forged_state(lambda state: state["variables"].popitem()),
        "of the variables, '.*' is missing",
    ),
    "state with a log of words": (
        forged_state(lambda state: state["log"].update(rows="many")),
        "the log: the iterations of a channel must",
    ),
    "state with a position beyond the end": (
        forged_state(lambda state: state["data"]["epoch"].update(position=1000)),
        "must be within an epoch of",
    ),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_one_line_names_file_and_fault_and_nothing_changes(kind, sound, main_loop, tmp_path):
    damage, text = DAMAGES[kind]
    path = tmp_path / "damaged.tar"
    shutil.copy(sound, path)
    damage(path)
    before = encode({**main_loop.state_dict(), "log": None})
    with pytest.raises(ArchiveError, match=f"damaged.tar: .*{text}") as caught:
        Load(path, True, True).load_to(main_loop)
    assert "\n" not in str(caught.value)
    assert encode({**main_loop.state_dict(), "log": None}) == before


@pytest.mark.parametrize(
    "kind", [kind for kind in DAMAGES if not kind.startswith(("state", "par"))]
)
def test_other_readers_tell_the_same(kind, sound, tmp_path):
    damage, text = DAMAGES[kind]
    path = tmp_path / "damaged.tar"
    shutil.copy(sound, path)
    damage(path)
    readers = [load_parameters, lambda path: continue_training(path, trusted=True)]
    if kind.startswith("forged"):
        readers = readers[: "parameters" in kind]
    elif kind.startswith("a parameter"):
        readers = []
    for reader in readers:
        with pytest.raises(ArchiveError, match=f"damaged.tar: .*{text}"):
            reader(path)


def test_a_forged_pickle_is_an_error_of_the_archive(sound, tmp_path):
    unfinished, absent = pickle.dumps([1, 2])[:-3], b"\x80\x05cnowhere\nnothing\n."
    for content in (b"hello", b"", unfinished, absent, pickle.dumps([1, 2])):
        path = tmp_path / "damaged.tar"
        shutil.copy(sound, path)
        forge(path, lambda members, content=content: members.update(_pkl=content))
        with pytest.raises(ArchiveError, match="damaged.tar: .*('_pkl'|of type list)") as caught:
            continue_training(path, trusted=True)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("step", range(40))
def test_a_file_truncated_anywhere_is_an_error_or_intact(sound, main_loop, tmp_path, step):
    """Cut off the padding after the manifest, which holds no data."""
    content = sound.read_bytes()
    path = tmp_path / "damaged.tar"
    path.write_bytes(content[: len(content) * step // 40])
    with tarfile.open(sound) as tar:
        end = tar.getmember("_manifest").offset_data + tar.getmember("_manifest").size
    if path.stat().st_size < end:
        with pytest.raises(ArchiveError, match="damaged.tar"):
            archive.read(path)
    else:
        assert archive.read(path) == archive.read(sound)


def many_times(array):
    """Return a few bytes that refer to one array many times."""
    file = io.BytesIO()
    tree = json.dumps([{"tensor": "array_0"}] * 100_000).encode()
    np.savez(file, tree=np.frombuffer(tree, np.uint8), array_0=array)
    return file.getvalue()


def squeezed(array):
    """Return a few bytes that expand to a thousand times as many."""
    file = io.BytesIO()
    tree = json.dumps({"tensor": "array_0"}).encode()
    np.savez_compressed(file, tree=np.frombuffer(tree, np.uint8), array_0=array.repeat(1000))
    return file.getvalue()


def deep(array):
    """Return nested lists, deeper than the recursion limit of Python."""
    file = io.BytesIO()
    np.savez(file, tree=np.frombuffer(b"[" * 200_000 + b"]" * 200_000, np.uint8))
    return file.getvalue()


@pytest.mark.parametrize("make", [many_times, squeezed, deep])
def test_a_forged_state_takes_no_more_memory_than_its_file(make, sound, main_loop, tmp_path):
    path = tmp_path / "damaged.tar"
    shutil.copy(sound, path)
    forge(path, lambda members: members.update(_state=make(np.zeros(1000))))
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError, match="damaged.tar: the member '_state' cannot be read"):
            Load(path).load_to(main_loop)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 50 * path.stat().st_size + 20_000_000


@pytest.mark.parametrize("reader", [archive.read, load_parameters, continue_training])
@pytest.mark.parametrize(("make", "kind"), [(os.mkfifo, "a named pipe"), (os.mkdir, "a folder")])
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.timeout(30)
def test_irregular_files_are_not_waited_for(reader, make, kind, tmp_path):
    path = tmp_path / "archive"
    make(path)
    with pytest.raises(ArchiveError, match=f"archive: cannot be opened .*regular file.*{kind}"):
        reader(path)


PROBABILITY = "dropout.drop_prob"


def with_dropout(drop_prob, *extensions):
    """Return a main loop for two batches of a network with the brick Dropout."""
    x, y = tensor.matrix("features"), tensor.lmatrix("targets")
    scores = Dropout(drop_prob, random_seed=0).apply(digits_mlp().apply(x))
    cost = Softmax().categorical_cross_entropy(y.flatten(), scores).mean()
    cost = apply_training_mode(ComputationGraph(cost)).outputs[0]
    model = Model(cost)
    algorithm = gradient_descent(cost, model.parameters)
    ends = FinishAfter(after_n_batches=2)
    return MainLoop(algorithm, shuffled(), model=model, extensions=[*extensions, ends])


def test_a_state_from_before_the_probability_of_dropout_was_saved_is_loaded_with_a_word(tmp_path):
    path = tmp_path / "saved.tar"
    saved = with_dropout(0.5, Checkpoint(path))
    saved.run()
    forged_state(lambda state: state["variables"].pop(PROBABILITY))(path)
    loop = with_dropout(0.25, Checkpoint(path))
    text = f"the loaded state has no value for '{PROBABILITY}'.*with the current value, 0.25"
    with pytest.warns(CheckpointWarning, match=text):
        Load(path, True, True).load_to(loop)
    assert loop.status["iterations_done"] == 2
    wanted, got = saved.state_dict(), loop.state_dict()
    assert got["variables"].pop(PROBABILITY).item() == 0.25
    del wanted["variables"][PROBABILITY]
    assert encode({**got, "log": None}) == encode({**wanted, "log": None})
