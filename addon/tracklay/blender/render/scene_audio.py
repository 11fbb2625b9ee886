"""Generates the missing sound of a scene before it is rendered: each cue without a fresh take gets one.

On a render farm many machines render the same scene. One of them generates each take (`jobs.shared_claims`) and saves a record in the takes
folder; the others, and every later render, lay the take from the record. The scene is changed in memory only and is not saved.
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...cancellation import CancelToken
from ...cue import Failure, Take
from ...errors import InvalidInput, TracklayError
from ...jobs import check_budget, create_job_spec
from ...jobs.job_spec import can_fit
from ...jobs.runner import BlockingRunner
from ...jobs.shared_claims import SharedClaims
from ...media import fingerprint
from ...version import VERSION
from ..runtime import requests
from ..sequencer import compat, cue_index, placement, scene_cues, selection, staleness, timeline_copy
from ..sequencer.strip_source import PICTURE_TYPES
from ..settings import catalogue, network, preferences
from ..settings.i18n.translate import translate_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ...cue import Cue
    from ...jobs import JobSpec
    from ..sequencer.selection import CueSource

RECORDS_FOLDER = "at-render"
"""Folder inside the takes folder: claims while takes are generated, records afterwards."""

KEY_LENGTH = 24
"""Characters of the SHA-256 that names a record."""


@dataclass(frozen=True, slots=True)
class SceneAudioOptions:
    """Options for a scene. The scene's own settings are the defaults.

    Attributes:
        model: model id.
        prompt: the prompt.
        name_patterns: names of picture strips, or patterns (`sh0*`).
        selected_only: only the strips that are selected in the file.
        max_cost: budget for this run, as decimal text in the provider's currency.
        folder: takes folder.
        frames: first and last frame that are rendered, if they are not those of the scene.
    """

    model: str = ""
    prompt: str | None = None
    name_patterns: Sequence[str] = ()
    selected_only: bool = False
    max_cost: str | None = None
    folder: Path | None = None
    frames: tuple[int, int] | None = None


@dataclass(slots=True)
class SceneAudioResult:
    """Names of picture strips whose sound was laid, of those whose take was newly generated (`made`), and errors."""

    laid: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MissingAudio:
    """A cue without a fresh take: its spot, its job, and the key of its record, which is the same on every machine."""

    spot: CueSource
    order: JobSpec
    key: str


def find_missing_audio(scene: Any, options: SceneAudioOptions) -> tuple[list[MissingAudio], list[str]]:
    """Return the cues of a scene without a fresh take, and the errors of cues that cannot be generated.

    Stale takes are muted, because they belong to another picture.

    Raises:
        InvalidInput: no strip matches, the model does not exist, or it needs online access that is turned off.
    """
    model = catalogue.get_model(options.model or scene.tracklay.model)
    if error := network.offline_error(model):
        raise error
    folder = options.folder or preferences.takes_folder()
    speed_cache = staleness.SpeedEffectCache()
    level = next(selection.iter_levels(scene), None)
    laid = [] if level is None else [strip for strip in level.strips if cue_index.ENTRY_PROPERTY in strip]
    found: list[MissingAudio] = []
    errors: list[str] = []
    for each in scene_cues.try_spot_ranges(scene, _requested_ranges(scene, options)):
        if isinstance(each, scene_cues.UnreadableStrip):
            errors.append(translate_error(each.error))
            continue
        _, picture = selection.find_strip(scene, each)
        if has_fresh_take(scene, laid, picture, speed_cache):
            continue
        overrides: dict[str, Any] = {"model": model.id} | ({} if options.prompt is None else {"prompt": options.prompt})
        try:
            cue = requests.build_cue(each, scene.tracklay, **overrides)
            spec = create_job_spec(cue, folder, each.picture.source.stem, catalogue.MODELS)
            spec = replace(spec, sample_rate=preferences.sample_rate())
            found.append(MissingAudio(each, spec, _record_key(scene, picture, spec, speed_cache)))
        except TracklayError as error:
            errors.append(f"{each.strip_name}: {translate_error(error)}")
    return _with_timeline_copies(found, folder), list(dict.fromkeys(errors))


def _with_timeline_copies(missing: Sequence[MissingAudio], folder: Path) -> list[MissingAudio]:
    """Return the same cues, with the path of a timeline copy for pictures that must be rendered. Takes that exist need no copy.

    Raises:
        OutputError: the copy cannot be written.
    """
    records = SharedClaims(folder / RECORDS_FOLDER)
    unmade = [
        need
        for need in missing
        if need.order.cue.picture.render and not _load_takes(records.load_record(need.key), need.order)
    ]
    written = timeline_copy.with_timeline_copies((need.order, need.spot) for need in unmade)
    orders = {order.cue.id: order for order, _ in written}
    return [replace(need, order=orders.get(need.order.cue.id, need.order)) for need in missing]


def _requested_ranges(scene: Any, options: SceneAudioOptions) -> list[scene_cues.StripRange]:
    if not options.name_patterns and not options.selected_only:
        with contextlib.suppress(InvalidInput):  # a scene without pictures, such as titles, needs no sound
            return scene_cues.find_cue_ranges(scene, shown=options.frames)
        return []
    level = next(selection.iter_levels(scene), None)
    here = [] if level is None else compat.strips_of_types(level.strips, PICTURE_TYPES)
    names = [strip.name for strip in here if not options.selected_only or strip.select]
    if options.name_patterns:
        names = [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in options.name_patterns)]
    if not names:
        if options.name_patterns:
            raise InvalidInput(
                "scene_audio.no_match",
                "No video strip in {scene} matches {patterns}.",
                scene=scene.name,
                patterns=", ".join(options.name_patterns),
            )
        raise InvalidInput("scene_audio.none_selected", "No video strip is selected in {scene}.", scene=scene.name)
    return scene_cues.find_cue_ranges(scene, names)


def has_fresh_take(scene: Any, takes: Iterable[Any], picture: Any, speed_cache: staleness.SpeedEffectCache) -> bool:
    """Return whether one of the takes was made for what the picture plays on all its frames. Stale takes of the picture are muted.

    It does not matter which take is audible: the choice is the user's.
    """
    begin, end, fresh = compat.strip_start(picture), compat.strip_end(picture), False
    for take in takes:
        request = cue_index.parse_request(str(take.get(cue_index.REQUEST_PROPERTY, "")))
        is_named = picture.name in (take.get(placement.PICTURE_PROPERTY), request.picture if request else "")
        if request is not None and staleness.matches_picture(scene, take, picture, speed_cache):
            # The whole take counts, also the frames that its handles hide: they were generated.
            first = compat.content_start(take)
            fresh = fresh or (first <= begin and first + request.frames >= end)
        elif request is None:
            fresh = fresh or (is_named and compat.strip_start(take) <= begin and compat.strip_end(take) >= end)
        elif is_named and not staleness.is_up_to_date(scene, take, speed_cache):
            take.mute = True
    return fresh


def _record_key(scene: Any, picture: Any, order: JobSpec, speed_cache: staleness.SpeedEffectCache) -> str:
    """Return the key of a cue's record: a hash of what plays, independent of its position, and of the request.

    Raises:
        InvalidInput: the picture cannot be read.
    """
    cue = order.cue
    if cue.picture.render is None:
        content_id = fingerprint.source_content_id(cue.picture, cue.span)
        if content_id is None:
            raise InvalidInput("scene_audio.source_unreadable", "Cannot read {path}.", path=cue.picture.source)
        plays = [content_id, fingerprint.span_fingerprint(cue.picture, cue.span)]
    else:
        plays = _render_fingerprint(scene, picture, cue, speed_cache)
    model = [order.model.id, order.model.version]
    request = [*model, order.sample_rate, cue.prompt, cue.negative, cue.seed, cue.takes, dict(cue.params), cue.square]
    # Left out by default: records of files that an earlier version saved stay valid.
    request += [] if cue.land == "auto" else [cue.land]
    request += [] if order.part_sizes is None else ["parts", cue.parts]
    request += ["tail", cue.tail] if cue.tail else []
    request += ["cut"] if can_fit(order.model) and cue.fit == "off" else []
    return hashlib.sha256(json.dumps([plays, request], sort_keys=True).encode()).hexdigest()[:KEY_LENGTH]


def _render_fingerprint(scene: Any, picture: Any, cue: Cue, speed_cache: staleness.SpeedEffectCache) -> list[Any]:
    """Return what plays of a rendered picture: its strips and the content of their files.

    Sources without a file (3D scenes, masks) count as the .blend file itself: after it is saved again they may have changed.
    """
    files = sorted(set(_source_files(picture, staleness.MAX_NESTING)))
    first = str(cue.span.start - compat.content_start(picture))
    how = [staleness.strip_fingerprint(scene, picture, speed_cache), first, cue.span.frames, str(cue.span.rate)]
    return [*how, [[path.name, _sampled_id(path)] for path in files]]


def _sampled_id(path: Path) -> list[Any] | None:
    try:
        return fingerprint.source_id(path, "sampled")
    except OSError:
        return None


def _source_files(strip: Any, depth: int) -> Iterator[Path]:
    """Yield the files that a strip shows, nested strips included."""
    nested: Sequence[Any] = ()
    match strip.type:
        case "MOVIE":
            yield Path(bpy.path.abspath(strip.filepath))
        case "IMAGE":
            folder = Path(bpy.path.abspath(strip.directory))
            yield from (folder / element.filename for element in strip.elements)
        case "META":
            nested = strip.strips
        case "SCENE" if strip.scene and strip.scene_input == "SEQUENCER" and strip.scene.sequence_editor:
            nested = strip.scene.sequence_editor.strips
        case "MOVIECLIP" if strip.clip:
            yield Path(bpy.path.abspath(strip.clip.filepath))
        case "SCENE" | "MASK":
            yield Path(bpy.data.filepath)
    for each in nested if depth else ():
        yield from _source_files(each, depth - 1)


class SceneAudioBuilder:
    """Generates or loads the takes of missing cues, and lays them.

    `generate` does not touch Blender's data, so it can run in any thread. Everything else must run on the main thread.
    """

    def __init__(
        self, missing: Sequence[MissingAudio], options: SceneAudioOptions, log_message: Callable[[str], None]
    ) -> None:
        self._options, self._log_message = options, log_message
        self._pending: dict[str, list[MissingAudio]] = {}
        for need in missing:
            self._pending.setdefault(need.key, []).append(need)
        self._ready: list[tuple[MissingAudio, list[Take]]] = []
        self._started_specs: list[JobSpec] = []
        cap, is_enforced = preferences.budget_cap()
        # Read here, on the main thread: `generate` may run in another.
        self._project_cap = cap if is_enforced else None
        self.result = SceneAudioResult()

    def generate(self, claims: SharedClaims) -> None:
        """Obtain every missing take: generate it, or wait for the machine that does."""
        reported: set[str] = set()
        while self._pending:
            for key in list(self._pending):
                if self._accept_record(claims.load_record(key), key):
                    continue
                if error := claims.failure_message(key):
                    self._fail(key, error)
            if mine := [key for key in self._pending if claims.acquire(key, partial(self._is_usable_record, key))]:
                self._generate_claimed(claims, mine)
            elif waiting := self._pending.keys() - reported:
                for key in waiting:
                    self._log_message(
                        f"{self._strip_names(key)}: waiting for {claims.holder_name(key)} to generate its sound"
                    )
                reported |= waiting
            elif self._pending:
                claims.wait()

    def _strip_names(self, key: str) -> str:
        return ", ".join(need.spot.strip_name for need in self._pending[key])

    def _fail(self, key: str, error: str) -> None:
        self.result.errors.append(f"{self._strip_names(key)}: {error}")
        del self._pending[key]

    def _is_usable_record(self, key: str, record: Mapping[str, Any]) -> bool:
        return bool(_load_takes(record, self._pending[key][0].order))

    def _accept_record(self, record: Mapping[str, Any] | None, key: str) -> bool:
        takes = {need.spot.strip_name: _load_takes(record, need.order) for need in self._pending[key]}
        if not all(takes.values()):
            return False
        self._ready += [(need, takes[need.spot.strip_name]) for need in self._pending.pop(key)]
        return True

    def _generate_claimed(self, claims: SharedClaims, keys: Sequence[str]) -> None:
        """Generate the takes that this process has claimed, together, and save their records."""
        specs = {key: self._pending[key][0].order for key in keys}
        try:
            check_budget([*self._started_specs, *specs.values()], self._options.max_cost)
        except TracklayError as error:
            for key in keys:
                claims.release_failed(key, str(error))
                self._fail(key, translate_error(error))
            return
        self._started_specs += specs.values()
        self._log_message(f"Generating sound for {', '.join(self._strip_names(key) for key in keys)}")
        with BlockingRunner(lambda _: None) as runner:
            runner.set_caps(list(specs.values()), run_cap=self._options.max_cost, project_cap=self._project_cap)
            results = runner.run_jobs(list(specs.values()))
            for key, spec in specs.items():
                of_cue = [result for result in results if result.cue.id == spec.cue.id]
                takes = sorted((each for each in of_cue if isinstance(each, Take)), key=lambda take: take.number)
                errors = dict.fromkeys(str(each.error) for each in of_cue if isinstance(each, Failure))
                if not takes:
                    claims.release_failed(key, "; ".join(errors))
                    self._fail(key, "; ".join(errors))
                    continue
                self.result.errors += [f"{self._strip_names(key)}: {error}" for error in errors]
                record = {"tracklay": VERSION, "takes": [take.to_manifest_entry() for take in takes]}
                claims.save_record(key, record)
                runner.mark_laid(takes)  # from now on the record refers to them
                self.result.made += [need.spot.strip_name for need in self._pending[key]]
                self._accept_record(record, key)

    def lay(self) -> None:
        """Lay the takes that are ready; each cue's first take is audible."""
        for need, takes in self._ready:
            try:
                for index, take in enumerate(takes):
                    placement.lay_take(need.spot, take, index)
            except TracklayError as error:
                self.result.errors.append(f"{need.spot.strip_name}: {translate_error(error)}")
            else:
                self.result.laid.append(need.spot.strip_name)
        self._ready.clear()


def _load_takes(record: Mapping[str, Any] | None, order: JobSpec) -> list[Take]:
    """Return the takes of a record; none if there is no record, or a file is missing or has changed."""
    found = []
    for entry in (record or {}).get("takes", ()):
        take = Take.from_manifest_entry(entry, order.cue, order.folder)
        try:
            if fingerprint.source_id(take.file, "full", cancel_token=CancelToken()) != take.sha256:
                return []
        except OSError:
            return []
        found.append(take)
    return found


def generate_scene_audio(
    scene: Any, options: SceneAudioOptions, log_message: Callable[[str], None]
) -> SceneAudioResult:
    """Generate and lay the missing sound of a scene: for scripts and background mode.

    Args:
        scene: the scene.
        options: what to generate.
        log_message: called with progress messages.

    Raises:
        TracklayError: no strip matches, or the takes folder cannot be used.
    """
    missing, errors = find_missing_audio(scene, options)
    builder = SceneAudioBuilder(missing, options, log_message)
    if missing:
        with SharedClaims(missing[0].order.folder / RECORDS_FOLDER) as claims:
            builder.generate(claims)
        builder.lay()
    builder.result.errors[:0] = errors
    return builder.result
