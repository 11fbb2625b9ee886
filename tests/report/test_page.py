"""The page holds what was measured, as text and nothing else, in one file or with its media beside it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from opentimelineio.opentime import RationalTime
from PIL import Image
from tracklay import report
from tracklay.cancellation import CancelToken
from tracklay.cli.main import main
from tracklay.errors import Cancelled, InvalidInput
from tracklay.media.extract import Proxy
from tracklay.report import page as page_module
from tracklay.report.filmstrip import MOTION_BUCKETS, analyze_proxy
from tracklay.report.page import _summarize
from tracklay.report.rows import ReportRow

from tests.clips import clicks, encode, flash_clip, hear
from tests.mix.made_scenes import write_wav
from tests.report.runs import FLASHES, FRAMES, HOSTILE, RATE, flashing, lay, results
from tests.timelines import cuts


class Tags(HTMLParser):
    """Which tags a page has, and what stands in its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] in ("script", "style"):
            self.texts.append((self.tags[-1][0], data))


def data(path) -> Any:
    """What the page gives its script."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text("utf-8"), re.DOTALL)
    assert found
    return json.loads(found[1])


@pytest.fixture
def run(clicking, tmp_path):
    """Two takes under a clip, and one that failed."""
    return results(lay(flashing(tmp_path / "a & b"), "--takes", 2, "--prompt", HOSTILE), failed=1)


def test_the_mix_and_its_stems_are_heard_where_the_take_is(run, tmp_path):
    """Its measures are facts, each file is a player of the take's stretch; a name that leads elsewhere plays nothing."""
    row, other, _ = run["rows"]
    folder = Path(row["folder"])
    sound = np.zeros(3 * 48_000, np.float32)
    sound[72_000] = 0.9  # at 1.5 s of the mix, which begins half a second before the take
    for name in ("clip.mix.wav", "clip.mix.music.wav"):
        write_wav(folder / name, sound)
    row["mix"] = {"preset": "film", "start": "-1/2", "sound": "clip.mix.wav", "lufs": -23.04, "true_peak": -3.2} | {
        "stems": {"music": "clip.mix.music.wav", "effects": "../gone.wav"},
        "dialogue_over_music": "12",
    }
    other["mix"] = {"sound": "../../../a & b/clip.mp4", "lufs": None}
    first, second, _ = data(report.write_report(run, tmp_path / "report"))["rows"]
    assert list(first["mixes"]) == ["mix", "music"]
    assert ["mix", "-23.0 LUFS, true peak -3.2 dBTP"] in first["facts"]
    assert first["mix"] == {"lufs": -23.04, "true_peak": -3.2, "dialogue_over_music": None}
    (tmp_path / "player.mp4").write_bytes(base64.b64decode(first["mixes"]["music"].partition(",")[2]))
    assert clicks(hear(tmp_path / "player.mp4"))[0] == pytest.approx(48_000, abs=2)
    assert (second["mixes"], second["mix"]["lufs"]) == ({}, None)


def test_a_landed_take_is_drawn_and_heard_as_it_was_too(run, tmp_path):
    """Its moves are on the row, and a second player has the untouched sound; a name that leads elsewhere plays nothing."""
    take = run["rows"][0]["take"]
    folder = Path(run["rows"][0]["folder"])
    untouched = folder / take["file"].replace(".wav", ".unlanded.wav")
    untouched.write_bytes((folder / run["rows"][1]["take"]["file"]).read_bytes())
    moves = [{"from": "1/4", "to": "1/5", "confidence": 0.9}, {"from": "no time"}]
    take["landing"] = {"mode": "auto", "lag": "3/10", "moves": moves, "untouched": untouched.name}
    run["rows"][1]["take"]["landing"] = {
        "mode": "auto",
        "lag": "0/1",
        "moves": [],
        "untouched": "../../../a & b/clip.mp4",
    }
    first, second, _ = data(report.write_report(run, tmp_path / "report"))["rows"]
    assert first["moves"] == [[0.25, 0.2, 0.9]]
    assert dict(first["facts"])["landing"] == "1 moved, lag of +0.300 s corrected"
    assert first["untouched"].startswith("data:video/mp4;base64,")
    assert second["untouched"] == ""
    assert dict(second["facts"])["landing"] == "nothing moved"


def test_a_small_report_is_one_file_with_all_that_was_measured(run, tmp_path):
    """Three rows: takes that lie on their sample, a failure with its reason; media inside, no folder beside."""
    made = report.write_report(run, tmp_path / "report", title="the run")
    assert sorted(path.name for path in made.parent.iterdir()) == ["cue-sheet.csv", "cue-sheet.html", "report.html"]
    rows = data(made)["rows"]
    assert [row["state"] for row in rows] == ["laid", "laid", "failed"]
    facts = [dict(row["facts"]) for row in rows]
    assert all(each[name] == "exact" for each in facts[:2] for name in ("start", "length", "drift"))
    assert facts[0]["span"] == "00:00:00:00 to 00:00:02:00, 50 frames"
    assert facts[0]["price"] == "free"
    assert facts[0]["prompt"] == HOSTILE
    assert rows[2]["problems"] == ["no credit left"]
    assert "prompt" not in facts[2]
    assert all(row["media"].startswith("data:video/mp4;base64,") for row in rows)


