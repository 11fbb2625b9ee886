"""A fake DaVinci Resolve that behaves as the real one is described, with its traps. Each behaviour names its source.

Sources: [README] Blackmagic's scripting README of 24 July 2026; [TRUTH] facts measured on Studio 21 by the author of
samuelgursky/davinci-resolve-mcp (`src/utils/api_truth.py`); [211] measurements on Studio 21.1.0.14 of 9 September 2026; [211-PYI]
Blackmagic's own types of 21.1; [AUTOSUBS] pull requests and issues of tmoroney/auto-subs.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

from tracklay.media.probe import read_video_header
from tracklay.media.wav_reader import WavReader

from tests.clips import flash_clip

_IDS = count(1)


class Blocked(AssertionError):
    """A Studio-only call in the free edition opens a dialog that blocks every later call [TRUTH]. A test cannot wait for that."""


class Scripted:
    """An object of the scripting interface.

    `getattr` returns None for any unknown name, so `hasattr` is always true; only `dir` knows which methods a version has [TRUTH].
    """

    since: ClassVar[dict[str, float]] = {}
    """The version that added a method."""
    studio_only: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, app: Resolve) -> None:
        self._app = app
        self._id = f"id-{next(_IDS)}"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return None

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_") and name not in ("since", "studio_only"):
            app, cls = self._app, type(self)
            if app._version < cls.since.get(name, 0):
                return None
            if name in cls.studio_only and not app._studio:
                raise Blocked(name)
        return super().__getattribute__(name)

    def __dir__(self) -> list[str]:
        names = [name for name in vars(type(self)) if name[0].isupper()]
        return [name for name in names if self._app._version >= type(self).since.get(name, 0)]

    def GetUniqueId(self) -> str:
        return self._id


class Item(Scripted):
    """A clip of a timeline. Frames are absolute, the end exclusive [README]."""

    since: ClassVar[dict[str, float]] = {"GetSpeed": 21.1, "GetType": 21.1}  # [211-PYI]

    def __init__(
        self,
        app: Resolve,
        media: Media | None,
        start: Fraction | int,
        frames: Fraction | int,
        *,
        name: str = "",
        source_start: int = 0,
        speed: Fraction | float = 1,
        ramp: bool = False,
        properties: dict[str, Any] | None = None,
        kind: str = "Clip",
    ) -> None:
        super().__init__(app)
        self._media, self._start, self._frames = media, Fraction(start), Fraction(frames)
        self._name = name or (media._name if media else "Title")
        self._source_start, self._speed, self._ramp, self._kind = source_start, Fraction(speed), ramp, kind
        self._properties = {"ZoomX": 1.0, "ZoomY": 1.0, "Opacity": 100.0, "CropLeft": 0.0} | (properties or {})
        self._enabled, self._fusion = True, 0
        self._markers: dict[int, dict[str, Any]] = {}
        self._track: tuple[str, int] = ("video", 0)

    @staticmethod
    def _frame(value: Fraction, subframe: bool) -> float:
        return float(value) if subframe and value.denominator != 1 else math.floor(value)

    def GetName(self) -> str:
        return self._name

    def GetStart(self, subframe_precision: bool = False) -> float:
        return self._frame(self._start, subframe_precision)

    def GetEnd(self, subframe_precision: bool = False) -> float:
        return self._frame(self._start + self._frames, subframe_precision)

    def GetDuration(self, subframe_precision: bool = False) -> float:
        return self._frame(self._frames, subframe_precision)

    def _source_frames(self) -> Fraction:
        return self._frames / self._app._fps() * abs(self._speed) * (self._media._fps if self._media else 24)

    def GetSourceStartFrame(self) -> int:
        return self._source_start

    def GetSourceEndFrame(self) -> int:
        """Inclusive, or exclusive where the rates differ; backwards, the start is after the end [TRUTH]."""
        span = round(self._source_frames())
        if self._speed < 0:
            return self._source_start - span + 1
        differs = self._media is not None and self._media._fps != self._app._fps()
        return self._source_start + span - (0 if differs else 1)

    def GetSourceStartTime(self) -> float:
        """In seconds of absolute timecode [TRUTH]."""
        return float(3600 + self._source_start / (self._media._fps if self._media else 24))

    def GetSourceEndTime(self) -> float:
        rate = self._media._fps if self._media else 24
        return float(3600 + (self._source_start + self._source_frames() * (-1 if self._speed < 0 else 1)) / rate)

    def GetSpeed(self) -> dict[str, Any]:
        """The percentage alone has no direction, and of a ramp it is that of the first part [211-PYI]."""
        return {
            "Percentage": float((self._speed * 2 if self._ramp else abs(self._speed)) * 100),
            "PitchCorrection": False,
        }

    def GetType(self) -> str:
        return self._kind

    def GetFusionCompCount(self) -> int:
        return self._fusion

    def GetMediaPoolItem(self) -> Media | None:
        return self._media

    def GetProperty(self, propertyKey: str | None = None) -> Any:
        properties = {} if self._kind == "Transition" else self._properties
        return properties if propertyKey is None else properties.get(propertyKey)

    def GetClipEnabled(self) -> bool:
        return self._enabled

    def SetClipEnabled(self, Bool: bool) -> bool:
        self._enabled = Bool
        return True

    def GetTrackTypeAndIndex(self) -> list[Any]:
        return list(self._track)

    def AddMarker(self, frameId: int, color: str, name: str, note: str, duration: int, customData: str = "") -> bool:
        """Relative to the clip; one marker on a frame [README]."""
        if frameId in self._markers:
            return False
        self._markers[frameId] = {
            "color": color, "name": name, "note": note, "duration": duration, "customData": customData
        }  # fmt: skip
        return True

    def GetMarkers(self) -> dict[int, dict[str, Any]]:
        return self._markers


class Media(Scripted):
    """An item of the media pool. A WAV gets the project's frame rate at import, and keeps it [TRUTH]."""

    def __init__(
        self, app: Resolve, path: str, *, kind: str = "Video", fps: Fraction | None = None, name: str = ""
    ) -> None:
        super().__init__(app)
        self._path, self._kind = path, kind
        self._name = name or Path(path).name
        if fps is None:
            is_video = path and not path.lower().endswith(".wav")
            fps = read_video_header(Path(path)).rate.fps if is_video else app._project_fps or app._fps()
        self._fps, self._offline, self._third_party = fps, False, dict[str, str]()

    def GetClipProperty(self, propertyName: str | None = None) -> Any:
        facts = {
            "File Path": self._path,
            "FPS": f"{float(self._fps):g}" if self._fps.denominator == 1 else f"{float(self._fps):.3f}",
            "Type": self._kind,
            "Online Status": "Offline" if self._offline else "Online",
        }
        return facts if propertyName is None else facts.get(propertyName, "")

    def SetThirdPartyMetadata(self, metadata: dict[str, str]) -> bool:
        self._third_party |= metadata
        return True

    def GetName(self) -> str:
        return self._name


