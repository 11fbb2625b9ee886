"""The reel, decoded as a player would: its order, its length, its words, and every click on its flash."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction

import numpy as np
import pytest
from tracklay.cli.main import main
from tracklay.errors import InvalidInput
from tracklay.media.probe import probe_video
from tracklay.report import reel
from tracklay.report.rows import parse_rows
from tracklay.report.verdicts import Verdict, apply_verdicts
from tracklay.timing import Rate

from tests.clips import FFMPEG, clicks, hear
from tests.report.runs import flashing, lay, results

NTSC = Fraction(24000, 1001)
GAP = 12
"""Frames of half a second at 23.976."""


def shown(path):
    """A reel's frames: how bright the picture's place is, and the band under it as it stands."""
    command = [
        FFMPEG,
        "-v",
        "error",
        "-i",
        str(path),
        "-f",
        "rawvideo",
        "-pix_fmt",
        "gray",
        "-fps_mode",
        "passthrough",
        "-",
    ]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    frames = np.frombuffer(raw, np.uint8).reshape(-1, reel.PICTURE_HEIGHT + reel.CAPTION_HEIGHT, reel.PICTURE_WIDTH)
    return frames[:, : reel.PICTURE_HEIGHT].mean(axis=(1, 2)), frames[:, reel.PICTURE_HEIGHT :]


@pytest.fixture
def run(clicking, tmp_path):
    """Takes of two clips: 23.976 frames a second, 30 frames with flashes on 4 and 20, and 24 frames with one on 10."""
    first = lay(flashing(tmp_path / "a", "first", NTSC, 30, (4, 20)), "--prompt", "a prompt that is long " * 20)
    second = lay(flashing(tmp_path / "b", "second", NTSC, 24, (10,)))
    parts = [results(first), results(second)]
    parts[1]["rows"][0]["id"] = "other"
    return {"tracklay": "0.1.0", "rows": parts[0]["rows"] + parts[1]["rows"]}


def test_takes_follow_each_other_and_every_click_is_on_its_flash(run, tmp_path):
    """At 24000/1001: each flash on the frame it should have, each click within a millisecond of that frame's own time."""
    made = reel.write_reel(run, tmp_path / "reel.mp4")
    video = probe_video(made)[1]
    assert video.rate == Rate(NTSC)
    assert video.frames == 30 + GAP + 24 + GAP
    bright, band = shown(made)
    assert len(bright) == video.frames
    flashes = [4, 20, 30 + GAP + 10]
    assert list(np.flatnonzero(bright > 128)) == flashes
    sound = hear(made)
    heard = clicks(sound)
    assert len(heard) == len(flashes)
    # AAC smears a click over its block's window, whose peak stays within 48 samples.
    assert all(abs(click - flash / NTSC * 48_000) < 48 for click, flash in zip(heard, flashes, strict=True))
    assert len(sound) == pytest.approx(float(video.frames / NTSC * 48_000), abs=1024)
    # In the gaps all is black; under each take stand words, other ones under another, and time code that runs.
    assert band[32].max() < 40
    assert band[0].max() > 200
    assert np.abs(band[0].astype(int) - band[30 + GAP]).max() > 100
    assert np.abs(band[5].astype(int) - band[6])[:, : reel.PICTURE_WIDTH - 200].max() < 40
    assert np.abs(band[5].astype(int) - band[6])[:, reel.PICTURE_WIDTH - 200 :].max() > 100


def test_rejected_and_failed_takes_are_left_out(run):
    """The plan counts what is in it; a reel of nothing is refused."""
    rate, parts = reel.plan_reel(apply_verdicts(parse_rows(run), [Verdict("sh001", 1, "reject", "")]))
    assert [(part.row.id, part.number, part.total, part.start_frame, part.frame_count) for part in parts] == [
        ("other", 1, 1, 0, 24)
    ]
    assert rate == Rate(NTSC)
    with pytest.raises(InvalidInput, match="The reel has no takes"):
        reel.plan_reel(
            apply_verdicts(parse_rows(run), [Verdict("sh001", 1, "reject", ""), Verdict("other", 1, "reject", "")])
        )


def test_a_reel_that_is_there_is_not_replaced(run, tmp_path, capsys):
    """The command's next one takes the next number. Where a picture is gone, its take is heard over black."""
    for row in run["rows"]:
        row["picture"] = str(tmp_path / "gone.mp4")
    (tmp_path / "reel.mp4").write_text("mine")
    run["rows"] = run["rows"][1:]
    (tmp_path / "list.tracklay.results.json").write_text(json.dumps(run))
    assert main(["report", str(tmp_path / "list.tracklay.results.json"), "--to", str(tmp_path), "--reel"]) == 0
    assert capsys.readouterr().out.split()[-1] == str(tmp_path / "reel.2.mp4")
    assert (tmp_path / "reel.mp4").read_text() == "mine"
    assert len(clicks(hear(tmp_path / "reel.2.mp4"))) == 1
    assert shown(tmp_path / "reel.2.mp4")[0].max() < 40
