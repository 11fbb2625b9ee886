"""Tests of timelines in other formats: OTIO's bundles and collections, adapters, and the sentence for all that is not read."""

from __future__ import annotations

import json
import zipfile
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest
from tracklay import timelines
from tracklay.errors import InvalidInput
from tracklay.timelines.formats import is_timeline

from tests.clips import flash_clip
from tests.timelines.cuts import clip, timeline, track
from tests.timelines.test_sync import laid_clips, lay


@pytest.fixture
def film(tmp_path):
    """Return a timeline of one clip, with its media beside it."""
    media = flash_clip(tmp_path / "a b.mp4", Fraction(25), 50, (25,))
    return timeline(tmp_path / "cut.otio", track(clip(media, 10, 30, 25, name="shot")))


@pytest.mark.parametrize("suffix", [".otioz", ".otiod"])
def test_bundles_are_laid_like_the_timeline_in_them(tmp_path, film, clicking, suffix):
    """The media of an .otioz are unpacked once, beside the takes; the copy refers to them."""
    bundle = tmp_path / "sub" / f"cut{suffix}"
    bundle.parent.mkdir()
    otio.adapters.write_to_file(otio.adapters.read_from_file(str(film)), str(bundle))
    (tmp_path / "a b.mp4").unlink()
    for _ in range(2):
        assert lay(bundle) == 0
    out = bundle.parent / "tracklay"
    assert laid_clips(out / "cut.tracklay.otio") == {"shot": (0, 30)}
    (cue,) = timelines.open_timeline(out / "cut.tracklay.otio").cues(model="sketch/foley")
    assert (cue.picture.error, cue.picture.source.name) == ("", "a b.mp4")
    assert len(list(out.glob("*.media"))) == (1 if suffix == ".otioz" else 0)


def test_nothing_of_a_bundle_is_written_outside_its_folder(tmp_path, film):
    """Only members below `media/` are unpacked, and none whose name climbs."""
    bundle = tmp_path / "cut.otioz"
    otio.adapters.write_to_file(otio.adapters.read_from_file(str(film)), str(bundle))
    with zipfile.ZipFile(bundle, "a") as packed:
        for name in ("other.txt", "media/../../climbed.txt", "media/..\\..\\climbed.txt"):
            packed.writestr(name, "text")
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    timelines.open_timeline(bundle)
    written = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert [path.name for path in written] == ["a b.mp4"]
    assert all(path.parent.name == "media" for path in written)


@pytest.mark.parametrize("data", [b"", b"not a zip", None])
def test_a_damaged_bundle_is_one_sentence(tmp_path, data):
    """Empty, something else, or without a timeline."""
    bundle = tmp_path / "cut.otioz"
    if data is None:
        with zipfile.ZipFile(bundle, "w") as packed:
            packed.writestr("version.txt", "1.0.0")
    else:
        bundle.write_bytes(data)
    with pytest.raises(InvalidInput, match=r"empty|Not a complete .otioz bundle"):
        timelines.open_timeline(bundle)


@pytest.mark.parametrize("entry", ["content.otio", "media/"])
@pytest.mark.parametrize("damage", ["data", "encrypted"])
def test_a_bundle_whose_entry_cannot_be_unpacked_is_one_sentence(tmp_path, film, entry, damage):
    """The directory of the archive is whole, and what it lists is not."""
    bundle, whole = tmp_path / "cut.otioz", tmp_path / "whole.otioz"
    otio.adapters.write_to_file(otio.adapters.read_from_file(str(film)), str(whole))
    with zipfile.ZipFile(whole) as read, zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in read.namelist():
            packed.writestr(name, read.read(name))
    with zipfile.ZipFile(bundle) as packed:
        info = next(info for info in packed.infolist() if info.filename.startswith(entry))
    data = bytearray(bundle.read_bytes())
    if damage == "data":
        begin = info.header_offset + 30 + len(info.filename)
        data[begin : begin + info.compress_size] = b"\xff" * info.compress_size
    else:
        # The flag in the local header and in the directory (PKWARE's APPNOTE, 4.4.4).
        data[info.header_offset + 6] |= 1
        data[data.index(info.filename.encode(), data.index(b"PK\x01\x02")) - 46 + 8] |= 1
    bundle.write_bytes(data)
    with pytest.raises(InvalidInput, match=r"Not a complete .otioz bundle"):
        timelines.open_timeline(bundle)
    assert not list(tmp_path.rglob("*.mp4.*"))


