"""Sound before the render: every cue of a scene that has no fresh take gets one, and it is laid before the first frame is rendered.

Made once by one of many machines (`jobs.claims`), put on record in the takes folder, and laid from there by all the others and by
every later render. The scene is changed in memory alone: whoever renders does not save.
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

from ...cue import Failure, Take
from ...errors import InvalidInput, TracklayError
from ...jobs import BlockingRunner, check_budget, create_job_spec
from ...jobs.shared_claims import SharedClaims
from ...jobs.take_writer import file_hash
from ...media import proxy_cache
from ...media.ffmpeg import CancelToken
from ...version import VERSION
from ..runtime import requests
from ..sequencer import compat, cue_index, placement, scene_cues, selection, staleness, timeline_copy
from ..sequencer.strip_source import PICTURE_TYPES
from ..settings import catalogue, network, preferences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ...cue import Cue
    from ...jobs import JobSpec
    from ..sequencer.selection import CueSource

RECORDS_FOLDER = "at-render"
"""The folder, among the takes, of what was made for renders: claims while it is made, records afterwards."""

KEY_LENGTH = 24
"""Of the digest that a record is called by."""


@dataclass(frozen=True, slots=True)
class SceneAudioOptions:
    """What is wanted of a scene; what is not said is as the scene's own settings have it.

    `name_patterns` are names of strips, or patterns (`sh0*`); `selected_only` means the strips that are selected in the file, and no others.
    """

    model: str = ""
    prompt: str | None = None
    name_patterns: Sequence[str] = ()
    selected_only: bool = False
    max_cost: str | None = None
    folder: Path | None = None


@dataclass(slots=True)
class SceneAudioResult:
    """What came of it. `mark_laid` and `made` are names of strips of the picture: made are those whose take did not exist before."""

    laid: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MissingAudio:
    """A cue without a fresh take: whose sound it will be, what is ordered for it, and what it is known by on every machine."""

    spot: CueSource
    order: JobSpec
    key: str


def find_missing_audio(scene: Any, options: SceneAudioOptions) -> tuple[list[MissingAudio], list[str]]:
    """The cues of a scene that lack a fresh take, and what hinders others. Stale takes are muted: they belong to another picture.

    Raises:
        BadInput: no strip is called so or selected, or there is no such model, or it may not be reached.
    """
    model = catalogue.get_model(options.model or scene.tracklay.model)
    if error := network.offline_error(model):
        raise error
    to = options.folder or preferences.takes_folder()
    look = staleness.SpeedEffectCache()
    level = next(selection.iter_levels(scene), None)
    laid = [] if level is None else [strip for strip in level.strips if cue_index.ENTRY_PROPERTY in strip]
    found: list[MissingAudio] = []
    errors: list[str] = []
    for each in scene_cues.try_spot_ranges(scene, _requested_ranges(scene, options)):
        if isinstance(each, scene_cues.UnreadableStrip):
            errors.append(f"{each.error}")
            continue
        _, picture = selection.find_strip(scene, each)
        if has_fresh_take(scene, laid, picture, look):
            continue
        given: dict[str, Any] = {"model": model.id} | ({} if options.prompt is None else {"prompt": options.prompt})
        try:
            cue = requests.build_cue(each, scene.tracklay, **given)
            order = create_job_spec(cue, to, each.picture.source.stem, catalogue.MODELS)
            order = replace(order, sample_rate=preferences.sample_rate())
            found.append(MissingAudio(each, order, _record_key(scene, picture, order, look)))
        except TracklayError as error:
            errors.append(f"{each.strip_name}: {error}")
    return _with_timeline_copies(found, to), list(dict.fromkeys(errors))


def _with_timeline_copies(missing: Sequence[MissingAudio], folder: Path) -> list[MissingAudio]:
    """The same; those whose picture Blender must render, and that nobody made yet, know the copy of the timeline that it is rendered from.

    Raises:
        OutputError: there is no room for it.
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
        with contextlib.suppress(InvalidInput):  # where no picture is seen, as in a part of titles, nothing is lacking
            return scene_cues.find_cue_ranges(scene)
        return []
    level = next(selection.iter_levels(scene), None)
    here = [] if level is None else compat.strips_of_types(level.strips, PICTURE_TYPES)
    names = [strip.name for strip in here if not options.selected_only or strip.select]
    if options.name_patterns:
        names = [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in options.name_patterns)]
    if not names:
        told = f"called {', '.join(options.name_patterns)}" if options.name_patterns else "selected"
        raise InvalidInput(f"no strip with picture is {told} in {scene.name}: look at the names in the file")
    return scene_cues.find_cue_ranges(scene, names)


