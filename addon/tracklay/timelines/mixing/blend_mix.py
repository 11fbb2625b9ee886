"""The mix of a Blender file: volume keyframes in a copy of it, and Blender's own mixdown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...atomic_io import atomic_write, temp_dir
from ...errors import InvalidInput
from ...paths import ensure_folder
from ...version import VERSION
from ..blend_file import BlendFile
from .delivery import check_free, earlier_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MEASURES = ("lufs", "true_peak", "dialogue_over_music", "limiting_db")


@dataclass(frozen=True, slots=True)
class BlendMix:
    """The files of a Blender file's mix.

    Attributes:
        mix: the copy with the keyframes.
        sound: Blender's mixdown of it.
        curves: the keyframes as data, JSON.
        reply: what Blender replied (`blender.headless.mix_film`).
    """

    mix: Path
    sound: Path
    curves: Path
    reply: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the result as `--json` prints it."""
        return {"mix": str(self.mix), "sound": str(self.sound), "stems": {}, "curves": str(self.curves), **self.reply}


def mix_blend(
    path: Path,
    preset: str,
    *,
    target_lufs: float | None = None,
    true_peak_db: float | None = None,
    kinds: Mapping[str, str] | None = None,
    with_stems: bool = False,
    to: Path | None = None,
) -> BlendMix:
    """Mix the sounds of a Blender file in a copy. The file itself is only read.

    Args:
        path: the .blend file.
        preset: name of a preset, or path of a TOML file.
        target_lufs: integrated loudness; None: the preset's.
        true_peak_db: highest true peak; None: the preset's.
        kinds: kind of strips by their names; `off` leaves one as it is.
        with_stems: refused: Blender has one mixdown.
        to: the output folder; None: that of the timeline.

    Raises:
        InvalidInput: it cannot be mixed, or a file that Tracklay did not write is in the way.
        MediaError: Blender ended without a result.
        OutputError: a file cannot be written.
    """
    if with_stems:
        raise InvalidInput(
            "mix.blend_stems", "A Blender file has no stems: {path}. Mix it without, or mix its .otio.", path=path
        )
    film = BlendFile.open(path)
    folder = (to or film.folder).absolute()
    ensure_folder(folder)
    stem = film.output_stem(folder)
    mix, sound, curves = (folder / f"{stem}.mix{suffix}" for suffix in (".blend", ".wav", ".json"))
    check_free([mix, sound], earlier_files(curves))
    with temp_dir(folder) as work:
        reply = film.mix(work / mix.name, work / sound.name, preset, target_lufs, true_peak_db, kinds or {})
        content = {"tracklay": VERSION, "files": [mix.name, sound.name], **reply}
        with atomic_write(curves) as temporary:
            temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
        for each in (sound, mix):
            (work / each.name).replace(each)
    return BlendMix(mix, sound, curves, reply)
