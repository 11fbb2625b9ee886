"""Cues of the timeline that Resolve shows: their spans and pictures, and what only Resolve itself can show."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from tracklay.errors import InvalidInput
from tracklay.resolve.calls import has_call, is_studio
from tracklay.resolve.timeline import ResolveTimeline

from tests.clips import flash_clip
from tests.fakes.resolve import Item, Media, launch


@pytest.fixture(scope="module")
def media(tmp_path_factory) -> Path:
    """A clip of 140 frames at 24."""
    return flash_clip(tmp_path_factory.mktemp("media") / "clip.mp4", Fraction(24), 140, (4, 30))


def opened(media: Path, *placed, version: float = 21.1, **settings):
    """Return a Resolve with a timeline of clips: (first frame after the start, frames, further facts)."""
    app = launch(version)
    timeline = app._open(**settings)
    source = Media(app, str(media))
    items = []
    for at, frames, facts in placed:
        own = {name: value for name, value in facts.items() if name != "track"}
        items.append(timeline._put(Item(app, source, timeline._start + at, frames, **own), facts.get("track", 1)))
    timeline._selected, timeline._current = items, items[0]
    return app, timeline, items


def spans(cues) -> list[tuple[str, int, int]]:
    """Return id, first frame and length of cues."""
    return [(cue.id, cue.span.start, cue.span.frames) for cue in cues]


def test_a_selected_clip_is_a_cue_of_exactly_its_frames(media):
    """Frames count from timecode zero; the source plays from the clip's source start on."""
    app, _, _ = opened(media, (10, 48, {"source_start": 20}))
    (cue,) = ResolveTimeline.open(app).cues(model="sketch/foley")
    assert (cue.id, cue.span.start, cue.span.frames) == ("clip.mp4", 86_410, 48)
    assert cue.picture.source == media
    assert cue.picture.error == ""
    assert [cue.picture.time_map.source_seconds(86_410 + n) for n in (0, 47)] == [Fraction(20, 24), Fraction(67, 24)]


def test_what_is_hidden_is_no_cue_and_titles_hide_nothing(media):
    """The topmost clip plays; the ids are numbered as those of other timelines."""
    app, timeline, items = opened(media, (0, 100, {}), (40, 20, {"track": 2, "name": "over"}))
    title = timeline._put(Item(app, None, 86_400, 100, name="Text+"), 3)
    cues = ResolveTimeline.open(app, "all").cues(model="sketch/foley")
    assert spans(cues) == [("clip.mp4", 86_400, 40), ("over", 86_440, 20), ("clip.mp4 2", 86_460, 40)]
    assert cues[2].picture.time_map.source_seconds(86_460) == Fraction(60, 24)
    items[1]._enabled = False
    assert spans(ResolveTimeline.open(app, "all").cues(model="sketch/foley")) == [("clip.mp4", 86_400, 100)]
    timeline._selected = [title]
    (chosen,) = ResolveTimeline.open(app).cues(model="sketch/foley")
    assert chosen.picture.error == (
        "Text+: Its file does not show what plays: it is a generator, a title or a Fusion composition. Let Resolve render it, or use "
        "Render in Place on the clip."
    )


def test_without_a_selection_the_playhead_and_then_the_range_decide(media):
    """`GetSelectedClips` came with 21.0.4. The range is relative to the start, its out point inclusive."""
    app, timeline, items = opened(media, (0, 50, {}), (50, 50, {"name": "b"}), version=20.0)
    assert not has_call(timeline, "GetSelectedClips")
    timeline._current = items[1]
    timeline._marks = {"video": {"in": 20, "out": 59}}
    first = ResolveTimeline.open(app)
    assert spans(first.cues(model="sketch/foley")) == [("b", 86_450, 50)]
    assert first.scope == "current"
    timeline._current = None
    assert spans(ResolveTimeline.open(app).cues(model="sketch/foley")) == [("clip.mp4", 86_420, 30), ("b", 86_450, 10)]
    timeline._marks = {}
    with pytest.raises(
        InvalidInput, match=r"No clip with picture is selected in cut 1. Select clips, move the playhead over one"
    ):
        ResolveTimeline.open(app).cues(model="sketch/foley")


def test_linked_sound_and_transitions_are_no_cues(media):
    """Both are in Resolve's lists: linked sound in the selection, transitions among the clips of a track."""
    app, timeline, items = opened(media, (0, 50, {}))
    sound = timeline._put(Item(app, items[0]._media, 86_400, 50), 1, "audio")
    timeline._put(Item(app, None, 86_445, 10, name="Cross Dissolve", kind="Transition"))
    timeline._selected = [*items, sound]
    assert spans(ResolveTimeline.open(app).cues(model="sketch/foley")) == [("clip.mp4", 86_400, 50)]
    app._version = 20.0  # without GetType
    assert spans(ResolveTimeline.open(app, "all").cues(model="sketch/foley")) == [("clip.mp4", 86_400, 50)]