def has_fresh_take(scene: Any, takes: Iterable[Any], picture: Any, speed_cache: staleness.SpeedEffectCache) -> bool:
    """Whether one of the takes was made for what the picture plays on all its frames, whoever chose it. Its stale ones are muted."""
    begin, end, fresh = compat.strip_start(picture), compat.strip_end(picture), False
    for take in takes:
        told = cue_index.parse_request(str(take.get(cue_index.REQUEST_PROPERTY, "")))
        named = picture.name in (take.get(placement.PICTURE_PROPERTY), told.picture if told else "")
        if told is not None and staleness.matches_picture(scene, take, picture, speed_cache):
            first = compat.content_start(
                take
            )  # of the whole take: what a person hid of it by its handles was made all the same
            fresh = fresh or (first <= begin and first + told.frames >= end)
        elif told is None:
            fresh = fresh or (named and compat.strip_start(take) <= begin and compat.strip_end(take) >= end)
        elif named and not staleness.is_up_to_date(scene, take, speed_cache):
            take.mute = True
    return fresh


def _record_key(scene: Any, picture: Any, order: JobSpec, speed_cache: staleness.SpeedEffectCache) -> str:
    """What a cue's take is known by: what plays, wherever it lies, and what is wanted for it.

    Raises:
        BadInput: the picture cannot be read.
    """
    cue = order.cue
    if cue.picture.render is None:
        seen = proxy_cache.source_content_id(cue.picture, cue.span)
        if seen is None:
            raise InvalidInput(f"{cue.picture.source} cannot be read: choose it again in the strip's Source panel")
        plays = [seen, proxy_cache.span_fingerprint(cue.picture, cue.span)]
    else:
        plays = _render_fingerprint(scene, picture, cue, speed_cache)
    model = [order.model.id, order.model.version]
    wanted = [*model, order.sample_rate, cue.prompt, cue.negative, cue.seed, cue.takes, dict(cue.params), cue.square]
    return hashlib.sha256(json.dumps([plays, wanted], sort_keys=True).encode()).hexdigest()[:KEY_LENGTH]


def _render_fingerprint(scene: Any, picture: Any, cue: Cue, speed_cache: staleness.SpeedEffectCache) -> list[Any]:
    """What plays of a picture that Blender renders: how it is made of strips, and what is in their files.

    What has no file (a scene in 3D, a mask) is known by the film's: saved again, it may be another.
    """
    files = sorted(set(_source_files(picture, staleness.MAX_NESTING)))
    first = str(cue.span.start - compat.content_start(picture))
    how = [staleness.strip_fingerprint(scene, picture, speed_cache), first, cue.span.frames, str(cue.span.rate)]
    return [*how, [[path.name, proxy_cache.sampled_file_id(path)] for path in files]]


def _source_files(strip: Any, depth: int) -> Iterator[Path]:
    """The files that a strip shows, in it and in whatever is in it."""
    within: Sequence[Any] = ()
    match strip.type:
        case "MOVIE":
            yield Path(bpy.path.abspath(strip.filepath))
        case "IMAGE":
            folder = Path(bpy.path.abspath(strip.directory))
            yield from (folder / element.filename for element in strip.elements)
        case "META":
            within = strip.strips
        case "SCENE" if strip.scene and strip.scene_input == "SEQUENCER" and strip.scene.sequence_editor:
            within = strip.scene.sequence_editor.strips
        case "MOVIECLIP" if strip.clip:
            yield Path(bpy.path.abspath(strip.clip.filepath))
        case "SCENE" | "MASK":
            yield Path(bpy.data.filepath)
    for each in within if depth else ():
        yield from _source_files(each, depth - 1)


