"""Renders a planned mix block by block: stems of each kind, their sum, the gain to the target, and the limiter. Nothing is late."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from ..cue import SAMPLE_RATE
from ..listening.limiter import limit_peaks
from ..listening.loudness import SILENCE_LUFS, LoudnessMeter, true_peaks
from ..media.bwf import FULL_SCALE, plain_bwf_writer
from ..media.marks import mark_of_film
from .gain_curve import UNITY, GainCurve, db_of_gain, gain_of_db
from .kinds import KINDS
from .notes import MixNote
from .plan import MixMeasures

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from ..media.bwf import BwfWriter
    from .kinds import Kind
    from .plan import MixPlan, SoundPlan
    from .sources import SourceReader

    Samples = npt.NDArray[np.float64]
    Origin = tuple[str, str]

BLOCK_SAMPLES: Final = 1 << 16
"""Samples rendered at a time."""

STEM_STEP: Final = 1 / (1 << 23)
"""Step of the samples of a stem, that of 24 bits: sums of stems have no rounding."""

MAX_LIMITING_DB: Final = 12.0
"""Decibels that the limiter takes away at most. Where a target needs more, the mix stays below it."""

LOUDNESS_TOLERANCE_LU = 0.1
MAX_PASSES = 5
"""Renders until the loudness after the limiter is right. Each one reads all sounds again."""

_CEILING_MARGIN_DB = 0.1
"""Decibels below the ceiling that the limiter aims at: its gain moves while a peak between samples passes, and meters differ."""

_PEAK_STEP = 64
_AUDIBLE = 1e-4

LIMITER_STEP: Final = 512
"""Samples of a step of the limiter's curve: 10.7 ms, about as long as the limiter's gain takes to move."""

_LIMITED_BELOW = 1 - 1e-6


@dataclass(frozen=True, slots=True)
class MixedSound:
    """A sound of the plan with the reader of its samples."""

    plan: SoundPlan
    reader: SourceReader


def stem_blocks(
    sounds: Sequence[MixedSound], samples: int, channels: int, master_db: float
) -> Iterator[dict[Kind, Samples]]:
    """Yield the stems of each block, (samples, channels), rounded to `STEM_STEP`. A kind that is silent in a block is left out."""
    master = gain_of_db(master_db)
    waiting = deque(sorted(sounds, key=lambda sound: sound.plan.heard_span))
    playing: list[MixedSound] = []
    for start in range(0, samples, BLOCK_SAMPLES):
        stop = min(samples, start + BLOCK_SAMPLES)
        while waiting and waiting[0].plan.heard_span[0] < stop:
            playing.append(waiting.popleft())
        playing = [sound for sound in playing if sound.plan.heard_span[1] > start]
        stems: dict[Kind, Samples] = {}
        for sound in playing:
            begin, end = sound.plan.heard_span
            first, last = max(start, begin), min(stop, end)
            stem = stems.setdefault(sound.plan.kind, np.zeros((stop - start, channels)))
            gains = sound.plan.curve.gains(first, last)
            factor = gains * master if isinstance(gains, float) else (gains * master)[:, None]
            stem[first - start : last - start] += sound.reader.read(first, last) * factor
        yield {kind: np.rint(stem / STEM_STEP) * STEM_STEP for kind, stem in stems.items()}


def sum_stems(stems: Mapping[Kind, Samples], count: int, channels: int) -> Samples:
    """Return the mix of a block before the limiter."""
    mixed = np.zeros((count, channels))
    for stem in stems.values():
        mixed += stem
    return mixed


class _Meters:
    """Measures a mix while it is written."""

    def __init__(self, channels: int) -> None:
        self._loudness, self._before = LoudnessMeter(channels), np.zeros((2 * _PEAK_STEP, channels), np.float32)
        self._peak = 0.0
        self._step = 0
        self._limited_steps: dict[int, float] = {}

    def add(self, unlimited: Samples, limited: Samples) -> None:
        """Take the next block before and after the limiter."""
        block = limited.astype(np.float32)
        self._loudness.add(np.ascontiguousarray(block.T))
        if limited is not unlimited:
            self._measure_gain(unlimited, limited)
        self._step += BLOCK_SAMPLES // LIMITER_STEP
        self._measure_peak(block)

    def _measure_peak(self, block: npt.NDArray[np.float32]) -> None:
        """Measure the true peak of all but the last step of a block, and of the last one of the block before."""
        joined = np.concatenate([self._before, np.pad(block, ((0, -len(block) % _PEAK_STEP), (0, 0)))])
        # The steps at both ends see a cut that is not in the sound.
        peaks = true_peaks(joined.T, _PEAK_STEP, self._peak)[1:-1]
        self._peak = max(self._peak, float(peaks.max(initial=0)))
        self._before = joined[-2 * _PEAK_STEP :]

    def _measure_gain(self, unlimited: Samples, limited: Samples) -> None:
        """Note the lowest gain of the limiter in each step of a block."""
        is_audible = np.abs(unlimited) > _AUDIBLE
        gains = np.divide(limited, unlimited, out=np.ones_like(limited), where=is_audible).min(axis=1)
        gains = np.pad(gains, (0, -len(gains) % LIMITER_STEP), constant_values=1.0)
        for step, gain in enumerate(gains.reshape(-1, LIMITER_STEP).min(axis=1).tolist(), self._step):
            if gain < _LIMITED_BELOW:
                self._limited_steps[step] = gain

    def limiter(self) -> GainCurve:
        """Return the limiter's gain as a curve that is nowhere above it, with points in the middles of steps around peaks."""
        steps = self._limited_steps
        around = sorted({step + shift for step in steps for shift in (-2, -1, 0, 1, 2)})
        points = [
            ((step * LIMITER_STEP + LIMITER_STEP // 2), min(steps.get(step + shift, 1.0) for shift in (-1, 0, 1)))
            for step in around
        ]
        return GainCurve(tuple(points)).simplified() if points else UNITY

    def measures(self, over_music: float | None) -> MixMeasures:
        """Return what was measured, after the last block."""
        self._measure_peak(np.zeros((_PEAK_STEP, self._before.shape[1]), np.float32))
        lufs = self._loudness.integrated_lufs()
        peak = db_of_gain(self._peak)
        limiting_db = -db_of_gain(min(self._limited_steps.values(), default=1.0))
        return MixMeasures(None if lufs <= SILENCE_LUFS else lufs, peak, over_music, limiting_db + 0.0)


def render_mix(
    plan: MixPlan,
    sounds: Sequence[MixedSound],
    over_music: float | None,
    *,
    to: Path | None = None,
    stems: Mapping[Kind, Path] | None = None,
    headroom_db: float = 0.0,
    origins: Mapping[str, Origin] | None = None,
) -> MixPlan:
    """Render a mix until its loudness is that of the plan's target, and return the plan with the gain for that and what was measured.

    Args:
        plan: the plan.
        sounds: its sounds with their readers.
        over_music: LU between dialogue and music, for the measures.
        to: the mix, a 24-bit WAV; None: only measure.
        stems: the stem of each kind, 32-bit float WAVs that sum to the mix before the limiter.
        headroom_db: decibels that peaks stay below the ceiling, for a lossy codec that comes after.
        origins: digital source type and model of each generated sound, by its id: files with such sound are marked, others are not.

    Raises:
        MediaError: a sound cannot be read.
        OutputError: a file cannot be written, or would be too long.
    """
    notes = list(plan.notes)
    is_held_back = False
    for attempt in range(1, MAX_PASSES + 1):
        measures, limiter = render_once(plan, sounds, over_music, to, stems or {}, headroom_db, origins or {})
        if measures.lufs is None:
            break
        missing = plan.target_lufs - measures.lufs
        excess = measures.limiting_db - MAX_LIMITING_DB
        if attempt == MAX_PASSES:
            break
        if excess > 0.05:
            plan, is_held_back = replace(plan, master_db=plan.master_db - excess), True
        elif is_held_back or abs(missing) <= LOUDNESS_TOLERANCE_LU:
            break
        else:
            plan = replace(plan, master_db=plan.master_db + missing)
    if is_held_back and measures.lufs is not None:
        notes.append(missed_by_limiting_note(plan.target_lufs, measures.lufs))
    return replace(plan, measures=measures, limiter=limiter, notes=tuple(notes))


def missed_by_limiting_note(target_lufs: float, lufs: float) -> MixNote:
    """Return the sentence about a target that is missed because it would need too much limiting."""
    return MixNote(
        "mix.note_limiting",
        "{target:g} LUFS needs more than {limit:g} dB of limiting: the mix has {lufs:.1f} LUFS.",
        target=target_lufs,
        limit=MAX_LIMITING_DB,
        lufs=lufs,
    )


def render_once(
    plan: MixPlan,
    sounds: Sequence[MixedSound],
    over_music: float | None,
    to: Path | None,
    stems: Mapping[Kind, Path],
    headroom_db: float,
    origins: Mapping[str, Origin],
) -> tuple[MixMeasures, GainCurve]:
    """Render the whole mix once, as `render_mix` takes its arguments, and return what was measured and the limiter's gain."""
    channels = plan.channels
    unlimited: deque[Samples] = deque()
    meters = _Meters(channels)
    with ExitStack() as files:

        def open_writer(path: Path, kinds: Collection[Kind], *, is_float: bool) -> BwfWriter:
            generated = [
                origins[each.plan.id] for each in sounds if each.plan.kind in kinds and each.plan.id in origins
            ]
            xmp = mark_of_film(generated).packet if generated else b""
            file = files.enter_context(path.open("wb"))
            writer = plain_bwf_writer(file, channels, SAMPLE_RATE, "Tracklay mix", xmp=xmp, is_float=is_float)
            files.callback(writer.close)
            return writer

        stem_writers = {kind: open_writer(path, (kind,), is_float=True) for kind, path in stems.items()}
        mix_writer = open_writer(to, KINDS, is_float=False) if to else None

        def blocks() -> Iterator[Samples]:
            start = 0
            for block in stem_blocks(sounds, plan.samples, channels, plan.master_db):
                count = min(BLOCK_SAMPLES, plan.samples - start)
                for kind, writer in stem_writers.items():
                    writer.write(block.get(kind, np.zeros((count, channels))).astype(np.float32))
                mixed = sum_stems(block, count, channels)
                unlimited.append(mixed)
                start += count
                yield mixed

        ceiling = gain_of_db(plan.true_peak_db - _CEILING_MARGIN_DB - headroom_db)
        for limited in limit_peaks(blocks(), ceiling, between_samples=True):
            meters.add(unlimited.popleft(), limited)
            if mix_writer:
                mix_writer.write(limited / (FULL_SCALE * STEM_STEP))
    return meters.measures(over_music), meters.limiter()
