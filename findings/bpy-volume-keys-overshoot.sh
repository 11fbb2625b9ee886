#!/usr/bin/env bash
# A sound strip's keyed volume overshoots between neighbouring frames when it is mixed, though its F-curve does not.
# Expected: a constant signal with volume keys 1 at frame 10 and 0 at frame 11 moves from 1 to 0 and stays there.
# Seen with bpy 4.5.15 and 5.0.1: 1.066 at frame 10, 0.62 half a frame after the key of 0, and -0.048 at the lowest.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/mix.py" <<'PYTHON'
import sys
import time
import wave

import bpy
import numpy as np

folder = sys.argv[1]
with wave.open(f"{folder}/level.wav", "wb") as file:
    file.setnchannels(2), file.setsampwidth(2), file.setframerate(48000)
    file.writeframes(np.full(48000 * 4 * 2, 16000, np.int16).tobytes())
scene = bpy.context.scene
scene.render.fps, scene.frame_start, scene.frame_end = 25, 1, 60
editor = scene.sequence_editor_create()
strips = editor.strips if hasattr(editor, "strips") else editor.sequences
strip = strips.new_sound("level", f"{folder}/level.wav", 2, 1)
for frame, volume in ((1, 1), (10, 1), (11, 0), (40, 0), (41, 1), (60, 1)):
    strip.volume = volume
    strip.keyframe_insert("volume", frame=frame)
action = scene.animation_data.action
curves = action.fcurves if hasattr(action, "fcurves") else action.layers[0].strips[0].channelbags[0].fcurves
curve = [curves[0].evaluate(frame / 8) for frame in range(8, 480)]
path = f"{folder}/mix.wav"
bpy.ops.sound.mixdown(filepath=path, container="WAV", codec="PCM", format="S16")
for _ in range(100):
    try:
        with wave.open(path) as file:
            heard = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)[:, 0] / 16000
        if len(heard) >= 60 * 1920:
            break
    except (EOFError, wave.Error, FileNotFoundError):
        pass
    time.sleep(0.1)
after = float(heard[int(10.5 * 1920)])  # half a frame after frame 11
print(bpy.app.version_string, f"F-curve {min(curve):.3f} to {max(curve):.3f}; heard {heard.min():.3f} to {heard.max():.3f}; {after:.2f} at frame 11.5")
assert min(curve) >= 0 and max(curve) <= 1
assert 1.05 < heard.max() < 1.08 and -0.07 < heard.min() < -0.03, (heard.min(), heard.max())
assert 0.5 < after < 0.7, after
PYTHON
for version in 4.5.15 5.0.1; do
  python3.11 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install -q "bpy==$version" 'numpy==1.26.4'
  "$folder/$version/bin/python" "$folder/mix.py" "$folder"
done