@pytest.mark.parametrize(
    ("amounts", "price"),
    [
        (["0", "0"], "free"),
        ([None, None], "unknown"),
        (["0.25", None, "0.05"], "0.3 USD, 1 unknown"),
    ],
)
def test_the_total_price_counts_unknown_prices(amounts, price):
    """An unknown price is not zero."""
    row = ReportRow("a", "a", "1", None, Path(), "m", "laid", "", None, None, None)
    rows = [replace(row, take={"cost": {"amount": amount, "currency": "USD"}}) for amount in amounts]
    assert dict(_summarize(rows, []))["price"] == price


def test_text_of_the_user_does_not_become_markup(run, tmp_path):
    """A prompt full of tags adds no element and ends no script."""
    run["rows"][2]["error"] = HOSTILE
    run["rows"][2]["id"] = HOSTILE
    plain = json.loads(json.dumps(run).replace(json.dumps(HOSTILE)[1:-1], "plain"))
    hostile = Tags(report.write_report(run, tmp_path / "hostile", title=HOSTILE).read_text("utf-8"))
    tame = Tags(report.write_report(plain, tmp_path / "tame", title="plain").read_text("utf-8"))
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in tame.tags]


def test_the_page_may_run_its_own_script_and_nothing_else(run, tmp_path):
    """Its policy allows script and style by hash and no request; no attribute contains either."""
    page = Tags(report.write_report(run, tmp_path / "report").read_text("utf-8"))
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        text = max((text for tag, text in page.texts if tag == kind and not text.startswith("{")), key=len)
        assert f"{kind}-src 'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy
    assert not [name for _, attrs in page.tags for name in attrs if name == "style" or name.startswith("on")]
    addresses = [attrs[name] for _, attrs in page.tags for name in ("src", "href") if attrs.get(name)]
    assert addresses
    assert all(address.startswith("data:") for address in addresses)


def test_large_media_are_in_a_folder_and_reused(run, tmp_path, monkeypatch):
    """A second report reuses the files and deletes those that no row uses any more."""
    monkeypatch.setattr(page_module, "SELF_CONTAINED_BYTES", 0)
    made = report.write_report(run, tmp_path / "report")
    media = made.with_name("report.media")
    first = {path.name: path.stat().st_mtime_ns for path in media.iterdir()}
    for row in data(made)["rows"]:
        assert (made.parent / row["media"]).is_file()
    (media / "mine.txt").write_text("not yours")
    report.write_report({**run, "rows": run["rows"][1:]}, tmp_path / "report")
    after = {path.name: path.stat().st_mtime_ns for path in media.iterdir()}
    assert after.pop("mine.txt")
    assert after.items() < first.items()
    assert len(first) - len(after) == 2  # the strip is that of the other take too


def test_a_changed_take_is_measured_again_and_reported(run, tmp_path, monkeypatch):
    """Another file with the take's name: its samples are counted, and its hash differs from the manifest's."""
    monkeypatch.setattr(page_module, "SELF_CONTAINED_BYTES", 0)
    report.write_report(run, tmp_path / "report")
    row = run["rows"][0]
    file = tmp_path / "a & b" / "tracklay" / row["take"]["file"]
    content = bytearray(file.read_bytes())
    size = content.index(b"data") + 4
    content[size : size + 4] = (int.from_bytes(content[size : size + 4], "little") - 6 * 48).to_bytes(4, "little")
    file.write_bytes(content)
    rows = data(report.write_report(run, tmp_path / "report"))["rows"]
    assert dict(rows[0]["facts"])["length"] == f"-{48 * 2 // row['take']['channels']} samples"
    assert rows[0]["worst_offset"] == 48 * 2 // row["take"]["channels"]
    assert any("was changed or replaced since it was generated" in problem for problem in rows[0]["problems"])
    assert not rows[1]["problems"]


def test_a_missing_file_is_reported_and_the_rest_is_shown(run, tmp_path):
    """A take without its picture is played, a picture without its take is shown; neither stops the report."""
    run["rows"][0]["picture"] = str(tmp_path / "gone.mp4")
    (tmp_path / "a & b" / "tracklay" / run["rows"][1]["take"]["file"]).unlink()
    rows = data(report.write_report(run, tmp_path / "report"))["rows"]
    assert any("File not found: " in problem and "gone.mp4." in problem for problem in rows[0]["problems"])
    assert rows[0]["wave"]
    assert not rows[0]["motion"]
    assert any("Cannot read " in problem for problem in rows[1]["problems"])
    assert rows[1]["motion"]
    assert not rows[1]["wave"]
    assert all(row["media"] for row in rows)


