"""The composer: interpretation of prompts, planning, and measurements of the sound."""

from __future__ import annotations

import tomllib
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tracklay
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tracklay.cue import SAMPLE_RATE
from tracklay.errors import InvalidInput
from tracklay.sketch.music import composer, mixer
from tracklay.sketch.music.drums import KITS
from tracklay.sketch.music.form import STEPS_PER_BEAT
from tracklay.sketch.music.grooves import GROOVES
from tracklay.sketch.music.harmony import KEYS, MODES, parse_chord, scale_pitch_classes, voice_chord
from tracklay.sketch.music.instruments import INSTRUMENTS
from tracklay.sketch.music.prompt_parser import Parameters
from tracklay.sketch.music.styles import DRUM_FILLS, MELODY_RHYTHMS, STYLES
from tracklay.sketch.music.vocabulary import (
    ENSEMBLES,
    INSTRUMENT_FAMILIES,
    INSTRUMENT_STYLES,
    MOODS,
    TEMPO_FACTORS,
    TEMPO_TERMS,
    VOCABULARY,
)

PROMPTS = (
    "epic cinematic",
    "calm ambient",
    "happy pop 120 bpm",
    "jazz",
    "house",
    "sad solo piano",
    "tense",
    "waltz",
    "",
)
CEILING = 10 ** (-1 / 20)
HOP = mixer._HOP_SAMPLES


def render_stems(piece: composer.Composition, block: int = SAMPLE_RATE) -> dict[str, np.ndarray]:
    """Return every stem of a piece as one array."""
    blocks = list(piece.render(block))
    return {name: np.concatenate([part[name] for part in blocks]) for name in piece.stem_names}


def render_mix(piece: composer.Composition) -> np.ndarray:
    """Return the sum of the stems."""
    total: np.ndarray = np.sum(list(render_stems(piece).values()), axis=0)
    return total


def rms_db(sound: np.ndarray) -> float:
    """Return the RMS level of a sound in dBFS."""
    return float(10 * np.log10(max(float(np.mean(sound.astype(np.float64) ** 2)), 1e-20)))


# Prompts and parameters


@pytest.mark.parametrize(
    ("prompt", "tempo"),
    [
        ("techno at 128 bpm", 128),
        ("90 beats per minute, sad", 90),
        ("tempo: 72, ambient", 72),
        ("a quiet 64.5bpm piano", 64.5),
        ("andante for strings", 84),
        ("presto", 176),
        ("999 bpm", 220),
        ("10 bpm", 40),
    ],
)
def test_a_tempo_in_words_or_numbers_is_kept(prompt: str, tempo: float) -> None:
    """A tempo in the prompt is kept, except for the few percent that fit whole bars into the span."""
    assert composer.compose_music(prompt, 40 * SAMPLE_RATE).form.tempo == pytest.approx(tempo, rel=0.061)


@given(st.integers(5 * SAMPLE_RATE, 600 * SAMPLE_RATE), st.integers(50, 200))
def test_a_tempo_in_numbers_is_kept_within_two_percent(samples: int, tempo: int) -> None:
    """For every length of the span, "120 bpm" deviates from 120 bpm by at most two percent."""
    assert composer.compose_music(f"rock, {tempo} bpm", samples).form.tempo == pytest.approx(tempo, rel=0.0201)


@pytest.mark.parametrize(
    ("prompt", "key", "mode"),
    [
        ("a song in C# minor", "C#", "minor"),
        ("in A minor", "A", "minor"),
        ("rock in the key of G", "G", "major"),
        ("Bb major, happy", "A#", "major"),
        ("F sharp dorian groove", "F#", "dorian"),
        ("sad, in Em", "E", "minor"),
        ("D phrygian drone", "D", "phrygian"),
    ],
)
def test_a_key_in_the_prompt_is_kept(prompt: str, key: str, mode: str) -> None:
    """A key is recognised in its usual spellings, and is not an unknown word."""
    summary = composer.compose_music(prompt, 20 * SAMPLE_RATE).prompt_summary
    assert (summary["key"], summary["mode"]) == (key, mode)
    assert set(summary["unknown"]) <= {"groove"}


