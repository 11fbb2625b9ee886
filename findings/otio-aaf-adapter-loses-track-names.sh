#!/usr/bin/env bash
# OpenTimelineIO's AAF adapter gives a track with a transition the name of its sequence object.
# Expected: a track is called as its slot, `Music`, whatever is on it.
# Seen with otio-aaf-adapter 2.0.0, OpenTimelineIO 0.18.1 and pyaaf2 1.7.1: `Music` without a fade, `Sequence` with one. With simplify=False the
# name is on the outer of two nested tracks.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q otio-aaf-adapter==2.0.0 opentimelineio==0.18.1 pyaaf2==1.7.1
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import aaf2
import opentimelineio as otio


def write(path, has_fade):
    with aaf2.open(path, "w") as file:
        master = file.create.MasterMob("a")
        source = file.create.SourceMob("a")
        source.descriptor = descriptor = file.create.PCMDescriptor()
        for name, value in {
            **{"Channels": 1, "BlockAlign": 3, "AverageBPS": 144000, "QuantizationBits": 24, "Length": 48000},
            **{"SampleRate": 48000, "AudioSamplingRate": 48000},
        }.items():
            descriptor[name].value = value
        operation = file.create.OperationDef(aaf2.auid.AUID("0c3bea41-fc05-11d2-8a29-0050040ef7d2"), "Mono Audio Dissolve")
        operation.media_kind = "sound"
        operation["NumberInputs"].value, operation["IsTimeWarp"].value, operation["Bypass"].value = 2, False, 0
        file.dictionary.register_def(operation)
        film = file.create.CompositionMob("film")
        film.usage = "Usage_TopLevel"
        file.content.mobs.extend([master, source, film])
        source.create_timeline_slot(48000, 1).segment = file.create.SourceClip(0, 48000, media_kind="sound")
        master.create_timeline_slot(48000, 1).segment = source.create_source_clip(1, 0, 48000, "sound")
        slot = film.create_timeline_slot(48000)
        slot.name = "Music"
        slot.segment = sequence = file.create.Sequence(media_kind="sound")
        sequence.components.append(file.create.Filler("sound", 48480 if has_fade else 48000))
        if has_fade:
            fade = file.create.Transition("sound", 480)
            fade["OperationGroup"].value = file.create.OperationGroup("Mono Audio Dissolve", 480, "sound")
            fade["CutPoint"].value = 0
            sequence.components.append(fade)
        sequence.components.append(master.create_source_clip(1, 0, 48000, "sound"))
        sequence.length = 96000


names = []
for has_fade in (False, True):
    path = f"{sys.argv[1]}/{has_fade}.aaf"
    write(path, has_fade)
    names.append(otio.adapters.read_from_file(path).tracks[0].name)
print("otio-aaf-adapter 2.0.0: names without and with a fade:", names)
sys.exit(0 if names == ["Music", "Sequence"] else "This has changed.")
PYTHON
