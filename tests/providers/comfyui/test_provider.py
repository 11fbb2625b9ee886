"""ComfyUI: any workflow as a model. Its sound is laid to the sample, nothing is lost, and each refusal says what to correct."""

from __future__ import annotations

import asyncio
import json
from fractions import Fraction

import pytest
from comfy_api_simplified import ComfyApiWrapper, ComfyWorkflowWrapper
from tracklay.cli.main import main
from tracklay.errors import InvalidInput, RefusedInput, ResultExpired, TracklayError
from tracklay.models import find_model, load_catalogue
from tracklay.providers.base import JobProgress, submit_once
from tracklay.providers.comfyui import ComfyUi

from tests.clips import clicks, flash_clip, hear
from tests.fakes import comfyui as fake
from tests.providers.provider_flow import fast_policy, generate, request, run

RATE = Fraction(24000, 1001)
FLASHES = (5, 30, 51, 77)


@pytest.fixture
def comfyui(monkeypatch):
    """A server of the newest version, and the environment that points to it."""
    monkeypatch.setattr("tracklay.jobs.pipeline.POLL_SECONDS", (0.001, 0.01))
    with fake.ComfyUI() as server:
        monkeypatch.setenv("TRACKLAY_COMFYUI_URL", server.url)
        yield server


@pytest.fixture
def old(monkeypatch):
    """A server of the time before client's IDs and the jobs API."""
    with fake.ComfyUI(version=(0, 3)) as server:
        monkeypatch.setenv("TRACKLAY_COMFYUI_URL", server.url)
        yield server


def add(tmp_path, workflow=fake.WORKFLOW, name="foley.json") -> int:
    """Run `tracklay models add` with a workflow."""
    path = tmp_path / name
    path.write_text(json.dumps(workflow))
    return main(["models", "add", f"comfyui:{path}"])


@pytest.fixture
def model(home, tmp_path, comfyui):
    """The workflow as a model."""
    assert add(tmp_path) == 0
    return find_model("comfyui/foley", load_catalogue())


def asked(proxy, **more):
    """A request for the model."""
    return request("comfyui/foley", proxy, **more)


def new_provider():
    """Return the provider with delays that take no time."""
    return ComfyUi(fast_policy())


def test_a_workflow_becomes_a_model_with_its_inputs(comfyui, home, tmp_path, capsys):
    """Roles by class and name, types and limits from the server; the workflow is copied beside the model's file."""
    assert add(tmp_path) == 0
    model = find_model("comfyui/foley", load_catalogue())
    by_role = {each.role: each for each in model.parameters if each.role}
    assert {role: each.wire for role, each in by_role.items()} == {
        "video": "4.file",
        "prompt": "7.prompt",
        "negative": "7.negative_prompt",
        "seed": "7.seed",
        "seconds": "7.duration",
    }
    assert (model.task, model.gives, model.seconds.least, model.seconds.most) == ("foley", "audio", 1.0, 30.0)
    assert {each.name: (each.type, each.minimum, each.maximum, each.choices) for each in model.settable} == {
        "foley_steps": ("integer", 1.0, 100.0, ()),
        "foley_model": ("choice", None, None, ("foley_small.safetensors", "foley_large.safetensors")),
    }
    assert (home / "models" / "comfyui-foley.json").exists()
    assert "video: file of Load Video (node 4)" in " ".join("".join(capsys.readouterr()).split())


def test_titles_win_over_classes(comfyui, home, tmp_path):
    """The user names the nodes in ComfyUI; a second sampler is then no guess."""
    workflow = json.loads(json.dumps(fake.WORKFLOW))
    workflow["8"] = {
        "class_type": "PrimitiveInt",
        "inputs": {"value": 3},
        "_meta": {"title": "Tracklay Seed"},
    }
    workflow["7"]["inputs"]["seed"] = ["8", 0]
    assert add(tmp_path, workflow) == 0
    seed = find_model("comfyui/foley", load_catalogue()).parameter_for_role("seed")
    assert seed is not None
    assert seed.wire == "8.value"


def test_a_cue_is_laid_to_the_sample(model, comfyui, tmp_path):
    """Through the whole command: upload, queue, look, fetch, conform, lay."""
    clip = flash_clip(tmp_path / "clip.mp4", RATE, 100, FLASHES)
    options = [
        "--model",
        "comfyui/foley",
        "--prompt",
        "wood",
        "--set",
        "foley_steps=12",
        "--seed",
        "7",
        "--land",
        "off",
    ]
    assert main(["lay", str(clip), *options]) == 0
    heard = clicks(hear(tmp_path / "tracklay" / "clip.comfyui-foley.take1.wav"))
    assert [abs(click - round(frame / RATE * 48_000)) <= 1 for click, frame in zip(heard, FLASHES, strict=True)] == [
        True
    ] * 4
    (prompt,) = comfyui.queued
    inputs = prompt.graph["7"]["inputs"]
    assert (inputs["prompt"], inputs["negative_prompt"], inputs["seed"], inputs["steps"]) == ("wood", "music", 7, 12)
    assert prompt.graph["7"]["inputs"]["video"] == ["4", 0]
    assert prompt.id == prompt.client_id
    assert "GET /object_info" not in comfyui.requests  # whole, it has megabytes


