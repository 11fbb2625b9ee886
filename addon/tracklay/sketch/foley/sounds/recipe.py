"""The recipe of one class of sounds: its layers and its levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .layers import Layer


@dataclass(frozen=True, slots=True)
class SoundClass:
    """One kind of sound.

    Attributes:
        layers: what it is made of.
        loudness: momentary loudness (ITU-R BS.1770, the 400 ms from 50 ms before the attack) at strength 1, LUFS.
        sustained: it lasts as long as its event, not as long as it decays.
        dynamic_range: difference between strength 0 and 1, dB.
        ring_share: share of the time to the next hit in which a ringing part falls by 20 dB.
    """

    layers: tuple[Layer, ...]
    loudness: float
    sustained: bool = False
    dynamic_range: float = 20.0
    ring_share: float = 0.4
