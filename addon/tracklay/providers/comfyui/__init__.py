"""ComfyUI servers of the user: any workflow as a model, on the user's own GPU, without key and price."""

from .provider import ComfyUi, create_provider

__all__ = ["ComfyUi", "create_provider"]