class Folder(Scripted):
    """A bin."""

    def __init__(self, app: Resolve, name: str) -> None:
        super().__init__(app)
        self._name, self._folders, self._clips = name, list[Folder](), list[Media]()

    def GetName(self) -> str:
        return self._name

    def GetSubFolderList(self) -> list[Folder]:
        return self._folders

    def GetClipList(self) -> list[Media]:
        return self._clips


class MediaPool(Scripted):
    """The media pool."""

    def __init__(self, app: Resolve) -> None:
        super().__init__(app)
        self._root = Folder(app, "Master")
        self._current = self._root

    def GetRootFolder(self) -> Folder:
        return self._root

    def AddSubFolder(self, folder: Folder, name: str) -> Folder:
        made = Folder(self._app, name)
        folder._folders.append(made)
        return made

    def GetCurrentFolder(self) -> Folder:
        return self._current

    def SetCurrentFolder(self, folder: Folder) -> bool:
        self._current = folder
        return True

    def CreateEmptyTimeline(self, name: str) -> Timeline:
        """Becomes the current timeline [README]."""
        before = self._app._timeline
        rate = before._settings["timelineFrameRate"] if before else "24"
        made: Timeline = self._app._open(name, rate, before._start if before else 86_400)
        return made

    def DeleteTimelines(self, timeline: list[Timeline]) -> bool:
        if self._app._timeline in timeline:
            self._app._timeline = None
        return True

    def DeleteFolders(self, subfolders: list[Folder]) -> bool:
        for parent in [self._root, *self._root._folders]:
            parent._folders = [each for each in parent._folders if each not in subfolders]
        return True

    def ImportMedia(self, items: list[str]) -> list[Media]:
        """Into the current bin; what it cannot open it leaves out [README]. A path must be absolute."""
        made = [
            Media(self._app, path, kind="Audio" if path.lower().endswith(".wav") else "Video")
            for path in items
            if Path(path).is_absolute() and Path(path).is_file()
        ]
        self._current._clips += made
        return made

    def AppendToTimeline(self, clips: list[dict[str, Any]]) -> list[Item | None]:
        """Append to the current timeline.

        One fraction of a frame rejects the whole call [AUTOSUBS PR 772]. `endFrame` is exclusive; frames of a clip with another rate
        are floored [TRUTH]; an overlap drops the later clip silently, and the list then holds None [TRUTH]; so does a locked track. A
        `recordFrame` before the timeline's start is appended where it renders nothing (davinci-resolve-mcp issue 164).
        """
        numbers = [clip[key] for clip in clips for key in ("startFrame", "endFrame", "recordFrame")]
        if any(not isinstance(number, int) for number in numbers):
            return []
        made: list[Item | None] = []
        for clip in clips:
            timeline, media = self._app._timeline, clip["mediaPoolItem"]
            kind = {1: "video", 2: "audio"}[clip["mediaType"]]
            track = timeline._tracks[kind][clip["trackIndex"] - 1]
            own = Fraction(clip["endFrame"] - clip["startFrame"])
            if media._path.lower().endswith(".wav"):
                with WavReader(Path(media._path)) as wav:
                    own = min(
                        own,
                        math.floor(
                            Fraction(wav.format.samples, wav.format.sample_rate) * media._fps + Fraction(1, 1000)
                        ),
                    )
            frames = math.floor(own / media._fps * self._app._fps())
            start, end = clip["recordFrame"], clip["recordFrame"] + frames
            taken = any(item._start < end and item._start + item._frames > start for item in track._items)
            if taken or track._locked or frames < 1:
                made.append(None)
                continue
            item = Item(self._app, media, start, frames, source_start=clip["startFrame"])
            item._track = (kind, clip["trackIndex"])
            track._items.append(item)
            made.append(item)
        return made


