"""Reads turnovers back with the packages of others, as events in samples. Nothing here is of Tracklay."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import opentimelineio as otio
import rpp

from tests.turnover.made_session import SAMPLE_RATE, Event


def to_samples(time: otio.opentime.RationalTime, fps: float | None = None) -> int:
    """Return a time of OTIO in samples. Its rate is a float: the exact one is that of NTSC where it is near."""
    return round(float(time.value) / exact_rate(fps or time.rate) * SAMPLE_RATE)


def exact_rate(rate: float) -> float:
    """Return 24000/1001 for 23.976, as all programs mean it."""
    ntsc = round(rate) * 1000 / 1001
    return ntsc if abs(rate - ntsc) < 0.01 else rate


def read_rpp(path: Path) -> tuple[list[Event], list[tuple[str, int, int]]]:
    """Return the events and the marks of a REAPER project: (name, start, samples)."""
    project = rpp.loads(path.read_text("utf-8"))
    events = [_rpp_event(path, track, item) for track in project.findall("TRACK") for item in track.findall("ITEM")]
    marks: dict[str, list[tuple[str, float]]] = {}
    for mark in project.findall("MARKER"):
        marks.setdefault(mark[1], []).append((mark[3], float(mark[2])))
    spans = [
        (pair[0][0], round(pair[0][1] * SAMPLE_RATE), round((pair[-1][1] - pair[0][1]) * SAMPLE_RATE))
        for pair in marks.values()
    ]
    return events, spans


def _rpp_event(path: Path, track, item) -> Event:
    def number(name: str, index: int = 1) -> float:
        return float(item.find(name)[index])

    def samples(name: str, index: int = 1) -> int:
        return round(number(name, index) * SAMPLE_RATE)

    length = samples("LENGTH")
    envelope = item.find("VOLENV")
    points = [(0.0, 1.0)] if envelope is None else [(float(p[1]), float(p[2])) for p in envelope.findall("PT")]
    volume = number("VOLPAN", 1) * number("VOLPAN", 3)
    begin, middle, end = (volume * _line(points, at / SAMPLE_RATE) for at in (0, length // 2, length))
    return Event(
        track.find("NAME")[1],
        item.find("NAME")[1],
        samples("POSITION"),
        length,
        path.parent / item.find("SOURCE").find("FILE")[1],
        samples("SOFFS"),
        (begin, middle, end),
        samples("FADEIN", 2),
        samples("FADEOUT", 2),
    )


def rpp_takes(path: Path, name: str) -> list[tuple[str, str]]:
    """Return the takes of an item: name and file."""
    project = rpp.loads(path.read_text("utf-8"))
    (item,) = (each for each in project.findall("TRACK/ITEM") if each.find("NAME")[1] == name)
    names = [each[1] for each in item.findall("NAME")]
    return list(zip(names, [each.find("FILE")[1] for each in item.findall("SOURCE")], strict=True))


def _line(points: list[tuple[float, float]], at: float) -> float:
    """Return the value of straight lines between points."""
    if at <= points[0][0]:
        return points[0][1]
    for (begin, low), (end, high) in itertools.pairwise(points):
        if begin <= at <= end:
            return low + (high - low) * (at - begin) / (end - begin)
    return points[-1][1]


def read_otio(path: Path, adapter: str | None = None, **options) -> otio.schema.Timeline:
    """Return a timeline, by the adapter of the path's suffix or a named one."""
    made = otio.adapters.read_from_file(str(path), adapter, **options)
    if isinstance(made, otio.schema.SerializableCollection):
        (made,) = (each for each in made if isinstance(each, otio.schema.Timeline))
    return made


def otio_events(
    timeline: otio.schema.Timeline, folder: Path, *, enabled: bool = True, kind: str = "Audio"
) -> list[Event]:
    """Return the events of the tracks of a timeline. Transitions beside gaps are fades."""
    events = []
    for track in timeline.tracks:
        if track.kind != kind:
            continue
        items = list(track)
        for index, clip in enumerate(items):
            if not isinstance(clip, otio.schema.Clip) or (track.enabled and clip.enabled) is not enabled:
                continue
            place = clip.trimmed_range_in_parent()
            media = clip.media_reference
            first = media.available_range.start_time if media.available_range else otio.opentime.RationalTime(0, 24)
            into = to_samples(clip.trimmed_range().start_time) - to_samples(first)
            before = items[index - 1] if index else None
            after = items[index + 1] if index + 1 < len(items) else None
            events.append(
                Event(
                    track.name,
                    clip.name,
                    to_samples(place.start_time),
                    to_samples(place.duration),
                    url_path(media.target_url, folder),
                    into,
                    None,
                    to_samples(before.out_offset) if isinstance(before, otio.schema.Transition) else 0,
                    to_samples(after.in_offset) if isinstance(after, otio.schema.Transition) else 0,
                )
            )
    return events


def url_path(url: str, folder: Path) -> Path:
    """Return the path of a URL, which may be relative to a folder."""
    parsed = urlparse(url)
    path = Path(unquote(parsed.path))
    return path if parsed.scheme else folder / path


def read_aaf(path: Path) -> tuple[otio.schema.Timeline, list[Event]]:
    """Return the timeline and the events of an AAF.

    The adapter is asked for the AAF's own structure: where it simplifies, a track with transitions loses its name.
    """
    timeline = read_otio(path, simplify=False)
    events = []
    for slot in timeline.tracks:
        for sequence in slot:
            if slot.kind == "AAF_DescriptiveMetadata" or not len(sequence):
                continue
            items = list(sequence)
            events += [
                _aaf_event(path, slot.name, items, index)
                for index, item in enumerate(items)
                if isinstance(item, (otio.schema.Track, otio.schema.Stack))
            ]
    return timeline, events


def _aaf_event(path: Path, track: str, items: list[Any], index: int) -> Event:
    item, before, after = items[index], items[index - 1] if index else None, [*items, None][index + 1]
    (clip,) = item.find_clips()
    place = item.range_in_parent()
    length = to_samples(place.duration)
    source = item if isinstance(item, otio.schema.Track) else item[0]
    gain = item.effects[0].metadata["AAF"]["Parameters"]["Amplitude"] if item.effects else "1"
    keys = [(0, _fraction(gain))] if isinstance(gain, str) else gain["keyframe_values"]
    points = [(float(at), float(value)) for at, value in keys]
    media = clip.media_reference
    return Event(
        track,
        clip.name,
        to_samples(place.start_time),
        length,
        url_path(media.target_url, path.parent) if isinstance(media, otio.schema.ExternalReference) else Path(),
        to_samples(source.trimmed_range().start_time),
        (_line(points, 0), _line(points, length // 2 / length), _line(points, 1)),
        to_samples(before.duration()) if isinstance(before, otio.schema.Transition) else 0,
        to_samples(after.duration()) if isinstance(after, otio.schema.Transition) else 0,
    )


def _fraction(text: str) -> float:
    numerator, _, denominator = text.partition("/")
    return int(numerator) / int(denominator or 1)
