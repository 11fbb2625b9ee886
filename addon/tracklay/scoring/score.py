"""The score of a take, 0 to 100, and its reasons as data: a code, the points it costs, its figures, and where it is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..listening.onsets import detect_onsets
from .bleed import find_bleed
from .contacts import fit_contacts
from .faults import find_signal_faults, join_spans
from .spectra import analyse_spectra

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from ..landing.matching import Contact
    from .bleed import BleedSpan
    from .contacts import ContactFit
    from .faults import SampleSpan, SignalFaults

    Samples = npt.NDArray[np.float32]

MISSED_POINTS = 50.0
"""Points that a take loses if it meets none of the contacts."""

SURE_CONTACTS = 2.0
"""Sum of the contacts' confidences from which they count fully: the eye may be wrong about a single one."""

SILENT_CONTACT_POINTS = 20.0
"""Further points for silence at the contacts, by their share."""

EXTRA_POINTS = 20.0
"""Points for sounds where nothing strikes, by their share of the take's events. Fewer than for a miss, as the eye misses contacts too."""

SPEECH_POINTS, MUSIC_POINTS = (18.0, 30.0), (15.0, 27.0)
"""Points for a voice or music in the sound of things: at once, and further by its length up to `BLEED_SECONDS`."""

BLEED_SECONDS = 3.0
CLIPPED_POINTS = (8.0, 25.0)
CLIPPED_SECONDS = 0.02
"""Clipped samples, in seconds, at which clipping costs all its points: a thousand at 48 kHz, which is plainly audible."""

OVER_POINTS = 2.0
SILENT_POINTS = 100.0
SILENCE_POINTS = 30.0
DROPOUT_POINTS = (10.0, 25.0)

# fmt: off
VOICE_WORDS = frozenset({
    "voice", "voices", "vocal", "vocals", "speech", "speaking", "speaks", "talk", "talks", "talking", "dialogue",
    "dialog", "conversation", "chatter", "walla", "crowd", "crowds", "people", "announcer", "narrator", "narration",
    "singing", "sing", "sings", "singer", "choir", "chant", "chanting", "shout", "shouts", "shouting", "scream",
    "screams", "screaming", "whisper", "whispers", "whispering", "laugh", "laughs", "laughing", "laughter", "cry",
    "cries", "crying", "cheer", "cheers", "cheering", "radio", "tv", "television", "commentary", "murmur", "child",
    "children", "baby", "man", "woman",
})
# fmt: on
"""Words of a prompt that ask for voices: a voice is then no fault."""

# fmt: off
MUSIC_WORDS = frozenset({
    "music", "musical", "song", "melody", "tune", "guitar", "piano", "violin", "cello", "flute", "trumpet",
    "saxophone", "organ", "orchestra", "band", "jazz", "beat", "drum", "drums", "drumming", "singing", "sing",
    "choir", "chime", "chimes", "bell", "bells", "jingle", "ringtone", "radio", "tv", "television", "carousel",
    "disco", "concert", "score", "harp", "xylophone", "synth",
})
# fmt: on
"""Words of a prompt that ask for music."""


