"""Writes the files of a mix: the sound, its stems and curves, and the picture with it. No file of the user's is replaced."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ...atomic_io import atomic_write, read_json, temp_dir
from ...errors import InvalidInput
from ...manifest import build_manifest, read_manifest, replace_manifest
from ...mix.kinds import KINDS, Kind
from ...mix.mix_files import mix_sources
from ...paths import ensure_folder
from ...version import VERSION
from ..base import relative_path
from .scene import set_kinds
from .targets import open_target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction
    from pathlib import Path

    from ...mix.plan import MixPlan
    from ...mix.presets import Preset
    from ...mix.sources import MixSource
    from ..base import Timeline


@dataclass(frozen=True, slots=True)
class MixOptions:
    """A mix as the user asks for it.

    Attributes:
        preset: levels and ducks.
        target_lufs: integrated loudness; None: the preset's.
        true_peak_db: highest true peak; None: the preset's.
        kinds: kind of each sound that the user names.
        with_stems: write the stems, too.
        drop_original: leave a media file's own sound out.
        to: the output folder; None: that of the timeline.
        channels: of the mix; None: 5.1 if a sound is surround, else stereo.
    """

    preset: Preset
    target_lufs: float | None = None
    true_peak_db: float | None = None
    kinds: Mapping[str, str] | None = None
    with_stems: bool = False
    drop_original: bool = False
    to: Path | None = None
    channels: int | None = None


@dataclass(frozen=True, slots=True)
class MixResult:
    """The files of a mix.

    Attributes:
        mix: the picture or timeline with the mixed sound.
        sound: the mixed sound, a 24-bit WAV.
        stems: the stem of each kind, 32-bit float WAVs.
        curves: the plan with its curves, JSON.
        plan: the plan.
        start: its first sample in seconds, as the starts of takes count.
        notes: what the user should know.
    """

    mix: Path
    sound: Path
    stems: Mapping[Kind, Path]
    curves: Path
    plan: MixPlan
    start: Fraction
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the result as `--json` prints it."""
        return {
            "mix": str(self.mix),
            "sound": str(self.sound),
            "stems": {kind: str(path) for kind, path in self.stems.items()},
            "curves": str(self.curves),
            **asdict(self.plan.measures),
            **self.plan.to_dict(),
            "notes": list(self.notes),
        }

    def summary(self) -> dict[str, Any]:
        """Return the result as a manifest holds it: names of files in its folder, stems that are not silent, and the measures."""
        kinds = {sound.kind for sound in self.plan.sounds}
        return {
            "preset": self.plan.preset,
            "start": f"{self.start.numerator}/{self.start.denominator}",
            "file": self.mix.name,
            "sound": self.sound.name,
            "stems": {kind: path.name for kind, path in self.stems.items() if kind in kinds},
            "curves": self.curves.name,
            "channels": self.plan.channels,
            **asdict(self.plan.measures),
        }


def mix_timeline(path: Path, request: MixOptions) -> MixResult:
    """Mix the sounds of a picture and write the result.

    Args:
        path: a media file, images, a timeline that OpenTimelineIO reads, or the manifest of one of them.
        request: the mix.

    Raises:
        InvalidInput: there is no such picture, it has no sound, a name is unknown, or a file that Tracklay did not write is in the way.
        MediaError: a sound cannot be read.
        OutputError: a file cannot be written.
    """
    path = _manifest_of_film(path) or path
    folder = request.to or (path.parent if is_manifest(path) else None)
    target = open_target(picture_of(path), folder, drop_original=request.drop_original)
    folder, stem = target.folder, target.timeline.output_stem(target.folder)
    curves, mix = folder / f"{stem}.mix.json", target.path
    ensure_folder(folder)
    earlier = earlier_files(curves)
    with temp_dir(folder) as work:
        scene, notes = target.read_scene(work)
        scene = set_kinds(scene, request.kinds or {})
        if not scene.sources:
            raise InvalidInput(
                "mix.no_sound",
                "There is no sound to mix: {path} has none of its own, and no takes.",
                path=target.timeline.path,
            )
        sound, stems = folder / f"{stem}.mix.wav", {kind: folder / f"{stem}.mix.{kind}.wav" for kind in KINDS}
        stems = stems if request.with_stems or target.needs_stems else {}
        check_free([sound, *stems.values()], earlier)
        target.check_free(earlier)
        mark = scene.find_mark()
        plan = mix_sources(
            scene.sources,
            scene.samples,
            request.preset,
            work,
            target_lufs=request.target_lufs,
            true_peak_db=request.true_peak_db,
            to=work / sound.name,
            stems={kind: work / each.name for kind, each in stems.items()},
            channels=request.channels,
            headroom_db=target.headroom_db,
            origins=scene.origins,
        )
        # The list of files comes first: if the process is killed after it, the next mix may still replace them.
        names = {mix.name, sound.name, *(each.name for each in stems.values())} | earlier
        own = {each.id for each in scene.sources if each.file.parent == work}
        described = [replace(each, file=target.timeline.path) if each.id in own else each for each in scene.sources]
        _write_curves(curves, plan, described, names)
        for path in (sound, *stems.values()):
            (work / path.name).replace(path)
    notes = (*map(str, plan.notes), *notes, *target.write(plan, sound, stems, mark))
    result = MixResult(mix, sound, stems, curves, plan, target.start, notes)
    note_mix(target.timeline, folder, mix, result.summary())
    return result


