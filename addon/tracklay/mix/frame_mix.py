"""Mixes a scene for a host that holds one volume for each frame: volume keys, fitted to the target as the host plays them.

Plain data in and out, so that it can run in a process of its own (`tracklay.worker`).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..atomic_io import temp_dir
from ..cue import SAMPLE_RATE
from ..errors import InvalidInput, MediaError, TracklayError
from ..media.probe import probe_audio
from .analysis import analyse_sound
from .decoded_sound import DecodedSounds
from .frame_gains import FrameClock, frame_values, heard_curve, inner_values, keys_of, limiter_values, values_of
from .frame_source import KEYS_FILE, PROGRESS_FILE, SOURCES_FILE, FramedSource
from .gain_curve import UNITY, GainCurve, db_of_gain, gain_of_db
from .notes import MixNote
from .planner import HeardSound, dialogue_over_music, plan_mix
from .presets import load_preset
from .render import LOUDNESS_TOLERANCE_LU, MAX_LIMITING_DB, MixedSound, missed_by_limiting_note, render_once
from .sources import SourceReader

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from .decoded_sound import SoundReader
    from .frame_gains import Key, Values
    from .plan import MixMeasures, MixPlan, SoundPlan

CHANNELS: Final = 2

MONO_GAIN: Final = 0.5**0.5
"""Gain of mono sound in Blender's stereo mixdown: it is panned to the middle with equal power (4.5 to 5.2)."""

MAX_PASSES: Final = 10
"""Renders until loudness and peaks are right."""

MAX_VOLUME: Final = 100.0
"""Highest volume of a strip in Blender."""

LEAST_DELAY: Final = Fraction(3, 100)
"""Seconds from which the first sound of a file is late; less is what its encoder put in front."""

EDGE_SECONDS: Final = Fraction(1, 2)
"""Seconds next to keys of the user's in which a duck under speech there begins or ends."""

