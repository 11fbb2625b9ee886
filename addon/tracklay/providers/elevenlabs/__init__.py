"""ElevenLabs' own API: sound effects, music with a composition plan, and music for a video."""

from .provider import ElevenLabs, create_provider

__all__ = ["ElevenLabs", "create_provider"]
