"""Creates the media of one row for the page: a player file, a strip of frames, and the figures. Earlier files are reused.

A player file is one MP4 with the picture's proxy and the take: a browser plays both by one clock, so that they stay in sync.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .. import timelines
from ..atomic_io import atomic_write, temp_dir
from ..errors import Cancelled, InvalidInput, MediaError, OutputError, TracklayError
from ..media import ffmpeg
from ..media.film.mux import aac_options
from ..media.proxy_cache import extract_cached
from ..timing import parse_fraction
from .filmstrip import analyze_proxy
from .wav_analysis import measure_sync, measure_wav

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ..cancellation import CancelToken
    from ..cue import Cue
    from ..media.extract import Proxy
    from ..timelines.base import Timeline
    from .rows import ReportRow
    from .wav_analysis import WavMeasurement

PREVIEW_VERSION = 1
"""Part of the file names. Increase it when the same row gets other files or figures than before."""

PLAYER_SHORT_SIDE = 192
"""Pixels of the player's picture: the size for sketch/foley, so that its proxies are already in the cache."""

PLAYER_BIT_RATE = "160k"
"""Bit rate of the player's AAC, the codec that every browser plays in MP4."""

NAME_LENGTH = 16
"""Hexadecimal digits of file names: 64 bits, so that no two rows of a report share one."""


@dataclass(frozen=True, slots=True)
class RowPreview:
    """The media of a row.

    Attributes:
        player, filmstrip: None if there is nothing to play or to see.
        untouched: the player file of the take before it was landed; None if it was not.
        mixes: the player files of its picture's mix, and of the mix's stems by kind.
        figures: plain data that the page draws and prints.
        problems: sentences about what cannot be shown.
    """

    row: ReportRow
    player: Path | None
    filmstrip: Path | None
    untouched: Path | None
    figures: dict[str, Any]
    problems: tuple[str, ...]
    mixes: Mapping[str, Path] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Path, ...]:
        """Its files on disk."""
        return tuple(path for path in (self.player, self.filmstrip, self.untouched, *self.mixes.values()) if path)


class PictureResolver:
    """Finds the picture of a row. Each timeline is opened once, for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._timelines: dict[Path, tuple[Timeline, list[Cue]]] = {}

    def find_cue(self, row: ReportRow) -> Cue:
        """Return the row's cue with its span and picture. A row without a take is matched by the cue's id alone.

        Raises:
            InvalidInput: the picture is gone or cannot be opened.
            MediaError: the row names no picture, or the picture no longer has the cue.
        """
        if row.picture is None:
            raise MediaError("report.no_picture", "The picture was not found. Move it back to its folder.")
        with self._lock:
            if row.picture not in self._timelines:
                timeline = timelines.open_timeline(row.picture)
                self._timelines[row.picture] = timeline, timeline.cues(model=row.model)
            timeline, cues = self._timelines[row.picture]
        found = _matching_cue(cues, row)
        if found is None and row.span is not None:  # a part of a cue, or a cue that was removed
            with contextlib.suppress(InvalidInput):
                points = timeline.point_text(row.span.start), timeline.point_text(row.span.end)
                part = timeline.cues(*points, model=row.model)
                found = _matching_cue(part, row) or timeline.joined_cue(*points, model=row.model)
        if found is None:
            raise MediaError(
                "report.cue_removed",
                "{picture} was edited since: it no longer has the cue {cue} there.",
                picture=row.picture.name,
                cue=row.cue,
            )
        if found.picture.error:
            raise MediaError("cue.picture_error", "{reason}", reason=found.picture.error)
        return found


def _matching_cue(cues: Sequence[Cue], row: ReportRow) -> Cue | None:
    """Return the cue with the row's span, and with its id if several have that span; None if there is none."""
    candidates = [cue for cue in cues if row.span is None or cue.span == row.span]
    if row.span is None and len(cues) == 1:
        return cues[0]
    named = [cue for cue in candidates if cue.id == row.cue]
    # A cue may have been renamed since: the same span is enough.
    return next(iter([*named, *(candidates if row.span is not None else [])]), None)


def make_preview(
    row: ReportRow, resolver: PictureResolver, folder: Path, *, cancel_token: CancelToken | None = None
) -> RowPreview:
    """Create a row's files in `folder`, or reuse them. What cannot be shown is listed in `problems`.

    Raises:
        OutputError: the folder cannot be written to.
        Cancelled: the user cancelled.
    """
    name = _cache_name(row)
    player, strip, note = (folder / f"{name}{suffix}" for suffix in (".mp4", ".jpg", ".json"))
    other = folder / f"{_version_name(name, 'untouched')}.mp4"
    mixes = {kind: folder / f"{_version_name(name, kind)}.mp4" for kind in row.mix_files}
    try:
        cached = json.loads(note.read_text("utf-8"))
        figures, problems = cached["figures"], cached["problems"]
        if not all((folder / file).exists() for file in cached["files"]):
            raise FileNotFoundError(note)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        figures, problems = _make_files(row, resolver, player, strip, other, mixes, cancel_token)
        files = [path.name for path in (player, strip, other, *mixes.values()) if path.exists()]
        with atomic_write(note) as beside:
            beside.write_text(json.dumps({"figures": figures, "problems": problems, "files": files}), "utf-8")
    existing = [path if path.exists() else None for path in (player, strip, other)]
    mixes = {kind: path for kind, path in mixes.items() if path.exists()}
    return RowPreview(row, existing[0], existing[1], existing[2], figures, tuple(problems), mixes)


