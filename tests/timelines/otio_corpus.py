"""Lays a take under every clip of every timeline in a folder, and tells what differs after it: `python -m tests.timelines.corpus FOLDER`.

For samples that other programs wrote, which are theirs and not kept here. No sound is made: takes are empty files. Each timeline is
one line: its cues, whether the copy is the original byte for byte without our tracks, whether OTIO reads the same tracks in both, and
whether each adapter writes as much of the copy as of the original.
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
"""A list does not say its rate: the first at which its time codes exist."""


def main() -> int:
    """Tell of each file; 1 where something of a person's was changed."""
    files = sorted(path for path in Path(sys.argv[1]).rglob("*") if path.suffix in SUFFIXES)
    changed = 0
    for path in files:
        with tempfile.TemporaryDirectory() as folder:
            words, harmed = tell(path, Path(folder) / f"{path.stem}.otio")
        changed += harmed
        print(f"{path.relative_to(sys.argv[1])}: {words}".replace(folder, ""))  # noqa: T201 - it is a command
    print(f"{len(files)} files, {changed} changed")  # noqa: T201
    return 1 if changed else 0


def tell(path: Path, film: Path) -> tuple[str, bool]:
    """What became of a file, and whether something in it was changed."""
    try:
        otio_of(path, film)
    except Exception as error:  # noqa: BLE001 - whatever an adapter raises: it is told
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
    said = [f"{len(cues)} cues", f"{sum(bool(cue.picture.error) for cue in cues)} cannot be read"]
    said += ["bytes same" if bytes_same else "BYTES DIFFER", "tracks same" if same else "TRACKS DIFFER"]
    for adapter in ("fcp_xml", "cmx_3600"):
        said.append(f"{adapter}: {' and '.join(dict.fromkeys(written(each, adapter) for each in (film, laid)))}")
    return ", ".join(said), not (bytes_same and same)


def otio_of(path: Path, film: Path) -> None:
    """The file as an .otio: as it is, or through its adapter."""
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
    """Whether an adapter writes a timeline, or the kind of its refusal."""
    try:
        otio.adapters.write_to_string(otio.adapters.read_from_file(str(path)), adapter)
    except Exception as error:  # noqa: BLE001 - as above
        return f"refuses ({type(error).__name__})"
    return "writes it"


if __name__ == "__main__":
    sys.exit(main())
