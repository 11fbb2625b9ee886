"""Fake fal servers, by `docs/api-notes/fal.md`: queue, storage, CDN and platform API, each on a port of its own.

The inputs of each model are written here from the vendor's pages and not read from the catalogue, so that each checks the other.
"""

from __future__ import annotations

import functools
import json
import subprocess
import tempfile
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av

from tests.clips import FFMPEG
from tests.fakes import mmaudio, published
from tests.fakes.click_model import click_track, flashes, write
from tests.fakes.server import Reply, Seen, Server, Site

KEY = "0f0f0f0f-aaaa-bbbb-cccc-000000000001:5ecre75ecre75ecre75ecre75ecre7"
CDN_TOKEN = "cdn-token-0123456789"  # noqa: S105 - not a real one
RATE = 44_100
PAGE = 2
"""Requests on a page of the history: few, so that a test of a few sees pages."""

SMALL_RESULT = 10_240
"""Bytes. A larger result is forgotten after six minutes."""

MISSING = object()


@dataclass(frozen=True)
class Rule:
    """What a field takes: a type, limits (of a text: characters), choices, and what it is where nothing is sent."""

    type: type | tuple[type, ...]
    default: Any = None
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


NUMBER = (int, float)
SEED = Rule(int, None, 0, 2**31 - 1)
VIDEO = Rule(str, MISSING)
_STABLE_AUDIO_3 = {
    "num_inference_steps": Rule(int, 8, 1, 100),
    "guidance_scale": Rule(NUMBER, 1, 0, 25),
    "seed": Rule(int, None, 0),
    "enable_prompt_expansion": Rule(bool, default=False),
    "enable_safety_checker": Rule(bool, default=True),
    "output_format": Rule(str, "mp3", choices=("mp3", "wav", "flac", "ogg", "opus", "m4a", "aac")),
    "bitrate": Rule(str, "192k"),
}
MODELS: dict[str, dict[str, Rule]] = {
    "beatoven/music-generation": {
        "prompt": Rule(str, MISSING),
        "negative_prompt": Rule(str, ""),
        "duration": Rule(NUMBER, 90, 5, 150),
        "refinement": Rule(int, 100, 10, 200),
        "creativity": Rule(NUMBER, 16, 1, 20),
        "seed": SEED,
    },
    "beatoven/sound-effect-generation": {
        "prompt": Rule(str, MISSING),
        "negative_prompt": Rule(str, ""),
        "duration": Rule(NUMBER, 5, 1, 35),
        "refinement": Rule(int, 40, 10, 200),
        "creativity": Rule(NUMBER, 16, 1, 20),
        "seed": SEED,
    },
    "fal-ai/mmaudio-v2": {
        "video_url": VIDEO,
        "prompt": Rule(str, MISSING),
        "negative_prompt": Rule(str, ""),
        "seed": Rule(int, None, 0, 65535),
        "num_steps": Rule(int, 25, 4, 50),
        "duration": Rule(NUMBER, 8, 1, 30),
        "cfg_strength": Rule(NUMBER, 4.5, 0, 20),
        "mask_away_clip": Rule(bool, default=False),
    },
    "fal-ai/thinksound/audio": {
        "video_url": VIDEO,
        "prompt": Rule(str, ""),
        "seed": Rule(int, None, 0),
        "num_inference_steps": Rule(int, 24, 2, 100),
        "cfg_scale": Rule(NUMBER, 5, 1, 20),
    },
    "mirelo-ai/sfx-v1.5/video-to-audio": {
        "video_url": VIDEO,
        "text_prompt": Rule(str),
        "num_samples": Rule(int, 2, 1, 4),
        "seed": Rule(int, 8069, 0),
        "duration": Rule(NUMBER, 10, 1, 10),
        "start_offset": Rule(NUMBER, None, 0, 300),
    },
    "mirelo-ai/sfx1.6/video-to-video": {
        "video_url": VIDEO,
        "text_prompt": Rule(str),
        "num_samples": Rule(int, 2, 1, 4),
        "seed": Rule(int, None, -1),
        "duration": Rule(NUMBER, 10, 1, 60),
    },
    "mirelo-ai/sfx1.6/text-to-audio": {
        "text_prompt": Rule(str, MISSING),
        "duration": Rule(NUMBER, 10, 0.1, 60),
        "ambience": Rule(bool, default=False),
        "double_output": Rule(bool, default=False),
        "num_samples": Rule(int, 1, 1, 4),
        "seed": Rule(int, None, -1),
        "upload_audio_format": Rule(str, "wav", choices=("wav", "mp3", "aac", "flac")),
    },
    "mirelo-ai/sfx2.0/video-to-audio": {
        "video_url": VIDEO,
        "text_prompt": Rule(str, None, 0, 2000),
        "negative_prompt": Rule(str, None, 0, 1000),
        "num_samples": Rule(int, 1, 1),
        "duration": Rule(NUMBER, None, 1, 600),
        "preserve_speech": Rule(bool, default=True),
    },
    "fal-ai/hunyuan-video-foley": {
        "video_url": VIDEO,
        "text_prompt": Rule(str, MISSING),
        "negative_prompt": Rule(str, "noisy, harsh"),
        "guidance_scale": Rule(NUMBER, 4.5, 1, 10),
        "num_inference_steps": Rule(int, 50, 10, 100),
        "seed": Rule(int, None, 0),
    },
    "fal-ai/controlfoley": {
        "video_url": VIDEO,
        "prompt": Rule(str, ""),
        "negative_prompt": Rule(str, ""),
        "reference_audio_url": Rule(str),
        "duration": Rule(NUMBER, 8, 1, 30),
    },
    "fal-ai/stable-audio-3/medium/text-to-audio": {
        "prompt": Rule(str, MISSING),
        "negative_prompt": Rule(str, ""),
        "duration": Rule(NUMBER, 30, 1, 380),
        **_STABLE_AUDIO_3,
    },
    "fal-ai/stable-audio-3/medium/audio-inpainting": {
        "audio_url": Rule(str, MISSING),
        "mask_start_seconds": Rule(NUMBER, MISSING, 0),
        "mask_end_seconds": Rule(NUMBER, MISSING, 0),
        "prompt": Rule(str, MISSING),
        "negative_prompt": Rule(str, ""),
        **_STABLE_AUDIO_3,
    },
    "google/lyria-3.5": {"prompt": Rule(str, MISSING), "image_url": Rule(str)},
    "fal-ai/minimax-music/v2.6": {
        "prompt": Rule(str, MISSING, 10, 300),
        "is_instrumental": Rule(bool, default=False),
        "lyrics": Rule(str, "", 0, 1000),
    },
    "fal-ai/kling-video/video-to-audio": {
        "video_url": VIDEO,
        "sound_effect_prompt": Rule(str, "Car tires screech as they accelerate in a drag race", 0, 200),
        "background_music_prompt": Rule(str, "intense car race", 0, 200),
        "asmr_mode": Rule(bool, default=False),
    },
    "sonilo/v1.1/video-to-sound-effects": {
        "video_url": VIDEO,
        "prompt": Rule(str),
        "segments": Rule(list),
        "audio_format": Rule(str, "aac", choices=("aac", "mp3", "wav", "flac")),
    },
    "sonilo/v1.1/video-to-music": {
        "video_url": VIDEO,
        "prompt": Rule(str),
        "num_samples": Rule(int, 1, 1, 3),
        "start_offset": Rule(NUMBER, None, 0, 600),
        "duration": Rule(NUMBER, None, 1, 600),
    },
}

