"""Takes in the open timeline: where they land, on which track, and the error when they do not."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from tracklay.cue import Cost, Cue, Picture, Take
from tracklay.errors import InvalidInput, OutputError
from tracklay.media.bwf import plain_bwf_writer
from tracklay.resolve.frame_fitting import FramedSound, fit_to_frames
from tracklay.resolve.laying import append_sound, find_free_track, import_file, lay_take, read_laid_entry
from tracklay.resolve.timeline import ResolveTimeline
from tracklay.timing import Rate, Span, TimeMap

from tests.clips import clicks, flash_clip, hear
from tests.fakes.resolve import Blocked, Item, Media, launch


def write_clicks(path, samples: int, *at: int):
    """Write a stereo WAV with a click at each of these samples."""
    sound = np.zeros((samples, 2), np.float32)
    sound[list(at)] = 0.9
    with path.open("wb") as file:
        writer = plain_bwf_writer(file, 2, 48_000)
        writer.write(sound)
        writer.close()
    return path


def made_take(folder, span: Span, *, cue="shot", number=1, name="take", model="sketch/foley") -> Take:
    """Return a take of a span, with a click at its first sample."""
    file = write_clicks(folder / f"{name}{number}.wav", span.samples(48_000), 0)
    picture = Picture(folder / "clip.mp4", TimeMap.linear(span, Fraction(0)))
    return Take(
        Cue(cue, span, picture, model, "steps"),
        number, "sketch", "1", "", 1, {}, file, "", 48_000, 2, span.samples(48_000), Cost("0", "USD", estimated=False), "CC0", "", "",
    )  # fmt: skip


def opened(rate="24", start=86_400, **facts):
    """Return a Resolve with an empty timeline, and that timeline as Tracklay opens it."""
    app = launch(**facts)
    app._open(rate=rate, start=start)
    return app, ResolveTimeline.open(app)


def sounds(app) -> dict[str, list[tuple[float, float, bool]]]:
    """Return start, length and whether it is enabled of each clip of our tracks."""
    return {
        track._name: [(float(item._start), float(item._frames), item._enabled) for item in track._items]
        for track in app._timeline._tracks["audio"]
        if track._name.startswith("Tracklay")
    }


@pytest.mark.parametrize("rate", ["23.976", "24", "25", "29.97", "50", "59.94", "60"])
def test_a_take_lands_on_its_span_at_every_rate(tmp_path, rate):
    """On a stereo track named by the task, with its provenance in a marker, in a bin of the timeline; the user's bin stays current."""
    app, timeline = opened(rate)
    take = made_take(tmp_path, Span(86_411, 47, timeline.rate))
    assert lay_take(timeline.opened, timeline.clock, take, bin_name="cut 1") == []
    assert sounds(app) == {"Tracklay Foley": [(86_411, 47, True)]}
    assert app._timeline._tracks["audio"][-1]._kind == "stereo"
    (item,) = app._timeline._tracks["audio"][-1]._items
    assert read_laid_entry(item) == json.loads(json.dumps(take.to_manifest_entry()))
    pool = app._project._pool
    assert [each._name for each in pool._root._folders[0]._folders] == ["cut 1"]
    assert pool._current is pool._root


def test_a_wav_counts_frames_at_the_rate_that_the_project_has(tmp_path):
    """Imported in a project at 24 and laid on a timeline at 25: it is padded to whole frames of both, and none is missing."""
    app, timeline = opened("25", 90_000, project_fps=Fraction(24))
    for start, frames in ((90_010, 50), (90_100, 47)):
        take = made_take(tmp_path, Span(start, frames, timeline.rate), name=f"t{start}", cue=str(start))
        lay_take(timeline.opened, timeline.clock, take, bin_name="cut 1")
    assert sounds(app) == {"Tracklay Foley": [(90_010, 50, True), (90_100, 47, True)]}


def test_no_overlap_is_ever_asked_for(tmp_path):
    """A second cue there gets another track. An earlier take of the same cue stays, disabled."""
    app, timeline = opened()
    span = Span(86_400, 48, timeline.rate)
    for take in (
        made_take(tmp_path, span),
        made_take(tmp_path, span, cue="other", name="b"),
        made_take(tmp_path, span, number=2),
    ):
        lay_take(timeline.opened, timeline.clock, take, bin_name="cut 1")
    assert sounds(app) == {
        "Tracklay Foley": [(86_400, 48, False)],
        "Tracklay Foley 2": [(86_400, 48, True)],
        "Tracklay Foley 3": [(86_400, 48, True)],
    }