def test_a_collection_of_one_timeline_is_that_timeline(tmp_path, film):
    """Adapters give a project with one sequence as a collection, in bins too; of several, none is guessed."""
    inner = json.loads(film.read_text())
    bin_ = {"OTIO_SCHEMA": "SerializableCollection.1", "name": "bin", "metadata": {}, "children": [inner]}
    film.write_text(json.dumps({**bin_, "name": "project", "children": [bin_]}))
    assert [cue.id for cue in timelines.open_timeline(film).cues(model="sketch/foley")] == ["shot"]
    film.write_text(json.dumps({**bin_, "children": [inner, {**inner, "name": "cut two"}]}))
    with pytest.raises(InvalidInput, match=r"contains 2 timelines: cut, cut two\. Export one of them"):
        timelines.open_timeline(film)


def test_an_edl_takes_its_rate_and_its_files_from_beside_it(tmp_path, clicking):
    """An EDL states neither: the media have the rate, and are found by the names of the clips."""
    flash_clip(tmp_path / "wide.mov", Fraction(25), 75, (30,), "-c:v", "mjpeg", "-timecode", "10:00:00:00")
    edl = tmp_path / "cut.edl"
    edl.write_text(
        "TITLE: CUT\nFCM: NON-DROP FRAME\n\n"
        "001  A001     V     C        10:00:00:20 10:00:01:20 01:00:00:00 01:00:01:00\n* FROM CLIP NAME: wide\n"
    )
    assert lay(edl) == 0
    assert laid_clips(tmp_path / "tracklay" / "cut.tracklay.otio") == {"wide": (0, 25)}
    (tmp_path / "wide.mov").unlink()
    with pytest.raises(InvalidInput, match=r"Unknown frame rate.*otioconvert -i cut.edl -o cut.otio -a rate=25"):
        timelines.open_timeline(edl)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cut.kdenlive", "a Kdenlive project. To read it, run pip install otio-kdenlive-adapter, or export"),
        ("cut.aaf", "an AAF. To read it, run pip install otio-aaf-adapter, or export"),
        ("cut.fcpxml", "a Final Cut Pro X timeline. To read it, run pip install otio-fcpx-xml-adapter, or export"),
        ("cut.mlt", "an MLT project. To read it, export the timeline as .otio"),
        ("cut.prproj", "a Premiere Pro project. To read it, export the timeline as .otio"),
        ("cut.drp", "a DaVinci Resolve project. To read it, export the timeline as .otio"),
    ],
)
def test_a_timeline_that_is_not_read_names_the_way(tmp_path, monkeypatch, name, words):
    """Not an error about damaged video: what it is, and what to install or export."""
    monkeypatch.setattr(otio.adapters, "suffixes_with_defined_adapters", lambda **_: {"otio"})
    path = tmp_path / name
    path.write_text("<x/>")
    assert is_timeline(path)
    with pytest.raises(InvalidInput) as caught:
        timelines.open_timeline(path)
    assert words in str(caught.value)


def test_a_format_that_is_a_folder_is_named(tmp_path):
    """Final Cut Pro exports a bundle; a folder with any other timeline's name holds images."""
    for name, words in (("cut.fcpxmld", "a Final Cut Pro X bundle. To read it"), ("cut.edl", "No images found")):
        (tmp_path / name).mkdir()
        with pytest.raises(InvalidInput, match=words):
            timelines.open_timeline(tmp_path / name)


def test_what_an_adapter_cannot_read_is_one_sentence(tmp_path):
    """Its parser's own exception is the reason; other .xml files are no timelines."""
    path = tmp_path / "cut.xml"
    path.write_text("<!DOCTYPE xmeml><xmeml><sequence>")
    with pytest.raises(InvalidInput, match=r"OpenTimelineIO cannot read .*cut.xml: "):
        timelines.open_timeline(path)
    path.write_text("<note/>")
    assert not is_timeline(path)


