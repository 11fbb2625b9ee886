"""Entry point of the offline engine: proxy and prompt in, sound files out. Runs in a process of its own (`tracklay.worker`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..cue import SAMPLE_RATE
from ..errors import MediaError
from ..hits import Hit
from ..media.bwf import plain_bwf_writer
from ..media.extract import Proxy, read_luma_frames
from ..media.probe import list_frames
from .foley import renderer
from .foley.interpretation import describe_unknown, interpret_prompt
from .motion_cache import load_or_analyze
from .music import composer
from .music.hit_form import MusicHit, hit_kind
from .vision import analyzer

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..cue import ParamValue
    from .vision.events import MotionAnalysis

MASTER_STEM = "master"
"""Name of the full mix among the files."""


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
    hits: Sequence[Sequence[str]] = (),
) -> dict[str, Any]:
    """Generate the sound of one take.

    Args:
        endpoint: `foley` or `music`.
        proxy: path of the proxy; needed for `foley` only.
        samples: length in samples at `SAMPLE_RATE`.
        prompt: the sounds to make.
        negative: the sounds to avoid.
        seed: the same seed gives the same sound.
        params: the model's parameters.
        folder: directory for the files.
        hits: the moments that music meets, each as `Hit.to_list` has it; jobs of an earlier version have none.

    Returns:
        `file`, the path of the mix; `stems`, path by name; `understood`, the interpretation of the prompt for the manifest;
        `notes`, sentences about the take for the user.

    Raises:
        MediaError: `foley` without a proxy, or a proxy without frames.
    """
    if endpoint == "music":
        music_hits = [Hit.from_list(hit) for hit in hits]
        return _generate_music(samples, prompt, negative, seed, params, Path(folder), music_hits)
    return _generate_foley(proxy, samples, prompt, negative, seed, params, Path(folder))


def analyze_proxy_motion(path: Path) -> MotionAnalysis:
    """Return the motion analysis of a proxy. Frames are decoded one by one: memory does not grow with its length.

    Raises:
        MediaError: the proxy has no frames.
    """
    times, (width, height), *_ = list_frames(path)
    if not times:
        raise MediaError("sketch.no_frames", "The proxy has no frames: {path}.", path=path.name)
    luma_height = max(2, round(height * analyzer.LUMA_WIDTH / width / 2) * 2)
    step = analyzer.choose_frame_step(times)
    frames = read_luma_frames(Proxy(path, times, times[-1]), analyzer.LUMA_WIDTH, luma_height, step=step)
    return analyzer.analyze_motion(frames, times, step)


def _generate_foley(
    proxy: str | None,
    samples: int,
    prompt: str,
    negative: str,
    seed: int,
    params: Mapping[str, ParamValue],
    folder: Path,
) -> dict[str, Any]:
    if not proxy:
        raise MediaError("sketch.no_video", "sketch/foley needs a video.")
    settings = renderer.FoleyRenderer.from_prompt(prompt, negative, seed, params)
    analysis = settings.choose_events(load_or_analyze(Path(proxy), analyze_proxy_motion))
    blocks = settings.render_foley(analysis, samples)
    _write_files({MASTER_STEM: folder / "foley.wav"}, ({MASTER_STEM: block} for block in blocks))
    events = [
        {
            "kind": event.kind,
            "seconds": f"{event.time.numerator}/{event.time.denominator}",
            "strength": round(event.strength, 3),
            "trigger": event.trigger,
            "confidence": round(event.confidence, 3),
        }
        for event in analysis.events
    ]
    meaning = interpret_prompt(prompt, negative)
    notes = [*_unknown_notes(meaning.unknown, meaning.heard_as), *settings.silence_notes(analysis)]
    return {
        "file": str(folder / "foley.wav"),
        "stems": {},
        "understood": {**meaning.to_manifest(), "events": events},
        "notes": notes,
    }


def _generate_music(
    samples: int,
    prompt: str,
    negative: str,
    seed: int,
    params: Mapping[str, ParamValue],
    folder: Path,
    hits: Sequence[Hit],
) -> dict[str, Any]:
    composer_params = dict(params)
    with_stems = bool(composer_params.pop("stems", False))
    gain = np.float32(10 ** (float(composer_params.pop("level", 0)) / 20))  # from dB
    targets = [MusicHit(round(hit.seconds * SAMPLE_RATE), hit_kind(hit.name)) for hit in hits]
    piece = composer.compose_music(prompt, samples, negative=negative, seed=seed, params=composer_params, hits=targets)
    files = {MASTER_STEM: folder / "music.wav"}
    if with_stems:
        files |= {name: folder / f"{name}.wav" for name in piece.stem_names}
    _write_files(files, _add_master_mix(piece.render(), gain))
    stems = {name: str(path) for name, path in files.items() if name != MASTER_STEM}
    notes = _unknown_notes(piece.prompt_summary.get("unknown", ()), {})
    understood: dict[str, Any] = {**piece.prompt_summary}
    if hits:
        understood["hits"] = [
            {
                "seconds": str(hit.seconds),
                "name": hit.name,
                "error_ms": round(float(target.sample - hit.seconds * SAMPLE_RATE) / SAMPLE_RATE * 1000, 3),
            }
            for hit, target in zip(hits, targets, strict=True)
        ]
    return {"file": str(files[MASTER_STEM]), "stems": stems, "understood": understood, "notes": notes}


ENGLISH_NOTE = "Only English words are known."
"""Note after unknown words: the word lists have one language."""


def _unknown_notes(unknown: Sequence[str], heard_as: Mapping[str, str]) -> list[str]:
    """Return the note about words of the prompt that are not known; none when all are."""
    return [f"Unknown: {', '.join(describe_unknown(unknown, heard_as))}", ENGLISH_NOTE] if unknown else []


def _add_master_mix(
    blocks: Iterator[Mapping[str, npt.NDArray[np.float32]]], gain: np.float32
) -> Iterator[Mapping[str, npt.NDArray[np.float32]]]:
    """Yield each block of stems with the gain applied, and their sum as the master: the stems add up to it exactly."""
    for block in blocks:
        stems = {name: stem * gain for name, stem in block.items()}
        yield {**stems, MASTER_STEM: np.sum(list(stems.values()), axis=0, dtype=np.float32)}


def _write_files(files: Mapping[str, Path], blocks: Iterator[Mapping[str, npt.NDArray[np.float32]]]) -> None:
    with ExitStack() as stack:
        writers = {
            name: plain_bwf_writer(stack.enter_context(path.open("wb")), 2, SAMPLE_RATE, "Tracklay sketch")
            for name, path in files.items()
        }
        for block in blocks:
            for name, writer in writers.items():
                writer.write(block[name])
        for writer in writers.values():
            writer.close()
