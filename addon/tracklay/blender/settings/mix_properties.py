"""The properties of the mix: `scene.tracklay_mix`, and `tracklay_mix_kind` of each strip."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, PointerProperty, StringProperty

from ...mix.kinds import KINDS
from ...mix.presets import DEFAULT_PRESET, LUFS_RANGE, TRUE_PEAK_RANGE
from .redraw import redraw_sequencers

AUTOMATIC, LEAVE_ALONE = "AUTO", "LEAVE"
"""Values of a strip's *Mix Kind* besides the kinds: find it; write no keys."""

OWN_FILE = "FILE"
"""Value of the scene's *Preset*: that of a TOML file."""

_KIND_HELP = {
    "dialogue": "Speech: all other levels follow it",
    "music": "Goes down under speech",
    "effects": "Foley and spot effects: stay under speech",
    "ambience": "Beds and room tone: go down under speech",
}

KIND_ITEMS = (
    (AUTOMATIC, "Automatic", "By its model, its name, or what is heard"),
    *((kind, kind.title(), _KIND_HELP[kind]) for kind in KINDS),
    (LEAVE_ALONE, "Leave Alone", "Write no volume keyframes"),
)

PRESET_ITEMS = (
    ("film", "Film", "Music stands in the gaps and bows under speech"),
    ("documentary", "Documentary", "Music stays low and returns in long gaps only"),
    ("social", "Social", "Dense, speech in front, fast ducks"),
    ("trailer", "Trailer", "Music and effects as strong as the voice"),
    (OWN_FILE, "From File", "A TOML file of your own"),
)

OF_PRESET, OWN_TARGET = "PRESET", "CUSTOM"
"""Values of *Loudness* besides the usual targets."""

TARGET_ITEMS = (
    (OF_PRESET, "Preset", "The preset's loudness"),
    ("-14", "-14 LUFS", "Streaming and social media"),
    ("-16", "-16 LUFS", "Podcasts and mobile"),
    ("-23", "-23 LUFS", "EBU R 128, broadcast in Europe"),
    ("-24", "-24 LUFS", "ATSC A/85, broadcast in the USA"),
    (OWN_TARGET, "Custom", "A loudness of your own"),
)


def _redraw(_owner: Any, _context: Any) -> None:
    redraw_sequencers()


STALE_PROPERTY = "tracklay_mix_stale"
"""Custom property of a scene in which the kind of a strip was set since its mix: true; absent otherwise."""


def _on_kind_changed(strip: Any, _context: Any) -> None:
    strip.id_data[STALE_PROPERTY] = True
    redraw_sequencers()


class TRACKLAY_PG_mix(bpy.types.PropertyGroup):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """The settings of a scene's mix."""

    __slots__ = ()
    __annotations__ = {
        "preset": EnumProperty(
            name="Preset", description="Levels and ducks", items=PRESET_ITEMS, default=DEFAULT_PRESET, update=_redraw
        ),
        "preset_file": StringProperty(
            name="Preset File", description="TOML file with levels and ducks", subtype="FILE_PATH"
        ),
        "target": EnumProperty(
            name="Loudness", description="Integrated loudness of the mix", items=TARGET_ITEMS, default=OF_PRESET
        ),
        "target_lufs": FloatProperty(
            name="Target",
            description="Integrated loudness of the mix in LUFS",
            default=-23.0,
            min=LUFS_RANGE[0],
            max=LUFS_RANGE[1],
            precision=1,
            step=50,
        ),
        "use_true_peak": BoolProperty(
            name="Own Peak", description="Use another true peak than the preset's", default=False
        ),
        "true_peak_db": FloatProperty(
            name="True Peak",
            description="Highest true peak of the mix in dBTP",
            default=-1.0,
            min=TRUE_PEAK_RANGE[0],
            max=TRUE_PEAK_RANGE[1],
            precision=1,
            step=10,
        ),
    }


def preset_name(settings: Any) -> str:
    """Return the name of the scene's preset, or the path of its file, as `load_preset` takes it."""
    return bpy.path.abspath(settings.preset_file) if settings.preset == OWN_FILE else str(settings.preset)


def target_lufs(settings: Any) -> float | None:
    """Return the loudness that the scene asks for; None: the preset's."""
    if settings.target == OF_PRESET:
        return None
    return round(float(settings.target_lufs if settings.target == OWN_TARGET else settings.target), 2)


def true_peak_db(settings: Any) -> float | None:
    """Return the highest true peak that the scene asks for; None: the preset's."""
    return round(float(settings.true_peak_db), 2) if settings.use_true_peak else None


def register() -> None:
    """Register the properties."""
    bpy.utils.register_class(TRACKLAY_PG_mix)
    bpy.types.Scene.tracklay_mix = PointerProperty(type=TRACKLAY_PG_mix)
    bpy.types.Strip.tracklay_mix_kind = EnumProperty(
        name="Mix Kind",
        description="Kind of this sound in the mix",
        items=KIND_ITEMS,
        default=AUTOMATIC,
        options=set(),
        update=_on_kind_changed,
    )


def unregister() -> None:
    """Unregister them. Files keep the values."""
    del bpy.types.Strip.tracklay_mix_kind
    del bpy.types.Scene.tracklay_mix
    bpy.utils.unregister_class(TRACKLAY_PG_mix)


@contextlib.contextmanager
def temporarily_registered() -> Iterator[None]:
    """Register the properties for a while if the extension is not enabled, as in a headless process."""
    if TRACKLAY_PG_mix.is_registered:
        yield
        return
    register()
    try:
        yield
    finally:
        unregister()
