"""The timeline formats that are known by their suffix, and how each is read. Needs no library of any of them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

OTIO_SUFFIX = ".otio"
BUNDLE_SUFFIX = ".otioz"
BUNDLE_FOLDER_SUFFIX = ".otiod"
BLEND_SUFFIX = ".blend"


class TimelineFormat(NamedTuple):
    """A timeline format.

    Attributes:
        kind: what a file of it is, with its article.
        remedy: what the user does to have it read, as the end of a sentence.
    """

    kind: str
    remedy: str


def _with_adapter(kind: str, package: str) -> TimelineFormat:
    return TimelineFormat(kind, f"run pip install {package}, or export the timeline as .otio")


def _export(kind: str) -> TimelineFormat:
    return TimelineFormat(kind, "export the timeline as .otio, Final Cut Pro XML or AAF from its program")


_FORMATS = {
    ".edl": _with_adapter("an EDL", "otio-cmx3600-adapter"),
    ".fcpxml": _with_adapter("a Final Cut Pro X timeline", "otio-fcpx-xml-adapter"),
    ".xml": _with_adapter("a Final Cut Pro 7 timeline", "otio-fcp-adapter"),
    ".aaf": _with_adapter("an AAF", "otio-aaf-adapter"),
    ".ale": _with_adapter("an Avid log", "otio-ale-adapter"),
    ".kdenlive": _with_adapter("a Kdenlive project", "otio-kdenlive-adapter"),
    ".xges": _with_adapter("a GStreamer Editing Services timeline", "otio-xges-adapter"),
    ".fcpxmld": _export("a Final Cut Pro X bundle"),
    ".fcpbundle": _export("a Final Cut Pro X library"),
    ".imovielibrary": _export("an iMovie library"),
    ".mlt": _export("an MLT project"),
    ".osp": _export("an OpenShot project"),
    ".prproj": _export("a Premiere Pro project"),
    ".drp": _export("a DaVinci Resolve project"),
    ".drt": _export("a DaVinci Resolve timeline"),
    ".avb": _export("an Avid bin"),
    ".veg": _export("a Vegas project"),
    ".imovieproj": _export("an iMovie project"),
    ".aep": _export("an After Effects project"),
    ".fcp": _export("a Final Cut Pro 7 project"),
    ".dra": _export("a DaVinci Resolve project"),
    ".hrox": _export("a Hiero project"),
    ".nk": _export("a Nuke script"),
    ".wfp": _export("a Filmora project"),
    ".tscproj": _export("a Camtasia project"),
    ".vpj": _export("a VideoPad project"),
}

_FOLDER_SUFFIXES = (BUNDLE_FOLDER_SUFFIX, ".fcpxmld", ".fcpbundle", ".imovielibrary")
"""Formats that are folders. Any other folder may be named like a timeline: then it holds images."""

_XML_MARKS = (b"<xmeml", b"<!DOCTYPE xmeml")
"""The beginning of a Final Cut Pro 7 XML file: other .xml files are no timelines."""


def describe_format(path: Path) -> TimelineFormat:
    """Return the format of a timeline file other than OTIO's own."""
    return _FORMATS[path.suffix.lower()]


def is_otio_readable(path: Path) -> bool:
    """Return True if a path is a timeline that OpenTimelineIO may read: its own formats, and those of its adapters."""
    suffix = path.suffix.lower()
    if path.is_dir():
        return suffix in _FOLDER_SUFFIXES
    if suffix == ".xml":
        return _starts_as_xmeml(path)
    return suffix in (OTIO_SUFFIX, BUNDLE_SUFFIX) or suffix in _FORMATS


def is_timeline(path: Path) -> bool:
    """Return True if a path is a timeline with clips of its own: in any other picture, all of it is one clip."""
    return is_otio_readable(path) or (path.suffix.lower() == BLEND_SUFFIX and not path.is_dir())


def _starts_as_xmeml(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(1024)
    except OSError:
        return False
    return any(mark in head for mark in _XML_MARKS)
