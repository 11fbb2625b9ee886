"""Scene properties: `scene.tracklay` with model, prompt and seed, and `scene.tracklay.params` with the models' parameters.

The classes are built from the catalogue, and built again whenever it is reloaded.
"""

from __future__ import annotations

import re
import zlib
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ...cue import MAX_TAIL_SECONDS
from ...errors import InvalidInput
from ...jobs.job_spec import MAX_TAKES, RANDOM_SEED
from ...models import EXTRA_PREFIX, is_url
from .catalogue import LOAD_ERRORS, MODELS, TASK_LABELS
from .redraw import redraw_sequencers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...cue import FitMode, LandMode, ParamValue
    from ...models import Model, Parameter
    from ...timing import Rate

INT_MAX = (1 << 31) - 1

EXACT_BITS = 24
"""Bits of a whole number that a 32-bit float holds: Blender's menu buttons keep an item's number as one."""

NO_MODEL = -1
"""The number of a model that the catalogue does not list. No item has it."""

FLOAT_DIGITS = 7
"""Significant digits of a 32-bit float: Blender returns 0.1 as 0.10000000149, which rounds to 0.1 again."""

UNSET = "unset"
"""The item of a choice without a default: the parameter is not sent."""

MODEL_DEFAULT_LABEL = "Model Default"
"""Label of that item."""

DEFAULT_MODEL = "sketch/foley"

STEM_MODES = (
    ("NONE", "Do Not Lay", "Keep stems as files beside the take, until Lay Stems"),
    ("MUTED", "Mute Full Mix", "Lay the stems above the full mix, which is muted"),
    ("INSTEAD", "Replace Full Mix", "Lay the stems and remove the full mix"),
)
"""Treatment of stems and of the full mix when stems are laid, as items of an enumeration."""

PROMPT_SOURCES = (
    ("NONE", "Nothing Else", "Use only the prompt above"),
    ("TEXT", "Text Strips", "Add the text of text strips over the cue, muted ones too"),
    ("MARKERS", "Markers", "Add the names of the markers within the cue"),
)
"""Additional sources of a cue's prompt, as items of an enumeration."""

LAND_ITEMS = (
    ("AUTO", "Automatic", "Move each sound to what is seen, and keep the untouched take beside it"),
    ("OFF", "Off", "Leave each sound where the model put it"),
)
"""Landing of takes, as items of an enumeration; each identifier in small letters is a `LandMode`."""

PART_MODES = (
    ("AUTO", "Automatic", "Parts where the span is longer than what the model is made for"),
    ("WHOLE", "Whole", "One request for the whole span; not beyond the model's limit"),
    ("SECONDS", "Seconds", "Parts of a length that none exceeds"),
)
"""How a long span is generated, as items of an enumeration."""

_registered_classes: list[type] = []


def group_name(model_id: str) -> str:
    """Return the name of the property of `params` that holds a model's parameters."""
    return re.sub(r"\W", "_", model_id)


NO_SQUARE, MANUAL_SQUARE = "WHOLE", "HAND"

SQUARE_MODES = (
    (NO_SQUARE, "Full Frame", "The full frame; the model may squash or crop it to a square"),
    ("CENTRE", "Centre", "The square at the centre"),
    ("LEFT", "Left or Top", "The square at the left, or at the top of a portrait picture"),
    ("RIGHT", "Right or Bottom", "The square at the right, or at the bottom of a portrait picture"),
    (MANUAL_SQUARE, "Manual", "A square at a position of your own"),
    ("MOTION", "Most Motion", "The square with the most motion, chosen during extraction"),
)
"""Parts of the picture that a model is given, as items of an enumeration."""


CUE_MODES = (
    ("STRIPS", "Cue per Strip", "A cue for each selected strip", 0),
    ("ONE", "One Cue", "One cue over all that plays from the first to the last strip", 1),
)
"""Cues of several selected strips, as items of an enumeration."""


def _parameter_description(parameter: Parameter) -> str:
    """Return a parameter's help and range, without a full stop: Blender adds one to a description."""
    limits = parameter.limits_text if parameter.type in ("integer", "number", "text") else ""
    return " ".join([parameter.help, *([limits.capitalize()] if limits else [])]).rstrip(".")


