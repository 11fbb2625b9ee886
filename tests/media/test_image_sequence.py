"""Image sequences: found by folder or pattern, extracted image for image, written as a movie with the take."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction

import av
import numpy as np
import pytest
from tracklay.cli.main import main
from tracklay.cue import Picture
from tracklay.errors import InvalidInput, MediaError
from tracklay.media import image_sequence
from tracklay.media.extract import extract_proxy
from tracklay.timelines.media_file import MediaFile
from tracklay.timing import Rate, Span, TimeMap

from tests.clips import FFMPEG, encode, write_exr
from tests.media.numbered_clips import drawn, numbers

FILM = Rate(Fraction(24))


def sequence(folder, count: int, name: str = "shot.%04d.png", first: int = 1, *options: str):
    """Write numbered images to a folder."""
    folder.mkdir(exist_ok=True)
    making = ("-start_number", str(first), *options)
    encode(folder / name, (drawn(number) for number in range(count)), (160, 96), Fraction(24), *making)
    return folder


def proxy_of(folder, names, time_map, span, to):
    """Return the numbers in the proxy of a sequence."""
    return numbers(extract_proxy(Picture(folder, time_map, tuple(names), FILM), span, to).path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "exr", "bmp", "tga", "webp"])
def test_each_kind_of_image_plays_image_for_image(each_ffmpeg, tmp_path, suffix):
    """Forward, backwards and frozen, in any format that Blender writes."""
    folder = sequence(tmp_path / "frames", 12, "shot.%04d.png")
    if suffix != "png":
        command = [FFMPEG, "-v", "error", "-i", str(folder / "shot.%04d.png")]
        command += (["-c:v", "libwebp"] if suffix == "webp" else []) + [str(folder / f"shot.%04d.{suffix}")]
        subprocess.run(command, check=True)
    where, names = image_sequence.find_sequence(folder / f"shot.%04d.{suffix}")
    assert where == folder
    span = Span(0, 8, FILM)
    for start, speed, wanted in ((2, 1, range(2, 10)), (9, -1, range(9, 1, -1)), (5, 0, [5] * 8)):
        time_map = TimeMap.linear(span, Fraction(start, 24), Fraction(speed))
        assert proxy_of(folder, names, time_map, span, tmp_path / "proxy.mp4") == list(wanted)


def test_names_may_have_quotes_and_percent_signs(tmp_path):
    """Characters of ffmpeg's own syntax are quoted."""
    odd = sequence(tmp_path / "plain", 3).rename(tmp_path / "it's 100%d #1: ünï")
    names = [path.rename(odd / f"-o'ne %02d {path.name[-5]}.png").name for path in sorted(odd.iterdir())]
    span = Span(0, 3, FILM)
    assert proxy_of(odd, names, TimeMap.linear(span, Fraction(0)), span, tmp_path / "proxy.mp4") == [0, 1, 2]


def test_a_still_plays_as_long_as_it_is_shown(tmp_path):
    """One image has no end; its own path is a source too."""
    folder = sequence(tmp_path / "one", 1)
    span = Span(100, 30, FILM)
    time_map = TimeMap.linear(span, Fraction(0))
    assert proxy_of(folder, ["shot.0001.png"], time_map, span, tmp_path / "proxy.mp4") == [0] * 30
    named = extract_proxy(Picture(folder / "shot.0001.png", time_map), span, tmp_path / "named.mp4")
    assert numbers(named.path) == [0] * 30


