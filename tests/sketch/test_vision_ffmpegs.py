"""Tests of the eye on proxies that several versions of ffmpeg make: the same picture gives the same contacts."""

from __future__ import annotations

import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tracklay import timelines
from tracklay.media import ffmpeg_program
from tracklay.media.extract import extract_proxy
from tracklay.sketch.engine import analyze_proxy_motion
from tracklay.sketch.foley.renderer import FoleyRenderer

from tests.clips import FFMPEG
from tests.sketch import film_scenes, synthetic_scenes

FPS = 25
PACKAGINGS = {
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


@pytest.fixture(scope="module")
def chop() -> list[np.ndarray]:
    """Return the frames of a hand that chops."""
    scene = film_scenes.make_film_scene("chop", 231, Fraction(FPS), 1.6)
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


@pytest.mark.parametrize("name", PACKAGINGS)
def test_every_ffmpeg_and_packaging_gives_the_same_impacts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chop: list[np.ndarray], name: str
) -> None:
    """The bundled ffmpeg and the one on PATH decode, scale and encode with other code; the contacts are on the same frames."""
    codec, pixels, size, options = PACKAGINGS[name]
    height, width = chop[0].shape[:2]
    command = [FFMPEG, "-v", "error", "-f", "rawvideo", "-pix_fmt", "gray" if chop[0].ndim == 2 else "rgb24"]
    command += ["-s", f"{width}x{height}", "-r", str(FPS), "-i", "-", *(("-vf", f"scale={size}") if size else ())]
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
    assert [round(time * FPS) for time in impacts] == pytest.approx(STRIKES, abs=1)
