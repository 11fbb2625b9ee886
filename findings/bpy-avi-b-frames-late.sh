#!/usr/bin/env bash
# Blender shows the frames of an AVI with B-frames late: H.264 with two B-frames by two frames, always the same.
# Expected: timeline frame n shows frame n of the file, as for the same stream in MP4. The packets of an AVI have times of decoding only.
# Seen with bpy 5.0.1 (Blender 5.2.2 shows the same).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/shown.py" <<'PYTHON'
import subprocess
import sys

import bpy
import imageio_ffmpeg
import numpy as np

folder, late = sys.argv[1], {}
x264 = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "24", "-bf", "2"]
for name in ("clip.mp4", "clip.avi"):
    path = f"{folder}/{name}"
    picture = "nullsrc=s=64x64:r=25,trim=end_frame=40,geq=lum=16+5*N:cb=128:cr=128"  # the luma is the number
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", picture, *x264, path]
    subprocess.run(command, check=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps, scene.render.resolution_x, scene.render.resolution_y = 25, 64, 64
    scene.view_settings.view_transform, scene.render.image_settings.file_format = "Standard", "PNG"
    scene.sequence_editor_create().strips.new_movie("clip", path, 1, 1)
    scene.frame_end = 40
    delays = set()
    for frame in range(8, 30):
        scene.frame_set(frame)
        scene.render.filepath = f"{folder}/shown.png"
        bpy.ops.render.render(write_still=True)
        image = bpy.data.images.load(scene.render.filepath)
        value = float(np.array(image.pixels[:]).reshape(-1, 4)[:, 0].mean()) * 255
        bpy.data.images.remove(image)
        delays.add(frame - 1 - round(value * 219 / 255 / 5))
    late[name] = delays
print(bpy.app.version_string, late)
assert late["clip.mp4"] == {0}, late
assert late["clip.avi"] == {2}, late
PYTHON
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install -q 'bpy==5.0.1' 'numpy==1.26.4' 'imageio-ffmpeg==0.8.1'
"$folder/env/bin/python" "$folder/shown.py" "$folder"