def test_a_page_of_another_program_is_kept(run, tmp_path):
    """A foreign report.html or cue-sheet.html is never replaced, and the error comes before any work."""
    for name in ("report.html", "cue-sheet.html"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_text("<p>mine</p>")
        with pytest.raises(InvalidInput, match=f"{name} exists and is not from Tracklay"):
            report.write_report(run, folder)
        assert (folder / name).read_text() == "<p>mine</p>"
        assert [path.name for path in folder.iterdir()] == [name]


def test_a_cancelled_report_leaves_no_file(run, tmp_path):
    """Not even a partial one."""
    stop = CancelToken()
    stop.cancel()
    with pytest.raises(Cancelled):
        report.write_report(run, tmp_path / "report", cancel_token=stop)
    assert not [path for path in (tmp_path / "report").rglob("*") if path.is_file()]


def test_the_command_writes_beside_the_manifest_and_prints_the_path(clicking, tmp_path, capsys):
    """`tracklay report` with only a manifest."""
    manifest = lay(flashing(tmp_path))
    capsys.readouterr()
    assert main(["report", str(manifest)]) == 0
    assert capsys.readouterr().out == f"{manifest.parent / 'report' / 'report.html'}{os.linesep}"
    assert data(manifest.parent / "report" / "report.html")["title"] == "clip"
    assert main(["report", str(tmp_path / "no.json")]) == 2


def test_a_timelines_takes_are_shown_with_their_clips(clicking, tmp_path):
    """Each clip of an .otio is shown at the timeline's frames, from one hour on; a clip that was trimmed since is not."""
    a, b = flashing(tmp_path, "a"), flashing(tmp_path, "b", flashes=(10, 45))
    start = RationalTime(90_000, 25)
    film = cuts.timeline(
        tmp_path / "film.otio", cuts.track(cuts.clip(a, 0, 30, 25), cuts.clip(b, 5, 25, 25)), start=start
    )
    manifest = lay(film)
    rows = data(report.write_report(report.read_report_input(manifest), tmp_path / "report"))["rows"]
    assert [(row["cue"], dict(row["facts"])["span"]) for row in rows] == [
        ("a", "01:00:00:00 to 01:00:01:05, 30 frames"),
        ("b", "01:00:01:05 to 01:00:02:05, 25 frames"),
    ]
    assert all(row["exact"] and not row["problems"] for row in rows)
    motion = base64.b64decode(rows[1]["motion"])
    assert motion.index(max(motion)) == 5 * MOTION_BUCKETS // 25
    cuts.timeline(film, cuts.track(cuts.clip(a, 0, 30, 25), cuts.clip(b, 5, 20, 25)), start=start)
    rows = data(report.write_report(report.read_report_input(manifest), tmp_path / "again"))["rows"]
    assert [row["problems"] for row in rows] == [
        [], ["No picture: film.otio was edited since: it no longer has the cue b there."],
    ]  # fmt: skip
    assert rows[1]["exact"]


def analyze(folder, name, frames, rate=Fraction(25)):
    """Return the analysis of frames that are drawn here."""
    path = encode(folder / f"{name}.mp4", frames, (192, 108), rate)
    return analyze_proxy(
        Proxy(path, tuple(Fraction(n) / rate for n in range(len(frames))), Fraction(len(frames)) / rate)
    )


def test_the_motion_curve_rises_where_the_picture_moves(tmp_path):
    """Flashes are the highest motion, at the positions of their frames."""
    path = flash_clip(tmp_path / "f.mp4", RATE, FRAMES, FLASHES)
    film_stats = analyze_proxy(Proxy(path, tuple(Fraction(n) / RATE for n in range(FRAMES)), Fraction(FRAMES) / RATE))
    high = {number for number, value in enumerate(film_stats.motion) if value > 200}
    assert {flash * MOTION_BUCKETS // FRAMES for flash in FLASHES} <= high
    assert all(
        any(0 <= place - flash * MOTION_BUCKETS // FRAMES <= 2 * MOTION_BUCKETS // FRAMES + 1 for flash in FLASHES)
        for place in high
    )
    assert film_stats.filmstrip.startswith(b"\xff\xd8")


def test_a_cut_is_found_and_a_flash_is_not_a_cut(tmp_path):
    """After a flash the earlier picture returns."""
    noise = np.random.default_rng(1)
    shots = [np.kron(noise.integers(0, 256, (9, 16)), np.ones((12, 12))).astype(np.uint8) for _ in range(2)]
    flash = [shots[0]] * 10 + [255 - shots[0]] + [shots[0]] * 9 + [shots[1]] * 20
    assert analyze(tmp_path, "cut", flash).cuts == (20 / 40,)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_picture_of_few_frames_has_a_complete_strip(tmp_path, count):
    """A frame is repeated for as long as it is on screen."""
    film_stats = analyze(tmp_path, "few", [np.full((108, 192), 40 + 60 * n, np.uint8) for n in range(count)])
    path = tmp_path / "strip.jpg"
    path.write_bytes(film_stats.filmstrip)
    with Image.open(path) as strip:
        assert strip.size == (96 * 8, 54)
        shown = [np.asarray(strip)[20, 96 * part + 48, 0] for part in range(8)]
    assert len({round(int(level) / 30) for level in shown}) == count
