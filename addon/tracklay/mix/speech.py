"""Finds when someone speaks: the network of Silero VAD in numpy, over sound that comes in blocks of any size.

The weights are Silero's own (`silero_vad_licence.txt`, converted by `scripts/convert_silero_vad.py`); `docs/mix.md` has the comparison with
other detectors. The network is a short transform, four convolutions and a recurrent cell over chunks of 32 ms. The convolutions see one
chunk each, so all are computed together. The recurrent cell is the slow part: it runs over several stretches of the sound side by side,
each begun a little earlier, for it forgets within seconds.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

import numpy as np

from ..cue import SAMPLE_RATE

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

WEIGHTS: Final = "silero_vad.npz"

_DETECTION_RATE = 16_000
_DECIMATION = SAMPLE_RATE // _DETECTION_RATE
_CHUNK, _CONTEXT, _REFLECTED = 512, 64, 64  # samples at 16 kHz: a chunk, those before it, and those mirrored after it
CHUNK_SAMPLES: Final = _CHUNK * _DECIMATION
"""Samples at 48 kHz of one decision, 32 ms."""

_WINDOW, _HOP = 256, 128
_UNITS = 128

_LANES, _LANE_CHUNKS, _WARM_UP_CHUNKS = 16, 512, 96
"""Stretches that the recurrent cell runs over side by side: 16 s each, begun 3 s earlier."""

_BLOCK = 32_768  # samples at 16 kHz that are resampled at a time
_MARGIN = 256  # samples at 16 kHz to either side that the filter of the resampling sees
_PASS_HZ, _STOP_HZ = 7200, 8000

SPEECH_FROM, SPEECH_UNTIL = 0.5, 0.35
"""Probability from which speech begins, and to which it lasts."""

SPEECH_MEAN = 0.75
"""Mean probability of a stretch of speech. Those of speech at 6 dB over its bed have 0.88 or more, choirs and brass less than this."""

_LAG_CHUNKS = 2  # the network notices an end later than a beginning
_SHORTEST_GAP_SECONDS, _SHORTEST_SPEECH_SECONDS = 0.3, 0.2


class SpeechDetector:
    """Finds speech in one sound at 48 kHz. `add` its blocks in order, then ask for `spans`."""

    def __init__(self) -> None:
        self._resampler = _Resampler()
        self._waiting = np.zeros(_CONTEXT, np.float32)  # samples at 16 kHz, those of the context before the first chunk
        self._features = np.zeros((0, _UNITS), np.float32)
        self._warm_up = np.zeros((0, _UNITS), np.float32)
        self._probabilities: list[Floats] = []
        self._samples = 0

    def add(self, block: Floats) -> None:
        """Look at the next samples, (n,), one channel."""
        self._samples += len(block)
        self._detect(self._resampler.add(block))

    def _detect(self, sound: Floats) -> None:
        """Take samples at 16 kHz; the recurrent cell runs when there is enough for all lanes."""
        self._waiting = np.concatenate([self._waiting, sound])
        chunks = (len(self._waiting) - _CONTEXT) // _CHUNK
        if chunks > 0:
            self._features = np.concatenate([self._features, _encode(self._waiting, chunks)])
            self._waiting = self._waiting[chunks * _CHUNK :]
        while len(self._features) >= _LANES * _LANE_CHUNKS:
            self._run(_LANES * _LANE_CHUNKS)

    def _run(self, chunks: int) -> None:
        """Run the recurrent cell over the next chunks."""
        done, self._features = self._features[:chunks], self._features[chunks:]
        self._probabilities.append(_recur(self._warm_up, done))
        self._warm_up = np.concatenate([self._warm_up, done])[-_WARM_UP_CHUNKS:]

    def probabilities(self) -> Floats:
        """Return the probability of speech in each `CHUNK_SAMPLES` of the whole sound. Nothing can be added afterwards."""
        self._detect(self._resampler.finish())
        missing = -(-self._samples // CHUNK_SAMPLES) - len(self._features) - sum(map(len, self._probabilities))
        if missing > 0:
            self._detect(np.zeros(missing * _CHUNK, np.float32))
        if len(self._features):
            self._run(len(self._features))
        return np.concatenate([np.zeros(0, np.float32), *self._probabilities])[: -(-self._samples // CHUNK_SAMPLES)]

    def spans(self) -> list[tuple[int, int]]:
        """Return the first sample of each stretch of speech and the first one after it. Nothing can be added afterwards."""
        return speech_spans(self.probabilities(), self._samples)


def speech_spans(probabilities: Floats, samples: int) -> list[tuple[int, int]]:
    """Return the stretches of speech in probabilities of consecutive `CHUNK_SAMPLES`, within a sound of that length."""
    spans: list[tuple[int, int]] = []
    start: int | None = None
    for index, probability in enumerate([*probabilities.tolist(), 0.0]):
        if start is None and probability >= SPEECH_FROM:
            start = index
        elif start is not None and probability < SPEECH_UNTIL:
            first, stop = start * CHUNK_SAMPLES, min(samples, max(start + 1, index - _LAG_CHUNKS) * CHUNK_SAMPLES)
            if spans and first - spans[-1][1] < _SHORTEST_GAP_SECONDS * SAMPLE_RATE:
                spans[-1] = spans[-1][0], stop
            else:
                spans.append((first, stop))
            start = None
    return [
        (first, stop)
        for first, stop in spans
        if stop - first >= _SHORTEST_SPEECH_SECONDS * SAMPLE_RATE
        and probabilities[first // CHUNK_SAMPLES : -(-stop // CHUNK_SAMPLES)].mean() >= SPEECH_MEAN
    ]


class _Resampler:
    """Resamples blocks from 48 to 16 kHz, by the transforms of overlapping blocks: nothing is late."""

    def __init__(self) -> None:
        self._pending = np.zeros(_MARGIN * _DECIMATION, np.float32)

    def add(self, block: Floats) -> Floats:
        self._pending = np.concatenate([self._pending, block])
        whole = (_BLOCK + 2 * _MARGIN) * _DECIMATION
        done: list[Floats] = []
        while len(self._pending) >= whole:
            done.append(_resample(self._pending[:whole]))
            self._pending = self._pending[_BLOCK * _DECIMATION :]
        return np.concatenate([np.zeros(0, np.float32), *done])

    def finish(self) -> Floats:
        rest = len(self._pending) - _MARGIN * _DECIMATION
        if rest <= 0:
            return np.zeros(0, np.float32)
        padded = np.zeros((_BLOCK + 2 * _MARGIN) * _DECIMATION, np.float32)
        padded[: len(self._pending)] = self._pending
        self._pending = self._pending[:0]
        return _resample(padded)[: -(-rest // _DECIMATION)]


def _resample(block: Floats) -> Floats:
    count = len(block) // _DECIMATION
    spectrum = np.fft.rfft(block)[: count // 2 + 1] * (_low_pass(count) / _DECIMATION)
    return np.fft.irfft(spectrum, count)[_MARGIN:-_MARGIN].astype(np.float32)


@cache
def _low_pass(count: int) -> Floats:
    hertz = np.fft.rfftfreq(count, 1 / _DETECTION_RATE)
    slope = np.clip((_STOP_HZ - hertz) / (_STOP_HZ - _PASS_HZ), 0, 1)
    return (0.5 - 0.5 * np.cos(np.pi * slope)).astype(np.float32)


@cache
def _weights() -> dict[str, Floats]:
    with resources.files(__package__).joinpath(WEIGHTS).open("rb") as file, np.load(file) as stored:
        return {name: np.ascontiguousarray(stored[name].astype(np.float32)) for name in stored.files}


def _encode(sound: Floats, chunks: int) -> Floats:
    """Return the features of each chunk, (chunks, units); the sound begins with the context of the first one."""
    weights = _weights()
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)).astype(np.float32)
    pieces = np.lib.stride_tricks.sliding_window_view(sound, _CONTEXT + _CHUNK)[::_CHUNK][:chunks]
    mirrored = np.concatenate([pieces, pieces[:, -2 : -2 - _REFLECTED : -1]], axis=1)
    frames = np.lib.stride_tricks.sliding_window_view(mirrored, _WINDOW, axis=1)[:, ::_HOP]
    features: Floats = np.abs(np.fft.rfft(frames * window)).astype(np.float32)
    for layer, stride in (("conv1", 1), ("conv2", 2), ("conv3", 2), ("conv4", 1)):
        kernel = weights[f"{layer}.weight"]
        padded = np.pad(features, ((0, 0), (1, 1), (0, 0)))
        taps = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=1)[:, ::stride]
        flat = taps.reshape(len(taps), taps.shape[1], -1) @ kernel.reshape(len(kernel), -1).T
        features = np.maximum(flat + weights[f"{layer}.bias"], 0)
    return features[:, 0]


def _recur(before: Floats, features: Floats) -> Floats:
    """Return the probability of each chunk; `before` are the features of the chunks before the first."""
    weights = _weights()
    lanes = min(_LANES, -(-len(features) // _LANE_CHUNKS))
    length = -(-len(features) // lanes)
    warm = np.zeros((_WARM_UP_CHUNKS, _UNITS), np.float32)
    skipped = _WARM_UP_CHUNKS - len(before)  # the first lane has no more before it: its state is 0 until then
    if len(before):
        warm[-len(before) :] = before
    padded = np.concatenate([warm, features, np.zeros((lanes * length - len(features), _UNITS), np.float32)])
    rows = np.stack([padded[lane * length : lane * length + _WARM_UP_CHUNKS + length] for lane in range(lanes)], axis=1)
    bias = weights["lstm_cell.bias_ih"] + weights["lstm_cell.bias_hh"]
    from_inputs = rows @ weights["lstm_cell.weight_ih"].T + bias
    from_state = np.ascontiguousarray(weights["lstm_cell.weight_hh"].T)
    state, cell = np.zeros((2, lanes, _UNITS), np.float32)
    states = np.empty((_WARM_UP_CHUNKS + length, lanes, _UNITS), np.float32)
    for step, inputs in enumerate(from_inputs):
        gates = inputs + state @ from_state
        keep = _sigmoid(gates[:, : 2 * _UNITS])
        cell = keep[:, _UNITS:] * cell + keep[:, :_UNITS] * np.tanh(gates[:, 2 * _UNITS : 3 * _UNITS])
        state = _sigmoid(gates[:, 3 * _UNITS :]) * np.tanh(cell)
        if step < skipped:
            state[0], cell[0] = 0, 0
        states[step] = state
    kept = np.maximum(states[_WARM_UP_CHUNKS:], 0) @ weights["final_conv.weight"][0, :, 0]
    probabilities: Floats = _sigmoid(kept + weights["final_conv.bias"]).T.reshape(-1)[: len(features)]
    return probabilities


def _sigmoid(values: Floats) -> Floats:
    result: Floats = 0.5 + 0.5 * np.tanh(0.5 * values)
    return result
