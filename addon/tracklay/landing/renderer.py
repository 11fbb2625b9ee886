"""Renders a layout: pieces and crossfades between them, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..listening.spectrum import padded
from .ringing import RESPONSE_SAMPLES, extrapolate_ring
from .texture import CONTEXT_SECONDS, crossfade

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..listening.spectrum import ReadSamples, Samples
    from .layout import Overlay, Piece, Ring
    from .texture import Background

ATTACK_FADE_SECONDS = 0.016
"""Crossfade into a unit, around its start: it ends before the attack, which is 9 ms later at least."""

SHORT_FADE_SECONDS, FADE_TO_ATTACK_SECONDS = 0.002, 0.001
"""Crossfade into a unit whose background is much louder than what is there, so that it is not heard before the attack: its length, and
the distance of its end from the attack."""

LOUDER_POWER = 4.0
"""Ratio of powers, 6 dB, from which a background is much louder."""

END_FADE_SECONDS = 0.04
"""Crossfade to the background. After a unit, all of it is before the unit's end, as the next attack may follow there; after a fill, all of
it is after the fill's end, as the event that was moved away is before."""

RING_KNOWN_SECONDS = 0.08
"""Longest decay from which its course is learnt."""

OVERLAY_FADE_SECONDS = 0.02
"""Fades of a decay that goes on under a later unit."""

BLOCK_SAMPLES = 1 << 16
"""Samples rendered at a time."""


@dataclass(frozen=True, slots=True)
class _Junction:
    """The crossfade between two pieces, from `start` to `stop` in the laid take."""

    start: int
    stop: int


