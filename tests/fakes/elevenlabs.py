"""Fake ElevenLabs server, by `docs/api-notes/elevenlabs.md`: the answer to a request is the sound itself."""

from __future__ import annotations

import json
import tempfile
import uuid
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from tests.fakes.click_model import click_track, flashes, write
from tests.fakes.server import Reply, Seen, Site

KEY = "sk_fake0123456789elevenlabs"
RATE = 48_000
CLICK = Fraction(1, 4)
"""The click of a sound without a picture, in seconds."""

SFX_FORMATS = ("mp3_44100_128", "mp3_44100_192", "opus_48000_192", "wav_44100", "wav_48000")
MUSIC_FORMATS = ("auto", "mp3_44100_128", "mp3_44100_192", "mp3_48000_192", "mp3_48000_320", "opus_48000_192")
SFX_FIELDS = {"text", "loop", "duration_seconds", "prompt_influence", "model_id"}
MUSIC_FIELDS = {
    "prompt",
    "composition_plan",
    "music_length_ms",
    "model_id",
    "seed",
    "force_instrumental",
    "respect_sections_durations",
    "store_for_inpainting",
    "sign_with_c2pa",
}
VIDEO_FIELDS = {
    "description",
    "tags",
    "model_id",
    "add_sfx",
    "separate_tracks",
    "use_audio_as_reference",
    "sign_with_c2pa",
}


class ElevenLabs(Site):
    """The API. A test sets its attributes.

    `refuses`: the answer to every request. `made`: what was made, by request ID.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refuses: Reply | None = None
        self.made: dict[str, dict[str, Any]] = {}
        self.before = self._authorized
        for method, path, handler in (
            ("POST", "/v1/sound-generation", self._effect),
            ("POST", "/v1/music", self._music),
            ("POST", "/v1/music/video-to-music", self._video),
            ("GET", "/v1/user/subscription", self._subscription),
        ):
            self.route(method, path)(handler)

    @staticmethod
    def _authorized(seen: Seen) -> Reply | None:
        if seen.headers.get("xi-api-key") == KEY:
            return None
        return Reply(401, {"detail": {"status": "invalid_api_key", "message": "Invalid API key"}})

    @staticmethod
    def _subscription(seen: Seen) -> Reply:
        limits = {"character_count": 1200, "character_limit": 100_000, "voice_limit": 30, "professional_voice_limit": 1}
        flags = {"can_extend_character_limit": True, "allowed_to_extend_character_limit": True}
        clones = {"can_use_instant_voice_cloning": True, "can_use_professional_voice_cloning": True}
        return Reply(
            200,
            {
                "tier": "creator",
                **limits,
                **flags,
                **clones,
                "voice_slots_used": 0,
                "professional_voice_slots_used": 0,
                "voice_add_edit_counter": 0,
                "currency": "usd",
                "status": "active",
                "has_open_invoices": False,
                "open_invoices": [],
            },
        )

    def _effect(self, seen: Seen) -> Reply:
        given = seen.json
        wrong = _unknown(given, SFX_FIELDS) or _format_problem(seen, SFX_FORMATS)
        if wrong or not given.get("text"):
            return _refused(wrong or "text", "Field required")
        if not 0.5 <= given.get("duration_seconds", 1) <= 30:
            return _refused("duration_seconds", "Input should be from 0.5 to 30")
        return self._sound(seen, given, [CLICK], Fraction(given.get("duration_seconds", 1)))

    def _music(self, seen: Seen) -> Reply:
        given = seen.json
        plan = given.get("composition_plan")
        if wrong := _unknown(given, MUSIC_FIELDS) or _format_problem(seen, MUSIC_FORMATS):
            return _refused(wrong, "Extra inputs are not permitted")
        if (given.get("prompt") is None) == (plan is None):
            return _refused("prompt", "Either prompt or composition_plan is required, not both")
        excluded = {"seed"} if plan is None else {"music_length_ms", "force_instrumental"}
        if wrong := next(iter(sorted(excluded & given.keys())), ""):
            return _refused(wrong, "Cannot be used in conjunction with the other form")
        if plan is not None:
            # The form depends on the model: sections for v1, chunks for the others.
            parts = plan.get("sections" if given.get("model_id", "music_v1") == "music_v1" else "chunks")
            if not parts or not all(3000 <= part.get("duration_ms", 0) <= 120_000 for part in parts):
                return _refused("composition_plan", "Each part must have duration_ms from 3000 to 120000")
            length = Fraction(sum(part["duration_ms"] for part in parts), 1000)
        else:
            length = min(Fraction(600), max(Fraction(3), Fraction(given.get("music_length_ms", 10_000), 1000)))
        return self._sound(seen, given, [CLICK], length)

    def _video(self, seen: Seen) -> Reply:
        parts = seen.parts
        if wrong := _unknown(parts, {*VIDEO_FIELDS, "videos"}) or _format_problem(seen, MUSIC_FORMATS[1:]):
            return _refused(wrong, "Extra inputs are not permitted")
        if "videos" not in parts or not (parts["videos"][0] or "").endswith(".mp4"):
            return _refused("videos", "Field required")
        given = {name: content.decode() for name, (_, _, content) in parts.items() if name != "videos"}
        with tempfile.TemporaryDirectory() as folder:
            video = Path(folder) / "video.mp4"
            video.write_bytes(parts["videos"][2])
            with av.open(str(video)) as container:
                stream = container.streams.video[0]
                assert stream.duration is not None
                assert stream.time_base is not None
                length = stream.duration * stream.time_base
            return self._sound(seen, given, flashes(video), length)

    def _sound(self, seen: Seen, given: dict[str, Any], times: list[Fraction], seconds: Fraction) -> Reply:
        if self.refuses is not None:
            return self.refuses
        name = uuid.uuid4().hex[:20]
        self.made[name] = {**given, "output_format": seen.query.get("output_format")}
        asked = seen.query.get("output_format", "auto")
        kind = "wav" if asked.startswith("wav") else "mp3"
        rate = int(asked.split("_")[1]) if "_" in asked else RATE
        with tempfile.TemporaryDirectory() as folder:
            content = write(click_track(times, seconds, rate), rate, kind, Path(folder)).read_bytes()
        mime = {"wav": "audio/wav", "mp3": "audio/mpeg"}[kind]
        return Reply(200, content, {"content-type": mime, "request-id": name})


def _unknown(given: Any, known: set[str]) -> str:
    return next(iter(sorted(set(given) - known)), "") if isinstance(given, dict) else "body"


def _format_problem(seen: Seen, formats: tuple[str, ...]) -> str:
    return "" if seen.query.get("output_format", formats[0]) in formats else "output_format"


def _refused(name: str, message: str) -> Reply:
    detail = [{"loc": ["body", name], "msg": message, "type": "value_error"}]
    return Reply(422, json.dumps({"detail": detail}).encode(), {"content-type": "application/json"})