def test_progress_comes_over_the_socket_and_without_it_the_end_is_found(model, comfyui, proxy, tmp_path):
    """The node that runs and its steps; a server without the route is polled."""
    looks: list[JobProgress] = []
    comfyui.looks = 6
    _, output = run(generate(new_provider(), asked(proxy), tmp_path, looks))
    assert output.file.suffix == ".flac"
    assert len(clicks(hear(output.file))) == 2
    assert looks[-1].state == "done"
    assert any(look.state == "running" and look.message == "Foley" and look.fraction for look in looks)


@pytest.mark.parametrize("kind", ["flac", "mp4"])
def test_sound_and_film_outputs_are_found(model, comfyui, proxy, tmp_path, kind):
    """A film is listed under `images`: its suffix says what it is."""
    comfyui.kind = kind
    _, output = run(generate(new_provider(), asked(proxy), tmp_path, []))
    assert output.file.suffix == f".{kind}"


def test_an_old_server_chooses_the_id_and_is_cancelled_its_way(old, home, proxy, tmp_path):
    """Its answer names the prompt; a waiting and a running one are cancelled by the queue's own requests."""
    assert add(tmp_path) == 0
    provider = new_provider()

    async def cancelled(looks: int) -> bool:
        handle = await provider.submit(await provider.prepare(asked(proxy)))
        assert handle.request != handle.data["client_id"]
        for _ in range(looks):
            await provider.poll(handle)
        return bool(await provider.cancel(handle))

    assert run(cancelled(0))
    assert run(cancelled(1))
    assert old.queue == []
    assert old.requests.count("POST /queue") == 2
    assert old.requests.count("POST /interrupt") == 1


@pytest.mark.parametrize("version", [(0, 3), (0, 38)])
def test_a_lost_answer_is_looked_up_and_not_sent_twice(home, proxy, tmp_path, monkeypatch, version):
    """Exact with our own ID; on an old server by our client ID."""
    with fake.ComfyUI(version=version, looks=9) as server:
        monkeypatch.setenv("TRACKLAY_COMFYUI_URL", server.url)
        assert add(tmp_path) == 0
        server.lose_answers = 1
        provider = new_provider()
        provider.find_delays = (0.0, 0.0)

        async def submit():
            return await submit_once(provider, await provider.prepare(asked(proxy)), ())

        handle = run(submit())
        assert [each.id for each in server.queued] == [handle.request]


def test_a_restarted_server_is_asked_again_but_not_for_ever(model, comfyui, proxy, tmp_path):
    """Its history is lost with it; nothing is charged, so the prompt is queued again."""
    provider = new_provider()

    async def restart(times: int):
        handle = await provider.submit(await provider.prepare(asked(proxy)))
        for _ in range(times):
            comfyui.restart()
            await provider.poll(handle)
            await provider.poll(handle)
        while (await provider.poll(handle)).state != "done":
            pass
        return await provider.collect(handle, tmp_path)

    assert run(restart(1)).file.exists()
    assert len(comfyui.queued) == 2
    provider = new_provider()
    with pytest.raises(ResultExpired):
        run(restart(3))


def test_prompts_are_spread_over_servers(model, comfyui, proxy, monkeypatch):
    """The one with the shortest queue; one that does not respond is left out."""
    with fake.ComfyUI() as second:
        monkeypatch.setenv("TRACKLAY_COMFYUI_URL", f"http://127.0.0.1:9, {comfyui.url}, {second.url}")

        async def submit():
            for _ in range(4):
                provider = new_provider()
                await provider.submit(await provider.prepare(asked(proxy)))

        run(submit())
        assert (len(comfyui.queued), len(second.queued)) == (2, 2)


def test_takes_that_choose_a_server_together_are_spread(model, comfyui, proxy, monkeypatch):
    """No queue shows them yet when they choose; one that is cancelled before it is queued is not counted for long."""
    with fake.ComfyUI() as second:
        monkeypatch.setenv("TRACKLAY_COMFYUI_URL", f"{comfyui.url}, {second.url}")

        async def prepare_and_submit():
            await new_provider().prepare(asked(proxy))  # cancelled before it is queued
            providers = [new_provider() for _ in range(4)]
            prepared = await asyncio.gather(*(provider.prepare(asked(proxy)) for provider in providers))
            for provider, submission in zip(providers, prepared, strict=True):
                await provider.submit(submission)

        run(prepare_and_submit())
        assert (len(comfyui.queued), len(second.queued)) == (2, 2)


def broken(change):
    """Return the workflow with a change."""
    workflow = json.loads(json.dumps(fake.WORKFLOW))
    change(workflow)
    return workflow


