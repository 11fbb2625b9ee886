"""Clips of a turnover from the sounds of a scene: their roles, the gains of its mix, and the other takes of a manifest."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...cue import SAMPLE_RATE
from ...errors import InvalidInput, MediaError
from ...manifest import take_with_handles
from ...media.wav_reader import WavReader
from ...mix.gain_curve import UNITY, GainCurve, gain_of_db
from ...models import load_catalogue
from ...timing import parse_fraction
from ...turnover.session import ROLE_OF_KIND, ROLE_OF_TASK, OtherTake, SessionClip, SessionMark, with_gain
from ...untrusted_data import is_plain_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...mix.sources import MixSource
    from ...models import Model
    from ...turnover.session import Role

MIX_SUFFIX = ".mix.json"


@dataclass(frozen=True, slots=True)
class MixGains:
    """The mix of a picture as `tracklay mix` wrote it: for each sound, by its file and first sample, its kind and its gain curve.

    Curves are in samples of the mix's timeline and have the gain of the whole in them.
    """

    sounds: Mapping[tuple[Path, int], tuple[str, GainCurve]] = field(default_factory=dict)
    is_limited: bool = False

    def find(self, source: MixSource) -> tuple[str, GainCurve]:
        """Return the kind and the curve of a sound; no kind and no change if it is not in the mix."""
        return self.sounds.get((source.file.resolve(), source.start), ("", UNITY))


def read_mix_gains(path: Path) -> MixGains:
    """Return the gains of a mix; none if there is no mix.

    Raises:
        InvalidInput: the file is no mix of Tracklay.
    """
    if not path.is_file():
        return MixGains()
    try:
        content = json.loads(path.read_text("utf-8"))
        master = gain_of_db(content["master_db"])
        curves = {each["id"]: (each["kind"], GainCurve.from_list(each["curve"])) for each in content["sounds"]}
        found = {}
        for source in content["sources"]:
            kind, curve = curves[source["id"]]
            volume = GainCurve.from_list(source["volume"])
            key = ((path.parent / source["file"]).resolve(), int(source["start"]))
            found[key] = kind, curve.times(volume).scaled(master)
        return MixGains(found, content["limiter"] != UNITY.to_list())
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise InvalidInput(
            "turnover.damaged_mix", "Not a mix of Tracklay: {path}. Mix the picture again, or move it away.", path=path
        ) from error


class ClipBuilder:
    """Turns the sounds of one scene into clips.

    Args:
        entries: the manifest's entries of takes.
        folder: the folder of their files.
        gains: the mix.
    """

    def __init__(self, entries: Sequence[Any], folder: Path, gains: MixGains) -> None:
        self._entries = [entry for entry in entries if isinstance(entry, dict) and is_plain_name(entry.get("file"))]
        self._folder, self._gains = folder, gains
        self._catalogue = load_catalogue()
        self._by_file = {
            file.resolve(): entry
            for entry in self._entries
            for file in (folder / entry["file"], take_with_handles(entry, folder)[0])
        }

    def build(self, source: MixSource) -> SessionClip:
        """Return the clip of a sound."""
        entry = self._by_file.get(source.file.resolve())
        kind, curve = self._gains.find(source)
        gain = (curve if kind else source.volume).within(source.start, source.stop)
        shifted = GainCurve(tuple((at - source.start, level) for at, level in gain.points))
        file, offset = source.file, source.offset
        if entry and file.name == entry["file"]:  # a timeline's clip plays the take alone
            file, before = take_with_handles(entry, file.parent)
            offset += before
        clip = SessionClip(
            name=Path(source.name).stem if entry else source.name,
            role=find_role(source, kind, self._catalogue),
            file=file,
            start=source.start,
            samples=source.samples,
            source_in=offset,
            stream=source.stream,
            zero=source.zero,
            is_whole=entry is not None,
            comment=describe_entry(entry) if entry else "",
            takes=self._other_takes(entry) if entry else (),
        )
        return with_gain(clip, shifted)

    def _other_takes(self, entry: Mapping[str, Any]) -> tuple[OtherTake, ...]:
        """Return the takes of the same cue, model and span whose files exist."""

        def same(other: Mapping[str, Any]) -> tuple[Any, ...]:
            names = ("cue", "model", "start", "samples", "sample_rate")
            return tuple(other.get(name) for name in names)

        others = [each for each in self._entries if each["file"] != entry["file"] and same(each) == same(entry)]
        takes = [
            OtherTake(Path(each["file"]).stem, *take_with_handles(each, self._folder))
            for each in others
            if (self._folder / each["file"]).is_file()
        ]
        return (*takes, *_whole_music(entry, self._folder))

    def regions(self, sources: Sequence[MixSource]) -> tuple[SessionMark, ...]:
        """Return a region for each take that plays: its cue, with the prompt."""
        found = []
        for source in sources:
            if entry := self._by_file.get(source.file.resolve()):
                prompt = str(entry.get("prompt") or "")
                found.append(SessionMark(str(entry.get("cue")), source.start, source.samples, prompt))
        return tuple(dict.fromkeys(found))


def _whole_music(entry: Mapping[str, Any], folder: Path) -> list[OtherTake]:
    """Return the whole music that a take was fitted from, as another take, where it is long enough: what its model made beyond the span.

    It begins where the take does: with the first segment.
    """
    fit = entry.get("fit") or {}
    name, segments = fit.get("unfitted"), fit.get("segments")
    if not is_plain_name(name) or not segments:
        return []
    try:
        with WavReader(folder / str(name)) as wav:
            length, rate = wav.format.samples, wav.format.sample_rate
        first = int(segments[0]["from"]) - int(segments[0]["at"])
    except (MediaError, KeyError, TypeError, ValueError):
        return []
    if first < 0 or length - first < int(entry["samples"]):
        return []
    return [OtherTake(Path(str(name)).stem, folder / str(name), round(Fraction(first, rate) * SAMPLE_RATE))]


def find_role(source: MixSource, mixed_kind: str, catalogue: Mapping[str, Model]) -> Role:
    """Return the role of a sound: as the mix has it, by its model, by its names. What nothing says a role of is production sound."""
    known = catalogue.get(source.track)
    kind = mixed_kind or (found[0] if (found := source.known_kind()) else "dialogue")
    task_role = ROLE_OF_TASK.get(known.task) if known else None
    if task_role and kind == (source.kind or kind):
        return task_role
    if kind == "effects" and "foley" in f"{source.track} {source.name}".lower():
        return "Foley"
    return ROLE_OF_KIND[kind]


def describe_entry(entry: Mapping[str, Any]) -> str:
    """Return the line about a take: model, prompt, seed."""
    parts = [str(entry.get("model") or ""), str(entry.get("prompt") or "")]
    if entry.get("seed") is not None:
        parts.append(f"seed {entry['seed']}")
    return ", ".join(part for part in parts if part)


def entry_start(entry: Mapping[str, Any]) -> int:
    """Return the first sample of a take, as its manifest counts."""
    return round(parse_fraction(str(entry["start"]["seconds"])) * SAMPLE_RATE)


def check_files(entries: Sequence[Any], folder: Path) -> None:
    """Check that the takes that play are there.

    Raises:
        InvalidInput: one is missing.
    """
    for entry in entries:
        if not isinstance(entry, dict) or not entry.get("heard", True):
            continue
        path = folder / str(entry.get("file"))
        if not path.is_file():
            raise InvalidInput(
                "turnover.take_missing",
                "The take {file} is missing in {folder}. Put it back, or generate the cue again.",
                file=path.name,
                folder=folder,
            )


def whole_hour_before(sample: int) -> Fraction:
    """Return the seconds of the last whole hour that is not after a sample."""
    return Fraction(sample // (3600 * SAMPLE_RATE) * 3600)


def move_source(source: MixSource, samples: int) -> MixSource:
    """Return a sound that begins earlier by some samples, its volume with it."""
    volume = GainCurve(tuple((at - samples, level) for at, level in source.volume.points))
    return replace(source, start=source.start - samples, volume=volume)
