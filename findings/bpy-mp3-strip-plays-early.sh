#!/usr/bin/env bash
# An MP3 strip that begins with its file is mixed 1,105 samples early; the same strip with its start trimmed is exact.
# Expected: clicks at 1, 2 and 3 s are heard at 1, 2 and 3 s in both cases, as they are for FLAC and WAV.
# Seen with bpy 4.5.15 and 5.0.1: 1,104 or 1,105 samples early (the MP3 decoder delay of 529 + 576), trimmed within 1 sample.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/mix.py" <<'PYTHON'
import subprocess
import sys
import time
import wave

import bpy
import imageio_ffmpeg
import numpy as np

folder, rate = sys.argv[1], 48000
clicks = np.zeros(rate * 4, np.int16)
for second in (1, 2, 3):
    clicks[second * rate : second * rate + 24] = 20000
with wave.open(f"{folder}/clicks.wav", "wb") as file:
    file.setnchannels(1), file.setsampwidth(2), file.setframerate(rate)
    file.writeframes(clicks.tobytes())
encode = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", f"{folder}/clicks.wav"]
subprocess.run([*encode, "-c:a", "libmp3lame", "-b:a", "320k", f"{folder}/clicks.mp3"], check=True)
subprocess.run([*encode, f"{folder}/clicks.flac"], check=True)


def offsets(kind, trim):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps, scene.frame_start, scene.frame_end = 25, 1, 100
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strips.new_sound("clicks", f"{folder}/clicks.{kind}", 1, 1).frame_offset_start = trim
    path = f"{folder}/{kind}-{trim}.wav"
    bpy.ops.sound.mixdown(filepath=path, container="WAV", codec="PCM", format="S16")
    for _ in range(100):
        try:
            with wave.open(path) as file:
                heard = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)[:, 0]
            if len(heard) >= 4 * rate:
                break
        except (EOFError, wave.Error, FileNotFoundError):
            pass
        time.sleep(0.1)
    found = []
    for second in (1, 2, 3):
        first = int((second - 0.2) * rate)
        found.append(int(np.abs(heard[first : first + int(0.4 * rate)].astype(int)).argmax()) + first - second * rate)
    return found


print(bpy.app.version_string, {(kind, trim): offsets(kind, trim) for kind in ("flac", "mp3") for trim in (0, 10)})
assert all(offset == 0 for trim in (0, 10) for offset in offsets("flac", trim))
assert all(-1106 <= offset <= -1103 for offset in offsets("mp3", 0)), offsets("mp3", 0)
assert all(abs(offset) <= 1 for offset in offsets("mp3", 10)), offsets("mp3", 10)
PYTHON
for version in 4.5.15 5.0.1; do
  python3.11 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install -q "bpy==$version" 'numpy==1.26.4' 'imageio-ffmpeg==0.8.1'
  "$folder/$version/bin/python" "$folder/mix.py" "$folder"
done
