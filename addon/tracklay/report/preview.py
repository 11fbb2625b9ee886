"""Makes what the page shows of one row: a small player file, a strip of frames, and the figures; what was made before is used again.

A player file is one MP4 with the picture's proxy and the take in it: a browser plays both by one clock, so nothing has to be kept in step.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .. import timelines
from ..atomic_io import atomic_write, temp_dir
from ..errors import Cancelled, InvalidInput, MediaError, OutputError, TracklayError
from ..media import ffmpeg
from ..media.mux import aac_options
from ..media.proxy_cache import extract_cached
from .filmstrip import analyze_proxy
from .wav_analysis import measure_sync, measure_wav

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..cue import Cue
    from ..media.extract import Proxy
    from ..timelines.base import Timeline
    from .rows import ReportRow
    from .wav_analysis import WavMeasurement

PREVIEW_VERSION = 1
"""Raised whenever the same row makes other files than before."""

PLAYER_SHORT_SIDE = 192
"""Pixels of the player's picture: what sketch foley asks for, so that its proxies are found in the cache."""

PLAYER_BIT_RATE = "160k"
"""The player's sound: AAC, which every browser plays in MP4."""

NAME_LENGTH = 16
"""Hexadecimal digits in the names of files: nobody makes enough rows for two to meet."""


