"""Music that meets hit points: the beat on each, the accent that is heard there, the silence of a stop, tempos that stay musical."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from tracklay.cue import SAMPLE_RATE
from tracklay.sketch.music import composer
from tracklay.sketch.music.hit_form import MusicHit, hit_kind

PROMPTS = ("rising epic", "sad piano", "house", "waltz", "no drums ambient strings", "jazz at 120 bpm")


def compose(prompt: str, seconds: float, hits: list[MusicHit], seed: int = 3) -> composer.Composition:
    """Return a piece of some seconds that meets hits."""
    return composer.compose_music(prompt, round(seconds * SAMPLE_RATE), seed=seed, hits=hits)


def random_hits(rng: random.Random, seconds: float, apart: float) -> list[MusicHit]:
    """Return up to five hits at random times, at least `apart` seconds from each other and from both ends."""
    times = sorted(rng.uniform(apart, seconds - apart) for _ in range(rng.randint(1, 5)))
    kept = [time for before, time in itertools.pairwise([0.0, *times]) if time - before >= apart]
    return [MusicHit(round(time * SAMPLE_RATE)) for time in kept]


def render_mix(piece: composer.Composition) -> np.ndarray:
    """Return the sum of the stems, (n, 2)."""
    return np.concatenate([np.sum(list(block.values()), axis=0) for block in piece.render()])


@pytest.mark.parametrize("prompt", PROMPTS)
def test_hits_are_beats_to_the_sample_at_a_tempo_that_stays(prompt: str) -> None:
    """Hits at least two seconds apart are beats; between them the tempo stays within 9 % of the whole's, the end keeps its chord."""
    rng = random.Random(prompt)  # noqa: S311  not used for security
    for seconds in (12, 31.7, 90):
        hits = random_hits(rng, seconds, 2.0)
        form = compose(prompt, seconds, hits).form
        samples = {form.sample_at(step) for step in range(0, form.final_step + 1, 4)}
        assert {hit.sample for hit in hits} <= samples
        for (first, start), (last, end) in itertools.pairwise(form.points):
            tempo = (last - first) * 15 * SAMPLE_RATE / (end - start)
            assert tempo == pytest.approx(form.tempo, rel=0.09)
        assert form.final_step == form.bar_count * form.steps_per_bar
        assert form.sample_at(form.final_step) < form.samples


def test_a_stated_tempo_is_kept() -> None:
    """A tempo that the prompt states is the tempo of the piece, give or take 2 %."""
    hits = [MusicHit(round(time * SAMPLE_RATE)) for time in (7.3, 15.9)]
    assert compose("jazz at 120 bpm", 30, hits).form.tempo == pytest.approx(120, rel=0.021)


@pytest.mark.parametrize("prompt", ["sad piano", "house"])
def test_an_accent_is_heard_at_the_hit(prompt: str) -> None:
    """The level rises by 4 dB or more from the 50 ms before a hit to the 100 ms after it."""
    hits = [MusicHit(round(time * SAMPLE_RATE)) for time in (2.17, 6.41)]
    mix = render_mix(compose(prompt, 8, hits))
    for hit in hits:
        before = np.square(mix[hit.sample - 2400 : hit.sample]).mean()
        after = np.square(mix[hit.sample : hit.sample + 4800]).mean()
        assert 10 * np.log10(after / max(before, 1e-12)) > 4


def test_a_stop_is_silent_until_the_music_goes_on() -> None:
    """Half a second after a stop nothing is played, and the next bar is."""
    stop = MusicHit(round(6.2 * SAMPLE_RATE), "stop")
    notes = compose("house", 16, [stop]).notes
    after = [note.start for note in notes if note.start > stop.sample]
    assert min(after) > stop.sample + SAMPLE_RATE // 2
    assert all(
        note.start + note.duration <= stop.sample + SAMPLE_RATE // 2 for note in notes if note.start < stop.sample
    )


def test_a_build_grows_into_its_hit() -> None:
    """Before a build there are more strokes than before an accent, and they grow."""
    sample = round(9 * SAMPLE_RATE)

    def drum_roll(kind: str) -> list[float]:
        notes = compose("epic", 16, [MusicHit(sample, hit_kind(kind))]).notes
        return [
            note.velocity for note in notes if note.sound[1] == "low" and sample - 3 * SAMPLE_RATE < note.start < sample
        ]

    build, accent = drum_roll("hit: build"), drum_roll("hit: door")
    assert len(build) > len(accent) + 12
    assert np.mean(build[-6:]) > np.mean(build[:6]) + 0.25


@pytest.mark.parametrize("seconds", [0.4, 1.0, 2.5])
def test_hits_in_a_piece_too_short_for_bars_do_not_break_it(seconds: float) -> None:
    """A sting, and hits on its first and last sample, hits that lie together, and hits outside: the length stays exact."""
    last = round(seconds * SAMPLE_RATE) - 1
    hits = [MusicHit(sample) for sample in (0, 1, last // 2, last // 2, last, last + 1, -5)]
    assert len(render_mix(compose("epic", seconds, hits))) == last + 1