def test_an_article_is_not_a_key() -> None:
    """In "a minor chase", "a" is an article, so the key is random."""
    keys = {
        composer.compose_music("a minor chase", 5 * SAMPLE_RATE, seed=seed).prompt_summary["key"] for seed in range(12)
    }
    assert len(keys) > 1


@pytest.mark.parametrize(
    ("prompt", "mode"),
    [
        ("happy", "major"),
        ("sad", "minor"),
        ("tense", "minor"),
        ("calm", "major"),
        ("epic", "minor"),
        ("romantic", "major"),
        ("mysterious", "dorian"),
        ("happy but in a minor key", "minor"),
    ],
)
def test_the_mode_follows_the_mood_unless_the_prompt_has_one(prompt: str, mode: str) -> None:
    """A mood chooses the mode; a mode in the prompt overrides it."""
    assert composer.compose_music(prompt, 20 * SAMPLE_RATE).prompt_summary["mode"] == mode


@pytest.mark.parametrize(
    ("prompt", "negative"), [("rock, no drums", ""), ("house without any beat", ""), ("pop", "drums")]
)
def test_excluded_drums_leave_the_percussion_stem_silent(prompt: str, negative: str) -> None:
    """Excluding drums, in the prompt or the negative prompt, silences their stem and no other."""
    stems = render_stems(composer.compose_music(prompt, 6 * SAMPLE_RATE, negative=negative))
    assert not stems["percussion"].any()
    assert all(stems[name].any() for name in ("bass", "chords", "melody"))


def test_excluding_drums_changes_no_other_note() -> None:
    """The other parts are the same with and without drums, so that a take can be repeated with fewer parts."""
    full, less = (
        composer.compose_music("rock", 30 * SAMPLE_RATE, negative=negative).notes for negative in ("", "drums")
    )
    assert tuple(note for note in full if note.stem != "percussion") == less


def test_named_instruments_play_and_excluded_ones_do_not() -> None:
    """A named instrument is in the arrangement; an excluded one, and its family, is not."""
    players = composer.compose_music("jazz with trumpet, no piano", 20 * SAMPLE_RATE, negative="guitar").prompt_summary[
        "instruments"
    ]
    assert players["lead"] == "trumpet"
    assert not set(players.values()) & {"piano", "electric piano", "guitar", "clean guitar"}
    assert players["comp"] in INSTRUMENTS


@pytest.mark.parametrize(
    ("prompt", "instrument"), [("sad solo piano", "piano"), ("only acoustic guitar", "guitar"), ("solo cello", "cello")]
)
def test_a_solo_has_one_instrument(prompt: str, instrument: str) -> None:
    """A solo instrument plays every part that it can, and no other instrument plays."""
    assert set(composer.compose_music(prompt, 20 * SAMPLE_RATE).prompt_summary["instruments"].values()) == {instrument}


def test_unknown_words_are_listed_and_ignored() -> None:
    """Unknown words are listed in the summary and do not affect the piece."""
    piece = composer.compose_music("fnord jazz glimmerwobble", 5 * SAMPLE_RATE)
    assert piece.prompt_summary["unknown"] == ["fnord", "glimmerwobble"]
    assert piece.prompt_summary["style"] == "jazz"


def test_parameters_override_the_prompt() -> None:
    """Tempo, key, mode and style as parameters override the prompt; the energy parameter lowers the energy."""
    params: Parameters = {"tempo": 90.0, "key": "E", "mode": "dorian", "style": "rock", "energy": 0.2}
    piece = composer.compose_music("happy jazz in C major, 140 bpm", 30 * SAMPLE_RATE, params=params)
    summary = piece.prompt_summary
    assert (summary["key"], summary["mode"], summary["style"]) == ("E", "dorian", "rock")
    assert piece.form.tempo == pytest.approx(90, rel=0.0201)
    assert (
        piece.request.energy
        < composer.compose_music("happy jazz", 30 * SAMPLE_RATE, params={"style": "rock"}).request.energy
    )


