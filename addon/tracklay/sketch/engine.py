"""The sketch engine as one call: proxy and prompt in, sound files out. Runs in a process of its own (`tracklay.worker`)."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MediaError
from ..media.bwf import Writer
from ..media.extract import Proxy, luma
from ..media.probe import frame_times_and_size
from .foley import renderer
from .music import composer
from .vision import analyzer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from ..cue import Value
    from .vision.events import Sight

SAMPLE_RATE = 48_000
"""Hz: what the engine makes."""

MASTER = "master"


def make(
    *,
    endpoint: str,
    proxy: str | None,
    samples: int,
    prompt: str,
    negative: str,
    seed: int,
    params: Mapping[str, Value],
    folder: str,
) -> dict[str, Any]:
    """Make the sound; `file`, `stems` (name to file) and what was `understood` of the prompt.

    Raises:
        MediaError: the proxy shows nothing.
    """
    if endpoint == "music":
        return _music(samples, prompt, negative, seed, params, Path(folder))
    return _foley(proxy, samples, prompt, negative, seed, params, Path(folder))


def look(path: Path) -> Sight:
    """What is seen in a proxy, frame by frame: memory does not grow with its length.

    Raises:
        MediaError: it has no frames.
    """
    times, (width, height) = frame_times_and_size(path)
    if not times:
        raise MediaError(f"{path.name} has no frames to look at")
    small = max(2, round(height * analyzer.LUMA_WIDTH / width / 2) * 2)
    return analyzer.watch(luma(Proxy(path, times, times[-1]), analyzer.LUMA_WIDTH, small), times)


def _foley(
    proxy: str | None, samples: int, prompt: str, negative: str, seed: int, params: Mapping[str, Value], folder: Path
) -> dict[str, Any]:
    sight = look(Path(proxy)) if proxy else None
    if sight is None:
        raise MediaError("sketch/foley needs picture to look at")
    blocks = renderer.score(sight, samples, prompt=prompt, negative=negative, seed=seed, params=params)
    _write({MASTER: folder / "foley.wav"}, ({MASTER: block} for block in blocks))
    events = [
        {
            "kind": event.kind,
            "seconds": f"{event.time.numerator}/{event.time.denominator}",
            "strength": round(event.strength, 3),
        }
        for event in sight.events
    ]
    return {
        "file": str(folder / "foley.wav"),
        "stems": {},
        "understood": {**renderer.understand(prompt, negative), "events": events},
    }


def _music(
    samples: int, prompt: str, negative: str, seed: int, params: Mapping[str, Value], folder: Path
) -> dict[str, Any]:
    wanted = dict(params)
    with_stems = bool(wanted.pop("stems", False))
    gain = np.float32(10 ** (float(wanted.pop("level", 0)) / 20))
    piece = composer.compose(prompt, samples, negative=negative, seed=seed, params=wanted)
    files = {MASTER: folder / "music.wav"}
    if with_stems:
        files |= {name: folder / f"{name}.wav" for name in piece.stems}
    _write(files, _with_master(piece.render(), gain))
    stems = {name: str(path) for name, path in files.items() if name != MASTER}
    return {"file": str(files[MASTER]), "stems": stems, "understood": piece.understood}


def _with_master(
    blocks: Iterator[Mapping[str, npt.NDArray[np.float32]]], gain: np.float32
) -> Iterator[Mapping[str, npt.NDArray[np.float32]]]:
    """The stems at their level, and their plain sum."""
    for block in blocks:
        stems = {name: stem * gain for name, stem in block.items()}
        yield {**stems, MASTER: np.sum(list(stems.values()), axis=0, dtype=np.float32)}


def _write(files: Mapping[str, Path], blocks: Iterator[Mapping[str, npt.NDArray[np.float32]]]) -> None:
    with ExitStack() as opened:
        made = datetime.now(UTC)
        writers = {
            name: Writer(
                opened.enter_context(path.open("wb")),
                2,
                SAMPLE_RATE,
                description="Tracklay sketch",
                reference="",
                made=made,
                time_reference=0,
                history="",
            )
            for name, path in files.items()
        }
        for block in blocks:
            for name, writer in writers.items():
                writer.write(block[name])
        for writer in writers.values():
            writer.close()
