"""ElevenLabs: what is sent, the sound that is the answer, and the errors of its own."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from tracklay.errors import InsufficientCredit, InvalidInput, RefusedContent, ResultExpired, SubmissionUnknown
from tracklay.providers.base import Submission, submit_once
from tracklay.providers.elevenlabs import ElevenLabs, received

from tests.clips import hear
from tests.fakes.server import Fault, Reply
from tests.providers.provider_flow import FakeSleep, fast_policy, generate, request, run

PLAN = {"chunks": [{"text": "[Intro]", "duration_ms": 4000, "positive_styles": ["calm piano"]}]}


def made(fake):
    """The one request that the fake server has served."""
    (given,) = fake.app.made.values()
    return given


@pytest.mark.parametrize(
    ("model", "params", "expected"),
    [
        (
            "elevenlabs/sound-effects",
            {"loop": True, "output_format": "wav_48000"},
            {
                "text": "rain on tin",
                "duration_seconds": 2.0,
                "prompt_influence": 0.3,
                "loop": True,
                "model_id": "eleven_text_to_sound_v2",
                "output_format": "wav_48000",
            },
        ),
        (
            "elevenlabs/music",
            {},
            {
                "prompt": "rain on tin",
                "music_length_ms": 3000,
                "force_instrumental": True,
                "model_id": "music_v2",
                "sign_with_c2pa": True,
                "output_format": "auto",
            },
        ),
        (
            "elevenlabs/music",
            {"composition_plan": json.dumps(PLAN), "output_format": "opus_48000_192"},
            {
                "composition_plan": PLAN,
                "seed": 7,
                "respect_sections_durations": True,
                "model_id": "music_v2",
                "output_format": "opus_48000_192",
            },
        ),
        (
            "elevenlabs/video-music",
            {"tags": '["upbeat", "cinematic"]', "add_sfx": True},
            {
                "description": "rain on tin",
                "tags": "cinematic",
                "add_sfx": "true",
                "model_id": "music_v2",
                "sign_with_c2pa": "true",
                "output_format": "mp3_44100_128",
            },
        ),
    ],
)
def test_what_is_sent_is_what_the_model_takes(elevenlabs, proxy, tmp_path, model, params, expected):
    """A length in milliseconds, a plan without a prompt, lists as parts of a form, a signature for an mp3 alone."""
    _, output = run(generate(ElevenLabs(fast_policy()), request(model, proxy, params=params), tmp_path))
    assert made(elevenlabs) == expected
    assert output.file.suffix == (".wav" if "wav" in expected["output_format"] else ".mp3")
    assert len(hear(output.file)) > 0
    if model == "elevenlabs/video-music":
        (seen,) = elevenlabs.calls("POST /v1/music/video-to-music")
        assert seen.body.count(b'name="tags"') == 2


def test_a_plan_that_is_no_object_is_refused_before_anything_is_sent(elevenlabs):
    """One sentence."""
    wanted = request("elevenlabs/music", params={"composition_plan": "[1]"})
    with pytest.raises(InvalidInput, match="must be an object with chunks or sections"):
        run(ElevenLabs(fast_policy()).prepare(wanted))
    assert not elevenlabs.requests


@pytest.mark.parametrize(
    ("status", "detail", "error"),
    [
        (401, {"status": "quota_exceeded", "message": "You have 0 credits remaining"}, InsufficientCredit),
        (400, {"status": "bad_prompt", "message": "names an artist"}, RefusedContent),
    ],
)
def test_its_own_errors_are_what_they_mean(elevenlabs, tmp_path, status, detail, error):
    """An account without credits answers like one without a key; a refused prompt like a wrong input."""
    elevenlabs.app.refuses = Reply(status, {"detail": detail})
    with pytest.raises(error, match=detail["message"]):
        run(generate(ElevenLabs(fast_policy()), request("elevenlabs/sound-effects"), tmp_path))


def test_a_sound_of_a_process_that_died_is_found_on_disk(elevenlabs, tmp_path):
    """It was received and stored, and the ledger has no handle: the request is not sent again."""
    provider = ElevenLabs(fast_policy())

    async def interrupted():
        submission = await provider.prepare(request("elevenlabs/sound-effects"))
        await provider.submit(submission)
        return submission

    submission = Submission.from_dict(run(interrupted()).to_dict())
    elevenlabs.go_wrong("POST /.*", *[Fault("reset")] * 3)
    provider = ElevenLabs(fast_policy())
    handle = run(submit_once(provider, submission, sleep=FakeSleep()))
    output = run(provider.collect(handle, tmp_path))
    assert len(hear(output.file)) > 0
    assert len(elevenlabs.app.made) == 1


def test_a_sound_that_cannot_be_stored_is_unknown(elevenlabs, monkeypatch):
    """It was made and is charged: the job must not count as refused."""

    def fail(*_: object) -> Path:
        from tracklay.errors import OutputError

        raise OutputError("output.disk_full", "The disk is full.")

    monkeypatch.setattr("tracklay.providers.elevenlabs.provider.store_sound", fail)
    provider = ElevenLabs(fast_policy())

    async def submit():
        return await provider.submit(await provider.prepare(request("elevenlabs/sound-effects")))

    with pytest.raises(SubmissionUnknown, match="disk is full"):
        run(submit())
    assert len(elevenlabs.app.made) == 1


def test_an_answer_that_is_no_sound_is_unknown(elevenlabs):
    """A success with JSON, from a proxy perhaps."""
    elevenlabs.app.refuses = Reply(200, {"status": "ok"})
    provider = ElevenLabs(fast_policy())

    async def submit():
        return await provider.submit(await provider.prepare(request("elevenlabs/sound-effects")))

    with pytest.raises(SubmissionUnknown, match="without a sound"):
        run(submit())


def test_a_sound_is_kept_until_it_is_old(elevenlabs, tmp_path, monkeypatch):
    """A job can be collected twice; after a month the sound is deleted, and its job has expired."""
    provider = ElevenLabs(fast_policy())
    handle, first = run(generate(provider, request("elevenlabs/sound-effects"), tmp_path))
    assert first.file.read_bytes() == run(provider.collect(handle, tmp_path)).file.read_bytes()
    monkeypatch.setattr(received, "MAX_AGE_SECONDS", -1)
    received.store_sound("another", b"sound", ".mp3")
    with pytest.raises(ResultExpired):
        asyncio.run(provider.collect(handle, tmp_path))
