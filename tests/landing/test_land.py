"""Landing of made takes: events get to their contacts, nothing else changes, and no cut is heard."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from tracklay.landing.land import land_take, plan_landing
from tracklay.landing.matching import Contact
from tracklay.listening.loudness import LoudnessMeter
from tracklay.listening.onsets import detect_onsets
from tracklay.listening.spectrum import measure_bands, spectral_flux
from tracklay.media.bwf import FULL_SCALE
from tracklay.media.wav_reader import WavReader

from tests.landing.made_takes import RATE, Bed, Kind, MadeTake, make_take, strike, write_wav


def contacts_of(take: MadeTake) -> list[Contact]:
    """Return a take's contacts, all sure."""
    return [Contact(Fraction(round(time * RATE), RATE)) for time in take.contacts]


def onset_seconds(samples) -> np.ndarray:
    """Return the times of a sound's onsets."""
    return np.array([onset.sample / RATE for onset in detect_onsets(samples, RATE)])


def loudness(samples) -> float:
    """Return the integrated loudness in LUFS."""
    meter = LoudnessMeter()
    meter.add(samples.T)
    return meter.integrated_lufs()


@pytest.mark.parametrize(("bed", "reverb"), [("silence", True), ("rain", False), ("rain", True), ("music", True)])
def test_jittered_events_land(bed: Bed, *, reverb: bool) -> None:
    """Events that are 0.05 to 0.5 s off are within 20 ms, none is worse, none is lost; the loudness stays."""
    take = make_take(21, seconds=12, bed=bed, reverb=reverb)
    landed = land_take(take.samples, RATE, contacts_of(take))
    assert landed.samples.shape == take.samples.shape
    assert landed.samples.dtype == np.float32
    onsets = onset_seconds(landed.samples)
    moves = {float(move.start): float(move.to) for move in landed.moves}
    after = []
    for contact, sound in zip(take.contacts, take.sounds, strict=True):
        assert sound is not None
        place = next((to for start, to in moves.items() if abs(start - sound) < 0.004), sound)
        assert abs(place - contact) < abs(sound - contact) + 0.005
        assert np.abs(onsets - place).min() < 0.005
        after.append(abs(place - contact))
    assert np.median(after) < 0.02
    assert abs(loudness(landed.samples) - loudness(take.samples)) < 0.2


