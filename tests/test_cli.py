"""The command as users and scripts call it: exit statuses, files, manifest, one line per error."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import pytest
from tracklay.cli.main import main
from tracklay.jobs.ledger import Ledger
from tracklay.media import ffmpeg_program

from tests.clips import FFMPEG, clicks, flash_clip, hear

RATES = [
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(50),
    Fraction(60000, 1001),
    Fraction(60),
]
FLASHES = (0, 30, 51, 77, 100)


@pytest.fixture
def clip(tmp_path):
    """Two seconds at 25 frames a second with three flashes."""
    return flash_clip(tmp_path / "clip.mp4", Fraction(25), 50, (0, 20, 35))


def lay(*arguments) -> int:
    """Run `tracklay lay` with the clicking model, and return the exit status."""
    return main(["lay", *(str(argument) for argument in arguments), "--model", "clicker/clicks"])


CONTAINERS = [("wav", 44_100), ("mp3", 44_100), ("flac", 48_000), ("mp4", 44_100)]
"""What a model may answer with. Each is tried at one rate of film and one of television, and each rate with one of them."""


@pytest.mark.parametrize(
    ("rate", "how"),
    [(rate, how) for n, rate in enumerate(RATES) for m, how in enumerate(CONTAINERS) if n in {0, 3} or m == n % 4],
    ids=lambda value: value[0] if isinstance(value, tuple) else str(value),
)
def test_every_click_lies_on_its_flash(tmp_path, clicking, rate, how):
    """Within one sample in the take and in the laid picture, for each frame rate and each container of the model's output."""
    clicking(*how)
    source = flash_clip(tmp_path / "clip.mp4", rate, 140, FLASHES)
    assert lay(source, "--in", "21f", "--out", "113f") == 0
    folder = tmp_path / "tracklay"
    take = hear(folder / "clip.clicker-clicks.take1.wav")
    assert len(take) == round(92 / rate * 48_000)
    for heard, zero in ((take, 21), (hear(folder / "clip.tracklay.mp4"), 0)):
        found = clicks(heard)
        exact = [(flash - zero) / rate * 48_000 for flash in FLASHES[1:]]
        assert len(found) == len(exact)
        assert max(abs(a - b) for a, b in zip(found, exact, strict=True)) <= 1


@pytest.mark.parametrize("start", [0, 1, 7, 19])
def test_a_flash_on_the_spans_first_frame_clicks_on_its_first_sample(tmp_path, clicking, start):
    """The span may start on any frame, the flash itself included."""
    source = flash_clip(tmp_path / "clip.mp4", Fraction(24000, 1001), 60, (start, start + 20))
    assert lay(source, "--in", f"{start}f") == 0
    found = clicks(hear(tmp_path / "tracklay" / "clip.clicker-clicks.take1.wav"))
    assert found[0] == 0
    assert abs(found[1] - 20 * 1001 / 24000 * 48_000) <= 1


