"""What a person sets once for all files: folders, programs, keys. In the bpy module there are no preferences: the environment holds.

Keys go from here to `providers.keys` and nowhere else: never into a scene, a strip or a report.
"""

from __future__ import annotations

import os
import textwrap
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ...cue import SAMPLE_RATE
from ...errors import TracklayError
from ...media import cache_limit
from ...paths import tracklay_home
from ...providers import credentials

if TYPE_CHECKING:
    from collections.abc import Callable

ADDON = __package__.rpartition(".blender.")[0]
"""The add-on's own name: `bl_ext.user_default.tracklay` once installed."""

FFMPEG_VARIABLE = "TRACKLAY_FFMPEG"
COG_URL_VARIABLE = "TRACKLAY_COG_URL"

HOSTED_PROVIDERS: dict[str, tuple[str, dict[str, str]]] = {
    "replicate": ("Replicate", {"REPLICATE_API_TOKEN": "API Token"}),
    "fal": ("fal", {"FAL_KEY": "Key"}),
    "scenario": ("Scenario", {"SCENARIO_SDK_API_KEY": "API Key", "SCENARIO_SDK_API_SECRET": "API Secret"}),
    "beatoven": ("Beatoven", {"BEATOVEN_API_KEY": "API Key"}),
}
"""Providers that are reached over the internet: their names for people, and the variables of their keys with what they call them."""

COG_PROVIDER = "cog"
"""The provider that is the person's own container: it has an address, and no key."""

DEFAULT_JOBS_PER_PROVIDER = 8
"""How many jobs each provider gets at a time, where nobody says otherwise."""

GIGABYTE = 1 << 30

SAMPLE_RATES = tuple(
    (str(rate), f"{rate / 1000:g} kHz", words)
    for rate, words in ((44_100, "For music"), (48_000, "For picture"), (96_000, "For work on the sound itself"))
)
"""Of takes, as an enumeration's items."""

CHECK_POLL_SECONDS = 0.2
"""Between two looks whether the providers have answered."""

MAX_LINE_LETTERS = 90
"""Of an answer in a line of the preferences."""

_initial_ffmpeg = os.environ.get(FFMPEG_VARIABLE)

_variables_set_here: dict[str, str] = {}
"""What these preferences put into the environment themselves."""


def is_set_in_environment(name: str) -> bool:
    """Whether a variable is set by the environment that Blender was started in: it stands before the preferences."""
    value = os.environ.get(name, "").strip()
    return bool(value) and value != _variables_set_here.get(name)


def missing_key_message(provider: str) -> str:
    """Why a provider cannot be asked for want of a key, in words; empty where it can. Reads memory only."""
    title, names = HOSTED_PROVIDERS.get(provider, ("", {}))
    try:
        for name in names:
            credentials.require_key(name, title)
    except TracklayError as error:
        return str(error)
    return ""


def _apply_ffmpeg(preferences: Any, _context: Any = None) -> None:
    """Make the chosen ffmpeg the one that is called; without a choice, the environment's."""
    chosen = bpy.path.abspath(preferences.ffmpeg) if preferences.ffmpeg else _initial_ffmpeg
    if chosen:
        os.environ[FFMPEG_VARIABLE] = chosen
    else:
        os.environ.pop(FFMPEG_VARIABLE, None)
    from ...media import ffmpeg  # noqa: PLC0415 - only where somebody has chosen one

    ffmpeg.find_ffmpeg.cache_clear()


def _apply_container(preferences: Any, _context: Any = None) -> None:
    """Make the chosen address the container's, unless the environment has one."""
    if is_set_in_environment(COG_URL_VARIABLE):
        return
    os.environ.pop(COG_URL_VARIABLE, None)
    _variables_set_here[COG_URL_VARIABLE] = preferences.cog_url.strip()
    if _variables_set_here[COG_URL_VARIABLE]:
        os.environ[COG_URL_VARIABLE] = _variables_set_here[COG_URL_VARIABLE]


