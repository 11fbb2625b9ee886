"""Each format of a turnover, read back by a reader that is not ours: places, tracks, names, files, gains, fades, clicks."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import aaf2
import numpy as np
import opentimelineio as otio
import pytest
from defusedxml.ElementTree import parse
from tracklay.timing import Rate
from tracklay.turnover.export import TurnoverOptions, write_turnover
from tracklay.turnover.session import SessionClip, TurnoverSession

from tests.clips import hear
from tests.turnover import readers
from tests.turnover.made_session import HOUR, RATE, SAMPLE_RATE, click_wav, clicks, frames, make_session, places

TRACKS = {"step.take1": "Foley 1", "door": "Foley 2", "music": "Music", "speech": "Dialogue"}
GAINS = {
    "step.take1": (1, 1, 1),
    "door": (0.5, 0.5, 0.5),
    "music": (0.5, 0.25 + 0.25 * (50_000 - frames(48) // 2) / 10_000, 0.25),
    "speech": (1, 1, 1),
}
FADES = {"step.take1": (0, 0), "door": (0, 0), "music": (480, 960), "speech": (0, 0)}


@pytest.fixture
def turnover(tmp_path):
    """Write the session in formats: `turnover("rpp", **options)` returns the folder."""

    def write(*formats, session=None, **options):
        made = session or make_session(tmp_path / "takes")
        write_turnover(made, TurnoverOptions(formats, **options), tmp_path / "out")
        return tmp_path / "out"

    return write


def check_places(events, tracks=TRACKS, within=1, rate=RATE):
    """Each event is on its track, at its place to the sample, and clicks on the timeline where it should."""
    assert {event.name: event.track for event in events} == tracks
    for event in events:
        start, samples = places(rate)[event.name]
        assert abs(event.start - start) <= within, event
        assert abs(event.samples - samples) <= within, event
        sound = hear(event.file)[:, 0]
        played = sound[event.source_in : event.source_in + event.samples]
        (click,) = (abs(played) > 0.2).nonzero()[0]
        assert abs(event.start + int(click) - clicks(rate)[event.name]) <= within, event


def test_reaper(turnover):
    """Items with takes, fades and envelopes; markers and regions; the timecode of the project's start."""
    folder = turnover("rpp")
    events, marks = readers.read_rpp(folder / "The Film.rpp")
    check_places(events, within=0)
    for event in events:
        assert event.gain == pytest.approx(GAINS[event.name], abs=1e-6), event.name
        assert (event.fade_in, event.fade_out) == FADES[event.name]
    assert marks == [("scene 1", frames(4), frames(40)), ("hit: slam", frames(22), 0)]
    assert readers.rpp_takes(folder / "The Film.rpp", "step.take1") == [
        ("step.take1", "The Film media/step.take1.wav"),
        ("step.take2", "The Film media/step.take2.wav"),
    ]
    text = (folder / "The Film.rpp").read_text()
    assert f"PROJOFFS {HOUR * 1001 / 24000:g} 0 0" in text
    assert "TIMEMODE 5 5 -1 24 2 0 -1" in text


@pytest.mark.parametrize("is_absolute", [False, True])
def test_opentimelineio(turnover, is_absolute):
    """Clips on whole frames, other takes on disabled tracks, fades of a frame and more as transitions, gains as metadata."""
    folder = turnover("otio", is_absolute=is_absolute)
    timeline = readers.read_otio(folder / "The Film.otio")
    assert (timeline.global_start_time.value, timeline.name) == (HOUR, "The Film")
    events = readers.otio_events(timeline, folder)
    check_places(events, within=0)
    for clip in timeline.find_clips():
        assert clip.media_reference.target_url.startswith("file:///") is is_absolute
        start = clip.trimmed_range_in_parent().start_time.value
        assert start == round(start), clip.name
    (other,) = readers.otio_events(timeline, folder, enabled=False)
    assert (other.track, other.name, other.start) == ("Foley 1 take 2", "step.take2", frames(10))
    (music,) = (clip for clip in timeline.find_clips() if clip.name == "music")
    held = music.metadata["tracklay_turnover"]
    assert (held["fade_in"], held["fade_out"]) == FADES["music"]
    assert [list(point) for point in held["gain"]] == [[40_000, 0.5], [50_000, 0.25]]
    marks = {mark.name: readers.to_samples(mark.marked_range.start_time) for mark in timeline.tracks[0].markers}
    assert marks == {"scene 1": frames(4), "hit: slam": frames(22)}


