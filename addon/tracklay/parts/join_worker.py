"""Joins the conformed files of parts. Runs in a process of its own (`tracklay.worker`): it is heavy arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..joining.join_files import PartFile, join_files
from ..joining.music_join import MusicPart, join_music

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def join_part_files(
    *, parts: Sequence[Mapping[str, Any]], to: str, sample_rate: int, length: int, channels: int
) -> dict[str, Any]:
    """Join parts to one file and return the seams and levels, as the manifest has them.

    Args:
        parts: in order: `file`, `start` in samples, and `cut`, the sample of the cut that the part begins with, or None.
        to: path of the WAV to write.
        sample_rate: Hz, of all files.
        length: samples of the joined sound. What no part covers is silent.
        channels: 1 or 2.

    Raises:
        MediaError, InvalidInput, OutputError: as `join_files`.
    """
    files = [PartFile(Path(part["file"]), part["start"], part["cut"] is not None, part["cut"]) for part in parts]
    return join_files(files, Path(to), sample_rate, length, channels).to_dict()


def join_music_files(
    *, parts: Sequence[Mapping[str, Any]], to: str, sample_rate: int, least: int, channels: int
) -> dict[str, Any]:
    """Join parts of music to one file and return the parts' places, the seams and notes.

    Args:
        parts: in order: `file`, `number`, `overlap` in samples, and `continues`, as in `MusicPart`.
        to: path of the WAV to write.
        sample_rate: Hz, of all files.
        least: samples that the music should have.
        channels: 1 or 2.

    Raises:
        MediaError, InvalidInput, OutputError: as `join_music`.
    """
    files = [MusicPart(Path(part["file"]), part["number"], part["overlap"], part["continues"]) for part in parts]
    joined = join_music(files, Path(to), sample_rate, least, channels)
    return {"parts": [list(part) for part in joined.parts], "seams": joined.seams, "notes": joined.notes}
