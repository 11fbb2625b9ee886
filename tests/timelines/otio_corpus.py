"""Lays a take under every clip of every timeline in a folder, and prints what changed: `python -m tests.timelines.otio_corpus FOLDER`.

For samples of other programs, which are not kept in the repository. No sound is generated: takes are empty files. The output is
one line for each timeline: its cues, whether the copy without our tracks is the original byte for byte, whether OTIO reads the
same tracks in both, and whether each adapter writes the copy if it writes the original.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import opentimelineio as otio
from tracklay import timelines
from tracklay.errors import TracklayError
from tracklay.timelines.otio.text_patch import find_signed_tracks, remove_tracks

from tests.timelines.test_otio_output import made

SUFFIXES = {".otio", ".edl", ".xml"}
EDL_RATES = (24, 25, 30)
"""Frame rates to try for an EDL, which does not contain its own: the first at which all its timecodes exist is used."""


def main() -> int:
    """Check each file and return the exit status: 1 if the content of any was changed."""
    files = sorted(path for path in Path(sys.argv[1]).rglob("*") if path.suffix in SUFFIXES)
    changed = 0
    for path in files:
        with tempfile.TemporaryDirectory() as folder:
            line, is_changed = check_file(path, Path(folder) / f"{path.stem}.otio")
        changed += is_changed
        print(f"{path.relative_to(sys.argv[1])}: {line}".replace(folder, ""))  # noqa: T201 - it is a command
    print(f"{len(files)} files, {changed} changed")  # noqa: T201
    return 1 if changed else 0


def check_file(path: Path, film: Path) -> tuple[str, bool]:
    """Return the result for a file, and True if its content was changed. `film` is the path to write it to as .otio."""
    try:
        convert_to_otio(path, film)
    except Exception as error:  # noqa: BLE001 - adapters raise anything
        return f"its adapter refuses it: {error}", False
    try:
        opened = timelines.open_timeline(film)
        cues = opened.cues(model="sketch/foley")
    except TracklayError as error:
        return f"refused: {error}", False
    takes = [made(cue, number, opened.folder) for number, cue in enumerate(cues, 1)]
    opened.lay(takes, [], opened.folder, drop_original=False)
    laid = opened.laid_path(opened.folder)
    text = laid.read_bytes().decode()
    bytes_same = remove_tracks(text, find_signed_tracks(text)).replace(
        '"../', '"'
    ) == film.read_bytes().decode().replace('"../', '"')
    before, after = (otio.adapters.read_from_file(str(each)) for each in (film, laid))
    same = [each.to_json_string() for each in before.tracks] == [
        each.to_json_string() for each in list(after.tracks)[: len(before.tracks)]
    ]
    facts = [f"{len(cues)} cues", f"{sum(bool(cue.picture.error) for cue in cues)} cannot be read"]
    facts += ["bytes same" if bytes_same else "BYTES DIFFER", "tracks same" if same else "TRACKS DIFFER"]
    for adapter in ("fcp_xml", "cmx_3600"):
        facts.append(f"{adapter}: {' and '.join(dict.fromkeys(written(each, adapter) for each in (film, laid)))}")
    return ", ".join(facts), not (bytes_same and same)


def convert_to_otio(path: Path, film: Path) -> None:
    """Write a file as .otio: a copy, or through its adapter."""
    if path.suffix == ".otio":
        film.write_bytes(path.read_bytes())
        return
    if path.suffix == ".xml":
        otio.adapters.write_to_file(otio.adapters.read_from_file(str(path)), str(film))
        return
    for rate in EDL_RATES:
        try:
            read = otio.adapters.read_from_file(str(path), rate=rate, ignore_timecode_mismatch=True)
        except ValueError:
            if rate == EDL_RATES[-1]:
                raise
        else:
            otio.adapters.write_to_file(read, str(film))
            return


def written(path: Path, adapter: str) -> str:
    """Return "writes it", or the class of the error that the adapter raises."""
    try:
        otio.adapters.write_to_string(otio.adapters.read_from_file(str(path)), adapter)
    except Exception as error:  # noqa: BLE001 - adapters raise anything
        return f"refuses ({type(error).__name__})"
    return "writes it"


if __name__ == "__main__":
    sys.exit(main())
