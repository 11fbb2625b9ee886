"""Shot detection: cuts are found on their exact frame, at any rate and after any trim, without false ones."""

from __future__ import annotations

import math
import re
import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tracklay.cancellation import CancelToken
from tracklay.cue import Picture, ProxySpec
from tracklay.errors import Cancelled, MediaError
from tracklay.media import decoder, fingerprint, proxy_cache
from tracklay.media.extract import ProxyExtractor, extract_proxy
from tracklay.media.shot_detection import CUT_THRESHOLD, CutScorer, ShotSplitter, choose_cuts, find_cuts
from tracklay.timing import Rate, Span, TimeMap

from tests.clips import FFMPEG, encode

SIZE = (128, 72)


def shots(lengths: list[int]):
    """Yield the frames of consecutive shots: a bright square that moves over the background of its shot."""
    for number, length in enumerate(lengths):
        ground = np.random.default_rng(number).integers(20, 230, (6, 8)).repeat(12, 0).repeat(16, 1)
        for frame in range(length):
            picture = ground.copy()
            picture[30:40, 10 + frame % 60 : 20 + frame % 60] = 235
            yield picture


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(24000, 1001), Fraction(60)])
def test_each_shots_first_frame_is_found(rate, tmp_path):
    """At any rate, counted in frames of the timeline."""
    clip = encode(tmp_path / "film.mp4", shots([30, 41, 20, 29]), SIZE, rate)
    span = Span(101, 120, Rate(rate))
    picture = Picture(clip, TimeMap.linear(span, Fraction(0)))
    assert find_cuts(picture, span, tmp_path) == (131, 172, 192)


def test_a_part_of_the_clip_has_the_cuts_of_that_part(tmp_path):
    """Trimmed at both ends, and moved: frames that do not play have no cuts."""
    clip = encode(tmp_path / "film.mp4", shots([30, 41, 20, 29]), SIZE, Fraction(25))
    span = Span(1000, 50, Rate(Fraction(25)))
    picture = Picture(clip, TimeMap.linear(span, Fraction(40, 25)))
    assert find_cuts(picture, span, tmp_path) == (1000 + 71 - 40,)


def test_a_shot_that_is_too_short_is_ignored(tmp_path):
    """A flash of three frames, and a last shot of four."""
    clip = encode(tmp_path / "film.mp4", shots([30, 3, 40, 4]), SIZE, Fraction(25))
    span = Span(1, 77, Rate(Fraction(25)))
    picture = Picture(clip, TimeMap.linear(span, Fraction(0)))
    assert find_cuts(picture, span, tmp_path, min_shot_frames=12) == (31,)


def test_cuts_are_chosen_again_at_another_threshold(tmp_path):
    """At the default they are those that were found; a higher threshold has fewer, and the shortest shot counts."""
    clip = encode(tmp_path / "film.mp4", shots([30, 3, 40, 4]), SIZE, Fraction(25))
    span = Span(1, 77, Rate(Fraction(25)))
    scored: list[tuple[int, float]] = []
    found = find_cuts(
        Picture(clip, TimeMap.linear(span, Fraction(0))), span, tmp_path, min_shot_frames=12, scored_frames=scored
    )
    assert choose_cuts(scored, span, CUT_THRESHOLD, 12) == found == (31,)
    assert choose_cuts(scored, span, CUT_THRESHOLD) == (31, 34, 74)
    strongest = max(score for _, score in scored)
    assert choose_cuts(scored, span, strongest + 0.1) == ()
    assert len(choose_cuts(scored, span, strongest)) >= 1


def test_one_shot_has_no_cuts(tmp_path):
    """Motion is not a cut."""
    clip = encode(tmp_path / "film.mp4", shots([60]), SIZE, Fraction(25))
    span = Span(1, 60, Rate(Fraction(25)))
    assert find_cuts(Picture(clip, TimeMap.linear(span, Fraction(0))), span, tmp_path) == ()