def test_the_manifest_is_all_of_stdout_and_traces_the_take(clip, clicking, capsys):
    """With --json stdout is the manifest, and the manifest has all facts about a take."""
    assert lay(clip, "--json", "--prompt", "wood", "--seed", "7", "--in", "0.4") == 0
    made = json.loads(capsys.readouterr().out)
    folder = clip.parent / "tracklay"
    (take,) = made["takes"]
    file = folder / take["file"]
    assert (made["picture"], made["rate"], made["failed"]) == ("clip.mp4", "25/1", [])
    assert (take["model"], take["provider"], take["version"], take["seed"]) == ("clicker/clicks", "clicker", "1", 7)
    assert (take["prompt"], take["negative"], take["params"]) == ("wood", "", {})
    assert (take["sample_rate"], take["channels"], take["samples"], take["frames"]) == (48_000, 2, 40 * 1920, 40)
    assert take["start"] == {"frame": 10, "seconds": "2/5"}
    assert take["cost"] == {"amount": "0", "currency": "USD", "estimated": False}
    assert take["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert take["source_sha256"] == hashlib.sha256(clip.read_bytes()).hexdigest()
    assert take["created"].endswith("Z")
    assert json.loads((folder / "clip.tracklay.json").read_text())["takes"] == [take]
    # The WAV holds them too: model, seed and prompt are in its bext chunk.
    assert b'"model": "clicker/clicks"' in file.read_bytes()[:4096]


def test_an_existing_take_is_never_replaced(clip, clicking, capsys):
    """The next take gets the next number; the manifest keeps the earlier takes."""
    assert lay(clip) == 0
    first = (clip.parent / "tracklay" / "clip.clicker-clicks.take1.wav").read_bytes()
    assert lay(clip, "--takes", "2") == 0
    folder = clip.parent / "tracklay"
    assert sorted(path.name for path in folder.iterdir()) == [
        "clip.clicker-clicks.take1.wav",
        "clip.clicker-clicks.take2.wav",
        "clip.clicker-clicks.take3.wav",
        "clip.tracklay.json",
        "clip.tracklay.mp4",
    ]
    assert (folder / "clip.clicker-clicks.take1.wav").read_bytes() == first
    assert [take["take"] for take in json.loads((folder / "clip.tracklay.json").read_text())["takes"]] == [1, 2, 3]


def test_takes_have_seeds_of_their_own(clip, clicking, capsys):
    """A given seed counts up. Without one each take has a random seed."""
    assert lay(clip, "--takes", "3", "--seed", "5", "--json") == 0
    assert sorted(take["seed"] for take in json.loads(capsys.readouterr().out)["takes"]) == [5, 6, 7]
    assert lay(clip, "--takes", "2", "--seed", "-1", "--json") == 0
    assert len({take["seed"] for take in json.loads(capsys.readouterr().out)["takes"]}) == 2


def test_the_picture_is_copied_whole_and_its_own_sound_stays(tmp_path, clicking):
    """The video packets equal the source's. The original sound is the second track, unless it is dropped."""
    silent = flash_clip(tmp_path / "silent.mp4", Fraction(25), 50, (10,))
    clip = tmp_path / "clip.mp4"
    subprocess.run(
        [FFMPEG, "-v", "error", "-i", str(silent), "-f", "lavfi", "-i", "sine=d=2", "-c:v", "copy", str(clip)],
        check=True,
    )
    assert lay(clip, "--in", "5f", "--out", "20f") == 0
    laid = tmp_path / "tracklay" / "clip.tracklay.mp4"
    assert packets(laid, "v") == packets(clip, "v")
    assert packets(laid, "a:1") == packets(clip, "a:0")
    assert lay(clip, "--drop-original") == 0
    described = subprocess.run(
        [FFMPEG, "-hide_banner", "-i", str(laid)], capture_output=True, text=True, check=False
    ).stderr
    assert described.count("Audio:") == 1


def packets(path: Path, which: str) -> list[str]:
    """Return a checksum of each packet of a stream."""
    command = [FFMPEG, "-v", "error", "-i", str(path), "-map", f"0:{which}", "-c", "copy", "-f", "framecrc", "-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line.split(",")[5].strip() for line in text.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(
    ("suffix", "options", "laid"),
    [
        ("mov", ("-c:v", "prores_ks"), "mov"),
        ("mkv", ("-c:v", "ffv1"), "mkv"),
        ("ts", ("-c:v", "libx264", "-pix_fmt", "yuv420p"), "mp4"),
        ("mkv", ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "2"), "mp4"),
        ("avi", ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p"), "mov"),
    ],
)
def test_the_container_suits_the_picture(tmp_path, clicking, suffix, options, laid):
    """MP4 if the codec fits, otherwise MOV or Matroska; the sound is on its frame in each."""
    clip = flash_clip(tmp_path / f"clip.{suffix}", Fraction(25), 60, (12, 40), *options)
    assert lay(clip) == 0
    found = clicks(hear(tmp_path / "tracklay" / f"clip.tracklay.{laid}"))
    assert max(abs(a - b) for a, b in zip(found, [12 * 1920, 40 * 1920], strict=True)) <= 1


BAD = [
    # arguments ({clip}: a valid one), exit status, part of the message
    (["none.mp4"], 2, "File not found: none.mp4."),
    (["text.mp4"], 2, "Could not read"),
    (["sound.wav"], 2, "The file has no video: sound.wav."),
    (["{clip}", "--in", "1", "--out", "1"], 2, "Nothing between the in point"),
    (["{clip}", "--in", "1.5", "--out", "1"], 2, "Nothing between the in point"),
    (["{clip}", "--out", "60f"], 2, "past the end of clip.mp4: 60f. It has 50 frames (2.00 s)"),
    (["{clip}", "--in", "soon"], 2, "Invalid in point. Not a time: 'soon'. Write"),
    (["{clip}", "--in", "00:00:00:25"], 2, "below 25"),
    (["{clip}", "--model", "sketch/fooley"], 2, "did you mean 'sketch/foley'"),
    (["{clip}", "--set", "impacts=20"], 2, "impacts must be from -60 to 12, not 20"),
    (["{clip}", "--set", "impact=2"], 2, "did you mean 'impacts'"),
    (["{clip}", "--set", "impacts"], 2, "has no value"),
    (["{clip}", "--set", "impacts=loud"], 2, "must be a number"),
    (["{clip}", "--set", "impacts=nan"], 2, "must be a finite number"),
    (["{clip}", "--set", "material=wod"], 2, "did you mean 'wood'"),
    (["{clip}", "--takes", "0"], 2, "Takes must be from 1 to 99: 0."),
    (["{clip}", "--takes", "many"], 2, "--takes"),
    (["{clip}", "--seed", "99999999999"], 2, "seed must be from 0 to 2147483647, not 99999999999"),
    (["{clip}", "--max-cost", "little"], 2, "Not an amount"),
    (["{clip}", "--to", "text.mp4"], 1, "Not a directory"),
    (["film.otio"], 2, "File not found: film.otio."),
    (["."], 2, "No images found: "),
    ([], 2, "PICTURE"),
    (["{clip}", "--colour", "red"], 2, "--colour"),
]


@pytest.mark.parametrize(("arguments", "status", "words"), BAD, ids=[" ".join(case[0]) or "nothing" for case in BAD])
def test_bad_input_gets_one_line(clip, tmp_path, monkeypatch, capsys, arguments, status, words):
    """One line on stderr, nothing on stdout, no file written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.mp4").write_text("hello")
    subprocess.run([FFMPEG, "-v", "error", "-f", "lavfi", "-i", "sine=d=0.2", "sound.wav"], check=True)
    before = sorted(tmp_path.rglob("*"))
    assert main(["lay", *(argument.format(clip=clip) for argument in arguments)]) == status
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert output.err.startswith("tracklay: ")
    assert words in output.err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("id = ", 1, "Not valid TOML"),
        ('id = "a/b"\ntitel = "x"', 2, "did you mean 'title'"),
        ('id = "A b"\n', 1, "title"),
        ('{good}\n[parameters.x]\ntype = "choice"\nhelp = ""', None, "choices must be given"),
        ('{good}\n[parameters.x]\ntype = "number"\nhelp = ""\nminimum = 3\nmaximum = 2', None, "above maximum"),
        (
            '{good}\n[parameters.x]\ntype = "number"\nhelp = ""\nmaximum = 2\ndefault = 3',
            None,
            "default is not allowed",
        ),
        ('{good}\n[parameters.x]\ntype = "colour"\nhelp = ""', None, "one of text, integer"),
    ],
)
def test_an_invalid_model_file_is_reported_with_file_and_line(clip, home, capsys, text, line, words):
    """For each kind of mistake."""
    from tests.fakes.click_model import MODEL

    (home / "models").mkdir()
    file = home / "models" / "mine.toml"
    file.write_text(text.replace("{good}", MODEL))
    assert main(["lay", str(clip)]) == 2
    output = capsys.readouterr().err
    assert str(file) in output
    assert words in output
    number = line or text.replace("{good}", MODEL).rstrip().count("\n") + 1
    wrong = {"choices": "type", "above": "minimum", "default": "default", "one of": "type"}
    if line is None:
        key = next(value for start, value in wrong.items() if words.startswith(start))
        lines = file.read_text().splitlines()
        number = max(n for n, content in enumerate(lines, 1) if content.startswith(key))
    assert f"line {number}:" in output


def test_a_users_own_file_with_an_output_name_stops_the_run_before_it_starts(clip, clicking, capsys):
    """A file that is not a manifest, and a laid picture that no manifest lists, are left unchanged."""
    folder = clip.parent / "tracklay"
    folder.mkdir()
    for name in ("clip.tracklay.json", "clip.tracklay.mp4"):
        (folder / name).write_text("mine")
        assert lay(clip) == 2
        assert name in capsys.readouterr().err
        assert [path.name for path in folder.iterdir()] == [name]
        assert (folder / name).read_text() == "mine"
        (folder / name).unlink()


def test_a_failed_take_is_reported_and_the_others_are_kept(clip, home, clicking, capsys, monkeypatch):
    """Status 1; the manifest lists what succeeded and what failed."""
    from tracklay.errors import ModelFailed
    from tracklay.providers import base

    from tests.fakes.click_model import Clicker

    class Fails(Clicker):
        async def submit(self, submission):
            if submission.data["seed"] == 11:
                raise ModelFailed("model.failed", "{model}: out of memory.", model="clicker")
            return await super().submit(submission)

    base.register("clicker", Fails)
    assert lay(clip, "--takes", "3", "--seed", "10", "--json") == 1
    output = capsys.readouterr()
    made = json.loads(output.out)
    assert sorted(take["seed"] for take in made["takes"]) == [10, 12]
    assert made["failed"] == [
        {
            "cue": "1",
            "model": "clicker/clicks",
            "error": "clip.mp4: clicker: out of memory.",
            "kind": "model-failed",
            "code": "model.failed",
        }
    ]
    assert "clicker: out of memory." in output.err


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "No space left"),
        (errno.EACCES, "No permission to write"),
        (errno.EROFS, "No permission to write"),
        (errno.EIO, "Cannot write"),
    ],
)
def test_a_folder_that_cannot_be_written_gets_one_line(clip, clicking, capsys, monkeypatch, number, words):
    """No space, no permission, a broken disk: status 1 and no partial file left."""
    folder = clip.parent / "tracklay"
    folder.mkdir()

    def refuse(descriptor):
        if any(os.path.sameopenfile(descriptor, os.open(path, os.O_RDONLY)) for path in folder.iterdir()):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr("tracklay.atomic_io.os.fsync", refuse)
    assert lay(clip) == 1
    output = capsys.readouterr().err
    assert words in output
    assert str(folder) in output
    assert list(folder.iterdir()) == []


def test_interrupting_ends_everything_with_status_130(tmp_path, home):
    """Ctrl-C while ffmpeg runs: one line, no partial file, no process left."""
    clip = flash_clip(tmp_path / "clip.mp4", Fraction(60), 3000, (), size=(960, 540))
    command = [sys.executable, "-m", "tracklay.cli.main", "lay", str(clip)]
    # A shell's background jobs ignore SIGINT, and so do their children: restore the default.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    ) as process:
        while not any(home.glob("work/*/*/*")):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.stderr
        output = process.stderr.read()
    assert process.returncode == 130
    assert "Interrupted." in output
    assert "Traceback" not in output
    assert list((tmp_path / "tracklay").iterdir()) == []
    assert not [left for place in ("work", "running", "proxies") for left in (home / place).glob("*")]


def test_sketch_foley_is_the_default_and_needs_nothing(clip, capsys):
    """A take without a key, a network or a named model."""
    assert main(["lay", str(clip), "--prompt", "rain and zorble", "--json"]) == 0
    (take,) = json.loads(capsys.readouterr().out)["takes"]
    assert (take["model"], take["cost"]["amount"], take["samples"]) == ("sketch/foley", "0", 96_000)
    assert take["understood"]["ambience"] == ["rain"]
    assert take["understood"]["unknown"] == ["zorble"]
    assert "Unknown: zorble" in take["notes"]
    assert "Only English words are known." in take["notes"]


def test_a_take_without_a_contact_or_with_an_unknown_word_says_so(tmp_path, capsys):
    """A still picture gives room tone and notes, on the terminal and in the manifest; no take is digital silence by default."""
    still = flash_clip(tmp_path / "still.mp4", Fraction(25), 25, ())
    assert main(["lay", str(still), "--prompt", "knife on kale"]) == 0
    output = capsys.readouterr().out
    assert "Unknown: kale (heard as cabbage)" in output
    assert "No contact was seen: the take holds only room tone." in output
    (entry,) = json.loads((tmp_path / "tracklay" / "still.tracklay.json").read_text("utf-8"))["takes"]
    assert len(entry["notes"]) == 4
    assert entry["measured"]["silent"]
    level = abs(hear(tmp_path / "tracklay" / entry["file"])).max()
    assert 0 < level < 0.05


def test_music_fills_exactly_the_span_and_gives_stems(clip, capsys):
    """Stems are beside the take and add up to it."""
    assert main(["lay", str(clip), "--model", "sketch/music", "--set", "stems=true", "--out", "37f", "--json"]) == 0
    (take,) = json.loads(capsys.readouterr().out)["takes"]
    folder = clip.parent / "tracklay"
    assert set(take["stems"]) == {"bass", "chords", "melody", "percussion"}
    stems = [hear(folder / name) for name in take["stems"].values()]
    whole = hear(folder / take["file"])
    assert len(whole) == 37 * 1920 == take["samples"]
    assert abs(sum(stems) - whole).max() < 1e-4


def test_models_lists_the_catalogue_and_shows_one_model(capsys):
    """As tables, and as JSON for programs."""
    assert main(["models"]) == 0
    listed = capsys.readouterr().out
    assert "sketch/foley" in listed
    assert "sketch/music" in listed
    assert main(["models", "sketch/foley"]) == 0
    output = capsys.readouterr().out
    assert "--set impacts=" in output
    assert "From -60 to 12" in output
    assert main(["models", "sketch/foley", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == "sketch/foley"
    assert main(["models", "sketch/fole"]) == 2


def test_doctor_lists_keys_but_never_their_values(capsys, monkeypatch):
    """It says which keys are set."""
    monkeypatch.setenv("FAL_KEY", "very-secret")
    for host in ("QUEUE", "REST", "API"):
        monkeypatch.setenv(f"TRACKLAY_FAL_{host}_URL", "http://127.0.0.1:9")  # no server answers there
    monkeypatch.setattr("tracklay.providers.health.CHECK_TIMEOUT_SECONDS", 0.5)
    assert main(["doctor"]) == 0
    output = capsys.readouterr().out
    assert "FAL_KEY" in output
    assert "very-secret" not in output
    monkeypatch.setenv("TRACKLAY_HOME", str(Path(__file__)))
    assert main(["doctor"]) == 1
    output = " ".join(capsys.readouterr().out.split())  # a long path breaks the message into lines
    assert "Not a directory" in output


def test_the_cap_is_enforced_before_anything_starts(clip, home, clicking, capsys):
    """An estimate above --max-cost stops the run."""
    file = home / "models" / "clicker.toml"
    file.write_text(file.read_text().replace('amount = "0"', 'amount = "0.05", per = "second"'))
    assert lay(clip, "--max-cost", "0.09") == 2
    assert "Estimated cost 0.10 exceeds" in capsys.readouterr().err
    assert lay(clip, "--max-cost", "0.10") == 0
    file.write_text(file.read_text().replace('amount = "0.05", per = "second"', ""))
    assert lay(clip, "--max-cost", "5") == 2
    assert "Unknown price: clicker/clicks." in capsys.readouterr().err


def test_only_is_rejected_for_a_single_file(clip, clicking, capsys):
    """--only is for timelines."""
    assert lay(clip, "--only", "clip") == 2
    assert "Only a timeline has clips to choose by name" in capsys.readouterr().err


def test_doctor_warns_of_an_old_ffmpeg(capsys, monkeypatch, tmp_path):
    """One that the user chose is used, and works; the warning is no failure."""
    old = tmp_path / "ffmpeg"
    old.write_text(
        f'#!/bin/sh\n[ "$1" = -version ] && exec echo ffmpeg version 5.1.6 Copyright\nexec {imageio_ffmpeg.get_ffmpeg_exe()} "$@"\n'
    )
    old.chmod(0o755)
    for program, expected in ((old, True), (imageio_ffmpeg.get_ffmpeg_exe(), False)):
        monkeypatch.setenv("TRACKLAY_FFMPEG", str(program))
        ffmpeg_program.find_ffmpeg.cache_clear()
        main(["doctor"])
        assert ("older than 6" in " ".join(capsys.readouterr().out.split())) is expected
    ffmpeg_program.find_ffmpeg.cache_clear()


def test_the_home_and_its_ledger_are_private(tmp_path, monkeypatch):
    """No other user can list or read them. A home that exists keeps its permissions."""
    monkeypatch.setenv("TRACKLAY_HOME", str(tmp_path / "deep" / "home"))
    Ledger().close()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "deep" / "home").glob("**/*")}
    assert modes["ledger.sqlite3"] == 0o600
    assert stat.S_IMODE((tmp_path / "deep" / "home").stat().st_mode) == 0o700
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    monkeypatch.setenv("TRACKLAY_HOME", str(shared))
    Ledger().close()
    assert stat.S_IMODE(shared.stat().st_mode) == 0o755


@pytest.mark.parametrize("command", [["lay"], ["batch"], ["report"]])
def test_strange_names_are_one_sentence(tmp_path, capsys, command):
    """Bytes that are no UTF-8, and names longer than any file system allows."""
    for name, expected in (("a\udcff.mp4", "not valid Unicode"), ("x" * 5000 + ".mp4", "")):
        assert main([*command, str(tmp_path / name)]) != 0
        shown = capsys.readouterr().err
        assert shown.count("\n") == 1
        assert expected in shown
