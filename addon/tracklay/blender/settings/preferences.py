"""The extension's preferences: folders, programs, budget and API keys. The bpy module has none; there the environment applies.

Keys go from here to `providers.credentials` and nowhere else: never into a scene, a strip or a report.
"""

from __future__ import annotations

import os
import textwrap
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ... import settings
from ...cue import SAMPLE_RATE
from ...errors import TracklayError
from ...jobs.costs import DEFAULT_MAX_OVERRUN
from ...models.plan_terms import vendor_plans
from ...paths import tracklay_home
from ...providers import credentials
from . import ADDON
from .i18n.translate import translate_error
from .redraw import redraw_areas

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...models.plan_terms import VendorPlans

COG_URL_VARIABLE = "TRACKLAY_COG_URL"
COMFYUI_URL_VARIABLE = "TRACKLAY_COMFYUI_URL"

HOSTED_PROVIDERS: dict[str, tuple[str, dict[str, str]]] = {
    "replicate": ("Replicate", {"REPLICATE_API_TOKEN": "API Token"}),
    "fal": ("fal", {"FAL_KEY": "Key"}),
    "scenario": ("Scenario", {"SCENARIO_SDK_API_KEY": "API Key", "SCENARIO_SDK_API_SECRET": "API Secret"}),
    "beatoven": ("Beatoven", {"BEATOVEN_API_KEY": "API Key"}),
    "elevenlabs": ("ElevenLabs", {"ELEVENLABS_API_KEY": "API Key"}),
    "mirelo": ("Mirelo", {"MIRELO_API_KEY": "API Key"}),
}
"""Providers on the internet: their titles, and the environment variables of their keys with the vendor's name for each key."""

NO_PLAN = "NONE"
"""Item of a plan that the user has not named."""

COG_PROVIDER = "cog"
"""The provider that is the user's own container: it has a URL and no key."""

OWN_SERVERS = {COG_PROVIDER: "Cog container", "comfyui": "ComfyUI"}
"""Providers on the user's own machines, which need no key."""

DEFAULT_JOBS_PER_PROVIDER = 8
"""Concurrent jobs of each provider, without preferences."""

GIGABYTE = 1 << 30

SAMPLE_RATES = tuple(
    (str(rate), f"{rate / 1000:g} kHz", description)
    for rate, description in ((44_100, "For music"), (48_000, "For film and video"), (96_000, "For sound design"))
)
"""Sample rates of takes, as items of an enumeration."""

CHECK_POLL_SECONDS = 0.2
"""Interval at which the preferences are redrawn while keys are checked."""

MAX_LINE_CHARACTERS = 90
"""Characters of a key check's result in one line of the preferences."""


def is_set_in_environment(name: str) -> bool:
    """Return whether Blender was started with this variable set: then it overrides the preferences."""
    return bool(os.environ.get(name, "").strip())


def missing_key_error(provider: str) -> TracklayError | None:
    """Return the error of a provider whose key is not set, or None. Reads memory only: panels call it."""
    title, names = HOSTED_PROVIDERS.get(provider, ("", {}))
    try:
        for name in names:
            credentials.require_key(name, title)
    except TracklayError as error:
        return error
    return None


def _apply_ffmpeg(preferences: Any, _context: Any = None) -> None:
    """Use the ffmpeg of the preferences, or the environment's if they name none."""
    settings.override(ffmpeg=bpy.path.abspath(preferences.ffmpeg) if preferences.ffmpeg else None)
    from ...media import ffmpeg_program  # noqa: PLC0415 - only needed when one is set

    ffmpeg_program.find_ffmpeg.cache_clear()


def _apply_own_servers(preferences: Any, _context: Any = None) -> None:
    """Use the URLs of the user's own servers in the preferences, unless the environment has them."""
    urls = {COG_URL_VARIABLE: preferences.cog_url.strip(), COMFYUI_URL_VARIABLE: preferences.comfyui_url.strip()}
    settings.override(preferred_urls={name: url for name, url in urls.items() if url} or None)


def _apply_cache(preferences: Any, _context: Any = None) -> None:
    """Set the size of the proxy cache. A cache that is larger now shrinks when the next proxy is stored."""
    settings.override(cache_bytes=round(preferences.cache_gb * GIGABYTE))


def _apply_plans(preferences: Any, _context: Any = None) -> None:
    """Use the plans of the preferences. `TRACKLAY_PLANS` overrides them, vendor by vendor."""
    chosen = {vendor: getattr(preferences, f"plan_{vendor}") for vendor in vendor_plans()}
    settings.override(plans={vendor: plan for vendor, plan in chosen.items() if plan != NO_PLAN} or None)


def _plan_field(plans: VendorPlans) -> Any:
    items = [(NO_PLAN, "Not Named", "What the sounds may be used for is not known")]
    items += [(name, name.replace("-", " ").title(), "") for name in plans.names]
    return EnumProperty(
        name=f"{plans.title} Plan",
        description="Your plan with the vendor: what its sounds may be used for",
        items=items,
        update=_apply_plans,
    )


