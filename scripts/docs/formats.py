"""Write `docs/formats.md`: each container and codec that ffmpeg writes, read and laid by Tracklay, and held to what ffmpeg plays.

    python scripts/docs/formats.py --ffmpeg PROGRAM [--ffmpeg OTHER] [--only TEXT] [--results FOLDER] [--write]

A clip has frames that show their numbers, and clicks in its own sound. Every muxer and video encoder that all PROGRAMS have is tried:
the clip is written, and if every PROGRAM writes it, Tracklay reads and lays each one's clip with that same ffmpeg. The proxies of the
whole clip and of a span from its middle, and the laid film with its own sound, are compared with what ffmpeg plays. The results are kept
in FOLDER after each pair, so that a second run goes on. Name the program that starts fastest first: pairs that it does not write cost
one start.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

from tracklay import settings
from tracklay.cue import Picture
from tracklay.errors import TracklayError
from tracklay.media.extract import extract_proxy
from tracklay.media.ffmpeg_program import ffmpeg_version, find_ffmpeg
from tracklay.media.film import mux
from tracklay.media.probe import MediaInfo, VideoStream, probe_video
from tracklay.timing import Span, TimeMap

from scripts.docs.format_clips import (
    FRAMES,
    NATIVE_ENCODERS,
    RATE,
    RAW_MUXERS,
    SIZE,
    SOUND_RATE,
    USUAL_ENCODERS,
    USUAL_MUXERS,
    Played,
    available,
    clip_suffix,
    decode_film,
    demuxer,
    hear,
    play,
    write_clip,
    write_picture,
    write_sound,
)

DOC = ROOT / "docs" / "formats.md"
MIDDLE = 22, 12
"""First frame and length of the span from the middle."""

TOLERANCE = Fraction(6, 1000)
"""Seconds by which a frame may be off: FLV and Matroska count milliseconds, GIF hundredths."""

SOUND_TOLERANCE_MS = 2.5
"""Milliseconds by which the film's own sound may be off its picture: two clocks that count milliseconds."""

SCREEN_TOLERANCE = Fraction(11, 10_000)
"""Seconds before its time from which a frame counts as on screen: clocks that count milliseconds round up."""

RESULTS = "results.jsonl"

NEEDS_SOUND = frozenset({"amv"})
"""Muxers that take no picture without sound."""


class Laid(NamedTuple):
    """Results of Tracklay: the stream as it was probed, the proxies by name (first frame, frames, what they show), and the film."""

    video: VideoStream
    proxies: dict[str, tuple[int, int, Played]]
    film: Played


def examine(program: str, path: Path, take: Path, *, has_sound: bool) -> dict[str, Any]:
    """Return a row of the table: how a clip is read and laid, and what is wrong."""
    source = play(program, path, 0 if has_sound else None)
    if source and not shows_numbers(source):
        return {"unplayable": True, "faults": []}
    references = (
        [written()] if source is None or not plays_the_clip(source) else [source, as_written(source), written()]
    )
    try:
        media, video = probe_video(path)
        film = path.with_name(f"film.{mux.choose_container(media, video)}")
        notes = mux.mux_takes(media, video, [(take, Fraction(0))], film)
        film_codec, film_audio, shown = decode_film(film)
        if source and source.clicks and not notes:
            shown = shown._replace(**hear(program, film, 1, shown.begins))
        laid = Laid(video, proxies(path, video), shown)
    except TracklayError as error:
        return {"refused": str(error).replace(str(path), "clip").replace(path.name, "clip"), "faults": []}
    faults = [picture_faults(laid, reference) for reference in references]
    sound, sound_faults = own_sound(media, source, film_audio, laid.film, notes)
    return {
        "codec": video.codec,
        "frames": len(references[0].numbers),
        "rate": str(video.rate),
        "times": reading(video),
        "film": f"{'copied' if video.has_pts and film_codec == video.codec else 'encoded'}, {film.suffix[1:]}",
        "sound": sound,
        "faults": [*(min(faults, key=len)), *sound_faults],
    }


def written() -> Played:
    """Return the clip as it was written."""
    return Played(list(range(FRAMES)), [Fraction(number, RATE) for number in range(FRAMES)])


