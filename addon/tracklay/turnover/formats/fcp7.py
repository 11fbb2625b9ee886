"""Final Cut Pro 7 XML (xmeml 5), which Premiere, Resolve and older editors read.

The format counts in frames: sounds are placed on the nearest one. A track holds one channel; the tracks of a stereo sound are a pair, which
Premiere joins to one. Gain and fades of a frame and more are the keyframes of *Audio Levels*, whose values are linear gains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from ...cue import SAMPLE_RATE
from ..handover import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from ...timing import Rate
    from ..handover import Handover, HandoverClip, HandoverTrack, TurnoverMedia

MAX_LEVEL = 3.98107
"""The highest level, +12 dB."""

BETWEEN_FRAMES_NOTE = "{count} of {total} sounds begin between frames: XML and EDL have them on the nearest frame."


def write_file(handover: Handover, path: Path) -> None:
    """Write the sequence. A clip's other takes are on disabled tracks."""
    root = ET.Element("xmeml", version="5")
    root.append(_Fcp7Writer(handover).build_sequence())
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    path.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE xmeml>\n{text}\n', "utf-8")
    note_between_frames(handover)


def note_between_frames(handover: Handover) -> None:
    """Note how many sounds a format that counts in frames moves to the nearest one."""
    clips = [clip for track in handover.tracks for clip in track.clips]
    count = sum(not isinstance(handover.frames(clip.start), int) for clip in clips)
    note = BETWEEN_FRAMES_NOTE.format(count=count, total=len(clips))
    if count and note not in handover.notes:
        handover.notes.append(note)


def _add(parent: ET.Element, name: str, text: object = None) -> ET.Element:
    element = ET.SubElement(parent, name)
    if text is not None:
        element.text = str(text)
    return element


def _add_rate(parent: ET.Element, rate: Rate) -> None:
    element = _add(parent, "rate")
    _add(element, "timebase", rate.nominal_fps)
    _add(element, "ntsc", "FALSE" if rate.fps.denominator == 1 else "TRUE")