class SceneAudioBuilder:
    """The takes of a scene's needs: made where nobody made them yet, else brought from where they are.

    `generate` touches nothing of Blender's, so that any thread may do it; all else is for the main thread.
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
        cap, holds = preferences.budget_cap()
        self._project_cap = cap if holds else None
        """What the person lets the project cost, in Blender's preferences."""
        self.result = SceneAudioResult()

    def generate(self, claims: SharedClaims) -> None:
        """Have every take that is needed, by making it or by waiting for whoever does."""
        told: set[str] = set()
        while self._pending:
            for key in list(self._pending):
                if self._accept_record(claims.load_record(key), key):
                    continue
                if error := claims.failure_message(key):
                    self._fail(key, error)
            if mine := [key for key in self._pending if claims.acquire(key, partial(self._is_usable_record, key))]:
                self._generate_claimed(claims, mine)
            elif news := self._pending.keys() - told:
                for key in news:
                    self._log_message(
                        f"{self._strip_names(key)}: waiting for {claims.holder_name(key)}, which makes its sound"
                    )
                told |= news
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
        """Make what we claimed, all at once, and put it on record."""
        orders = {key: self._pending[key][0].order for key in keys}
        try:
            check_budget([*self._started_specs, *orders.values()], self._options.max_cost)
        except TracklayError as error:
            for key in keys:
                claims.release_failed(key, str(error))
                self._fail(key, str(error))
            return
        self._started_specs += orders.values()
        self._log_message(f"making sound for {', '.join(self._strip_names(key) for key in keys)}")
        with BlockingRunner(lambda _: None) as run:
            run.set_caps(list(orders.values()), run_cap=self._options.max_cost, project_cap=self._project_cap)
            results = run.run_jobs(list(orders.values()))
            for key, order in orders.items():
                of_cue = [result for result in results if result.cue.id == order.cue.id]
                takes = sorted((each for each in of_cue if isinstance(each, Take)), key=lambda take: take.number)
                errors = dict.fromkeys(str(each.error) for each in of_cue if isinstance(each, Failure))
                if not takes:
                    claims.release_failed(key, "; ".join(errors))
                    self._fail(key, "; ".join(errors))
                    continue
                self.result.errors += [f"{self._strip_names(key)}: {error}" for error in errors]
                record = {"tracklay": VERSION, "takes": [take.to_manifest_entry() for take in takes]}
                claims.save_record(key, record)
                run.mark_laid(takes)  # the record holds them from now on
                self.result.made += [need.spot.strip_name for need in self._pending[key]]
                self._accept_record(record, key)

    def lay(self) -> None:
        """Lay what is ready, each cue's first take heard."""
        for need, takes in self._ready:
            try:
                for index, take in enumerate(takes):
                    placement.lay_take(need.spot, take, index)
            except TracklayError as error:
                self.result.errors.append(f"{need.spot.strip_name}: {error}")
            else:
                self.result.laid.append(need.spot.strip_name)
        self._ready.clear()


def _load_takes(record: Mapping[str, Any] | None, order: JobSpec) -> list[Take]:
    """The takes of a record as an order's own; none where there is none, or a file is gone or is another by now."""
    found = []
    for entry in (record or {}).get("takes", ()):
        take = Take.from_manifest_entry(entry, order.cue, order.folder)
        try:
            if file_hash(take.file, cancel_token=CancelToken()) != take.sha256:
                return []
        except OSError:
            return []
        found.append(take)
    return found


def generate_scene_audio(
    scene: Any, options: SceneAudioOptions, log_message: Callable[[str], None]
) -> SceneAudioResult:
    """Make what a scene lacks and lay it: for a script, or a Blender without a window. `log_message` is told what is under way.

    Raises:
        TracklayError: no strip is called so or selected, or the takes folder cannot be used.
    """
    wanted, errors = find_missing_audio(scene, options)
    made = SceneAudioBuilder(wanted, options, log_message)
    if wanted:
        with SharedClaims(wanted[0].order.folder / RECORDS_FOLDER) as claims:
            made.generate(claims)
        made.lay()
    made.result.errors[:0] = errors
    return made.result