def plays_the_clip(source: Played) -> bool:
    """Return True if ffmpeg plays nearly all frames, at the clip's pace."""
    return len(source.numbers) >= FRAMES - 2 and bool(source.times[-1] * RATE >= FRAMES // 2)


def shows_numbers(source: Played) -> bool:
    """Return True if at least half of the frames that ffmpeg plays can be recognised: not a picture that nothing decodes rightly."""
    return len(set(source.numbers) & set(range(FRAMES))) * 2 >= FRAMES


def as_written(source: Played) -> Played:
    """Return what ffmpeg plays, at equal distances if it plays all frames nearly so.

    Without presentation times ffmpeg guesses those of the first and the last frames.
    """
    steps = [b - a for a, b in pairwise(source.times[4:-4])]
    if len(source.numbers) != FRAMES or not steps or any(abs(step / steps[0] - 1) > Fraction(1, 50) for step in steps):
        return source
    step = Fraction(1, RATE) if abs(steps[0] * RATE - 1) < Fraction(1, 50) else steps[0]
    return source._replace(times=[number * step for number in range(FRAMES)])


def proxies(path: Path, video: VideoStream) -> dict[str, tuple[int, int, Played]]:
    """Return the proxies of the whole clip and of a span from its middle."""
    found = {}
    for name, first, count in (("whole", 0, video.frames), ("middle", *MIDDLE)):
        span = Span(first, max(1, min(count, video.frames - first)), video.rate)
        picture = Picture(path, TimeMap.linear(span, span.start_seconds), rate=video.rate)
        proxy = extract_proxy(picture, span, path.with_name("proxy.mp4"))
        found[name] = span.start, span.frames, decode_film(proxy.path)[2]._replace(times=list(proxy.times))
    return found


def picture_faults(laid: Laid, reference: Played) -> list[str]:
    """Return what is wrong with a clip's length, its proxies and the laid film."""
    faults = []
    rate, shown, times = laid.video.rate, reference.numbers, reference.times
    if laid.video.frames != round((times[-1] + rate.seconds(1)) * rate.fps):
        faults.append(f"{laid.video.frames} frames of {len(shown)}")
    for name, (first, count, proxy) in laid.proxies.items():
        begin, end = rate.seconds(first), rate.seconds(first + count)
        opening = max(n for n, time in enumerate(times) if time <= begin + SCREEN_TOLERANCE)
        later = [n for n, time in enumerate(times) if n > opening and time < end - SCREEN_TOLERANCE]
        if proxy.numbers != [shown[n] for n in (opening, *later)]:
            faults.append(f"{name}: {proxy.numbers}")
        elif any(abs(at - (times[n] - begin)) > TOLERANCE for at, n in zip(proxy.times[1:], later, strict=True)):
            faults.append(f"{name}: times")
    if laid.film.numbers != shown:
        faults.append(f"film: {laid.film.numbers}")
    elif any(abs(a - b) > TOLERANCE for a, b in zip(laid.film.times, times, strict=True)):
        faults.append("film: times")
    return faults


def own_sound(
    media: MediaInfo, source: Played | None, film_audio: list[str], laid: Played, notes: tuple[str, ...]
) -> tuple[str, list[str]]:
    """Return how the clip's own sound is kept in the film, and what is wrong with it."""
    if source is None or not source.clicks:
        return ("left out, with a note" if notes else "none"), []
    if notes:
        return "left out, with a note", ["own sound left out"]
    codec, kept = media.audio[0].codec, film_audio[1]
    offsets = [float(after - before) * 1000 for before, after in zip(source.clicks, laid.clicks, strict=True)]
    faults = [] if source.channels == laid.channels else [f"own sound: {laid.channels} channels of {source.channels}"]
    if any(abs(offset) > SOUND_TOLERANCE_MS for offset in offsets):
        faults.append(f"own sound off by {', '.join(f'{offset:.1f}' for offset in offsets)} ms")
    return (f"{codec}, copied" if codec == kept else f"{codec} to {kept}"), faults


def reading(video: VideoStream) -> str:
    """Return how a stream's times are found."""
    if not video.has_pts:
        return "decoder"
    if video.has_index:
        return "index"
    return "all packets" if video.can_seek else "all packets, from the start"


def all_pairs(programs: list[str]) -> list[str]:
    """Return the pairs `muxer/encoder` of what all programs have, the usual encoders first and foreign codecs in raw streams last."""
    muxers, encoders = (
        set.intersection(*(available(each, kind) for each in programs)) for kind in ("muxers", "encoders")
    )
    keys = [f"{muxer}/{encoder}" for muxer in sorted(muxers) for encoder in sorted(encoders)]
    return sorted(keys, key=lateness)


def lateness(key: str) -> tuple[bool, bool, bool, bool]:
    """Return how late a pair is tried: usual encoders in usual muxers first, raw muxers with codecs of others last."""
    muxer, _, encoder = key.partition("/")
    is_foreign = muxer in RAW_MUXERS and NATIVE_ENCODERS.get(muxer, muxer) != encoder
    is_rare = encoder not in USUAL_ENCODERS
    return is_foreign, is_rare and muxer not in USUAL_MUXERS, is_rare, muxer not in USUAL_MUXERS


class Sources(NamedTuple):
    """The sources of a clip: its picture, its own sound, and a silent take to lay under it."""

    picture: Path
    sound: Path
    take: Path


class Clip(NamedTuple):
    """A clip that one of the ffmpegs has written."""

    path: Path
    has_sound: bool


class Bench:
    """Tries pairs of muxer and encoder with several ffmpegs.

    Attributes:
        programs: the ffmpegs by version.
    """

    def __init__(self, programs: list[str], work: Path) -> None:
        self.programs = {}
        for program in programs:
            use(program)
            self.programs[short_version()] = program
        self._work = work
        self._sources = Sources(
            write_picture(work / "picture.y4m"),
            write_sound(work / "sound.wav"),
            write_sound(work / "take.wav", clicks=False),
        )
        self._same: dict[tuple[str, str, str], dict[str, Any]] = {}

    def try_pair(self, key: str) -> dict[str, dict[str, Any]] | None:
        """Return the rows of a pair by version of ffmpeg, or None if one of them does not write it."""
        with tempfile.TemporaryDirectory(dir=self._work) as folder:
            clips = {}
            for version, program in self.programs.items():
                path = Path(folder, version, f"clip.{clip_suffix(key.partition('/')[0])}")
                path.parent.mkdir()
                if (has_sound := self._write(program, path, key)) is None:
                    return None
                clips[version] = Clip(path, has_sound)
            return {version: self._row(version, key, clip) for version, clip in clips.items()}

    def _write(self, program: str, path: Path, key: str) -> bool | None:
        """Write a clip. Return True if it has sound, False if its muxer takes none, None if ffmpeg does not write it."""
        muxer, _, encoder = key.partition("/")
        picture, sound, _ = self._sources
        if muxer not in RAW_MUXERS and not write_clip(program, path, muxer, encoder, picture, sound):
            return True
        if muxer in NEEDS_SOUND or write_clip(program, path, muxer, encoder, picture, None):
            return None
        return False

    def _row(self, version: str, key: str, clip: Clip) -> dict[str, Any]:
        """Examine a clip. A raw stream of the same bytes, which ffmpeg reads with the same demuxer, has the same row."""
        program = self.programs[version]
        same = None
        if key.partition("/")[0] in RAW_MUXERS:
            same = version, hashlib.sha256(clip.path.read_bytes()).hexdigest(), demuxer(program, clip.path)
            if same in self._same:
                return self._same[same]
        use(program)
        try:
            row = examine(program, clip.path, self._sources.take, has_sound=clip.has_sound)
        except (TracklayError, subprocess.SubprocessError, ValueError, IndexError) as error:
            row = {"codec": key.partition("/")[2], "faults": [f"{type(error).__name__}: {error}"]}
        if same:
            self._same[same] = row
        return row


def use(program: str) -> None:
    """Let Tracklay run a program as its ffmpeg."""
    settings.override(ffmpeg=program)
    find_ffmpeg.cache_clear()


def examine_all(programs: list[str], only: str, folder: Path) -> None:
    """Try every pair that has no result yet, and add each result to a file in a folder."""
    keys = all_pairs(programs)
    done = read_results(folder)
    with tempfile.TemporaryDirectory() as work, (folder / RESULTS).open("a", encoding="utf-8") as file:
        bench = Bench(programs, Path(work))
        for key in keys:
            if only not in key or key in done:
                continue
            rows = bench.try_pair(key)
            print(json.dumps({"pair": key, "rows": rows}), file=file, flush=True)


def read_results(folder: Path) -> dict[str, dict[str, dict[str, Any]] | None]:
    """Return the results so far: by pair, its rows by version of ffmpeg; None for a pair that not all of them write."""
    path = folder / RESULTS
    lines = (json.loads(line) for line in (path.read_text("utf-8").splitlines() if path.exists() else ()))
    return {line["pair"]: line["rows"] for line in lines}


class Cells(NamedTuple):
    """A row of the table without its encoders: results that all versions share, or each version's."""

    container: str
    times: str
    film: str
    sound: str


def table(results: dict[str, dict[str, dict[str, Any]] | None], pairs: list[str]) -> str:
    """Return the document, from the results by pair, of the pairs to try."""
    written_by_all = {key: rows for key, rows in sorted(results.items()) if rows}
    versions = sorted({version for rows in written_by_all.values() for version in rows})
    counts = {version: dict.fromkeys(("right", "wrong", "refused", "unplayable"), 0) for version in versions}
    groups: dict[Cells, list[str]] = {}
    refusals: dict[tuple[str, str], list[str]] = {}
    unplayable: dict[str, list[str]] = {}
    wrong = []
    for key, rows in written_by_all.items():
        container, _, encoder = key.partition("/")
        for version, row in rows.items():
            outcome = outcome_of(row)
            counts[version][outcome] += 1
            if outcome == "wrong":
                wrong.append(f"- {key}, ffmpeg {version}: {'; '.join(row['faults'])}")
            elif outcome == "refused":
                reason = re.sub(r" \(Video: .*\)(?=[,:.])", "", row["refused"]).replace("|", "/")
                refusals.setdefault((container, reason), []).append(f"{encoder} ({version})")
            elif outcome == "unplayable":
                unplayable.setdefault(container, []).append(f"{encoder} ({version})")
        if any(outcome_of(row) == "right" for row in rows.values()):
            cells = (
                one({v: row.get(name, outcome_of(row)) for v, row in rows.items()})
                for name in ("times", "film", "sound")
            )
            groups.setdefault(Cells(container, *cells), []).append(encoder)
    tally = "\n".join(
        f"- ffmpeg {version}: {n['right']} pairs are right, {n['wrong']} are wrong, {n['refused']} are refused; "
        f"{n['unplayable']} are not played by ffmpeg itself."
        for version, n in counts.items()
    )
    untried = [key for key in pairs if key not in results]
    lines = [
        f"| {cells.container} | {', '.join(names)} | {' | '.join(cells[1:])} |"
        for cells, names in sorted(groups.items())
    ]
    refused = [
        f"| {box} | {', '.join(shared(names))} | {reason} |" for (box, reason), names in sorted(refusals.items())
    ]
    garbled = [f"- {box}: {', '.join(shared(names))}" for box, names in sorted(unplayable.items())]
    return f"""# Containers and codecs

`scripts/docs/formats.py` writes this file. A clip of {FRAMES} numbered frames, with clicks as its own sound where the container takes
sound, is written with every container and video encoder that each ffmpeg below has, and read and laid by Tracklay with that same
ffmpeg. The proxies of the whole clip and of a span from its middle, and the laid film, are compared with what ffmpeg plays: every frame
and its time, the own sound's channels and its clicks. Left out are pairs that not all of these ffmpegs write, encoders of hardware, and
muxers that write to devices, to networks, or single images.

The table covers what these ffmpegs write with an encoder's own settings, at {RATE} frames a second, {SIZE[0]} x {SIZE[1]} pixels and stereo
at {SOUND_RATE // 1000} kHz. Other rates and sizes, variable frame rates, interlaced and joined recordings, files that were cut off, and
files of other programs are not in it; the tests have some of each.

*Times* are those of the container's index, of all its packets, or of the decoder, where packets have none. A film is *copied* if its
container takes the packets and then shows the same frames; otherwise it is encoded. Every laid film is checked after it is written:
number and times of frames, channels, and that it decodes at both ends.

{len(results)} pairs were tried, of which all of these ffmpegs write {len(written_by_all)}:

{tally}
{chr(10).join(["", *wrong, ""]) if wrong else ""}
| container | encoders | times | film | own sound |
|---|---|---|---|---|
{chr(10).join(lines)}

## Refused

Nothing is laid, and this sentence is the reason. `clip` stands for the file. ffmpeg writes such a file and does not know its codec again,
or Tracklay does not open its format.

| container | encoders | reason |
|---|---|---|
{chr(10).join(refused)}

## Not played

ffmpeg writes these, and of its own file it plays noise, or less than half of the frames: the container has no place for what the decoder
needs, or the same codec has another name in it. Tracklay was not compared.

{chr(10).join(garbled) or "None."}
{not_tried(untried)}"""


def not_tried(keys: list[str]) -> str:
    """Return the section about pairs that have no result; empty if there are none."""
    if not keys:
        return ""
    pairs = [key.split("/") for key in sorted(keys)]
    rare = sorted({encoder for _, encoder in pairs if encoder not in USUAL_ENCODERS})
    raw = sorted({muxer for muxer, _ in pairs if muxer in RAW_MUXERS})
    usual: dict[str, list[str]] = {}
    for muxer, encoder in pairs:
        if encoder in USUAL_ENCODERS and muxer not in RAW_MUXERS:
            usual.setdefault(muxer, []).append(encoder)
    boxes: dict[str, list[str]] = {}
    for muxer, names in usual.items():
        boxes.setdefault(", ".join(names), []).append(muxer)
    lines = [f"- {', '.join(muxers)}: {names}" for names, muxers in boxes.items()]
    return f"""
## Not tried

Of {len(keys)} pairs nothing is known but what the tables above say of others; ffmpeg does not write most of them.

- In every container, where no table names them: {", ".join(rare)}.
- Encoders of other codecs with raw muxers, which write any packets one after the other, so that the file is the other codec's raw stream
  under another name: {", ".join(raw)}.
{chr(10).join(lines)}
"""


def outcome_of(row: dict[str, Any]) -> str:
    """Return `right`, `wrong`, `refused` or `unplayable`."""
    return (
        "wrong"
        if row["faults"]
        else "refused"
        if "refused" in row
        else "unplayable"
        if "unplayable" in row
        else "right"
    )


def one(values: dict[str, str]) -> str:
    """Return a value that all versions share, or each version's."""
    return (
        next(iter(values.values()))
        if len(set(values.values())) == 1
        else "; ".join(f"{v}: {x}" for v, x in values.items())
    )


def shared(names: list[str]) -> list[str]:
    """Return names without the version in brackets where every version has the name."""
    bare = [name.partition(" (")[0] for name in names]
    return sorted({name.partition(" (")[0] if bare.count(name.partition(" (")[0]) > 1 else name for name in names})


def short_version() -> str:
    """Return the version of the ffmpeg in use, as `5.1`."""
    return ".".join(ffmpeg_version().removeprefix("version ").lstrip("n").partition("-")[0].split(".")[:2])


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--ffmpeg", action="append", required=True, help="an ffmpeg; a pair is tried if all of them write it"
    )
    parser.add_argument("--only", default="", help="only pairs `muxer/encoder` that contain this text")
    parser.add_argument("--results", type=Path, default=Path(tempfile.gettempdir()) / "tracklay-formats")
    parser.add_argument("--write", action="store_true", help="write docs/formats.md from the results")
    options = parser.parse_args()
    options.results.mkdir(parents=True, exist_ok=True)
    examine_all(options.ffmpeg, options.only, options.results)
    results = read_results(options.results)
    if options.write:
        DOC.write_text(table(results, all_pairs(options.ffmpeg)), "utf-8")
    return 1 if any(row["faults"] for rows in results.values() if rows for row in rows.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
