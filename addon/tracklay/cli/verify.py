"""Runs `tracklay verify`: shows how files came about, by their marks, their Content Credentials and the manifest beside them."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from ..media.marks.examine import FileOrigin, examine_file
from ..models.plan_terms import terms_text
from ..source_type import describe_source_type
from .exit_status import EXIT_DONE, EXIT_FAILED
from .messages import print_json
from .tables import show_facts


def run_verify(options: argparse.Namespace) -> int:
    """Run the command and return the exit status: 1 if a file is not as it was made or signed."""
    origins = {path: examine_file(path) for path in options.files}
    if options.json:
        print_json([_to_dict(path, origin) for path, origin in origins.items()])
    else:
        for path, origin in origins.items():
            show_facts(path.name, _facts(origin))
    return EXIT_FAILED if any(map(_is_altered, origins.values())) else EXIT_DONE


def _is_altered(origin: FileOrigin) -> bool:
    return origin.is_unchanged is False or (origin.credentials is not None and origin.credentials.state == "Invalid")


def _to_dict(path: Path, origin: FileOrigin) -> dict[str, object]:
    return {"file": str(path), **asdict(origin), "manifest": origin.manifest and str(origin.manifest)}


def _facts(origin: FileOrigin) -> list[tuple[str, str]]:
    """Return the rows that are shown: a heading and a sentence each."""
    made = origin.provenance
    facts = [
        ("sound", describe_source_type(origin.source_type) if origin.source_type else "no mark of how it came about")
    ]
    if made:
        facts.append(
            (
                "model",
                f"{made['model']}, seed {made['seed']}, request {made['request'] or 'none'}, {made['created'][:10]}",
            )
        )
        facts.append(("licence", str(made.get("licence", "not stated"))))
        if isinstance(plan := made.get("plan"), dict):
            facts.append(("commercial use", terms_text(plan)))
        if made.get("prompt"):
            facts.append(("prompt", str(made["prompt"])))
    elif origin.system:
        facts.append(("model", origin.system))
    if origin.manifest is not None:
        state = {True: ": unchanged since it was made", False: ": CHANGED since it was made", None: ""}[
            origin.is_unchanged
        ]
        facts.append(("manifest", f"{origin.manifest.name}{state}"))
    if origin.credentials is not None:
        facts += _credentials_facts(origin)
    elif origin.is_signed:
        facts.append(("signed", "has Content Credentials. Install tracklay[c2pa] to read them."))
    return facts


def _credentials_facts(origin: FileOrigin) -> list[tuple[str, str]]:
    found = origin.credentials
    assert found is not None  # noqa: S101 - the caller has checked
    words = {
        "Trusted": "valid, by a signer on the trust list",
        "Valid": "valid, by a signer that is on no trust list here",
    }
    facts = [
        ("signed", f"{words.get(found.state, 'BROKEN: the file was changed after it was signed')}: {found.signer}")
    ]
    facts += [("claims", describe_source_type(uri)) for uri in found.source_types]
    return facts + [("made of", name) for name in found.ingredients]
