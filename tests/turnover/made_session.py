"""A session with everything that a turnover can hold: roles, overlaps, other takes, gains, fades, handles, marks. Its sounds click."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
from tracklay.media.bwf import BwfWriter
from tracklay.mix.gain_curve import GainCurve
from tracklay.timing import Rate
from tracklay.turnover.session import OtherTake, SessionClip, SessionMark, TurnoverSession, with_gain

SAMPLE_RATE = 48_000
RATE = Rate(Fraction(24000, 1001))
HOUR = 24 * 3600
"""Frames of an hour of timecode."""


@dataclass(frozen=True)
class Event:
    """A clip as a reader finds it: samples from the session's first, the file and its first sample; the level at some of its samples.

    `gain` is the linear gain at the clip's start, middle and end without its fades; None where the format has none.
    """

    track: str
    name: str
    start: int
    samples: int
    file: Path
    source_in: int
    gain: tuple[float, float, float] | None = None
    fade_in: int | None = None
    fade_out: int | None = None


def click_wav(path: Path, samples: int, clicks: tuple[int, ...], channels: int = 2, reference: int = 0) -> Path:
    """Write a 24-bit BWF with a sample of 0.5 at each click, on the second channel of 0.25."""
    sound = np.zeros((samples, channels), np.float32)
    for click in clicks:
        sound[click] = [0.5, 0.25][:channels]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        writer = BwfWriter(
            file,
            channels,
            SAMPLE_RATE,
            description=path.stem,
            originator_reference="",
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            time_reference=reference,
            coding_history="",
        )
        writer.write(sound)
        writer.close()
    return path


def frames(count: int, rate: Rate = RATE) -> int:
    """Return the samples of frames."""
    return rate.samples(count, SAMPLE_RATE)


def make_session(folder: Path, *, rate: Rate = RATE) -> TurnoverSession:
    """Return the session: footsteps that overlap a door, music that ducks, a room tone, and a stretch of a long dialogue."""
    start_frame = 3600 * rate.nominal_fps

    def frames(count: int) -> int:
        return rate.samples(count, SAMPLE_RATE)

    zero = frames(start_frame)
    step, other = (
        click_wav(folder / f"step.take{n}.wav", frames(24), (n * 100,), reference=zero + frames(10)) for n in (1, 2)
    )
    door = click_wav(folder / "Tür & Schloß.wav", frames(12), (5000,), 1, zero + frames(20))
    # Half a second more than the span on both sides: what the model made beyond it.
    handle = frames(12)
    music = click_wav(folder / "music.wav", frames(48) + 2 * handle, (handle + 7,), reference=zero - handle)
    speech = click_wav(folder / "speech.wav", 20 * SAMPLE_RATE, (10 * SAMPLE_RATE + 11,), 1)
    duck = GainCurve(((0, 0.0), (480, 0.5), (40_000, 0.5), (50_000, 0.25), (frames(48) - 960, 0.25), (frames(48), 0.0)))
    return TurnoverSession(
        "The Film",
        rate,
        start_frame,
        (
            SessionClip(
                "step.take1",
                "Foley",
                step,
                frames(10),
                frames(24),
                takes=(OtherTake("step.take2", other),),
                comment='fal/mmaudio-v2, "boots" on gravel',
                is_whole=True,
            ),
            with_gain(
                SessionClip("door", "Foley", door, frames(20), frames(12), is_whole=True), GainCurve(((0, 0.5),))
            ),
            with_gain(SessionClip("music", "Music", music, 0, frames(48), source_in=handle, is_whole=True), duck),
            SessionClip("speech", "Dialogue", speech, frames(12), frames(20), source_in=10 * SAMPLE_RATE - frames(1)),
        ),
        marks=(SessionMark("hit: slam", frames(22)), SessionMark("scene 1", frames(4), frames(40), "gravel")),
    )


def places(rate: Rate = RATE) -> dict[str, tuple[int, int]]:
    """Return first sample and length of each clip."""
    spans = {"step.take1": (10, 24), "door": (20, 12), "music": (0, 48), "speech": (12, 20)}
    return {name: (frames(start, rate), frames(length, rate)) for name, (start, length) in spans.items()}


def clicks(rate: Rate = RATE) -> dict[str, int]:
    """Return the sample of the timeline on which each clip clicks."""
    return {
        "step.take1": frames(10, rate) + 100,
        "door": frames(20, rate) + 5000,
        "music": 7,
        "speech": frames(12, rate) + frames(1, rate) + 11,
    }
