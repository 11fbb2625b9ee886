"""Draws the pictures of docs/turnover.md: a turnover of the demo's clip, each file read back by a reader of others and drawn as a timeline.

The clip gets two takes of foley, music over all of it and a mix; then AAF, REAPER project and FCPXML are written, and what is drawn is what
`otio-aaf-adapter`, `rpp` and `otio-fcpx-xml-adapter` find in them. Needs the extra `test`: `python scripts/docs/turnover_gallery.py`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

from tracklay.cli.main import main as tracklay
from tracklay.demo import make_clip

from tests.clips import hear
from tests.turnover import readers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.turnover.made_session import Event

DOCS = ROOT / "docs"
SAMPLE_RATE = 48_000
LEFT, WIDTH, ROW, TOP = 110, 760, 64, 34
COLOURS = {"Dialogue": "#4a7fb5", "Foley": "#b5793a", "Effects": "#a8524e", "Music": "#5d9150", "Ambience": "#7a68a6"}


def draw(events: Sequence[Event], title: str, to: Path) -> None:
    """Draw events as an SVG: a row for each track, with name, waveform, fades and, where the format has it, the gain as a line."""
    tracks = list(dict.fromkeys(event.track for event in events))
    end = max(event.start + event.samples for event in events)
    height = TOP + ROW * len(tracks) + 12
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 12} {height}" font-family="sans-serif">',
        '<rect width="100%" height="100%" fill="#232323"/>',
        f'<text x="8" y="15" font-size="12" fill="#ddd">{escape(title)}</text>',
    ]
    for second in range(end // SAMPLE_RATE + 1):
        x = LEFT + WIDTH * second * SAMPLE_RATE / end
        lines.append(f'<path d="M{x:.1f} {TOP - 8}V{height - 8}" stroke="#3a3a3a"/>')
        lines.append(f'<text x="{x + 3:.1f}" y="{TOP - 4}" font-size="9" fill="#888">{second} s</text>')
    for number, track in enumerate(tracks):
        y = TOP + ROW * number
        lines.append(f'<text x="8" y="{y + 34}" font-size="12" fill="#ddd">{escape(track)}</text>')
        for event in (each for each in events if each.track == track):
            lines += _draw_event(event, y, end)
    to.write_text("\n".join([*lines, "</svg>"]) + "\n", "utf-8")


def _draw_event(event: Event, y: int, end: int) -> list[str]:
    x, width = LEFT + WIDTH * event.start / end, WIDTH * event.samples / end
    colour = COLOURS[event.track.split(" ")[0].split(".")[0]]
    found = [
        f'<rect x="{x:.1f}" y="{y + 3}" width="{width:.1f}" height="{ROW - 8}" rx="3" fill="{colour}"/>',
        f'<path d="{_waveform(event, x, width, y)}" stroke="#0006" stroke-width="1"/>',
        f'<text x="{x + 5:.1f}" y="{y + 14}" font-size="10" fill="#fff">{escape(event.name)}</text>',
    ]
    if event.gain:
        at = [y + ROW - 8 - min(1, level) * (ROW - 26) for level in event.gain]
        path = f"M{x:.1f} {at[0]:.1f}L{x + width / 2:.1f} {at[1]:.1f}L{x + width:.1f} {at[2]:.1f}"
        found.append(f'<path d="{path}" stroke="#ffd54a" fill="none" stroke-width="1.3"/>')
    for samples, edge, sign in ((event.fade_in, x, 1), (event.fade_out, x + width, -1)):
        if samples:
            inner = edge + sign * max(2, WIDTH * samples / end)
            found.append(f'<path d="M{edge:.1f} {y + ROW - 5}L{inner:.1f} {y + 3}H{edge:.1f}Z" fill="#0007"/>')
    return found


def _waveform(event: Event, x: float, width: float, y: int) -> str:
    sound = abs(hear(event.file)[event.source_in : event.source_in + event.samples, 0])
    columns = max(1, int(width))
    peaks = [sound[len(sound) * n // columns : len(sound) * (n + 1) // columns + 1].max() for n in range(columns)]
    middle, half = y + ROW / 2 + 4, ROW / 2 - 12
    return "".join(
        f"M{x + n:.1f} {middle - half * p**0.5:.1f}V{middle + half * p**0.5:.1f}" for n, p in enumerate(peaks)
    )


def main() -> int:
    """Make the film, hand it over, and draw what the readers find."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = folder / "demo.mp4"
        make_clip(clip)
        out, takes = folder / "out", folder / "tracklay"
        for arguments in (
            ["lay", clip, "--prompt", "rubber ball on wood, quiet room", "--takes", "2", "--seed", "1"],
            ["lay", clip, "--model", "sketch/music", "--prompt", "playful jazz, piano and bass", "--seed", "4"],
            ["mix", takes / "demo.tracklay.json"],
            ["turnover", takes / "demo.tracklay.json", "--to", out, "--format", "aaf,rpp,fcpxml"],
        ):
            if status := tracklay([str(argument) for argument in arguments]):
                return status
        _, aaf = readers.read_aaf(out / "demo.aaf")
        rpp, _ = readers.read_rpp(out / "demo.rpp")
        fcpxml = readers.otio_events(readers.read_otio(out / "demo.fcpxml"), out, kind="Video")
        draw(aaf, "demo.aaf, read by otio-aaf-adapter", DOCS / "turnover-aaf.svg")
        draw(rpp, "demo.rpp, read by rpp", DOCS / "turnover-rpp.svg")
        lanes = {"-1": "Foley", "-2": "Music", "-3": "Foley take 2"}
        named = [event.__class__(lanes[event.track], *list(vars(event).values())[1:]) for event in fcpxml]
        draw(named, "demo.fcpxml, read by otio-fcpx-xml-adapter", DOCS / "turnover-fcpxml.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
