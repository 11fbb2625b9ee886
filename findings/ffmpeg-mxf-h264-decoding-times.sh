#!/usr/bin/env bash
# ffmpeg writes H.264 with B-frames to MXF without the offsets of its index: every packet is read back with its time of decoding as its
# time of presentation, and the decoder shows the frames at times with a hole after the first.
# Expected: 40 frames, one each 1/25 s, as in the same stream in MP4; or packets without a time of presentation.
# Seen with ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/times.py" <<'PYTHON'
import re
import subprocess
import sys

import imageio_ffmpeg

ffmpeg, folder, steps = imageio_ffmpeg.get_ffmpeg_exe(), sys.argv[1], {}
for suffix in ("mp4", "mxf"):
    path = f"{folder}/clip.{suffix}"
    making = ["-f", "lavfi", "-i", "testsrc=s=64x64:r=25:d=1.6", "-c:v", "libx264", "-bf", "3", "-pix_fmt", "yuv420p"]
    subprocess.run([ffmpeg, "-v", "error", *making, path], check=True)
    showing = ["-vf", "showinfo=checksum=0", "-fps_mode", "passthrough", "-f", "null", "-"]
    log = subprocess.run([ffmpeg, "-hide_banner", "-i", path, *showing], capture_output=True, text=True, check=True).stderr
    times = [float(time) for time in re.findall(r"n: *\d+ pts: *\d+ pts_time:(\S+)", log)]
    steps[suffix] = [round((after - before) * 25) for before, after in zip(times, times[1:])]
    print(suffix, len(times), steps[suffix])
assert set(steps["mp4"]) == {1}, steps
assert set(steps["mxf"]) != {1}, steps
assert steps["mxf"][0] > 1, steps
PYTHON
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install -q 'imageio-ffmpeg==0.8.1'
"$folder/env/bin/python" "$folder/times.py" "$folder"
