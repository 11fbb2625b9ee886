"""Writes the files of a mix: the sound, its stems and curves, and the picture with it. No file of the user's is replaced."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ...atomic_io import atomic_write, read_json, temp_dir
from ...errors import InvalidInput
from ...manifest import build_manifest, read_manifest, replace_manifest
from ...mix.kinds import KINDS, Kind
from ...mix.mix_files import mix_sources
from ...mix.sources import MixSource  # noqa: TC001 - for readers of the result
from ...paths import ensure_folder
from ...version import VERSION
from .. import open_timeline
from ..base import relative_path
from ..media_file import MediaFile
from .media_scene import read_media_scene
from .scene import MixScene, set_kinds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ...mix.plan import MixPlan
    from ...mix.presets import Preset


@dataclass(frozen=True, slots=True)
class MixRequest:
    """A mix as the user asks for it.

    Attributes:
        preset: levels and ducks.
        target_lufs: integrated loudness; None: the preset's.
        true_peak_db: highest true peak; None: the preset's.
        kinds: kind of each sound that the user names.
        with_stems: write the stems, too.
        to: the output folder; None: that of the timeline.
    """

    preset: Preset
    target_lufs: float | None = None
    true_peak_db: float | None = None
    kinds: Mapping[str, str] | None = None
    with_stems: bool = False
    to: Path | None = None


@dataclass(frozen=True, slots=True)
class MixResult:
    """The files of a mix.

    Attributes:
        mix: the picture or timeline with the mixed sound.
        sound: the mixed sound, a 24-bit WAV.
        stems: the stem of each kind, 32-bit float WAVs.
        curves: the plan with its curves, JSON.
        plan: the plan.
        notes: what the user should know.
    """

    mix: Path
    sound: Path
    stems: Mapping[Kind, Path]
    curves: Path
    plan: MixPlan
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the result as `--json` prints it."""
        measures = self.plan.measures
        return {
            "mix": str(self.mix),
            "sound": str(self.sound),
            "stems": {kind: str(path) for kind, path in self.stems.items()},
            "curves": str(self.curves),
            "lufs": measures and measures.lufs,
            "true_peak": measures and measures.true_peak,
            "dialogue_over_music": measures and measures.dialogue_over_music,
            **self.plan.to_dict(),
            "notes": list(self.notes),
        }


def mix_timeline(path: Path, request: MixRequest) -> MixResult:
    """Mix the sounds of a picture and write the result.

    Args:
        path: a media file, images, or the manifest of one that was laid.
        request: the mix.

    Raises:
        InvalidInput: there is no such picture, it has no sound, a name is unknown, or a file that Tracklay did not write is in the way.
        MediaError: a sound cannot be read.
        OutputError: a file cannot be written.
    """
    timeline = open_timeline(picture_of(path))
    if not isinstance(timeline, MediaFile):
        raise InvalidInput("mix.unsupported", "Cannot mix this kind of file yet: {path}.", path=path)
    folder = (request.to or (path.parent if is_manifest(path) else timeline.folder)).absolute()
    scene = set_kinds(read_media_scene(timeline, folder), request.kinds or {})
    if not scene.sources:
        raise InvalidInput(
            "mix.no_sound", "There is no sound to mix: {path} has none of its own, and no takes.", path=path
        )
    ensure_folder(folder)
    stem = timeline.output_stem(folder)
    curves, film = folder / f"{stem}.mix.json", timeline.laid_path(folder)
    earlier = _earlier_files(curves)
    with temp_dir(folder) as work:
        sound, stems = work / f"{stem}.mix.wav", _stem_paths(work, stem, request)
        for name in (sound.name, *(each.name for each in stems.values())):
            _check_free(folder / name, earlier)
        if film.name not in earlier:
            timeline.check_folder(folder)
        plan = mix_sources(
            scene.sources,
            scene.samples,
            request.preset,
            work,
            target_lufs=request.target_lufs,
            true_peak_db=request.true_peak_db,
            to=sound,
            stems=stems,
        )
        notes = (*plan.notes, *timeline.write_film([(sound, Fraction(0))], film))
        for written in (sound, *stems.values()):
            written.replace(folder / written.name)
    result = MixResult(
        film, folder / sound.name, {kind: folder / each.name for kind, each in stems.items()}, curves, plan, notes
    )
    _write_curves(curves, result, scene, earlier)
    _note_film(timeline, folder, film)
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


def _stem_paths(folder: Path, stem: str, request: MixRequest) -> dict[Kind, Path]:
    return {kind: folder / f"{stem}.mix.{kind}.wav" for kind in KINDS} if request.with_stems else {}


def _earlier_files(curves: Path) -> frozenset[str]:
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


def _check_free(path: Path, earlier: frozenset[str]) -> None:
    if path.exists() and path.name not in earlier:
        raise _not_ours(path)


def _not_ours(path: Path) -> InvalidInput:
    return InvalidInput(
        "timeline.output_exists", "File already exists and was not written by Tracklay: {path}.", path=path
    )


def _write_curves(path: Path, result: MixResult, scene: MixScene, earlier: frozenset[str]) -> None:
    """Write the plan as data: with it, the mix can be made again anywhere. Files of an earlier mix that still exist stay listed."""
    written = {result.mix.name, result.sound.name, *(stem.name for stem in result.stems.values())}
    content = {
        "tracklay": VERSION,
        "files": sorted(written | {name for name in earlier if (path.parent / name).is_file()}),
        **result.plan.to_dict(),
        "sources": [_describe_source(source, path.parent) for source in scene.sources],
    }
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _describe_source(source: MixSource, folder: Path) -> dict[str, Any]:
    return {**source.to_dict(), "file": relative_path(source.file, folder)}


def _note_film(timeline: MediaFile, folder: Path, film: Path) -> None:
    """Note the film in the manifest of the picture, so that the next run knows it as Tracklay's."""
    path = timeline.manifest_path(folder)
    if path.is_file():
        manifest = read_manifest(path)
    else:
        source = {"source": relative_path(timeline.path, folder)}
        manifest = source | build_manifest(timeline.path.name, timeline.rate, [], [], film)
    replace_manifest(path, {**manifest, "laid": film.name})