def _property_for(parameter: Parameter) -> Any:
    """Return the Blender property for a parameter."""
    label = parameter.name.replace("_", " ").capitalize() + (f" ({parameter.unit})" if parameter.unit else "")
    named: dict[str, Any] = {"name": label, "description": _parameter_description(parameter)}
    if parameter.choices:
        items = [(choice, choice.replace("_", " ").capitalize(), "") for choice in parameter.choices]
        if parameter.default is None:
            items.insert(0, (UNSET, MODEL_DEFAULT_LABEL, ""))
        return EnumProperty(items=items, default=parameter.default or UNSET, **named)
    if parameter.default is not None:
        named["default"] = parameter.default
    if parameter.type == "boolean":
        return BoolProperty(**named)
    if parameter.type in ("text", "json"):
        return StringProperty(**named)
    if parameter.type == "file":
        return StringProperty(subtype="FILE_PATH", options={"PATH_SUPPORTS_BLEND_RELATIVE"}, **named)
    step = parameter.step
    given = {"min": parameter.minimum, "max": parameter.maximum}
    limits = {name: value for name, value in given.items() if value is not None}
    if parameter.type == "integer":
        whole = {name: max(-INT_MAX, min(INT_MAX, int(value))) for name, value in limits.items()}
        return IntProperty(step=int(step or 1), **whole, **named)
    # Blender expects the step of a float in hundredths.
    return FloatProperty(step=round((step or 0.1) * 100), precision=1 if step and step >= 0.1 else 3, **limits, **named)


def _params_class(model: Model) -> type:
    fields = {parameter.name: _property_for(parameter) for parameter in model.settable}
    name = f"TRACKLAY_PG_{group_name(model.id)}"
    return _property_group_class(name, model.summary, fields)


def _property_group_class(name: str, docstring: str, fields: Mapping[str, Any], **attributes: Any) -> type:
    """Return a property group class. Its empty `__slots__` make a misspelt property name in a script an error."""
    return type(
        name,
        (bpy.types.PropertyGroup,),
        {"__doc__": docstring, "__slots__": (), "__annotations__": dict(fields), **attributes},
    )


def _forwarding_property(name: str) -> property:
    """Return a property that reads and sets a parameter of the chosen model by its bare name, for scripts."""

    def getter(params: Any) -> Any:
        return getattr(model_params(params), name)

    def setter(params: Any, value: Any) -> None:
        setattr(model_params(params), name, value)

    return property(getter, setter)


def model_params(params: Any, model_id: str = "") -> Any:
    """Return the property group with a model's parameters, by default those of the scene's model."""
    return getattr(params, group_name(model_id or params.id_data.tracklay.model))


def param_values(params: Any, model: Model) -> dict[str, ParamValue]:
    """Return a model's parameter values. A parameter without a default that the user did not set is left out."""
    group = model_params(params, model.id)
    found: dict[str, ParamValue] = {}
    for parameter in model.settable:
        value = getattr(group, parameter.name)
        if parameter.default is None and (value in (UNSET, "") or not group.is_property_set(parameter.name)):
            continue
        if parameter.type == "number":
            value = float(f"{value:.{FLOAT_DIGITS}g}")
        if parameter.type == "file" and not is_url(value):
            value = str(Path(bpy.path.abspath(value)).absolute())
        found[parameter.name] = value
    return found


def extra_params(settings: Any, model: Model) -> dict[str, ParamValue]:
    """Return the user's extra parameters for a model: names begin with `EXTRA_PREFIX`, values are JSON text.

    Raises:
        InvalidInput: one has no name, or two have the same.
    """
    found: dict[str, ParamValue] = {}
    for row in extra_rows(settings, model):
        bare, value = row.name.strip().removeprefix(EXTRA_PREFIX), row.value.strip()
        if not bare and not value:
            continue
        if not bare:
            raise InvalidInput("extra.no_name", "The extra parameter with the value {value} has no name.", value=value)
        if EXTRA_PREFIX + bare in found:
            raise InvalidInput("extra.duplicate", "Extra parameter set twice: {name}.", name=bare)
        found[EXTRA_PREFIX + bare] = value
    return found


def extra_rows(settings: Any, model: Model) -> list[Any]:
    """Return the rows of `settings.extras` that are sent to a model."""
    return [row for row in settings.extras if row.model in ("", model.id)]


def _on_square_changed(_settings: Any, _context: Any) -> None:
    """Redraw the previews, which show the square, in all windows."""
    redraw_sequencers()


def square_setting(settings: Any) -> str:
    """Return the chosen square as `Cue.square` has it (see `media.square_crop.crop_position`)."""
    if settings.square == MANUAL_SQUARE:
        return f"{settings.square_at:.3f}"
    return "" if settings.square == NO_SQUARE else str(settings.square).lower()


def land_setting(settings: Any) -> LandMode:
    """Return the chosen landing as `Cue.land` has it."""
    return "off" if settings.land == "OFF" else "auto"


def fit_setting(settings: Any) -> FitMode:
    """Return the chosen fitting of music as `Cue.fit` has it."""
    return "auto" if settings.fit else "off"


def tail_setting(settings: Any, rate: Rate) -> int:
    """Return the chosen tail as `Cue.tail` has it, frames."""
    return round(Fraction(f"{settings.tail:.{FLOAT_DIGITS}g}") * rate.fps)


