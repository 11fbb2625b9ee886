"""Paid jobs whose answer is damaged: downloaded once more, then an end state that says so. None is stuck."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from tracklay.cli.main import main

from tests.clips import flash_clip
from tests.fakes.server import Fault
from tests.jobs.kill_harness import kind
from tests.media.test_conform import sound_file
from tests.security.ledger_jobs import lay, only_job


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Return a second of picture."""
    return flash_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", Fraction(25), 25, (5,))


@pytest.fixture(scope="module")
def flac(tmp_path_factory):
    """Return a second of sound whose middle is overwritten."""
    tone = 0.3 * np.sin(np.arange(48_000) / 20)[:, None]
    data = bytearray(sound_file(tmp_path_factory.mktemp("sound") / "a.flac", tone, 48_000).read_bytes())
    for at in range(len(data) // 3, len(data), 2000):
        data[at : at + 40] = bytes(40)
    return bytes(data)


@pytest.fixture
def replicate(monkeypatch):
    """Start the fake of Replicate, with the environment pointing at it."""
    monkeypatch.setattr("tracklay.jobs.pipeline.POLL_SECONDS", (0.001, 0.01))
    with kind("replicate") as fake:
        for name, value in fake.environment.items():
            monkeypatch.setenv(name, value)
        yield fake.server


BODIES = {
    "page": b"<html><body>Sign in</body></html>",
    "playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/hostname\n#EXT-X-ENDLIST\n",
    "zeros": bytes(5000),
    "noise": bytes((n * n * 31 + n // 7) % 256 for n in range(5000)),
    "mp4 without its index": b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(3000),
    "video without sound": b"",
    "damaged sound": b"",
}


def body_of(name, clip, flac) -> bytes:
    """Return the body of a case."""
    return {"video without sound": clip.read_bytes(), "damaged sound": flac}.get(name) or BODIES[name]


@pytest.mark.parametrize("name", ["page", "video without sound", "damaged sound"])
def test_a_damaged_answer_is_fetched_again(replicate, clip, flac, tmp_path, name):
    """The second download is whole: a take without a note, of one paid request."""
    replicate.go_wrong("GET /delivery/.*", Fault("answer", 200, (), body_of(name, clip, flac)))
    assert lay(clip, tmp_path) == 0
    job = only_job()
    assert job.state == "laid"
    assert not any("damaged" in note for note in job.takes[0]["notes"])
    assert len(replicate.calls("GET /delivery/.*")) == 2
    assert len(replicate.calls("POST /v1/predictions")) == 1


@pytest.mark.parametrize("name", BODIES)
def test_an_answer_that_stays_damaged_ends_the_job(replicate, clip, flac, tmp_path, name, capsys):
    """It failed, or is a take with a note if anything can be decoded; a resume finds nothing to do, and nothing is paid again."""
    replicate.go_wrong("GET /delivery/.*", *[Fault("answer", 200, (), body_of(name, clip, flac))] * 9)
    status = lay(clip, tmp_path)
    job = only_job()
    if name == "damaged sound":
        assert (status, job.state) == (0, "laid")
        assert any(note.startswith("the model's file is damaged") for note in job.takes[0]["notes"])
    else:
        assert (status, job.state) == (1, "failed")
        assert sorted(path.name for path in tmp_path.glob("*.wav")) == []
    capsys.readouterr()
    assert main(["jobs", "resume"]) == 0
    assert only_job().state == job.state
    assert len(replicate.calls("POST /v1/predictions")) == 1
    assert len(replicate.calls("GET /delivery/.*")) == 2
