"""Value types: the cue (a span of picture and the sound wanted for it) and its result, a take or a failure. `manifest` stores them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from .hits import Hit  # noqa: TC001 - part of a value type
from .source_type import TRAINED, SourceType
from .timing import Span

if TYPE_CHECKING:
    from .errors import TracklayError
    from .timing import Rate, TimeMap

ParamValue = str | int | float | bool
"""Value of a model parameter."""

FrameRule = Literal["nearest", "hold"]
"""Which source frame is on screen between two frames' times: the nearest (Blender), or the last that has begun (Avid, OTIO)."""

LandMode = Literal["auto", "off"]
"""Landing of takes: of all takes that sound for what the picture shows, or of none."""

LAND_MODES: tuple[LandMode, ...] = ("auto", "off")

FitMode = Literal["auto", "off"]
"""Fitting of music to the span's length and its hits: of the music of any model but the built-in one, or of none."""

FIT_MODES: tuple[FitMode, ...] = ("auto", "off")

MAX_TAIL_SECONDS = 60
"""Longest tail in seconds."""

UNFITTED = "unfitted"
"""Name of the whole music that a take was fitted from among a take's files, as those of stems."""

UNTOUCHED = "unlanded"
"""Name of a take as it was before it was landed, likewise."""

HANDLES = "handles"
"""Name of a take with its handles: the sound before and after its span, likewise."""

MAX_HANDLE_SECONDS = 60
"""Longest handles in seconds, on each side."""

SAMPLE_RATE = 48_000
"""Sample rate of takes in Hz: the standard of film and video, and Blender's default."""


@dataclass(frozen=True, slots=True)
class EditorRender:
    """A picture that only its editor can show (effects, scenes). The editor renders it in a process of its own, from a timeline copy.

    Args:
        program: command that runs a script inside the editor; the script and its argument are appended.
        script: script that renders to a movie; None in jobs of an earlier version, which cannot be rendered any more.
        scene: name of the timeline in the copy.
        strip: name of the strip to render; everything else on the timeline is left out, except with `whole`.
        timeline_copy: the copied file; None until it is written.
        whole: render all that plays beside the strip, as the editor shows it.
    """

    program: tuple[str, ...]
    scene: str
    strip: str
    timeline_copy: Path | None = None
    script: Path | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """The picture of a cue: a source, and the source time in seconds that plays at each timeline frame.

    Args:
        source: a video file or a still; with `images`, their folder; with `render` or `pieces`, only a name.
        time_map: maps timeline frames to seconds of the source.
        images: file names of an image sequence, in order: image `n` starts at `n / rate` seconds.
        rate: frame rate that the timeline assumes for the source; None: the file's own.
        error: why the picture cannot be read, as a sentence; if it is not empty, no sound can be made for the cue.
        render: how the picture is rendered, if it is not read from its source.
        reason: why it is read or rendered, as a phrase; empty if there was no choice.
        frame_rule: which source frame is on screen at a time.
        pieces: the sources that play one after the other, in timeline order; frames of none are black. The map then only counts
            seconds from the first frame. Empty for a picture of one source.
    """

    source: Path
    time_map: TimeMap
    images: tuple[str, ...] = ()
    rate: Rate | None = None
    error: str = ""
    render: EditorRender | None = None
    reason: str = ""
    frame_rule: FrameRule = "nearest"
    pieces: tuple[PicturePiece, ...] = ()

    @property
    def is_joined(self) -> bool:
        """True if it is all that plays in a span, of whatever sources."""
        return bool(self.pieces) or (self.render is not None and self.render.whole)


@dataclass(frozen=True, slots=True)
class PicturePiece:
    """The frames of a joined picture that one source plays."""

    span: Span
    picture: Picture


