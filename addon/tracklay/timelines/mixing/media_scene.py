"""The sounds of a media file: its own, and the takes that its manifest lists."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from ...cue import SAMPLE_RATE
from ...manifest import read_manifest
from ...media.ffmpeg import output_url, run_ffmpeg
from ...media.film.mux import NO_DECODER, is_placed, place_own_sound
from ...mix.sources import MixSource
from ...models import load_catalogue
from .scene import MixScene, take_sources

if TYPE_CHECKING:
    from pathlib import Path

    from ..media_file import MediaFile


def read_media_scene(timeline: MediaFile, folder: Path, work: Path, *, drop_original: bool = False) -> MixScene:
    """Return the sounds of a media file.

    Args:
        timeline: the file.
        folder: the folder with its takes and their manifest, if there are any.
        work: folder for own sound that has to be decoded here; the caller deletes it after the mix.
        drop_original: leave its own sound out.

    Raises:
        MediaError: the own sound of joined recordings cannot be matched with their picture.
    """
    sources = read_own_sounds(timeline, work, drop_original=drop_original)
    manifest = timeline.manifest_path(folder)
    takes = []
    if manifest.is_file():
        takes = take_sources(read_manifest(manifest)["takes"], folder, load_catalogue(), len(sources) + 1)
    origins = {source.id: origin for source, origin in takes}
    video = timeline.video
    length = video.end if timeline.images else video.end - video.start
    return MixScene((*sources, *(source for source, _ in takes)), round(length * SAMPLE_RATE), origins)


def read_own_sounds(timeline: MediaFile, work: Path, *, drop_original: bool = False) -> list[MixSource]:
    """Return the own sounds of a media file. Arguments and errors as of `read_media_scene`."""
    media, video = timeline.media, timeline.video
    length = video.end if timeline.images else video.end - video.start
    samples = round(length * SAMPLE_RATE)
    own = [audio for audio in media.audio if audio.codec != NO_DECODER and not drop_original]
    sources = []
    for number, audio in enumerate(own, 1):
        name = "own sound" if number == 1 else f"own sound {number}"
        source = MixSource(f"A{number}", name, timeline.path, 0, samples, stream=audio.index, zero=video.start)
        if is_placed(media, video):
            placed = work / f"own{number}.wav"
            stream = place_own_sound(media, video, audio).output(output_url(placed), acodec="pcm_f32le", rf64="auto")
            run_ffmpeg(stream, f"Could not decode {timeline.path.name}")
            source = replace(source, file=placed, stream=None, zero=Fraction(0))
        sources.append(source)
    return sources
