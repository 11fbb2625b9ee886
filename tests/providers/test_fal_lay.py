"""fal's models in the command: each laid end to end, every parameter, and no key in any output."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from tracklay import models
from tracklay.cli.lay import parse_params as settings
from tracklay.cli.main import main
from tracklay.errors import InvalidInput
from tracklay.jobs import create_job_spec, pipeline
from tracklay.providers.fal import Fal
from tracklay.timelines.media_file import MediaFile

from tests.clips import clicks, flash_clip, hear
from tests.fakes.fal import KEY, MISSING, MODELS
from tests.fakes.server import Fault
from tests.providers.provider_flow import fast_policy, request, run

SECRET = KEY.partition(":")[2]
IDS = sorted(name for name, model in models.load_catalogue().items() if model.provider == "fal")
SEEING = [name for name in IDS if "video" in models.find_model(name).needs]
FLASHES = (5, 30, 51, 77)
RATE = Fraction(24000, 1001)

OUR_OWN = {
    ("fal/mirelo-sfx", "num_samples"): 1,
    ("fal/sonilo-effects", "audio_format"): "wav",
    ("fal/kling-audio", "sound_effect_prompt"): "",
    ("fal/kling-audio", "background_music_prompt"): "",
    ("fal/mirelo-sfx", "seed"): None,
    ("fal/mirelo-sfx-1.6", "num_samples"): 1,
    ("fal/mirelo-sfx-2", "preserve_speech"): False,
    ("fal/mmaudio-v2", "negative_prompt"): "music",
    ("fal/stable-audio-3", "output_format"): "wav",
    ("fal/stable-audio-3-inpaint", "output_format"): "wav",
    ("fal/minimax-music", "is_instrumental"): True,
}
"""Defaults that are not the vendor's, each with its reason in the model's file: two samples are billed twice, AAC's and MP3's delay is not
declared, Kling's prompts are a car race, a fixed seed makes all takes the same, and music for a film rarely sings."""

NEEDED: dict[str, dict[str, Any]] = {
    "fal/stable-audio-3-inpaint": {
        "audio_url": "https://example.com/music.wav",
        "mask_start_seconds": 1.0,
        "mask_end_seconds": 2.0,
    }
}
"""Parameters that a model demands and that have no default."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Four seconds and a little at 23.976, with flashes."""
    return flash_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", RATE, 100, FLASHES)


@pytest.fixture(scope="module")
def timeline(clip):
    """The clip as a timeline."""
    return MediaFile.open(clip)


@pytest.fixture
def at_once(monkeypatch):
    """Looks that follow each other without the pauses of the real way."""
    monkeypatch.setattr(pipeline, "POLL_SECONDS", (0.001, 0.001))


def sent(fal, asked) -> dict[str, Any]:
    """The inputs that a request arrives with."""

    async def submit():
        maker = Fal(fast_policy())
        return await maker.submit(await maker.prepare(asked))

    given: dict[str, Any] = fal.jobs[run(submit()).request].input
    return given


@pytest.mark.parametrize("model_id", SEEING)
def test_every_click_of_a_video_model_lies_on_its_flash(fal, clip, tmp_path, at_once, model_id):
    """`tracklay lay` with each model: within one sample, in whatever container it answers."""
    assert main(["lay", str(clip), "--model", model_id, "--prompt", "rain", "--in", "3f", "--to", str(tmp_path)]) == 0
    take = hear(tmp_path / f"clip.{model_id.replace('/', '-')}.take1.wav")
    assert len(take) == round(97 / RATE * 48_000)
    found = clicks(take)
    exact = [(flash - 3) / RATE * 48_000 for flash in FLASHES]
    assert len(found) == len(exact)
    assert max(abs(a - b) for a, b in zip(found, exact, strict=True)) <= 1


@pytest.mark.parametrize("model_id", ["fal/beatoven-music", "fal/beatoven-sfx"])
def test_a_text_model_fills_the_span_and_sees_no_picture(fal, clip, tmp_path, at_once, capsys, model_id):
    """`tracklay lay` with each: the sound is as long as the span, nothing is uploaded, the manifest is complete."""
    wanted = ["--prompt", "rain", "--seed", "9", "--out", "30f", "--fit", "off", "--json", "--to", str(tmp_path)]
    assert main(["lay", str(clip), "--model", model_id, *wanted]) == 0
    (take,) = json.loads(capsys.readouterr().out)["takes"]
    (job,) = fal.jobs.values()
    assert not fal.rest.requests
    assert take["request"] == job.id
    assert take["version"] == job.endpoint
    assert (take["seed"], take["understood"]) == (9, {"prompt": "rain"})
    assert clicks(hear(tmp_path / take["file"])) == [12_000]