def test_a_shot_begins_on_the_first_frame_that_shows_it(tmp_path):
    """With 60 frames per second on a timeline of 25, some frames are on screen between two timeline frames only."""
    for length in (40, 41, 42, 43, 44):
        clip = encode(tmp_path / "film.mp4", shots([length, 60]), SIZE, Fraction(60))
        span = Span(0, 40, Rate(Fraction(25)))
        seen = min(frame for frame in range(40) if math.floor(Fraction(frame * 60, 25) + Fraction(1, 2)) >= length)
        assert find_cuts(Picture(clip, TimeMap.linear(span, Fraction(0))), span, tmp_path) == (seen,)


@pytest.fixture
def decodings(monkeypatch):
    """The decodings that were started. Files count as unchanged for long enough from their first moment."""
    started = []
    for source in (decoder.VideoSource, decoder.ImageSequenceSource):

        def counted(self, *arguments, real=source.frames, **options):
            started.append(self)
            return real(self, *arguments, **options)

        monkeypatch.setattr(source, "frames", counted)
    monkeypatch.setattr(fingerprint, "MIN_SOURCE_AGE_SECONDS", -1)
    return started


LENGTHS = [33, 41, 20, 38]


def film(folder: Path, fps: Fraction, *options: str, size: tuple[int, int] = SIZE) -> Path:
    """Write a clip of four shots."""
    return encode(folder / "film.mp4", shots(LENGTHS), size, fps, *options)


def varying(folder: Path) -> Path:
    """Write the same clip at a variable rate: every seventh frame is missing."""
    dropping = ("-vf", "select='mod(n,7)'", "-fps_mode", "vfr", "-c:v", "libx264", "-g", "30", "-pix_fmt", "yuv420p")
    return film(folder, Fraction(25), *dropping)


def images(folder: Path) -> tuple[str, ...]:
    """Write the same clip as an image sequence."""
    encode(folder / "%04d.png", shots(LENGTHS), SIZE, Fraction(25), "-c:v", "png")
    return tuple(sorted(path.name for path in folder.glob("*.png")))


WAYS: dict[str, tuple[Fraction, Fraction, Fraction, Fraction, ProxySpec]] = {
    "25 on 25": (Fraction(25), Fraction(25), Fraction(0), Fraction(1), ProxySpec(384)),
    "with an in point between two frames": (Fraction(25), Fraction(25), Fraction(13, 70), Fraction(1), ProxySpec(48)),
    "24 on 25": (Fraction(24), Fraction(25), Fraction(0), Fraction(1), ProxySpec(384)),
    "29.97 on 25": (Fraction(30000, 1001), Fraction(25), Fraction(1, 9), Fraction(1), ProxySpec(384)),
    "60 on 24": (Fraction(60), Fraction(24), Fraction(0), Fraction(1), ProxySpec(384)),
    "frame for frame, slower": (Fraction(25), Fraction(24), Fraction(0), Fraction(24, 25), ProxySpec(384)),
    "half as fast": (Fraction(25), Fraction(25), Fraction(0), Fraction(1, 2), ProxySpec(384)),
    "backwards": (Fraction(25), Fraction(25), Fraction(125, 25), Fraction(-1), ProxySpec(384)),
    "a square": (Fraction(25), Fraction(25), Fraction(0), Fraction(1), ProxySpec(64, "left")),
    "a square where the motion is": (Fraction(25), Fraction(25), Fraction(0), Fraction(1), ProxySpec(64, "motion")),
    "padded": (Fraction(25), Fraction(25), Fraction(0), Fraction(1), ProxySpec(384, min_seconds=Fraction(7, 5))),
    "varying": (Fraction(25), Fraction(25), Fraction(0), Fraction(1), ProxySpec(384)),
    "images": (Fraction(25), Fraction(25), Fraction(0), Fraction(1), ProxySpec(384)),
    "images on 30": (Fraction(25), Fraction(30), Fraction(1, 3), Fraction(1), ProxySpec(384)),
}