_SAME: Final = 1e-6
_OVER_DB: Final = 0.05
_HIT: Final = slice(0, SAMPLE_RATE // 100)
_AFTER_HIT: Final = slice(SAMPLE_RATE // 50, SAMPLE_RATE // 12)
_HIT_POWER: Final = 2.0
_MISSED_LU: Final = 0.3


@dataclass(frozen=True, slots=True)
class _FrameSound:
    """A sound that was heard: its base volumes of each frame and its gain, and the reader of its samples without any volume."""

    source: FramedSource
    base: Values
    gain: float
    reader: SourceReader
    heard: HeardSound


def plan_frame_mix(
    *,
    folder: str,
    frames: int,
    rate: str,
    is_late: bool,
    origin: int,
    preset: str,
    target_lufs: float | None = None,
    true_peak_db: float | None = None,
) -> dict[str, Any]:
    """Plan a mix as volume keys.

    Args:
        folder: a folder of the caller's with `SOURCES_FILE`. `KEYS_FILE` and, while this runs, `PROGRESS_FILE` are written there. They
            have a line for each sound, so that an editor can write and read them a few at a time.
        frames: length of the mix.
        rate: frames per second, a fraction in text.
        is_late: see `FrameClock`.
        origin: the host's number of the first frame.
        preset: name of a preset, or path of a TOML file.
        target_lufs: integrated loudness; None: the preset's.
        true_peak_db: highest true peak; None: the preset's.

    Returns:
        `measures`: those of the mix as the host plays it; `preset`, `target_lufs`, `true_peak_db` and `master_db` as `MixPlan` has
        them; `notes` (`TracklayError.to_dict`), and `left_out`: such a note on each sound that cannot be read, by its id.

    Raises:
        InvalidInput: the preset is none, no sound can be read, or all are silent.
    """
    chosen, clock = load_preset(preset), FrameClock(Fraction(rate), is_late=is_late, origin=origin)
    shared, length = Path(folder), clock.first_sample(frames)
    lines = (shared / SOURCES_FILE).read_text("utf-8").splitlines()
    report = _Progress(shared / PROGRESS_FILE)
    with temp_dir(shared) as work, DecodedSounds(work) as decoded:
        sounds, left_out = _hear([FramedSource.from_dict(json.loads(line)) for line in lines], decoded, clock, report)
        if not sounds:
            raise InvalidInput(
                "mix.nothing_readable",
                "None of the sounds can be read. {reason}",
                reason=next(iter(left_out.values()), ""),
            )
        if not any(sound.heard.analysis.peak for sound in sounds):
            raise InvalidInput("mix.silent", "All sounds are silent: there is nothing to mix.")
        heard = [sound.heard for sound in sounds]
        plan = plan_mix(heard, length, chosen, target_lufs=target_lufs, true_peak_db=true_peak_db)
        plan, keys = _Fit(plan, sounds, clock, frames, report).run()
    kept = (
        {
            "id": planned.id,
            "kind": planned.kind,
            "kind_from": planned.kind_from,
            "keeps_level": bool(sound.source.ducked),
            "keys": keys.get(planned.id),
        }
        for planned, sound in zip(plan.sounds, sounds, strict=True)
    )
    (shared / KEYS_FILE).write_text("".join(json.dumps(line) + "\n" for line in kept), "utf-8")
    planned = plan.to_dict()
    names = ("preset", "target_lufs", "true_peak_db", "master_db", "measures")
    return {
        **{name: planned[name] for name in names},
        "notes": [note.to_dict() for note in plan.notes],
        "left_out": {name: error.to_dict() for name, error in left_out.items()},
    }


class _Progress:
    """Writes the part that is done to a file. Listening is the first half."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, part: float) -> None:
        with contextlib.suppress(OSError):  # the reader has it open
            self._path.write_text(f"{part:.3f}", "utf-8")


def _hear(
    sources: Sequence[FramedSource], decoded: DecodedSounds, clock: FrameClock, report: Callable[[float], None]
) -> tuple[list[_FrameSound], dict[str, TracklayError]]:
    """Listen to all sounds. Return those that can be read, and the error of each of the others."""
    sounds, left_out = [], {}
    total, done = sum(source.source.samples for source in sources), 0
    for each in sources:
        try:
            sounds.append(_hear_one(each, decoded, clock))
        except TracklayError as error:
            left_out[each.source.id] = error
        done += each.source.samples
        report(0.5 * done / max(1, total))
    return sounds, left_out


def _hear_one(each: FramedSource, decoded: DecodedSounds, clock: FrameClock) -> _FrameSound:
    path = each.source.file
    if not path.is_file():
        raise MediaError("mix.sound_missing", "File not found: {path}.", path=path)
    delay = _delay_of(path)
    opened = decoded.open(path, each.source.stream, delay)
    gain = each.gain
    if each.is_mono or opened.channels == 1:
        opened, gain = _MonoSound(opened), gain * MONO_GAIN
    base = values_of(each.volumes, each.first, each.stop)
    reader = SourceReader(replace(each.source, volume=UNITY), opened, CHANNELS)
    heard = replace(each.source, volume=heard_curve(base, each.first, clock).scaled(gain))
    return _FrameSound(
        each, base, gain, reader, HeardSound(heard, analyse_sound(SourceReader(heard, opened, CHANNELS), CHANNELS))
    )


def _delay_of(path: Path) -> Fraction:
    """Return the time of the first sound of a file: the host plays it at once."""
    if path.suffix.lower() == ".wav":
        return Fraction(0)
    _, packet = probe_audio(path)
    return packet.time if packet is not None and packet.time >= LEAST_DELAY else Fraction(0)


class _MonoSound:
    """A sound whose channels are mixed to one."""

    channels = 1

    def __init__(self, sound: SoundReader) -> None:
        self._sound, self.samples = sound, sound.samples

    def read(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        mixed: npt.NDArray[np.float32] = self._sound.read(start, stop).mean(axis=1, keepdims=True)
        return mixed


class _Fit:
    """Finds the gain of the whole and the limiting with which the keys meet loudness and ceiling, as the host plays them."""

    def __init__(
        self,
        plan: MixPlan,
        sounds: Sequence[_FrameSound],
        clock: FrameClock,
        frames: int,
        report: Callable[[float], None],
    ) -> None:
        self._plan, self._sounds, self._clock, self._frames, self._report = plan, sounds, clock, frames, report
        self._gains = [
            (_duck_gains if sound.source.ducked else _planned_gains)(sound, planned, clock)
            for sound, planned in zip(sounds, plan.sounds, strict=True)
        ]
        self._over_music = dialogue_over_music([sound.heard for sound in sounds], plan)
        self._master_db = plan.master_db
        self._limiter = np.ones(frames + 1)

    def run(self) -> tuple[MixPlan, dict[str, list[Key]]]:
        """Return the plan as the host plays it, and the keys of each sound by its id."""
        is_held_back = False
        for attempt in range(1, MAX_PASSES + 1):
            keys, trial = self._trial()
            measures, limiter = self._measure(trial)
            self._report(0.5 + 0.5 * attempt / MAX_PASSES)
            if measures.lufs is None or attempt == MAX_PASSES:
                break
            missing = 0.0 if is_held_back else self._plan.target_lufs - measures.lufs
            if abs(missing) <= LOUDNESS_TOLERANCE_LU and measures.limiting_db <= _OVER_DB:
                break
            if measures.limiting_db > _OVER_DB:
                added = limiter_values(limiter, self._clock, self._frames + 1)
                self._limiter *= np.minimum(added, 1.0)
            excess = -db_of_gain(float(self._limiter.min())) - MAX_LIMITING_DB
            if excess > _OVER_DB:
                is_held_back = True
                self._master_db -= excess
                self._limiter = np.minimum(1.0, self._limiter * gain_of_db(excess))
            else:
                self._master_db += missing
        over = measures.true_peak - self._plan.true_peak_db
        over = max(over, measures.limiting_db if measures.limiting_db > _OVER_DB else over)
        if over > 0:
            # What is still over the ceiling takes the whole down.
            self._master_db -= over
            keys, trial = self._trial()
            measures, _ = self._measure(trial)
        limiting_db = -db_of_gain(float(self._limiter.min())) + 0.0
        notes = [*self._plan.notes, *self._shortfall(measures, is_held_back=is_held_back)]
        measures = replace(measures, limiting_db=limiting_db)
        return replace(trial, measures=measures, master_db=self._master_db, notes=tuple(notes)), keys

    def _trial(self) -> tuple[dict[str, list[Key]], MixPlan]:
        """Return the keys with the present gain and limiting, and the plan whose curves are what the host makes of them."""
        master = gain_of_db(self._master_db)
        keys: dict[str, list[Key]] = {}
        curves = []
        for sound, gains in zip(self._sounds, self._gains, strict=True):
            each = sound.source
            volumes = sound.base
            if each.is_fixed:
                pass
            elif each.ducked:
                volumes = sound.base * gains
                keys[each.source.id] = _duck_keys(volumes, each)
            else:
                whole = sound.base * gains * master * self._limiter[each.first : each.stop + 1]
                own = without_pinned(keys_of(np.minimum(whole, MAX_VOLUME), each.first), whole, each)
                keys[each.source.id] = own
                played = sorted([*own, *(key for _, _, theirs in each.pinned for key in theirs)])
                volumes = values_of(played, each.first, each.stop)
            curves.append(heard_curve(volumes, each.first, self._clock).scaled(sound.gain))
        planned = tuple(replace(plan, curve=curve) for plan, curve in zip(self._plan.sounds, curves, strict=True))
        return keys, replace(self._plan, sounds=planned, master_db=0.0)

    def _measure(self, trial: MixPlan) -> tuple[MixMeasures, GainCurve]:
        mixed = [MixedSound(plan, sound.reader) for plan, sound in zip(trial.sounds, self._sounds, strict=True)]
        return render_once(trial, mixed, self._over_music, None, {}, 0.0, {})

    def _shortfall(self, measures: MixMeasures, *, is_held_back: bool) -> list[MixNote]:
        """Return the sentence about a target that is missed."""
        target = self._plan.target_lufs
        if measures.lufs is None or abs(measures.lufs - target) <= _MISSED_LU:
            return []
        if measures.lufs > target:
            note = MixNote(
                "mix.note_too_loud",
                "The sounds that stay as they are take the mix to {lufs:.1f} LUFS.",
                lufs=measures.lufs,
            )
        elif is_held_back:
            note = missed_by_limiting_note(target, measures.lufs)
        else:
            note = MixNote(
                "mix.note_target_missed",
                "{target:g} LUFS is not reached by volume keyframes with peaks below {ceiling:g} dBTP: the mix has {lufs:.1f} LUFS.",
                target=target,
                ceiling=self._plan.true_peak_db,
                lufs=measures.lufs,
            )
        return [note]


def without_pinned(keys: Sequence[Key], values: Values, each: FramedSource) -> list[Key]:
    """Return keys without those strictly inside pinned stretches, and with one at each end of them that lies in the sound."""
    for first, last, _ in each.pinned:
        kept = {frame: value for frame, value in keys if not first < frame < last}
        for frame in (first, last):
            if each.first <= frame <= each.stop:
                kept[int(frame)] = float(values[int(frame) - each.first])
        keys = sorted(kept.items())
    return list(keys)


def _planned_gains(sound: _FrameSound, planned: SoundPlan, clock: FrameClock) -> Values:
    """Return the gain of each frame of a sound: level, duck, and fades where it begins and ends itself."""
    begins, ends = sound.heard.analysis.fades
    begins = begins and not _begins_with_hit(sound.reader)
    each = sound.source
    values = frame_values(planned.curve, clock, each.first, each.stop, (begins, ends))
    if begins and not each.edges[0]:
        values[0] = planned.curve.at(clock.first_sample(each.first) + clock.first_sample(1))
    if ends and not each.edges[1]:
        inside = planned.curve.at(clock.first_sample(each.stop) - clock.first_sample(1))
        values[-3:] = inside
    return values


def _duck_gains(sound: _FrameSound, planned: SoundPlan, clock: FrameClock) -> Values:
    """Return the gain of each frame of a sound that keeps its level: ducks in its stretches, which begin and end there."""
    each = sound.source
    frames = np.arange(each.first, each.stop + 1)
    ducks = inner_values(planned.curve.scaled(gain_of_db(-planned.level_db)), clock, each.first, each.stop)
    edge = float(EDGE_SECONDS * clock.rate)
    gains = np.ones(len(frames))
    for first, last, _ in each.ducked:
        # Neither the stretch's own ends nor the frames next to them move.
        inside = np.clip(np.minimum(frames - first - 1, last - 1 - frames) / edge, 0.0, 1.0)
        gains *= 1 + (np.minimum(ducks, 1.0) - 1) * inside
    return gains


def _duck_keys(volumes: Values, each: FramedSource) -> list[Key]:
    """Return keys strictly inside the stretches of a sound that keeps its level: none where it is not ducked."""
    found: list[Key] = []
    for first, last, _ in each.ducked:
        inner = volumes[first + 1 - each.first : last - each.first]
        if len(inner) and np.ptp(inner) > _SAME:
            found += keys_of(inner, first + 1)
    return found


def _begins_with_hit(reader: SourceReader) -> bool:
    """Return whether a sound begins loud and dies away: a fade of a frame would swallow the hit."""
    start = reader.source.start
    samples = reader.read(start, start + min(reader.source.samples, _AFTER_HIT.stop))
    head, after = (float(np.mean(samples[part] ** 2)) if len(samples[part]) else 0.0 for part in (_HIT, _AFTER_HIT))
    return head > _HIT_POWER * after