def test_speeds_are_read_where_the_version_states_them(media):
    """Fast, slow, backwards and frozen in 21.1; backwards, the first source frame is after the last."""
    app, _, _ = opened(
        media,
        (0, 20, {"speed": 2, "source_start": 10, "name": "fast"}),
        (20, 40, {"speed": Fraction(1, 2), "source_start": 10, "name": "slow"}),
        (60, 30, {"speed": -1, "source_start": 99, "name": "back"}),
    )
    fast, slow, back = ResolveTimeline.open(app).cues(model="sketch/foley")
    assert fast.picture.time_map.source_seconds(86_410) == Fraction(30, 24)
    assert slow.picture.time_map.source_seconds(86_440) == Fraction(20, 24)
    assert back.picture.time_map.source_seconds(86_461) == Fraction(98, 24)
    assert [cue.picture.error for cue in (fast, slow, back)] == [""] * 3


@pytest.mark.parametrize(
    ("version", "facts", "reason"),
    [
        (21.1, {"ramp": True}, "its speed changes within the clip"),
        (
            20.0,
            {"speed": 2},
            "it plays at 200 %, and Resolve before 21.1 does not state whether that changes within the clip",
        ),
        (21.1, {"properties": {"ZoomX": 1.5}}, "its ZoomX is 1.5"),
        (21.1, {"properties": {"Opacity": 40.0}}, "its Opacity is 40"),
    ],
)
def test_what_the_interface_does_not_state_must_be_rendered(media, version, facts, reason):
    """One sentence, with the clip, the reason and the way around."""
    app, _, _ = opened(media, (0, 40, facts), version=version)
    timeline = ResolveTimeline.open(app)
    (cue,) = timeline.cues(model="sketch/foley")
    assert timeline.to_render == {"clip.mp4": reason}
    assert cue.picture.error == (
        f"clip.mp4: Its file does not show what plays: {reason}. Let Resolve render it, or use Render in Place on the clip."
    )


def test_compound_fusion_and_offline_clips_have_a_sentence_each(media):
    """They hide what is below them. Offline media cannot be rendered either."""
    app, timeline, items = opened(media, (0, 30, {"name": "fx"}), (30, 30, {"name": "gone"}))
    timeline._put(Item(app, Media(app, "", kind="Compound", name="scene"), 86_460, 30))
    items[0]._fusion = 1
    items[1]._media._offline = True
    items[0]._media, items[1]._media = Media(app, str(media)), items[1]._media
    opened_timeline = ResolveTimeline.open(app, "all")
    cues = opened_timeline.cues(model="sketch/foley")
    assert [cue.picture.error.partition(". Let")[0] for cue in cues] == [
        "fx: Its file does not show what plays: it has a Fusion composition",
        f"gone: Its media is offline: {media}. Relink it in Resolve.",
        "scene: Its file does not show what plays: it is a compound clip",
    ]
    assert list(opened_timeline.to_render) == ["fx", "scene"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"rate": "23.976"}, (Fraction(24000, 1001), None, 86_400)),
        ({"rate": "25", "start": 90_000}, (Fraction(25), None, 90_000)),
        ({"rate": "29.97", "start": 107_892, "drop_frame": True}, (Fraction(30000, 1001), True, 107_892)),
        ({"rate": "29.97 DF", "start": 107_892}, (Fraction(30000, 1001), True, 107_892)),
        ({"rate": "29.97", "start": 108_000}, (Fraction(30000, 1001), False, 108_000)),
    ],
)
def test_the_clock_is_exact(settings, expected):
    """Rates are fractions, whatever text Resolve has for them."""
    app = launch()
    app._open(**settings)
    clock = ResolveTimeline.open(app).clock
    assert (clock.rate.fps, clock.drop_frame, clock.start) == expected


def test_nonsense_has_one_sentence():
    """Drop-frame at 23.976, no timeline, no project."""
    app = launch()
    timeline = app._open(rate="23.976", drop_frame=True)
    with pytest.raises(InvalidInput) as error:
        ResolveTimeline.open(app)
    assert str(error.value) == (
        "The timeline cut 1 counts drop-frame timecode at 23.976 frames per second, which does not exist. Switch drop-frame off in its "
        "settings."
    )
    timeline._settings = {"timelineFrameRate": "fast"}
    with pytest.raises(InvalidInput, match=r"cut 1 has no frame rate that can be read: 'fast'"):
        ResolveTimeline.open(app)
    app._timeline = None
    with pytest.raises(InvalidInput, match=r"No timeline is open in Resolve. Open one on the Edit page."):
        ResolveTimeline.open(app)
    app._project = None
    with pytest.raises(InvalidInput, match=r"No project is open in Resolve"):
        ResolveTimeline.open(app)


def test_the_edition_is_asked_without_a_call_that_only_studio_has():
    """`hasattr` is true for any name; a Studio-only call would block the free edition."""
    assert hasattr(launch(20.0), "IsStudio")
    assert is_studio(launch(20.0))
    assert not is_studio(launch(20.0, studio=False))
    assert not is_studio(launch(21.1, studio=False))