PRICES = {
    "beatoven/music-generation": (0.08, "generations"),
    "fal-ai/mmaudio-v2": (0.001, "seconds"),
    "fal-ai/thinksound/audio": (0.001, "compute seconds"),
    "mirelo-ai/sfx-v1.5/video-to-audio": (0.6, "minutes"),
    "fal-ai/hunyuan-video-foley": (0.1, "10 seconds"),
    "google/lyria-3.5": (0.1, "generations"),
}


@dataclass
class Job:
    """A request in the queue. `step` counts on with every look; `answer` is there when it has ended."""

    id: str
    endpoint: str
    input: dict[str, Any]
    sent: str
    headers: dict[str, str]
    step: int = 0
    answer: tuple[int, Any] | None = None
    error: tuple[str, str] | None = None
    ended: str | None = None

    @property
    def app(self) -> str:
        """Its application: what its addresses are made of."""
        return "/".join(self.endpoint.split("/")[:2])


@dataclass
class Fal:
    """All four hosts: `with Fal() as fal`, then `fal.queue`, `fal.rest`, `fal.api`, `fal.cdn`. A test sets the attributes.

    `steps`: the statuses before the end. `fails`: (status, body, error, error type) of every result. `refuses`: what the queue itself
    answers to a submission. `shape`: makes another result of the model's own. `forgotten`: the queue has forgotten its results.
    `strangers`: the host of the status, response and cancel URLs. `deaf`: looks at a new request that are answered with 404.
    `bills`: results say for how many units they are charged, `overcharge` times as many as were used.
    `fills`: the history shows a model's defaults beside what was sent.
    """

    steps: tuple[str, ...] = ("IN_QUEUE", "IN_PROGRESS")
    fails: tuple[int, Any, str | None, str | None] | None = None
    refuses: Reply | None = None
    shape: Any = None
    forgotten: bool = False
    strangers: str | None = None
    deaf: int = 0
    bills: bool = True
    overcharge: float = 1.0
    fills: bool = False
    jobs: dict[str, Job] = field(default_factory=dict)
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    promised: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sites = {name: Site() for name in ("queue", "rest", "api", "cdn")}
        for name in ("queue", "rest", "api"):
            sites[name].before = self._authorized
        for host, method, path, handler in (
            ("queue", "GET", "/{app:path}/requests/{name}/status", self._status),
            ("queue", "PUT", "/{app:path}/requests/{name}/cancel", self._cancel),
            ("queue", "GET", "/{app:path}/requests/{name}", self._result),
            ("queue", "POST", "/{endpoint:path}", self._submit),
            ("rest", "POST", "/storage/upload/initiate", self._initiate),
            ("rest", "POST", "/storage/auth/token", self._cdn_token),
            ("cdn", "PUT", "/upload/{name}", self._put),
            ("cdn", "POST", "/files/upload", self._post),
            ("cdn", "GET", "/files/{name}", self._deliver),
            ("api", "GET", "/v1/models/requests/by-endpoint", self._history),
            ("api", "GET", "/v1/models/pricing", self._pricing),
            ("api", "GET", "/v1/models", self._models),
        ):
            sites[host].route(method, path)(handler)
        self.queue, self.rest, self.api, self.cdn = (Server(site) for site in sites.values())

    @property
    def servers(self) -> tuple[Server, ...]:
        """All hosts."""
        return self.queue, self.rest, self.api, self.cdn

    def __enter__(self) -> Self:
        for server in self.servers:
            server.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        for server in self.servers:
            server.__exit__(*error)

    def _authorized(self, seen: Seen) -> Reply | None:
        if seen.path == "/v1/models" and "authorization" not in seen.headers:
            return None  # the list of models needs no key
        if seen.headers.get("authorization") == f"Key {KEY}":
            return None
        message = f'Cannot access application "{seen.path.strip("/")}". Authentication is required to access this application.'
        return Reply(401, {"detail": message})

    # The queue.

    def _submit(self, seen: Seen, endpoint: str) -> Reply:
        if self.refuses is not None:
            return self.refuses
        if endpoint not in MODELS:
            return Reply(404, {"detail": f'Application "{endpoint.split("/")[1]}" not found'})
        if not isinstance(seen.json, dict):
            return Reply(422, {"detail": [{"loc": ["body"], "msg": "Input should be an object", "type": "dict_type"}]})
        given = seen.headers.get("x-fal-object-lifecycle-preference")
        if given is not None and json.loads(given)["expiration_duration_seconds"] <= 0:
            return Reply(400, {"detail": "Invalid lifecycle", "error_type": "bad_request"})
        job = Job(str(uuid.uuid4()), endpoint, seen.json, _now(), seen.headers)
        self.jobs[job.id] = job
        at = f"{self.strangers or self.queue.url}/{job.app}/requests/{job.id}"
        places = {"response_url": at, "status_url": f"{at}/status", "cancel_url": f"{at}/cancel"}
        return Reply(200, {"status": "IN_QUEUE", "request_id": job.id, **places, "queue_position": 0})

    def _job(self, app: str, name: str) -> Job | None:
        job = self.jobs.get(name)
        return job if job and app in (job.app, job.endpoint) else None

    def _look(self, job: Job) -> str:
        """Its status now; each look is a moment later."""
        if job.answer is None and job.step >= len(self.steps):
            self._run(job)
        job.step += 1
        return self.steps[job.step - 1] if job.answer is None else "COMPLETED"

    def _run(self, job: Job) -> None:
        if self.fails:
            status, body, error, kind = self.fails
            job.answer = status, body
            job.error = (error, kind or "") if error else None
        else:
            job.answer = self._answer(job)
            job.error = ("Unprocessable Entity", "") if job.answer[0] >= 400 else None
        job.ended = _now()

    def _status(self, seen: Seen, app: str, name: str) -> Reply:
        job = self._job(app, name)
        if job is None or self.deaf > 0:
            self.deaf -= 1
            return Reply(404, {"status": "NOT_FOUND"})
        status = self._look(job)
        logs = [{"message": line, "level": "STDOUT", "source": "USER", "timestamp": _now()} for line in _log(status)]
        at = f"{self.queue.url}/{job.app}/requests/{job.id}"
        body: dict[str, Any] = {
            "status": status,
            "request_id": job.id,
            "response_url": at,
            "status_url": f"{at}/status",
            "cancel_url": f"{at}/cancel",
            "logs": logs if seen.query.get("logs") in ("1", "true") else None,
        }
        if status == "IN_QUEUE":
            body["queue_position"] = len(self.steps) - job.step
        if status != "COMPLETED":
            return Reply(202, body)
        body["metrics"] = {"inference_time": 1.5}
        if job.error:
            body["error"], body["error_type"] = job.error
        return Reply(200, body)

    def _result(self, seen: Seen, app: str, name: str) -> Reply:
        job = self._job(app, name)
        if job is None or self.forgotten:
            return Reply(404, {"status": "NOT_FOUND"})
        if job.answer is None:
            return Reply(400, {"detail": "Request is still in progress"})
        status, body = job.answer
        units = {"x-fal-billable-units": self._billable_units(job)} if self.bills and status < 400 else {}
        return Reply(status, body, {"x-fal-request-id": job.id, **units})

    def _billable_units(self, job: Job) -> str:
        """In the unit of the price list; not every endpoint sends it."""
        unit = PRICES.get(job.endpoint, (0, "generations"))[1]
        seconds = float(job.input.get("duration") or 2) * self.overcharge
        return f"{ {'seconds': seconds, 'minutes': seconds / 60, '10 seconds': seconds / 10, 'compute seconds': 12.5}.get(unit, 1):g}"

    def _cancel(self, seen: Seen, app: str, name: str) -> Reply:
        job = self._job(app, name)
        if job is None:
            return Reply(404, {"status": "NOT_FOUND"})
        if job.answer is not None:
            return Reply(400, {"status": "ALREADY_COMPLETED"})
        job.answer = 499, {"detail": "Request was cancelled", "error_type": "client_cancelled"}
        job.error = "Request was cancelled", "client_cancelled"
        job.ended = _now()
        return Reply(202, {"status": "CANCELLATION_REQUESTED"})

    # Storage and CDN.

    def _initiate(self, seen: Seen) -> Reply:
        if seen.query.get("storage_type") not in ("fal-cdn-v3", "gcs") or set(seen.json) != {
            "content_type",
            "file_name",
        }:
            return Reply(422, {"detail": "file_name and content_type are wanted"})
        name = f"{uuid.uuid4().hex}_{seen.json['file_name']}"
        self.promised[name] = seen.json["content_type"]
        return Reply(200, {"file_url": f"{self.cdn.url}/files/{name}", "upload_url": f"{self.cdn.url}/upload/{name}"})

    def _cdn_token(self, seen: Seen) -> Reply:
        ends = "2100-01-01T00:00:00+00:00"
        return Reply(200, {"token": CDN_TOKEN, "token_type": "Bearer", "base_url": self.cdn.url, "expires_at": ends})

    def _put(self, seen: Seen, name: str) -> Reply:
        if "authorization" in seen.headers:
            return Reply(400, {"detail": "no key belongs here"})
        if self.promised.get(name) != seen.headers.get("content-type") or "content-length" not in seen.headers:
            return Reply(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        self.files[name] = seen.body, self.promised[name]
        return Reply(200)

    def _post(self, seen: Seen) -> Reply:
        if seen.headers.get("authorization") != f"Bearer {CDN_TOKEN}":
            return Reply(401, {"detail": "Unauthorized"})
        return Reply(
            200, {"access_url": self._kept(seen.body, seen.headers["x-fal-file-name"], seen.headers["content-type"])}
        )

    def _kept(self, content: bytes, name: str, kind: str) -> str:
        name = f"{uuid.uuid4().hex}_{name}"
        self.files[name] = content, kind
        return f"{self.cdn.url}/files/{name}"

    def _deliver(self, seen: Seen, name: str) -> Reply:
        if "authorization" in seen.headers:
            return Reply(400, {"detail": "no key belongs here"})
        if name not in self.files:
            return Reply(404, b"not found")
        content, kind = self.files[name]
        return Reply(200, content, {"content-type": kind})

    # The platform API.

    def _history(self, seen: Seen) -> Reply:
        """Requests that have ended, newest first, a page at a time. Time passes with every look."""
        query = seen.query
        if "endpoint_id" not in query or not 1 <= int(query.get("limit", 50)) <= 100:
            return self._wrong("validation_error", "endpoint_id is wanted, and a limit from 1 to 100")
        if "cursor" not in query:
            for job in self.jobs.values():
                self._look(job)
        start = datetime.fromisoformat(query["start"]) if "start" in query else None
        listed = [
            self._listed(job, payloads="payloads" in query.get("expand", ""))
            for job in reversed(self.jobs.values())
            if job.ended
            and job.endpoint == query["endpoint_id"]
            and query.get("request_id", job.id) == job.id
            and (start is None or datetime.fromisoformat(job.sent) >= start)
        ]
        first = int(query.get("cursor", 0))
        more = len(listed) > first + PAGE
        page = {
            "items": listed[first : first + PAGE],
            "has_more": more,
            "next_cursor": str(first + PAGE) if more else None,
        }
        return Reply(200, page)

    def _listed(self, job: Job, *, payloads: bool) -> dict[str, Any]:
        assert job.answer is not None
        entry = {
            "request_id": job.id,
            "endpoint_id": job.endpoint,
            "sent_at": job.sent,
            "started_at": job.sent,
            "ended_at": job.ended,
            "status_code": job.answer[0],
            "duration": 1.5,
        }
        defaults = {name: rule.default for name, rule in MODELS[job.endpoint].items() if rule.default is not MISSING}
        given = defaults | job.input if self.fills else job.input
        return entry | ({"json_input": given, "json_output": job.answer[1]} if payloads else {})

    @staticmethod
    def _wrong(kind: str, message: str) -> Reply:
        return Reply(
            400, {"error": {"type": kind, "message": message, "docs_url": "", "request_id": str(uuid.uuid4())}}
        )

    def _models(self, seen: Seen) -> Reply:
        endpoint = seen.query.get("endpoint_id", "")
        if endpoint not in MODELS:
            return Reply(404, {"error": {"type": "not_found", "message": f"Model {endpoint} not found"}})
        schema = seen.query.get("expand") == "openapi-3.0"
        return Reply(200, {"models": [published.fal(endpoint, MODELS[endpoint], schema=schema)], "has_more": False})

    def _pricing(self, seen: Seen) -> Reply:
        endpoint = seen.query.get("endpoint_id", "")
        if endpoint not in PRICES:
            return Reply(404, {"error": {"type": "not_found", "message": f"No price for {endpoint}"}})
        amount, unit = PRICES[endpoint]
        return Reply(
            200, {"prices": [{"endpoint_id": endpoint, "unit_price": amount, "unit": unit, "currency": "USD"}]}
        )

    # The models.

    def _answer(self, job: Job) -> tuple[int, Any]:
        """A model's own status and answer."""
        rules = MODELS[job.endpoint]
        wrong = [problem for name, rule in rules.items() if (problem := _problem(name, rule, job.input))]
        if wrong:
            return 422, {"detail": wrong}
        given = {name: job.input.get(name, rule.default) for name, rule in rules.items()}
        video = None
        if "video_url" in rules:
            video = self.files.get(given["video_url"].rpartition("/")[2], (None, ""))[0]
            if video is None:
                return 422, _detail("video_url", "file_download_error", "The file could not be downloaded")
            length = _length(video)
            if job.endpoint.startswith("fal-ai/kling") and not 3 <= length <= 20:
                kind = "video_duration_too_short" if length < 3 else "video_duration_too_long"
                return 422, _detail("video_url", kind, "Video duration must be between 3.0s and 20.0s")
            if (given.get("start_offset") or 0) + (given.get("duration") or 0) > length and "music" in job.endpoint:
                return 422, _detail("duration", "value_error", "Start Offset + Duration must not pass the video's end")
        result = self._sounds(job.endpoint, given, video)
        return 200, self.shape(result) if self.shape else result

    def _sounds(self, endpoint: str, given: dict[str, Any], video: bytes | None) -> dict[str, Any]:
        def made(kind: str, seconds: float | Fraction | None = None, start: float = 0) -> dict[str, Any]:
            content = sound(video, None if seconds is None else Fraction(seconds), kind, Fraction(start))
            mime = {"mp4": "video/mp4", "mp3": "audio/mpeg"}.get(kind, f"audio/{kind}")
            url = self._kept(content, f"output.{kind}", mime)
            return {"url": url, "content_type": mime, "file_name": f"output.{kind}", "file_size": len(content)}

        def several(seconds: float | None, kind: str = "wav") -> list[dict[str, Any]]:
            return [made(kind, seconds, given.get("start_offset") or 0) for _ in range(given["num_samples"])]

        if endpoint.startswith("beatoven/"):
            result: dict[str, Any] = {"audio": made("wav", given["duration"]), "prompt": given["prompt"]}
        elif endpoint == "fal-ai/mmaudio-v2":
            result = {"video": made("mp4", given["duration"])}
        elif endpoint == "fal-ai/hunyuan-video-foley":
            result = {"video": made("mp4", _length(video or b""))}
        elif endpoint == "mirelo-ai/sfx1.6/video-to-video":
            result = {"video": several(given["duration"], "mp4")}
        elif endpoint == "fal-ai/controlfoley":
            length = min(given["duration"], float(_length(video or b"")))
            result = {"video": made("mp4", length), "audio": made("wav", length)}
        elif "stable-audio-3" in endpoint:
            kind = {"mp3": "mp3", "flac": "flac"}.get(given["output_format"], "wav")
            result = {
                "audio": made(kind, given.get("duration", 5)),
                "seed": given["seed"] or 1,
                "prompt": given["prompt"],
            }
        elif endpoint in ("google/lyria-3.5", "fal-ai/minimax-music/v2.6"):
            # The length is the model's own choice. Lyria's audio is an address in fal's example, not a file's description.
            audio = made("mp3", 30)
            result = {"audio": audio["url"], "lyrics": ""} if "lyria" in endpoint else {"audio": audio}
        elif endpoint == "fal-ai/thinksound/audio":
            result = {"audio": made("flac"), "prompt": given["prompt"] or "what is seen"}
        elif endpoint.startswith("mirelo-ai/"):
            result = {"audio": several(given["duration"])}
        elif endpoint.startswith("fal-ai/kling"):
            result = {"audio": made("mp3"), "video": made("mp4", 20)}
        else:
            sounds = [made(given["audio_format"])] if "audio_format" in given else several(given["duration"])
            result = {"audio": sounds[0], "audios": sounds}
        return result


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _log(status: str) -> list[str]:
    return [] if status == "IN_QUEUE" else ["loading", " 40%|####      | 10/25 [00:01<00:02,  7.0it/s]"]


def _detail(name: str, kind: str, message: str) -> dict[str, Any]:
    return {
        "detail": [{"loc": ["body", name], "msg": message, "type": kind, "url": f"https://docs.fal.ai/errors#{kind}"}]
    }


def _problem(name: str, rule: Rule, given: dict[str, Any]) -> dict[str, Any] | None:
    """What is wrong with a field, as FastAPI says it. What it does not know it leaves alone, as the real one does."""
    value = given.get(name, rule.default)
    kind = message = ""
    if value is MISSING:
        kind, message = "missing", "Field required"
    elif name not in given or (value is None and rule.default is None):
        return None
    elif not isinstance(value, rule.type) or (isinstance(value, bool) and rule.type is not bool):
        kind, message = "type_error", "Input has another type"
    elif rule.choices and value not in rule.choices:
        kind, message = "literal_error", f"Input should be one of {', '.join(rule.choices)}"
    else:
        size: Any = len(value) if isinstance(value, str) else value
        if rule.low is not None and size < rule.low:
            kind, message = "greater_than_equal", f"Input should be greater than or equal to {rule.low}"
        elif rule.high is not None and size > rule.high:
            kind, message = "less_than_equal", f"Input should be less than or equal to {rule.high}"
    return _detail(name, kind, message)["detail"][0] | {"input": None if value is MISSING else value} if kind else None


@functools.lru_cache
def _length(video: bytes) -> Fraction:
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(video)
        file.flush()
        with av.open(file.name) as container:
            stream = container.streams.video[0]
            assert stream.duration is not None
            assert stream.time_base is not None
            return stream.duration * stream.time_base


@functools.lru_cache
def sound(video: bytes | None, seconds: Fraction | None, kind: str, start: Fraction = Fraction(0)) -> bytes:
    """Return a file of that kind that clicks where the video flashes; as long as the video by default."""
    if kind == "mp4":
        return mmaudio.make(video, float(seconds or 0))[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        times = [mmaudio.TEXT_CLICK]
        length = seconds or Fraction(0)
        if video is not None:
            proxy = folder / "proxy.mp4"
            proxy.write_bytes(video)
            length = seconds or _length(video)
            times = [time - start for time in flashes(proxy) if start <= time < start + length]
        if kind != "aac":
            return write(click_track(times, length, RATE), RATE, kind, folder).read_bytes()
        plain = write(click_track(times, length, RATE), RATE, "wav", folder)
        bare = folder / "output.aac"
        subprocess.run([FFMPEG, "-v", "error", "-i", plain, "-c:a", "aac", "-b:a", "256k", bare], check=True)
        return bare.read_bytes()