@pytest.mark.parametrize("way", WAYS)
def test_one_decoding_gives_the_cuts_and_each_shots_own_proxy(decodings, tmp_path, way):
    """The cached proxy of each shot equals, byte for byte, the one that is extracted of that shot alone."""
    fps, timeline, begin, speed, sized = WAYS[way]
    names = images(tmp_path) if way.startswith("images") else ()
    source = tmp_path if names else varying(tmp_path) if way == "varying" else film(tmp_path, fps)
    end = begin if speed < 0 else Fraction(sum(LENGTHS)) / fps - begin
    span = Span(86, math.floor(end / abs(speed) * timeline), Rate(timeline))
    picture = Picture(source, TimeMap.linear(span, begin, speed), names, Rate(fps) if names else None)
    found = find_cuts(picture, span, tmp_path, min_shot_frames=6, proxy_spec=sized)
    assert len(found) == 3
    began = len(decodings)
    if speed > 0:
        assert began == 1 or sized.square == "motion"
    edges = (span.start, *found, span.end)
    for first, after in pairwise(edges):
        shot, options = Span(first, after - first, span.rate), sized._asdict()
        kept = proxy_cache.extract_cached(picture, shot, tmp_path / "kept.mp4", **options)
        assert len(decodings) == began, "it was extracted again"
        alone = extract_proxy(picture, shot, tmp_path / "alone.mp4", **options)
        began = len(decodings)
        assert (kept.times, kept.seconds) == (alone.times, alone.seconds)
        assert kept.path.read_bytes() == alone.path.read_bytes()


def test_a_picture_retimed_in_pieces_has_cuts_and_no_cached_proxies(decodings, tmp_path):
    """The unit of times in such a proxy depends on the end of its shot."""
    clip = film(tmp_path, Fraction(50))
    span = Span(0, 60, Rate(Fraction(25)))
    points = ((Fraction(0), Fraction(0)), (Fraction(10), Fraction(10, 25)), (Fraction(60), Fraction(130, 50)))
    found = find_cuts(Picture(clip, TimeMap(points)), span, tmp_path, proxy_spec=ProxySpec(384))
    # From frame 10 on, 110 of the source's frames play in 50.
    assert found == (10 + math.ceil(13 / 2.2), 10 + math.ceil(54 / 2.2), 10 + math.ceil(74 / 2.2))
    assert not proxy_cache.proxy_cache_dir().exists()
    assert len(decodings) == 1


def test_a_file_that_changed_a_moment_ago_has_cuts_and_no_cached_proxies(tmp_path):
    """It may change again without a new modification time."""
    clip = film(tmp_path, Fraction(25))
    span = Span(0, sum(LENGTHS), Rate(Fraction(25)))
    found = find_cuts(Picture(clip, TimeMap.linear(span, Fraction(0))), span, tmp_path, proxy_spec=ProxySpec(384))
    assert found == (33, 74, 94)
    assert not proxy_cache.proxy_cache_dir().exists()


def test_a_file_that_changes_during_detection_is_an_error(decodings, tmp_path, monkeypatch):
    """A proxy of half the old and half the new picture is not cached."""
    clip = film(tmp_path, Fraction(25))
    span = Span(0, sum(LENGTHS), Rate(Fraction(25)))
    real = proxy_cache.store_span_proxy

    def change_and_store(*arguments):
        with clip.open("ab") as file:
            file.write(b"more")
        real(*arguments)

    monkeypatch.setattr(proxy_cache, "store_span_proxy", change_and_store)
    with pytest.raises(MediaError, match=r"film\.mp4 changed while it was read"):
        find_cuts(Picture(clip, TimeMap.linear(span, Fraction(0))), span, tmp_path, proxy_spec=ProxySpec(384))
    assert not proxy_cache.proxy_cache_dir().exists()


