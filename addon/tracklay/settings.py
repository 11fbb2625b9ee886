"""Everything that the environment configures, as one immutable value: folders, programs, base URLs, which keys are set.

A front end resolves a `Settings` once and activates it for the length of a run; the code below asks `current` and reads no
environment variable itself. Values of API keys are not in here: `providers.credentials` alone reads those.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

HOME_VARIABLE = "TRACKLAY_HOME"
FFMPEG_VARIABLE = "TRACKLAY_FFMPEG"
BLENDER_VARIABLE = "TRACKLAY_BLENDER"

BASE_URL_VARIABLES = (
    "TRACKLAY_REPLICATE_URL",
    "TRACKLAY_FAL_QUEUE_URL",
    "TRACKLAY_FAL_REST_URL",
    "TRACKLAY_FAL_API_URL",
    "TRACKLAY_SCENARIO_URL",
    "TRACKLAY_BEATOVEN_URL",
    "TRACKLAY_ELEVENLABS_URL",
    "TRACKLAY_MIRELO_URL",
    "TRACKLAY_COG_URL",
    "TRACKLAY_COMFYUI_URL",
)
"""Variables that replace a provider's address. Plain http is accepted for loopback only, and for ComfyUI, which needs no key."""

KEY_VARIABLES = (
    "REPLICATE_API_TOKEN",
    "FAL_KEY",
    "SCENARIO_SDK_API_KEY",
    "SCENARIO_SDK_API_SECRET",
    "BEATOVEN_API_KEY",
    "ELEVENLABS_API_KEY",
    "MIRELO_API_KEY",
)
"""Variables that hold API keys, under the names that the vendors' own clients use."""

SECRET_VARIABLES = (*KEY_VARIABLES, "TRACKLAY_COMFYUI_HEADER")
"""Variables whose values no text may show: the keys, and the login in front of a ComfyUI server."""

PLANS_VARIABLE = "TRACKLAY_PLANS"
"""Variable of the plans that the user has with vendors, as `elevenlabs=creator, mirelo=paid`."""

DEFAULT_CACHE_BYTES = 2 << 30
"""Default limit of the proxy cache: 2 GiB, about 1,000 clips."""

SIGNING_VARIABLES = (
    "TRACKLAY_C2PA_CERTIFICATE",
    "TRACKLAY_C2PA_KEY",
    "TRACKLAY_C2PA_ALGORITHM",
    "TRACKLAY_C2PA_TIMESTAMP",
)
"""Variables of the identity that takes are signed with: two files, the algorithm of the key, and a time stamp authority's address."""

_VARIABLES = (
    *(HOME_VARIABLE, FFMPEG_VARIABLE, BLENDER_VARIABLE, PLANS_VARIABLE),
    *(*BASE_URL_VARIABLES, *SECRET_VARIABLES, *SIGNING_VARIABLES),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """One resolved configuration.

    Attributes:
        home: folder of the ledger, the caches, the log and the user's own models.
        ffmpeg: the ffmpeg to run; empty to look for one on `PATH`, then for the bundled one.
        blender: the Blender that opens `.blend` files; empty to look for one.
        base_urls: addresses that replace a provider's own, by variable.
        preferred_urls: the same from a front end's preferences; the environment wins.
        keys_set: variables of API keys that have a value in the environment.
        signing: values of `SIGNING_VARIABLES`, in order; empty texts where none is set.
        plans_text: the value of `TRACKLAY_PLANS`.
        plans: plans by vendor, from a front end's preferences; the environment wins.
        cache_bytes: limit of the proxy cache, in bytes.
        is_home_shared: other users may read the home: that of a farm, where another worker resumes the jobs of a lost one.
        process_count: processes that share each provider's rate limit, this one included.
    """

    home: Path
    ffmpeg: str = ""
    blender: str = ""
    base_urls: Mapping[str, str] = field(default_factory=dict)
    preferred_urls: Mapping[str, str] = field(default_factory=dict)
    keys_set: frozenset[str] = frozenset()
    signing: tuple[str, ...] = ("",) * len(SIGNING_VARIABLES)
    plans_text: str = ""
    plans: Mapping[str, str] = field(default_factory=dict)
    cache_bytes: int = DEFAULT_CACHE_BYTES
    is_home_shared: bool = False
    process_count: int = 1

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Return the settings that an environment gives; by default this process's."""
        variables = os.environ if environment is None else environment
        return _resolve(tuple(variables.get(name, "").strip() for name in _VARIABLES))

    def base_url(self, variable: str) -> str:
        """Return the address that replaces a provider's own, or an empty string."""
        return self.base_urls.get(variable) or self.preferred_urls.get(variable, "")

    def to_environment(self) -> dict[str, str]:
        """Return the variables that give a child process these settings. API keys are not among them."""
        named = {HOME_VARIABLE: str(self.home), FFMPEG_VARIABLE: self.ffmpeg, BLENDER_VARIABLE: self.blender}
        named |= dict(zip(SIGNING_VARIABLES, self.signing, strict=True))
        # Of two plans of a vendor the last one counts.
        named[PLANS_VARIABLE] = ", ".join(
            filter(None, [*(f"{vendor}={plan}" for vendor, plan in self.plans.items()), self.plans_text])
        )
        return {name: value for name, value in {**named, **self.preferred_urls, **self.base_urls}.items() if value}


# `current` is called for each path and each log line: an unchanged environment is resolved once.
@lru_cache(maxsize=8)
def _resolve(values: tuple[str, ...]) -> Settings:
    variables = dict(zip(_VARIABLES, values, strict=True))
    return Settings(
        home=_home_folder(variables[HOME_VARIABLE]),
        ffmpeg=variables[FFMPEG_VARIABLE],
        blender=variables[BLENDER_VARIABLE],
        base_urls={name: variables[name] for name in BASE_URL_VARIABLES if variables[name]},
        keys_set=frozenset(name for name in KEY_VARIABLES if variables[name]),
        signing=tuple(variables[name] for name in SIGNING_VARIABLES),
        plans_text=variables[PLANS_VARIABLE],
    )


def _home_folder(value: str) -> Path:
    if value:
        return Path(value).expanduser()
    import platformdirs  # noqa: PLC0415 - slow to import, and only needed without TRACKLAY_HOME

    return platformdirs.user_data_path("tracklay", appauthor=False)


_active: list[Settings] = []
_overrides: dict[str, Any] = {}


def current() -> Settings:
    """Return the active settings, or the environment's if none are active, with the values set by `override`."""
    settings = _active[-1] if _active else Settings.from_environment()
    return replace(settings, **_overrides) if _overrides else settings


def override(**values: Any) -> None:
    """Set fields for the whole process, as Blender's preferences and a shard of a batch do. A value of None takes the override back."""
    _overrides.update(values)
    for name in [name for name, value in _overrides.items() if value is None]:
        del _overrides[name]


@contextlib.contextmanager
def active(settings: Settings) -> Iterator[Settings]:
    """Make settings the current ones for the whole process while the block runs."""
    _active.append(settings)
    try:
        yield settings
    finally:
        _active.remove(settings)
