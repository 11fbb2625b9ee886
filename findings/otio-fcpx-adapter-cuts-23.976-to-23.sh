#!/usr/bin/env bash
# OpenTimelineIO's FCPXML adapter takes 23.976 frames per second for 23, and an asset with sound alone for picture.
# Expected: a sequence with frameDuration 1001/24000s is read at 23.976, and an audio asset gives an audio track.
# Seen with otio-fcpx-xml-adapter 1.0.0 and OpenTimelineIO 0.18.1: rate 23; track kind Video, because an XML element without children is false.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q otio-fcpx-xml-adapter==1.0.0 opentimelineio==0.18.1
"$folder/venv/bin/python" - "$folder/a.fcpxml" <<'PYTHON'
import sys

import opentimelineio as otio

with open(sys.argv[1], "w") as file:
    file.write("""<fcpxml version="1.9"><resources><format id="r1" frameDuration="1001/24000s"/>
<asset id="r2" name="a" src="file:///a.wav" start="0s" duration="24024/24000s" hasAudio="1" format="r1"/></resources>
<project name="p"><sequence format="r1" duration="24024/24000s"><spine>
<asset-clip ref="r2" name="a" offset="0s" duration="24024/24000s" format="r1"/></spine></sequence></project></fcpxml>""")
timeline = otio.adapters.read_from_file(sys.argv[1])
(track,) = timeline.tracks
rate = track[0].source_range.duration.rate
print("otio-fcpx-xml-adapter 1.0.0: rate", rate, "kind", track.kind)
sys.exit(0 if (rate, track.kind) == (23, "Video") else "This has changed.")
PYTHON
