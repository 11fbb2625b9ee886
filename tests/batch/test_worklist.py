"""Work lists are read from hand-written files, and an invalid one is rejected with the row's name before anything is sent."""

from __future__ import annotations

import json

import pytest
from tracklay.batch.worklist import shard_of, shard_rows
from tracklay.batch.worklist_loader import load_worklist
from tracklay.cli.main import main
from tracklay.errors import InvalidInput, KeyMissing

TOML = """
[defaults]
model = "sketch/foley"
folder = "sound"
takes = 2

[[rows]]
id = "door"
picture = "a.mp4"
prompt = "oak door"
in = 1.5
params = { impacts = -3 }

[[rows]]
id = "rain"
picture = "b.mp4"
model = "sketch/music"
takes = 1
seed = 7
"""


@pytest.fixture
def shots(tmp_path):
    """Three existing files. Loading a list does not open them."""
    for name in ("a.mp4", "b.mp4", "c.mov"):
        (tmp_path / name).write_bytes(b"picture")
    return tmp_path


def load_error(shots, text, name="work.toml"):
    """Return the message of a list's error: one line, and the command's exit status is 2."""
    path = shots / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InvalidInput) as error:
        load_worklist(path)
    assert "\n" not in str(error.value)
    assert main(["batch", str(path)]) == 2
    assert not (shots / "work.tracklay.results.json").exists()
    return str(error.value)


def test_landing_is_the_rows_own_or_that_of_the_run(shots):
    """A row's field wins; off is another result than auto, which has the digest of a list without the field."""
    (shots / "own.toml").write_text(
        '[[rows]]\npicture = "a.mp4"\n\n[[rows]]\nid = "x"\npicture = "a.mp4"\nland = "auto"\n'
    )
    (plain, own), (off, still_own) = (load_worklist(shots / "own.toml", land=land).rows for land in ("auto", "off"))
    assert [row.land for row in (plain, own, off, still_own)] == ["auto", "auto", "off", "auto"]
    assert plain.digest == own.digest == still_own.digest != off.digest


def test_rows_override_defaults(shots):
    """Paths are relative to the list; times may be numbers."""
    (shots / "work.toml").write_text(TOML)
    door, rain = load_worklist(shots / "work.toml").rows
    assert (door.id, door.picture, door.folder, door.takes) == ("door", shots / "a.mp4", shots / "sound", 2)
    assert (door.in_point, door.out_point, door.prompt, door.params["impacts"]) == ("1.5", None, "oak door", -3)
    assert (rain.model, rain.takes, rain.seed) == ("sketch/music", 1, 7)


def test_json_is_the_same_list(shots):
    """A JSON file may be just the list of rows."""
    (shots / "work.toml").write_text(TOML)
    rows = [
        {
            "id": "door",
            "picture": "a.mp4",
            "prompt": "oak door",
            "in": 1.5,
            "params": {"impacts": -3},
            "folder": "sound",
            "takes": 2,
        },
        {"id": "rain", "picture": "b.mp4", "model": "sketch/music", "takes": 1, "seed": 7, "folder": "sound"},
    ]
    (shots / "work.json").write_text(json.dumps(rows))
    assert [row.digest for row in load_worklist(shots / "work.json").rows] == [
        row.digest for row in load_worklist(shots / "work.toml").rows
    ]


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_csv_is_read_as_spreadsheets_write_it(shots, code, separator, end):
    """With or without a byte order mark, with each delimiter, with empty columns and rows, with quotes."""
    lines = [
        ["ID", "Picture", "Prompt", "in", "takes", "params.impacts", ""],
        ["door", "a.mp4", f'"oak{separator} ""heavy"" door"', "00:00:01:12", "2", "-3", ""],
        ["", "", "", "", "", "", ""],
        ["", "b.mp4", '5" nail', "", "", "", ""],
    ]
    (shots / "work.csv").write_bytes(end.join(separator.join(cells) for cells in lines).encode(code))
    door, nail = load_worklist(shots / "work.csv").rows
    assert (door.id, door.prompt, door.in_point, door.takes) == (
        "door",
        f'oak{separator} "heavy" door',
        "00:00:01:12",
        2,
    )
    assert door.params["impacts"] == -3
    assert (nail.id, nail.prompt, nail.takes) == ("b:1:sketch/foley", '5" nail', 1)


