"""Runs `tracklay demo`: draws a short clip and lays sketch foley and music under it."""

from __future__ import annotations

import argparse
from dataclasses import replace

from ..demo import DEMO_CUES, make_clip
from ..paths import ensure_folder
from ..timelines import open_timeline
from .lay import generate_and_lay


def run_demo(options: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    clip = make_clip(ensure_folder(options.to.absolute()) / "demo.mp4")
    timeline = open_timeline(clip)
    cues = [cue for cue_fields in DEMO_CUES for cue in timeline.cues(**cue_fields)]
    # Each call numbers its cues from 1; two cues of one run need different IDs.
    cues = [replace(cue, id=str(number)) for number, cue in enumerate(cues, 1)]
    return generate_and_lay(timeline, cues, clip.parent / "tracklay", options.describe, drop_original=True)