def test_linear_light_is_shown_as_on_a_screen(tmp_path):
    """A middle grey of 0.18 in an EXR is 46 % of a screen's white, not 18 %."""
    making = ["-f", "lavfi", "-i", "color=white:s=64x64:d=0.1,format=gbrpf32le,geq=r=0.18:g=0.18:b=0.18"]
    path = tmp_path / "grey.exr"
    subprocess.run([FFMPEG, "-v", "error", *making, "-frames:v", "1", "-update", "1", str(path)], check=True)
    span = Span(0, 3, FILM)
    picture = Picture(tmp_path, TimeMap.linear(span, Fraction(0)), ("grey.exr",), FILM)
    proxy = extract_proxy(picture, span, tmp_path / "proxy.mp4")
    with av.open(str(proxy.path)) as container:
        luma = next(container.decode(container.streams.video[0])).to_ndarray(format="gray")
    assert np.median(luma) / 255 == pytest.approx(0.46, abs=0.03)


def test_a_folder_and_patterns_name_a_sequence(tmp_path):
    """A folder of one sequence, a printf pattern, hashes. The order is that of the numbers; hidden files are ignored."""
    folder = sequence(tmp_path / "shot", 12, "a.%d.png", 5)
    (folder / ".hidden.png").touch()
    (folder / "notes.txt").touch()
    in_order = tuple(f"a.{number}.png" for number in range(5, 17))
    for named in (folder, folder / "a.%d.png", folder / "a.#.png"):
        assert image_sequence.find_sequence(named) == (folder, in_order)
    assert image_sequence.sequence_stem(folder) == "shot"
    assert image_sequence.sequence_stem(folder / "a.%d.png") == "a"
    assert image_sequence.sequence_stem(folder / "####.png") == "shot"


def test_other_folders_and_patterns_are_refused(tmp_path):
    """No images, two sequences, two images of one number."""
    with pytest.raises(InvalidInput, match=r"No images found: .*\. Use a folder of images"):
        image_sequence.find_sequence(tmp_path)
    folder = sequence(tmp_path / "two", 6)
    sequence(folder, 3, "depth.%04d.png")
    with pytest.raises(InvalidInput, match=r"more than one sequence \(depth"):
        image_sequence.find_sequence(folder)
    (folder / "shot.00003.png").touch()
    with pytest.raises(InvalidInput, match="same number"):
        image_sequence.find_sequence(folder / "shot.%04d.png")


def test_a_missing_image_matters_where_it_is_needed(tmp_path):
    """A range without it is laid; a range with it names the image. The film holds the one before."""
    folder = sequence(tmp_path / "shot", 12)
    (folder / "shot.0008.png").unlink()
    opened = MediaFile.open(folder)
    assert len(opened.images) == 12
    assert opened.cues("0f", "7f", model="m")[0].span.frames == 7
    with pytest.raises(InvalidInput, match=r"Frame 8 is missing: .*shot\.0008\.png\. Render it, or use a range"):
        opened.cues(model="m")
    (folder / "shot.0007.png").unlink()
    with pytest.raises(InvalidInput, match="Frame 7 to 8 is missing"):
        MediaFile.open(folder / "shot.####.png").cues(model="m")


@pytest.mark.parametrize("damage", ["truncated", "garbage", "jpeg", "missing"])
def test_an_image_that_cannot_be_decoded_moves_no_other(each_ffmpeg, tmp_path, damage):
    """The one before it is held; a JPEG with the name of a PNG is read."""
    folder = sequence(tmp_path / "shot", 12)
    bad, good = folder / "shot.0005.png", (folder / "shot.0005.png").read_bytes()
    if damage == "jpeg":
        subprocess.run([FFMPEG, "-v", "error", "-i", str(bad), "-q:v", "2", str(tmp_path / "a.jpg")], check=True)
        (tmp_path / "a.jpg").replace(bad)
    elif damage == "missing":
        bad.unlink()
    else:
        bad.write_bytes(good[:60] if damage == "truncated" else bytes(reversed(good)))
    names = [f"shot.{number:04}.png" for number in range(1, 13)]
    shown = list(range(12)) if damage == "jpeg" else [0, 1, 2, 3, 3, *range(5, 12)]
    for first in (0, 4):
        span = Span(first, 12 - first, FILM)
        picture = Picture(folder, TimeMap.linear(span, span.start_seconds), tuple(names), FILM)
        proxy = extract_proxy(picture, span, tmp_path / "proxy.mp4")
        assert proxy.held_images == (() if damage == "jpeg" else (bad.name,))
        found = dict(zip([at * 24 for at in proxy.times], numbers(proxy.path), strict=True))
        assert [found[max(at for at in found if at <= n)] for n in range(12 - first)] == shown[first:]