def test_excels_first_line_sets_the_delimiter(shots):
    """`sep=;` is not a row, but counts as a line."""
    (shots / "work.csv").write_text("sep=;\nid;picture\na;a.mp4\n")
    assert [row.id for row in load_worklist(shots / "work.csv").rows] == ["a"]
    assert "(line 3): takes" in load_error(shots, "sep=;\nid;picture;takes\na;a.mp4;x\n", "work.csv")


def test_pictures_cues_and_models_are_combined(shots):
    """Every picture with every cue with every model, in that order; a later table overrides an earlier one."""
    (shots / "work.toml").write_text("""
        pictures = ["*.mp4", { picture = "c.mov", folder = "elsewhere" }]
        models = ["sketch/foley", { model = "sketch/music", prompt = "strings" }]
        [[cues]]
        cue = "open"
        out = "2.0"
        prompt = "door"
        [[cues]]
        cue = "shut"
        in = "2.0"
    """)
    rows = load_worklist(shots / "work.toml").rows
    assert len(rows) == 12
    assert [row.id for row in rows[:3]] == ["a:open:sketch/foley", "a:open:sketch/music", "a:shut:sketch/foley"]
    assert [row.prompt for row in rows[:4]] == ["door", "strings", "", "strings"]
    assert {row.folder.name for row in rows} == {"tracklay", "elsewhere"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[rows]]\nid = "x"\npicture = 5', "row 'x' (line 1): picture must be text, not 5"),
        ('[[rows]]\nid = "x"\npicture = "a.mp4"\ntakes = "2"', "row 'x' (line 1): takes must be a whole number"),
        ('[[rows]]\nid = "x"\npicture = "a.mp4"\ntakes = true', "takes must be a whole number, not true"),
        ('[[rows]]\nid = "x"\npicture = "a.mp4"\ntakes = 0', "row 'x' (line 1): Takes must be from 1 to 99: 0."),
        ('[[rows]]\nid = "x"\npicture = "a.mp4"\nparams = 3', "params must be a table, not 3"),
        (
            '[[rows]]\nid = "x"\npicture = "a.mp4"\nparams = { impacts = [1] }',
            "impacts must be text, a number, or true or false, not [1]",
        ),
        ('[[rows]]\nid = "x"\npicture = "a.mp4"\nparams = { impact = 1 }', "no parameter 'impact' (did you mean"),
        (
            '[[rows]]\nid = "x"\npicture = "a.mp4"\nmodel = "sketch/folly"',
            "row 'x' (line 1): Unknown model: 'sketch/folly'",
        ),
        ('[[rows]]\nid = "x"\npicture = "a.mp4"\nin = "soon"', "Not a time: 'soon'"),
        ('[[rows]]\nid = "x"\npicture = "a.mp4"\npromt = "y"', "Unknown field: 'promt' (did you mean 'prompt'?)."),
        ('[[rows]]\nid = "x"\npicture = "gone.mp4"', "row 'x' (line 1): File not found: "),
        ('[[rows]]\nid = "x"', "row 'x' (line 1): The row has no picture."),
        (
            '[[rows]]\nid = "x"\npicture = "a.mp4"\n[[rows]]\nid = "x"\npicture = "b.mp4"',
            "row 'x' (line 4): The id 'x' is already used by row 'x' (line 1).",
        ),
        (
            '[[rows]]\npicture = "a.mp4"\n[[rows]]\npicture = "a.mp4"',
            "row 2 (line 3): The id 'a:1:sketch/foley' is already",
        ),
        ('[[row]]\npicture = "a.mp4"', "work.toml: A work list has no table 'row' (did you mean 'rows'?)."),
        ('rows = "a.mp4"', "rows must be a list of tables"),
        ('rows = ["a.mp4"]', "row 1: A row must be a table"),
        ('pictures = ["*.avi"]', "pictures 1: No file matches *.avi."),
        ("pictures = [5]", "pictures 1: an entry must be text or a table, not 5."),
        ('models = ["sketch/foley"]', "The list has models but no pictures."),
        ('[defaults]\nid = "x"', "defaults cannot have an id"),
        ("", "has no rows"),
        ("[[rows", "work.toml: Not valid TOML: "),
        (b"[[rows]]\nid = '\xe9'", "line 2: Some characters are not UTF-8."),
        (b"[[rows]]\n\0", "line 2: This is not text."),
        ("a = " + "[" * 5000 + "]" * 5000, "too deep"),
        ("a = " + "9" * 5000, "a number has too many digits"),
    ],
)
def test_an_invalid_list_is_rejected_in_one_line(shots, text, message):
    """With the row and the line; nothing is started."""
    assert message in load_error(shots, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('id,picture\nx,"a.mp4\ny,b.mp4\n', "line 2: A quote opens here and is not closed"),
        (
            'id,picture,prompt\nx,a.mp4,"oak" door\n',
            "line 2: A quote opens here and is not closed at the end of its cell.",
        ),
        ("id,picture,prompt\n\nx,a.mp4,oak, heavy\n", "line 3: The row has 4 cells and the header 3."),
        ("id,picture,takes\nx,a.mp4,two\n", "row 'x' (line 2): takes must be a whole number, not 'two'"),
        ("id,picture,drop original\nx,a.mp4,perhaps\n", "drop_original must be true or false, not 'perhaps'"),
        ("id,picture,land\nx,a.mp4,maybe\n", "land must be auto or off: maybe"),
        ("id,picture,impacts\nx,a.mp4,1\n", "The column of a parameter is named params.NAME."),
        ("id,picture,params.impacts\nx,a.mp4,loud\n", "impacts must be a number, not 'loud'"),
        ("id,picture,id\nx,a.mp4,y\n", "line 1: Two columns are named 'id'."),
        ("id,picture,\nx,a.mp4,y\n", "line 2: The column of 'y' has no name."),
        ("id,picture\nx," + "a" * 200_000, "line 2: "),
        ("", "has no rows"),
    ],
)
def test_an_invalid_csv_is_rejected_with_its_line(shots, text, message):
    """An open quote is reported where it opens, even if it swallows the rest of the file."""
    assert message in load_error(shots, text, "work.csv")


