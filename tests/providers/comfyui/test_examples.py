"""The example workflows of `docs/comfyui/`: `models add` takes each, and a server with their nodes accepts what a cue queues.

The inputs of the nodes are as their packs' sources have them (`docs/api-notes/comfyui.md`); no weights ran.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tracklay.cli.main import main
from tracklay.models import Model, load_catalogue
from tracklay.providers.base import submit_once
from tracklay.providers.comfyui import ComfyUi

from tests.fakes import comfyui as fake
from tests.providers.provider_flow import fast_policy, request, run

FOLDER = Path(__file__).resolve().parents[3] / "docs/comfyui"

SEED = ["INT", {"default": 0, "min": 0, "max": 0xFFFFFFFFFFFFFFFF}]
TEXT = ["STRING", {"multiline": True, "default": ""}]


def declared(**inputs: Any) -> dict[str, Any]:
    """Return a class of `/object_info` with these inputs."""
    return {"input": {"required": inputs}, "output_node": False}


def number(low: float, high: float, default: float = 1.0) -> list[Any]:
    """Return the declaration of a number."""
    return ["FLOAT", {"default": default, "min": low, "max": high}]


NODE_TYPES: dict[str, Any] = {
    "LoadVideo": fake.NODE_TYPES["LoadVideo"],
    "SaveAudio": fake.NODE_TYPES["SaveAudio"],
    "GetVideoComponents": declared(video=["VIDEO", {}]),
    "VHS_LoadVideo": declared(video=["COMBO", {}], force_rate=number(0, 60, 0)),
    "MMAudioModelLoader": declared(base_precision=[["fp16", "fp32", "bf16"], {"default": "fp16"}]),
    "MMAudioFeatureUtilsLoader": declared(mode=[["16k", "44k"], {}], precision=[["fp16", "fp32", "bf16"], {}]),
    "MMAudioSampler": declared(
        duration=["FLOAT", {"default": 8, "step": 0.01}],
        steps=["INT", {"default": 25}],
        seed=SEED,
        prompt=TEXT,
        negative_prompt=TEXT,
    ),
    "HunyuanModelLoader": declared(),
    "HunyuanDependenciesLoader": declared(),
    "HunyuanFoleySampler": declared(
        frame_rate=number(1, 120, 16),
        duration=number(1, 60, 5),
        prompt=TEXT,
        negative_prompt=TEXT,
        cfg_scale=number(1, 10, 4.5),
        steps=["INT", {"default": 50, "min": 10, "max": 100}],
        sampler=[["euler", "heun-2", "midpoint-2", "kutta-4"], {"default": "euler"}],
        seed=SEED,
    ),
    "CheckpointLoaderSimple": declared(),
    "CLIPLoader": declared(type=[["stable_diffusion", "stable_audio"], {}]),
    "CLIPTextEncode": declared(text=TEXT),
    "ConditioningZeroOut": declared(),
    "EmptyLatentAudio": declared(seconds=number(1, 1000, 47.6)),
    "KSampler": declared(seed=SEED, sampler_name=[["euler", "lcm"], {}], scheduler=[["simple", "normal"], {}]),
    "VAEDecodeAudio": declared(),
    "ModelSamplingAuraFlow": declared(shift=number(0, 100, 1.73)),
    "PrimitiveInt": declared(value=["INT", {"min": -(2**63) + 1, "max": 2**63 - 1}]),
    "PrimitiveFloat": declared(value=["FLOAT", {"min": -(2.0**63), "max": 2.0**63}]),
    "TextEncodeAceStepAudio1.5": declared(
        tags=TEXT,
        lyrics=TEXT,
        bpm=["INT", {"default": 120, "min": 10, "max": 300}],
        timesignature=["COMBO", {"options": ["2", "3", "4", "6"]}],
        language=["COMBO", {"options": ["en", "de", "fr"]}],
        keyscale=["COMBO", {"options": ["C major", "A minor"]}],
    ),
    "EmptyAceStep1.5LatentAudio": declared(batch_size=["INT", {"default": 1, "min": 1, "max": 4096}]),
}
"""The classes of all examples."""


@dataclass(frozen=True, slots=True)
class Example:
    """What `models add` finds in an example: its inputs by role, its task, and the longest sound."""

    name: str
    task: str
    roles: dict[str, str]
    most: float | None


EXAMPLES = (
    Example(
        "mmaudio",
        "foley",
        {
            "video": "1.video",
            "prompt": "4.prompt",
            "negative": "4.negative_prompt",
            "seed": "4.seed",
            "seconds": "4.duration",
        },
        None,
    ),
    Example(
        "hunyuan-foley",
        "foley",
        {
            "video": "1.file",
            "prompt": "5.prompt",
            "negative": "5.negative_prompt",
            "seed": "5.seed",
            "seconds": "5.duration",
        },
        60,
    ),
    Example("stable-audio-3", "effect", {"prompt": "3.text", "seed": "6.seed", "seconds": "5.seconds"}, 1000),
    Example("ace-step-1.5", "music", {"prompt": "5.tags", "seed": "3.value", "seconds": "4.value"}, None),
)


@pytest.fixture
def server(monkeypatch):
    """A fake server with the nodes of all examples."""
    with fake.ComfyUI(node_types=NODE_TYPES) as running:
        monkeypatch.setenv("TRACKLAY_COMFYUI_URL", running.url)
        yield running


def add(example: Example) -> Model:
    """Run `tracklay models add` with an example, and return the model."""
    assert main(["models", "add", f"comfyui:{FOLDER / example.name}.json"]) == 0
    return next(each for each in load_catalogue().values() if each.provider == "comfyui")


def test_each_file_is_an_example():
    """None is left out here."""
    assert {path.stem for path in FOLDER.glob("*.json")} == {each.name for each in EXAMPLES}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.name)
def test_models_add_takes_an_example(example, server, home, capsys):
    """Each input has its role, the task is right, and no node is missing from the server."""
    model = add(example)
    assert "The server lacks" not in "".join(capsys.readouterr())
    assert {each.role: each.wire for each in model.parameters if each.role} == example.roles
    assert (model.task, model.gives, model.seconds.most) == (example.task, "audio", example.most)
    assert ("video" in model.needs) == ("video" in example.roles)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.name)
def test_a_server_queues_an_example(example, server, home, proxy):
    """The cue's prompt, seed and length are in the queued graph, and every link leads to a node of it."""
    wanted = request(add(example).id, proxy if "video" in example.roles else None)
    provider = ComfyUi(fast_policy())

    async def submit() -> None:
        await submit_once(provider, await provider.prepare(wanted), ())

    run(submit())
    (queued,) = server.queued
    for role in ("prompt", "seed", "seconds"):
        node, name = example.roles[role].rsplit(".", 1)
        written = json.loads((FOLDER / f"{example.name}.json").read_text())[node]["inputs"][name]
        assert queued.graph[node]["inputs"][name] != written
    links = [value for node in queued.graph.values() for value in node["inputs"].values() if isinstance(value, list)]
    assert {link[0] for link in links} <= queued.graph.keys()
