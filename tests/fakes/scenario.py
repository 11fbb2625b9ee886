"""Fake Scenario server, by `docs/api-notes/scenario.md`. Its CDN and its storage are another host.

The responses have every field that the vendor's own client requires: a test reads them with it.
"""

from __future__ import annotations

import base64
import math
import tempfile
import uuid
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

from tests.fakes import mmaudio, published
from tests.fakes.click_model import click_track, flashes, write
from tests.fakes.musicgen import MusicGen
from tests.fakes.server import Reply, Seen, Server, Site

KEY, SECRET = "api_FakeKey0123456789", "FakeSecret+/0123456789abcdef"
PAIR = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
PAGE = 2
"""Jobs on a page of the list: few, so that a test of a few sees pages."""
SIGNATURE_SECONDS = 3600
RATE = 44_100
UNITS = 5
"""What a job costs."""
SOUND_MIME = {"wav": "audio/wav", "mp3": "audio/mpeg", "flac": "audio/flac", "mp4": "audio/mp4"}

Input = dict[str, Any]
_TEXT: Input = {"type": "string"}
_BEATOVEN: dict[str, Input] = {
    "prompt": {"type": "string", "required": True},
    "negativePrompt": _TEXT,
    "refinement": {"type": "number", "min": 10, "max": 200},
    "creativity": {"type": "number", "min": 1, "max": 20},
    "seed": {"type": "number", "min": 0, "max": 2147483647, "whole": True},
}
_VIDEO: Input = {"type": "file", "kind": "video", "required": True}
_FORMAT: Input = {"type": "string", "allowedValues": ["aac", "mp3", "wav", "flac"]}
_SAMPLES: Input = {"type": "number", "min": 1, "max": 3, "whole": True}

MODELS: dict[str, dict[str, Input]] = {
    "model_beatoven-music-generation": {**_BEATOVEN, "duration": {"type": "number", "min": 5, "max": 150}},
    "model_beatoven-sound-effect": {**_BEATOVEN, "duration": {"type": "number", "min": 1, "max": 35}},
    "model_meta-musicgen": {
        "modelVersion": {
            "type": "string",
            "allowedValues": ["stereo-melody-large", "stereo-large", "melody-large", "large"],
        },
        "prompt": _TEXT,
        "inputAudio": {"type": "file", "kind": "audio"},
        "duration": {"type": "number", "min": 1, "max": 30},
        "continuation": {"type": "boolean"},
        "continuationStart": {"type": "number", "min": 0},
        "continuationEnd": {"type": "number", "min": 0},
        "multiBandDiffusion": {"type": "boolean"},
        "normalizationStrategy": {"type": "string", "allowedValues": ["loudness", "clip", "peak", "rms"]},
        "temperature": {"type": "number"},
        "classifierFreeGuidance": {"type": "number", "min": 0, "max": 10},
        "seed": {"type": "number", "whole": True},
    },
    "model_mm-audio-2": {
        "prompt": {"type": "string", "required": True},
        "video": _VIDEO,
        "negativePrompt": _TEXT,
        "duration": {"type": "number", "min": 1, "max": 30},
        "numSteps": {"type": "number", "min": 4, "max": 50, "whole": True},
        "cfgStrength": {"type": "number", "min": 1, "max": 20},
        "maskAwayClip": {"type": "boolean"},
        "seed": {"type": "number", "min": 0, "max": 65535, "whole": True},
    },
    "model_sonilo-v1-1-video-to-music": {
        "video": _VIDEO,
        "prompt": _TEXT,
        "numSamples": _SAMPLES,
        "startOffset": {"type": "number", "min": 0, "max": 600},
        "duration": {"type": "number", "min": 1, "max": 600},
    },
    "model_sonilo-v1-1-video-to-sound-effects": {
        "video": _VIDEO,
        "prompt": _TEXT,
        "segments": {"type": "inputs_array"},
        "audioFormat": _FORMAT,
    },
    "model_sonilo-v1-1-text-to-music": {
        "prompt": {"type": "string", "required": True},
        "duration": {"type": "number", "min": 1, "max": 600},
        "numSamples": _SAMPLES,
    },
    "model_ace-step-1-5-quality-text-to-music": {
        "prompt": _TEXT,
        "lyrics": _TEXT,
        "instrumental": {"type": "boolean"},
        "duration": {"type": "number", "min": 10, "max": 600},
        "bpm": {"type": "number", "min": 30, "max": 300},
        "keyscale": _TEXT,
        "numOutputs": {"type": "number", "min": 1, "max": 4, "whole": True},
        "thinking": {"type": "boolean"},
        "seed": {"type": "number", "min": 0, "whole": True},
    },
    "model_sonilo-v1-1-text-to-sound-effects": {
        "prompt": {"type": "string", "required": True},
        "duration": {"type": "number", "min": 1, "max": 180},
        "audioFormat": _FORMAT,
    },
}
"""Inputs of the models, by the tables of the vendor's model pages."""

