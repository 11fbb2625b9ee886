"""The course of a piece: loudness, rise and fall, variety between seeds and between repetitions, moods that combine."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import numpy as np
import pytest
from tracklay.cue import SAMPLE_RATE
from tracklay.listening.loudness import integrated_loudness, true_peaks
from tracklay.sketch.music import composer
from tracklay.sketch.music.form import Section
from tracklay.sketch.music.grooves import GROOVES, pick_grooves, vary_pattern
from tracklay.sketch.music.score import Note, vary_halves
from tracklay.sketch.music.styles import STYLES

DRUMMED = tuple(name for name, style in STYLES.items() if style.groove not in ("none", "faint"))


def render_mix(piece: composer.Composition) -> np.ndarray:
    """Return the sum of the stems, (2, n)."""
    mix: np.ndarray = np.concatenate([np.sum(list(block.values()), axis=0) for block in piece.render()]).T
    return mix


def compose(prompt: str, seconds: int, seed: int = 0, style: str = "auto") -> composer.Composition:
    """Return a piece of some seconds."""
    return composer.compose_music(prompt, seconds * SAMPLE_RATE, seed=seed, params={"style": style})


def section_notes(piece: composer.Composition, section: Section, stem: str) -> list[tuple[int, Note]]:
    """Return the notes of a stem in a section, each with its step from the section's start."""
    form = piece.form
    first, step = section.first_bar * form.steps_per_bar, form.sample_at(1)
    notes = [(round(note.start / step) - first, note) for note in piece.notes if note.stem == stem]
    return [(at, note) for at, note in notes if 0 <= at < section.bars * form.steps_per_bar]


