"""Motion analysis against made scenes that resemble film: tools that rebound, leave and fill the picture, and what has no contact.

The seeds were not used for tuning. `benchmarks/impact_detection.py` prints the figures for many more.
"""

from __future__ import annotations

import shutil
import subprocess
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tracklay import timelines
from tracklay.media import ffmpeg_program
from tracklay.media.extract import extract_proxy
from tracklay.sketch.engine import analyze_proxy_motion
from tracklay.sketch.foley.renderer import FoleyRenderer
from tracklay.sketch.vision.analyzer import LUMA_WIDTH, analyze_motion
from tracklay.sketch.vision.camera_motion import CameraTracker
from tracklay.sketch.vision.dense_flow import QUARTER, estimate_flow, grey_differences, pool_frames
from tracklay.sketch.vision.events import Event, Trigger, select_events
from tracklay.sketch.vision.image_ops import Luma, smooth_image
from tracklay.sketch.vision.motion_losses import MIN_CONFIDENCE

from tests.clips import FFMPEG
from tests.sketch import film_scenes, synthetic_scenes

PACKAGINGS: dict[str, tuple[str, ...]] = {
    "x264, fine": ("-c:v", "libx264", "-preset", "medium", "-crf", "16"),
    "x264, hard, mp4": ("-c:v", "libx264", "-crf", "30", "-f", "mp4", "-movflags", "frag_keyframe+empty_moov"),
    "mpeg4, avi": ("-c:v", "mpeg4", "-q:v", "4", "-f", "avi"),
    "mjpeg": ("-c:v", "mjpeg", "-q:v", "4", "-strict", "unofficial"),
}
"""Options of ffmpeg by name of the packaging."""

SOURCE_FPS = 25
SOURCES = {
    "h264-10-bit.mov": ("libx264", "yuv422p10le", "", ("-preset", "ultrafast", "-crf", "18")),
    "full-range.mp4": ("libx264", "yuvj420p", "", ("-preset", "ultrafast", "-crf", "18")),
    "prores.mov": ("prores_ks", "yuv422p10le", "", ()),
    "interlaced.ts": ("mpeg2video", "yuv420p", "", ("-b:v", "6M", "-flags", "+ilme+ildct", "-field_order", "tt")),
    "rgb.mkv": ("ffv1", "bgr0", "", ()),
    "odd-size.mkv": ("ffv1", "yuv444p", "483:271", ()),
}
"""Name of each clip to its codec, pixel format, size (that of the scene by default) and other options."""

STRIKES = [14, 24]
"""Frames on which the hand strikes. Another packaging is another picture, of which a strike may be a frame apart."""


def find_events(scene: synthetic_scenes.Scene, trigger: Trigger = "stop") -> list[Event]:
    """Return the impacts of a scene that has been a proxy."""
    analysis = analyze_motion(synthetic_scenes.encode_and_decode(scene, LUMA_WIDTH), scene.times)
    return [event for event in select_events(analysis, trigger).events if event.kind == "impact"]


def test_blows_on_film_are_found_within_a_frame() -> None:
    """Knife, stick, hammer in close-up, fist and dribbled ball, at rates from 15 to 60 fps: F1 is at least 0.9."""
    total = synthetic_scenes.Score()
    for seed, (family, fps) in enumerate(zip(film_scenes.STRIKES, (15, 24, 25, 30, 60), strict=True)):
        scene = film_scenes.make_film_scene(family, 200 + seed, Fraction(fps), 2.8)
        events = find_events(scene)
        assert all(MIN_CONFIDENCE <= event.confidence <= 1 for event in events)
        total += synthetic_scenes.score(scene, [event.time for event in events])
    assert total.f1 >= 0.9, total


def test_a_shot_is_a_sudden_start() -> None:
    """The recoil of each shot is one start, on its frame."""
    scene = film_scenes.make_film_scene("recoil", 210, Fraction(30))
    score = synthetic_scenes.score(scene, [event.time for event in find_events(scene, "start")])
    assert score.f1 == 1, score


@pytest.mark.parametrize("family", ["talk", "crowd", "leaves", "water", "handheld"])
def test_motion_without_contact_on_film_has_no_hit(family: film_scenes.FilmFamily) -> None:
    """Someone who talks, a crowd, leaves, water and a camera in the hand have no impact."""
    assert find_events(film_scenes.make_film_scene(family, 220, Fraction(25), 2.4)) == []


