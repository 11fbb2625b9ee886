"""The loudspeaker layouts of sounds and mixes, and the gains from one to another (ITU-R BS.775)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

MONO: Final = 1
STEREO: Final = 2
SURROUND: Final = 6

LAYOUTS: Final[Mapping[str, int]] = {"mono": MONO, "stereo": STEREO, "5.1": SURROUND}
"""The layouts that a mix can have, and their channels."""

SURROUND_SOURCE_CHANNELS: Final = 5
"""Channels from which a sound is surround: recorders write four microphones as four channels, too."""

_SPEAKERS = {
    1: ("M",),
    2: ("L", "R"),
    3: ("L", "R", "C"),
    4: ("L", "R", "Ls", "Rs"),
    5: ("L", "R", "C", "Ls", "Rs"),
    6: ("L", "R", "C", "LFE", "Ls", "Rs"),
    7: ("L", "R", "C", "LFE", "Cs", "Ls", "Rs"),
    8: ("L", "R", "C", "LFE", "Lb", "Rb", "Ls", "Rs"),
}
"""The loudspeakers of each number of channels, in the order of WAV. "M" is the one channel of mono."""

_AT_3_DB = 0.5**0.5
_TO_STEREO = {
    "M": (1, 1),
    "L": (1, 0),
    "R": (0, 1),
    "C": (_AT_3_DB, _AT_3_DB),
    "LFE": (0, 0),
    "Ls": (_AT_3_DB, 0),
    "Rs": (0, _AT_3_DB),
    "Lb": (_AT_3_DB, 0),
    "Rb": (0, _AT_3_DB),
    "Cs": (0.5, 0.5),
}
_TO_SURROUND: Mapping[str, Mapping[str, float]] = {
    "M": {"C": 1},  # a voice or a spot effect in one channel belongs to the centre
    "Lb": {"Ls": _AT_3_DB},
    "Rb": {"Rs": _AT_3_DB},
    "Cs": {"Ls": _AT_3_DB, "Rs": _AT_3_DB},
}


def name_of_channels(channels: int) -> str:
    """Return the name of a mix's layout, which is ffmpeg's, too."""
    return next(name for name, count in LAYOUTS.items() if count == channels)


def choose_channels(sources: Iterable[int]) -> int:
    """Return the channels of a mix of sounds with these numbers of channels: 5.1 if one of them is surround, else stereo."""
    return SURROUND if any(channels >= SURROUND_SOURCE_CHANNELS for channels in sources) else STEREO


def to_layout(samples: Samples, channels: int) -> Samples:
    """Return samples, (n, channels), in the layout of 1, 2 or 6 channels. Low frequencies of 5.1 are in no smaller layout."""
    have = samples.shape[1]
    if have == channels:
        return samples
    if have not in _SPEAKERS:
        samples, have = samples[:, :STEREO], STEREO
    placed: Samples = samples if have == channels else samples @ layout_gains(have, channels)
    return placed


@cache
def layout_gains(have: int, want: int) -> npt.NDArray[np.float32]:
    """Return the gain of each channel of a layout in each channel of another, (have, want)."""
    speakers = _SPEAKERS[have]
    if want == SURROUND:
        places = _SPEAKERS[SURROUND]
        rows = [[_TO_SURROUND.get(speaker, {speaker: 1}).get(place, 0) for place in places] for speaker in speakers]
        return np.array(rows, np.float32)
    stereo = np.array([_TO_STEREO[speaker] for speaker in speakers], np.float32)
    return stereo if want == STEREO else stereo.mean(axis=1, keepdims=True)
