"""The catalogue: the built-in models, the user's own, and the cache of parsed files."""

from __future__ import annotations

import os

import pytest
from tracklay.errors import InvalidInput
from tracklay.models import SHIPPED, catalogue, find_model, load_catalogue
from tracklay.models.loader import load_model_file

OWN_MODEL = (SHIPPED / "cog-mmaudio.toml").read_text("utf-8").replace("cog/mmaudio", "mine/model")


@pytest.fixture
def parsed(monkeypatch):
    """The names of the files that are parsed, in order. The cache starts empty."""
    names = []

    def load(path):
        names.append(path.name)
        return load_model_file(path)

    monkeypatch.setattr(catalogue, "load_model_file", load)
    monkeypatch.setattr(catalogue, "_parsed_files", {})
    return names


def write_model(folder, text, name="mine.toml", age_seconds=60):
    """Write a model file that looks as old as that."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text, "utf-8")
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns - int(age_seconds * 1e9)))
    return path


def test_each_file_is_parsed_once_in_a_process(parsed, home):
    """A loop over the clips of a timeline looks every model up again."""
    write_model(home / "models", OWN_MODEL)
    for _ in range(20):
        assert find_model("mine/model").id == "mine/model"
        assert find_model("sketch/foley").id == "sketch/foley"
    files = [path.name for path in SHIPPED.glob("*.toml")] + ["mine.toml"]
    assert sorted(parsed) == sorted(files)


def test_a_changed_file_is_parsed_again(parsed, home):
    """The other files stay cached."""
    write_model(home / "models", OWN_MODEL, age_seconds=60)
    load_catalogue()
    parsed.clear()
    write_model(home / "models", OWN_MODEL.replace('title = "', 'title = "New '), age_seconds=30)
    assert load_catalogue()["mine/model"].title.startswith("New ")
    assert parsed == ["mine.toml"]


def test_a_replaced_file_of_the_same_size_and_time_is_parsed_again(parsed, home):
    """Programs that write atomically, as Tracklay does, rename a new file into the place of the old."""
    path = write_model(home / "models", OWN_MODEL)
    times = path.stat()
    load_catalogue()
    other = write_model(home / "models", OWN_MODEL.replace("mine/model", "mine/other"), name="other.txt")
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(path)
    assert "mine/other" in load_catalogue()


def test_new_and_removed_files_are_seen(parsed, home):
    """Only the new file is parsed."""
    load_catalogue()
    parsed.clear()
    path = write_model(home / "models", OWN_MODEL)
    assert "mine/model" in load_catalogue()
    assert parsed == ["mine.toml"]
    path.unlink()
    assert "mine/model" not in load_catalogue()


def test_a_file_that_was_just_written_is_not_cached(parsed, home):
    """A second change within one tick of the file system's clock would not be seen."""
    write_model(home / "models", OWN_MODEL, age_seconds=0)
    load_catalogue()
    load_catalogue()
    assert parsed.count("mine.toml") == 2


def test_an_invalid_file_is_rejected_each_time(parsed, home):
    """An error is not cached."""
    write_model(home / "models", "id = 5\n")
    for _ in range(2):
        with pytest.raises(InvalidInput, match=r"mine\.toml, line 1: id must be text"):
            load_catalogue()


def test_the_callers_own_changes_do_not_reach_the_cache(home):
    """Each call returns a new dictionary."""
    load_catalogue().clear()
    assert "sketch/foley" in load_catalogue()


def test_models_of_one_kind_send_the_same_negative_prompt(home):
    """MMAudio's default differs by vendor: the same foley must not have music at one of them."""
    negative = {
        model.id: parameter.default
        for model in load_catalogue().values()
        if model.id.partition("/")[2].startswith("mmaudio") and (parameter := model.parameter_for_role("negative"))
    }
    assert len(negative) == 4
    assert set(negative.values()) == {"music"}


def test_a_model_without_a_reliable_seed_does_not_repeat(home):
    """One has no seed, the vendor of the other says that it does not keep to it."""
    models = load_catalogue()
    assert models["fal/mmaudio-v2"].repeats_by_seed
    assert not models["fal/mirelo-sfx-2"].repeats_by_seed
    assert not models["fal/lyria-3.5"].repeats_by_seed


def test_an_unknown_model_is_reported_with_a_suggestion(home):
    """The most similar id."""
    with pytest.raises(InvalidInput) as error:
        find_model("sketch/folly")
    assert error.value.code == "model.unknown"
    assert str(error.value) == "Unknown model: 'sketch/folly' (did you mean 'sketch/foley'?)."
