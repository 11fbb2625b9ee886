#!/usr/bin/env bash
# Sound in an MPEG transport stream is decoded late by its encoder's priming, which MP4 and Matroska remove.
# Expected: clicks encoded at 1, 2 and 3 s are decoded there.
# Seen with ffmpeg 9.0.2: late by AAC 1,024, MP3 1,105, AC-3 256, Opus 312, MP2 481 samples at 48 kHz; AAC in MP4 by 0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'imageio-ffmpeg==0.8.1' 'numpy==2.2.6'
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import subprocess
import sys

import imageio_ffmpeg
import numpy as np

folder, rate, program = sys.argv[1], 48000, imageio_ffmpeg.get_ffmpeg_exe()
clicks = np.zeros(rate * 4, np.float32)
for second in (1, 2, 3):
    clicks[second * rate : second * rate + 24] = 0.6
raw = ["-f", "f32le", "-ar", str(rate), "-ac", "1"]
print(subprocess.run([program, "-version"], capture_output=True, text=True).stdout.split()[2])
cases = [("aac", "mp4", 0), ("aac", "ts", 1024), ("libmp3lame", "ts", 1105), ("ac3", "ts", 256), ("libopus", "ts", 312), ("mp2", "ts", 481)]
for encoder, kind, expected in cases:
    path = f"{folder}/{encoder}.{kind}"
    encode = [program, "-v", "error", "-y", *raw, "-i", "-", "-c:a", encoder, "-b:a", "256k", path]
    subprocess.run(encode, input=clicks.tobytes(), check=True)
    heard = subprocess.run([program, "-v", "error", "-i", path, *raw, "-"], capture_output=True, check=True, stdin=subprocess.DEVNULL).stdout
    heard = np.abs(np.frombuffer(heard, np.float32))
    late = []
    for second in (1, 2, 3):
        first = int((second - 0.1) * rate)
        window = heard[first : first + int(0.2 * rate)]
        late.append(int(np.flatnonzero(window > 0.3 * window.max())[0]) + first - second * rate)
    print(f"{encoder} in {kind}: {late}")
    assert all(abs(offset - expected) <= 2 for offset in late), (encoder, kind, late)
PYTHON
