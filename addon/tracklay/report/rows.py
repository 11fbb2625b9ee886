"""The rows of a report: a batch's result list, or the manifest of one `lay`, read and checked."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..atomic_io import read_json
from ..errors import InvalidInput, file_not_found_error
from ..manifest import is_manifest, read_manifest, wrong_field
from ..timing import Rate, Span, format_timecode, parse_fraction
from ..untrusted_data import is_plain_name

if TYPE_CHECKING:
    from collections.abc import Mapping

TAKES_FOLDER = "tracklay"
"""Folder of the takes beside a picture, where `lay` writes them by default."""

RATE_ROUNDING_TOLERANCE = Fraction(1, 200)
"""Frames per second. A rate that was computed from rounded samples becomes the whole number if it is this close to one."""


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A cue with its take or its error.

    Attributes:
        id: id of the work list's row; its takes share it.
        name: name to show.
        take: the take's manifest entry, None if there is no take.
        rate: the timeline's frame rate, None if it is unknown.
        seconds: time that the generation took.
        verdict: `keep`, `reject` or empty.
        mix: the mix of its picture, as a manifest has it; empty if there is none.
    """

    id: str
    name: str
    cue: str
    picture: Path | None
    folder: Path
    model: str
    state: str
    error: str
    take: Mapping[str, Any] | None
    rate: Rate | None
    seconds: float | None
    verdict: str = ""
    note: str = ""
    mix: Mapping[str, Any] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The take's number, 0 without a take."""
        return int(self.take["take"]) if self.take else 0

    @property
    def file(self) -> Path | None:
        """The take's WAV, None without a take."""
        return self._beside(self.take["file"]) if self.take else None

    @property
    def untouched(self) -> Path | None:
        """The take's WAV before it was landed, None if nothing was moved."""
        landing = self.take.get("landing") if self.take else None
        name = landing.get("untouched") if isinstance(landing, dict) else None
        return self._beside(name) if is_plain_name(name) else None

    def _beside(self, name: object) -> Path:
        # Results are text that anyone may edit: only a file in the takes folder is played.
        if not is_plain_name(name):
            raise ValueError(f"not a file name: {name!r}")
        return self.folder / str(name)

    @property
    def mix_files(self) -> dict[str, Path]:
        """The WAVs of its picture's mix that exist: `mix`, and the stem of each kind."""
        stems = self.mix.get("stems")
        names = {"mix": self.mix.get("sound"), **(stems if isinstance(stems, dict) else {})}
        found = {str(kind): self.folder / Path(str(name)).name for kind, name in names.items() if name}
        return {kind: path for kind, path in found.items() if path.is_file()}

    @property
    def mix_offset(self) -> Fraction:
        """Seconds of the mix at which the take begins."""
        if self.take is None:
            return Fraction(0)
        start = parse_fraction(str(self.take["start"]["seconds"]))
        return max(Fraction(0), start - parse_fraction(str(self.mix.get("start", "0/1"))))

    @property
    def span(self) -> Span | None:
        """The timeline frames of the take, None without a take or a known rate."""
        if self.take is None or self.rate is None:
            return None
        return Span(int(self.take["start"]["frame"]), int(self.take["frames"]), self.rate)

    @property
    def drop_frame(self) -> bool:
        """True if the row's timecode is in drop-frame: as its timeline counts, and where nothing states that, at 29.97 and 59.94."""
        if self.rate is None or not self.rate.has_drop_frame:
            return False
        return self.take is None or self.take.get("drop_frame") is not False

    def timecode(self, frame: int) -> str:
        """Return the timecode of a frame of the timeline. A negative one is shown as the first. The rate must be known."""
        assert self.rate is not None  # noqa: S101 - see above
        return format_timecode(max(0, frame), self.rate, drop_frame=self.drop_frame)


def read_report_input(path: Path) -> dict[str, Any]:
    """Return a result list with absolute paths: of the results of a batch, the manifest of one picture, or a folder of manifests.

    A folder without manifests may have a folder `tracklay` with them, as that of a picture has.

    Raises:
        InvalidInput: the file is neither, or does not exist; the folder has no manifest.
    """
    if path.is_dir():
        return _results_from_folder(path)
    if not path.exists():
        raise file_not_found_error(path)
    content = read_json(path)
    if is_manifest(content):
        return _results_from_manifest(content, path.absolute())
    if not (isinstance(content, dict) and "tracklay" in content and isinstance(content.get("rows"), list)):
        raise _not_results_error(path)
    base = path.absolute().parent
    for row in content["rows"]:
        if isinstance(row, dict):
            row.update({key: str(base / str(row[key])) for key in ("picture", "folder") if row.get(key)})
    return content


def parse_rows(results: Mapping[str, Any]) -> list[ReportRow]:
    """Return the rows of a result list, in its order.

    Raises:
        InvalidInput: a row is incomplete or has a wrong value.
    """
    found: list[ReportRow] = []
    rates: dict[Path, dict[str, Any]] = {}
    for number, entry in enumerate(results["rows"], 1):
        try:
            found.append(_parse_row(entry, rates))
        except (KeyError, TypeError, ValueError, ZeroDivisionError, AttributeError) as error:
            raise InvalidInput(
                "report.invalid_row",
                "Row {number} of the result list is invalid ({reason}).",
                number=number,
                reason=f"{type(error).__name__}: {error}",
            ) from error
    return found