@dataclass(frozen=True, slots=True)
class RowPreview:
    """What was made of a row. `player` and `filmstrip` are None where there is nothing to play or to see.

    `figures` is what the page draws and tells (plain data); `problems` are sentences about what could not be shown.
    """

    row: ReportRow
    player: Path | None
    filmstrip: Path | None
    figures: dict[str, Any]
    problems: tuple[str, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """What lies on disk for it."""
        return tuple(path for path in (self.player, self.filmstrip) if path)


class PictureResolver:
    """Finds what plays under a take, opening each timeline once, whoever asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._timelines: dict[Path, tuple[Timeline, list[Cue]]] = {}

    def find_cue(self, row: ReportRow) -> Cue:
        """The row's cue, with its span and what plays there. Where there is no take to tell the span, it is the cue of that id.

        Raises:
            BadInput: the picture is gone, or is none.
            MediaError: the row names no picture, or that no longer has the cue.
        """
        if row.picture is None:
            raise MediaError("its picture was not found: put it back where it was")
        with self._lock:
            if row.picture not in self._timelines:
                timeline = timelines.open_timeline(row.picture)
                self._timelines[row.picture] = timeline, timeline.cues(model=row.model)
            timeline, cues = self._timelines[row.picture]
        found = _matching_cue(cues, row)
        if found is None and row.span is not None:  # a part of what the timeline has as one cue, or nothing any more
            with contextlib.suppress(InvalidInput):
                part = timeline.cues(f"{row.span.start}f", f"{row.span.end}f", model=row.model)
                found = _matching_cue(part, row)
        if found is None:
            raise MediaError(f"{row.picture.name} no longer has cue {row.cue} where it was: it was edited since")
        if found.picture.error:
            raise MediaError(found.picture.error)
        return found


def _matching_cue(cues: Sequence[Cue], row: ReportRow) -> Cue | None:
    """The cue that a row is about: of its span, and of its id where several have that span."""
    fitting = [cue for cue in cues if row.span is None or cue.span == row.span]
    if row.span is None and len(cues) == 1:
        return cues[0]
    named = [cue for cue in fitting if cue.id == row.cue]
    return next(iter([*named, *(fitting if row.span is not None else [])]), None)


def make_preview(
    row: ReportRow, resolver: PictureResolver, folder: Path, *, cancel_token: ffmpeg.CancelToken | None = None
) -> RowPreview:
    """Make a row's files in `folder`, or find them there. What cannot be shown is told, and the rest is shown.

    Raises:
        OutputError: the folder cannot be written to.
        Cancelled: it was stopped.
    """
    name = _cache_name(row)
    player, strip, note = (folder / f"{name}{suffix}" for suffix in (".mp4", ".jpg", ".json"))
    try:
        held = json.loads(note.read_text("utf-8"))
        figures, problems = held["figures"], held["problems"]
        if not all((folder / file).exists() for file in held["files"]):
            raise FileNotFoundError(note)
    except (OSError, ValueError, KeyError):
        figures, problems = _make_files(row, resolver, player, strip, cancel_token)
        files = [path.name for path in (player, strip) if path.exists()]
        with atomic_write(note) as beside:
            beside.write_text(json.dumps({"figures": figures, "problems": problems, "files": files}), "utf-8")
    there = [path if path.exists() else None for path in (player, strip)]
    return RowPreview(row, there[0], there[1], figures, tuple(problems))


def _cache_name(row: ReportRow) -> str:
    """What tells a row's files from any other's: its picture, its span and its take, each as it is now."""
    states = []
    for path in (row.picture, row.file):
        try:
            stat = path.stat() if path else None
        except OSError:
            stat = None
        states.append([str(path), stat and [stat.st_size, stat.st_mtime_ns]])
    take = row.take or {}
    told = [
        PREVIEW_VERSION,
        states,
        row.cue,
        str(row.rate),
        take.get("source_sha256"),
        take.get("start"),
        take.get("frames"),
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:NAME_LENGTH]


def _make_files(
    row: ReportRow, resolver: PictureResolver, player: Path, filmstrip: Path, cancel_token: ffmpeg.CancelToken | None
) -> tuple[dict[str, Any], list[str]]:
    figures: dict[str, Any] = {}
    problems: list[str] = []
    for path in (player, filmstrip):
        path.unlink(missing_ok=True)
    with temp_dir(player.parent) as work:
        sound = _measure_take(row, figures, problems)
        proxy = None
        try:
            cue = resolver.find_cue(row)
            proxy = extract_cached(
                cue.picture, cue.span, work / "proxy.mp4", short_side=PLAYER_SHORT_SIDE, cancel_token=cancel_token
            )
            looks = analyze_proxy(proxy, cancel_token=cancel_token)
            figures.update(motion=_encode_base64(looks.motion), cuts=looks.cuts, length=float(proxy.seconds))
            if looks.filmstrip:
                with atomic_write(filmstrip) as beside:
                    beside.write_bytes(looks.filmstrip)
        except (Cancelled, OutputError):
            raise
        except TracklayError as error:
            problems.append(f"no picture to show: {error}")
        if proxy or sound:
            try:
                _write_player(proxy, row.file if sound else None, player, cancel_token)
            except MediaError as error:
                problems.append(str(error))
    return figures, problems


def _measure_take(row: ReportRow, figures: dict[str, Any], problems: list[str]) -> WavMeasurement | None:
    """Measure the take; what is wrong with it is told."""
    if row.file is None or row.take is None:
        return None
    try:
        sound = measure_wav(row.file)
    except MediaError as error:
        problems.append(str(error))
        return None
    figures.update(wave=_encode_base64(sound.waveform), peak=sound.peak, length=sound.samples / sound.sample_rate)
    if row.span:
        found = measure_sync(sound, row.span)
        drift = None if found.drift is None else float(round(found.drift, 2))
        figures["sync"] = {"start": found.start, "length": found.length, "drift": drift, "exact": found.is_exact}
    if row.take.get("sha256") and sound.sha256 != row.take["sha256"]:
        problems.append(f"{row.file.name} is not as it was made: it was changed or replaced since")
    if not sound.peak:
        problems.append("the take is silent")
    return sound


def _encode_base64(values: bytes) -> str:
    return base64.b64encode(values).decode("ascii")


def _write_player(proxy: Proxy | None, take: Path | None, to: Path, cancel_token: ffmpeg.CancelToken | None) -> None:
    import ffmpeg as builder  # noqa: PLC0415 - ffmpeg-python, slow to import

    streams: list[Any] = []
    options: dict[str, Any] = {"format": "mp4", "movflags": "+faststart", "map_metadata": -1}
    if proxy:
        streams.append(ffmpeg.input_stream(proxy.path)["V:0"])
        options["c:v"] = "copy"
    if take:
        streams.append(ffmpeg.input_stream(take)["a:0"])
        options.update(aac_options(PLAYER_BIT_RATE))
    with atomic_write(to) as beside:
        ffmpeg.run_ffmpeg(
            builder.output(*streams, ffmpeg.output_url(beside), **options),
            "could not make a player's file",
            cancel_token=cancel_token,
        )


def parse_seconds(text: object) -> float | None:
    """Seconds as manifests write them (`77/25`); None where it is no such thing."""
    try:
        return float(Fraction(str(text)))
    except (ValueError, ZeroDivisionError):
        return None
