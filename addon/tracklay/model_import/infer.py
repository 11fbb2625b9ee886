"""Infers a model of the catalogue from what its provider publishes.

Schemas do not declare roles, task and price: they are guessed from names, and each guess is listed in the model's `unconfirmed`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from ..models.model import DurationLimits, Model, Parameter, Price, Role

if TYPE_CHECKING:
    from .json_schema import PublishedInput
    from .published import PublishedModel

InputKind = Literal["video", "image", "audio", "text"]

_PROMPT_NAMES = ("prompt", "text_prompt", "positive_prompt", "sound_effect_prompt", "text", "description", "caption")
_NEGATIVE_PROMPT_NAMES = ("negative_prompt", "negative_text_prompt", "negative")
_SEED_NAMES = ("seed", "random_seed", "noise_seed")
_DURATION_NAMES = (
    "duration",
    "duration_seconds",
    "seconds",
    "seconds_total",
    "total_seconds",
    "length_seconds",
    "audio_duration",
    "audio_length",
    "audio_length_in_s",
    "music_duration",
    "output_duration",
    "max_duration",
    "length",
)
"""Names of a parameter with that role, the likeliest first. Lengths in milliseconds are not among them: Tracklay fills in seconds."""

_TEMPO_NAMES = ("bpm", "tempo", "tempo_bpm", "beats_per_minute")
"""Names of a parameter with the tempo in beats per minute."""

_OUTPUT_COUNT_NAMES = (
    "num_samples",
    "num_outputs",
    "num_audios",
    "num_generations",
    "num_variations",
    "n_samples",
    "batch_size",
)
"""Names of a parameter that counts the sounds of one request, each of which is charged."""

_AUXILIARY_INPUT = re.compile(r"mask|reference|style|depth|pose|control|end_|last_")
"""Words in the name of a file input that is not the picture of the span."""

_MUSIC_WORDS = re.compile(r"music|song|melod|instrumental|lyric|soundtrack")
_EFFECT_WORDS = re.compile(r"sfx|sound[ _-]?effect|foley|sound[ _-]?design")
_SOUND_WORDS = re.compile(r"audio|sound|music|song|foley|sfx|speech|voice|sonic|acoustic|2audio")


_ROLE_DESCRIPTIONS: dict[Role, str] = {
    "prompt": "the prompt",
    "negative": "what should not be heard",
    "seed": "the seed",
    "seconds": "the span's length",
    "video": "the span's picture",
    "image": "a still of it",
    "tempo": "the tempo of music, in beats per minute",
}


def make_model_id(provider: str, endpoint: str) -> str:
    """Return a model's id in the catalogue: `fal-ai/thinksound/audio` on fal becomes `fal/thinksound-audio`."""
    own = endpoint.removeprefix("fal-ai/") if provider == "fal" else endpoint.removeprefix("model_")
    return f"{provider}/{re.sub(r'[^a-z0-9.]+', '-', own.lower()).strip('-')}"


def infer_model(published: PublishedModel) -> Model:
    """Return the model. Its `unconfirmed` lists the guesses and the facts that are not published."""
    found = {one.parameter.name: one for one in published.inputs}
    roles = _infer_roles(published.inputs)
    mode = _picture_mode_parameter(found, roles)
    if mode is None:
        _keep_one_picture_role(found, roles)
    parameters = [_with_role(one.parameter, roles.get(name)) for name, one in found.items()]
    if mode is not None:
        first = next(place for place, one in enumerate(parameters) if one.role in ("video", "image"))
        parameters.insert(first, mode)
    times = _limit_to_one_output(found, parameters)
    by_role = {one.role: one for one in parameters if one.role}
    needs, takes = _infer_input_kinds(found.values(), by_role)
    length = by_role.get("seconds")
    task = _infer_task(published, "video" in by_role)
    gives = _infer_output(published, "video" in by_role)
    model = Model(
        id=make_model_id(published.provider, published.endpoint),
        title=published.title,
        summary=published.summary,
        task=task,
        provider=published.provider,
        endpoint=published.endpoint,
        needs=needs,
        gives=gives,
        licence=published.licence,
        takes=takes,
        seconds=DurationLimits(max(0.0, length.minimum or 0.0), length.maximum) if length else DurationLimits(),
        price=Price(currency=published.currency, times=times),
        version=published.version,
        parameters=tuple(parameters),
    )
    return replace(model, unconfirmed=_unconfirmed_notes(published, model, roles))