class Track:
    """A track of a timeline."""

    def __init__(self, name: str, kind: str = "") -> None:
        self._name, self._kind, self._items, self._enabled, self._locked = name, kind, list[Item](), True, False


class Timeline(Scripted):
    """A timeline. Its settings are text [README]."""

    since: ClassVar[dict[str, float]] = {"GetSelectedClips": 21.04}  # [README], line 400: 21.0.4
    studio_only = frozenset({"CreateSubtitlesFromAudio", "DetectSceneCuts", "GetVoiceIsolationState"})  # [TRUTH]

    def __init__(
        self, app: Resolve, name: str, rate: str, start: int, *, drop_frame: bool = False, start_timecode: str = ""
    ) -> None:
        super().__init__(app)
        self._name, self._start, self._start_timecode = name, start, start_timecode or "01:00:00:00"
        self._settings = {"timelineFrameRate": rate, "timelineDropFrameTimecode": "1" if drop_frame else "0"}
        self._tracks = {"video": [Track("Video 1")], "audio": [Track("Audio 1", "stereo")]}
        self._selected: list[Item] = []
        self._current: Item | None = None
        self._marks: dict[str, dict[str, int]] = {}
        self._markers: dict[int, dict[str, Any]] = {}

    def _put(self, item: Item, index: int = 1, kind: str = "video") -> Item:
        while len(self._tracks[kind]) < index:
            self._tracks[kind].append(Track(f"{kind.title()} {len(self._tracks[kind]) + 1}"))
        self._tracks[kind][index - 1]._items.append(item)
        item._track = (kind, index)
        return item

    def GetName(self) -> str:
        return self._name

    def GetSetting(self, name: str) -> str:
        return self._settings.get(name, "")

    def GetStartFrame(self) -> int:
        return self._start

    def GetEndFrame(self) -> int:
        ends = [item._start + item._frames for kind in self._tracks.values() for track in kind for item in track._items]
        return math.ceil(max(ends, default=Fraction(self._start)))

    def GetStartTimecode(self) -> str:
        return self._start_timecode

    def GetSelectedClips(self) -> list[Item]:
        """With the linked sound [README]."""
        return self._selected

    def GetCurrentVideoItem(self) -> Item | None:
        return self._current

    def GetMarkInOut(self) -> dict[str, dict[str, int]]:
        """Relative to the timeline's start; keys are missing if unset [README]."""
        return self._marks

    def SetMarkInOut(self, mark_in: int, mark_out: int, type: str = "all") -> bool:  # noqa: A002
        self._marks = {"video": {"in": mark_in, "out": mark_out}}
        return True

    def ClearMarkInOut(self, type: str = "all") -> bool:  # noqa: A002
        self._marks = {}
        return True

    def GetMarkers(self) -> dict[int, dict[str, Any]]:
        return self._markers

    def DetectSceneCuts(self) -> bool:
        return True

    def GetTrackCount(self, trackType: str) -> int:
        return len(self._tracks[trackType])

    def GetItemListInTrack(self, trackType: str, index: int) -> list[Item]:
        """Transitions are in the list [TRUTH]."""
        return sorted(self._tracks[trackType][index - 1]._items, key=lambda item: item._start)

    def AddTrack(self, trackType: str, subTrackType: str = "mono") -> bool:
        """A mono track unless another kind is stated [README]."""
        self._tracks[trackType].append(Track(f"Audio {len(self._tracks[trackType]) + 1}", subTrackType))
        return True

    def GetTrackName(self, trackType: str, index: int) -> str:
        return self._tracks[trackType][index - 1]._name

    def SetTrackName(self, trackType: str, index: int, name: str) -> bool:
        self._tracks[trackType][index - 1]._name = name
        return True

    def GetIsTrackEnabled(self, trackType: str, index: int) -> bool:
        return self._tracks[trackType][index - 1]._enabled

    def GetIsTrackLocked(self, trackType: str, index: int) -> bool:
        return self._tracks[trackType][index - 1]._locked


