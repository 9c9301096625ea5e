"""Settings: five layers, and one error for each kind of mistake."""

import os
import threading
import typing
from contextvars import copy_context
from pathlib import Path

import pytest

from workbench._settings import Settings, gather
from workbench.config import Configuration, ConfigurationError
from workbench.session.snapshots import MEMORY


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Write a settings file that `$WORKBENCH_CONFIG` names, and return its path."""
    path = tmp_path / "settings.yaml"
    path.write_text("default_seed: 5\nfloatx: float64\n")
    monkeypatch.setenv("WORKBENCH_CONFIG", str(path))
    return path


def test_defaults():
    settings = Configuration()
    assert (settings.default_seed, settings.floatx, settings.profile) == (1, "float32", False)
    assert settings.data_path == (Path.home() / ".workbench" / "data",)
    assert (settings.log_backend, settings.max_blob_size) == ("memory", 4096)
    assert settings.snapshot_memory == MEMORY


def test_the_annotations_name_every_setting():
    assert list(Settings.model_fields) == list(typing.get_type_hints(Configuration))
    assert set(Settings.model_fields) <= set(dir(Configuration()))


def test_environment_overrides_file_overrides_default(file, monkeypatch):
    monkeypatch.setenv("WORKBENCH_DEFAULT_SEED", "0")
    settings = Configuration()
    assert (settings.default_seed, settings.floatx, settings.device) == (0, "float64", "auto")
    assert settings.origin("default_seed") == (
        "from the environment variable WORKBENCH_DEFAULT_SEED"
    )
    assert settings.origin("floatx") == f"from {file}"
    assert settings.origin("device") == "default"


def test_the_file_in_the_home_folder_is_read_at_first_use(tmp_path, monkeypatch):
    monkeypatch.delenv("WORKBENCH_CONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = Configuration()
    (tmp_path / ".workbench.yaml").write_text("device: cpu")
    assert settings.device == "cpu"


def test_assignment_wins_and_can_be_taken_back(file):
    settings = Configuration()
    settings.floatx = "float32"
    assert (settings.floatx, settings.origin("floatx")) == ("float32", "assigned in code")
    del settings.floatx
    assert settings.floatx == "float64"


def test_override_nests_and_ends():
    settings = Configuration()
    with settings.override(default_seed=3):
        with settings.override(default_seed=4, device="cpu"):
            assert (settings.default_seed, settings.device) == (4, "cpu")
            assert settings.origin("device") == "overridden in code"
        assert (settings.default_seed, settings.device) == (3, "auto")
    assert settings.default_seed == 1


def test_an_exception_ends_an_override():
    settings = Configuration()
    with pytest.raises(RuntimeError), settings.override(default_seed=3):
        raise RuntimeError
    assert settings.default_seed == 1


def test_threads_do_not_see_each_other():
    settings = Configuration()
    seen = []
    with settings.override(default_seed=3):
        alone = threading.Thread(target=lambda: seen.append(settings.default_seed))
        copied = threading.Thread(
            target=copy_context().run, args=(lambda: seen.append(settings.default_seed),)
        )
        for thread in (alone, copied):
            thread.start()
            thread.join()
    assert seen == [1, 3]


def test_assigning_an_overridden_setting_is_refused():
    settings = Configuration()
    with (
        settings.override(default_seed=3),
        pytest.raises(ConfigurationError, match="'default_seed' is overridden by an enclosing"),
    ):
        settings.default_seed = 4
    assert settings.default_seed == 1


def test_folders_from_the_environment(monkeypatch):
    monkeypatch.setenv("WORKBENCH_DATA_PATH", os.pathsep.join(["/data", "~/more"]))
    assert Configuration().data_path == (Path("/data"), Path.home() / "more")


@pytest.mark.parametrize("text", ["data_path: ~/a", "data_path: [~/a]", "data_path:\n- ~/a"])
def test_folders_from_the_file(file, text):
    file.write_text(text)
    assert Configuration().data_path == (Path.home() / "a",)


@pytest.mark.parametrize("text, value", [("yes", True), ("0", False), ("TRUE", True)])
def test_bools_from_the_environment(monkeypatch, text, value):
    monkeypatch.setenv("WORKBENCH_PROFILE", text)
    assert Configuration().profile is value


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:1", "mps", "xpu:0"])
def test_devices(device):
    settings = Configuration()
    settings.device = device
    assert settings.device == device


def test_the_error_for_a_setting_without_a_value_lists_the_places_to_give_one():
    settings = Configuration()
    with pytest.raises(ConfigurationError, match=r"(?s)no value.*WORKBENCH_SQLITE_DATABASE"):
        settings.sqlite_database
    assert not hasattr(settings, "sqlite_database")
    settings.sqlite_database = "log.sqlite"
    assert settings.sqlite_database == "log.sqlite"


def test_an_empty_variable_and_an_empty_file_change_nothing(file, monkeypatch):
    monkeypatch.setenv("WORKBENCH_FLOATX", "")
    file.write_text("# nothing\n")
    assert Configuration().floatx == "float32"


def test_unknown_name_in_code():
    settings = Configuration()
    with pytest.raises(ConfigurationError, match="'flaotx' .*did you mean 'floatx'"):
        settings.flaotx
    with pytest.raises(ConfigurationError, match="'sead'.*assigned in code"):
        settings.sead = 3
    with (
        pytest.raises(ConfigurationError, match="'sead'.*overridden in code"),
        settings.override(sead=1),
    ):
        pass
    with pytest.raises(ConfigurationError, match="'sead'"):
        del settings.sead


def test_the_module_refuses_what_belongs_to_the_object_of_its_name():
    from workbench import config as module

    text = "module, and 'floatx' belongs to the object .*from workbench.config import config"
    with pytest.raises(ConfigurationError, match=text):
        module.floatx = "float64"
    with pytest.raises(AttributeError, match=text):
        module.floatx
    with pytest.raises(AttributeError, match="'override' belongs to the object"):
        module.override(floatx="float64")


def test_unknown_name_in_the_file(file):
    file.write_text("defualt_seed: 3")
    with pytest.raises(ConfigurationError, match="did you mean 'default_seed'") as caught:
        Configuration().floatx
    assert str(file) in str(caught.value)


def test_unknown_variable_in_the_environment(monkeypatch):
    monkeypatch.setenv("WORKBENCH_FLOATS", "float64")
    with pytest.raises(ConfigurationError, match="did you mean 'WORKBENCH_FLOATX'"):
        Configuration().floatx


@pytest.mark.parametrize(
    "text, reason",
    [
        ("default_seed: many", "valid integer"),
        ("default_seed: true", "a bool is not a number"),
        ("default_seed: -1", "greater than or equal to 0"),
        ("floatx: 32", "'float32' or 'float64'"),
        ("device: gpu", "match pattern"),
        ("data_path: 3", "valid tuple"),
        ("profile: perhaps", "valid boolean"),
    ],
)
def test_an_ill_typed_value_in_the_file_is_named(file, text, reason):
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=reason) as caught:
        Configuration().max_blob_size
    assert text.split(":")[0] in str(caught.value)
    assert str(file) in str(caught.value)


def test_an_ill_typed_variable_is_named(monkeypatch):
    monkeypatch.setenv("WORKBENCH_MAX_BLOB_SIZE", "4 kB")
    with pytest.raises(ConfigurationError, match="'4 kB'.*variable WORKBENCH_MAX_BLOB_SIZE"):
        Configuration().max_blob_size


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"floatx: [", "line 1"),
        (b"- floatx", "contains"),
        (b"\xff\xfe\xff", "utf-8"),
        (None, "No such file"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(file, content, reason):
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=reason) as caught:
        Configuration().floatx
    assert str(file) in str(caught.value)


def test_load_yaml_replaces_the_file_and_keeps_assignments(file, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text("default_seed: 9\ndevice: cpu")
    settings = Configuration()
    settings.device = "cuda"
    settings.load_yaml(other)
    assert (settings.default_seed, settings.floatx, settings.device) == (9, "float32", "cuda")
    other.write_text("default_seed: 10")
    assert settings.default_seed == 9
    settings.load_yaml()
    assert settings.default_seed == 10


def test_an_added_setting_has_every_layer(file, monkeypatch):
    file.write_text("patience: 3\nnames: [a]")
    monkeypatch.setenv("WORKBENCH_NAMES", '["b", "c"]')
    settings = Configuration()
    settings.add_config("patience", int, default=10)
    settings.add_config("names", list[str])
    assert (settings.patience, settings.names) == (3, ["b", "c"])
    with settings.override(patience="4"):
        assert settings.patience == 4


def test_an_added_setting_without_default_has_no_value():
    settings = Configuration()
    settings.add_config("patience", int)
    with pytest.raises(ConfigurationError, match="'patience' has no value"):
        settings.patience


@pytest.mark.parametrize("name", ["floatx", "override", "_hidden", "Upper", "two words"])
def test_names_that_cannot_be_added(name):
    with pytest.raises(ConfigurationError, match="cannot be called"):
        Configuration().add_config(name, int, default=1)


def test_an_ill_typed_default_adds_nothing():
    settings = Configuration()
    with pytest.raises(ConfigurationError, match="'patience': 'long'"):
        settings.add_config("patience", int, default="long")
    assert "patience" not in dir(settings)


def test_bad_json_in_the_environment_is_refused(monkeypatch):
    monkeypatch.setenv("WORKBENCH_NAMES", "[")
    settings = Configuration()
    settings.add_config("names", list[str])
    with pytest.raises(ConfigurationError, match="names"):
        settings.floatx


def test_the_representation_shows_values_and_origins(file):
    text = repr(Configuration())
    assert f"default_seed = 5  (from {file})" in text
    assert "sqlite_database = None  (default)" in text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "recursion"),
        ("a: &a [1]\nb: *a", "aliases are not allowed in settings"),
        ("floatx: 2020-13-45", "month"),
        ("floatx: " + "9" * 5000, "digits"),
        ("a: " + "x" * 1_100_000, "larger than 1,000,000 bytes"),
        ("\0", "special characters"),
    ],
    ids=["deep", "aliases", "invalid date", "long number", "large", "NUL"],
)
def test_a_harmful_settings_file_is_an_error_of_one_line(tmp_path, text, reason):
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=reason) as caught:
        gather(Settings, file)
    assert str(caught.value).startswith(f"settings file {file}: ")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
@pytest.mark.timeout(30)
def test_a_named_pipe_as_settings_file_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "settings.yaml")
    with pytest.raises(ConfigurationError, match="not a regular file"):
        gather(Settings, tmp_path / "settings.yaml")