class LayoutRenderer:
    """Renders the pieces of a layout from the samples of a take."""

    def __init__(
        self,
        read: ReadSamples,
        length: int,
        sample_rate: int,
        pieces: Sequence[Piece],
        overlays: Sequence[Overlay],
        background: Background,
    ) -> None:
        self._read, self._length, self._rate = read, length, sample_rate
        self._pieces, self._overlays, self._background = pieces, overlays, background
        self._fills: dict[int, tuple[int, Samples]] = {}
        self._rings: dict[Ring, Samples] = {}
        self._junctions = [self._junction(before, after) for before, after in pairwise(pieces)]
        self.gain = 1.0
        """Factor of all samples."""

    def _junction(self, before: Piece, after: Piece) -> _Junction:
        """Return the crossfade between two neighbours. It takes at most 0.4 of each, so that crossfades never meet."""
        at = after.start
        room = int(0.4 * min(before.stop - before.start, after.stop - after.start))
        if after.attack is not None:
            if self._begins_louder(before, after):
                end = after.attack - round(FADE_TO_ATTACK_SECONDS * self._rate)
                return _Junction(end - min(round(SHORT_FADE_SECONDS * self._rate), room), end)
            half = min(round(ATTACK_FADE_SECONDS * self._rate / 2), room)
            return _Junction(at - half, at + half)
        fade = min(round(END_FADE_SECONDS * self._rate), room)
        return _Junction(at, at + fade) if before.shift is None else _Junction(at - fade, at)

    def _begins_louder(self, before: Piece, after: Piece) -> bool:
        """Return whether a unit's background is much louder than what it follows. A fill is taken to be as loud as any background."""
        reach = round(ATTACK_FADE_SECONDS * self._rate / 2)
        powers = []
        for piece in (before, after):
            start = after.start - reach
            if piece.shift is None:
                power = self._background.power
            else:
                sound = padded(self._read, start - piece.shift, start - piece.shift + 2 * reach, self._length)
                power = float(np.mean(sound.astype(np.float64) ** 2))
            if piece.ring is not None:
                power += float(np.mean(self._ring_part(piece.ring, start, start + 2 * reach).astype(np.float64) ** 2))
            powers.append(power)
        return powers[1] > LOUDER_POWER * powers[0]

    @property
    def cuts(self) -> list[int]:
        """The samples at which pieces meet."""
        return [piece.start for piece in self._pieces[1:]]

    def blocks(self) -> Iterator[Samples]:
        """Yield the laid take, as many samples as the take has."""
        for start in range(0, self._length, BLOCK_SAMPLES):
            yield self.render(start, min(start + BLOCK_SAMPLES, self._length))

    def render(self, start: int, stop: int) -> Samples:
        """Return the laid take from `start` to `stop`."""
        if stop <= start:
            return self._read(0, 0)
        parts = []
        for at, piece in enumerate(self._pieces):
            begin = self._junctions[at - 1].stop if at else 0
            end = self._junctions[at].start if at < len(self._junctions) else self._length
            if begin < stop and end > start:
                parts.append(self._sound(at, max(begin, start), min(end, stop)))
            if at < len(self._junctions):
                junction = self._junctions[at]
                if junction.start < stop and junction.stop > start:
                    whole = crossfade(
                        self._sound(at, junction.start, junction.stop),
                        self._sound(at + 1, junction.start, junction.stop),
                    )
                    low = max(start, junction.start) - junction.start
                    parts.append(whole[low : min(stop, junction.stop) - junction.start])
            if piece.stop >= stop + END_FADE_SECONDS * self._rate:
                break
        out = np.concatenate(parts)
        for overlay in self._overlays:
            if overlay.start < stop and overlay.stop > start:
                decay = self._decay(overlay)
                low, high = max(start, overlay.start), min(stop, overlay.stop)
                out[low - start : high - start] += decay[low - overlay.start : high - overlay.start]
        return out if self.gain == 1 else out * np.float32(self.gain)

    def _sound(self, at: int, start: int, stop: int) -> Samples:
        """Return what a piece holds from `start` to `stop` of the laid take; that may reach beyond its own ends."""
        sound = self._sound_without_ring(at, start, stop)
        ring = self._pieces[at].ring
        return sound if ring is None else sound + self._ring_part(ring, start, stop)

    def _sound_without_ring(self, at: int, start: int, stop: int) -> Samples:
        piece = self._pieces[at]
        if piece.shift is not None:
            return padded(self._read, start - piece.shift, stop - piece.shift, self._length)
        if at not in self._fills:
            begin = self._junctions[at - 1].start if at else 0
            end = self._junctions[at].stop if at < len(self._junctions) else self._length
            context = round(CONTEXT_SECONDS * self._rate)
            before = self._sound(at - 1, begin - context, begin) if at else np.zeros((0, 1), np.float32)
            # Only the latest is kept: blocks follow one another.
            self._fills = {at: (begin, self._background.fill(end - begin, begin, before))}
        begin, sound = self._fills[at]
        return sound[start - begin : stop - begin]

    def _ring_part(self, ring: Ring, start: int, stop: int) -> Samples:
        """Return how a decay goes on from `start` to `stop` of the laid take. It begins where the crossfade after its unit may."""
        begin = ring.stop - round(END_FADE_SECONDS * self._rate)
        if ring not in self._rings:
            known = self._background.decay_alone(max(ring.start, begin - round(RING_KNOWN_SECONDS * self._rate)), begin)
            # Only the latest is kept: blocks follow one another.
            self._rings = {ring: extrapolate_ring(known, RESPONSE_SAMPLES)}
        sound = self._rings[ring]
        first = begin + ring.shift
        return padded(lambda a, b: sound[a:b], start - first, stop - first, len(sound))

    def _decay(self, overlay: Overlay) -> Samples:
        decay = self._background.decay_alone(overlay.start - overlay.shift, overlay.stop - overlay.shift)
        count = len(decay)
        into, out = (
            min(round(ATTACK_FADE_SECONDS * self._rate), count),
            min(round(OVERLAY_FADE_SECONDS * self._rate), count),
        )
        decay[:into] *= np.linspace(0, 1, into, endpoint=False, dtype=np.float32)[:, None]
        decay[count - out :] *= np.linspace(1, 0, out, dtype=np.float32)[:, None]
        return decay