def edl_cues(folder: Path, fcm: str, *events: str) -> list[tuple[Fraction, int, Fraction]]:
    """Return what an EDL of `cam.mov` reads as: for each event the rate, the length in frames, and the first second of the file."""
    lines = ["TITLE: T", f"FCM: {fcm}", ""]
    for number, event in enumerate(events, 1):
        lines += [f"{number:03}  AX V C {event}", "* FROM CLIP NAME: cam.mov"]
    edl = folder / "cut.edl"
    edl.write_text("\n".join(lines) + "\n")
    found = timelines.open_timeline(edl).cues(model="sketch/foley")
    return [(cue.span.rate.fps, cue.span.frames, cue.picture.time_map.source_seconds(cue.span.start)) for cue in found]


@pytest.mark.parametrize(
    ("last", "rate", "frames", "begins"),
    [("10:00:03:10", 25, 15, Fraction(14, 5)), ("10:00:03:30", 50, 60, Fraction(12, 5))],
)
def test_an_edl_counts_at_half_the_rate_of_fast_media(tmp_path, last, rate, frames, begins):
    """Lists have 30 frames per second at most: one of 50p media counts 25, unless it has a frame that 25 does not have."""
    flash_clip(tmp_path / "cam.mov", Fraction(50), 250, (), "-c:v", "mjpeg", "-timecode", "10:00:00:00")
    record = last.replace("10:00:03", "01:00:00" if rate == 25 else "01:00:01")
    end = "01:00:00:15" if rate == 25 else record.replace(":30", ":10")
    found = edl_cues(tmp_path, "NON-DROP FRAME", f"10:00:02:20 {last} 01:00:00:00 {end}")
    assert found == [(rate, frames, begins)]


@pytest.mark.parametrize("separator", [":", ";"])
def test_an_edl_in_drop_frame_says_so_in_a_line_of_its_own(tmp_path, separator):
    """Its times may have colons all the same: an hour would be 108 frames off."""
    options = ("-c:v", "mjpeg", "-timecode", "01:00:00;00")
    flash_clip(tmp_path / "cam.mov", Fraction(30000, 1001), 200, (), *options)
    event = f"01:00:01{separator}00 01:00:02{separator}12 01:00:00{separator}00 01:00:01{separator}12"
    found = edl_cues(tmp_path, "DROP FRAME", event)
    assert found == [(Fraction(30000, 1001), 42, Fraction(1001, 1000))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_an_edl_in_any_encoding_finds_its_media(tmp_path, encoding):
    """As programs on Windows write them; the reel names the file where no comment does."""
    for name in ("Café.mov", "A001.mov"):
        flash_clip(tmp_path / name, Fraction(25), 50, (), "-c:v", "mjpeg")
    text = (
        "TITLE: T\r\n001  AX V C 00:00:00:10 00:00:01:00 01:00:00:00 01:00:00:15\r\n* FROM CLIP NAME: Café.mov\r\n"
        "002  A001 V C 00:00:00:10 00:00:01:00 01:00:00:15 01:00:01:05\r\n"
    )
    (tmp_path / "cut.edl").write_bytes(text.encode(encoding))
    found = timelines.open_timeline(tmp_path / "cut.edl").cues(model="sketch/foley")
    assert [(cue.picture.source.name, cue.picture.error) for cue in found] == [("Café.mov", ""), ("A001.mov", "")]


def test_an_edl_takes_no_media_from_the_current_folder(tmp_path, monkeypatch):
    """A file of the same name there is another one; an absolute path is the file that it names."""
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    flash_clip(elsewhere / "cam.mov", Fraction(25), 50, (), "-c:v", "mjpeg")
    monkeypatch.chdir(elsewhere)
    event = "00:00:00:10 00:00:01:00 01:00:00:00 01:00:00:15"
    with pytest.raises(InvalidInput, match="none of its media is beside it"):
        edl_cues(here, "NON-DROP FRAME", event)
    edl = here / "cut.edl"
    edl.write_text(edl.read_text().replace("cam.mov", str(elsewhere / "cam.mov")))
    (cue,) = timelines.open_timeline(edl).cues(model="sketch/foley")
    assert (cue.picture.source, cue.picture.error) == (elsewhere / "cam.mov", "")
