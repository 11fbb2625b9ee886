#!/usr/bin/env bash
# One Matroska file decodes to samples that lie elsewhere in ffmpeg 7 than in ffmpeg 9: only 9 removes the encoder's priming.
# Expected: clicks encoded at 1, 2 and 3 s are decoded there by every version, as they are from MP4.
# Seen: ffmpeg 7.0.2 is late by AAC 1,024, MP3 1,105, AC-3 256, MP2 481 samples; 9.0.2 by 0. Each version reads its own file.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/decode.py" <<'PYTHON'
import subprocess
import sys

import imageio_ffmpeg
import numpy as np

folder, rate, program = sys.argv[1], 48000, imageio_ffmpeg.get_ffmpeg_exe()
clicks = np.zeros(rate * 4, np.float32)
for second in (1, 2, 3):
    clicks[second * rate : second * rate + 24] = 0.6
version = subprocess.run([program, "-version"], capture_output=True, text=True).stdout.split()[2]
found = {}
for codec, encoder in {"aac": "aac", "mp3": "libmp3lame", "ac3": "ac3", "mp2": "mp2"}.items():
    path = f"{folder}/{codec}.mkv"
    raw = ["-f", "f32le", "-ar", str(rate), "-ac", "1"]
    encode = [program, "-v", "error", "-y", *raw, "-i", "-", "-c:a", encoder, "-b:a", "320k", path]
    subprocess.run(encode, input=clicks.tobytes(), check=True)
    heard = subprocess.run([program, "-v", "error", "-i", path, *raw, "-"], capture_output=True, check=True, stdin=subprocess.DEVNULL).stdout
    heard = np.abs(np.frombuffer(heard, np.float32))
    late = []
    for second in (1, 2, 3):
        first = int((second - 0.1) * rate)
        window = heard[first : first + int(0.2 * rate)]
        late.append(int(np.flatnonzero(window > 0.3 * window.max())[0]) + first - second * rate)
    found[codec] = late
print(version, found)
expected = {"aac": 1024, "mp3": 1105, "ac3": 256, "mp2": 481} if version.startswith("7.0.2") else dict.fromkeys(found, 0)
assert all(abs(offset - expected[codec]) <= 2 for codec, offsets in found.items() for offset in offsets), found
PYTHON
for version in 0.6.0 0.8.1; do # with ffmpeg 7.0.2 and 9.0.2
  python3 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install -q "imageio-ffmpeg==$version" 'numpy==2.2.6'
  "$folder/$version/bin/python" "$folder/decode.py" "$folder"
done