def _apply_cache(preferences: Any, _context: Any = None) -> None:
    """Keep so many proxies from now on; what is there beyond that goes when the next one comes."""
    cache_limit.set_cache_limit(round(preferences.cache_gb * GIGABYTE))


def _key_update_callback(name: str) -> Callable[[Any, Any], None]:
    def update(preferences: Any, _context: Any) -> None:
        credentials.set_key(name, getattr(preferences, name.lower()))

    return update


def _key_field(name: str, label: str) -> Any:
    return StringProperty(
        name=label,
        description=f"Kept in Blender's preferences, on this computer. {name} in the environment stands before it",
        subtype="PASSWORD",
        update=_key_update_callback(name),
    )


class TracklayPreferences(bpy.types.AddonPreferences):  # type: ignore[misc]
    """Tracklay's preferences. A key's field is called as its variable, in small letters."""

    bl_idname = ADDON
    __annotations__ = {
        "folder": StringProperty(
            name="Takes Folder",
            description="Where takes are written; empty for a folder called tracklay beside the .blend file",
            subtype="DIR_PATH",
        ),
        "ffmpeg": StringProperty(
            name="ffmpeg",
            description="The ffmpeg program to use; empty for the one on the system, or the one that comes with Tracklay",
            subtype="FILE_PATH",
            update=_apply_ffmpeg,
        ),
        "sample_rate": EnumProperty(
            name="Sample Rate",
            description="Samples a second of the takes that are made from now on",
            items=SAMPLE_RATES,
            default=str(SAMPLE_RATE),
        ),
        "use_cap": BoolProperty(
            name="Budget Cap",
            description="Send nothing that would make a project cost more than this. A project is the folder that its takes go to",
        ),
        "cap": FloatProperty(
            name="Most a Project May Cost",
            description="In the provider's currency; what is under way counts as spent, and what has no known price is not sent",
            default=10.0,
            min=0.0,
            soft_max=1000.0,
            precision=2,
        ),
        "at_once": IntProperty(
            name="Jobs at Once",
            description="How many jobs each provider gets at a time. It holds for what is begun after the next start of Blender",
            default=DEFAULT_JOBS_PER_PROVIDER,
            min=1,
            max=32,
        ),
        "cache_gb": FloatProperty(
            name="Cache Size (GB)",
            description="How much room the small pictures that models are shown may take, so that they are not made twice",
            default=cache_limit.DEFAULT_CACHE_LIMIT_BYTES / GIGABYTE,
            min=0.0,
            soft_max=100.0,
            precision=1,
            update=_apply_cache,
        ),
        **{
            name.lower(): _key_field(name, f"{title} {label}")
            for title, names in HOSTED_PROVIDERS.values()
            for name, label in names.items()
        },
        "cog_url": StringProperty(
            name="Own Container",
            description="The address of your own Cog container; empty for http://127.0.0.1:5000",
            update=_apply_container,
        ),
    }

    @classmethod
    def unregister(cls) -> None:
        """Take the keys away with the add-on. Blender calls it."""
        for _, names in HOSTED_PROVIDERS.values():
            for name in names:
                credentials.set_key(name, "")

    def draw(self, _context: Any) -> None:
        """Show them."""
        layout = self.layout
        layout.use_property_split = True
        for name in ("folder", "sample_rate", "ffmpeg"):
            layout.prop(self, name)
        row = layout.row(align=True, heading="Budget Cap")
        row.prop(self, "use_cap", text="")
        most = row.row()
        most.enabled = self.use_cap
        most.prop(self, "cap", text="")
        layout.prop(self, "at_once")
        row = layout.row(align=True)
        row.prop(self, "cache_gb")
        row.operator("tracklay.clear_cache", text="Clear", icon="TRASH")
        layout.separator()
        for _, names in HOSTED_PROVIDERS.values():
            for name in names:
                _draw_field(layout, self, name.lower(), name)
        _draw_field(layout, self, "cog_url", COG_URL_VARIABLE)
        row = layout.row()
        row.enabled = not provider_check.is_running
        row.operator(
            "tracklay.check_keys", text="Asking …" if provider_check.is_running else "Check Keys", icon="KEYINGSET"
        )
        answers = layout.column(align=True)
        for words, good in provider_check.results:
            for number, line in enumerate(textwrap.wrap(words, MAX_LINE_LETTERS)):
                answers.label(text=line, icon="CHECKMARK" if good and not number else "BLANK1")
        layout.separator()
        row = layout.row()
        row.label(text="Your own models are TOML files in the models folder.")
        row.operator("tracklay.open_models", icon="FILE_FOLDER")