@pytest.mark.parametrize(
    ("family", "seed", "fps"), [("windup", 222, 50), ("leave", 221, 24), ("leave", 223, 30), ("leave", 224, 60)]
)
def test_what_goes_on_or_leaves_is_no_hit(family: film_scenes.FilmFamily, seed: int, fps: int) -> None:
    """A racket that swings through, and a hand that comes in and goes out too fast for the flow, have no impact."""
    assert find_events(film_scenes.make_film_scene(family, seed, Fraction(fps), 2.4)) == []


@pytest.mark.parametrize(
    ("family", "seed", "packagings"),
    [
        ("chop", 230, ("x264, fine", "mpeg4, avi", "mjpeg", "x264, hard, mp4")),
        ("dribble", 232, ("mpeg4, avi", "x264, hard, mp4")),
        ("punch", 233, ("mpeg4, avi", "x264, fine")),
        ("talk", 234, ("mpeg4, avi", "x264, hard, mp4")),
    ],
)
def test_the_packaging_does_not_change_the_events(
    family: film_scenes.FilmFamily, seed: int, packagings: tuple[str, ...]
) -> None:
    """The same picture from another codec, container and ffmpeg has the same events, within a frame."""
    scene = film_scenes.make_film_scene(family, seed, Fraction(25), 2.0)
    expected = [event.time for event in find_events(scene)]
    assert bool(expected) == bool(scene.contacts)
    variants: list[tuple[str, str | None, tuple[str, ...] | None]] = [
        (name, None, PACKAGINGS[name]) for name in packagings
    ]
    if family == "chop" and (installed := shutil.which("ffmpeg")):
        variants.append((installed, installed, None))
    for name, program, codec in variants:
        luma = synthetic_scenes.encode_and_decode(scene, LUMA_WIDTH, program=program, codec=codec)
        analysis = select_events(analyze_motion(luma, scene.times), "stop")
        found = [event.time for event in analysis.events if event.kind == "impact"]
        assert len(found) == len(expected), name
        assert all(abs(a - b) <= 1 / scene.fps for a, b in zip(found, expected, strict=True)), name


@pytest.fixture(scope="module")
def chop() -> list[np.ndarray]:
    """Return the frames of a hand that chops."""
    scene = film_scenes.make_film_scene("chop", 231, Fraction(SOURCE_FPS), 1.6)
    return [np.ascontiguousarray(frame) for frame in synthetic_scenes.render_frames(scene)]


@pytest.fixture(autouse=True)
def forget_program():
    """Let later tests look for ffmpeg themselves."""
    yield
    ffmpeg_program.find_ffmpeg.cache_clear()


def find_impacts(clip: Path, folder: Path) -> list[Fraction]:
    """Return the times of the impacts that the sketch engine hears for a whole clip."""
    (cue,) = timelines.open_timeline(clip).cues(model="sketch/foley")
    proxy = extract_proxy(cue.picture, cue.span, folder / f"{clip.stem}.proxy.mp4")
    chosen = FoleyRenderer.from_prompt("wood", "", 1, {}).choose_events(analyze_proxy_motion(proxy.path))
    return [event.time for event in chosen.events if event.kind == "impact"]


@pytest.mark.parametrize("name", SOURCES)
def test_every_ffmpeg_and_packaging_gives_the_same_impacts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chop: list[np.ndarray], name: str
) -> None:
    """The bundled ffmpeg and the one on PATH decode, scale and encode with other code; the contacts are on the same frames."""
    codec, pixels, size, options = SOURCES[name]
    height, width = chop[0].shape[:2]
    command = [FFMPEG, "-v", "error", "-f", "rawvideo", "-pix_fmt", "gray" if chop[0].ndim == 2 else "rgb24"]
    command += [
        "-s",
        f"{width}x{height}",
        "-r",
        str(SOURCE_FPS),
        "-i",
        "-",
        *(("-vf", f"scale={size}") if size else ()),
    ]
    command += ["-c:v", codec, "-pix_fmt", pixels, *options, str(tmp_path / name)]
    subprocess.run(command, input=b"".join(frame.tobytes() for frame in chop), check=True)
    found = {}
    for program in {FFMPEG, shutil.which("ffmpeg") or FFMPEG}:
        monkeypatch.setenv("TRACKLAY_FFMPEG", program)
        ffmpeg_program.find_ffmpeg.cache_clear()
        folder = tmp_path / Path(program).name
        folder.mkdir()
        found[program] = find_impacts(tmp_path / name, folder)
    assert len(set(map(tuple, found.values()))) == 1, found
    (impacts, *_) = found.values()
    assert [round(time * SOURCE_FPS) for time in impacts] == pytest.approx(STRIKES, abs=1)