def quarter_of(piece: composer.Composition, sample: int) -> int:
    """Return the quarter of the piece, up to its final chord, in which a sample is."""
    return min(3, 4 * sample // piece.form.sample_at(piece.form.final_step))


# Loudness


@pytest.mark.parametrize("style", STYLES)
def test_every_style_has_the_loudness_of_a_temp_score(style: str) -> None:
    """Every style is at -20 LUFS, with true peaks of at most -1 dBTP."""
    mix = render_mix(compose("", 6, style=style))
    assert integrated_loudness(mix) == pytest.approx(-20, abs=0.3)
    ceiling = 10 ** (-1 / 20)
    assert true_peaks(mix[:, : mix.shape[1] // 64 * 64], 64, ceiling).max() <= ceiling


@pytest.mark.parametrize(
    ("style", "least", "most"),
    [
        ("cinematic", (2.0, 0.2), (9, 4)),
        ("ambient", (0.6, 0.05), (5, 2)),
        ("classical", (2.0, 0.25), (9, 3)),
        ("house", (4.0, 1.5), (14, 9)),
        ("pop", (4.0, 2.0), (14, 9)),
        ("lo-fi", (0.6, 0.15), (4, 2)),
    ],
)
def test_a_style_is_as_bright_as_its_music(style: str, least: tuple[float, float], most: tuple[float, float]) -> None:
    """The shares of energy above 2.5 and 5 kHz, in percent, are those of such music."""
    shares = []
    for seed in range(2):
        power = (np.abs(np.fft.rfft(render_mix(compose("", 9, seed, style)))) ** 2).sum(axis=0)
        hertz = np.linspace(0, SAMPLE_RATE / 2, len(power))
        shares.append([100 * power[hertz > limit].sum() / power.sum() for limit in (2500, 5000)])
    mean = np.mean(shares, axis=0)
    assert (mean > least).all()
    assert (mean < most).all()


# Rise and fall


@pytest.mark.parametrize(("prompt", "direction"), [("rising epic", 1), ("fading tension", -1), ("calm crescendo", 1)])
def test_a_rise_rises(prompt: str, direction: int) -> None:
    """From quarter to quarter loudness and density rise (or fall), by at least 6 LU in all; the register goes with them."""
    piece = compose(prompt, 40)
    end = piece.form.sample_at(piece.form.final_step)
    mix = render_mix(piece)[:, :end]
    loudness = [integrated_loudness(part) for part in np.array_split(mix, 4, axis=1)][::direction]
    assert loudness == sorted(loudness)
    assert loudness[-1] - loudness[0] >= 6
    before_end = [note for note in piece.notes if note.start < end]
    counts = Counter(quarter_of(piece, note.start) for note in before_end)
    assert [counts[quarter] for quarter in range(4)][::direction] == sorted(counts.values())
    pitches = [
        np.mean([note.pitch for note in before_end if note.stem == "chords" and quarter_of(piece, note.start) in half])
        for half in ((0, 1), (2, 3))
    ][::direction]
    assert pitches[1] > pitches[0] + 2
    assert piece.prompt_summary["arc"] == ("rising" if direction > 0 else "falling")


@pytest.mark.parametrize("seconds", [3, 6, 9, 14, 25, 180])
def test_a_rise_of_any_length_is_a_row_of_sections(seconds: int) -> None:
    """The sections of a rise have no gaps, and each is more intense and higher than the one before."""
    form = compose("rising", seconds).form
    assert not form.sections or form.final_step == form.bar_count * form.steps_per_bar
    for earlier, later in itertools.pairwise(form.sections):
        assert later.first_bar == earlier.first_bar + earlier.bars
        assert later.intensity > earlier.intensity
        assert later.register >= earlier.register


# Variety


def drum_pattern(piece: composer.Composition) -> dict[str, np.ndarray]:
    """Return for each drum the strokes on each step of the bar, over the whole piece."""
    bar, step = piece.form.steps_per_bar, piece.form.sample_at(1)
    strokes: dict[str, np.ndarray] = {}
    for note in piece.notes:
        if note.stem == "percussion" and note.start < piece.form.sample_at(piece.form.final_step) - 2000:
            strokes.setdefault(note.sound[1], np.zeros(bar))[round(note.start / step) % bar] += note.velocity
    return strokes


@pytest.mark.parametrize("style", DRUMMED)
def test_seeds_differ_in_groove(style: str) -> None:
    """Between seeds the patterns of the drums correlate by less than 0.7 on average; one seed always gives the same."""
    patterns = [drum_pattern(compose("", 24, seed, style)) for seed in range(10)]
    drums = sorted(set().union(*patterns))
    bar = 4 * STYLES[style].beats_per_bar
    vectors = [np.concatenate([each.get(drum, np.zeros(bar)) for drum in drums]) for each in patterns]
    pairs = itertools.combinations([vector for vector in vectors if vector.any()], 2)
    assert np.mean([np.corrcoef(one, other)[0, 1] for one, other in pairs]) < 0.7
    assert compose("", 24, 3, style).notes == compose("", 24, 3, style).notes


def test_seeds_differ_in_form_register_and_instruments() -> None:
    """Ten seeds have several orders of parts, melodies in several registers, and different instruments."""
    pieces = [compose("cinematic", 60, seed) for seed in range(10)]
    assert len({tuple(section.name for section in piece.form.sections) for piece in pieces}) >= 4
    centres = [np.mean([note.pitch for note in piece.notes if note.stem == "melody"]) for piece in pieces]
    assert np.ptp(centres) > 5
    assert len({tuple(sorted(piece.request.instruments.items())) for piece in pieces}) >= 4


def test_every_order_has_a_theme_that_returns() -> None:
    """Steady pieces of six phrases or more hear some part at least twice, and most of their music is A and B."""
    for seed, seconds in itertools.product(range(12), (60, 90, 150)):
        names = [section.name for section in compose("pop", seconds, seed).form.sections]
        assert max(names.count("A"), names.count("B")) >= 2
        assert names.count("A") + names.count("B") >= len(names) / 2


@pytest.mark.parametrize("style", STYLES)
def test_a_part_that_returns_is_varied_and_recognised(style: str) -> None:
    """An A part that returns shares most of its chords with the first, but neither its voicings nor all its melody."""
    compared = 0
    for seed in range(4):
        piece = compose("", 70, seed, style)
        first, *others = [section for section in piece.form.sections if section.name == "A"]
        for other in others:
            if other is piece.form.sections[-1]:  # the cadence replaces its end
                continue
            compared += 1
            chords = [
                [span.chord.symbol for span in piece.chords if 0 <= span.start - bar < 4 * piece.form.steps_per_bar]
                for bar in (section.first_bar * piece.form.steps_per_bar for section in (first, other))
            ]
            assert chords[0][0] == chords[1][0]
            assert chords[0] != chords[1]
            for stem in ("chords", "melody"):
                notes = [
                    [(at, note.pitch) for at, note in section_notes(piece, section, stem)] for section in (first, other)
                ]
                assert notes[0] != notes[1]
    assert compared


@pytest.mark.parametrize("kind", [kind for kind in GROOVES if kind != "none"])
def test_fuller_grooves_add_drums(kind: str) -> None:
    """A fuller groove has all the drums of a thinner one, with their patterns."""
    for seed in range(5):
        rng = random.Random(seed)  # noqa: S311  not used for security
        thin, usual, full = pick_grooves(kind, rng)
        assert thin.items() <= usual.items() <= full.items()
        for pattern in full.values():
            varied = vary_pattern(pattern, rng)
            assert sum(one != other for one, other in zip(pattern, varied, strict=True)) == 1
            assert varied[::4] == pattern[::4]


# Prompts


@pytest.mark.parametrize(
    ("prompt", "mode"),
    [
        ("calm, sad", "minor"),
        ("sad and calm", "minor"),
        ("epic but happy", "major"),
        ("calm", "major"),
        ("romantic, dark", "minor"),
    ],
)
def test_moods_combine(prompt: str, mode: str) -> None:
    """Of several moods the one that music expresses by its mode decides the mode; all of them shape tempo and energy."""
    assert compose(prompt, 20).request.mode == mode


def test_calm_and_sad_is_calm_too() -> None:
    """The prompt "calm, sad" is as calm as "calm", not slower than a ballad, and differs from "calm" in its mode."""
    both, calm, sad = (compose(prompt, 40).request for prompt in ("calm, sad", "calm", "sad"))
    assert both.energy <= calm.energy
    assert both.tempo_factor < min(calm.tempo_factor, sad.tempo_factor)
    assert both.tempo_factor >= 0.7
    assert (both.mode, calm.mode) == ("minor", "major")


@pytest.mark.parametrize("prompt", ["piano", "solo piano", "calm piano", "sad piano"])
@pytest.mark.parametrize("seed", range(4))
def test_a_short_piano_piece_is_not_sparse_unless_asked(prompt: str, seed: int) -> None:
    """Ten seconds of piano have notes at more than eight moments; "sparse" has fewer."""
    usual, sparse = (
        {note.start // (SAMPLE_RATE // 10) for note in compose(words, 10, seed).notes}
        for words in (prompt, f"sparse {prompt}")
    )
    assert len(usual) > 8
    assert len(sparse) < len(usual)


@pytest.mark.parametrize(
    "pattern", ["X-------x-------", "0-2-1-2-0-2-1-2-", "r-----r...r-----", "r-------........", "..x..x....x..x.."]
)
def test_a_varied_pattern_keeps_the_bar(pattern: str) -> None:
    """A varied pattern is as long, starts with no hold, and a bass still starts on the root."""
    rng = random.Random(1)  # noqa: S311  not used for security
    for _ in range(20):
        varied = vary_halves(pattern, rng)
        assert len(varied) == len(pattern)
        assert varied[0] != "-"
        assert (varied[0] == "r") == (pattern[0] == "r")