def test_a_damaged_image_is_noted_where_it_is_shown(clicking, tmp_path):
    """By the take, whose model saw another in its place, and by the film; a span that ends before it has no note."""
    folder = sequence(tmp_path / "shot", 12)
    (folder / "shot.0006.png").write_bytes(b"no image")
    span = Span(0, 5, FILM)
    picture = Picture(folder, TimeMap.linear(span, Fraction(0)), tuple(sorted(p.name for p in folder.iterdir())), FILM)
    assert extract_proxy(picture, span, tmp_path / "proxy.mp4").held_images == ()
    assert main(["lay", str(folder), "--model", "clicker/clicks", "--to", str(tmp_path / "out")]) == 0
    (manifest,) = (tmp_path / "out").glob("*.tracklay.json")
    laid = json.loads(manifest.read_text())
    note = "shot.0006.png is missing or cannot be decoded: the image before is shown. Render it again."
    assert note in laid["takes"][0]["notes"]
    assert note in laid["notes"]


def test_the_colour_layer_of_a_multilayer_exr_is_shown(each_ffmpeg, tmp_path):
    """Blender's own output has no plain R, G and B: its combined pass is the picture."""
    for number, value in ((1, 0.02), (2, 0.5)):
        passes = {f"ViewLayer.Combined.{name}": value for name in "RGB"} | {"ViewLayer.Combined.A": 1}
        passes |= {f"ViewLayer.AO.{name}": 0.9 for name in "RGB"}
        write_exr(tmp_path / f"s.{number}.exr", passes)
    span = Span(0, 2, FILM)
    picture = Picture(tmp_path, TimeMap.linear(span, Fraction(0)), ("s.1.exr", "s.2.exr"), FILM)
    proxy = extract_proxy(picture, span, tmp_path / "proxy.mp4")
    with av.open(str(proxy.path)) as container:
        luma = [np.median(frame.to_ndarray(format="gray")) for frame in container.decode(container.streams.video[0])]
    # By the transfer function of sRGB, as Blender shows the same values.
    assert luma == pytest.approx([255 * 0.151, 255 * 0.735], abs=3)


def test_an_exr_without_colour_is_refused_with_the_reason(tmp_path):
    """Depth alone is no picture."""
    write_exr(tmp_path / "s.1.exr", {"ViewLayer.Depth.Z": 1})
    span = Span(0, 1, FILM)
    picture = Picture(tmp_path, TimeMap.linear(span, Fraction(0)), ("s.1.exr",), FILM)
    with pytest.raises(MediaError, match=r"No layer with a colour in .*s\.1\.exr: it has ViewLayer\.Depth\.Z"):
        extract_proxy(picture, span, tmp_path / "proxy.mp4")


@pytest.mark.parametrize("pattern", ["", "shot.%04d.png"])
def test_the_command_lays_under_a_sequence(clicking, tmp_path, pattern):
    """A folder or a pattern gives a movie of its images with the take."""
    folder = sequence(tmp_path / "shot", 24)
    assert main(["lay", str(folder / pattern), "--model", "clicker/clicks", "--to", str(tmp_path / "out")]) == 0
    laid = tmp_path / "out" / "shot.tracklay.mp4"
    assert numbers(laid) == list(range(24))
    with av.open(str(laid)) as container:
        video = container.streams.video[0]
        assert video.average_rate == Fraction(24)
        assert (video.width, video.height) == (160, 96)
        assert container.streams.audio
    assert (tmp_path / "out" / "shot.clicker-clicks.take1.wav").exists()
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".json", ".mp4", ".wav"]
