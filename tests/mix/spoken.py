"""Speech by eSpeak NG, in several voices and languages, for tests and benchmarks: text to sound."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import espeakng_loader
import numpy as np
import numpy.typing as npt

RATE = 48_000

SENTENCES = {
    "en-us": (
        "We have to leave before the storm comes in.",
        "The bridge was closed when we came home.",
        "Where did you put the letter?",
    ),
    "en": (
        "The train was late, as it always is on Mondays.",
        "I do not believe that he was guilty.",
        "Please, take a seat by the window.",
    ),
    "de": (
        "Wir müssen gehen, bevor der Regen kommt.",
        "Das habe ich doch schon gestern gesagt.",
        "Wer hat die Tür offen gelassen?",
    ),
    "fr": (
        "Il faut partir avant la nuit, mon ami.",
        "Je ne sais pas où elle habite maintenant.",
        "Tu as vu la lettre sur la table?",
    ),
    "es": (
        "No quiero volver a esa casa nunca más.",
        "Dime dónde escondiste las llaves.",
        "Mañana hablamos con más calma.",
    ),
    "it": (
        "Non ho mai visto una cosa del genere.",
        "Andiamo a casa prima che faccia buio.",
        "Chi ha chiamato la polizia?",
    ),
    "pt": ("Eu não sei o que aconteceu com ele.", "A gente precisa falar com a polícia.", "Onde está a minha mala?"),
    "sv": ("Jag vet inte var han bor längre.", "Vi måste prata om det i morgon.", "Vem har stängt dörren?"),
}
"""Sentences by the language of the voice."""

VARIANTS = ("", "+f2", "+m3", "+f4", "+m7", "+croak")
"""Variants of a voice, as eSpeak NG names them."""

_RETRIEVAL, _UTF8 = 1, 1


@cache
def _library() -> tuple[Any, int]:
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = library.espeak_Initialize(_RETRIEVAL, 0, espeakng_loader.get_data_path().encode(), 0)
    assert rate > 0, "eSpeak NG cannot be started"
    return library, rate


def speak(text: str, voice: str = "en-us", *, speed: int = 160, pitch: int = 50) -> npt.NDArray[np.float32]:
    """Return a sentence at 48 kHz, (samples,), with a peak of 1 and without the silence around it.

    Args:
        text: the text.
        voice: eSpeak NG's name of the voice, as `de+f2`.
        speed: words a minute.
        pitch: 0 to 99.
    """
    library, made_rate = _library()
    heard: list[npt.NDArray[np.int16]] = []
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

    def hear(samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            heard.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    callback = kind(hear)
    library.espeak_SetSynthCallback(callback)
    assert library.espeak_SetVoiceByName(voice.encode()) == 0, voice
    library.espeak_SetParameter(1, speed, 0)
    library.espeak_SetParameter(3, pitch, 0)
    encoded = text.encode()
    assert library.espeak_Synth(encoded, len(encoded) + 1, 0, 1, 0, _UTF8, None, None) == 0
    library.espeak_Synchronize()
    sound = np.concatenate(heard).astype(np.float32) / 32768
    count = round(len(sound) * RATE / made_rate)
    spectrum = np.fft.rfft(sound)
    wide = np.zeros(count // 2 + 1, np.complex128)
    wide[: len(spectrum)] = spectrum
    sound = np.fft.irfft(wide, count)
    sound /= np.abs(sound).max()
    audible = np.flatnonzero(np.abs(sound) > 0.01)
    return np.asarray(sound[audible[0] : audible[-1] + 1], np.float32)