def test_the_invalid_row_among_ten_megabytes_is_named(shots):
    """One line, even if the mistake is in the last row."""
    row = "shot-{:06},a.mp4,{}\n"
    text = "id,picture,prompt\n" + "".join(row.format(n, "footsteps on gravel " * 20) for n in range(25_000))
    assert len(text) > 10_000_000
    message = load_error(shots, text + "last,gone.mp4,\n", "work.csv")
    assert f"work.csv, row 'last' (line 25002): File not found: {shots / 'gone.mp4'}" in message


def test_a_missing_key_is_reported_with_its_row(shots):
    """Before anything is sent for the other rows."""
    (shots / "work.csv").write_text("id,picture,model,prompt\nx,a.mp4,replicate/mmaudio,rain\n")
    with pytest.raises(KeyMissing, match=r"work.csv, row 'x' \(line 2\): .*REPLICATE_API_TOKEN"):
        load_worklist(shots / "work.csv")


def test_shards_do_not_depend_on_the_order_of_the_list(shots):
    """They depend on the rows' ids alone, have about the same size, and together they are the list."""
    ids = [f"shot{n}" for n in range(2000)]
    (shots / "work.csv").write_text("id,picture\n" + "".join(f"{name},a.mp4\n" for name in ids))
    rows = load_worklist(shots / "work.csv").rows
    parts = [shard_rows(rows, shard, 8) for shard in range(1, 9)]
    assert sorted(row.id for each in parts for row in each) == sorted(ids)
    assert {row.id for row in shard_rows(rows[::-1], 3, 8)} == {row.id for row in parts[2]}
    assert all(200 < len(each) < 300 for each in parts)
    assert [shard_of(name, 8) for name in ("shot0", "shot1", "sh010")] == [shard_of(n, 8) for n in ids[:2]] + [
        shard_of("sh010", 8)
    ]


def test_a_changed_row_or_picture_has_another_digest(shots):
    """The digest covers the row's content and its picture, but not the number of takes."""
    path = shots / "work.csv"

    def digest(cells):
        path.write_text(f"id,picture,prompt,takes,seed\nx,a.mp4,{cells}\n")
        return load_worklist(path).rows[0].digest

    first = digest("rain,1,")
    assert digest("rain,3,") == first
    assert len({first, digest("hail,1,"), digest("rain,1,7")}) == 3
    (shots / "a.mp4").write_bytes(b"another picture")
    assert digest("rain,1,") != first
