"""What a scene keeps: `scene.tracklay`, its model, prompt and seed, and `scene.tracklay.params`, made from the catalogue.

The classes are made anew whenever the catalogue is read, so this file gives a function that makes them.
"""

from __future__ import annotations

import re
import zlib
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

from ...errors import InvalidInput
from ...jobs.job_spec import MAX_TAKES, RANDOM_SEED
from ...models import EXTRA_PREFIX, is_url
from ..sequencer import prompts
from .catalogue import LOAD_ERRORS, MODELS, TASK_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...cue import ParamValue
    from ...models import Model, Parameter

INT_MAX = (1 << 31) - 1

EXACT_BITS = 24
"""A menu's buttons hold an item's number as a 32-bit float, which has no more bits for a whole number."""

NO_MODEL = -1
"""The number of a model that the catalogue does not have: no item's."""

FLOAT_DIGITS = 7
"""Blender keeps 32-bit floats: 0.1 comes back as 0.10000000149, and this many digits bring it back."""

UNSET = "unset"
"""The choice of a parameter that has no default: nothing is sent."""

DEFAULT_MODEL = "sketch/foley"

STEM_MODES = (
    ("NONE", "Not Laid", "Stems are files beside the take, until Lay Stems"),
    ("MUTED", "Mute the Whole", "The whole take stays below its stems, muted"),
    ("INSTEAD", "Replace the Whole", "The stems lie where the whole take was"),
)
"""What becomes of stems, and of the whole take, when they are laid, as an enumeration's items."""

_registered_classes: list[type] = []


def group_name(model_id: str) -> str:
    """The property of `params` that holds a model's parameters."""
    return re.sub(r"\W", "_", model_id)


NO_SQUARE, MANUAL_SQUARE = "WHOLE", "HAND"

SQUARE_MODES = (
    (NO_SQUARE, "Whole Picture", "All of it. Some models squash it to a square, some cut out its middle"),
    ("CENTRE", "Centre", "The square in the middle"),
    ("LEFT", "Left or Top", "The square at the left, of an upright picture at the top"),
    ("RIGHT", "Right or Bottom", "The square at the right, of an upright picture at the bottom"),
    (MANUAL_SQUARE, "By Hand", "A square anywhere"),
    (
        "MOTION",
        "Where the Motion Is",
        "The square with the most motion in it: it is looked for when the picture is read",
    ),
)
"""Which part of the picture a model is shown."""


def _parameter_description(parameter: Parameter) -> str:
    """A parameter's help with its range. Blender puts a full stop behind a description itself."""
    limits = parameter.limits_text if parameter.type in ("integer", "number", "text") else ""
    return " ".join([parameter.help, *([limits.capitalize()] if limits else [])]).rstrip(".")


def _property_for(parameter: Parameter) -> Any:
    """The Blender property for a parameter."""
    label = parameter.name.replace("_", " ").capitalize() + (f" ({parameter.unit})" if parameter.unit else "")
    named: dict[str, Any] = {"name": label, "description": _parameter_description(parameter)}
    if parameter.choices:
        items = [(choice, choice.replace("_", " ").capitalize(), "") for choice in parameter.choices]
        if parameter.default is None:
            items.insert(0, (UNSET, "Left to the model", ""))
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
    # Blender counts a number's step in hundredths.
    return FloatProperty(step=round((step or 0.1) * 100), precision=1 if step and step >= 0.1 else 3, **limits, **named)


def _params_class(model: Model) -> type:
    fields = {parameter.name: _property_for(parameter) for parameter in model.settable}
    name = f"TRACKLAY_PG_{group_name(model.id)}"
    return _property_group_class(name, model.summary, fields)


def _property_group_class(name: str, docstring: str, fields: Mapping[str, Any], **attributes: Any) -> type:
    """A property group. It takes no other attribute: a script's slip of the pen must not vanish in one."""
    return type(
        name,
        (bpy.types.PropertyGroup,),
        {"__doc__": docstring, "__slots__": (), "__annotations__": dict(fields), **attributes},
    )


