"""The reason of a failure, chosen from ffmpeg's log."""

from __future__ import annotations

import pytest
from tracklay.media.ffmpeg import error_from_stderr

WEBP = """[webp @ 0x5577361720c0] image data not found
[webp_pipe @ 0x557736170940] Could not find codec parameters for stream 0 (Video: webp, none): unspecified size
Consider increasing the value for the 'analyzeduration' (0) and 'probesize' (5000000) options
Input #0, webp_pipe, from 'anim.webp':
  Duration: N/A, bitrate: N/A
  Stream #0:0: Video: webp, none, 25 fps, 25 tbr, 25 tbn
[framecrc @ 0x557736173a40] dimensions not set
Could not write header for output file #0 (incorrect codec parameters ?): Invalid argument
Error initializing output stream 0:0 --
Stream mapping:
  Stream #0:0 -> #0:0 (copy)
    Last message repeated 1 times"""
SOUND = """[aist#0:2 @ 0x55] Decoding requested, but no decoder found for: none
[fc#0 @ 0x55c3968cc180] Error reinitializing filters!
[fc#0 @ 0x55c3968cc180] Task finished with error code: -38 (Function not implemented)
[out#0/rawvideo @ 0x55c3968ebec0] Nothing was written into output file, because at least one of its streams received no packets.
Conversion failed!"""


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (WEBP, "Could not find codec parameters for stream 0 (Video: webp, none): unspecified size"),
        (SOUND, "Decoding requested, but no decoder found for: none"),
        ("Unknown encoder 'libx264'\nConversion failed!", "Unknown encoder 'libx264'"),
        ("Conversion failed!", "no message"),
        ("something else.", "something else"),
        ("", "no message"),
    ],
)
def test_the_line_that_gives_the_reason_is_quoted(log, reason):
    """The last lines of a log only say that ffmpeg gave up."""
    assert (
        str(error_from_stderr(log.splitlines(), "Could not read it")) == f"Could not read it: ffmpeg reports: {reason}."
    )
