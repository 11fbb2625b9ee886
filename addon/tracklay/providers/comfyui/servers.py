"""The addresses of the user's ComfyUI servers, and the header of a login in front of them."""

from __future__ import annotations

from ... import settings
from ...errors import InvalidInput
from .. import credentials
from ..http import is_loopback, parse_origin

URL_VARIABLE = "TRACKLAY_COMFYUI_URL"

DEFAULT_URL = "http://127.0.0.1:8188"


def server_urls() -> tuple[str, ...]:
    """Return the base URLs, without a final slash: those of the setting, separated by commas, else this machine's.

    Plain http is accepted, since a server in the next room has no certificate; with a login header only for this machine.

    Raises:
        InvalidInput: an address is none, or a login would be sent in the clear.
    """
    text = settings.current().base_url(URL_VARIABLE) or DEFAULT_URL
    urls = tuple(dict.fromkeys(part.strip().rstrip("/") for part in text.split(",") if part.strip()))
    for url in urls:
        try:
            scheme, host, _ = parse_origin(url)
        except ValueError:
            # The value is not shown: it may hold a password.
            raise InvalidInput(
                "comfyui.url_invalid",
                "Not a web address in {variable}. Write http://host:8188, several with commas between them.",
                variable=URL_VARIABLE,
            ) from None
        if scheme != "https" and not is_loopback(host) and credentials.get_key(credentials.COMFYUI_HEADER):
            raise InvalidInput(
                "comfyui.login_in_clear",
                "{variable} must start with https:// if {header} is set. Plain http:// would show the login to the network.",
                variable=URL_VARIABLE,
                header=credentials.COMFYUI_HEADER,
            )
    return urls


def server_headers() -> dict[str, str]:
    """Return the header of the login, as `Authorization: Basic …`; empty if there is none.

    Raises:
        InvalidInput: the setting is no header.
    """
    text = credentials.get_key(credentials.COMFYUI_HEADER)
    if not text:
        return {}
    name, colon, value = text.partition(":")
    is_header = colon and value.strip() and all("!" <= character <= "~" for character in name) and text.isprintable()
    if not is_header:
        raise InvalidInput(
            "comfyui.header_invalid",
            "{variable} is no header. Write it as Name: value.",
            variable=credentials.COMFYUI_HEADER,
        )
    return {name: value.strip()}