def _forwarding_property(name: str) -> property:
    """A parameter of whichever model is chosen, by its bare name: what a script writes."""

    def getter(params: Any) -> Any:
        return getattr(model_params(params), name)

    def setter(params: Any, value: Any) -> None:
        setattr(model_params(params), name, value)

    return property(getter, setter)


def model_params(params: Any, model_id: str = "") -> Any:
    """The parameters of a model; by default of the one that the scene has chosen."""
    return getattr(params, group_name(model_id or params.id_data.tracklay.model))


def param_values(params: Any, model: Model) -> dict[str, ParamValue]:
    """A model's parameters as the person set them; what has no default and was not touched is left to the model."""
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
    """What the person typed for a model beyond its catalogue's parameters: each name begins with EXTRA, each value is JSON text.

    Raises:
        BadInput: one has no name, or two have the same.
    """
    found: dict[str, ParamValue] = {}
    for row in extra_rows(settings, model):
        bare, value = row.name.strip().removeprefix(EXTRA_PREFIX), row.value.strip()
        if not bare and not value:
            continue
        if not bare:
            raise InvalidInput(f"the extra parameter with the value {value} has no name: write one, or remove its row")
        if EXTRA_PREFIX + bare in found:
            raise InvalidInput(f"the extra parameter {bare} is there twice: remove one of its rows")
        found[EXTRA_PREFIX + bare] = value
    return found


def extra_rows(settings: Any, model: Model) -> list[Any]:
    """The rows of `settings.extra_params` that are sent to a model."""
    return [row for row in settings.extras if row.model in ("", model.id)]


def _redraw_sequencers(_settings: Any, context: Any) -> None:
    """The preview shows the square, in whichever window it is."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                area.tag_redraw()


def square_setting(settings: Any) -> str:
    """The square that was chosen, as a cue has it (`media.square_setting.place`)."""
    if settings.square == MANUAL_SQUARE:
        return f"{settings.square_at:.3f}"
    return "" if settings.square == NO_SQUARE else str(settings.square).lower()


def numbers(model_ids: Iterable[str]) -> dict[str, int]:
    """Return the number of each model's item: positive, distinct, exact as a 32-bit float, and made from the model's id.

    Of two ids with the same checksum the later in the alphabet takes the next free number. A file keeps the id, not the number.
    """
    found: dict[int, str] = {}
    for model_id in sorted(model_ids):
        number = _checksum(model_id) % (1 << EXACT_BITS)
        while number in found or number == 0:
            number = (number + 1) % (1 << EXACT_BITS)
        found[number] = model_id
    return {model_id: number for number, model_id in found.items()}


def _checksum(model_id: str) -> int:
    """Return a model's number as files up to 0.1 keep it."""
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
    """Return the property of the chosen model. Its value is the model's id in `model_id`; the menu's number is not kept."""
    numbered = numbers(MODELS)
    ids = {number: model_id for model_id, number in numbered.items()}
    by_checksum = {_checksum(model_id): number for model_id, number in numbered.items()}

    def get(settings: Any) -> int:
        if settings.model_id:
            return numbered.get(settings.model_id, NO_MODEL)
        checksum = settings.get("model")  # the older files' own value
        return numbered[default] if checksum is None else by_checksum.get(checksum, NO_MODEL)

    def put(settings: Any, number: int) -> None:
        settings.model_id = ids[number]

    return EnumProperty(
        name="Model",
        description="What makes the sound",
        items=_model_items(numbered),
        default=default,
        get=get,
        set=put,
    )