def lacks_sound(published: PublishedModel) -> bool:
    """Return whether nothing that is published shows that the model generates sound."""
    return not published.output or (
        not published.is_output_declared and not _SOUND_WORDS.search(published.text.lower())
    )


def _infer_roles(inputs: Iterable[PublishedInput]) -> dict[str, Role]:
    """Return the roles by parameter name, at most one parameter for each role."""
    inputs = list(inputs)
    roles: dict[str, Role] = {}

    def assign(role: Role, candidates: Iterable[PublishedInput]) -> None:
        if one := next(iter(candidates), None):
            roles[one.parameter.name] = role

    def inputs_named(names: tuple[str, ...], accept: Callable[[PublishedInput], bool]) -> list[PublishedInput]:
        return [one for name in names for one in inputs if one.snake_case_name == name and accept(one)]

    def inputs_with_media(media: str) -> list[PublishedInput]:
        fitting = [one for one in inputs if one.media == media and not _AUXILIARY_INPUT.search(one.snake_case_name)]
        return sorted(fitting, key=lambda one: not one.parameter.required)

    assign("prompt", inputs_named(_PROMPT_NAMES, lambda one: one.parameter.type == "text"))
    assign("negative", inputs_named(_NEGATIVE_PROMPT_NAMES, lambda one: one.parameter.type == "text"))
    assign("seed", inputs_named(_SEED_NAMES, lambda one: one.parameter.type in ("integer", "number")))
    assign("seconds", inputs_named(_DURATION_NAMES, lambda one: one.parameter.type in ("integer", "number")))
    assign("tempo", inputs_named(_TEMPO_NAMES, lambda one: one.parameter.type in ("integer", "number")))
    assign("video", inputs_with_media("video"))
    assign("image", inputs_with_media("image"))
    return roles


def _keep_one_picture_role(inputs: dict[str, PublishedInput], roles: dict[str, Role]) -> None:
    """Keep one of the roles video and image: the one of a required input. The other input's purpose is unknown."""
    names = {role: name for name, role in roles.items() if role in ("video", "image")}
    if len(names) == 2:
        del roles[names["image"] if inputs[names["video"]].parameter.required else names["video"]]


def _limit_to_one_output(inputs: dict[str, PublishedInput], parameters: list[Parameter]) -> str:
    """Set the default of the parameter that counts sounds to one, and return its name; empty if there is none.

    Each sound is charged, so that only the user may request more than one.
    """
    for place, one in enumerate(parameters):
        if one.type == "integer" and one.name in inputs and inputs[one.name].snake_case_name in _OUTPUT_COUNT_NAMES:
            if (one.minimum or 0) <= 1:
                parameters[place] = replace(one, default=1, required=False)
            return one.name
    return ""


def _with_role(parameter: Parameter, role: Role | None) -> Parameter:
    """Return the parameter with its role, and with the type, unit and limits that the role implies."""
    parameter = replace(parameter, role=role)
    if role == "seed":
        # Tracklay picks a seed for each take; a fixed default would make all takes the same.
        return replace(parameter, type="integer", default=None)
    if role == "seconds":
        return replace(parameter, unit="s")
    if role == "tempo":
        # A default would hide that the user left the tempo to Tracklay; the provider has its own.
        return replace(parameter, unit="bpm", default=None)
    if role == "video":
        return replace(parameter, unit="s" if parameter.maximum or parameter.minimum else "")
    return replace(parameter, minimum=None, maximum=None) if parameter.type == "file" else parameter