@pytest.mark.parametrize(
    "model_id", ["fal/mirelo-text-sfx", "fal/stable-audio-3", "fal/lyria-3.5", "fal/minimax-music"]
)
def test_a_text_model_of_any_length_fills_the_span(fal, clip, tmp_path, at_once, capsys, model_id):
    """Also one whose length is its own choice, and one whose file is named by an address alone."""
    wanted = ["--prompt", "rain on tin", "--out", "30f", "--fit", "off", "--json", "--to", str(tmp_path)]
    assert main(["lay", str(clip), "--model", model_id, *wanted]) == 0
    (take,) = json.loads(capsys.readouterr().out)["takes"]
    assert take["samples"] == round(30 / RATE * 48_000)
    assert abs(clicks(hear(tmp_path / take["file"]))[0] - 12_000) <= 1


def test_a_stretch_of_a_file_is_generated_again(fal, clip, tmp_path, at_once):
    """Inpainting: the sound file is uploaded, the mask goes along."""
    sound = tmp_path / "music.wav"
    sound.write_bytes(b"RIFF")
    mask = ["--set", f"audio_url={sound}", "--set", "mask_start_seconds=1", "--set", "mask_end_seconds=2"]
    lay = ["lay", str(clip), "--model", "fal/stable-audio-3-inpaint", "--prompt", "drums", "--fit", "off", *mask]
    assert main([*lay, "--to", str(tmp_path)]) == 0
    (job,) = fal.jobs.values()
    assert fal.files[job.input["audio_url"].rpartition("/")[2]][0] == b"RIFF"
    assert (job.input["mask_start_seconds"], job.input["mask_end_seconds"]) == (1, 2)


@pytest.mark.parametrize("audio_format", ["aac", "mp3", "wav", "flac"])
def test_sonilo_is_in_sync_in_every_format(fal, clip, tmp_path, at_once, audio_format):
    """Whatever it is asked for: within one sample, AAC's unmarked delay too."""
    wanted = ["--set", f"audio_format={audio_format}", "--in", "3f", "--to", str(tmp_path)]
    assert main(["lay", str(clip), "--model", "fal/sonilo-effects", *wanted]) == 0
    found = clicks(hear(tmp_path / "clip.fal-sonilo-effects.take1.wav"))
    exact = [(flash - 3) / RATE * 48_000 for flash in FLASHES]
    assert max(abs(a - b) for a, b in zip(found, exact, strict=True)) <= 1


@pytest.mark.parametrize("model_id", ["fal/mirelo-sfx", "fal/sonilo-music"])
def test_a_list_of_sounds_becomes_a_take_each(fal, clip, tmp_path, at_once, capsys, model_id):
    """Three in one request: three takes of one request, and the price is for all of them."""
    wanted = ["--set", "num_samples=3", "--to", str(tmp_path), "--json"]
    assert main(["lay", str(clip), "--model", model_id, *wanted]) == 0
    takes = json.loads(capsys.readouterr().out)["takes"]
    assert [take["take"] for take in takes] == [1, 2, 3]
    assert len({take["request"] for take in takes}) == len(fal.jobs) == 1
    if model_id == "fal/sonilo-music":
        seconds = 100 / RATE
        assert Fraction(takes[0]["cost"]["amount"]) == pytest.approx(Fraction("0.009") * seconds * 3)
        assert [take["cost"]["amount"] for take in takes[1:]] == ["0", "0"]
        assert main(["lay", str(clip), "--model", model_id, *wanted, "--max-cost", "0.10"]) == 2
        assert len(fal.jobs) == 1


# The parameters.


