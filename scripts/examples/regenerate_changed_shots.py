"""Makes takes again whose shot was rendered anew: same model, prompt and parameters, another picture.

    blender -b film.blend --python scripts/examples/regenerate_changed_shots.py -- film_remade.blend

Every laid strip holds its manifest entry as JSON in `strip["tracklay"]`, with the SHA-256 of the file that its sound was made for. Where
the file under it has another by now, the take is stale: it is muted, and a new one is laid above it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import bpy

scene = bpy.context.scene
strips = scene.sequence_editor.strips
movies = {strip.name: strip for strip in strips if strip.type == "MOVIE"}


def sha256(path: Path) -> str:
    """A file's hash, read in pieces: rushes are large."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


stale = []
for take in [strip for strip in strips if "tracklay" in strip]:
    entry = json.loads(take["tracklay"])
    picture = movies.get(take.get("tracklay_picture", ""))
    if picture is not None and sha256(Path(bpy.path.abspath(picture.filepath))) != entry["source_sha256"]:
        stale.append((take, picture, entry))

done = set()
for take, picture, entry in stale:
    take.mute = True
    wanted = picture.name, entry["model"], entry["prompt"], entry["negative"]
    if wanted in done:
        continue  # another take of the same cue
    done.add(wanted)
    for strip in strips:
        strip.select = strip == picture
    scene.tracklay.model = entry["model"]
    for name, value in entry["params"].items():
        if not name.startswith("+"):  # those that the catalogue does not know are rows of `scene.tracklay.extras`
            setattr(scene.tracklay.params, name, value)
    bpy.ops.tracklay.generate(prompt=entry["prompt"], negative_prompt=entry["negative"], wait=True)
    print(f"{picture.name}: made again with {entry['model']}")

print(f"{len(done)} of {len(movies)} shots were stale")
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1], copy=True)