def test_repeated_frames_do_not_change_the_events() -> None:
    """25 fps shown twice, as 50 fps, has the same events, within a frame of 25."""
    scene = film_scenes.make_film_scene("chop", 231, Fraction(25), 2.4)
    luma = synthetic_scenes.encode_and_decode(scene, LUMA_WIDTH)
    once = select_events(analyze_motion(luma, scene.times), "stop").events
    times = [k * Fraction(1, 50) for k in range(2 * len(luma))]
    twice = select_events(analyze_motion(np.repeat(luma, 2, axis=0), times), "stop").events
    assert once
    assert len(once) == len(twice)
    assert all(abs(a.time - b.time) <= Fraction(1, 25) for a, b in zip(once, twice, strict=True))


@cache
def textured_picture() -> Luma:
    """Return a textured picture, larger than a frame."""
    texture = synthetic_scenes.texture(np.random.default_rng(3), 140, 220, 1.0)
    picture: Luma = texture.astype(np.uint8)
    return picture


SHIFTS = ((0, 0), (1, 0), (4, -3), (9, 5), (-14, 2))


def test_the_flow_of_shifted_pictures_is_their_shift() -> None:
    """The median of each interval's flow is within a pixel of its shift, also when the light changes."""
    first = textured_picture()[20:110, 25 : 25 + LUMA_WIDTH]
    seconds = [
        np.clip(textured_picture()[20 - down : 110 - down, 25 - right : 25 - right + LUMA_WIDTH].astype(int) + light, 0, 255)
        for light in (0, 8)
        for right, down in SHIFTS
    ]  # fmt: skip
    pairs = [pool_frames([first, each.astype(np.uint8)]) for each in seconds]
    offsets, changes = zip(*(grey_differences(halves) for halves, _ in pairs), strict=True)
    firsts, lasts = zip(*(quarters for _, quarters in pairs), strict=True)
    flow = QUARTER * estimate_flow(firsts, lasts, [offset for (offset,) in offsets])
    for k, shift in enumerate(2 * SHIFTS):
        assert np.abs(np.median(flow[:, 3:-3, 5:-5, k], (1, 2)) - shift).max() < 1
    assert changes[0].max() < 2


def test_the_flow_of_an_interval_does_not_depend_on_the_others() -> None:
    """An interval measured alone has the flow that it has among others."""
    pictures = list(pool_frames([textured_picture()[20 - k : 110 - k, 25:185] for k in (0, 2, -3, 5, 1)])[1])
    together = estimate_flow(pictures[:-1], pictures[1:], [0.0, 1.0, 2.0, 3.0])
    for k in range(4):
        alone = estimate_flow(pictures[k : k + 1], pictures[k + 1 : k + 2], [float(k)])
        assert np.array_equal(alone[..., 0], together[..., k])


def test_a_hammer_that_fills_the_picture_is_no_cut() -> None:
    """No frame of a hammer in close-up begins a new shot; the first frame of another scene does."""
    scenes = [film_scenes.make_film_scene(family, 240, Fraction(15), 1.6) for family in ("hammer_close", "crowd")]
    camera, cuts = CameraTracker(), []
    for k, picture in enumerate(picture for scene in scenes for picture in synthetic_scenes.render_frames(scene)):
        height, width = picture.shape
        half = picture[:, : width // 2 * 2].reshape(height // 2, 2, width // 2, 2).mean((1, 3)).astype(np.uint8)
        if camera.add(smooth_image(half), k / 15)[1]:
            cuts.append(k)
    assert cuts == [len(scenes[0].times)]


def test_a_contact_just_after_a_cut_is_found() -> None:
    """A blow a fifth of a second after a cut has its event: the first frames of a shot are not blind."""
    scene = film_scenes.make_film_scene("chop", 250, Fraction(30), 2.0)
    other = film_scenes.make_film_scene("talk", 251, Fraction(30), 1.0)
    contact = scene.contacts[0].time
    skipped = max(0, round((contact - 0.2) * 30))
    luma = np.concatenate(
        [synthetic_scenes.encode_and_decode(each, LUMA_WIDTH) for each in (other, scene)], dtype=np.uint8
    )
    luma = np.delete(luma, slice(len(other.times), len(other.times) + skipped), axis=0)
    times = [Fraction(k, 30) for k in range(len(luma))]
    events = select_events(analyze_motion(luma, times), "stop").events
    expected = len(other.times) / 30 + contact - skipped / 30
    assert any(abs(float(event.time) - expected) <= 1.01 / 30 for event in events)
    assert all(a.time <= b.time for a, b in pairwise(events))
