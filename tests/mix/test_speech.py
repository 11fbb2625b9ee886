"""Speech is found by when it is heard, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from tracklay.mix.speech import SpeechDetector

from tests.mix.made_scenes import make_chords, make_dialogue, make_hits, make_noise
from tests.mix.spoken import RATE

SECONDS = 12.0


def find_speech(sound, block=50_001):
    """Return which 10 ms of a sound are speech."""
    detector = SpeechDetector()
    for start in range(0, len(sound), block):
        detector.add(sound[start : start + block])
    found = np.zeros(len(sound) // 480, bool)
    for first, last in detector.spans():
        found[round(first / 480) : round(last / 480)] = True
    return found


def f1(found, spans):
    """Return the F1 of found 10 ms against the true spans."""
    truth = np.zeros(len(found), bool)
    for first, last in spans:
        truth[round(first / 480) : round(last / 480)] = True
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())


@pytest.mark.parametrize("voice", ["en-us+f2", "de", "es+m3"])
@pytest.mark.parametrize(("over_db", "least"), [(20, 0.95), (6, 0.85)])
def test_speech_is_found_over_music_and_room_tone(voice, over_db, least):
    """At 20 and 6 dB over its bed, in several languages and voices."""
    dialogue, spans = make_dialogue(SECONDS, (0.8, 4.2, 8.3), voice)
    bed = make_chords(SECONDS, -26 - over_db) + make_noise(SECONDS, -26 - over_db)
    assert f1(find_speech(dialogue + bed), spans) >= least


@pytest.mark.parametrize("kind", ["music", "foley", "room tone", "silence"])
def test_there_is_no_speech_without_a_voice(kind):
    """Music, foley and room tone are none."""
    sounds = {
        "music": lambda: make_chords(SECONDS),
        "foley": lambda: make_hits(SECONDS),
        "room tone": lambda: make_noise(SECONDS, -40),
        "silence": lambda: np.zeros(round(SECONDS * RATE), np.float32),
    }
    assert not find_speech(sounds[kind]()).any()


def test_the_same_is_found_in_blocks_of_any_size():
    """Nor does it matter that the recurrent cell runs over stretches side by side: a long sound has the same speech again and again."""
    dialogue, _ = make_dialogue(4.0, (0.5,))
    once = find_speech(dialogue)
    assert (find_speech(dialogue, 1000) == once).all()
    long = find_speech(np.tile(dialogue, 10), 480_000)  # more than two stretches
    assert len(long) == 10 * len(once)
    assert (long.reshape(10, -1) ^ once).mean() < 0.02