@pytest.mark.parametrize("params", [{"key": "H"}, {"mode": "locrian"}, {"style": "polka"}])
def test_an_unknown_choice_is_rejected(params: dict[str, str]) -> None:
    """An unknown choice raises an error that names it."""
    with pytest.raises(InvalidInput, match=next(iter(params.values()))):
        composer.compose_music("", SAMPLE_RATE, params=params)


def test_empty_pieces_and_blocks_are_rejected() -> None:
    """A piece and a block have at least one sample."""
    with pytest.raises(ValueError, match="at least one sample"):
        composer.compose_music("", 0)
    with pytest.raises(ValueError, match="at least one sample"):
        composer.compose_music("", SAMPLE_RATE).render(0)


# Planning


@given(st.integers(1, 600 * SAMPLE_RATE), st.sampled_from(PROMPTS), st.integers(0, 2**31 - 1))
@example(24_000, "jazz", 279)
def test_the_plan_fills_the_span(samples: int, prompt: str, seed: int) -> None:
    """Sections are whole bars without gaps; the final chord starts at their end and has time to ring; no note starts after it."""
    piece = composer.compose_music(prompt, samples, seed=seed)
    form = piece.form
    bar = 0
    for section in form.sections:
        assert section.first_bar == bar
        bar += section.bars
    if form.sections:
        assert form.final_step == bar * form.steps_per_bar
        assert samples - form.sample_at(form.final_step) > 0.8 * SAMPLE_RATE
    assert form.sample_at(form.final_step) < samples
    assert samples - form.sample_at(form.final_step) < 9 * SAMPLE_RATE
    assert piece.chords[-1].start == form.final_step
    # The chord of a sting may be on a swung eighth, up to a fifth of a beat late, and strummed.
    swing = form.sample_at(STEPS_PER_BEAT) // 5 if form.final_step % STEPS_PER_BEAT else 0
    assert max(note.start for note in piece.notes) < form.sample_at(form.final_step) + swing + SAMPLE_RATE // 10
    assert min(note.start for note in piece.notes) >= 0


@pytest.mark.parametrize("style", STYLES)
def test_a_piece_starts_on_sample_0_and_its_final_chord_on_a_bar(style: str) -> None:
    """A note starts exactly on sample 0, and the tonic exactly on the last bar line."""
    piece = composer.compose_music("", 30 * SAMPLE_RATE, params={"style": style})
    starts = {note.start for note in piece.notes}
    assert 0 in starts
    assert piece.form.sample_at(piece.form.final_step) in starts
    last = piece.chords[-1].chord
    assert last.root == piece.key
    bass = [note for note in piece.notes if note.stem == "bass"][-1]
    assert bass.pitch % 12 == piece.key


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("style", STYLES)
def test_the_melody_agrees_with_the_chords(style: str, seed: int) -> None:
    """Notes on strong beats are chord tones, leaps are singable, and pitches are within the instrument's range."""
    piece = composer.compose_music("", 60 * SAMPLE_RATE, seed=seed, params={"style": style})
    form = piece.form
    melody = [note for note in piece.notes if note.stem == "melody"]
    instrument = INSTRUMENTS[piece.request.instruments["lead"]]
    firsts = np.array([form.sample_at(span.start) for span in piece.chords])
    for note in melody:
        assert instrument.lowest_pitch <= note.pitch <= instrument.highest_pitch
        step = note.start / form.sample_at(1)
        if abs(step - round(step)) < 0.2 and round(step) % 8 == 0:
            span = piece.chords[int(np.searchsorted(firsts, form.sample_at(round(step)), side="right")) - 1]
            assert note.pitch % 12 in span.chord.tones
    leaps = np.abs(np.diff([note.pitch for note in melody]))
    assert np.mean(leaps) < 5
    assert np.max(leaps) <= 15


def test_the_motif_returns() -> None:
    """Every A part has the same rhythm: the melody has a theme."""
    piece = composer.compose_music("pop 120 bpm", 60 * SAMPLE_RATE)
    form = piece.form
    starts = [section.first_bar for section in form.sections if section.name == "A"]
    rhythms = [
        [
            round((note.start - form.sample_at(first * form.steps_per_bar)) / form.sample_at(1))
            for note in piece.notes
            if note.stem == "melody"
            and -500
            <= note.start - form.sample_at(first * form.steps_per_bar)
            < form.sample_at(form.steps_per_bar) - 500
        ]
        for first in starts
    ]
    assert len(starts) > 1
    assert all(rhythm == rhythms[0] for rhythm in rhythms)
    assert len(rhythms[0]) > 1