def test_fades_of_frames_are_transitions_in_otio(turnover, tmp_path):
    """A fade-in beside a gap and a fade-out before one, each of its length."""
    session = make_session(tmp_path / "takes")
    clips = [replace(clip, fade_in=frames(2), fade_out=frames(3)) for clip in session.clips]
    folder = turnover("otio", session=replace(session, clips=tuple(clips)))
    events = readers.otio_events(readers.read_otio(folder / "The Film.otio"), folder)
    assert {(event.fade_in, event.fade_out) for event in events} == {(frames(2), frames(3))}
    check_places(events, within=0)


def test_media(turnover):
    """Takes are copied whole, with all they have. Of a long file the clip and 24 frames on both sides are cut, and stamped."""
    folder = turnover("rpp")
    media = folder / "The Film media"
    names = {"step.take1.wav", "step.take2.wav", "Tür & Schloß.wav", "music.wav", "speech.wav"}
    assert {path.name for path in media.iterdir()} == names
    for name in names - {"speech.wav"}:
        assert (media / name).read_bytes() == (folder.parent / "takes" / name).read_bytes()
    assert len(hear(media / "speech.wav")) == frames(20) + 2 * frames(24)


PAL = Rate(Fraction(25))


def test_final_cut_pro_x(turnover, tmp_path):
    """Clips on lanes with their roles, levels in decibels, fades, markers.

    Read at a whole rate, and as video: the adapter takes 23.976 for 23, and sound alone for picture.
    """
    folder = turnover("fcpxml", session=make_session(tmp_path / "takes", rate=PAL))
    path = folder / "The Film.fcpxml"
    events = readers.otio_events(readers.read_otio(path), folder, kind="Video")
    lanes = {"-1": "Dialogue", "-2": "Foley 1", "-3": "Foley 2", "-4": "Music", "-5": "step.take2"}
    zero = frames(3600 * 25, PAL)
    played = [
        replace(event, track=lanes[event.track], start=event.start - zero) for event in events if event.track != "-5"
    ]
    check_places(played, within=0, rate=PAL)
    root = parse(path).getroot()
    roles = {clip.get("name"): clip.get("audioRole") for clip in root.iter("asset-clip") if clip.get("enabled") != "0"}
    assert roles == {
        "step.take1": "effects.Foley 1",
        "door": "effects.Foley 2",
        "music": "music.Music",
        "speech": "dialogue.Dialogue",
    }
    found = {clip.get("name"): clip for clip in root.iter("asset-clip")}
    assert found["door"].find("adjust-volume").get("amount") == "-6.0206dB"
    assert found["step.take1"].find("adjust-volume") is None
    assert found["step.take2"].get("enabled") == "0"
    volume = found["music"].find("adjust-volume/param")
    assert (volume.find("fadeIn").get("duration"), volume.find("fadeOut").get("duration")) == ("1/100s", "1/50s")
    begins = Fraction(found["music"].get("start").removesuffix("s"))
    keys = [
        (round((Fraction(key.get("time").removesuffix("s")) - begins) * SAMPLE_RATE), float(key.get("value")[:-2]))
        for key in volume.iter("keyframe")
    ]
    places_, levels = zip(*keys, strict=True)
    between = 10 ** (np.interp(range(0, frames(48, PAL), 100), places_, levels) / 20)
    straight = np.interp(range(0, frames(48, PAL), 100), (40_000, 50_000), (0.5, 0.25))
    assert np.abs(20 * np.log10(between / straight)).max() < 0.04
    assert [mark.get("value") for mark in root.iter("marker")] == ["scene 1", "hit: slam"]


