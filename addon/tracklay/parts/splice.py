"""Puts the sound of a stretch into a copy of a take. Runs in a process of its own (`tracklay.worker`): it is heavy arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..atomic_io import atomic_write
from ..errors import MediaError
from ..joining.join import PartSound, plan_join
from ..media.bwf import plain_bwf_writer
from ..media.wav_reader import WavReader

if TYPE_CHECKING:
    from ..joining.join import Join

OVERLAP_SECONDS = 0.5
"""Longest overlap at each end of a stretch: the crossfade is put where it is least heard in it."""

OVERLAP_SHARE = 0.25
"""An overlap is no longer than this share of the stretch."""


def splice_stretch(*, take: str, stretch: str, start: int, samples: int, to: str) -> dict[str, Any]:
    """Write a copy of a take with a stretch replaced; outside of the stretch it is the take to the bit.

    Args:
        take: path of the take's WAV.
        stretch: path of the WAV with the other sound.
        start: the stretch's first sample in the take.
        samples: length that the take must have.
        to: path of the WAV to write.

    Returns:
        `samples`: the first sample that is not the take's alone and the one after the last; `channels`; and the join's seams.

    Raises:
        MediaError: a file cannot be read, or the take has another length.
    """
    with WavReader(Path(take)) as old, WavReader(Path(stretch)) as new:
        if old.format.samples != samples or start + new.format.samples > samples:
            raise MediaError(
                "splice.other_take",
                "{take} has {found} samples instead of {wanted}.",
                take=take,
                found=old.format.samples,
                wanted=samples,
            )
        # A mono take with a stereo stretch becomes stereo: both keep their sound.
        channels = max(old.format.channels, new.format.channels)
        join = _plan_splice(old, new, start, channels)
        with atomic_write(Path(to)) as temporary, temporary.open("wb") as file:
            writer = plain_bwf_writer(file, channels, old.format.sample_rate)
            for block in join.blocks():
                writer.write(block)
            writer.close()
        end = start + new.format.samples
    seams = join.seams
    first = seams[0].position if start > 0 else 0
    last = seams[-1].position + seams[-1].length if end < samples else samples
    return {"samples": [first, last], "channels": channels, "seams": [seam.to_dict() for seam in seams]}


def _plan_splice(old: WavReader, new: WavReader, start: int, channels: int) -> Join:
    rate, samples, length = old.format.sample_rate, old.format.samples, new.format.samples
    end, overlap = start + length, max(1, min(round(OVERLAP_SECONDS * rate), round(OVERLAP_SHARE * length)))
    rest = end - overlap
    parts = [PartSound(new.read, start, length)]
    if start > 0:
        parts.insert(0, PartSound(old.read, 0, start + overlap, is_fixed=True))
    if end < samples:
        parts.append(
            PartSound(lambda first, stop: old.read(rest + first, rest + stop), rest, samples - rest, is_fixed=True)
        )
    return plan_join(parts, rate, samples, channels)