def is_manifest(path: Path) -> bool:
    """Return True if a path looks like a manifest."""
    return path.suffix.lower() == ".json"


def picture_of(path: Path) -> Path:
    """Return the picture of a manifest; any other path is the picture's own.

    Raises:
        InvalidInput: it is no manifest, or its picture is gone.
    """
    if not is_manifest(path):
        return path
    manifest = read_manifest(path)
    picture = path.parent / str(manifest.get("source") or manifest.get("picture"))
    if not picture.exists() and "%" not in picture.name and "#" not in picture.name:
        raise InvalidInput(
            "mix.picture_missing",
            "The picture of {manifest} is missing: {picture}. Name the picture instead.",
            manifest=path.name,
            picture=picture,
        )
    return picture


def _manifest_of_film(path: Path) -> Path | None:
    """Return the manifest of a film that Tracklay laid: its sounds are the takes, not what the film plays. None for other files."""
    stem, laid, _ = path.stem.rpartition(".tracklay")
    manifest = path.with_name(f"{stem}.tracklay.json")
    if not laid or path.suffix.lower() == ".otio" or not manifest.is_file():
        return None
    return manifest if read_manifest(manifest).get("laid") == path.name else None


def earlier_files(curves: Path) -> frozenset[str]:
    """Return the names of the files that an earlier mix wrote, as its curves list them.

    Raises:
        InvalidInput: another file has the name of the curves.
    """
    if not curves.exists():
        return frozenset()
    content = read_json(curves)
    if not isinstance(content, dict) or "tracklay" not in content or not isinstance(content.get("files"), list):
        raise _not_ours(curves)
    return frozenset(str(name) for name in content["files"])


def check_free(paths: Sequence[Path], earlier: frozenset[str]) -> None:
    """Check that no file of the user's has one of these names.

    Raises:
        InvalidInput: one has.
    """
    for path in paths:
        if path.exists() and path.name not in earlier:
            raise _not_ours(path)


def _not_ours(path: Path) -> InvalidInput:
    return InvalidInput(
        "timeline.output_exists", "File already exists and was not written by Tracklay: {path}.", path=path
    )


def _write_curves(path: Path, plan: MixPlan, sources: Sequence[MixSource], files: AbstractSet[str]) -> None:
    """Write the plan as data, with the files of this mix and of earlier ones: with it, the mix can be made again anywhere."""
    content = {
        "tracklay": VERSION,
        "files": sorted(files),
        **plan.to_dict(),
        "sources": [{**each.to_dict(), "file": relative_path(each.file, path.parent)} for each in sources],
    }
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def note_mix(timeline: Timeline, folder: Path, mix: Path, summary: dict[str, Any]) -> None:
    """Note the mix in the manifest of the picture: the next run knows the film as Tracklay's, and reports have its measures."""
    path = timeline.manifest_path(folder)
    if path.is_file():
        manifest = read_manifest(path)
    else:
        source = {"source": relative_path(timeline.path, folder)}
        manifest = source | build_manifest(timeline.path.name, timeline.rate, [], [], None)
    laid = {"laid": mix.name} if mix == timeline.laid_path(folder) else {}
    replace_manifest(path, {**manifest, **laid, "mix": summary})