class _Fcp7Writer:
    def __init__(self, handover: Handover) -> None:
        self._handover, self._rate = handover, handover.session.rate
        self._files: dict[str, str] = {}
        self._items = 0

    def _frames(self, samples: int) -> int:
        return round(samples * self._rate.fps / SAMPLE_RATE)

    def build_sequence(self) -> ET.Element:
        session = self._handover.session
        sequence = ET.Element("sequence", id="sequence-1")
        _add(sequence, "name", one_line(session.name))
        _add(sequence, "duration", self._frames(self._handover.samples))
        _add_rate(sequence, self._rate)
        self._add_timecode(sequence, session.start_sample)
        media = _add(sequence, "media")
        _add(media, "video")
        audio = _add(media, "audio")
        _add(audio, "numOutputChannels", 2)
        self._add_characteristics(_add(audio, "format"))
        for track in self._handover.tracks:
            for number in range(max(len(clip.takes) for clip in track.clips)):
                for channel in range(track.channels):
                    self._add_track(audio, track, number, channel)
        for mark in self._handover.marks:
            marker = _add(sequence, "marker")
            _add(marker, "name", one_line(mark.name))
            _add(marker, "comment", one_line(mark.comment))
            _add(marker, "in", self._frames(mark.start))
            _add(marker, "out", self._frames(mark.start + mark.samples) if mark.samples else -1)
        return sequence

    def _add_characteristics(self, parent: ET.Element) -> None:
        sample = _add(parent, "samplecharacteristics")
        _add(sample, "depth", 24)
        _add(sample, "samplerate", SAMPLE_RATE)

    def _add_timecode(self, parent: ET.Element, sample: int) -> None:
        timecode = _add(parent, "timecode")
        _add_rate(timecode, self._rate)
        _add(timecode, "string", self._handover.timecode(sample))
        _add(timecode, "frame", self._frames(sample))
        _add(timecode, "displayformat", "DF" if self._handover.session.drop_frame else "NDF")

    def _add_track(self, audio: ET.Element, track: HandoverTrack, number: int, channel: int) -> None:
        name = track.name if not number else f"{track.name} take {number + 1}"
        element = _add(audio, "track")
        element.set("MZ.TrackName", name)
        if track.channels == 2:
            element.set("currentExplodedTrackIndex", str(channel))
            element.set("totalExplodedTrackCount", "2")
            element.set("premiereTrackType", "Stereo")
        _add(element, "name", name)
        for clip in track.clips:
            if number < len(clip.takes) and channel < clip.takes[number].media.channels:
                self._add_clip(element, clip, number, channel)
        _add(element, "enabled", "FALSE" if number else "TRUE")
        _add(element, "locked", "FALSE")
        _add(element, "outputchannelindex", 1 + channel % 2)

    def _add_clip(self, track: ET.Element, clip: HandoverClip, number: int, channel: int) -> None:
        take = clip.takes[number]
        start, end = self._frames(clip.start), self._frames(clip.stop)
        first = self._frames(take.source_in)
        self._items += 1
        item = ET.SubElement(track, "clipitem", id=f"clipitem-{self._items}")
        _add(item, "name", one_line(take.name))
        _add(item, "enabled", "FALSE" if number else "TRUE")
        _add(item, "duration", self._frames(take.media.samples))
        _add_rate(item, self._rate)
        _add(item, "start", start)
        _add(item, "end", end)
        _add(item, "in", first)
        _add(item, "out", first + end - start)
        self._add_file(item, take.media)
        source = _add(item, "sourcetrack")
        _add(source, "mediatype", "audio")
        _add(source, "trackindex", channel + 1)
        if clip.comment:
            _add(_add(item, "comments"), "mastercomment1", one_line(clip.comment))
        self._add_levels(item, clip, first)

    def _add_file(self, item: ET.Element, media: TurnoverMedia) -> None:
        if media.name in self._files:
            ET.SubElement(item, "file", id=self._files[media.name])
            return
        self._files[media.name] = f"file-{len(self._files) + 1}"
        file = ET.SubElement(item, "file", id=self._files[media.name])
        _add(file, "name", media.file.name)
        _add(file, "pathurl", self._handover.media_url(media))
        _add_rate(file, self._rate)
        _add(file, "duration", self._frames(media.samples))
        self._add_timecode(file, media.time_reference)
        audio = _add(_add(file, "media"), "audio")
        self._add_characteristics(audio)
        _add(audio, "channelcount", media.channels)

    def _add_levels(self, item: ET.Element, clip: HandoverClip, first: int) -> None:
        """Add the level. Keyframes count in frames of the file; a fade shorter than a frame is left out."""
        curve = clip.whole_gain if max(clip.fade_in, clip.fade_out) >= self._rate.samples(1, SAMPLE_RATE) else clip.gain
        if curve.is_constant and curve.points[0][1] == 1:
            return
        effect = _add(_add(item, "filter"), "effect")
        _add(effect, "name", "Audio Levels")
        for name in ("effectid", "effectcategory", "effecttype"):
            _add(effect, name, "audiolevels")
        _add(effect, "mediatype", "audio")
        parameter = _add(effect, "parameter")
        _add(parameter, "parameterid", "level")
        _add(parameter, "name", "Level")
        _add(parameter, "valuemin", 0)
        _add(parameter, "valuemax", MAX_LEVEL)
        _add(parameter, "value", _level(curve.points[0][1]))
        if curve.is_constant:
            return
        points = dict([(0, curve.at(0)), *curve.points, (clip.samples, curve.at(clip.samples))])
        for frame, gain in {self._frames(sample): gain for sample, gain in points.items()}.items():
            key = _add(parameter, "keyframe")
            _add(key, "when", first + frame)
            _add(key, "value", _level(gain))


def _level(gain: float) -> str:
    return f"{min(gain, MAX_LEVEL):.6g}"
