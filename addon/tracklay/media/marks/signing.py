"""Signs takes and films with Content Credentials (C2PA), if the user has set a certificate; and reads those of any file.

`c2pa-python` does both. It is an extra (`tracklay[c2pa]`), imported only when a certificate is set or a file is verified.
"""

from __future__ import annotations

import importlib
import json
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ... import settings
from ...errors import InvalidInput, OutputError
from ...source_type import source_type_uri
from ...version import VERSION
from .credentials import has_credentials

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .xmp import XmpMark

MIME_TYPES = {".wav": "audio/wav", ".mp4": "video/mp4", ".mov": "video/quicktime"}
"""Types of the files that are signed. C2PA has no place in Matroska."""


def _library() -> Any:
    """Return the module `c2pa`. It is an extra with a native library of 30 MB, which the extension does not ship."""
    return importlib.import_module("c2pa")


@dataclass(frozen=True, slots=True)
class SigningIdentity:
    """A certificate chain and its private key, both as PEM.

    Attributes:
        certificate: file of the chain, the signer's certificate first.
        key: file of the private key, PKCS #8.
        algorithm: `es256`, `es384`, `es512`, `ps256`, `ps384`, `ps512` or `ed25519`, as the key has it.
        timestamp_url: a time stamp authority; empty for none, so that nothing is sent.
    """

    certificate: Path
    key: Path
    algorithm: str
    timestamp_url: str = ""

    def signer(self) -> Any:
        """Return the library's signer.

        Raises:
            InvalidInput: the library is not installed, or certificate and key cannot be used.
        """
        try:
            c2pa = _library()
        except ImportError as error:
            raise InvalidInput(
                "marks.no_library",
                "A certificate is set, but c2pa-python is not installed. Install tracklay[c2pa], or unset TRACKLAY_C2PA_CERTIFICATE.",
            ) from error
        try:
            # An empty address of a time stamp authority is an error without a reason (0.38): it must be None.
            url = self.timestamp_url.encode() or None
            info = c2pa.C2paSignerInfo(
                self.algorithm.encode(), self.certificate.read_bytes(), self.key.read_bytes(), url
            )
            return c2pa.Signer.from_info(info)
        except OSError as error:
            raise InvalidInput(
                "marks.certificate_unreadable",
                "Cannot read {file} of TRACKLAY_C2PA_CERTIFICATE and TRACKLAY_C2PA_KEY: {reason}.",
                file=error.filename,
                reason=error.strerror,
            ) from error
        except (c2pa.C2paError, ValueError) as error:
            raise InvalidInput(
                "marks.certificate_refused",
                "Certificate and key cannot sign as {algorithm}: {reason}. Set TRACKLAY_C2PA_ALGORITHM as the key has it.",
                algorithm=self.algorithm,
                reason=str(error).rstrip("."),
            ) from error


def signing_identity() -> SigningIdentity | None:
    """Return the identity of the settings; None if no certificate is set.

    Raises:
        InvalidInput: a certificate without its key.
    """
    certificate, key, algorithm, timestamp_url = settings.current().signing
    if not certificate:
        return None
    if not key:
        raise InvalidInput("marks.no_key", "TRACKLAY_C2PA_CERTIFICATE is set without TRACKLAY_C2PA_KEY. Set both.")
    return SigningIdentity(Path(certificate), Path(key), algorithm or "es256", timestamp_url)


def check_signing() -> None:
    """Check, before anything is sent, that takes can be signed if a certificate is set.

    Raises:
        InvalidInput: they cannot.
    """
    if identity := signing_identity():
        checked = identity, _file_stamp(identity.certificate), _file_stamp(identity.key)
        if checked not in _checked_identities:
            identity.signer()
            _checked_identities.add(checked)


_checked_identities: set[tuple[SigningIdentity, object, object]] = set()
"""Identities that can sign, with the state of their files: each cue asks, and reading a certificate takes milliseconds."""


def _file_stamp(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None  # the error is that of reading it
    return stat.st_mtime_ns, stat.st_size


def sign_file(path: Path, mark: XmpMark, name: str, ingredients: Sequence[Path]) -> bool:
    """Sign a file in place if a certificate is set; return whether it was signed.

    Args:
        path: the file. It is replaced only by a complete signed one.
        mark: how its sound came about.
        name: the file's name, which `path` may not have yet.
        ingredients: files that it was made of. Those with Content Credentials are listed in the signature.

    Raises:
        InvalidInput: as `SigningIdentity.signer`.
        OutputError: it cannot be signed.
    """
    identity, kind = signing_identity(), MIME_TYPES.get(Path(name).suffix)
    if identity is None or kind is None:
        return False
    signer, c2pa = identity.signer(), _library()
    signed = path.with_name(f"{path.name}.signed")
    try:
        builder = c2pa.Builder(_manifest(mark, name))
        for ingredient in filter(has_credentials, ingredients):
            described = {"title": ingredient.name, "relationship": "inputTo"}
            with ingredient.open("rb") as file:
                builder.add_ingredient(described, mime_type(ingredient), file)
        with path.open("rb") as source, signed.open("w+b") as to:
            builder.sign(signer, kind, source, to)
        signed.replace(path)
    except (c2pa.C2paError, OSError) as error:
        signed.unlink(missing_ok=True)
        raise OutputError(
            "marks.not_signed", "Could not sign {name}: {reason}.", name=name, reason=str(error).rstrip(".")
        ) from error
    return True


def _manifest(mark: XmpMark, name: str) -> dict[str, Any]:
    created = {
        "action": "c2pa.created",
        "digitalSourceType": source_type_uri(mark.source_type),
        "softwareAgent": {"name": mark.system},
    }
    return {
        "claim_generator_info": [{"name": "Tracklay", "version": VERSION}],
        "title": name,
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [created]}}],
    }


def mime_type(path: Path) -> str:
    """Return the type of a file for the library, by its suffix."""
    return MIME_TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Content Credentials of a file, as the library reads them.

    Attributes:
        state: `Trusted`, `Valid` (untouched, the signer is not on a trust list) or `Invalid`.
        signer: name of the certificate's holder.
        generator: the program that signed.
        source_types: identifiers of the digital source types that it claims.
        ingredients: titles of what it was made of.
    """

    state: str
    signer: str
    generator: str
    source_types: tuple[str, ...]
    ingredients: tuple[str, ...]


def read_credentials(path: Path) -> Credentials | None:
    """Return a file's Content Credentials; None if the library is not installed, or cannot read them."""
    try:
        c2pa = _library()
    except ImportError:
        return None
    try:
        with path.open("rb") as file:
            reader = c2pa.Reader(mime_type(path), file)
            content, state = json.loads(reader.json()), reader.get_validation_state()
    except (c2pa.C2paError, OSError, ValueError):
        return None
    active = content.get("manifests", {}).get(content.get("active_manifest"), {})
    generators = [str(each.get("name", "")) for each in active.get("claim_generator_info", [])]
    actions = [
        action
        for assertion in active.get("assertions", [])
        if str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", [])
    ]
    return Credentials(
        str(state or "Invalid"),
        str(
            active.get("signature_info", {}).get("common_name", "")
            or active.get("signature_info", {}).get("issuer", "")
        ),
        ", ".join(filter(None, generators)),
        tuple(dict.fromkeys(str(each["digitalSourceType"]) for each in actions if each.get("digitalSourceType"))),
        tuple(str(each.get("title", "")) for each in active.get("ingredients", [])),
    )
