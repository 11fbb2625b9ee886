#!/usr/bin/env bash
# Blender's sound.mixdown, called from a script, takes neither the mix rate nor the channels of the scene, and writes more than the range.
# Expected: a scene set to 44.1 kHz mono, 100 frames at 25 fps, is mixed to 176,400 mono samples at 44.1 kHz.
# Seen with bpy 4.5.15 and 5.0.1: 192,512 stereo samples at 48 kHz; 176,672 where both are passed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/mix.py" <<'PYTHON'
import sys
import time
import wave

import bpy

folder = sys.argv[1]
with wave.open(f"{folder}/silence.wav", "wb") as file:
    file.setnchannels(1), file.setsampwidth(2), file.setframerate(44100)
    file.writeframes(bytes(2 * 44100 * 4))
scene = bpy.context.scene
scene.render.fps, scene.frame_start, scene.frame_end = 25, 1, 100
scene.render.ffmpeg.audio_mixrate, scene.render.ffmpeg.audio_channels = 44100, "MONO"
scene.sequence_editor_create()
strips = scene.sequence_editor.strips if hasattr(scene.sequence_editor, "strips") else scene.sequence_editor.sequences
strips.new_sound("silence", f"{folder}/silence.wav", 1, 1)


def mixed(**more):
    path = f"{folder}/mix-{len(more)}.wav"
    bpy.ops.sound.mixdown(filepath=path, container="WAV", codec="PCM", format="S16", **more)
    for _ in range(100):  # the writer ends a little after the operator
        try:
            with wave.open(path) as file:
                if file.getnframes():
                    return file.getframerate(), file.getnchannels(), file.getnframes()
        except (EOFError, wave.Error, FileNotFoundError):
            pass
        time.sleep(0.1)


plain, given = mixed(), mixed(mixrate=44100, channels="MONO")
print(bpy.app.version_string, "scene 44100 Hz mono:", plain, "| passed to the operator:", given)
assert plain == (48000, 2, 192512), plain
assert given[:2] == (44100, 1) and given[2] == 176672, given
PYTHON
for version in 4.5.15 5.0.1; do
  python3.11 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install -q "bpy==$version" 'numpy==1.26.4'
  "$folder/$version/bin/python" "$folder/mix.py" "$folder"
done
