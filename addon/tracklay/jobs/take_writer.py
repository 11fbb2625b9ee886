"""Writes takes from a stored output: each a file of exactly the span's samples, claimed in the ledger before it gets its name.

So every file that exists after a crash is known, and none is made twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from ..atomic_io import NumberedFile, atomic_write, temp_dir
from ..cue import Cost, Take
from ..errors import InvalidInput, MediaError, ModelFailed, TracklayError
from ..listening.heard import measure_heard
from ..media.conform import conform_audio
from ..media.fingerprint import source_id
from ..media.image_sequence import held_images_notes
from ..media.marks import XmpMark
from ..media.marks.credentials import has_credentials
from ..media.marks.signing import sign_file, signing_identity
from ..media.proxy_cache import find_pinned
from ..media.wav_reader import WavReader
from ..models.plan_terms import plan_for_manifest
from ..worker import WorkerProcess
from .artifact_store import COPY_SAMPLES
from .context import wait_for_worker
from .takes.claims import bwf_writer_factory, take_from_claim
from .takes.handles import find_handles, place_in_take, write_with_handles

if TYPE_CHECKING:
    from ..cancellation import CancelToken
    from ..media.bwf import BwfWriter
    from ..media.conform import ConformResult
    from ..providers.base import Output
    from .job_spec import JobSpec
    from .ledger import Job

_logger = logging.getLogger("tracklay.jobs")

CREDENTIALS_DROPPED_NOTE = "the model's file has Content Credentials, the take has none: set a certificate to keep them"
REUSED_NOTE = "output of job {} reused at no cost"
"""Note in the manifest of a take whose output an earlier job made."""

NOT_SCORED_NOTE = "not scored: {}"
"""Note of a take whose scoring failed."""

NOT_FITTED_NOTE = "not fitted to the span: {}"
"""Note of music whose fitting failed. It is cut at the span's end."""

TEMPO_NOTE, NO_BEAT_NOTE = "tempo: asked {:g}, measured {:.1f}", "tempo: asked {:g}, no beat found"
"""Notes of music that was asked for with a tempo, in beats per minute."""

NOT_LANDED_NOTE = "not landed: {}"
"""Note of a take whose landing failed. The take itself is whole."""

SILENT_NOTE = "Nothing is heard in the take. Try another prompt, seed or model."
"""Note of a silent take."""

MAX_MUSIC_SECONDS = 4 * 3600
"""Music is read up to this length: what a WAV file holds."""


class TakeProxies(NamedTuple):
    """The pictures that a take is landed on and scored by. None: it is not, or the model sees no moving picture; else an error."""

    landing: Path | TracklayError | None = None
    scoring: Path | TracklayError | None = None