@pytest.mark.parametrize("bed", ["rain", "music"])
def test_no_cut_is_heard(bed: Bed) -> None:
    """Away from attacks, the flux at each cut is within what the take has elsewhere."""
    take = make_take(22, seconds=12, bed=bed)
    landing = plan_landing(lambda start, stop: take.samples[start:stop], len(take.samples), RATE, contacts_of(take))
    landed = np.concatenate(list(landing.blocks()))
    fluxes = []
    for sound in (take.samples, landed):
        bands, onsets = measure_bands(sound, RATE), onset_seconds(sound)
        times = np.arange(len(bands.levels_db)) * bands.hop / RATE
        is_away = (np.abs(times[:, None] - onsets).min(axis=1) > 0.035) & (times > 0.05)
        fluxes.append((spectral_flux(bands.levels_db), is_away, bands.hop))
    (own, is_own_away, _), (flux, is_away, hop) = fluxes
    at_cuts = [flux[cut // hop + near] for cut in landing.cuts for near in (-1, 0, 1, 2) if is_away[cut // hop + near]]
    assert len(at_cuts) > 20
    assert np.mean(np.array(at_cuts) > own[is_own_away].max()) <= 0.02


@pytest.mark.parametrize("bed", ["silence", "rain", "music"])
def test_a_take_that_is_right_is_returned_as_it_is(bed: Bed) -> None:
    """Within the tolerance nothing moves, to the bit; doubles stay."""
    take = make_take(23, seconds=12, bed=bed, reverb=True, jitter=(0, 0.015), doubled=0.2)
    landed = land_take(take.samples, RATE, contacts_of(take))
    assert landed.samples is take.samples
    assert landed.lag == 0
    assert not landed.moves


def test_a_constant_lag_moves_the_ambience_too() -> None:
    """A take that is late as a whole is moved as a whole: between its ends it is the same sound, earlier."""
    take = make_take(24, seconds=12, bed="rain", jitter=(0, 0.002), lag=0.25)
    landed = land_take(take.samples, RATE, contacts_of(take))
    shift = round(landed.lag * RATE)
    assert abs(landed.lag - Fraction(1, 4)) < Fraction(5, 1000)
    assert np.array_equal(landed.samples[RATE:-RATE], take.samples[RATE + shift : -RATE + shift])
    assert np.abs(landed.samples[-shift // 2 :]).max() > 0  # the end is filled


def test_no_event_leaves_the_take() -> None:
    """A lag that would push the first event out is not taken out of the ambience."""
    take = make_take(25, seconds=8, bed="rain", jitter=(0, 0.001), lag=-0.6, spacing=(1.2, 1.6))
    landed = land_take(take.samples, RATE, [Contact(contact.time + Fraction(-5, 10)) for contact in contacts_of(take)])
    assert len(onset_seconds(landed.samples)) >= len(take.contacts) - 1


@pytest.mark.parametrize("channels", [1, 6])
def test_any_number_of_channels(channels: int) -> None:
    """All channels are cut at the same samples."""
    take = make_take(26, seconds=8, bed="silence")
    samples = np.repeat(take.samples[:, :1], channels, axis=1)
    landed = land_take(samples, RATE, contacts_of(take))
    assert landed.samples.shape == samples.shape
    assert len(landed.moves) >= 3
    assert np.allclose(landed.samples, landed.samples[:, :1])


def test_degenerate_input_is_returned() -> None:
    """No samples, silence, no contacts, or contacts outside: nothing moves."""
    silence = np.zeros((RATE, 2), np.float32)
    contact = Contact(Fraction(1, 2))
    assert land_take(silence, RATE, [contact]).samples is silence
    empty = np.zeros((0, 1), np.float32)
    assert land_take(empty, RATE, [contact]).samples is empty
    take = make_take(27, seconds=4)
    assert land_take(take.samples, RATE, []).samples is take.samples
    assert land_take(take.samples, RATE, [Contact(Fraction(9))]).samples is take.samples


def test_landing_is_the_same_from_a_file(tmp_path) -> None:
    """Read block by block from a 24-bit file, the result is that of the samples in memory."""
    take = make_take(28, seconds=6)
    path = tmp_path / "take.wav"
    write_wav(path, [take.samples])
    with WavReader(path) as wav:
        samples = wav.read(0, wav.format.samples)
        assert np.abs(samples - take.samples).max() <= 1 / FULL_SCALE
        landing = plan_landing(wav.read, wav.format.samples, RATE, contacts_of(take))
        from_file = np.concatenate(list(landing.blocks()))
    assert np.array_equal(from_file, land_take(samples, RATE, contacts_of(take)).samples)


def test_nothing_is_heard_where_an_event_was() -> None:
    """A click that moved away from right behind another is not heard at its old place, however short it is."""
    rng = np.random.default_rng(1)
    samples = np.zeros((4 * RATE, 2), np.float32)
    places = (0.6, 1.3, 1.384, 2.6, 3.3)
    for place in places:
        click = strike("click", rng) * 0.3
        samples[round(place * RATE) :][: len(click)] += click[:, None].astype(np.float32)
    contacts = [Contact(Fraction(milliseconds, 1000)) for milliseconds in (600, 1000, 1160, 2600, 3300)]
    landed = land_take(samples, RATE, contacts)
    assert len(landed.moves) == 2
    assert np.abs(landed.samples[round(1.25 * RATE) : round(1.5 * RATE)]).max() < 1e-4
    assert len(onset_seconds(landed.samples)) == len(places)


@pytest.mark.parametrize("kind", ["wood", "metal"])
def test_hits_that_ring_into_each_other_are_not_cut(kind: Kind) -> None:
    """Of hits that follow each other closely over silence, none leaves a part of its decay behind: that would be heard as a further hit."""
    take = make_take(30, seconds=10, kind=kind, bed="silence", spacing=(0.12, 0.6), jitter=(0.05, 0.3))
    landed = land_take(take.samples, RATE, contacts_of(take))
    assert len(landed.moves) >= 3
    assert len(onset_seconds(landed.samples)) <= len(onset_seconds(take.samples))


@pytest.mark.parametrize("seed", [0, 7])
def test_loudness_stays_over_music(seed: int) -> None:
    """In a short take with many moves over music the loudness is the same."""
    take = make_take(seed, seconds=5, kind="click", bed="music", spacing=(0.3, 0.9), jitter=(0.05, 0.4))
    landed = land_take(take.samples, RATE, contacts_of(take))
    assert landed.moves
    assert abs(loudness(landed.samples) - loudness(take.samples)) < 0.15


@pytest.mark.parametrize("kind", ["square", "noise", "together"])
def test_no_sample_is_above_the_untouched_peak(kind: str) -> None:
    """Full-scale sounds that meet in a crossfade, of any correlation, stay below the untouched take's peak: nothing clips."""
    rng = np.random.default_rng(31)
    length, places = 6 * RATE, (0.6, 1.5, 2.4, 3.3, 4.2, 5.1)
    samples = np.zeros((length, 2), np.float32)
    for number, place in enumerate(places):
        time = np.arange(round(0.5 * RATE)) / RATE
        hertz = 110.0 if kind == "together" else 90 + 37 * number
        square = np.sign(np.sin(2 * np.pi * hertz * time)) if kind != "noise" else rng.choice([-1.0, 1.0], len(time))
        at = round(place * RATE)
        samples[at : at + len(time)] = square[:, None] * np.where(np.arange(len(time)) < RATE // 4, 1, 0.6)[:, None]
    bed = np.sign(np.sin(2 * np.pi * 70 * np.arange(length) / RATE))[:, None] * np.float32(0.5)
    samples = np.where(samples == 0, bed, samples).astype(np.float32)
    contacts = [
        Contact(Fraction(round((place + away) * RATE), RATE))
        for place, away in zip(places, (0.2, -0.2) * 3, strict=True)
    ]
    landed = land_take(samples, RATE, contacts)
    assert landed.moves
    assert np.abs(landed.samples).max() <= 1 + 1e-6


@pytest.mark.parametrize("bed", ["silence", "rain"])
def test_metal_that_rings_into_the_next_hit_lands(bed: Bed) -> None:
    """Of hits that ring into each other nine in ten land, none is lost, and the decays go on: no cut rises above the take's own flux."""
    take = make_take(9501, seconds=12, kind="metal", bed=bed, spacing=(0.3, 0.8), jitter=(0.05, 0.15))
    landing = plan_landing(lambda start, stop: take.samples[start:stop], len(take.samples), RATE, contacts_of(take))
    landed = np.concatenate(list(landing.blocks()))
    onsets, before = onset_seconds(landed), onset_seconds(take.samples)
    moves = [(float(move.start), float(move.to)) for move in landing.moves]
    sounds = [sound for sound in take.sounds if sound is not None]
    places = [next((to for start, to in moves if abs(start - sound) < 0.004), sound) for sound in sounds]
    assert np.mean(np.abs(np.array(places) - take.contacts) < 0.025) >= 0.9
    lost = sum(np.abs(onsets - place).min() > 0.005 for place in places)
    assert lost <= sum(np.abs(before - sound).min() > 0.005 for sound in sounds)
    own, flux = (
        spectral_flux(np.maximum(measure_bands(sound, RATE).levels_db, -75)) for sound in (take.samples, landed)
    )
    hop = measure_bands(landed[:RATE], RATE).hop
    times = np.arange(len(own)) * hop / RATE
    highest = own[(np.abs(times[:, None] - before).min(axis=1) > 0.035) & (times > 0.05)].max()
    cuts = [cut for cut in landing.cuts if np.abs(onsets - cut / RATE).min() > 0.035]
    assert len(cuts) >= 5
    assert np.mean([flux[cut // hop - 1 : cut // hop + 3].max() > highest for cut in cuts]) <= 0.05


def test_a_take_joined_of_parts_lands() -> None:
    """Two sounds of other beds, joined with a crossfade, land like one; the join itself is no event, and nothing moves across it."""
    one, two = make_take(32, seconds=8, bed="rain"), make_take(33, seconds=8, bed="rain", reverb=True)
    fade = round(0.2 * RATE)
    angle = np.linspace(0, np.pi / 2, fade)[:, None]
    overlap = one.samples[-fade:] * np.cos(angle) + 0.5 * two.samples[:fade] * np.sin(angle)
    samples = np.concatenate([one.samples[:-fade], overlap, 0.5 * two.samples[fade:]]).astype(np.float32)
    join = 8 - fade / RATE
    contacts = [*one.contacts, *(join + time for time in two.contacts)]
    sounds = [time for time in (*one.sounds, *(join + (time or 0) for time in two.sounds)) if time is not None]
    landed = land_take(samples, RATE, [Contact(Fraction(round(time * RATE), RATE)) for time in contacts])
    moves = {float(move.start): float(move.to) for move in landed.moves}
    places = [next((to for start, to in moves.items() if abs(start - sound) < 0.004), sound) for sound in sounds]
    assert np.median(np.abs(np.array(places) - contacts)) < 0.02
    assert np.mean(np.abs(np.array(places) - contacts) < 0.025) >= 0.9
    onsets = onset_seconds(landed.samples)
    assert all(np.abs(onsets - place).min() < 0.005 for place in places)
    assert all(abs(start - join) > 0.1 for start in moves)
