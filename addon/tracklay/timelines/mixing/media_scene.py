"""The sounds of a media file: its own, and the takes that its manifest lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...cue import SAMPLE_RATE
from ...manifest import read_manifest
from ...media.film.mux import NO_DECODER
from ...mix.sources import MixSource
from ...models import load_catalogue
from .scene import MixScene, take_sources

if TYPE_CHECKING:
    from pathlib import Path

    from ..media_file import MediaFile


def read_media_scene(timeline: MediaFile, folder: Path, *, drop_original: bool = False) -> MixScene:
    """Return the sounds of a media file.

    Args:
        timeline: the file.
        folder: the folder with its takes and their manifest, if there are any.
        drop_original: leave its own sound out.
    """
    length = timeline.video.end if timeline.images else timeline.video.end - timeline.video.start
    samples = round(length * SAMPLE_RATE)
    own = [audio for audio in timeline.media.audio if audio.codec != NO_DECODER and not drop_original]
    sources = [
        MixSource(
            f"A{number}",
            "own sound" if number == 1 else f"own sound {number}",
            timeline.path,
            0,
            samples,
            stream=audio.index,
            zero=timeline.video.start,
        )
        for number, audio in enumerate(own, 1)
    ]
    manifest = timeline.manifest_path(folder)
    if manifest.is_file():
        sources += take_sources(read_manifest(manifest)["takes"], folder, load_catalogue(), len(sources) + 1)
    return MixScene(tuple(sources), samples)