class Project(Scripted):
    """A project."""

    def __init__(self, app: Resolve) -> None:
        super().__init__(app)
        self._pool = MediaPool(app)
        self._settings: dict[str, Any] = {"ExportAudio": True, "TargetDir": "/the/users"}
        self._codec = "mov", "ProRes422HQ"
        self._codecs = {"mov": {"Apple ProRes 422 LT": "ProRes422LT"}, "mp4": {"H.264": "H264"}}
        self._presets: dict[str, Any] = {}
        self._jobs: dict[str, dict[str, Any]] = {}
        self._rendered: list[dict[str, Any]] = []
        self._render_error, self._render_flashes = "", (3,)

    def GetMediaPool(self) -> MediaPool:
        return self._pool

    def GetCurrentTimeline(self) -> Any:
        return self._app._timeline

    def GetName(self) -> str:
        return "film"

    def SetCurrentTimeline(self, timeline: Timeline) -> bool:
        self._app._timeline = timeline
        return True

    def SaveAsNewRenderPreset(self, presetName: str) -> bool:
        """Stores the current settings under a name [README]."""
        self._presets[presetName] = (dict(self._settings), self._codec)
        return True

    def LoadRenderPreset(self, presetName: str) -> bool:
        self._settings, self._codec = self._presets[presetName]
        return True

    def DeleteRenderPreset(self, presetName: str) -> bool:
        return self._presets.pop(presetName, None) is not None

    def GetCurrentRenderFormatAndCodec(self) -> dict[str, str]:
        return {"format": self._codec[0], "codec": self._codec[1]}

    def SetCurrentRenderFormatAndCodec(self, format: str, codec: str) -> bool:  # noqa: A002
        self._codec = format, codec
        return True

    def GetRenderFormats(self) -> dict[str, str]:
        """Names as the user sees them, to suffixes [README]."""
        return {"QuickTime": "mov", "MP4": "mp4"}

    def GetRenderCodecs(self, renderFormat: str) -> dict[str, str]:
        """The free edition for Linux has no H.264 (blackmagicdesign.com, supported codecs)."""
        return self._codecs.get(renderFormat, {})

    def SetRenderSettings(self, settings: dict[str, Any]) -> bool:
        """Settings that are not named stay the user's (auto-subs issue 619)."""
        self._settings |= settings
        return True

    def AddRenderJob(self) -> str:
        self._jobs[f"job{len(self._jobs) + 1}"] = dict(self._settings)
        return f"job{len(self._jobs)}"

    def DeleteRenderJob(self, jobId: str) -> bool:
        return self._jobs.pop(jobId, None) is not None

    def StartRendering(self, jobIds: list[str], isInteractiveMode: bool = False) -> bool:
        """Renders the marked frames, the last one included."""
        for job in jobIds:
            if not self._render_error:
                settings = self._jobs[job]
                frames = settings["MarkOut"] - settings["MarkIn"] + 1
                name = Path(settings["TargetDir"]) / f"{settings['CustomName']}.{self._codec[0]}"
                flash_clip(name, self._app._fps(), frames, self._render_flashes)
                self._rendered.append(settings)
        return True

    def IsRenderingInProgress(self) -> bool:
        return False

    def GetRenderJobStatus(self, jobId: str) -> dict[str, Any]:
        """The words of `JobStatus` are in the user's language [TRUTH]."""
        failed = {"JobStatus": "Fehlgeschlagen", "CompletionPercentage": 3, "Error": self._render_error}
        return failed if self._render_error else {"JobStatus": "Abgeschlossen", "CompletionPercentage": 100}