@given(st.sampled_from(tuple(STYLES)), st.integers(0, 11), st.sampled_from(("major", "minor")), st.integers(0, 3))
def test_voice_leading_has_small_steps(style: str, key: int, mode: str, pick: int) -> None:
    """From chord to chord the voices move by less than four semitones on average, and stay in their register."""
    parts = STYLES[style].minor if mode == "minor" else STYLES[style].major
    symbols = parts[pick % 2][pick // 2 % len(parts[pick % 2])].replace(",", " ").split()
    before = None
    moves = []
    for symbol in symbols * 2:
        now = voice_chord(parse_chord(symbol, key, mode), before, 53, 76)
        assert list(now) == sorted(set(now))
        assert now[0] > 52
        assert now[-1] <= 84
        if before is not None and len(before) == len(now):
            moves.append(np.mean(np.abs(np.subtract(now, before))))
        before = now
    assert np.mean(moves) < 4


# Sound


@settings(deadline=None, max_examples=6)
@given(
    st.integers(SAMPLE_RATE, 15 * SAMPLE_RATE),
    st.sampled_from(PROMPTS),
    st.integers(0, 1000),
    st.integers(1000, 200_000),
)
@example(SAMPLE_RATE, "epic", 0, 7919)
@example(21 * SAMPLE_RATE, "house", 1, 48_000)
def test_a_piece_has_the_exact_length_and_valid_audio(samples: int, prompt: str, seed: int, block: int) -> None:
    """The length and the block size are exact; the audio is finite, below -1 dBTP, without offset, and fades out to zero."""
    piece = composer.compose_music(prompt, samples, seed=seed)
    blocks = list(piece.render(block))
    assert all(len(part[name]) == block for part in blocks[:-1] for name in piece.stem_names)
    total = np.concatenate([np.sum([part[name] for name in piece.stem_names], axis=0) for part in blocks])
    assert total.shape == (samples, 2)
    assert total.dtype == np.float32
    assert np.isfinite(total).all()
    assert np.abs(total).max() <= CEILING
    assert np.abs(total.mean(axis=0, dtype=np.float64)).max() < 1e-4
    assert not total[-1].any()
    assert rms_db(total[-240:]) < rms_db(total) - 40
    assert rms_db(total[-2400:]) < rms_db(total) - 25
    last = piece.form.sample_at(piece.form.final_step)
    ring = samples - last
    late = [rms_db(total[last + round(at * ring) : last + round((at + 0.1) * ring)]) for at in (0.5, 0.7, 0.9)]
    assert late == sorted(late, reverse=True)


@pytest.mark.parametrize("samples", [1, 2, 239, 960, 4_801, 23_999])
def test_the_shortest_spans_have_their_exact_length(samples: int) -> None:
    """Spans down to one sample are rendered at their exact length."""
    total = render_mix(composer.compose_music("epic", samples))
    assert total.shape == (samples, 2)
    assert np.isfinite(total).all()
    assert np.abs(total).max() <= CEILING


def test_memory_does_not_grow_with_the_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small cache bounds the memory to the cache and a few hops, and the samples stay the same."""
    piece = composer.compose_music("epic cinematic", 10 * SAMPLE_RATE)
    reference = render_mix(piece)
    monkeypatch.setattr(mixer, "_SOUND_CACHE_BYTES", 2**20)
    tracemalloc.start()
    try:
        small_cache_blocks = [np.sum(list(part.values()), axis=0) for part in piece.render(HOP)]
        peak = tracemalloc.get_traced_memory()[1] - reference.nbytes
    finally:
        tracemalloc.stop()
    assert np.array_equal(np.concatenate(small_cache_blocks), reference)
    assert peak < 48 * 2**20


def test_the_samples_do_not_depend_on_the_block_and_the_seed_decides_them() -> None:
    """One seed gives identical samples in blocks of any size; another seed gives another piece of the same style."""
    piece = composer.compose_music("lo-fi", 7 * SAMPLE_RATE, seed=5)
    first, again = (
        render_stems(piece),
        render_stems(composer.compose_music("lo-fi", 7 * SAMPLE_RATE, seed=5), block=1234),
    )
    other = composer.compose_music("lo-fi", 7 * SAMPLE_RATE, seed=6)
    assert all(np.array_equal(first[name], again[name]) for name in piece.stem_names)
    assert other.prompt_summary["style"] == piece.prompt_summary["style"]
    assert not np.array_equal(render_mix(other), render_mix(piece))


def test_hop_borders_are_inaudible() -> None:
    """The second difference of the samples is no larger at hop borders than nearby."""
    total = render_mix(composer.compose_music("calm ambient, no drums", 6 * SAMPLE_RATE))
    bend = np.abs(np.diff(total[:, 0], n=2))
    for seam in range(HOP, len(bend), HOP):
        assert bend[seam - 3 : seam + 3].max() <= 1.5 * bend[seam - 4800 : seam + 4800].max()
        near = np.delete(bend[seam - 480 : seam + 480], slice(476, 484))
        assert bend[seam - 3 : seam + 3].max() <= 3 * near.max()


@pytest.mark.parametrize(
    ("prompt", "samples"), [("house 124 bpm", 14), ("rock 140 bpm", 14), ("lo-fi 80 bpm", 20), ("jazz 120 bpm", 16)]
)
def test_the_drums_keep_the_planned_tempo(prompt: str, samples: int) -> None:
    """The onsets of the percussion repeat with the planned beat."""
    piece = composer.compose_music(prompt, samples * SAMPLE_RATE)
    drums = render_stems(piece)["percussion"][: piece.form.sample_at(piece.form.final_step)].mean(axis=1)
    hop = 240
    power = np.log(1e-4 + np.sqrt(np.mean(drums[: len(drums) // hop * hop].reshape(-1, hop) ** 2, axis=1)))
    onset = np.maximum(np.diff(power), 0)
    onset -= onset.mean()
    size = 16 * len(onset)  # finer lags by interpolation in the transform
    matches = np.fft.irfft(np.abs(np.fft.rfft(onset, size)) ** 2)
    beat = 60 / piece.form.tempo * SAMPLE_RATE / hop
    lags = np.arange(round(8 * beat * 0.94), round(8 * beat * 1.06))  # eight beats, over which the swing averages out
    found = lags[np.argmax(matches[lags])] / 8
    assert found == pytest.approx(beat, rel=0.01)


@pytest.mark.parametrize(
    "prompt", ["pop in D major", "sad piano in G minor", "waltz in F major", "rock in E minor", "latin in C major"]
)
def test_the_chords_sound_in_the_planned_key(prompt: str) -> None:
    """Among all transpositions of the mode, the planned key has the most energy in the chords stem."""
    piece = composer.compose_music(prompt, 16 * SAMPLE_RATE)
    sound = render_stems(piece)["chords"].mean(axis=1)
    spectrum = np.abs(np.fft.rfft(sound)) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    heard = (hertz > 120) & (hertz < 1000)
    classes = np.round(69 + 12 * np.log2(hertz[heard] / 440)).astype(int) % 12
    chroma = np.sqrt(np.bincount(classes, spectrum[heard], minlength=12))
    shares = [chroma[list(scale_pitch_classes(key, piece.request.mode))].sum() / chroma.sum() for key in range(12)]
    assert int(np.argmax(shares)) == piece.key
    assert shares[piece.key] > 0.8


def test_an_energetic_piece_is_denser() -> None:
    """An energetic piece has more notes a second than a calm one, and the energy parameter changes that."""
    counts = [
        len(composer.compose_music(prompt, 24 * SAMPLE_RATE, params={"energy": energy}).notes)
        for prompt, energy in (("calm pop", 0.3), ("pop", 0.5), ("energetic pop", 0.8))
    ]
    assert counts[0] < 0.9 * counts[1] < 0.9 * counts[2]


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_every_instrument_is_in_tune_and_has_no_clicks(name: str) -> None:
    """Over the whole range a note has a peak at its pitch, no offset, and starts and ends in silence."""
    instrument = INSTRUMENTS[name]
    for pitch in (
        instrument.lowest_pitch,
        (instrument.lowest_pitch + instrument.highest_pitch) // 2,
        instrument.highest_pitch,
    ):
        sound = instrument.render_note(pitch, SAMPLE_RATE, 0.7, seed=1)
        assert np.isfinite(sound).all()
        assert np.abs(sound[:, [0, -1]]).max() < 0.01
        assert np.abs(sound.mean(axis=1, dtype=np.float64)).max() < 1e-5
        size = 8 * SAMPLE_RATE
        spectrum = np.abs(np.fft.rfft(sound[0, 2400:] * np.hanning(sound.shape[1] - 2400), size))
        expected = 440 * 2 ** ((pitch - 69) / 12)
        window = slice(int(expected * 0.94 * 8), int(expected * 1.06 * 8) + 1)
        peak = (window.start + int(np.argmax(spectrum[window]))) / 8
        assert abs(1200 * np.log2(peak / expected)) < 25
        assert spectrum[window].max() > 0.05 * spectrum.max()


@pytest.mark.parametrize("name", STYLES)
def test_every_style_is_complete(name: str) -> None:
    """Patterns fill a bar, instruments exist and fit their roles, drums are in the kit, and progressions can be parsed."""
    style = STYLES[name]
    bar = 4 * style.beats_per_bar
    parts = GROOVES[style.groove]
    grooves = [pattern for part in parts for pattern in part.patterns]
    assert {len(pattern) for pattern in (*style.comp, *style.bass, *grooves)} == {bar}
    assert set("".join(grooves)) <= set("oxX.")
    assert {drum for part in parts for drum in part.drums} <= set(KITS[style.kit])
    fills = {drum for fill in DRUM_FILLS[style.kit] for drum in fill.split()} - {"."}
    assert fills <= set(KITS[style.kit])
    for role, players in style.instruments.items():
        assert all(role in INSTRUMENTS[instrument].roles for instrument in players)
    for progressions, mode in ((style.major, "major"), (style.minor, "minor")):
        for line in (*progressions[0], *progressions[1]):
            assert len(line.split()) == 4
            assert all(parse_chord(symbol, 0, mode).tones for bar_ in line.split() for symbol in bar_.split(","))
    assert {len(rhythm) for rhythm in MELODY_RHYTHMS["waltz" if style.beats_per_bar == 3 else style.melody_rhythm]} == {
        bar
    }


def test_every_known_word_has_a_meaning() -> None:
    """Every meaning in the vocabulary has settings."""
    assert set(VOCABULARY["mood"]) == set(MOODS)
    assert set(VOCABULARY["style"]) == set(STYLES)
    assert set(VOCABULARY["mode"]) == set(MODES)
    assert (set(VOCABULARY["tempo"]), set(VOCABULARY["pace"])) == (set(TEMPO_TERMS), set(TEMPO_FACTORS))
    named = {instrument for name in VOCABULARY["instrument"] for instrument in ENSEMBLES.get(name, (name,))}
    families = {instrument for family in INSTRUMENT_FAMILIES.values() for instrument in family}
    assert named | families <= set(INSTRUMENTS)
    assert set(INSTRUMENT_STYLES) <= set(VOCABULARY["instrument"])
    assert {*INSTRUMENT_STYLES.values(), *(mood.style for mood in MOODS.values())} <= set(STYLES)


def test_the_catalogue_has_the_choices_of_the_composer() -> None:
    """The choices in the catalogue are those of the composer."""
    entry = tomllib.loads(
        (Path(tracklay.__file__).parent / "models" / "catalogue" / "sketch-music.toml").read_text("utf-8")
    )
    parameters = entry["parameters"]
    assert parameters["key"]["choices"] == ["auto", *KEYS]
    assert parameters["mode"]["choices"] == ["auto", *MODES]
    assert parameters["style"]["choices"] == ["auto", *STYLES]
