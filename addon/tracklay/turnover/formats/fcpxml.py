"""Final Cut Pro XML 1.9: audio clips connected to a gap, one lane for each track, the track's name as the role.

Times are exact fractions of a second: of whole frames where a frame begins on the sample, which Final Cut Pro asks for, else of samples.
Levels have straight lines of decibels between keyframes. Apple, FCPXML Reference, `asset-clip`, `adjust-volume`, `param`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from ...cue import SAMPLE_RATE
from ..handover import one_line
from ..levels import decibel_points

if TYPE_CHECKING:
    from pathlib import Path

    from ..handover import Handover, HandoverClip, HandoverTrack, TurnoverMedia

MAIN_ROLES = {"Dialogue": "dialogue", "Music": "music"}
"""Final Cut Pro's own roles; all other sounds are effects."""

FORMAT_ID = "r1"


def write_file(handover: Handover, path: Path) -> None:
    """Write the project. A clip's other takes are disabled clips on lanes below all others."""
    root = ET.Element("fcpxml", version="1.9")
    resources = ET.SubElement(root, "resources")
    duration = 1 / handover.session.rate.fps
    ET.SubElement(resources, "format", id=FORMAT_ID, frameDuration=_fraction(duration))
    assets = _add_assets(handover, resources)
    session = handover.session
    event = ET.SubElement(ET.SubElement(root, "library"), "event", name=one_line(session.name))
    project = ET.SubElement(event, "project", name=one_line(session.name))
    start = _fraction(session.rate.seconds(session.start_frame))
    whole = _time(handover, handover.samples)
    sequence = ET.SubElement(
        project,
        "sequence",
        format=FORMAT_ID,
        tcStart=start,
        tcFormat="DF" if session.drop_frame else "NDF",
        duration=whole,
        audioLayout="stereo",
        audioRate="48k",
    )
    gap = ET.SubElement(ET.SubElement(sequence, "spine"), "gap", name="Gap", offset=start, start="0s", duration=whole)
    lane = 0
    for track in handover.tracks:
        lane -= 1
        for clip in track.clips:
            _add_clip(handover, gap, assets, track, clip, lane)
    for track in handover.tracks:
        for number in range(1, max(len(clip.takes) for clip in track.clips)):
            lane -= 1
            for clip in track.clips:
                if number < len(clip.takes):
                    _add_clip(handover, gap, assets, track, clip, lane, number)
    for mark in handover.marks:
        attributes = {"start": _time(handover, mark.start), "value": one_line(mark.name)}
        attributes["duration"] = _time(handover, mark.samples) if mark.samples else _fraction(duration)
        ET.SubElement(gap, "marker", attributes | ({"note": one_line(mark.comment)} if mark.comment else {}))
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    path.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n{text}\n', "utf-8")


def _add_assets(handover: Handover, resources: ET.Element) -> dict[str, str]:
    """Add the media files, and return the identifier of each by its name."""
    found: dict[str, str] = {}
    takes = [take for track in handover.tracks for clip in track.clips for take in clip.takes]
    for media in (take.media for take in takes):
        if media.name in found:
            continue
        found[media.name] = f"r{len(found) + 2}"
        ET.SubElement(
            resources,
            "asset",
            id=found[media.name],
            name=media.file.stem,
            src=handover.media_url(media),
            start=_media_time(handover, media, 0),
            duration=_time(handover, media.samples),
            hasAudio="1",
            audioSources="1",
            audioChannels=str(media.channels),
            audioRate=str(SAMPLE_RATE),
            format=FORMAT_ID,
        )
    return found


def _add_clip(
    handover: Handover,
    gap: ET.Element,
    assets: dict[str, str],
    track: HandoverTrack,
    clip: HandoverClip,
    lane: int,
    number: int = 0,
) -> None:
    take = clip.takes[number]
    start = _media_time(handover, take.media, take.source_in)
    attributes = {
        "ref": assets[take.media.name],
        "lane": str(lane),
        "offset": _time(handover, clip.start),
        "name": one_line(take.name),
        "start": start,
        "duration": _time(handover, clip.samples),
        "audioRole": f"{MAIN_ROLES.get(track.role, 'effects')}.{track.name}",
        "format": FORMAT_ID,
    }
    element = ET.SubElement(gap, "asset-clip", attributes | ({"enabled": "0"} if number else {}))
    if clip.comment:
        ET.SubElement(element, "note").text = one_line(clip.comment)
    _add_levels(element, clip, Fraction(take.media.time_reference + take.source_in, SAMPLE_RATE))


def _add_levels(element: ET.Element, clip: HandoverClip, begins: Fraction) -> None:
    """Add gain and fades. Keyframes count on the clock of the file."""
    points = decibel_points(clip.gain, clip.samples)
    has_fades = clip.fade_in or clip.fade_out
    if len(points) == 1 and points[0][1] == 0 and not has_fades:
        return
    volume = ET.SubElement(element, "adjust-volume", amount=_decibels(points[0][1]))
    if len(points) == 1 and not has_fades:
        return
    param = ET.SubElement(volume, "param", name="amount", value=_decibels(points[0][1]))
    for name, samples in (("fadeIn", clip.fade_in), ("fadeOut", clip.fade_out)):
        if samples:
            ET.SubElement(param, name, type="linear", duration=_fraction(Fraction(samples, SAMPLE_RATE)))
    if len(points) > 1:
        animation = ET.SubElement(param, "keyframeAnimation")
        for sample, level in points:
            at = _fraction(begins + Fraction(sample, SAMPLE_RATE))
            ET.SubElement(animation, "keyframe", time=at, value=_decibels(level))


def _decibels(level: float) -> str:
    return f"{level:.4f}".rstrip("0").rstrip(".").replace("-0dB", "0dB") + "dB"


def _time(handover: Handover, samples: int) -> str:
    frames = handover.frames(samples)
    exact = Fraction(samples, SAMPLE_RATE)
    return _fraction(handover.session.rate.seconds(frames) if isinstance(frames, int) else exact)


def _media_time(handover: Handover, media: TurnoverMedia, samples: int) -> str:
    """Return a sample of a file as seconds on the file's own clock, which its time reference sets."""
    return _time(handover, media.time_reference + samples)


def _fraction(seconds: Fraction) -> str:
    if seconds.denominator == 1:
        return f"{seconds.numerator}s"
    return f"{seconds.numerator}/{seconds.denominator}s"
