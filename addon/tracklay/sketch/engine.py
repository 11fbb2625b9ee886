"""The sketch engine as one call: proxy and prompt in, sound files out. Runs in a process of its own (`tracklay.worker`)."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MediaError
from ..media.bwf import BwfWriter
from ..media.extract import Proxy, read_luma_frames
from ..media.probe import frame_times_and_size
from .foley import renderer
from .music import composer
from .vision import analyzer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from ..cue import ParamValue
    from .vision.events import MotionAnalysis

SAMPLE_RATE = 48_000
"""Hz: what the engine makes."""

MASTER_STEM = "master"


def generate_audio(
    *,
    endpoint: str,
    proxy: str | None,
    samples: int,
    prompt: str,
    negative: str,
    seed: int,
    params: Mapping[str, ParamValue],
    folder: str,
) -> dict[str, Any]:
    """Make the sound; `file`, `stem_names` (name to file) and what was `prompt_summary` of the prompt.

    Raises:
        MediaError: the proxy shows nothing.
    """
    if endpoint == "music":
        return _generate_music(samples, prompt, negative, seed, params, Path(folder))
    return _generate_foley(proxy, samples, prompt, negative, seed, params, Path(folder))


def analyze_proxy_motion(path: Path) -> MotionAnalysis:
    """What is seen in a proxy, frame by frame: memory does not grow with its length.

    Raises:
        MediaError: it has no frames.
    """
    times, (width, height) = frame_times_and_size(path)
    if not times:
        raise MediaError(f"{path.name} has no frames to look at")
    small = max(2, round(height * analyzer.LUMA_WIDTH / width / 2) * 2)
    return analyzer.analyze_motion(read_luma_frames(Proxy(path, times, times[-1]), analyzer.LUMA_WIDTH, small), times)


def _generate_foley(
    proxy: str | None,
    samples: int,
    prompt: str,
    negative: str,
    seed: int,
    params: Mapping[str, ParamValue],
    folder: Path,
) -> dict[str, Any]:
    sight = analyze_proxy_motion(Path(proxy)) if proxy else None
    if sight is None:
        raise MediaError("sketch/foley needs picture to look at")
    blocks = renderer.render_foley(sight, samples, prompt=prompt, negative=negative, seed=seed, params=params)
    _write_files({MASTER_STEM: folder / "foley.wav"}, ({MASTER_STEM: block} for block in blocks))
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
        "understood": {**renderer.interpret_prompt(prompt, negative), "events": events},
    }


def _generate_music(
    samples: int, prompt: str, negative: str, seed: int, params: Mapping[str, ParamValue], folder: Path
) -> dict[str, Any]:
    wanted = dict(params)
    with_stems = bool(wanted.pop("stems", False))
    gain = np.float32(10 ** (float(wanted.pop("level", 0)) / 20))
    piece = composer.compose_music(prompt, samples, negative=negative, seed=seed, params=wanted)
    files = {MASTER_STEM: folder / "music.wav"}
    if with_stems:
        files |= {name: folder / f"{name}.wav" for name in piece.stem_names}
    _write_files(files, _add_master_mix(piece.render(), gain))
    stems = {name: str(path) for name, path in files.items() if name != MASTER_STEM}
    return {"file": str(files[MASTER_STEM]), "stems": stems, "understood": piece.prompt_summary}


def _add_master_mix(
    blocks: Iterator[Mapping[str, npt.NDArray[np.float32]]], gain: np.float32
) -> Iterator[Mapping[str, npt.NDArray[np.float32]]]:
    """The stems at their level, and their plain sum."""
    for block in blocks:
        stems = {name: stem * gain for name, stem in block.items()}
        yield {**stems, MASTER_STEM: np.sum(list(stems.values()), axis=0, dtype=np.float32)}


def _write_files(files: Mapping[str, Path], blocks: Iterator[Mapping[str, npt.NDArray[np.float32]]]) -> None:
    with ExitStack() as opened:
        made = datetime.now(UTC)
        writers = {
            name: BwfWriter(
                opened.enter_context(path.open("wb")),
                2,
                SAMPLE_RATE,
                description="Tracklay sketch",
                originator_reference="",
                created_at=made,
                time_reference=0,
                coding_history="",
            )
            for name, path in files.items()
        }
        for block in blocks:
            for name, writer in writers.items():
                writer.write(block[name])
        for writer in writers.values():
            writer.close()