class ProxySpec(NamedTuple):
    """Requirements on the proxy that a model receives.

    Args:
        short_side: length of the shorter side in pixels; a smaller source is not enlarged.
        square: position of the square crop (`media.square_crop`); empty: no crop.
        min_seconds: shortest duration in seconds.
    """

    short_side: int
    square: str = ""
    min_seconds: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Patch:
    """A stretch of an earlier take that is generated again: the new take is the earlier one with this stretch replaced.

    Args:
        take: the file of the earlier take.
        start: first frame of the stretch, on the timeline.
        frames: its length.
    """

    take: Path
    start: int
    frames: int


@dataclass(frozen=True, slots=True)
class EarlierTake:
    """An earlier take whose sound is used again: nothing is generated.

    Args:
        file: the file of the take. If its untouched form is beside it, that is used.
        skip: frames of it before the span.
    """

    file: Path
    skip: int = 0


@dataclass(frozen=True, slots=True)
class PartRecipe:
    """Seed and prompt of a part, for a take of which one part is generated again.

    Attributes:
        seed: its seed.
        prompt: its sounds.
        is_made: it was made for an earlier take and is used again; it is an error if it is no longer stored.
    """

    seed: int
    prompt: str
    is_made: bool


@dataclass(frozen=True, slots=True)
class Cue:
    """A span of picture and the sound that is wanted for it.

    `id` is unique within its timeline. `seed` is None if each take gets a random one. `params` are the model's parameters that the user
    set. `square` is the position of the square crop that the model receives (`media.square_crop`), empty for the full picture.
    `timecode_start` is the timecode of the timeline's frame 0, in frames: a take's time stamp counts from it. `drop_frame` says whether
    the timeline counts timecode in drop-frame, None if nothing states it. `land` says whether a
    take's events are moved to the picture's contacts (`landing`). With `best`, takes are scored (`scoring`), and the best one is heard.
    `hits` are the moments that music meets; it ends `tail` frames after the span. `fit` says whether music is fitted to them and to the
    span's length (`music_fit`). With `refit`, the file of a take of fitted music, nothing is generated: its music is fitted again. Nor is
    it with `reland`, a take that is landed again. With
    `patch`, only a stretch of an earlier take is generated; the span stays that of the whole take. `parts` says how a span that is
    longer than the model's is generated: `auto`, `whole`, or the longest length of a part in seconds (`tracklay.parts`). With
    `part_recipes`, one for each part, parts of an earlier take are used again. With `refit` and `extends`, the frames of the music that
    it was fitted from, that music is the first part, and a model is asked for more. `tempo` is the tempo that music is asked for, in
    beats per minute; None for none. `handles` are the frames before and after the span that the model is asked for besides; they are
    no part of the take.
    """

    id: str
    span: Span
    picture: Picture
    model: str
    prompt: str = ""
    negative: str = ""
    seed: int | None = None
    takes: int = 1
    params: Mapping[str, ParamValue] = field(default_factory=dict)
    square: str = ""
    timecode_start: int = 0
    drop_frame: bool | None = None
    land: LandMode = "auto"
    best: bool = False
    patch: Patch | None = None
    parts: str = "auto"
    hits: tuple[Hit, ...] = ()
    tail: int = 0
    fit: FitMode = "auto"
    refit: Path | None = None
    tempo: float | None = None
    reland: EarlierTake | None = None
    part_recipes: tuple[PartRecipe, ...] = ()
    extends: int = 0
    handles: tuple[int, int] = (0, 0)

    @property
    def generates(self) -> bool:
        """True if a model is asked: false for a take whose sound an earlier one has."""
        return self.reland is None and (self.refit is None or self.extends > 0)

    @property
    def sound_span(self) -> Span:
        """The span of the take: the cue's own with its tail."""
        return Span(self.span.start, self.span.frames + self.tail, self.span.rate)

    @property
    def made_span(self) -> Span:
        """The span that is generated: that of the patch, else the cue's own."""
        return self.span if self.patch is None else Span(self.patch.start, self.patch.frames, self.span.rate)

    @property
    def request_span(self) -> Span:
        """The span that the model is asked for: the one that is generated, with its handles."""
        span, (before, after) = self.made_span, self.handles
        return Span(span.start - before, before + span.frames + after, span.rate)


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a take.

    Attributes:
        amount: a decimal number as text, so that it is exact; None if it is unknown.
        currency: an ISO code, or the provider's own unit.
        estimated: False if the provider reported what it charged.
        estimate: what was expected before the request, where the provider charged something else.
        compute_seconds: the computing time that was charged, for models that are billed by it.
    """

    amount: str | None
    currency: str
    estimated: bool
    estimate: str | None = None
    compute_seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the cost as the manifest has it: without what the provider did not report."""
        optional = {"estimate": self.estimate, "compute_seconds": self.compute_seconds}
        return {
            "amount": self.amount,
            "currency": self.currency,
            "estimated": self.estimated,
            **{name: value for name, value in optional.items() if value is not None},
        }