def test_cancelling_leaves_complete_proxies_and_no_temporary_files(decodings, tmp_path, monkeypatch):
    """Cancelled while the second shot is decoded: the first is cached, and no file is incomplete."""
    clip = film(tmp_path, Fraction(25))
    span = Span(0, sum(LENGTHS), Rate(Fraction(25)))
    picture = Picture(clip, TimeMap.linear(span, Fraction(0)))
    work, token, real = tmp_path / "work", CancelToken(), proxy_cache.store_span_proxy
    work.mkdir()

    def store_and_cancel(*arguments):
        real(*arguments)
        token.cancel()

    monkeypatch.setattr(proxy_cache, "store_span_proxy", store_and_cancel)
    with pytest.raises(Cancelled):
        find_cuts(picture, span, work, proxy_spec=ProxySpec(384), cancel_token=token)
    assert list(work.iterdir()) == []
    assert sorted(path.suffix for path in proxy_cache.proxy_cache_dir().iterdir()) == [".json", ".mp4"]
    began = len(decodings)
    proxy_cache.extract_cached(picture, Span(0, 33, span.rate), tmp_path / "kept.mp4")
    assert len(decodings) == began


def test_the_buffer_does_not_grow(tmp_path):
    """In a shot of any length, at most the frames of two timeline frames are held."""
    clip = film(tmp_path, Fraction(60))
    span = Span(0, 50, Rate(Fraction(25)))
    picture = Picture(clip, TimeMap.linear(span, Fraction(0)))
    extraction = ProxyExtractor.prepare(picture, span, ProxySpec(96), tmp_path)
    shown = extraction.plan_span(span)
    splitter = ShotSplitter(extraction.decode(shown, None), shown, span, extraction, 1)
    most = 0
    while splitter.next_start < span.end:
        for _ in splitter.next_shot():
            most = max(most, len(splitter._buffer))
    assert 0 < most <= 6


def test_grain_and_a_pan_are_not_cuts(tmp_path):
    """The whole picture changes from frame to frame, but not suddenly."""
    rng = np.random.default_rng(1)
    ground = rng.integers(30, 220, (9, 40)).repeat(8, 0).repeat(16, 1)
    grainy = (
        np.clip(ground[:, frame * 6 : frame * 6 + 128] + rng.integers(-30, 31, (72, 128)), 0, 255)
        for frame in range(80)
    )
    clip = encode(tmp_path / "film.mp4", grainy, SIZE, Fraction(25))
    span = Span(0, 80, Rate(Fraction(25)))
    assert find_cuts(Picture(clip, TimeMap.linear(span, Fraction(0))), span, tmp_path, min_shot_frames=2) == ()


def test_frames_are_scored_as_ffmpeg_scores_them(tmp_path):
    """Compared with `scdet` itself, frame by frame, on a clip with large and small changes."""
    rng = np.random.default_rng(2)
    ground = rng.integers(40, 200, (72, 128))
    clip = encode(
        tmp_path / "film.mkv",
        (np.clip(ground + rng.integers(0, 60) + rng.integers(-9, 9, (72, 128)), 0, 255) for _ in range(40)),
        SIZE,
        Fraction(25),
        *("-c:v", "ffv1", "-pix_fmt", "yuv420p"),
    )
    span = Span(0, 40, Rate(Fraction(25)))
    extraction = ProxyExtractor.prepare(Picture(clip, TimeMap.linear(span, Fraction(0))), span, ProxySpec(96), tmp_path)
    scorer = CutScorer()
    scores = [scorer.score(frame) for _, frame in extraction.decode(extraction.plan_span(span), None)]
    command = [
        FFMPEG,
        "-v",
        "error",
        "-i",
        str(clip),
        "-vf",
        "scdet=threshold=0,metadata=print:file=-",
        "-f",
        "null",
        "-",
    ]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    theirs = [float(score) for score in re.findall(r"lavfi\.scd\.score=([\d.]+)", output)]
    assert len(theirs) == 40
    assert max(theirs) > 2 * CUT_THRESHOLD / 3
    assert scores == pytest.approx(theirs, abs=0.01)
