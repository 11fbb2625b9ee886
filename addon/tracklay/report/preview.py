"""Creates the media of rows for the page: a player file, a strip of frames, and the figures. Earlier files are reused.

A player file is one MP4 with the picture's proxy and the take: a browser plays both by one clock, so that they stay in sync.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..atomic_io import atomic_write
from ..errors import Cancelled, MediaError, OutputError, TracklayError
from ..timing import parse_fraction
from .pictures import PREVIEW_VERSION, file_state, hash_name
from .players import Player, write_players
from .wav_analysis import measure_sync, measure_wav

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..cancellation import CancelToken
    from .pictures import PictureStore
    from .rows import ReportRow
    from .wav_analysis import WavMeasurement

MIX_ROLE = "mix:"
"""Prefix of the kinds of a mix's stems among the files of a row."""


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


def make_previews(
    rows: Sequence[ReportRow], pictures: PictureStore, folder: Path, *, cancel_token: CancelToken | None = None
) -> list[RowPreview]:
    """Create the files of a few rows in `folder`, or reuse them. What cannot be shown is listed in `problems`.

    Raises:
        OutputError: the folder cannot be written to.
        Cancelled: the user cancelled.
    """
    found = [_read_earlier(row, folder) for row in rows]
    drafts = [
        _Draft.prepare(row, pictures, folder, cancel_token) for row, one in zip(rows, found, strict=True) if not one
    ]
    failures = write_players([player for draft in drafts for player in draft.players], cancel_token=cancel_token)
    made = iter([draft.finish(failures) for draft in drafts])
    return [one or next(made) for one in found]


def _read_earlier(row: ReportRow, folder: Path) -> RowPreview | None:
    """Return the files of an earlier report, if all of them are there."""
    try:
        note = json.loads((folder / f"{_row_name(row)}.json").read_text("utf-8"))
        files = {role: folder / Path(name).name for role, name in note["files"].items()}
        if not all(path.exists() for path in files.values()):
            return None
        figures, problems = dict(note["figures"]), tuple(note["problems"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return _preview(row, files, figures, problems)


def _preview(
    row: ReportRow, files: Mapping[str, Path], figures: dict[str, Any], problems: tuple[str, ...]
) -> RowPreview:
    mixes = {kind: files[name] for kind in row.mix_files if (name := f"{MIX_ROLE}{kind}") in files}
    return RowPreview(
        row, files.get("player"), files.get("filmstrip"), files.get("untouched"), figures, problems, mixes
    )


def _row_name(row: ReportRow) -> str:
    """Return a row's file name: a hash of its picture, its span and its take, with the present state of the files."""
    take = row.take or {}
    return hash_name(
        [
            PREVIEW_VERSION,
            [[str(path), file_state(path)] for path in (row.picture, row.file, *row.mix_files.values())],
            row.cue,
            str(row.rate),
            take.get("source_sha256"),
            take.get("start"),
            take.get("frames"),
        ]
    )


@dataclass(frozen=True, slots=True)
class _Draft:
    """A row whose player files are not written yet."""

    row: ReportRow
    note: Path
    filmstrip: Path | None
    figures: dict[str, Any]
    problems: list[str]
    players_by_role: dict[str, Player]

    @property
    def players(self) -> Iterable[Player]:
        """The files to write."""
        return self.players_by_role.values()

    @classmethod
    def prepare(cls, row: ReportRow, pictures: PictureStore, folder: Path, cancel_token: CancelToken | None) -> _Draft:
        """Measure the take and look at the picture."""
        figures: dict[str, Any] = {}
        problems: list[str] = []
        sound = _measure_take(row, figures, problems)
        picture = None
        try:
            picture = pictures.show(row, cancel_token)
            figures.update(motion=_encode_base64(picture.motion), cuts=picture.cuts, length=picture.seconds)
        except (Cancelled, OutputError):
            raise
        except TracklayError as error:
            problems.append(f"No picture: {error}")
        name = _row_name(row)
        proxy, filmstrip = (picture.proxy, picture.filmstrip) if picture else (None, None)
        players: dict[str, Player] = {}
        if proxy or sound:
            players["player"] = Player(folder / f"{name}.mp4", proxy, row.file if sound else None)
        if sound:
            if row.untouched is not None and row.untouched.is_file():
                players["untouched"] = Player(folder / f"{hash_name([name, 'untouched'])}.mp4", proxy, row.untouched)
            part = row.mix_offset, Fraction(sound.samples, sound.sample_rate)
            for kind, mix in row.mix_files.items():
                players[f"{MIX_ROLE}{kind}"] = Player(folder / f"{hash_name([name, kind])}.mp4", proxy, mix, part)
        return cls(row, folder / f"{name}.json", filmstrip, figures, problems, players)

    def finish(self, failures: Mapping[Path, MediaError]) -> RowPreview:
        """Return what is there now, and note it for the next report."""
        files = {role: player.to for role, player in self.players_by_role.items() if player.to not in failures}
        if self.filmstrip:
            files["filmstrip"] = self.filmstrip
        problems = [*self.problems, *(str(failures[player.to]) for player in self.players if player.to in failures)]
        names = {role: path.name for role, path in files.items()}
        with atomic_write(self.note) as beside:
            content = {"figures": self.figures, "problems": problems, "files": names}
            beside.write_text(json.dumps(content), "utf-8")
        return _preview(self.row, files, self.figures, tuple(problems))


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


def parse_seconds(text: object) -> float | None:
    """Return seconds from a manifest's text (`77/25`); None if it is not a number."""
    try:
        return float(parse_fraction(str(text)))
    except (ValueError, ZeroDivisionError):
        return None