@pytest.mark.parametrize("model_id", IDS)
def test_the_catalogue_says_what_the_model_takes(model_id):
    """Names, defaults, limits and choices are those of the facts, written a second time in the fake servers."""
    model = models.find_model(model_id)
    rules = MODELS[model.endpoint]
    assert [parameter.wire_name for parameter in model.parameters] == list(rules)
    for parameter in model.parameters:
        rule = rules[parameter.wire_name]
        if parameter.role != "video":
            assert (parameter.minimum or 0, parameter.maximum) == (rule.low or 0, rule.high), parameter.name
        assert parameter.choices == rule.choices
        assert parameter.required is (rule.default is MISSING)
        theirs = None if rule.default is MISSING else rule.default
        assert parameter.default == OUR_OWN.get((model_id, parameter.name), theirs)


@pytest.mark.parametrize("model_id", IDS)
def test_what_is_not_set_is_sent_as_the_catalogue_has_it(fal, proxy, model_id):
    """Every default goes along, so that the vendor's may change; both of Kling's prompts, and one sample, always."""
    rules = MODELS[models.find_model(model_id).endpoint]
    given = sent(fal, request(model_id, proxy, prompt="rain on tin", params=NEEDED.get(model_id, {})))
    ours = {
        "seed": 7,
        "duration": {"fal/beatoven-music": 5.0, "fal/sonilo-music": None}.get(model_id, 2.0),
        **dict.fromkeys(("prompt", "text_prompt", "sound_effect_prompt"), "rain on tin"),
        **NEEDED.get(model_id, {}),
        "video_url": f"{fal.cdn.url}/files/{next(iter(fal.files), '')}",
    }
    expected = {name: ours.get(name, OUR_OWN.get((model_id, name), rule.default)) for name, rule in rules.items()}
    assert given == {name: value for name, value in expected.items() if value is not None}


def ends(parameter) -> list[Any]:
    """A parameter's least and largest value, its choices, or something that it takes."""
    if parameter.choices:
        return list(parameter.choices)
    if parameter.type == "boolean":
        return [True, False]
    if parameter.type == "json":
        return ['[{"start": 0, "end": 1.5, "prompt": "rain"}]']
    if parameter.type == "file":
        return ["https://example.com/sound.wav"]
    if parameter.type == "text":
        return ["", "x" * int(parameter.maximum or 1000)]
    found = [value for value in (parameter.minimum, parameter.maximum) if value is not None] or [3.0]
    return [int(value) if parameter.type == "integer" else float(value) for value in found]


@pytest.mark.parametrize("model_id", IDS)
def test_every_parameter_reaches_the_wire_under_its_own_name(fal, proxy, model_id):
    """Its least, its largest, each choice: as they were set."""
    model = models.find_model(model_id)
    for parameter in model.settable_by_name:
        for value in ends(parameter):
            given = sent(fal, request(model_id, proxy, params={**NEEDED.get(model_id, {}), parameter.name: value}))
            wire = given.get(parameter.wire_name)
            assert wire == (json.loads(value) if parameter.type == "json" else value), parameter.name
            assert type(wire) is type(value) or parameter.type == "json"


def past(parameter) -> list[str]:
    """A step beyond each limit, or another type, as a user writes it."""
    if parameter.choices:
        return ["midi"]
    if parameter.type == "json":
        return ["perhaps"]
    if parameter.type == "boolean":
        return []  # what is no boolean is not one end of anything
    step = 1 if parameter.type == "integer" else 0.001
    whole = int if parameter.type == "integer" else float
    found = [
        *([] if parameter.minimum is None else [parameter.minimum - step]),
        *([] if parameter.maximum is None else [parameter.maximum + step]),
    ]
    if parameter.type == "text":
        return ["x" * int(parameter.maximum + 1)] if parameter.maximum else []
    return [str(whole(value)) for value in found]


@pytest.mark.parametrize("model_id", IDS)
def test_one_past_each_end_is_refused_before_anything_is_sent(fal, timeline, tmp_path, model_id):
    """With the parameter's name, when the order is checked."""
    model = models.find_model(model_id)
    tries: list[tuple[Any, dict[str, Any]]] = [
        (parameter, {"params": settings(model, [f"{parameter.name}={value}"])})
        for parameter in model.settable_by_name
        for value in past(parameter)
    ]
    if seed := model.parameter_for_role("seed"):
        tries.append((seed, {"seed": -2}))
        tries += [(seed, {"seed": int(seed.maximum) + 1})] if seed.maximum else []
    if (prompt := model.parameter_for_role("prompt")) and prompt.maximum:
        tries.append((prompt, {"prompt": "x" * (int(prompt.maximum) + 1)}))
    for parameter, wrong in tries:
        wrong["params"] = NEEDED.get(model_id, {}) | wrong.get("params", {})
        cue = timeline.spot("1", timeline.span(None, None), model=model_id, **({"prompt": "rain on tin"} | wrong))
        with pytest.raises(InvalidInput, match=parameter.name):
            create_job_spec(cue, tmp_path, "clip")
    assert not any(server.requests for server in fal.servers)


