"""Speech by eSpeak NG, in several voices and languages, for tests and benchmarks: text to sound."""

from __future__ import annotations

import ctypes
import subprocess
import sys
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

_SYNCHRONOUS, _UTF8 = 2, 1


@cache
def speak(text: str, voice: str = "en-us", *, speed: int = 160, pitch: int = 50) -> npt.NDArray[np.float32]:
    """Return a sentence at 48 kHz, (samples,), with a peak of 1 and without the silence around it.

    In a process of its own: eSpeak NG says the same sentence otherwise after another one. The variant `+f2` is different each time.

    Args:
        text: the text.
        voice: eSpeak NG's name of the voice, as `de+f2`.
        speed: words a minute.
        pitch: 0 to 99.
    """
    program = [sys.executable, __file__, text, voice, str(speed), str(pitch)]
    made_rate, samples = subprocess.run(program, capture_output=True, check=True).stdout.split(b"\n", 1)
    sound = np.frombuffer(samples, np.int16).astype(np.float32) / 32768
    count = round(len(sound) * RATE / int(made_rate))
    spectrum = np.fft.rfft(sound)
    wide = np.zeros(count // 2 + 1, np.complex128)
    wide[: len(spectrum)] = spectrum
    sound = np.fft.irfft(wide, count)
    sound /= np.abs(sound).max()
    audible = np.flatnonzero(np.abs(sound) > 0.01)
    return np.asarray(sound[audible[0] : audible[-1] + 1], np.float32)


def _synthesize(text: str, voice: str, speed: int, pitch: int) -> tuple[int, bytes]:
    """Return the sample rate and the samples, 16 bits each, of a sentence as eSpeak NG says it.

    Synchronously: its own thread, which the other modes start, does not reliably survive a call into Python.
    """
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
    assert rate > 0, "eSpeak NG cannot be started"
    heard = bytearray()
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

    def hear(samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            heard.extend(ctypes.string_at(samples, count * 2))
        return 0

    callback = kind(hear)
    library.espeak_SetSynthCallback(callback)
    assert library.espeak_SetVoiceByName(voice.encode()) == 0, voice
    library.espeak_SetParameter(1, speed, 0)
    library.espeak_SetParameter(3, pitch, 0)
    encoded = text.encode()
    assert library.espeak_Synth(encoded, len(encoded) + 1, 0, 1, 0, _UTF8, None, None) == 0
    return rate, bytes(heard)


if __name__ == "__main__":
    rate, samples = _synthesize(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    sys.stdout.buffer.write(b"%d\n" % rate + samples)
