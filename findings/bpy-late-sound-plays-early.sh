#!/usr/bin/env bash
# A video whose sound starts late in its file is mixed with the sound early, by twice the part of the delay that is less than a frame.
# Expected: a click at second 2 of the picture is heard at second 2, as a player plays it.
# Seen with bpy 4.5.15 and 5.0.1 (and Blender 5.2.2): at 25 frames per second a delay of 33 ms is heard 66 ms early, 50 ms (a frame and
# 10 ms) 20 ms early, 80 ms (two frames) exactly. A script that adds the sound alone with `new_sound` hears it early by the whole delay.
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


def write_video(delay_ms):
    sound = np.zeros(rate * (4000 - delay_ms) // 1000, np.int16)
    sound[rate * (2000 - delay_ms) // 1000] = 29000
    with wave.open(f"{folder}/sound.wav", "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(sound.tobytes())
    path = f"{folder}/late-{delay_ms}.mov"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "lavfi", "-i", "color=black:s=64x64:r=25:d=4"]
    command += ["-itsoffset", str(delay_ms / 1000), "-i", f"{folder}/sound.wav", "-map", "0", "-map", "1"]
    subprocess.run([*command, "-c:v", "libx264", "-c:a", "pcm_s16le", path], check=True)
    return path


def milliseconds_early(path, by_menu):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps, scene.frame_start, scene.frame_end = 25, 1, 100
    editor = scene.sequence_editor_create()
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "SEQUENCE_EDITOR"
    if hasattr(window.workspace, "sequencer_scene"):
        window.workspace.sequencer_scene = scene
    if by_menu:
        options = {"filepath": path, "frame_start": 1, "channel": 1, "sound": True}
        if "move_strips" in bpy.ops.sequencer.movie_strip_add.get_rna_type().properties:
            options["move_strips"] = False
        region = next(region for region in area.regions if region.type == "WINDOW")
        with bpy.context.temp_override(window=window, screen=window.screen, area=area, region=region):
            bpy.ops.sequencer.movie_strip_add(**options)
    else:
        editor.strips.new_sound("sound", path, 1, 1)
    mix = f"{path}.{by_menu}.wav"
    bpy.ops.sound.mixdown(filepath=mix, container="WAV", codec="PCM", format="S16", mixrate=rate)
    for _ in range(100):
        try:
            with wave.open(mix) as file:
                heard = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)[:, 0]
            if len(heard) >= 3 * rate:
                break
        except (EOFError, wave.Error, FileNotFoundError):
            pass
        time.sleep(0.1)
    return round((2 * rate - int(np.abs(heard.astype(int)).argmax())) * 1000 / rate)


videos = {delay: write_video(delay) for delay in (0, 33, 50, 80)}
found = {delay: (milliseconds_early(path, True), milliseconds_early(path, False)) for delay, path in videos.items()}
print(bpy.app.version_string, "delay: (added as a movie, added as a sound) ms early:", found)
assert found == {0: (0, 0), 33: (66, 33), 50: (20, 50), 80: (0, 80)}, found
PYTHON
for version in 4.5.15 5.0.1; do
  python3.11 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install -q "bpy==$version" 'numpy==1.26.4' 'imageio-ffmpeg==0.8.1'
  "$folder/$version/bin/python" "$folder/mix.py" "$folder"
done