@pytest.mark.parametrize("wrong", [["--set", "cfg_strength=20.1"], ["--set", "num_steps=3"], ["--seed", "65536"]])
def test_the_command_says_which_parameter_is_wrong(fal, clip, tmp_path, capsys, wrong):
    """Status 2 and one line, before anything is sent."""
    lay = ["lay", str(clip), "--model", "fal/mmaudio-v2", "--prompt", "rain", *wrong, "--to", str(tmp_path)]
    assert main(lay) == 2
    assert wrong[1].partition("=")[0].replace("65536", "seed") in capsys.readouterr().err
    assert not any(server.requests for server in fal.servers)


@pytest.mark.parametrize(
    ("model_id", "seconds"),
    [
        ("fal/kling-audio", "2.999"),
        ("fal/kling-audio", "20.001"),
        ("fal/sonilo-music", "600.001"),
        ("fal/mmaudio-v2", "30.001"),
        ("fal/beatoven-music", "150.001"),
        ("fal/beatoven-sfx", "35.001"),
    ],
)
def test_a_span_past_each_end_is_refused(model_id, seconds):
    """Of the picture that is looked at, and of the sound that is made."""
    with pytest.raises(InvalidInput, match=model_id):
        models.find_model(model_id).check_span(Fraction(seconds))


def test_a_seed_is_within_what_the_model_takes(fal, proxy):
    """A seed that the catalogue did not check is clamped to the nearest limit."""
    assert sent(fal, request("fal/mmaudio-v2", proxy, seed=2**31 - 1))["seed"] == 65535
    assert sent(fal, request("fal/beatoven-sfx", seed=-5))["seed"] == 0


def test_an_unknown_application_is_an_error_of_the_command(fal, clip, home, tmp_path, capsys):
    """A model that fal has withdrawn: one clear line with the fix, and status 1."""
    (home / "models").mkdir()
    text = (Path(models.__file__).parent / "catalogue" / "fal-beatoven-sfx.toml").read_text("utf-8")
    text = text.replace("fal/beatoven-sfx", "my/gone").replace("beatoven/sound-effect-generation", "beatoven/withdrawn")
    (home / "models" / "gone.toml").write_text(text, "utf-8")
    assert main(["lay", str(clip), "--model", "my/gone", "--prompt", "rain", "--to", str(tmp_path)]) == 1
    assert re.search(r'does not run this model.*"withdrawn" not found.*Use another model', capsys.readouterr().err)


def test_the_key_is_nowhere_but_at_fal(fal, elsewhere, clip, tmp_path, at_once, capsys):
    """After a success, a failure that repeats the key, and a redirect of a download to another host: in no file, text or request."""
    lay = ["lay", str(clip), "--model", "fal/mmaudio-v2", "--prompt", "rain", "--json", "--to", str(tmp_path)]
    assert main(lay) == 0
    fal.fails = (500, {"detail": f"leaked {KEY}"}, f"leaked {KEY}", None)
    assert main(lay) == 1
    fal.fails = None
    foreign = elsewhere.url.replace("127.0.0.1", "localhost")
    fal.cdn.go_wrong("GET /files/.*", Fault("redirect", to=f"{foreign}/x.mp4"))
    assert main(lay) == 1
    assert main(lay) == 0  # what could not be fetched is fetched now
    fal.queue.go_wrong("GET /.*/status", Fault("redirect", to=f"{foreign}/status"))
    assert main(lay) == 1
    shown = capsys.readouterr()
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    others = b"".join(seen.raw for server in (fal.cdn, elsewhere) for seen in server.requests)
    for secret in (KEY, SECRET):
        assert secret not in shown.out + shown.err
        assert secret.encode() not in written + others
    assert not elsewhere.requests
    assert not any("authorization" in seen.headers for seen in fal.cdn.requests)