def _cache_name(row: ReportRow) -> str:
    """Return a row's file name: a hash of its picture, its span and its take, with the present state of the files."""
    states = []
    for path in (row.picture, row.file, *row.mix_files.values()):
        try:
            stat = path.stat() if path else None
        except OSError:
            stat = None
        states.append([str(path), stat and [stat.st_size, stat.st_mtime_ns]])
    take = row.take or {}
    content = [
        PREVIEW_VERSION,
        states,
        row.cue,
        str(row.rate),
        take.get("source_sha256"),
        take.get("start"),
        take.get("frames"),
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:NAME_LENGTH]


def _version_name(name: str, version: str) -> str:
    """Return the name of another player file of a row, as long as the first one's."""
    return hashlib.sha256(f"{name} {version}".encode()).hexdigest()[:NAME_LENGTH]


def _make_files(
    row: ReportRow,
    resolver: PictureResolver,
    player: Path,
    filmstrip: Path,
    untouched: Path,
    mixes: Mapping[str, Path],
    cancel_token: CancelToken | None,
) -> tuple[dict[str, Any], list[str]]:
    figures: dict[str, Any] = {}
    problems: list[str] = []
    for path in (player, filmstrip, untouched, *mixes.values()):
        path.unlink(missing_ok=True)
    with temp_dir(player.parent) as work:
        sound = _measure_take(row, figures, problems)
        proxy = None
        try:
            cue = resolver.find_cue(row)
            proxy = extract_cached(
                cue.picture, cue.span, work / "proxy.mp4", short_side=PLAYER_SHORT_SIDE, cancel_token=cancel_token
            )
            film = analyze_proxy(proxy, cancel_token=cancel_token)
            figures.update(motion=_encode_base64(film.motion), cuts=film.cuts, length=float(proxy.seconds))
            if film.filmstrip:
                with atomic_write(filmstrip) as beside:
                    beside.write_bytes(film.filmstrip)
        except (Cancelled, OutputError):
            raise
        except TracklayError as error:
            problems.append(f"No picture: {error}")
        if proxy or sound:
            try:
                _write_player(proxy, row.file if sound else None, player, cancel_token)
                if sound and row.untouched is not None and row.untouched.is_file():
                    _write_player(proxy, row.untouched, untouched, cancel_token)
                if sound:
                    part = row.mix_offset, Fraction(sound.samples, sound.sample_rate)
                    for kind, to in mixes.items():
                        _write_player(proxy, row.mix_files[kind], to, cancel_token, part)
            except MediaError as error:
                problems.append(str(error))
    return figures, problems


def _measure_take(row: ReportRow, figures: dict[str, Any], problems: list[str]) -> WavMeasurement | None:
    """Return the measurement of the take and add its figures and problems; None if there is no readable take."""
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
        problems.append(f"{row.file.name} was changed or replaced since it was generated.")
    if not sound.peak:
        problems.append("The take is silent.")
    return sound


def _encode_base64(values: bytes) -> str:
    return base64.b64encode(values).decode("ascii")


def _write_player(
    proxy: Proxy | None,
    take: Path | None,
    to: Path,
    cancel_token: CancelToken | None,
    part: tuple[Fraction, Fraction] | None = None,
) -> None:
    """Write a player file. `part` is the stretch of the sound that is heard, its start and its length in seconds; None: all of it."""
    import ffmpeg as builder  # noqa: PLC0415 - ffmpeg-python, slow to import

    streams: list[Any] = []
    options: dict[str, Any] = {"format": "mp4", "movflags": "+faststart", "map_metadata": -1}
    if proxy:
        streams.append(ffmpeg.input_stream(proxy.path)["V:0"])
        options["c:v"] = "copy"
    if take:
        # Of an uncompressed file ffmpeg seeks to the sample.
        seek: dict[str, Any] = {} if part is None else {"ss": f"{float(part[0]):.6f}", "t": f"{float(part[1]):.6f}"}
        streams.append(ffmpeg.input_stream(take, **seek)["a:0"])
        options.update(aac_options(PLAYER_BIT_RATE))
    with atomic_write(to) as beside:
        ffmpeg.run_ffmpeg(
            builder.output(*streams, ffmpeg.output_url(beside), **options),
            "could not write the player file",
            cancel_token=cancel_token,
        )


def parse_seconds(text: object) -> float | None:
    """Return seconds from a manifest's text (`77/25`); None if it is not a number."""
    try:
        return float(parse_fraction(str(text)))
    except (ValueError, ZeroDivisionError):
        return None