def _picture_mode_parameter(inputs: dict[str, PublishedInput], roles: dict[str, Role]) -> Parameter | None:
    """Return the parameter that selects what of the picture is sent; None if the model requires a picture or has no input for one."""
    pictures = {role: inputs[name].parameter for name, role in roles.items() if role in ("video", "image")}
    if not pictures or any(one.required for one in pictures.values()):
        return None
    choices = (*(role for role in ("video", "image") if role in pictures), "text")
    return Parameter(
        "mode" if "mode" not in inputs else "picture_mode",
        "choice",
        "Part of the picture that is sent: video is all of it, image its middle frame, text only the prompt.",
        # A still is optional for music and effects: such a model gets only text unless the user selects the image.
        default="video" if "video" in pictures else "text",
        choices=choices,
        role="mode",
    )


def _infer_input_kinds(
    inputs: Iterable[PublishedInput], by_role: dict[Role, Parameter]
) -> tuple[tuple[InputKind, ...], tuple[InputKind, ...]]:
    """Return the required inputs and all inputs; the second is empty if both are the same."""
    sounds = [one.parameter for one in inputs if one.media == "audio"]
    known: dict[InputKind, list[Parameter]] = {
        "video": [by_role["video"]] if "video" in by_role else [],
        "image": [by_role["image"]] if "image" in by_role else [],
        "audio": sounds,
        "text": [by_role["prompt"]] if "prompt" in by_role else [],
    }
    takes = tuple(kind for kind, parameters in known.items() if parameters)
    needs = tuple(kind for kind, parameters in known.items() if any(one.required for one in parameters))
    return needs, () if needs == takes else takes


def _infer_task(published: PublishedModel, has_video: bool) -> Literal["foley", "effect", "music"]:  # noqa: FBT001
    """Return the task: from the name first, then from a video input, then from the description."""
    name, text = f"{published.endpoint} {published.title}".lower(), published.text.lower()
    if _MUSIC_WORDS.search(name) and not _EFFECT_WORDS.search(name):
        return "music"
    if has_video:
        return "foley"
    return "music" if _MUSIC_WORDS.search(text) and not _EFFECT_WORDS.search(name) else "effect"


def _infer_output(published: PublishedModel, has_video: bool) -> Literal["audio", "video", "list", "stems"]:  # noqa: FBT001
    match published.output:
        case "audio" | "video" | "list" | "stems":
            return published.output
        case "file":
            # One file of unknown kind: most models with a video input return that video with sound.
            return "video" if has_video else "audio"
        case _:
            return "audio"


def _unconfirmed_notes(published: PublishedModel, model: Model, roles: dict[str, Role]) -> tuple[str, ...]:
    """Return sentences about the guesses and the facts that are not published."""
    filled = ", ".join(f"{name} ({_ROLE_DESCRIPTIONS[role]})" for name, role in roles.items())
    notes = [
        f"The inputs that Tracklay fills, guessed from their names: {filled}."
        if filled
        else "No input has a name that Tracklay recognizes: it sends neither picture nor prompt.",
        f"The task {model.task}, guessed from its name and its inputs.",
    ]
    if lacks_sound(published):
        notes.append("Whether it generates sound at all: nothing that is published says so.")
    elif not published.is_output_declared:
        gives = "several files" if model.gives == "list" else model.gives
        notes.append(f"The output, guessed to be {gives}: its schema declares only a file.")
    if model.price.times:
        notes.append(f"Whether {model.price.times} multiplies the price: its default is 1 here, not the model's own.")
    if (prompt := model.parameter_for_role("prompt")) and prompt.default:
        notes.append(f"The result without a prompt: the model's default prompt is sent, {str(prompt.default)[:80]!r}.")
    if model.seconds.most is None:
        notes.append("The longest sound.")
    notes.append("The price of a take.")
    if model.licence.commercial is None:
        notes.append("The licence: read it at its source before you use the sound.")
    return (*notes, *published.notes)