def parts_setting(settings: Any) -> str:
    """Return the chosen parts as `Cue.parts` has them."""
    return f"{settings.part_seconds:g}" if settings.parts == "SECONDS" else str(settings.parts).lower()


def as_one_setting(settings: Any, model: Model) -> bool:
    """Return whether one cue is made over the whole selection. Each task has a setting of its own: music is made for a scene."""
    return bool(settings.music_as_one if model.task == "music" else settings.sound_as_one)


def _cue_mode() -> Any:
    """Return the property that shows the setting of the chosen model's task."""

    def get(settings: Any) -> int:
        return int(as_one_setting(settings, MODELS[settings.model])) if settings.model in MODELS else 0

    def put(settings: Any, number: int) -> None:
        is_music = settings.model in MODELS and MODELS[settings.model].task == "music"
        setattr(settings, "music_as_one" if is_music else "sound_as_one", bool(number))

    return EnumProperty(
        name="Cues", description="Cues that Generate makes for several strips", items=CUE_MODES, get=get, set=put
    )


def numbers(model_ids: Iterable[str]) -> dict[str, int]:
    """Return the number of each model's item: positive, distinct, exact as a 32-bit float, and made from the model's ID.

    Of two IDs with the same checksum the later in the alphabet gets the next free number. A file stores the ID, not the number.
    """
    found: dict[int, str] = {}
    for model_id in sorted(model_ids):
        number = _checksum(model_id) % (1 << EXACT_BITS)
        while number in found or number == 0:
            number = (number + 1) % (1 << EXACT_BITS)
        found[number] = model_id
    return {model_id: number for number, model_id in found.items()}


def _checksum(model_id: str) -> int:
    """Return a model's number as files of development versions before 0.1 store it."""
    return zlib.crc32(model_id.encode()) & INT_MAX


def _model_items(numbered: Mapping[str, int]) -> list[tuple[str, str, str, str, int]]:
    """Return the models under the headings of their tasks."""
    items: list[tuple[str, str, str, str, int]] = []
    for task, heading in TASK_LABELS.items():
        of_task = [model for model in MODELS.values() if model.task == task]
        if of_task:
            items.append(("", heading, "", "NONE", 0))
        items += [(model.id, model.title, model.summary, "NONE", numbered[model.id]) for model in of_task]
    return items


def _model(default: str) -> Any:
    """Return the property of the chosen model. Its value is stored as the ID in `model_id`; the menu's number is not stored."""
    numbered = numbers(MODELS)
    ids = {number: model_id for model_id, number in numbered.items()}
    by_checksum = {_checksum(model_id): number for model_id, number in numbered.items()}

    def get(settings: Any) -> int:
        if settings.model_id:
            return numbered.get(settings.model_id, NO_MODEL)
        checksum = settings.get("model")  # a file of a development version before 0.1
        return numbered[default] if checksum is None else by_checksum.get(checksum, NO_MODEL)

    def put(settings: Any, number: int) -> None:
        settings.model_id = ids[number]

    return EnumProperty(
        name="Model",
        description="Model that generates the sound",
        items=_model_items(numbered),
        default=default,
        get=get,
        set=put,
    )