_TYPES: dict[str, Any] = {
    "string": str,
    "number": (int, float),
    "boolean": bool,
    "file": str,
    "inputs_array": list,
}


def stamp(moment: datetime | None = None) -> str:
    """A time as Scenario writes it."""
    return (moment or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def error(status: int, message: str, code: str = "INVALID_PARAMETER") -> Reply:
    """An error as its documents show it."""
    return Reply(status, {"status": "error", "code": code, "message": message, "traceId": uuid.uuid4().hex})


class Scenario(Site):
    """The API, with its other host in `cdn`. A test sets its attributes.

    `steps`: a job's statuses and progress before its end. `ends`: how it ends, with `failure` in its metadata. `uploads_end`: how an
    upload ends. `credit`: whether the team has units. `cancels`: whether jobs can be cancelled. `both`: a video comes beside the sound.
    `music`: what MusicGen plays. `refuses`: jobs that end in a refusal of their content, by their number from 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cdn_url = ""
        self.jobs: dict[str, dict[str, Any]] = {}
        self.looks: dict[str, int] = {}
        self.uploads: dict[str, dict[str, Any]] = {}
        self.assets: dict[str, tuple[bytes, str]] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.signatures: dict[str, str] = {}
        self.steps: tuple[tuple[str, float], ...] = (
            ("queued", 0),
            ("warming-up", 0),
            ("in-progress", 0.4),
            ("finalizing", 0.9),
        )
        self.ends, self.failure = "success", {"error": "CUDA out of memory"}
        self.billing: dict[str, Any] = {}
        self.uploads_end, self.credit, self.cancels, self.both = "imported", True, False, False
        self.music: MusicGen | None = None
        self.refuses: set[int] = set()
        self.wraps: Any = lambda given: given
        self.before = self._authorized
        for method, path, handler in (
            ("POST", "/v1/generate/custom/{model}", self._generate),
            ("GET", "/v1/models/{name}", self._model),
            ("GET", "/v1/jobs", self._list),
            ("GET", "/v1/jobs/{name}", self._job),
            ("POST", "/v1/jobs/{name}/action", self._action),
            ("GET", "/v1/assets/{name}", self._asset),
            ("POST", "/v1/uploads", self._upload),
            ("GET", "/v1/uploads/{name}", self._upload_now),
            ("POST", "/v1/uploads/{name}/action", self._complete),
        ):
            self.route(method, path)(handler)
        self.cdn = Site()
        self.cdn.route("GET", "/assets/{name}")(self._deliver)
        self.cdn.route("PUT", "/upload/{name}/{number}")(self._part)

    @staticmethod
    def _authorized(seen: Seen) -> Reply | None:
        if seen.headers.get("authorization") == f"Basic {PAIR}":
            return None
        return error(401, "Invalid API key or secret", "UNAUTHORIZED")

    def _model(self, seen: Seen, name: str) -> Reply:
        if name not in MODELS:
            return error(404, f"Model {name} not found", "NOT_FOUND")
        return Reply(200, {"model": published.scenario(name, MODELS[name], stamp())})

    # --- generating

    def _generate(self, seen: Seen, model: str) -> Reply:
        if model not in MODELS:
            return error(404, f"Model {model} not found", "NOT_FOUND")
        if wrong := self._problem(MODELS[model], seen.json):
            return error(400, wrong)
        if not self.credit:
            return error(403, "Not enough creative units left on your plan", "PLAN_LIMIT")
        cost = UNITS * int(seen.json.get("numSamples", 1))
        if seen.query.get("dryRun"):
            return Reply(269, {"creativeUnitsCost": cost, "creativeUnitsDiscount": 0})
        name = f"job_{uuid.uuid4().hex[:24]}"
        now = stamp()
        self.jobs[name] = {
            "jobId": name,
            "jobType": "custom",
            "status": "queued",
            "progress": 0,
            "metadata": {"assetIds": [], "input": self.wraps(seen.json)},
            "statusHistory": [{"status": "queued", "date": now}],
            "createdAt": now,
            "updatedAt": now,
            "authorId": "apiu_fake",
            "ownerId": "proj_fake",
            "billing": {"cuCost": cost, "cuDiscount": 0, **self.billing},
            "_model": model,
        }
        return Reply(200, {"job": self._shown(name), "creativeUnitsCost": cost, "creativeUnitsDiscount": 0})

    def _problem(self, schema: dict[str, Input], given: Any) -> str:
        """What is wrong with inputs; empty where nothing is."""
        if not isinstance(given, dict):
            return "The body must be an object"
        for name, rules in schema.items():
            if rules.get("required") and not given.get(name):
                return f"{name} is required"
        return next(filter(None, (self._problem_of(schema, name, value) for name, value in given.items())), "")

    def _problem_of(self, schema: dict[str, Input], name: str, value: Any) -> str:
        rules = schema.get(name)
        if rules is None:
            return f"{name} is not an input of this model"
        if not isinstance(value, _TYPES[rules["type"]]) or (isinstance(value, bool) and rules["type"] != "boolean"):
            return f"{name} must be a {rules['type']}"
        low, high = rules.get("min", -math.inf), rules.get("max", math.inf)
        held = self.assets.get(value, (b"", ""))[1] if rules["type"] == "file" else ""
        checks = {
            "must be a whole number": rules.get("whole") and value != int(value),
            f"must be between {low} and {high}": rules["type"] == "number" and not low <= value <= high,
            f"must be one of {rules.get('allowedValues')}": value not in rules.get("allowedValues", [value]),
            f"must be an asset: {rules.get('kind')}": rules["type"] == "file" and not held.startswith(rules["kind"]),
        }
        return next((f"{name} {words}" for words, wrong in checks.items() if wrong), "")

    def _shown(self, name: str) -> dict[str, Any]:
        return {key: value for key, value in self.jobs[name].items() if not key.startswith("_")}

    def _job(self, seen: Seen, name: str) -> Reply:
        if name not in self.jobs:
            return error(404, f"Job {name} not found", "NOT_FOUND")
        job = self.jobs[name]
        look = self.looks[name] = self.looks.get(name, -1) + 1
        if job["status"] in ("success", "failure", "canceled"):
            pass
        elif look < len(self.steps):
            job["status"], job["progress"] = self.steps[look]
        elif list(self.jobs).index(name) in self.refuses:
            job["status"] = "failure"
            job["metadata"] |= {"error": "Your prompt was flagged by our content moderation."}
        else:
            job["status"] = self.ends
            job["progress"] = 1 if self.ends == "success" else job["progress"]
            if self.ends == "success":
                job["metadata"]["assetIds"] = self._made(job)
            else:
                job["metadata"] |= self.failure
        return Reply(200, {"job": self._shown(name)})

    def _made(self, job: dict[str, Any]) -> list[str]:
        """The assets that a job's model makes."""
        given, model = job["metadata"]["input"], job["_model"]
        if model == "model_meta-musicgen" and self.music is not None:
            tail = self.assets[given["inputAudio"]][0] if given.get("continuation") else None
            return [self.keep(self.music.make(tail, given["duration"]), SOUND_MIME["wav"])]
        video = self.assets[given["video"]][0] if "video" in given else None
        if model == "model_mm-audio-2":
            content, kind = mmaudio.make(video, given.get("duration", 8))
            return [self.keep(content, f"video/{kind}")]
        kind = given.get("audioFormat", "mp3" if model.startswith("model_meta") else "wav")
        count = int(given.get("numSamples", 1))
        sounds = [
            self.keep(
                sound(video, given.get("duration", 8), kind, number), SOUND_MIME["mp4" if kind == "aac" else kind]
            )
            for number in range(count)
        ]
        return [
            self.keep(b"a still", "image/png"),
            *([self.keep(b"a video", "video/mp4")] if self.both else []),
            *sounds,
        ]

    def keep(self, content: bytes, mime: str) -> str:
        """Make an asset of something; its id."""
        name = f"asset_{uuid.uuid4().hex[:24]}"
        self.assets[name] = (content, mime)
        return name

    def _list(self, seen: Seen) -> Reply:
        """Newest first, in short pages, the second of them empty."""
        size = int(seen.query.get("pageSize", 50))
        if not 1 <= size <= 100:
            return error(400, "pageSize must be between 1 and 100")
        if "createdAfter" in seen.query and {"status", "type", "types", "workflowId"} & seen.query.keys():
            return error(400, "createdAfter is only allowed without status, type, types and workflowId")
        after = datetime.fromisoformat(seen.query.get("createdAfter", "2000-01-01T00:00:00Z"))
        names = [name for name, job in self.jobs.items() if datetime.fromisoformat(job["createdAt"]) > after][::-1]
        size = min(size, PAGE)
        pages = [names[:size], [], *(names[first : first + size] for first in range(size, len(names), size))]
        page = int(seen.query.get("paginationToken", "page-0").removeprefix("page-"))
        more = {"nextPaginationToken": f"page-{page + 1}"} if page + 1 < len(pages) else {}
        return Reply(200, {"jobs": [self._shown(name) for name in pages[page]], **more})

    def _action(self, seen: Seen, name: str) -> Reply:
        if name not in self.jobs:
            return error(404, f"Job {name} not found", "NOT_FOUND")
        if seen.json != {"action": "cancel"}:
            return error(400, "Unknown action")
        if not self.cancels:
            return error(400, "Cannot cancel this type of job")
        self.jobs[name]["status"] = "canceled"
        return Reply(200, {"job": self._shown(name)})

    # --- assets

    def _asset(self, seen: Seen, name: str) -> Reply:
        if name not in self.assets:
            return error(404, f"Asset {name} not found", "NOT_FOUND")
        content, mime = self.assets[name]
        now, kind = stamp(), mime.partition("/")[0]
        self.signatures[name] = uuid.uuid4().hex
        expires = int((datetime.now(UTC) + timedelta(seconds=SIGNATURE_SECONDS)).timestamp())
        url = f"{self.cdn_url}/assets/{name}?p=100&Expires={expires}&Signature={self.signatures[name]}&Key-Pair-Id=K1"
        asset = {
            "id": name,
            "url": url,
            "kind": kind,
            "mimeType": mime,
            "properties": {"size": len(content)},
            "metadata": {"type": "video2video" if kind == "video" else "txt2audio", "kind": kind},
            "source": "video2video" if kind == "video" else "txt2audio",
            "status": "success",
            "privacy": "private",
            "tags": [],
            "collectionIds": [],
            "editCapabilities": [],
            "authorId": "apiu_fake",
            "ownerId": "proj_fake",
            "createdAt": now,
            "updatedAt": now,
        }
        return Reply(200, {"asset": asset})

    def expire(self) -> None:
        """Let every address end that was given out so far."""
        self.signatures.clear()

    def _deliver(self, seen: Seen, name: str) -> Reply:
        """As CloudFront does: a changed or ended address is refused, and so is one with a second kind of credentials."""
        denied = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access denied</Message></Error>'
        if "authorization" in seen.headers or "cookie" in seen.headers:
            return Reply(400, denied, {"content-type": "text/xml"})
        if seen.query.get("Signature") != self.signatures.get(name, ""):
            return Reply(403, denied, {"content-type": "text/xml"})
        if set(seen.query) != {"p", "Expires", "Signature", "Key-Pair-Id"} or seen.query["p"] != "100":
            return Reply(403, denied, {"content-type": "text/xml"})
        content, mime = self.assets[name]
        return Reply(200, content, {"content-type": mime, "etag": f'"{name}"'})

    # --- uploads

    def _upload(self, seen: Seen) -> Reply:
        given = seen.json or {}
        name = f"upload_{uuid.uuid4().hex[:20]}"
        now = stamp()
        shown = {
            "id": name,
            "status": "pending",
            "kind": given.get("kind"),
            "authorId": "apiu_fake",
            "ownerId": "proj_fake",
            "createdAt": now,
            "updatedAt": now,
        }
        if given.get("kind") not in ("audio", "video", "image"):
            return error(400, "kind is required")
        if "url" in given:
            self.uploads[name] = {**shown, "source": "url", "fileName": "imported", "url": given["url"]}
            self.parts[name] = {1: b"a file of another host"}
            return Reply(200, {"upload": self._plain(name)})
        if missing := {"fileName", "fileSize", "contentType", "parts"} - given.keys():
            return error(400, f"{sorted(missing)} required for multipart upload")
        expires = stamp(datetime.now(UTC) + timedelta(hours=1))
        count = int(given["parts"])
        parts = [
            {"number": number, "url": f"{self.cdn_url}/upload/{name}/{number}?sign=ok", "expires": expires}
            for number in range(1, count + 1)
        ]
        self.parts[name] = {}
        self.uploads[name] = {
            **shown,
            "source": "multipart",
            "fileName": given["fileName"],
            "fileSize": given["fileSize"],
            "contentType": given["contentType"],
            "partsCount": count,
            "parts": parts,
        }
        return Reply(200, {"upload": self._plain(name)})

    def _plain(self, name: str) -> dict[str, Any]:
        return dict(self.uploads[name])

    def _part(self, seen: Seen, name: str, number: str) -> Reply:
        if "authorization" in seen.headers:
            return Reply(
                400, b"<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed</Message></Error>"
            )
        if seen.query != {"sign": "ok"} or seen.headers.get("content-type") != self.uploads[name]["contentType"]:
            return Reply(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        self.parts[name][int(number)] = seen.body
        return Reply(200, b"", {"etag": '"part"'})

    def _complete(self, seen: Seen, name: str) -> Reply:
        if name not in self.uploads:
            return error(404, "Upload not found", "NOT_FOUND")
        upload = self.uploads[name]
        if seen.json != {"action": "complete"} or upload["status"] != "pending":
            return error(400, "Invalid action")
        held = self.parts[name]
        if sorted(held) != list(range(1, upload["partsCount"] + 1)):
            return error(400, "Parts are missing")
        if sum(map(len, held.values())) != upload["fileSize"]:
            return error(400, "fileSize is not what came")
        upload["status"] = "complete"
        return Reply(200, {"upload": self._plain(name)})

    def _upload_now(self, seen: Seen, name: str) -> Reply:
        if name not in self.uploads:
            return error(404, "Upload not found", "NOT_FOUND")
        upload = self.uploads[name]
        status = upload["status"]
        if status == "pending" and upload["source"] == "url":
            upload["status"] = "validating"
        elif status in ("complete", "validating"):
            upload["status"] = "validating" if status == "complete" else self.uploads_end
        if upload["status"] == "imported" and "entityId" not in upload:
            held = self.parts[name]
            mime = upload.get("contentType", f"{upload['kind']}/any")
            upload["entityId"] = self.keep(b"".join(held[number] for number in sorted(held)), mime)
        if upload["status"] == "failed":
            upload["errorMessage"] = "The file could not be read"
        return Reply(200, {"upload": self._plain(name)})


def sound(video: bytes | None, seconds: float, kind: str, number: int) -> bytes:
    """A click at each flash of a video, else one where words alone make it; a later sample clicks a tenth of a second later."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        times, length = [mmaudio.TEXT_CLICK + Fraction(number, 10)], Fraction(seconds)
        if video is not None:
            proxy = folder / "proxy.mp4"
            proxy.write_bytes(video)
            times, length = flashes(proxy), mmaudio._seconds(proxy)
        written = "mp4" if kind == "aac" else kind
        return write(click_track(times, length, RATE), RATE, written, folder).read_bytes()


class Hosts:
    """The API and its other host, each on a socket of its own: `with Hosts() as hosts: hosts.api.url`."""

    def __init__(self) -> None:
        self.scenario = Scenario()
        self.api, self.cdn = Server(self.scenario), Server(self.scenario.cdn)

    def __enter__(self) -> Self:
        self.api.__enter__()
        self.cdn.__enter__()
        self.scenario.cdn_url = self.cdn.url
        return self

    def __exit__(self, *error: object) -> None:
        self.cdn.__exit__(*error)
        self.api.__exit__(*error)

    @property
    def url(self) -> str:
        """What TRACKLAY_SCENARIO_URL is set to."""
        return f"{self.api.url}/v1"
