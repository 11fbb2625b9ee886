"""Scores of made takes: better takes score higher, voices and music are found, and things are not, faults of the signal are named."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from tracklay.landing.matching import Contact
from tracklay.scoring.bleed import find_bleed
from tracklay.scoring.faults import find_signal_faults
from tracklay.scoring.score import score_take
from tracklay.scoring.spectra import analyse_spectra

from tests.scoring.made_takes import LEVELS, RATE, Faults, MadeScene, make_bed, make_music, make_speech


def codes(score):
    """Return the points of each reason by its code."""
    return {reason.code: reason.points for reason in score.reasons}


@pytest.fixture(scope="module")
def voice():
    """A synthetic voice that is clear enough to be found: one in four is not."""
    return make_speech(np.random.default_rng(8), 5.0)


@pytest.fixture(scope="module")
def music():
    """A synthetic piece."""
    return make_music(np.random.default_rng(2), 5.0)


@pytest.mark.parametrize("name", LEVELS)
def test_each_fault_costs_points(name, voice, music):
    """A take with a fault scores lower than one without, and the worse level of the fault lower still."""
    agreed = []
    for seed in (1, 2):
        scene = MadeScene(np.random.default_rng(seed))
        changes: list[dict[str, Any]] = [{name: level} for level in LEVELS[name]]
        ladder = [Faults(), *(replace(Faults(), **change) for change in changes)]
        takes = [scene.make_take(faults, voice, music) for faults in ladder]
        values = [score_take(take, RATE, scene.contacts).value for take in takes]
        agreed += [better > worse for better, worse in pairwise(values)]
    assert sum(agreed) >= 3


@pytest.mark.parametrize("kind", ["ambience", "engine", "metal", "whistling wind", "horn", "rubbing"])
def test_things_are_no_voices_and_no_music(kind):
    """Rain, engines, ringing metal, wind, horns and rubbing are not taken for speech or music."""
    for seed in range(2):
        _, bed = make_bed(np.random.default_rng(seed), 5.0, kind)
        bleed = find_bleed(analyse_spectra((bed * 0.05).astype(np.float32), RATE))
        assert bleed.speech == bleed.music == ()


def test_speech_and_music_are_found_where_they_are(voice, music):
    """A voice or a piece in the second half of a take of rain is found there, with its confidence and its length."""
    rng = np.random.default_rng(11)
    _, rain = make_bed(rng, 8.0, "ambience")
    for code, sound in (("speech", voice), ("music", music)):
        take = rain * 0.01
        take[4 * RATE :] += sound[: 4 * RATE] * 0.05
        score = score_take(take.astype(np.float32)[:, None], RATE)
        (reason,) = [reason for reason in score.reasons if reason.code == code]
        assert reason.figures["confidence"] > 0.8
        assert 2 < reason.figures["seconds"] < 7.5
        start, end = max(reason.spans, key=lambda span: span[1] - span[0])
        assert (start + end) / 2 > 4 * RATE


def test_what_was_asked_for_is_no_fault(voice):
    """A prompt for voices allows voices; a music take is not judged by voices, music or contacts."""
    take = (voice * 0.05).astype(np.float32)[:, None]
    contacts = (Contact(Fraction(1)),)
    assert "speech" in codes(score_take(take, RATE, prompt="footsteps on gravel"))
    assert "speech" not in codes(score_take(take, RATE, prompt="A man's voice, talking"))
    assert not {"contacts", "speech", "music"} & codes(score_take(take, RATE, contacts, is_music=True)).keys()


def test_faults_of_the_signal():
    """Clipping, also behind a resampler, gaps, silence and overs are found; a loud clean tone and a quiet one have none."""
    time = np.arange(3 * RATE) / RATE
    rng = np.random.default_rng(5)
    tone = 0.9 * np.sin(2 * np.pi * 50 * time) * np.minimum(1, time)
    assert not find_signal_faults(tone.astype(np.float32)[:, None], RATE).clipped
    clipped = np.clip(tone * 2, -0.9, 0.9).astype(np.float32)[:, None]
    assert find_signal_faults(clipped, RATE).clipped_samples > RATE / 10
    spectrum = np.fft.rfft(np.clip(2 * tone, -0.9, 0.9))
    spectrum[len(spectrum) * 4 // 5 :] = 0  # as a model at a lower rate
    assert find_signal_faults(np.fft.irfft(spectrum).astype(np.float32)[:, None], RATE).clipped
    noise = (rng.standard_normal((3 * RATE, 2)) * 0.05).astype(np.float32)
    noise[RATE : RATE + 400] = 0
    noise[2 * RATE : 2 * RATE + RATE // 2] = 0
    faults = find_signal_faults(noise, RATE)
    assert faults.dropouts == ((RATE, RATE + 400),)
    assert faults.silences == ((2 * RATE, 2 * RATE + RATE // 2),)
    between = np.sin(2 * np.pi * RATE / 4 / RATE * np.arange(RATE) + np.pi / 4).astype(np.float32)[:, None] * 1.2
    assert find_signal_faults(between, RATE).true_peak == pytest.approx(1.2, abs=0.02)
    silent = score_take(np.zeros((RATE, 2), np.float32), RATE)
    assert (silent.value, codes(silent)) == (0, {"silent": 100})


def test_contacts_are_weighed_by_their_confidence():
    """A missed contact that the eye is unsure of costs less than a sure one; none are known: nothing is counted."""
    rng = np.random.default_rng(8)
    take = (rng.standard_normal((4 * RATE, 1)) * 0.003).astype(np.float32)
    for second in (1, 2):
        take[second * RATE : second * RATE + 2000, 0] += (
            0.5 * np.exp(-np.arange(2000) / 300) * rng.standard_normal(2000)
        ).astype(np.float32)
    sure = (Contact(Fraction(1)), Contact(Fraction(2)), Contact(Fraction(3)))
    unsure = (*sure[:2], Contact(Fraction(3), 0.2))
    lost, little = (codes(score_take(take, RATE, contacts))["contacts"] for contacts in (sure, unsure))
    assert lost > 3 * little > 0
    assert codes(score_take(take, RATE, sure[:2]))["contacts"] == pytest.approx(0, abs=3)
    assert "contacts" not in codes(score_take(take, RATE))
