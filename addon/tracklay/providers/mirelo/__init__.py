"""Mirelo's own API: sound effects from a video or from text, with the price before."""

from .provider import Mirelo, create_provider

__all__ = ["Mirelo", "create_provider"]