@dataclass(frozen=True, slots=True)
class Take:
    """One conformed sound for a cue.

    `file` and `stems` are in the same folder. `understood` is the model's reading of the prompt, if it reports one. `landing` describes
    what landing did: mode, lag, moves, and the file name of the untouched take; empty if the take was not landed. `score` is its score
    with the reasons, empty if it was not scored. `replaced` is the stretch of an earlier take that this one replaces, with that take's
    file; empty for a take that was generated whole. `fit` describes how music was fitted: tempo, segments, joins, hits with their
    errors, and the file name of the whole music; empty if it was not. `measured` is the take's loudness and number of events, and whether
    it is silent. `tempo` is the tempo that music was asked for, with the words or the parameter, and the one that came; empty if none was
    asked for. `source_type` is how the sound came about, as a term of IPTC's digital source types. `plan` is what the user's plan with
    the vendor allowed when the take was made, with the date of the terms; empty if no plan matters. `parts` and `seams` describe the parts
    that it was joined from; empty for a take of one request. `handles` are the samples before and after the take in the file with its
    handles, and that file's name; empty if there are none. `job_id` is the row in the ledger.
    """

    cue: Cue
    number: int
    provider: str
    version: str
    request: str
    seed: int | None
    params: Mapping[str, ParamValue]
    file: Path
    sha256: str
    sample_rate: int
    channels: int
    samples: int
    cost: Cost
    licence: str
    source_sha256: str
    created: str
    stems: Mapping[str, Path] = field(default_factory=dict)
    understood: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    landing: Mapping[str, Any] = field(default_factory=dict)
    score: Mapping[str, Any] = field(default_factory=dict)
    replaced: Mapping[str, Any] = field(default_factory=dict)
    fit: Mapping[str, Any] = field(default_factory=dict)
    measured: Mapping[str, Any] = field(default_factory=dict)
    tempo: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[Mapping[str, Any], ...] = ()
    seams: tuple[Mapping[str, Any], ...] = ()
    source_type: SourceType = TRAINED
    plan: Mapping[str, Any] = field(default_factory=dict)
    handles: Mapping[str, Any] = field(default_factory=dict)
    job_id: int | None = None

    @property
    def with_handles(self) -> Path | None:
        """The file of the take with its handles; None if it has none."""
        name = self.handles.get("file")
        return self.file.parent / Path(name).name if name else None

    @property
    def untouched(self) -> Path | None:
        """The take as it was before it was landed; None if nothing was moved."""
        name = self.landing.get("untouched")
        return self.file.parent / Path(name).name if name else None

    @property
    def unfitted(self) -> Path | None:
        """The whole music that the take was fitted from; None if it was not fitted."""
        name = self.fit.get("unfitted")
        return self.file.parent / Path(name).name if name else None

    def unfitted_stem(self, name: str) -> Path | None:
        """Return the file of a whole stem that a fitted one was made from; None if the take was not fitted."""
        return self.file.with_name(f"{self.file.stem}.{name}.{UNFITTED}.wav") if self.unfitted else None

    @classmethod
    def from_manifest_entry(cls, entry: Mapping[str, Any], cue: Cue, folder: Path, job_id: int | None = None) -> Take:
        """Rebuild the take that a manifest describes, made for `cue` and stored in `folder`."""
        same_names = (
            "provider",
            "version",
            "request",
            "seed",
            "params",
            "sha256",
            "sample_rate",
            "channels",
            "samples",
        )
        return cls(
            cue=cue,
            number=entry["take"],
            file=folder / entry["file"],
            cost=Cost(**entry["cost"]),
            licence=entry["licence"],
            source_sha256=entry["source_sha256"],
            created=entry["created"],
            stems={name: folder / file for name, file in entry.get("stems", {}).items()},
            understood=entry.get("understood", {}),
            notes=tuple(entry.get("notes", ())),
            landing=entry.get("landing", {}),
            score=entry.get("score", {}),
            replaced=entry.get("replaced", {}),
            fit=entry.get("fit", {}),
            measured=entry.get("measured", {}),
            tempo=entry.get("tempo", {}),
            parts=tuple(entry.get("parts", ())),
            seams=tuple(entry.get("seams", ())),
            # Manifests of earlier versions do not name it.
            source_type=entry.get(
                "digital_source_type", "algorithmicMedia" if entry["provider"] == "sketch" else TRAINED
            ),
            plan=entry.get("plan", {}),
            handles=entry.get("handles", {}),
            job_id=job_id,
            **{name: entry[name] for name in same_names},
        )

    def to_manifest_entry(self) -> dict[str, Any]:
        """Return the take as an entry of the manifest. Its keys are a contract with scripts: they are never renamed."""
        cue, start = self.cue, self.cue.span.start_seconds
        return {
            "cue": cue.id,
            "take": self.number,
            "model": cue.model,
            "provider": self.provider,
            "version": self.version,
            "request": self.request,
            "seed": self.seed,
            "prompt": cue.prompt,
            "negative": cue.negative,
            "params": dict(self.params),
            "file": self.file.name,
            "sha256": self.sha256,
            "sample_rate": self.sample_rate,
            "channels": self.channels,
            "samples": self.samples,
            "start": {"frame": cue.span.start, "seconds": f"{start.numerator}/{start.denominator}"},
            "frames": cue.span.frames,
            **({} if cue.drop_frame is None else {"drop_frame": cue.drop_frame}),
            "cost": self.cost.to_dict(),
            "licence": self.licence,
            "digital_source_type": self.source_type,
            **({"plan": dict(self.plan)} if self.plan else {}),
            "source_sha256": self.source_sha256,
            "created": self.created,
            "stems": {name: path.name for name, path in self.stems.items()},
            "understood": dict(self.understood),
            "notes": list(self.notes),
            **({"landing": dict(self.landing)} if self.landing else {}),
            **({"score": dict(self.score)} if self.score else {}),
            **({"replaced": dict(self.replaced)} if self.replaced else {}),
            **({"fit": dict(self.fit)} if self.fit else {}),
            **({"measured": dict(self.measured)} if self.measured else {}),
            **({"tempo": dict(self.tempo)} if self.tempo else {}),
            **({"tail": cue.tail} if cue.tail else {}),
            **({"handles": dict(self.handles)} if self.handles else {}),
            **({"parts": list(self.parts), "seams": list(self.seams)} if self.parts else {}),
            "picture_by": {"way": "render" if cue.picture.render else "source", "why": cue.picture.reason},
        }


@dataclass(frozen=True, slots=True)
class Failure:
    """A take that was not made, and the error."""

    cue: Cue
    error: TracklayError

    def to_manifest_entry(self, describe: Callable[[TracklayError], str] = str) -> dict[str, Any]:
        """Return the failure as the manifest holds it. `describe` words the error, as the front end does."""
        return {
            "cue": self.cue.id,
            "model": self.cue.model,
            "error": describe(self.error),
            "kind": self.error.kind,
            "code": self.error.code,
        }