def _key_update_callback(name: str) -> Callable[[Any, Any], None]:
    def update(preferences: Any, _context: Any) -> None:
        credentials.set_key(name, getattr(preferences, name.lower()))

    return update


def _key_field(name: str, label: str) -> Any:
    return StringProperty(
        name=label,
        description=f"Stored in Blender's preferences; {name} overrides it",
        subtype="PASSWORD",
        update=_key_update_callback(name),
    )


class TracklayPreferences(bpy.types.AddonPreferences):  # type: ignore[misc]
    """Tracklay's preferences. The field of a key has the name of its environment variable, in lower case."""

    bl_idname = ADDON
    __annotations__ = {
        "folder": StringProperty(
            name="Takes Folder",
            description="Folder for takes; empty for `tracklay` beside the .blend file",
            subtype="DIR_PATH",
        ),
        "ffmpeg": StringProperty(
            name="ffmpeg",
            description="ffmpeg program; empty for the system's or the bundled one",
            subtype="FILE_PATH",
            update=_apply_ffmpeg,
        ),
        "sample_rate": EnumProperty(
            name="Sample Rate",
            description="Sample rate of new takes",
            items=SAMPLE_RATES,
            default=str(SAMPLE_RATE),
        ),
        "use_cap": BoolProperty(
            name="Budget Cap",
            description="Stop submissions that would exceed the project budget",
        ),
        "cap": FloatProperty(
            name="Project Budget",
            description="Maximum cost per takes folder, in the provider's currency",
            default=10.0,
            min=0.0,
            soft_max=1000.0,
            precision=2,
        ),
        "max_overrun": FloatProperty(
            name="Bill Limit",
            description="Send no more when bills exceed their estimates this many times",
            default=float(DEFAULT_MAX_OVERRUN),
            min=1.0,
            soft_max=10.0,
            precision=1,
        ),
        "at_once": IntProperty(
            name="Concurrent Jobs",
            description="Jobs per provider at a time; applies after a restart of Blender",
            default=DEFAULT_JOBS_PER_PROVIDER,
            min=1,
            max=32,
        ),
        "cache_gb": FloatProperty(
            name="Cache Size (GB)",
            description="Disk space for cached proxies, the videos that models are given",
            default=settings.DEFAULT_CACHE_BYTES / GIGABYTE,
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
        **{f"plan_{vendor}": _plan_field(plans) for vendor, plans in vendor_plans().items()},
        "has_explained": BoolProperty(
            name="Placeholders Explained", description="Placeholders were explained", options={"HIDDEN"}
        ),
        "comfyui_url": StringProperty(
            name="ComfyUI URL",
            description="URLs of your ComfyUI servers; empty for http://127.0.0.1:8188",
            update=_apply_own_servers,
        ),
        "cog_url": StringProperty(
            name="Cog Container URL",
            description="URL of your Cog container; empty for http://127.0.0.1:5000",
            update=_apply_own_servers,
        ),
    }

    @classmethod
    def unregister(cls) -> None:
        """Forget the keys. Blender calls this when the extension is disabled."""
        for _, names in HOSTED_PROVIDERS.values():
            for name in names:
                credentials.set_key(name, "")

    def draw(self, _context: Any) -> None:
        layout = self.layout
        _draw_where_to_start(layout)
        layout.use_property_split = True
        for name in ("folder", "sample_rate", "ffmpeg"):
            layout.prop(self, name)
        row = layout.row(align=True, heading="Budget Cap")
        row.prop(self, "use_cap", text="")
        budget = row.row()
        budget.enabled = self.use_cap
        budget.prop(self, "cap", text="")
        layout.prop(self, "max_overrun")
        layout.prop(self, "at_once")
        row = layout.row(align=True)
        row.prop(self, "cache_gb")
        row.operator("tracklay.clear_cache", text="Clear", icon="TRASH")
        layout.separator()
        for _, names in HOSTED_PROVIDERS.values():
            for name in names:
                _draw_field(layout, self, name.lower(), name)
        for vendor in vendor_plans():
            layout.prop(self, f"plan_{vendor}")
        _draw_field(layout, self, "comfyui_url", COMFYUI_URL_VARIABLE)
        _draw_field(layout, self, "cog_url", COG_URL_VARIABLE)
        row = layout.row()
        row.enabled = not provider_check.is_running
        row.operator(
            "tracklay.check_keys", text="Checking …" if provider_check.is_running else "Check Keys", icon="KEYINGSET"
        )
        results = layout.column(align=True)
        for message, is_healthy in provider_check.results:
            for number, line in enumerate(textwrap.wrap(message, MAX_LINE_CHARACTERS)):
                results.label(text=line, icon="CHECKMARK" if is_healthy and not number else "BLANK1")
        layout.separator()
        layout.label(text="Content Credentials are signed by the command, not by the extension")
        row = layout.row()
        row.label(text="Your own models: TOML files in the models folder")
        row.operator("tracklay.open_models", icon="FILE_FOLDER")


def _draw_where_to_start(layout: Any) -> None:
    """Draw where the tab is, and buttons to it, to the help and to the takes."""
    box = layout.box()
    box.label(text="In the Video Sequencer: sidebar (N key), tab Tracklay", icon="INFO")
    row = box.row()
    row.operator("tracklay.show_tab", icon="MENU_PANEL")
    row.operator("tracklay.open_help", icon="HELP").page = "blender"
    row.operator("tracklay.open_takes", icon="FILE_FOLDER")


def _draw_field(layout: Any, preferences: Any, field: str, variable: str) -> None:
    row = layout.row()
    row.enabled = not is_set_in_environment(variable)
    row.prop(preferences, field)
    if not row.enabled:
        row.label(text="set in the environment")


class ProviderCheck:
    """A check of every provider whose key is set, and of the user's container, in a thread of its own."""

    def __init__(self) -> None:
        self.results: list[tuple[str, bool]] = []
        """A message for each provider, and whether it is usable."""
        self._thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        """True while results are missing."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start a check, unless one is running."""
        if not self.is_running:
            self.results = []
            self._thread = threading.Thread(target=self._run, name="tracklay-keys", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Block until all results are there."""
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        # Imported in this thread: all providers, httpx and asyncio take longer to import than the whole extension.
        import asyncio  # noqa: PLC0415

        from ...jobs.failures import internal_error  # noqa: PLC0415
        from ...providers import health  # noqa: PLC0415

        titles = {name: title for name, (title, _) in HOSTED_PROVIDERS.items()} | OWN_SERVERS
        try:
            checks = asyncio.run(health.check_all())
            results = [(f"{titles[check.provider]}: {check.message}", check.is_healthy) for check in checks]
        except Exception as error:  # noqa: BLE001 - a bug in this thread must reach the user as well
            results = [(translate_error(internal_error(error)), False)]
        self.results = [(credentials.redact(message), is_healthy) for message, is_healthy in results]


provider_check = ProviderCheck()


def start_check_timer() -> None:
    """Redraw the preferences until the results are there."""
    if not bpy.app.timers.is_registered(_poll_check):
        bpy.app.timers.register(_poll_check, first_interval=CHECK_POLL_SECONDS)


def _poll_check() -> float | None:
    redraw_areas("PREFERENCES")
    return CHECK_POLL_SECONDS if provider_check.is_running else None


def _addon_preferences() -> Any:
    entry = bpy.context.preferences.addons.get(ADDON)
    return entry.preferences if entry else None


def takes_folder() -> Path:
    """Return the folder for takes of the open file.

    It is the preferences' folder, else `tracklay/` beside the .blend file, else (for a file that was never saved) one in
    Tracklay's home.
    """
    preferences = _addon_preferences()
    if preferences and preferences.folder:
        return Path(bpy.path.abspath(preferences.folder))
    if bpy.data.filepath:
        return Path(bpy.data.filepath).parent / "tracklay"
    return tracklay_home() / "takes"


def sample_rate() -> int:
    """Return the sample rate of new takes, in Hz."""
    preferences = _addon_preferences()
    return int(preferences.sample_rate) if preferences else SAMPLE_RATE


def note_explanation() -> bool:
    """Note that placeholders are explained now. Return whether they were not before, in this or an earlier session."""
    preferences = _addon_preferences()
    if preferences is None or preferences.has_explained:
        return False
    preferences.has_explained = True
    bpy.context.preferences.is_dirty = True
    return True


def budget_cap() -> tuple[str, bool]:
    """Return the project budget as decimal text (empty without preferences), and whether it applies."""
    preferences = _addon_preferences()
    return (f"{preferences.cap:.2f}", bool(preferences.use_cap)) if preferences else ("", False)


def max_overrun() -> str:
    """Return how many times their estimates a run's bills may be, as decimal text."""
    preferences = _addon_preferences()
    return f"{preferences.max_overrun:.1f}" if preferences else f"{DEFAULT_MAX_OVERRUN}"


def jobs_per_provider() -> dict[str, int]:
    """Return the number of concurrent jobs of each hosted provider."""
    preferences = _addon_preferences()
    return dict.fromkeys(HOSTED_PROVIDERS, preferences.at_once if preferences else DEFAULT_JOBS_PER_PROVIDER)


def apply_preferences() -> None:
    """Apply the saved preferences when the extension is registered."""
    preferences = _addon_preferences()
    if preferences is None:
        return
    if preferences.ffmpeg:
        _apply_ffmpeg(preferences)
    if preferences.cog_url or preferences.comfyui_url:
        _apply_own_servers(preferences)
    _apply_cache(preferences)
    _apply_plans(preferences)
    for _, names in HOSTED_PROVIDERS.values():
        for name in names:
            credentials.set_key(name, getattr(preferences, name.lower()))


CLASSES = (TracklayPreferences,)
