"""Files of which Blender shows other frames or pictures than the file says: the proxy has what Blender shows."""

from __future__ import annotations

import subprocess
from fractions import Fraction

import pytest
from tracklay.blender.sequencer import compat, selection
from tracklay.errors import InvalidInput

from tests.clips import FFMPEG, encode, write_exr
from tests.media.numbered_clips import SIZE, drawn, numbered

from .sequencer.frame_compare import find_mismatches, proxy_numbers, render_numbers
from .strips import set_rate

RATE = Fraction(25)
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "24", "-bf", "2")


@pytest.fixture
def timeline(scene):
    """A scene with the resolution and the rate of numbered clips."""
    set_rate(scene, RATE)
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.view_settings.view_transform = "Standard"
    scene.sequence_editor_create()
    return scene


def only_spot(scene, strip):
    """Return the spot of a whole strip."""
    ranges = [(strip, compat.strip_start(strip), compat.strip_frames(strip))]
    (found,) = selection.spot_ranges(scene, ranges)
    return found


@pytest.mark.parametrize(
    ("name", "options", "is_rendered"),
    [
        ("h264.avi", X264, True),
        ("xvid.avi", ("-c:v", "mpeg4", "-bf", "2", "-vtag", "XVID", "-q:v", "2"), True),
        ("clip.gif", ("-c:v", "gif"), True),
        ("motion.avi", ("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p"), False),
        ("program.mpg", ("-c:v", "mpeg2video", "-q:v", "2", "-bf", "2", "-g", "12"), True),
        ("indexed.mxf", ("-c:v", "mpeg2video", "-q:v", "2", "-bf", "2", "-g", "12"), False),
    ],
)
def test_the_proxy_has_the_numbers_that_blender_shows(timeline, tmp_path, name, options, is_rendered):
    """Blender shows B-frames of an AVI, and a GIF, late, and guesses in a program stream: such files are rendered."""
    clip = numbered(tmp_path / name, RATE, 50, *options)
    strip = timeline.sequence_editor.strips.new_movie("clip", str(clip), 1, 1)
    spot = only_spot(timeline, strip)
    assert (spot.picture.render is not None) is is_rendered
    frames = min(40, compat.strip_frames(strip))
    seen = render_numbers(timeline, 1, frames, tmp_path)
    assert not find_mismatches(seen, proxy_numbers(spot, tmp_path))


def test_an_mxf_that_was_cut_off_is_rendered(timeline, tmp_path):
    """Its index is at its end: without it Blender seeks by guess."""
    whole = numbered(tmp_path / "whole.mxf", RATE, 50, "-c:v", "mpeg2video", "-q:v", "3", "-bf", "2", "-g", "12")
    cut = tmp_path / "cut.mxf"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 19 // 20])
    strip = timeline.sequence_editor.strips.new_movie("clip", str(cut), 1, 1)
    assert "no index" in only_spot(timeline, strip).picture.reason


def test_the_last_frame_is_held_while_the_sound_goes_on(timeline, tmp_path):
    """A strip is as long as its file, whose sound is 2 s longer than its picture."""
    silent, clip = numbered(tmp_path / "silent.mkv", RATE, 50, *X264), tmp_path / "clip.mkv"
    making = ["-i", str(silent), "-f", "lavfi", "-i", "sine=d=4", "-c:v", "copy", "-c:a", "aac"]
    subprocess.run([FFMPEG, "-v", "error", *making, str(clip)], check=True)
    strip = timeline.sequence_editor.strips.new_movie("clip", str(clip), 1, 1)
    spot = only_spot(timeline, strip)
    assert spot.span.frames >= 100
    numbers, times = proxy_numbers(spot, tmp_path)
    assert numbers == [*range(50), *[49] * (spot.span.frames - 50)]
    assert times[-1] == spot.span.frames - 1


def image_strip(scene, folder, names):
    """Add an image strip of these images."""
    strip = scene.sequence_editor.strips.new_image("shot", str(folder / names[0]), 1, 1)
    for name in names[1:]:
        strip.elements.append(name)
    strip.frame_final_duration = len(names)
    return strip


def test_images_with_layers_are_rendered(timeline, tmp_path):
    """Blender chooses the layer, and knows all that it writes itself."""
    layers = {f"ViewLayer.Combined.{name}": 0.5 for name in "RGB"} | {"ViewLayer.Depth.Z": 1.0}
    for number in (1, 2, 3):
        write_exr(tmp_path / f"s.{number}.exr", layers)
        write_exr(tmp_path / f"plain.{number}.exr", dict.fromkeys("RGB", 0.5))
    strip = image_strip(timeline, tmp_path, [f"s.{number}.exr" for number in (1, 2, 3)])
    picture = only_spot(timeline, strip).picture
    assert picture.render is not None
    assert picture.reason == "its images hold layers"
    plain = image_strip(timeline, tmp_path, [f"plain.{number}.exr" for number in (1, 2, 3)])
    assert only_spot(timeline, plain).picture.render is None


def test_an_image_that_is_missing_is_named(timeline, tmp_path):
    """The folder exists: the error names the image. Outside of the strip's frames nothing is missed."""
    encode(tmp_path / "s.%04d.png", (drawn(n) for n in range(12)), SIZE, RATE, "-c:v", "png")
    strip = image_strip(timeline, tmp_path, [f"s.{number:04}.png" for number in range(1, 13)])
    (tmp_path / "s.0010.png").unlink()
    with pytest.raises(InvalidInput, match=r"Image of shot is missing: .*s\.0010\.png\. Render it, or cut the strip"):
        only_spot(timeline, strip)
    strip.frame_final_duration = 6
    assert only_spot(timeline, strip).span.frames == 6