@pytest.mark.parametrize(
    ("set_server", "message"),
    [
        (
            lambda server: server.node_types.pop("TestFoley"),
            "lacks a node of this workflow: Cannot execute because node TestFoley",
        ),
        (
            lambda server: server.node_types.update(
                TestFoley={"input": {"required": {"model": [["other.safetensors"], {}]}}}
            ),
            "Foley: the server has no model named 'foley_small.safetensors'; put the file into its models folder",
        ),
    ],
)
def test_a_refused_workflow_names_the_node_and_what_to_do(model, comfyui, proxy, set_server, message):
    """A missing node pack and a missing model file are different things to install."""
    set_server(comfyui)
    provider = new_provider()

    async def submit():
        await provider.submit(await provider.prepare(asked(proxy)))

    with pytest.raises(RefusedInput) as caught:
        run(submit())
    assert message in str(caught.value)


def test_a_node_that_fails_is_named(model, comfyui, proxy, tmp_path):
    """With the exception's own words."""
    comfyui.fails = "CUDA out of memory"
    with pytest.raises(TracklayError, match="failed in ComfyUI at Foley: CUDA out of memory"):
        run(generate(new_provider(), asked(proxy), tmp_path, []))


@pytest.mark.parametrize(
    ("workflow", "message"),
    [
        ({"nodes": [], "links": [], "version": 0.4}, "Export it with File > Export (API)"),
        ({"4": {"inputs": {}}}, "is no workflow in ComfyUI's API format"),
        ([], "is no workflow in ComfyUI's API format"),
        ({"4": fake.WORKFLOW["4"]}, "saves no audio and no video"),
    ],
)
def test_what_is_no_workflow_is_refused(comfyui, home, tmp_path, capsys, workflow, message):
    """One sentence, and no file is written."""
    assert add(tmp_path, workflow) == 2
    assert message in capsys.readouterr().err
    assert not (home / "models").exists()


def test_without_a_server_a_workflow_is_added_with_guessed_types(home, tmp_path, monkeypatch, capsys):
    """The file is at home, the GPU elsewhere."""
    monkeypatch.setenv("TRACKLAY_COMFYUI_URL", "http://127.0.0.1:9")
    assert add(tmp_path) == 0
    assert "No ComfyUI server responded" in "".join(capsys.readouterr())
    assert add(tmp_path) == 2
    assert "already in the catalogue" in capsys.readouterr().err


def test_a_workflow_that_was_exported_again_is_noticed(model, home, proxy):
    """Its node numbers have changed: nothing is sent to the wrong node."""
    path = home / "models" / "comfyui-foley.json"
    path.write_text(json.dumps({f"1{node}": value for node, value in fake.WORKFLOW.items()}))
    with pytest.raises(InvalidInput, match="has no node 4"):
        run(new_provider().prepare(asked(proxy)))


@pytest.mark.parametrize(
    ("url", "header", "message"),
    [
        ("ftp://host", "", "Not a web address in TRACKLAY_COMFYUI_URL"),
        ("http://user:secret@host", "", "Not a web address in TRACKLAY_COMFYUI_URL"),
        ("http://10.0.0.7:8188", "Authorization: Basic YTpi", "must start with https:// if TRACKLAY_COMFYUI_HEADER"),
        ("http://127.0.0.1:8188", "no header", "TRACKLAY_COMFYUI_HEADER is no header"),
    ],
)
def test_bad_settings_are_one_sentence(monkeypatch, url, header, message):
    """No password is shown."""
    monkeypatch.setenv("TRACKLAY_COMFYUI_URL", url)
    monkeypatch.setenv("TRACKLAY_COMFYUI_HEADER", header)
    with pytest.raises(InvalidInput) as caught:
        ComfyUi().check_ready()
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_login_goes_with_each_request_and_into_the_handshake(model, comfyui, proxy, tmp_path, monkeypatch):
    """The server refuses what lacks it."""
    comfyui.header = ("X-Login", "let me in")
    monkeypatch.setenv("TRACKLAY_COMFYUI_HEADER", "X-Login: let me in")
    comfyui.looks = 6
    looks: list[JobProgress] = []
    run(generate(new_provider(), asked(proxy), tmp_path, looks))
    assert any(look.fraction for look in looks if look.state == "running")


def test_a_client_of_others_is_accepted_by_the_fake_server(comfyui, proxy):
    """`comfy-api-simplified` uploads, queues, looks at the queue, and fetches the sound."""
    client = ComfyApiWrapper(comfyui.url)
    uploaded = client.upload_image(str(proxy))
    workflow = ComfyWorkflowWrapper(json.loads(json.dumps(fake.WORKFLOW)))
    workflow.set_node_param("Load Video", "file", uploaded["name"])
    prompt_id = client.queue_prompt(workflow)["prompt_id"]
    assert client.get_queue_size_before(prompt_id) == 1
    while any(client.get_queue().values()):
        pass
    (sound,) = client.get_history(prompt_id)[prompt_id]["outputs"]["9"]["audio"]
    assert client.get_image(sound["filename"], sound["subfolder"], sound["type"])[:4] == b"fLaC"