def _draw_field(layout: Any, preferences: Any, field: str, variable: str) -> None:
    row = layout.row()
    row.enabled = not is_set_in_environment(variable)
    row.prop(preferences, field)
    if not row.enabled:
        row.label(text="from the environment")


class ProviderCheck:
    """Asks each provider whose key is set, and the person's own container, whether it would answer; in a thread of its own."""

    def __init__(self) -> None:
        self.results: list[tuple[str, bool]] = []
        """In words, and whether it is good news."""
        self._thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        """Whether answers are still to come."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin to ask."""
        if not self.is_running:
            self.results = []
            self._thread = threading.Thread(target=self._run, name="tracklay-keys", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Block until all have answered."""
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        # They bring all providers along, and this thread holds nobody up.
        import asyncio  # noqa: PLC0415

        from ...providers import health  # noqa: PLC0415

        titles = {name: title for name, (title, _) in HOSTED_PROVIDERS.items()} | {COG_PROVIDER: "Own container"}
        try:
            found = asyncio.run(health.check_all())
            answers = [(f"{titles[each.provider]}: {each.message}", each.is_healthy) for each in found]
        except Exception as error:  # noqa: BLE001 - a fault of ours must reach the person and not vanish with its thread
            answers = [(f"a fault in Tracklay itself: {type(error).__name__}: {error}", False)]
        self.results = [(credentials.redact(words), good) for words, good in answers]


provider_check = ProviderCheck()


def start_check_timer() -> None:
    """Have a timer show the answers when they have come."""
    if not bpy.app.timers.is_registered(_poll_check):
        bpy.app.timers.register(_poll_check, first_interval=CHECK_POLL_SECONDS)


def _poll_check() -> float | None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()
    return CHECK_POLL_SECONDS if provider_check.is_running else None


def _addon_preferences() -> Any:
    entry = bpy.context.preferences.addons.get(ADDON)
    return entry.preferences if entry else None


def takes_folder() -> Path:
    """Where takes of the open file go: the person's choice, else `tracklay/` beside the file, else (never saved) at home."""
    preferences = _addon_preferences()
    if preferences and preferences.folder:
        return Path(bpy.path.abspath(preferences.folder))
    if bpy.data.filepath:
        return Path(bpy.data.filepath).parent / "tracklay"
    return tracklay_home() / "takes"


def sample_rate() -> int:
    """Samples a second of takes."""
    preferences = _addon_preferences()
    return int(preferences.sample_rate) if preferences else SAMPLE_RATE


def budget_cap() -> tuple[str, bool]:
    """The most that a project may cost, as decimal text, and whether it holds; text is empty where there are no preferences."""
    preferences = _addon_preferences()
    return (f"{preferences.cap:.2f}", bool(preferences.use_cap)) if preferences else ("", False)


def jobs_per_provider() -> dict[str, int]:
    """How many jobs each hosted provider gets at a time."""
    preferences = _addon_preferences()
    return dict.fromkeys(HOSTED_PROVIDERS, preferences.at_once if preferences else DEFAULT_JOBS_PER_PROVIDER)


def apply_preferences() -> None:
    """Make what was chosen in an earlier session hold in this one."""
    preferences = _addon_preferences()
    if preferences is None:
        return
    if preferences.ffmpeg:
        _apply_ffmpeg(preferences)
    if preferences.cog_url:
        _apply_container(preferences)
    _apply_cache(preferences)
    for _, names in HOSTED_PROVIDERS.values():
        for name in names:
            credentials.set_key(name, getattr(preferences, name.lower()))


CLASSES = (TracklayPreferences,)