def test_final_cut_pro_x_at_broken_rates(turnover):
    """At 23.976 all times are whole frames, as fractions of a second."""
    folder = turnover("fcpxml")
    root = parse(folder / "The Film.fcpxml").getroot()
    zero = Fraction(HOUR * 1001, 24000)
    for clip in root.iter("asset-clip"):
        if clip.get("enabled") != "0":
            start, samples = places()[clip.get("name")]
            offset, duration = (Fraction(clip.get(name).removesuffix("s")) for name in ("offset", "duration"))
            assert offset * SAMPLE_RATE == start
            assert duration * SAMPLE_RATE == samples
            assert (offset * 24000 / 1001).denominator == 1
    assert Fraction(next(root.iter("sequence")).get("tcStart").removesuffix("s")) == zero


def test_final_cut_pro_7(turnover):
    """A track for each channel, frames, levels with their keyframes, other takes on disabled tracks, the timecodes of the files."""
    folder = turnover("xml")
    timeline = readers.read_otio(folder / "The Film.xml")
    events = readers.otio_events(timeline, folder)
    check_places([event for event in events if event.track in TRACKS.values()])
    others = [event for event in events if event.track not in TRACKS.values()]
    assert [(event.track, event.name, event.start) for event in others] == [
        ("Foley 1 take 2", "step.take2", frames(10))
    ]
    # The adapter joins the two tracks of a stereo sound.
    root = parse(folder / "The Film.xml").getroot()
    assert {track.findtext("name") for track in root.iter("track") if track.findtext("enabled") == "FALSE"} == {
        "Foley 1 take 2"
    }
    names = [track.findtext("name") for track in root.iter("track")]
    assert names == ["Dialogue", *["Foley 1"] * 2, *["Foley 1 take 2"] * 2, "Foley 2", *["Music"] * 2]
    assert timeline.global_start_time.value == HOUR
    assert [(mark.name, mark.marked_range.start_time.value) for mark in timeline.tracks.markers] == [
        ("scene 1", 4),
        ("hit: slam", 22),
    ]
    levels = {
        item.findtext("name"): [(key.findtext("when"), float(key.findtext("value"))) for key in item.iter("keyframe")]
        or float(item.findtext("filter/effect/parameter/value"))
        for item in root.iter("clipitem")
        if item.find("filter") is not None
    }
    # The ramp is from 19.98 to 24.98 frames, after the 12 frames of the file before the clip.
    first = 12
    assert levels == {
        "door": 0.5,
        "music": [(str(first + at), level) for at, level in ((0, 0.5), (20, 0.5), (25, 0.25), (48, 0.25))],
    }


def test_edl(turnover):
    """An EDL for each track, with the names, and the timecodes of the files and of the timeline."""
    folder = turnover("edl")
    assert {path.name for path in (folder / "The Film edl").iterdir()} == {f"{name}.edl" for name in TRACKS.values()}
    for name, track in TRACKS.items():
        path = folder / "The Film edl" / f"{track}.edl"
        timeline = otio.adapters.read_from_file(str(path), rate=24000 / 1001)
        clip = next(iter(timeline.find_clips()))
        assert clip.name == name
        record = clip.range_in_parent()
        begins = -timeline.tracks[0].source_range.start_time.value  # the adapter's way to keep the record time
        start, samples = places()[name]
        assert frames(round(begins + record.start_time.value)) - frames(HOUR) == start
        assert readers.to_samples(record.duration, 24000 / 1001) == samples
        wav = next((folder / "The Film media").glob(f"{'Tür*' if name == 'door' else name}.wav"))
        with wav.open("rb") as file:
            file.seek(12 + 8 + 338)
            reference = int.from_bytes(file.read(8), "little")
        into = readers.to_samples(clip.source_range.start_time, 24000 / 1001) - reference
        (click,) = (abs(hear(wav)[into : into + samples, 0]) > 0.2).nonzero()[0]
        assert abs(start + int(click) - clicks()[name]) <= frames(1) // 2
    assert "IS -6.02 DB" in (folder / "The Film edl" / "Foley 2.edl").read_text()


def test_tracks_as_waves(turnover):
    """Each track from the session's start to its end, stamped with it: the clicks at their samples, with gain."""
    folder = turnover("wav")
    for name, track in TRACKS.items():
        path = folder / "The Film tracks" / f"{track}.wav"
        sound = hear(path)[:, 0]
        assert len(sound) == frames(48)
        (click,) = (abs(sound) > 1e-4).nonzero()[0]
        assert click == clicks()[name]
        gain = 0.5 * 7 / 480 if name == "music" else GAINS[name][0]
        assert sound[click] == pytest.approx(0.5 * gain, abs=1e-6)
        with path.open("rb") as file:
            file.seek(12 + 8 + 338)
            assert int.from_bytes(file.read(8), "little") == frames(HOUR)


