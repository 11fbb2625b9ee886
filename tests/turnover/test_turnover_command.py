"""`tracklay turnover` on what the command made: films with mixes, timelines, results of a batch; and what it refuses."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import opentimelineio as otio
import pypdf
import pytest
from tracklay.cli.main import main
from tracklay.media.bwf import plain_bwf_writer
from tracklay.media.marks import XmpMark

from tests.clips import flash_clip, hear, xmp_of_wav
from tests.report.runs import results
from tests.timelines.cuts import clip, timeline, track
from tests.turnover import readers
from tests.turnover.made_session import SAMPLE_RATE, click_wav

RATE = Fraction(30000, 1001)
SPAN = 48_048
"""Samples of frame 30: the first of the takes."""


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """A film of three seconds with a click in its own sound."""
    folder = tmp_path_factory.mktemp("picture")
    own = click_wav(folder / "own.wav", 144_144, (20_000,), 1)
    sound = ("-i", str(own), "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "pcm_s24le")
    return flash_clip(folder / "clip.mov", RATE, 90, (40,), *sound)


@pytest.fixture
def film(picture, tmp_path):
    """The film, and the manifest of two takes of its second and third second beside it, as `tracklay lay` writes it."""
    shutil.copyfile(picture, tmp_path / "clip.mov")
    folder = tmp_path / "tracklay"
    takes = []
    for number in (1, 2):
        name = f"clip.sketch-foley.take{number}.wav"
        click_wav(folder / name, 96_096, (100 * number,), reference=SPAN)
        takes.append(
            {"cue": "1", "take": number, "model": "sketch/foley", "prompt": "a door", "seed": number, "file": name}
            | {"start": {"frame": 30, "seconds": "1001/1000"}, "frames": 60, "samples": 96_096, "heard": number == 1}
            | {"sample_rate": SAMPLE_RATE, "licence": "CC0"}
        )
    manifest = {"tracklay": "1", "picture": "clip.mov", "source": "../clip.mov", "rate": "30000/1001", "takes": takes}
    path = folder / "clip.tracklay.json"
    path.write_text(json.dumps({**manifest, "failed": [], "laid": None}))
    return path


def run_json(capsys, *arguments):
    """Run the command and return its result."""
    status = main([*map(str, arguments), "--json"])
    captured = capsys.readouterr()
    assert status == 0, captured.err
    return json.loads(captured.out)["turnovers"]


def clicks_of(event):
    """Return the samples of the timeline on which an event clicks."""
    sound = np.abs(hear(event.file)[event.source_in : event.source_in + event.samples, 0])
    return [event.start + int(at) for at in (sound > 0.2).nonzero()[0]]


def test_a_film_with_its_takes(film, capsys, tmp_path):
    """Its own sound is dialogue, the take that plays is foley with the other take, and the cue is a region."""
    found = run_json(capsys, "turnover", film, "--to", tmp_path / "out", "--format", "rpp,aaf,otio")
    assert set(found["clip"]["files"]) == {"rpp", "aaf", "otio"}
    assert found["clip"]["tracks"] == {"Dialogue": 1, "Foley": 1}
    events, marks = readers.read_rpp(tmp_path / "out" / "clip.rpp")
    own, take = events
    assert (own.track, own.start, own.samples, clicks_of(own)) == ("Dialogue", 0, 144_144, [20_000])
    entry, other = json.loads(film.read_text())["takes"]
    assert (take.track, take.start, take.samples) == ("Foley", SPAN, entry["samples"])
    assert clicks_of(take) == [SPAN + 100]
    names = readers.rpp_takes(tmp_path / "out" / "clip.rpp", take.name)
    assert [name for name, _ in names] == [entry["file"][:-4], other["file"][:-4]]
    assert marks == [("1", SPAN, entry["samples"])]
    # The file itself is handed over, with all that it says about its origin.
    assert take.file.read_bytes() == film.with_name(entry["file"]).read_bytes()
    assert "PROJOFFS 0 0 0" in (tmp_path / "out" / "clip.rpp").read_text()


def test_files_of_one_channel_are_marked_as_generated(film, capsys, tmp_path):
    """As the take whose channels they have: in XMP, and in the text of bext."""
    entry = json.loads(film.read_text())["takes"][0]
    mark = XmpMark("trainedAlgorithmicMedia", "a/model").packet
    with film.with_name(entry["file"]).open("wb") as file:
        writer = plain_bwf_writer(file, 2, SAMPLE_RATE, xmp=mark)
        writer.write(np.zeros((entry["samples"], 2), np.float32))
        writer.close()
    run_json(capsys, "turnover", film, "--to", tmp_path / "out", "--format", "wav", "--mono")
    written = sorted((tmp_path / "out").rglob(f"{entry['file'][:-4]}.[LR].wav"))
    assert [xmp_of_wav(path) for path in written] == [mark] * 2
    assert b"Generated sound (trainedAlgorithmicMedia), a/model" in written[0].read_bytes()[:400]


def test_the_gains_are_those_of_the_mix(film, capsys, tmp_path):
    """The tracks with their gains and fades sum to the mix that `tracklay mix` rendered, to the noise of 24 bits."""
    assert main(["mix", str(film), "--kind", "A1=dialogue", "--target", "-30", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    found = run_json(capsys, "turnover", film, "--to", tmp_path / "out", "--format", "wav,rpp")
    mixed = hear(tmp_path / "tracklay" / "clip.mix.wav").mean(axis=1)
    tracks = [hear(path) for path in (tmp_path / "out" / "clip tracks").iterdir()]
    assert len(tracks) == 2
    summed = sum(sound.mean(axis=1) for sound in tracks)
    places, gains = zip(*plan["limiter"], strict=True)
    free = np.interp(np.arange(len(mixed)), places, gains) == 1
    assert free.sum() > 100_000
    assert np.abs(mixed[free]).max() > 0.01
    assert np.abs(summed - mixed)[free].max() < 4 / (1 << 23)
    assert any("limiter" in note for note in found["clip"]["notes"])
    events, _ = readers.read_rpp(tmp_path / "out" / "clip.rpp")
    levels = {sound["name"]: sound["level_db"] + plan["master_db"] for sound in plan["sounds"]}
    for event, level in zip(events, levels.values(), strict=True):
        assert event.gain
        assert 20 * np.log10(event.gain[1]) == pytest.approx(level, abs=0.01)


def test_a_timeline_for_resolve(clicking, capsys, tmp_path):
    """The take and the dialogue of an .otio that begins at one hour, as Resolve reads them: absolute paths, on the right frames."""
    picture = flash_clip(tmp_path / "a.mp4", Fraction(24), 96, (20,))
    speech = click_wav(tmp_path / "speech.wav", 10 * SAMPLE_RATE, (5 * SAMPLE_RATE,), 1)
    film = timeline(
        tmp_path / "film.otio",
        track(clip(picture, 12, 48, 24)),
        track(clip(speech, 5 * 24 - 6, 24, 24, name="line 1"), name="DX 1", kind="Audio"),
        start=otio.opentime.RationalTime(86_400, 24),
    )
    assert main(["lay", str(film), "--model", "clicker/clicks"]) == 0
    capsys.readouterr()
    found = run_json(capsys, "turnover", film, "--for", "resolve", "--to", tmp_path / "out")
    assert set(found["film"]["files"]) == {"otio", "xml", "edl"}
    read = readers.read_otio(tmp_path / "out" / "film.otio")
    assert read.global_start_time.value == 86_400
    line, take = readers.otio_events(read, tmp_path)
    assert (line.track, line.name, line.start, clicks_of(line)) == ("Dialogue", "line 1", 0, [12_000])
    assert (take.track, take.start, take.samples) == ("Foley", 0, 96_000)
    assert take.file.is_absolute()
    folder = str(tmp_path / "out" / "film media")
    assert all(each.media_reference.target_url.startswith(folder) for each in read.find_clips())
    xml = readers.otio_events(readers.read_otio(tmp_path / "out" / "film.xml"), tmp_path)
    assert [(each.track, each.start, clicks_of(each)) for each in xml] == [
        (each.track, each.start, clicks_of(each)) for each in (line, take)
    ]


def test_the_whole_music_of_a_fitted_take_is_another_take(film, capsys, tmp_path):
    """What a model made beyond the span, from the sample on at which the take begins in it; a shorter one is left out."""
    content = json.loads(film.read_text())
    entry, _ = content["takes"]
    content["takes"] = [entry]
    for name, samples in (("clip.music.take1.unfitted.wav", 200_000), ("clip.music.take2.unfitted.wav", 96_000)):
        click_wav(film.parent / name, samples, (4800 + 100,), reference=SPAN)
        entry["fit"] = {"unfitted": name, "segments": [{"from": 4800, "to": 9600, "at": 0, "samples": 4800}]}
        film.write_text(json.dumps(content))
        out = tmp_path / name
        run_json(capsys, "turnover", film, "--to", out, "--format", "rpp,otio")
        names = [take for take, _ in readers.rpp_takes(out / "clip.rpp", Path(entry["file"]).stem)]
        assert names == [Path(entry["file"]).stem, *([Path(name).stem] if samples == 200_000 else [])]
        if samples == 200_000:
            (whole,) = readers.otio_events(readers.read_otio(out / "clip.otio"), out, enabled=False)
            assert (whole.start, whole.source_in, clicks_of(whole)) == (SPAN, 4800, [SPAN + 100])


def test_a_manifest_whose_picture_is_gone(film, capsys, tmp_path):
    """The takes alone are handed over, at their place."""
    (tmp_path / "clip.mov").unlink()
    found = run_json(capsys, "turnover", film, "--to", tmp_path / "out", "--format", "rpp")
    assert found["clip"]["notes"] == ["The picture is not there: its own sound is not in the turnover."]
    ((take),), _ = readers.read_rpp(tmp_path / "out" / "clip.rpp")
    assert (take.track, take.start) == ("Foley", SPAN)


def test_the_results_of_a_batch(film, capsys, tmp_path):
    """A turnover for each picture; the take that was kept plays, a rejected one is not there."""
    content = results(film)
    first, second = content["rows"]
    second["verdict"] = "keep"
    other = tmp_path / "b" / "tracklay"
    shutil.copytree(film.parent, other)
    rows = [
        first,
        second,
        {**first, "folder": str(other), "picture": None},
        {**second, "folder": str(other), "picture": None},
    ]
    rows[2]["verdict"], rows[3]["verdict"] = "", "reject"
    path = tmp_path / "work.tracklay.results.json"
    path.write_text(json.dumps({**content, "rows": rows}))
    found = run_json(capsys, "turnover", path, "--to", tmp_path / "out", "--format", "rpp")
    assert list(found) == ["clip", "clip 2"]
    events, _ = readers.read_rpp(tmp_path / "out" / "clip.rpp")
    assert events[1].name.endswith("take2")
    (alone,), _ = readers.read_rpp(tmp_path / "out" / "clip 2.rpp")
    assert alone.name.endswith("take1")
    assert len(readers.rpp_takes(tmp_path / "out" / "clip 2.rpp", alone.name)) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--format", "mp3"],
            "Not a format: 'mp3'. Use some of aaf, rpp, otio, fcpxml, xml, edl, wav, with commas between them.",
        ),
        (
            ["--format", ""],
            "Not a format: ''. Use some of aaf, rpp, otio, fcpxml, xml, edl, wav, with commas between them.",
        ),
        (["--handles", "90"], "Handles must be from 0 to 60 seconds, not 90."),
        (["--handles", "nan"], "Handles must be from 0 to 60 seconds, not nan."),
    ],
)
def test_wrong_options(film, capsys, tmp_path, arguments, sentence):
    """One sentence, and nothing is written."""
    assert main(["turnover", str(film), "--to", str(tmp_path / "out"), *arguments]) == 2
    assert capsys.readouterr().err.strip() == f"tracklay: {sentence}"
    assert not (tmp_path / "out").exists()


def refuse(capsys, source, to, *arguments):
    """Run a command that is refused, and return its sentence; nothing new is in the folder."""
    before = sorted(to.rglob("*")) if to.is_dir() else []
    assert main(["turnover", str(source), "--to", str(to), *(arguments or ("--format", "rpp"))]) in (1, 2)
    assert (sorted(to.rglob("*")) if to.is_dir() else []) == before
    program, _, sentence = capsys.readouterr().err.strip().partition(": ")
    assert program == "tracklay"
    return sentence


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "No space left in"), (errno.EROFS, "No permission to write to")]
)
def test_a_folder_that_cannot_be_written(film, capsys, tmp_path, monkeypatch, number, words):
    """A full or read-only folder, found when the last file is moved into place: one sentence, and nothing is left in it."""
    out, rename = tmp_path / "out", Path.rename
    out.mkdir()

    def refuse_rpp(path, target):
        if Path(target).parent == out and path.suffix == ".rpp":
            raise OSError(number, os.strerror(number))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse_rpp)
    assert refuse(capsys, film, out).startswith(f"{words} {out}.")


def test_the_papers(film, capsys, tmp_path):
    """The cue sheet as table, page and PDF, and a text for the dispute of a claim: who made each sound, when, under which licence."""
    content = json.loads(film.read_text())
    for entry in content["takes"]:
        entry |= {"created": "2026-11-30T10:00:00Z", "sha256": "ab12", "provider": "sketch", "request": "7"}
    film.write_text(json.dumps(content))
    run_json(capsys, "turnover", film, "--to", tmp_path / "out", "--format", "rpp")
    rights = tmp_path / "out" / "clip rights"
    names = {"cue-sheet.csv", "cue-sheet.html", "cue-sheet.pdf", "content-id-dispute.txt"}
    assert {path.name for path in rights.iterdir()} == names
    with (rights / "cue-sheet.csv").open(encoding="utf-8-sig", newline="") as file:
        (line,) = csv.DictReader(file)
    assert (line["in"], line["out"], line["created"]) == ("00:00:01;00", "00:00:03;00", "2026-11-30")
    assert line["licence"] == "CC0"
    (page,) = pypdf.PdfReader(rights / "cue-sheet.pdf").pages
    text = page.extract_text()
    assert "00:00:01;00" in text
    assert f"Rights as of {datetime.now(UTC).date().isoformat()}" in text
    dispute = (rights / "content-id-dispute.txt").read_text()
    for fact in ("00:00:01;00 to 00:00:03;00", "ab12", "2026-11-30T10:00:00Z", "CC0", "request:        7"):
        assert fact in dispute


def test_existing_files_are_kept(film, capsys, tmp_path):
    """A second turnover to a folder is refused, whichever of its files is there."""
    out = tmp_path / "out"
    run_json(capsys, "turnover", film, "--to", out, "--format", "rpp")
    kept = (out / "clip.rpp").read_bytes()
    assert refuse(capsys, film, out).startswith(f"Already there: {out / 'clip rights'}.")
    shutil.rmtree(out / "clip rights")
    assert refuse(capsys, film, out) == f"Already there: {out / 'clip.rpp'}. Move it away, or name another folder."
    assert refuse(capsys, film, out, "--format", "otio").startswith(f"Already there: {out / 'clip media'}.")
    assert (out / "clip.rpp").read_bytes() == kept


def test_a_missing_take(film, capsys, tmp_path):
    """It is named, with its folder."""
    entry = json.loads(film.read_text())["takes"][0]
    film.with_name(entry["file"]).unlink()
    (tmp_path / "out").mkdir()
    sentence = refuse(capsys, film, tmp_path / "out")
    assert sentence == f"The take {entry['file']} is missing in {film.parent}. Put it back, or generate the cue again."


def test_nothing_to_hand_over(capsys, tmp_path):
    """A film without sound and without takes, and results without a take."""
    picture = flash_clip(tmp_path / "silent.mp4", Fraction(25), 10, ())
    (tmp_path / "out").mkdir()
    assert refuse(capsys, picture, tmp_path / "out") == "There is no sound to hand over: silent has none, and no takes."
    empty = tmp_path / "a.tracklay.results.json"
    empty.write_text('{"tracklay": "1", "rows": []}')
    assert refuse(capsys, empty, tmp_path / "out") == f"There is no take to hand over in {empty}."
    assert refuse(capsys, tmp_path / "no.json", tmp_path / "out").endswith(": No such file or directory.")


def test_a_damaged_mix(film, capsys, tmp_path):
    """It is named, and the fix."""
    mix = film.with_name("clip.mix.json")
    mix.write_text('{"tracklay": "1", "master_db": 0, "sounds": [1]}')
    (tmp_path / "out").mkdir()
    assert refuse(capsys, film, tmp_path / "out") == (
        f"Not a mix of Tracklay: {mix}. Mix the picture again, or move it away."
    )


def test_a_folder_that_is_a_file(film, capsys, tmp_path):
    """The folder is named."""
    (tmp_path / "out").write_text("mine")
    assert (
        refuse(capsys, film, tmp_path / "out") == f"Not a directory: {tmp_path / 'out'}. Choose another one with --to."
    )


def test_names_that_are_one_name_on_other_disks(capsys, tmp_path):
    """Sounds of one name from several folders, and names that differ in case, are numbered; each clip plays its own."""
    made = [
        click_wav(tmp_path / folder / name, 48_000, (n * 100,), 1)
        for n, (folder, name) in enumerate((("a", "hit.wav"), ("b", "hit.wav"), ("c", "HIT.wav")))
    ]
    film = timeline(
        tmp_path / "film.otio",
        track(*(clip(path, 0, 24, 24) for path in made), name="FX", kind="Audio"),
    )
    run_json(capsys, "turnover", film, "--to", tmp_path / "out", "--format", "otio")
    names = sorted(path.name for path in (tmp_path / "out" / "film media").iterdir())
    assert names == ["HIT 3.wav", "hit 2.wav", "hit.wav"]
    events = readers.otio_events(readers.read_otio(tmp_path / "out" / "film.otio"), tmp_path / "out")
    assert [clicks_of(event) for event in events] == [[0], [48_100], [96_200]]
