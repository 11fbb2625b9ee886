"""Each track as one Broadcast Wave from the session's start to its end, with gains and fades: any program can lay them side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...cue import SAMPLE_RATE
from ...media.bwf import plain_bwf_writer
from ...media.wav_reader import WavReader
from ...mix.layouts import to_layout

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from ..handover import Handover, HandoverClip, HandoverTrack

BLOCK_SAMPLES = 1 << 18
"""Samples that are rendered at a time."""

CLIPPED_NOTE = "{track} is louder than full scale with its gains: {file} is clipped there."


def write_file(handover: Handover, path: Path) -> None:
    """Write the folder of tracks."""
    path.mkdir()
    for track in handover.tracks:
        target = path / f"{track.name}.wav"
        with target.open("wb") as file:
            writer = plain_bwf_writer(
                file, track.channels, SAMPLE_RATE, track.name, time_reference=handover.session.start_sample
            )
            peak = 0.0
            for start in range(0, handover.samples, BLOCK_SAMPLES):
                block = _render_block(track, start, min(handover.samples, start + BLOCK_SAMPLES))
                peak = max(peak, float(abs(block).max()))
                writer.write(block)
            writer.close()
        if peak > 1:
            handover.notes.append(CLIPPED_NOTE.format(track=track.name, file=target.name))


def _render_block(track: HandoverTrack, start: int, stop: int) -> npt.NDArray[np.float64]:
    block = np.zeros((stop - start, track.channels))
    for clip in track.clips:
        first, last = max(start, clip.start), min(stop, clip.stop)
        if first < last:
            block[first - start : last - start] = _read_clip(
                clip, first - clip.start, last - clip.start, track.channels
            )
    return block


def _read_clip(clip: HandoverClip, first: int, last: int, channels: int) -> npt.NDArray[np.float64]:
    """Return samples of a clip, counted from its start, with its gain and fades."""
    with WavReader(clip.media.file) as wav:
        samples = to_layout(wav.read(clip.source_in + first, clip.source_in + last), channels)
    places = np.arange(first, last)
    gains = clip.gain.at_samples(places)
    if clip.fade_in:
        gains = gains * np.minimum(1, places / clip.fade_in)
    if clip.fade_out:
        gains = gains * np.minimum(1, (clip.samples - places) / clip.fade_out)
    return samples * gains[:, None]