def check_levels(events):
    """Each event has its gain and its fades."""
    for event in events:
        name = event.name.removesuffix(".L").removesuffix(".R")
        assert event.gain == pytest.approx(GAINS[name], abs=1e-4), event.name
        assert (event.fade_in, event.fade_out) == FADES[name], event.name


def test_aaf(turnover):
    """One composition with linked sound: places, gains, fades, the timecodes of the timeline and of each file, markers, other takes."""
    folder = turnover("aaf")
    timeline, events = readers.read_aaf(folder / "The Film.aaf")
    check_places(events, within=0)
    check_levels(events)
    assert (timeline.global_start_time.value, timeline.name) == (HOUR, "The Film")
    starts = {clip.name: clip.media_reference.available_range.start_time.value for clip in timeline.find_clips()}
    zero = frames(HOUR)
    assert starts == {
        "step.take1": zero + frames(10),
        "door": zero + frames(20),
        "music": zero - frames(12),
        "speech": zero + frames(12) - frames(24),
    }
    marks = {
        mark.name: mark.marked_range.duration.value
        for item in timeline.find_children()
        if isinstance(item, otio.core.Item)
        for mark in item.markers
    }
    assert marks == {"scene 1: gravel": 40, "hit: slam": 1}
    with aaf2.open(str(folder / "The Film.aaf")) as file:
        assert [mob.name for mob in file.content.toplevel()] == ["The Film"]
        assert len(list(file.content.compositionmobs())) == 1
        assert "step.take2" in {mob.name for mob in file.content.mastermobs()}


def test_embedded_aaf_of_one_channel_a_file(turnover, tmp_path):
    """For Pro Tools: each channel is a file and a track of its own; the sound inside is that of the files, to the sample."""
    folder = turnover("aaf", is_mono=True, embeds=True)
    _, events = readers.read_aaf(folder / "The Film.aaf")
    assert [(event.track, event.name) for event in events] == [
        ("Dialogue", "speech"),
        ("Foley 1.L", "step.take1.L"),
        ("Foley 1.R", "step.take1.R"),
        ("Foley 2", "door"),
        ("Music.L", "music.L"),
        ("Music.R", "music.R"),
    ]
    check_levels(events)
    with aaf2.open(str(folder / "The Film.aaf")) as file:
        mobs = {mob.name: mob for mob in file.content.sourcemobs() if mob.essence}
        assert {mob.descriptor["Channels"].value for mob in mobs.values()} == {1}
        for event in events:
            stem = "Tür & Schloß" if event.name == "door" else event.name
            mobs[stem].export_audio(str(tmp_path / "out.wav"))
            held, written = hear(tmp_path / "out.wav"), hear(folder / "The Film media" / f"{stem}.wav")
            assert np.array_equal(held, written)
            level = 0.25 if event.name.endswith(".R") else 0.5
            assert abs(held).max() == pytest.approx(level, abs=1e-6)


def test_fades_that_meet(turnover, tmp_path):
    """Sounds that meet without a gap, each with its fades: every event stays on its place."""
    wav = click_wav(tmp_path / "takes" / "a.wav", frames(10), (100,))
    clips = tuple(
        SessionClip(name, "Foley", wav, frames(10 * n), frames(10), fade_in=480, fade_out=960, is_whole=True)
        for n, name in enumerate("abc")
    )
    folder = turnover("aaf", "rpp", "otio", session=TurnoverSession("The Film", RATE, 0, clips))
    for events in (
        readers.read_aaf(folder / "The Film.aaf")[1],
        readers.read_rpp(folder / "The Film.rpp")[0],
        readers.otio_events(readers.read_otio(folder / "The Film.otio"), folder),
    ):
        assert [(event.name, event.start, event.samples) for event in events] == [
            ("a", 0, frames(10)),
            ("b", frames(10), frames(10)),
            ("c", frames(20), frames(10)),
        ]