def _not_results_error(path: Path) -> InvalidInput:
    return InvalidInput("report.invalid_input", "Not a result list or a manifest of Tracklay: {path}.", path=path)


def _results_from_folder(folder: Path) -> dict[str, Any]:
    """Return the result list of all manifests in a folder, in the order of their names."""
    for place in (folder, folder / TAKES_FOLDER):
        paths = sorted(place.glob("*.tracklay.json"))
        if paths:
            lists = [_results_from_manifest(read_manifest(path), path.absolute()) for path in paths]
            return {"tracklay": lists[0]["tracklay"], "rows": [row for each in lists for row in each["rows"]]}
    raise InvalidInput("report.folder_without_manifests", "No manifest of Tracklay in the folder: {path}.", path=folder)


def _results_from_manifest(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Convert a manifest to a result list.

    A manifest has its picture's name without a folder. By default takes are in a folder beside the picture, so that is tried first.
    """
    name, laid = str(content.get("picture", "")), content.get("laid")
    places = [folder / name for folder in (path.parent.parent, path.parent) if is_plain_name(name)]
    places += [path.parent / str(laid)] if is_plain_name(laid) else []
    picture = next((str(place) for place in places if place.exists()), None)
    common = {
        "picture": picture,
        "folder": str(path.parent),
        "rate": content.get("rate"),
        "mix": content.get("mix"),
        "name": Path(name).stem or path.name.partition(".")[0],
    }
    laid_rows = [
        {
            **common,
            "id": Path(str(take["file"])).stem,
            "cue": take.get("cue"),
            "model": take.get("model"),
            "state": "laid",
            "take": take,
        }
        for take in content["takes"]
    ]
    failed = [
        {**common, "id": f"{common['name']}.failed.{number}", "state": "failed", **failure}
        for number, failure in enumerate(content.get("failed", ()), 1)
    ]
    return {"tracklay": content["tracklay"], "rows": laid_rows + failed}


def _parse_row(row_entry: Mapping[str, Any], rates: dict[Path, dict[str, Any]]) -> ReportRow:
    take = row_entry.get("take")
    folder = Path(row_entry["folder"])
    picture = row_entry.get("picture")
    seconds = row_entry.get("seconds")
    if take is not None and (field_name := wrong_field(take)):
        raise TypeError(f"wrong value of {field_name!r}")
    row = ReportRow(
        id=str(row_entry["id"]),
        name=str(row_entry.get("name") or row_entry["id"]),
        cue=str(row_entry["cue"]),
        picture=Path(picture) if picture else None,
        folder=folder,
        model=str(row_entry["model"]),
        state=str(row_entry["state"]),
        error=str(row_entry.get("error") or ""),
        take=take,
        rate=_find_rate(row_entry, take, folder, rates),
        seconds=None if seconds is None else float(seconds),
        verdict=str(row_entry.get("verdict") or ""),
        note=str(row_entry.get("note") or ""),
        mix=mix if isinstance(mix := row_entry.get("mix"), dict) else {},
    )
    _ = (
        row.number,
        row.file,
        row.span,
        row.mix_offset,
    )  # raises here, and not during the work, if the take is incomplete
    return row


def _find_rate(
    row_entry: Mapping[str, Any], take: Mapping[str, Any] | None, folder: Path, rates: dict[Path, dict[str, Any]]
) -> Rate | None:
    """Return the timeline's rate from the row, else from the take's start, else from the manifest with the take, else from its length."""
    if row_entry.get("rate"):
        return Rate.from_value(row_entry["rate"])
    if take is None:
        return None
    frame, seconds = int(take["start"]["frame"]), parse_fraction(str(take["start"]["seconds"]))
    if frame and seconds:  # a start of zero fits every rate
        return Rate(frame / seconds)
    if folder not in rates:
        rates[folder] = _rates_of_takes(folder)
    if rate := rates[folder].get(str(take["file"])):
        return Rate.from_value(rate)
    estimate = Fraction(
        (int(take["frames"]) + int(take.get("tail", 0))) * int(take["sample_rate"]), int(take["samples"])
    )
    return (
        Rate(Fraction(round(estimate)))
        if abs(estimate - round(estimate)) < RATE_ROUNDING_TOLERANCE
        else Rate.from_value(float(estimate))
    )


def _rates_of_takes(folder: Path) -> dict[str, Any]:
    """Return the rate of each take that a manifest in a folder has, by its file's name. The first manifest by name counts."""
    rates: dict[str, Any] = {}
    for path in sorted(folder.glob("*.tracklay.json"), reverse=True):
        with contextlib.suppress(InvalidInput):
            manifest = read_manifest(path)
            rates.update(
                {str(each.get("file")): manifest["rate"] for each in manifest["takes"] if isinstance(each, dict)}
            )
    return rates
