"""Descriptions of models as fal and Scenario publish them, made from the fake servers' tables of inputs.

fal: an entry of the platform's list with its OpenAPI document (docs/api-notes/fal.md), in the shape of the documents at
fal.ai/api/openapi/queue. Scenario: `GET /models/{modelId}` (section 3.6), with every field that the vendor's own client demands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = {
    "type": "object",
    "title": "File",
    "required": ["url"],
    "properties": {
        "url": {"type": "string", "title": "Url"},
        "content_type": {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "Content Type"},
        "file_size": {"anyOf": [{"type": "integer"}, {"type": "null"}], "title": "File Size"},
    },
}
_FILE = {"$ref": "#/components/schemas/File"}
_TYPES = {str: "string", int: "integer", bool: "boolean", list: "array"}


def _property(name: str, rule: Any, *, missing: bool) -> dict[str, Any]:
    """A field as pydantic writes it: what may be left out is a union with null, choices are a reference."""
    title = name.replace("_", " ").title()
    if rule.choices:
        return {
            "allOf": [{"$ref": "#/components/schemas/Choices"}],
            "title": title,
            "default": rule.default or rule.choices[0],
        }
    made: dict[str, Any] = {"type": _TYPES.get(rule.type, "number")}
    low, high = ("minLength", "maxLength") if rule.type is str else ("minimum", "maximum")
    made |= {key: value for key, value in ((low, rule.low), (high, rule.high)) if value is not None}
    if rule.type is list:
        made["items"] = {"$ref": "#/components/schemas/Segment"}
    message = f"What {title} is"
    if missing:
        return {**made, "title": title, "description": message, "examples": ["https://storage.googleapis.com/x.mp4"]}
    if rule.default is None:
        return {"anyOf": [made, {"type": "null"}], "title": title, "description": message}
    return {**made, "title": title, "description": message, "default": rule.default}


def _output(endpoint: str) -> dict[str, Any]:
    if endpoint in ("fal-ai/mmaudio-v2", "fal-ai/hunyuan-video-foley"):
        return {"video": _FILE}
    if endpoint.endswith("sfx1.6/video-to-video"):
        return {"video": {"type": "array", "items": _FILE, "title": "Video"}}
    if endpoint.startswith("mirelo-ai"):
        return {"audio": {"type": "array", "items": _FILE, "title": "Audio"}}
    return {"audio": {"allOf": [_FILE], "title": "Audio"}, "prompt": {"type": "string", "title": "Prompt"}}


def fal(endpoint: str, rules: Mapping[str, Any], *, schema: bool) -> dict[str, Any]:
    """An entry of fal's list."""
    demanded = {name for name, rule in rules.items() if not isinstance(rule.default, str | int | float | None)}
    properties = {name: _property(name, rule, missing=name in demanded) for name, rule in rules.items()}
    chosen = next((rule.choices for rule in rules.values() if rule.choices), ())
    schemas = {
        "Output": {"type": "object", "properties": _output(endpoint)},
        # As fal has it: the properties by name, their order beside them.
        "Input": {
            "type": "object",
            "x-fal-order-properties": list(properties),
            "properties": dict(sorted(properties.items())),
            "required": sorted(demanded),
        },
        "File": FILE,
        "Choices": {"type": "string", "enum": list(chosen)},
        "Segment": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Segment"}}},
        "QueueStatus": {"type": "object", "properties": {"status": {"enum": ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]}}},
    }

    def says(name: str) -> dict[str, Any]:
        return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}

    paths = {
        f"/{endpoint}/requests/{{request_id}}/status": {"get": {"responses": {"200": says("QueueStatus")}}},
        f"/{endpoint}/requests/{{request_id}}/cancel": {"put": {"responses": {"200": {}}}},
        f"/{endpoint}": {
            "post": {"requestBody": {"required": True, **says("Input")}, "responses": {"200": says("QueueStatus")}}
        },
        f"/{endpoint}/requests/{{request_id}}": {"get": {"responses": {"200": says("Output")}}},
    }
    seeing = "video_url" in rules
    about = {
        "display_name": endpoint.rpartition("/")[2].replace("-", " ").title(),
        "category": "video-to-audio" if seeing else "text-to-audio",
        "description": "Sound for a video." if seeing else "Generate royalty-free sound.",
        "status": "active",
        "license_type": "commercial",
    }
    document = {
        "openapi": "3.0.4",
        "info": {
            "title": f"Queue OpenAPI for {endpoint}",
            "version": "1.0.0",
            "x-fal-metadata": {"endpointId": endpoint},
        },
        "paths": paths,
        "components": {"schemas": schemas},
    }
    return {"endpoint_id": endpoint, "metadata": about, **({"openapi": document} if schema else {})}


_DEFAULTS: dict[str, dict[str, Any]] = {
    "model_beatoven-music-generation": {"duration": 90, "refinement": 100, "creativity": 16},
    "model_beatoven-sound-effect": {"duration": 7, "refinement": 40, "creativity": 16},
    "model_mm-audio-2": {"duration": 8, "numSteps": 25, "cfgStrength": 4.5, "maskAwayClip": False},
    "model_meta-musicgen": {
        "modelVersion": "stereo-melody-large",
        "duration": 8,
        "continuation": False,
        "continuationStart": 0,
        "multiBandDiffusion": False,
        "normalizationStrategy": "loudness",
        "temperature": 1,
        "classifierFreeGuidance": 3,
    },
}
"""The inputs by the tables of the vendor's model pages."""


def _input(name: str, rules: Mapping[str, Any]) -> dict[str, Any]:
    shown = {key: value for key, value in rules.items() if key not in ("whole", "required")}
    shown |= {"name": name, "label": name, "description": f"What {name} is"}
    if rules.get("required"):
        shown["required"] = {"always": True}
    if rules.get("whole"):
        shown["step"] = 1
    return shown


def scenario(model: str, inputs: Mapping[str, Mapping[str, Any]], now: str) -> dict[str, Any]:
    """Scenario's account of a model."""
    seeing = "video" in inputs
    defaults = {name: {"default": value} for name, value in _DEFAULTS.get(model, {}).items()}
    makes = "video2video" if model == "model_mm-audio-2" else "video2audio" if seeing else "txt2audio"
    return {
        "id": model,
        "name": model.removeprefix("model_").replace("-", " ").title(),
        "shortDescription": "Sound for a video." if seeing else "Sound from words.",
        "capabilities": [makes],
        "inputs": [_input(name, {**rules, **defaults.get(name, {})}) for name, rules in inputs.items()],
        "type": "custom",
        "custom": True,
        "source": "scenario",
        "status": "trained",
        "privacy": "public",
        "tags": [],
        "collectionIds": [],
        "exampleAssetIds": [],
        "trainingImagesNumber": 0,
        "createdAt": now,
        "updatedAt": now,
    }