@dataclass(frozen=True, slots=True)
class TakeWriter:
    """One sound of a job's output.

    `index` counts from 0; `origin_job_id` is the job that paid for it, if it was another one. With `accept_damaged` a take is made of
    what can be decoded of a damaged file.
    """

    spec: JobSpec
    job: Job
    output: Output
    index: int
    origin_job_id: int | None
    accept_damaged: bool = True

    @property
    def metadata(self) -> dict[str, Any]:
        """The part of the claim that is known before the take is made."""
        output = self.output
        cost = output.cost if self.origin_job_id is None else Cost("0", output.cost.currency, estimated=False)
        expected = cost.estimate or self.job.estimate
        if self.origin_job_id is None and not cost.estimated:
            cost = replace(cost, estimate=None if expected == cost.amount else expected)
        return {
            "created": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "seed": output.seed,
            "version": output.version,
            "cost": cost.to_dict(),
            "plan": plan_for_manifest(self.spec.model),
            "understood": dict(output.understood),
            # Stems of a stretch are no stems of the take.
            "stems": [] if self.spec.cue.patch else list(output.stems),
            **place_in_take(self.job.output or {}, self._before),
        }

    @property
    def _before(self) -> int:
        """Samples of the output before the take: those of its handle."""
        return self.spec.cue.span.rate.samples(self.spec.cue.handles[0], self.spec.sample_rate)

    def write_take(
        self,
        record_claim: Callable[[dict[str, Any]], None],
        after_number: int,
        proxies: TakeProxies,
        *,
        cancel_token: CancelToken,
    ) -> Take:
        """Write the take and its stems. Its number is the first free one above `after_number`.

        Args:
            record_claim: stores the claim on disk; called before the take's file gets its name.
            after_number: the take's number is higher.
            proxies: the pictures that the take is landed on and scored by; an error becomes a note.
            cancel_token: cancels the work.

        Raises:
            OutputError: the folder cannot be written.
            ModelFailed, MediaError, Cancelled: as `conform_audio`.
        """
        claim = self.metadata
        numbered = NumberedFile(
            self.spec.folder,
            self.spec.take_name,
            after_number,
            # Called with the number chosen and the file complete, just before the rename.
            lambda: record_claim({**claim, "number": numbered.number, "file": numbered.path.name}),
        )
        # The number is not known yet; the WAV header does not contain it.
        unnumbered = take_from_claim(self.spec, self.job, claim)
        with numbered.open_for_writing() as temporary:
            conformed, music_claim, music_notes = self._conform(temporary, unnumbered, cancel_token)
            claim.update(music_claim, handles={} if music_claim.get("fit") else find_handles(self.spec.cue, conformed))
            claim["landing"], landing_notes = self._land(temporary, proxies.landing, cancel_token)
            claim["replaced"] = self._splice(temporary, unnumbered, claim, cancel_token)
            claim["score"], scoring_notes = self._score(temporary, proxies.scoring, cancel_token)
            claim["measured"] = measure_heard(temporary)
            notes = [
                *self.output.notes,
                *self._picture_notes(),
                *conformed.notes,
                *music_notes,
                *self._credentials_notes(),
                *([] if self.origin_job_id is None else [REUSED_NOTE.format(self.origin_job_id)]),
                *landing_notes,
                *scoring_notes,
                *([SILENT_NOTE] if "silent" in claim["measured"] else []),
            ]
            self._sign(temporary, unnumbered)
            sha256 = source_id(temporary, "full", cancel_token=cancel_token)
            channels = claim["replaced"].get("channels", conformed.channels)
            claim.update(sha256=sha256, channels=channels, notes=notes)
        claim.update(number=numbered.number, file=numbered.path.name)
        take = take_from_claim(self.spec, self.job, claim)
        if files := self.write_companions(take, cancel_token=cancel_token):
            record_claim({**claim, **files})
            take = take_from_claim(self.spec, self.job, {**claim, **files})
        return take

    def _conform(
        self, to: Path, take: Take, cancel_token: CancelToken
    ) -> tuple[ConformResult, dict[str, Any], tuple[str, ...]]:
        """Write the span's samples of the output; return the result, what is known of music, for the claim, and notes.

        If music cannot be fitted, it is cut at the span's end, with a note.
        """
        cue = self.spec.cue
        samples = (cue.sound_span if cue.patch is None else cue.made_span).samples(take.sample_rate)
        if self.spec.fits_takes:
            try:
                return self._fit(to, take, cancel_token)
            except (InvalidInput, MediaError, ModelFailed) as error:
                if not cue.generates:
                    raise
                conformed = self._conform_to(samples, to, take, cancel_token)
                return conformed, {}, (NOT_FITTED_NOTE.format(error),)
        conformed = self._conform_to(samples, to, take, cancel_token)
        if cue.tempo is None:
            return conformed, {}, ()
        try:
            worker = WorkerProcess("music_fit.fit_file:measure_tempo", {"music": str(to)})
            tempo = self._describe_tempo(wait_for_worker(worker, cancel_token)["tempo"])
        except (MediaError, ModelFailed):
            return conformed, {}, ()
        return conformed, {"tempo": tempo}, (_tempo_note(tempo),)

    def _fit(
        self, to: Path, take: Take, cancel_token: CancelToken
    ) -> tuple[ConformResult, dict[str, Any], tuple[str, ...]]:
        """Write the output, fitted to the span and its hits, as `_conform`.

        Raises:
            InvalidInput, MediaError, ModelFailed: it cannot be fitted.
        """
        cue = self.spec.cue
        with temp_dir(to.parent) as work:
            music, fitted = work / "music.wav", work / "fitted.wav"
            conformed = self._conform_to(MAX_MUSIC_SECONDS * take.sample_rate, music, take, cancel_token, pad=False)
            arguments = {**self._fit_arguments(music, take), "to": str(fitted)}
            result = wait_for_worker(WorkerProcess("music_fit.fit_file:fit_wav", arguments), cancel_token)
            _copy_samples(fitted, to, bwf_writer_factory(take))
        fit, names = result["fit"], {round(hit.seconds * take.sample_rate): hit.name for hit in cue.hits}
        fit["hits"] = [{**hit, "name": names.get(hit["at"], "")} for hit in fit["hits"]]
        # The file of the whole music is named after the take, which has no number yet.
        earlier = {} if cue.refit is None else {"refit_of": cue.refit.name}
        claim, notes = {"fit": {**fit, **earlier, "unfitted": True}}, tuple(result["notes"])
        if cue.tempo is None:
            return conformed, claim, notes
        tempo = self._describe_tempo(result["tempo"])
        return conformed, {**claim, "tempo": tempo}, (_tempo_note(tempo), *notes)

    def _fit_arguments(self, music: Path, take: Take) -> dict[str, Any]:
        """Return the arguments of a fit of music to the cue's span, hits and tail."""
        cue = self.spec.cue
        span = cue.span.samples(take.sample_rate)
        tail = cue.sound_span.samples(take.sample_rate) - span
        hits = [round(hit.seconds * take.sample_rate) for hit in cue.hits]
        return {"music": str(music), "span": span, "hits": hits, "tail": tail}

    def _describe_tempo(self, measured: float | None) -> dict[str, Any]:
        """Return the tempo that was asked for and the one that came, None if the music has no beat, for the manifest."""
        return {"asked": self.spec.cue.tempo, "sent": self.spec.tempo_sent, "measured": measured}

    def _conform_to(
        self, samples: int, to: Path, take: Take, cancel_token: CancelToken, *, pad: bool = True
    ) -> ConformResult:
        return conform_audio(
            self.output.file,
            samples,
            to,
            bwf_writer_factory(take),
            rate=take.sample_rate,
            pad=pad,
            skip=self._before,
            asked=samples + self.spec.cue.span.rate.samples(self.spec.cue.handles[1], take.sample_rate),
            accept_damaged=self.accept_damaged,
            cancel_token=cancel_token,
        )

    def _land(
        self, take: Path, proxy: Path | TracklayError | None, cancel_token: CancelToken
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Land a take's file in place; return what was done, for the manifest, and notes.

        A failure is a note, and the take stays, unless landing is all that the job is for.
        """
        if proxy is None:
            return ({"mode": "off"} if self.spec.cue.land == "off" else {}), ()
        is_all = self.spec.cue.reland is not None
        if isinstance(proxy, TracklayError):
            if is_all:
                raise proxy
            return {}, (NOT_LANDED_NOTE.format(proxy),)
        with temp_dir(take.parent) as work:
            landed = work / "landed.wav"
            arguments = {"take": str(take), "proxy": str(proxy), "prompt": self.spec.cue.prompt, "to": str(landed)}
            # In a process of its own: the arithmetic would hold the interpreter that draws the editor.
            try:
                landing = wait_for_worker(WorkerProcess("landing.land_file:land_wav", arguments), cancel_token)
            except (MediaError, ModelFailed) as error:
                if is_all:
                    raise
                return {}, (NOT_LANDED_NOTE.format(error),)
            changed = landing.pop("changed")
            if changed:
                landed.replace(take)
        # The file of the untouched take is named after this one, which has no number yet.
        return {"mode": self.spec.cue.land, **landing, **({"untouched": True} if changed else {})}, ()

    def _sign(self, file: Path, take: Take) -> None:
        """Sign a finished file in place, if a certificate is set: whatever is done to it afterwards would break the signature."""
        mark = XmpMark(take.source_type, take.cue.model)
        sign_file(file, mark, self.spec.take_name(0), [self.output.file, *self.output.stems.values()])

    def _picture_notes(self) -> tuple[str, ...]:
        """Return a note if the model saw a picture with images in the place of others."""
        pinned = find_pinned(self.job.proxy_key) if self.job.proxy_key else None
        return held_images_notes(pinned.proxy.held_images) if pinned else ()

    def _credentials_notes(self) -> tuple[str, ...]:
        """Return a note if the model's file has Content Credentials that the take cannot have."""
        return () if signing_identity() or not has_credentials(self.output.file) else (CREDENTIALS_DROPPED_NOTE,)

    def _splice(self, stretch: Path, take: Take, claim: dict[str, Any], cancel_token: CancelToken) -> dict[str, Any]:
        """Put a patch's stretch, in place, into a copy of the earlier take; return what was replaced, for the manifest.

        Raises:
            MediaError: the earlier take cannot be read, or is not the one that was asked for.
        """
        patch = self.spec.cue.patch
        if patch is None:
            return {}
        rate = self.spec.cue.span.rate
        landing = {name: value for name, value in claim["landing"].items() if name != "untouched"}
        claim["landing"] = {}
        with temp_dir(stretch.parent) as work:
            spliced = work / "spliced.wav"
            arguments = {
                "take": str(patch.take),
                "stretch": str(stretch),
                "start": rate.samples(patch.start - self.spec.cue.span.start, take.sample_rate),
                "samples": take.samples,
                "to": str(spliced),
            }
            replaced = wait_for_worker(WorkerProcess("parts.splice:splice_stretch", arguments), cancel_token)
            _copy_samples(spliced, stretch, bwf_writer_factory(take))
        described = {"take": patch.take.name, "start": patch.start, "frames": patch.frames, **replaced}
        return {**described, **({"landing": landing} if landing else {})}

    def _score(
        self, take: Path, proxy: Path | TracklayError | None, cancel_token: CancelToken
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return a take's score, for the manifest, and notes. A failure is a note: the take is whole without a score."""
        if not self.spec.scores_takes:
            return {}, ()
        if isinstance(proxy, TracklayError):  # a score without contacts would be no match for others
            return {}, (NOT_SCORED_NOTE.format(proxy),)
        cue, model = self.spec.cue, self.spec.model
        arguments = {"take": str(take), "proxy": str(proxy) if proxy else None, "prompt": cue.prompt}
        worker = WorkerProcess("scoring.score_file:score_wav", {**arguments, "is_music": model.task == "music"})
        try:
            return wait_for_worker(worker, cancel_token), ()
        except (MediaError, ModelFailed) as error:
            return {}, (NOT_SCORED_NOTE.format(error),)

    def write_companions(self, take: Take, *, cancel_token: CancelToken) -> dict[str, Any]:
        """Write a take's stems, its untouched form, the music and stems that it was fitted from, and its handles beside it.

        Returns:
            what changes in the take's claim: `stems`, the names of those that exist, and `stem_hashes`, the SHA-256 of all files by
            name. A stem that cannot be decoded is left out and does not fail the take. Empty for a take without further files.
        """
        hashes: dict[str, str] = {}
        names = []
        for name, path in take.stems.items():
            whole = take.unfitted_stem(name)
            target = path if whole is None else whole
            try:
                source = self.output.stems[name]
                hashes[target.name] = self._write_companion(take, source, target, cancel_token, whole=whole is not None)
                names.append(name)
            except (KeyError, MediaError, ModelFailed) as error:
                _logger.warning("job %d: stem %s left out: %s", self.job.id, name, error)
        if take.untouched is not None:
            hashes[take.untouched.name] = self._write_companion(take, self.output.file, take.untouched, cancel_token)
        if take.unfitted is not None:
            hashes[take.unfitted.name] = self._write_companion(
                take, self.output.file, take.unfitted, cancel_token, whole=True
            )
            hashes |= self._fit_stems(take, names, cancel_token)
        if take.with_handles is not None:
            with atomic_write(take.with_handles) as temporary:
                write_with_handles(take, self.output.file, temporary, cancel_token)
                self._sign(temporary, take)
                hashes[take.with_handles.name] = source_id(temporary, "full", cancel_token=cancel_token)
        return {"stems": names, "stem_hashes": hashes} if take.stems or hashes else {}

    def _fit_stems(self, take: Take, names: Sequence[str], cancel_token: CancelToken) -> dict[str, str]:
        """Write the stems of fitted music with the music's own cuts; return the SHA-256 of each by its file's name."""
        if not names or take.unfitted is None:
            return {}
        hashes = {}
        with temp_dir(take.file.parent) as work:
            fitted = {name: work / f"{number}.wav" for number, name in enumerate(names)}
            stems = {str(take.unfitted_stem(name)): str(path) for name, path in fitted.items()}
            arguments = {**self._fit_arguments(take.unfitted, take), "stems": stems}
            wait_for_worker(WorkerProcess("music_fit.fit_file:fit_stems", arguments), cancel_token)
            for name, path in fitted.items():
                with atomic_write(take.stems[name]) as temporary:
                    _copy_samples(path, temporary, bwf_writer_factory(take))
                    self._sign(temporary, take)
                    hashes[take.stems[name].name] = source_id(temporary, "full", cancel_token=cancel_token)
        return hashes

    def _write_companion(
        self, take: Take, source: Path, path: Path, cancel_token: CancelToken, *, whole: bool = False
    ) -> str:
        """Write one file beside a take, of the take's length or `whole`, and return its SHA-256."""
        with atomic_write(path) as temporary:
            conform_audio(
                source,
                MAX_MUSIC_SECONDS * take.sample_rate if whole else take.samples,
                temporary,
                bwf_writer_factory(take),
                rate=take.sample_rate,
                pad=not whole,
                skip=self._before,
                cancel_token=cancel_token,
            )
            self._sign(temporary, take)
            return source_id(temporary, "full", cancel_token=cancel_token)


def _tempo_note(tempo: Mapping[str, Any]) -> str:
    note = NO_BEAT_NOTE if tempo["measured"] is None else TEMPO_NOTE
    return note.format(tempo["asked"], tempo["measured"])


def _copy_samples(source: Path, to: Path, make_writer: Callable[[BinaryIO, int], BwfWriter]) -> None:
    """Write the samples of a WAV to another one, with the header of its writer."""
    with WavReader(source) as wav, to.open("wb") as file:
        writer = make_writer(file, wav.format.channels)
        for first in range(0, wav.format.samples, COPY_SAMPLES):
            writer.write(wav.read(first, min(wav.format.samples, first + COPY_SAMPLES)))
        writer.close()
