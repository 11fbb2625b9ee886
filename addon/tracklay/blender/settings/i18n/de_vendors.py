"""German of what the preferences have for each vendor: fields of keys, and names of plans."""

from __future__ import annotations

from ....settings import KEY_VARIABLES

LABELS = {
    "Replicate API Token": "Replicate-API-Token",
    "fal Key": "fal-Schlüssel",
    "Scenario API Key": "Scenario-API-Schlüssel",
    "Scenario API Secret": "Scenario-API-Geheimnis",
    "Beatoven API Key": "Beatoven-API-Schlüssel",
    "ElevenLabs API Key": "ElevenLabs-API-Schlüssel",
    "Mirelo API Key": "Mirelo-API-Schlüssel",
    "Cog Container URL": "URL des Cog-Containers",
    "ComfyUI URL": "URL von ComfyUI",
}
"""Names of the fields of keys and addresses."""

KEYS = {
    f"Stored in Blender's preferences; {name} overrides it": f"In Blenders Einstellungen gespeichert; {name} hat Vorrang"
    for name in KEY_VARIABLES
}
"""Tooltips of the fields for API keys."""

PLANS = {
    "Free": "Kostenlos",
    "Paid": "Bezahlt",
    **{name: name for name in ("Business", "Creator", "Enterprise", "Enterprise Lite", "Pro", "Scale", "Starter")},
}
"""Names of plans, as the vendors have them."""
