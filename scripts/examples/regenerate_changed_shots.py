"""Regenerates the takes of shots that were rendered again: same model, prompt and parameters, new picture.

    blender -b film.blend --python scripts/examples/regenerate_changed_shots.py -- film_remade.blend

Every laid strip holds its manifest entry as JSON in `strip["tracklay"]`, with the SHA-256 of its picture's file. If that file has
changed, the take is stale: it is muted, and a new take is laid above it.
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
    """Return the hash of a file. It is read in blocks, because camera files are large."""
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
    cue = picture.name, entry["model"], entry["prompt"], entry["negative"]
    if cue in done:
        continue  # another take of the same cue
    done.add(cue)
    for strip in strips:
        strip.select = strip == picture
    scene.tracklay.model = entry["model"]
    for name, value in entry["params"].items():
        if not name.startswith("+"):  # parameters outside the catalogue are in `scene.tracklay.extras`
            setattr(scene.tracklay.params, name, value)
    bpy.ops.tracklay.generate(prompt=entry["prompt"], negative_prompt=entry["negative"], wait=True)
    print(f"{picture.name}: regenerated with {entry['model']}")

print(f"{len(done)} of {len(movies)} shots were stale")
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1], copy=True)
