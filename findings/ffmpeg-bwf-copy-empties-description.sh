#!/usr/bin/env bash
# ffmpeg copies a Broadcast Wave to a Broadcast Wave without its Description: the text goes into another chunk.
# Expected: `-c copy -write_bext 1` of a BWF keeps bext's fields, as it keeps originator, time reference and coding history.
# Seen: ffmpeg 7.0.2 and 9.0.2 read Description under the name `comment` and write `description`; the copy's Description is 256 zeros and
# the text is in LIST/ICMT, where programs that read bext do not look. Setting `-metadata description=…` again restores it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/copy.py" <<'PYTHON'
import re
import subprocess
import sys

import imageio_ffmpeg

folder, program = sys.argv[1], imageio_ffmpeg.get_ffmpeg_exe()
run = [program, "-v", "error", "-y"]
version = subprocess.run([program, "-version"], capture_output=True, text=True).stdout.split()[2]


def bext(path):
    """Return Description, Originator and the file's LIST text."""
    data = open(path, "rb").read()
    start = data.index(b"bext") + 8
    listed = re.search(rb"ICMT.{4}([^\0]+)", data, re.DOTALL)
    return data[start : start + 256].rstrip(b"\0"), data[start + 256 : start + 288].rstrip(b"\0"), listed and listed[1]


tags = ["-metadata", "description=take 3, boom", "-metadata", "originator=recorder"]
subprocess.run([*run, "-f", "lavfi", "-i", "sine=d=0.1", "-write_bext", "1", *tags, f"{folder}/first.wav"], check=True)
subprocess.run([*run, "-i", f"{folder}/first.wav", "-c", "copy", "-write_bext", "1", f"{folder}/copy.wav"], check=True)
first, copy = bext(f"{folder}/first.wav"), bext(f"{folder}/copy.wav")
print(version, first, copy)
assert first == (b"take 3, boom", b"recorder", None), first
assert copy[0] == b"" and copy[2] == b"take 3, boom", copy
PYTHON
for version in 0.6.0 0.8.1; do # with ffmpeg 7.0.2 and 9.0.2
  python3 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install -q "imageio-ffmpeg==$version"
  "$folder/$version/bin/python" "$folder/copy.py" "$folder"
done