def register() -> None:
    """Build the classes from the catalogue, and register `Scene.tracklay`."""
    groups: dict[str, type] = {}
    for model in list(MODELS.values()):
        try:
            group = _params_class(model)
            bpy.utils.register_class(group)
        except (TypeError, ValueError) as error:
            # Blender rejects one of the parameters: the model is left out, and the panel shows the error.
            LOAD_ERRORS.append(
                InvalidInput(
                    "model.not_displayable",
                    "Blender cannot show the parameters of {model}: {error}.",
                    model=model.id,
                    error=str(error).rstrip("."),
                )
            )
            del MODELS[model.id]
        else:
            _registered_classes.append(group)
            groups[model.id] = group
    pointers = {group_name(model_id): PointerProperty(type=group) for model_id, group in groups.items()}
    names = {parameter.name for model in MODELS.values() for parameter in model.settable}
    forwards = {name: _forwarding_property(name) for name in names}
    params = _property_group_class("TRACKLAY_PG_params", "The models' parameters.", pointers, **forwards)
    default = DEFAULT_MODEL if DEFAULT_MODEL in MODELS else next(iter(MODELS))
    extra = _property_group_class(
        "TRACKLAY_PG_extra",
        "A parameter that the catalogue does not list.",
        {
            "name": StringProperty(name="Name", description="Name in the model's documentation"),
            "value": StringProperty(name="Value", description='JSON value: 3, true, "text", [1, 2]'),
            "model": StringProperty(name="Model", description="Model that gets it; empty for the chosen one"),
        },
    )
    bpy.utils.register_class(extra)
    _registered_classes.append(extra)
    fields = {
        "model": _model(default),
        "model_id": StringProperty(name="Model ID", description="ID of the chosen model", options={"HIDDEN"}),
        "prompt": StringProperty(name="Prompt", description="Sound to generate"),
        "prompt_from": EnumProperty(
            name="Prompt Also From",
            description="Additional source of the prompt",
            items=PROMPT_SOURCES,
            default="NONE",
        ),
        "stems": EnumProperty(
            name="Stems",
            description="Lay the stems of new takes, each on a channel of its name",
            items=STEM_MODES,
            default=STEM_MODES[0][0],
        ),
        "negative_prompt": StringProperty(name="Negative Prompt", description="Sounds to avoid"),
        "takes": IntProperty(
            name="Takes",
            description="Number of takes; all but the first are muted",
            default=1,
            min=1,
            max=MAX_TAKES,
        ),
        "seed": IntProperty(
            name="Seed",
            description="The same seed gives the same sound (-1: random)",
            default=RANDOM_SEED,
            min=RANDOM_SEED,
        ),
        "sound_at_render": BoolProperty(
            name="Sound at Render",
            description="Generate missing sound before this scene is rendered",
        ),
        "if_sound_fails": EnumProperty(
            name="On Failure",
            description="Action if sound cannot be generated for a render",
            items=(
                ("WARN", "Warn", "Render anyway, and list the missing sound"),
                ("STOP", "Stop", "Do not render; background Blender exits with status 1"),
            ),
        ),
        "land": EnumProperty(
            name="Landing",
            description="Move the sounds of new takes to the contacts in the picture",
            items=LAND_ITEMS,
            default="AUTO",
        ),
        "parts": EnumProperty(
            name="Parts",
            description="Generation of a span that is longer than the model's",
            items=PART_MODES,
            default="AUTO",
        ),
        "part_seconds": FloatProperty(
            name="Part Length",
            description="Longest length of a part, in seconds",
            default=8.0,
            min=1.0,
            soft_max=60.0,
            step=100,
            precision=1,
        ),
        "fit": BoolProperty(
            name="Fit Music",
            description="Fit music to the span and its hits, with its own ending",
            default=True,
        ),
        "tail": FloatProperty(
            name="Tail",
            description="Time after the span in which music ends",
            min=0.0,
            max=float(MAX_TAIL_SECONDS),
            step=50,
            precision=2,
            unit="TIME_ABSOLUTE",
        ),
        "best": BoolProperty(
            name="Best Take",
            description="Score new takes and make the best one audible",
        ),
        "repair": BoolProperty(
            name="Repair",
            description="Generate the worst stretch of the best take again",
        ),
        "picture": EnumProperty(
            name="Picture",
            description="Source of the picture that the model is given",
            items=[
                ("AUTO", "Automatic", "Read the file if it shows what plays, else render in Blender"),
                ("FILE", "From File", "Always read the file; crops, effects and opacity are ignored"),
                ("RENDER", "Render", "Always render in a background Blender"),
            ],
            default="AUTO",
        ),
        "square": EnumProperty(
            name="Square",
            description="Part of the picture for the model; the preview shows it",
            items=SQUARE_MODES,
            default=NO_SQUARE,
            update=_on_square_changed,
        ),
        "square_at": FloatProperty(
            name="Position",
            description="Position of the square: 0 is left or top, 1 right or bottom",
            default=0.5,
            min=0.0,
            max=1.0,
            subtype="FACTOR",
            update=_on_square_changed,
        ),
        "cues": _cue_mode(),
        "music_as_one": BoolProperty(
            name="Music as One Cue", description="Make music over the whole selection", default=True
        ),
        "sound_as_one": BoolProperty(
            name="Sound as One Cue", description="Make other sound over the whole selection", default=False
        ),
        "params": PointerProperty(type=params),
        "dropped": CollectionProperty(
            type=bpy.types.OperatorFileListElement, name="Dropped", description="Files of takes removed by Keep Take"
        ),
        "extras": CollectionProperty(
            type=extra, name="Extras", description="Parameters sent in addition to the catalogue's"
        ),
    }
    scene = _property_group_class("TRACKLAY_PG_scene", "Tracklay's settings in a scene.", fields)
    for cls in (params, scene):
        bpy.utils.register_class(cls)
        _registered_classes.append(cls)
    bpy.types.Scene.tracklay = PointerProperty(type=scene)


def unregister() -> None:
    """Unregister everything. Blender keeps the values that scenes hold."""
    del bpy.types.Scene.tracklay
    while _registered_classes:
        bpy.utils.unregister_class(_registered_classes.pop())
