"""Clients of the services that generate sound, one file for each API.

Import what you need from the submodules; this file imports nothing, because Blender loads it when it enables the extension and a
network client would slow that down:

- `base`: the `Provider` protocol, its value types, `get_provider`, `submit_once`
- `http`, `download`: requests to an API and downloads of its files, above `retry`, `rate_limit` and `client`
- `credentials`: API keys, and their removal from text
- `replicate`, `fal`, `scenario`, `beatoven`, `elevenlabs`, `mirelo`, `cog`, `comfyui`, `sketch`: the providers

`docs/api-notes/` has the facts about each API that this code relies on, and the steps to add a provider.
"""