class ProjectManager(Scripted):
    """The project manager."""

    def GetCurrentProject(self) -> Any:
        return self._app._project


class Resolve(Scripted):
    """The application."""

    since: ClassVar[dict[str, float]] = {"IsStudio": 21.1}  # [211-PYI]

    def __init__(self, version: float = 21.1, *, studio: bool = True, project_fps: Fraction | None = None) -> None:
        self._version, self._studio, self._project_fps = version, studio, project_fps
        super().__init__(self)
        self._timeline: Any = None
        self._project: Any = Project(self)
        self._manager = ProjectManager(self)

    def _fps(self) -> Fraction:
        """The frame rate of the open timeline, of the project where none is open."""
        from tracklay.timing import Rate

        if self._timeline is None:
            return self._project_fps or Fraction(24)
        return Rate.from_value(self._timeline._settings["timelineFrameRate"].split()[0]).fps

    def _open(self, name: str = "cut 1", rate: str = "24", start: int = 86_400, **settings: Any) -> Any:
        self._timeline = Timeline(self, name, rate, start, **settings)
        return self._timeline

    def GetProductName(self) -> str:
        return "DaVinci Resolve Studio" if self._studio else "DaVinci Resolve"

    def GetVersionString(self) -> str:
        return f"{self._version:.2f}"

    def IsStudio(self) -> bool:
        return self._studio

    def GetProjectManager(self) -> ProjectManager:
        return self._manager


def launch(version: float = 21.1, *, studio: bool = True, project_fps: Fraction | None = None) -> Any:
    """Return an application, as the types of no stubs."""
    return Resolve(version, studio=studio, project_fps=project_fps)