@dataclass(frozen=True, slots=True)
class ScoreReason:
    """One reason of a score.

    Attributes:
        code: `contacts`, `silent_contacts`, `extra_events`, `speech`, `music`, `clipping`, `over`, `silent`, `digital_silence`,
            `dropouts`. Front ends word it.
        points: what it costs; 0 for a reason that only informs.
        figures: its numbers by name.
        spans: where it is, as (first, end) in samples.
    """

    code: str
    points: float
    figures: Mapping[str, float] = field(default_factory=dict)
    spans: tuple[SampleSpan, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the reason as the manifest holds it."""
        return {
            "code": self.code,
            "points": round(self.points, 1),
            **{name: round(value, 3) for name, value in self.figures.items()},
            **({"spans": [list(span) for span in self.spans]} if self.spans else {}),
        }


@dataclass(frozen=True, slots=True)
class TakeScore:
    """The score of a take: 100 less the points of its reasons, the most expensive first; never below 0."""

    value: float
    reasons: tuple[ScoreReason, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the score as the manifest holds it."""
        return {"value": round(self.value, 1), "reasons": [reason.to_dict() for reason in self.reasons]}


def score_take(
    samples: Samples, sample_rate: int, contacts: Sequence[Contact] = (), *, prompt: str = "", is_music: bool = False
) -> TakeScore:
    """Return the score of a take.

    Args:
        samples: [n, channels], full scale 1.
        sample_rate: in Hz.
        contacts: the picture's contacts, in order; empty if there are none or they are not known.
        prompt: what was asked for: voices and music that were asked for are no faults.
        is_music: the take is music: only the faults of its signal count.
    """
    faults = find_signal_faults(samples, sample_rate)
    reasons = _signal_reasons(faults, len(samples), sample_rate)
    if not is_music and not faults.is_silent:
        onsets = detect_onsets(samples, sample_rate)
        if contacts:
            fit = fit_contacts(samples, sample_rate, onsets, contacts)
            reasons += _contact_reasons(fit, len(contacts), len(samples), sample_rate)
        words = set(re.findall(r"[a-z]+", prompt.lower()))
        bleed = find_bleed(analyse_spectra(samples, sample_rate))
        if not words & VOICE_WORDS:
            reasons += _bleed_reason("speech", bleed.speech, SPEECH_POINTS, len(samples), sample_rate)
        if not words & MUSIC_WORDS:
            reasons += _bleed_reason("music", bleed.music, MUSIC_POINTS, len(samples), sample_rate)
    reasons.sort(key=lambda reason: -reason.points)
    return TakeScore(max(0.0, 100 - sum(reason.points for reason in reasons)), tuple(reasons))


def _contact_reasons(fit: ContactFit, count: int, length: int, sample_rate: int) -> list[ScoreReason]:
    reliability = min(1.0, fit.weight / SURE_CONTACTS)
    reasons = [
        ScoreReason(
            "contacts",
            MISSED_POINTS * reliability * (1 - fit.met),
            {"met": fit.met_count, "of": count, "milliseconds": fit.error * 1000},
            _around(fit.missed, length, sample_rate),
        )
    ]
    if fit.silent:
        points = SILENT_CONTACT_POINTS * reliability * len(fit.silent) / count
        reasons.append(
            ScoreReason("silent_contacts", points, {"count": len(fit.silent)}, _around(fit.silent, length, sample_rate))
        )
    if fit.extra and fit.events:
        points = EXTRA_POINTS * reliability * min(1.0, len(fit.extra) / max(2, count))
        reasons.append(
            ScoreReason("extra_events", points, {"count": len(fit.extra)}, _around(fit.extra, length, sample_rate))
        )
    return reasons


def _around(times: Sequence[float], length: int, sample_rate: int) -> tuple[SampleSpan, ...]:
    """Return the quarter seconds around times, joined where they touch."""
    reach = sample_rate // 8
    middles = [round(time * sample_rate) for time in times]
    return join_spans([(max(0, at - reach), min(length, at + reach)) for at in middles], 0)


def _bleed_reason(
    code: str, found: Sequence[BleedSpan], points: tuple[float, float], length: int, sample_rate: int
) -> list[ScoreReason]:
    if not found:
        return []
    spans = tuple(
        (min(length, round(each.start * sample_rate)), min(length, round(each.end * sample_rate))) for each in found
    )
    seconds = sum(end - start for start, end in spans) / sample_rate
    confidence = max(each.confidence for each in found)
    lost = confidence * (points[0] + points[1] * min(1.0, seconds / BLEED_SECONDS))
    return [ScoreReason(code, lost, {"seconds": seconds, "confidence": confidence}, spans)]


def _signal_reasons(faults: SignalFaults, length: int, sample_rate: int) -> list[ScoreReason]:
    if faults.is_silent:
        return [ScoreReason("silent", SILENT_POINTS, {}, faults.silences)]
    reasons = []
    if faults.clipped:
        share = min(1.0, faults.clipped_samples / (CLIPPED_SECONDS * sample_rate))
        points = CLIPPED_POINTS[0] + CLIPPED_POINTS[1] * share
        reasons.append(ScoreReason("clipping", points, {"samples": faults.clipped_samples}, faults.clipped))
    elif faults.true_peak > 1:
        reasons.append(ScoreReason("over", OVER_POINTS, {"decibels": float(20 * np.log10(faults.true_peak))}))
    if faults.silences:
        seconds = sum(end - start for start, end in faults.silences) / sample_rate
        points = SILENCE_POINTS * min(1.0, 2 * seconds * sample_rate / length)
        reasons.append(ScoreReason("digital_silence", points, {"seconds": seconds}, faults.silences))
    if faults.dropouts:
        points = DROPOUT_POINTS[0] + DROPOUT_POINTS[1] * min(1.0, len(faults.dropouts) / 5)
        reasons.append(ScoreReason("dropouts", points, {"count": len(faults.dropouts)}, faults.dropouts))
    return reasons