def test_what_did_not_land_is_an_error(tmp_path):
    """Resolve drops an overlap silently, and rejects a call with a fraction: the track is read back."""
    app, timeline = opened()
    take = made_take(tmp_path, Span(86_400, 48, timeline.rate))
    media = import_file(timeline.opened, take.file, "cut 1")
    index = find_free_track(app._timeline, "Tracklay Foley", FramedSound(take.file, 86_400, 48), 2)
    app._timeline._put(Item(app, None, 86_420, 10), index, "audio")
    with pytest.raises(OutputError) as error:
        append_sound(timeline.opened, timeline.clock, media, FramedSound(take.file, 86_400, 48), index)
    assert str(error.value) == (
        "Resolve did not lay take1.wav on track Tracklay Foley at 01:00:00:00. It is in the bin Tracklay: drag it there."
    )
    vars(media)["_fps"] = Fraction(2)
    with pytest.raises(
        OutputError, match=r"at 01:00:02:00 for 48.0 frames, and not at 01:00:02:00 for 50. Move or trim it"
    ):
        append_sound(timeline.opened, timeline.clock, media, FramedSound(take.file, 86_448, 50), index)


def test_a_locked_track_has_one_sentence(tmp_path):
    """Nothing is laid; the sentence names the track."""
    app, timeline = opened()
    take = made_take(tmp_path, Span(86_400, 48, timeline.rate))
    lay_take(timeline.opened, timeline.clock, take, bin_name="cut 1")
    app._timeline._tracks["audio"][-1]._locked = True
    with pytest.raises(InvalidInput) as error:
        lay_take(
            timeline.opened, timeline.clock, made_take(tmp_path, Span(86_500, 48, timeline.rate)), bin_name="cut 1"
        )
    assert str(error.value) == "The track Tracklay Foley is locked. Unlock it, or rename it."


def test_a_file_that_resolve_does_not_import_has_one_sentence(tmp_path):
    """It is gone before it is laid."""
    _, timeline = opened()
    with pytest.raises(OutputError, match=rf"Resolve did not import {tmp_path}/gone.wav."):
        import_file(timeline.opened, tmp_path / "gone.wav", "cut 1")


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60000, 1001)])
@pytest.mark.parametrize("at", [Fraction(0), Fraction(1, 3), Fraction(10_001, 48_000), Fraction(12)])
def test_sound_between_two_frames_is_right_to_the_sample(tmp_path, rate, at):
    """Silence is written ahead: the click plays at its time on the timeline, and the file fills its frames."""
    file = write_clicks(tmp_path / "take.wav", 20_000, 0, 12_345)
    framed = fit_to_frames(file, at, Rate(rate))
    heard = hear(framed.file)
    begins = Fraction(framed.start) / rate
    assert 0 <= at - begins < 1 / rate
    assert [round(begins * 48_000 + click - at * 48_000) for click in clicks(heard)] == [0, 12_345]
    assert len(heard) >= framed.frames / rate * 48_000 >= 20_000
    assert (framed.file == file) == (len(heard) == 20_000)


def test_the_takes_and_failures_of_a_run_are_in_the_manifest(tmp_path):
    """One that could not be laid is listed with its sentence; the other is laid."""
    app = launch()
    app._open()
    timeline = ResolveTimeline.open(app, to=tmp_path)
    good, gone = (
        made_take(tmp_path, Span(86_400 + n * 48, 48, timeline.rate), cue=f"c{n}", name=f"c{n}") for n in range(2)
    )
    gone.file.unlink()
    result = timeline.lay([good, gone], [], tmp_path)
    assert [str(failure.error) for failure in result.failures] == ["Cannot read c11.wav: No such file or directory."]
    written = json.loads((tmp_path / "cut 1.tracklay.json").read_text())
    assert [entry["cue"] for entry in written["takes"]] == ["c0", "c1"]
    assert (written["laid"], written["picture"], len(written["failed"])) == (None, "cut 1", 1)


def test_the_free_edition_is_never_asked_for_what_only_studio_has(tmp_path):
    """Read and laid in the free 21.0: a Studio-only call would open a dialog that blocks, which the fake raises as an error."""
    media = flash_clip(tmp_path / "clip.mp4", Fraction(24), 30, (4,))
    app, timeline = opened(version=21.0, studio=False)
    with pytest.raises(Blocked):
        app._timeline.DetectSceneCuts()
    app._timeline._current = app._timeline._put(Item(app, Media(app, str(media)), 86_400, 24))
    (cue,) = timeline.cues(model="sketch/foley")
    assert lay_take(timeline.opened, timeline.clock, made_take(tmp_path, cue.span), bin_name="cut 1") == []
    assert sounds(app) == {"Tracklay Foley": [(86_400, 24, True)]}