def register() -> None:
    """Make the classes from the catalogue, and give scenes their `tracklay`."""
    groups: dict[str, type] = {}
    for model in list(MODELS.values()):
        try:
            group = _params_class(model)
            bpy.utils.register_class(group)
        except (
            TypeError,
            ValueError,
        ) as error:  # a parameter that Blender cannot show: its model is left out, and said
            LOAD_ERRORS.append(f"{model.id} cannot be shown in Blender: {error}")
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
        "A parameter that the catalogue does not know.",
        {
            "name": StringProperty(name="Name", description="As the model's own documentation writes it"),
            "value": StringProperty(name="Value", description='JSON: 3, true, "text" in double quotes, [1, 2]'),
            "model": StringProperty(
                name="Model", description="The model that it is for; empty for whichever is chosen"
            ),
        },
    )
    bpy.utils.register_class(extra)
    _registered_classes.append(extra)
    fields = {
        "model": _model(default),
        "model_id": StringProperty(name="Model ID", description="The id of the chosen model", options={"HIDDEN"}),
        "prompt": StringProperty(name="Prompt", description="What should be heard"),
        "prompt_from": EnumProperty(
            name="Prompt Also From",
            description="Where else a cue's prompt comes from",
            items=prompts.PROMPT_SOURCES,
            default="NONE",
        ),
        "stems": EnumProperty(
            name="Stems",
            description="Whether stems are laid when a take with stems comes, each on a channel of its name",
            items=STEM_MODES,
            default=STEM_MODES[0][0],
        ),
        "negative_prompt": StringProperty(name="Without", description="What should not be heard"),
        "takes": IntProperty(
            name="Takes",
            description="How many versions to make; all but the first are muted",
            default=1,
            min=1,
            max=MAX_TAKES,
        ),
        "seed": IntProperty(
            name="Seed",
            description="The same seed gives the same sound; -1 draws one",
            default=RANDOM_SEED,
            min=RANDOM_SEED,
        ),
        "sound_at_render": BoolProperty(
            name="Sound at Render",
            description="Before this scene is rendered, make and lay what its shots lack in sound",
        ),
        "if_sound_fails": EnumProperty(
            name="If It Fails",
            description="What becomes of a render whose sound could not be made",
            items=(
                ("WARN", "Warn", "Render all the same, and say what is missing"),
                ("STOP", "Stop", "Do not render; without a window Blender ends with status 1"),
            ),
        ),
        "picture": EnumProperty(
            name="Picture",
            description="How the picture that the model sees is made",
            items=[
                ("AUTO", "Automatic", "From the file wherever that shows what plays, else by Blender's own render"),
                ("FILE", "From the File", "Always from the strip's file: crops, effects and opacity are not seen"),
                ("RENDER", "Render", "Always by Blender's own render, in the background"),
            ],
            default="AUTO",
        ),
        "square": EnumProperty(
            name="Square",
            description="Which part of the picture the model sees; the preview shows it",
            items=SQUARE_MODES,
            default=NO_SQUARE,
            update=_redraw_sequencers,
        ),
        "square_at": FloatProperty(
            name="Place",
            description="Where the square lies: 0 is left or top, 1 right or bottom",
            default=0.5,
            min=0.0,
            max=1.0,
            subtype="FACTOR",
            update=_redraw_sequencers,
        ),
        "params": PointerProperty(type=params),
        "dropped": CollectionProperty(
            type=bpy.types.OperatorFileListElement, name="Dropped", description="Files of takes that were dropped"
        ),
        "extras": CollectionProperty(
            type=extra, name="Extras", description="Parameters that the catalogue does not know, sent all the same"
        ),
    }
    scene = _property_group_class("TRACKLAY_PG_scene", "What a scene keeps.", fields)
    for made in (params, scene):
        bpy.utils.register_class(made)
        _registered_classes.append(made)
    bpy.types.Scene.tracklay = PointerProperty(type=scene)


def unregister() -> None:
    """Take all of it out again; what scenes hold is kept for the next time."""
    del bpy.types.Scene.tracklay
    while _registered_classes:
        bpy.utils.unregister_class(_registered_classes.pop())
