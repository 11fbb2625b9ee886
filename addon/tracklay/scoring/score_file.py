"""Scores the WAV file of a take by the picture's proxy, in a process of its own (`tracklay.worker`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..landing.contacts import find_contacts
from ..media.wav_reader import WavReader
from .score import score_take


def score_wav(*, take: str, proxy: str | None, prompt: str, is_music: bool) -> dict[str, Any]:
    """Return the score of a take as its manifest entry has it.

    Args:
        take: path of the take, a WAV.
        proxy: path of the picture's proxy, which begins with the take; None if the model saw no moving picture.
        prompt: the sounds that the take was generated for.
        is_music: the take is music.

    Raises:
        MediaError: the take or the proxy cannot be read.
    """
    contacts = find_contacts(Path(proxy), prompt)[0] if proxy and not is_music else ()
    with WavReader(Path(take)) as wav:
        samples = wav.read(0, wav.format.samples)
        score = score_take(samples, wav.format.sample_rate, contacts, prompt=prompt, is_music=is_music)
    return score.to_dict()
