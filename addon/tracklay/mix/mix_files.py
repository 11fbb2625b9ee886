"""Mixes a scene of files in one call with plain data, so that it can run in a process of its own (`tracklay.worker`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..atomic_io import temp_dir
from .analysis import analyse_sound
from .decoded_sound import DecodedSounds
from .layouts import STEREO, choose_channels
from .planner import HeardSound, dialogue_over_music, plan_mix
from .presets import load_preset
from .render import MixedSound, render_mix
from .sources import MixSource, SourceReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..cancellation import CancelToken
    from .kinds import Kind
    from .plan import MixPlan
    from .presets import Preset


def mix_wavs(
    *,
    sources: Sequence[dict[str, Any]],
    samples: int,
    preset: str,
    work: str,
    target_lufs: float | None = None,
    true_peak_db: float | None = None,
    to: str | None = None,
    stems: dict[Kind, str] | None = None,
    channels: int | None = STEREO,
) -> dict[str, Any]:
    """Mix sounds and return the plan as JSON (`MixPlan.to_dict`).

    Args:
        sources: the sounds, each as `MixSource.to_dict`.
        samples: length of the mix's timeline at 48 kHz.
        preset: name of a preset, or path of a TOML file.
        work: folder for decoded sounds; they are deleted.
        target_lufs: integrated loudness; None: the preset's.
        true_peak_db: highest true peak; None: the preset's.
        to: path of the mix, a WAV; None: only plan and measure.
        stems: path of the WAV of each kind.
        channels: of the mix: 1, 2, or 6 for 5.1; None: 5.1 if a sound is surround, else stereo.

    Raises:
        InvalidInput: the preset is none.
        MediaError: a sound cannot be read.
        OutputError: a file cannot be written.
    """
    plan = mix_sources(
        [MixSource.from_dict(source) for source in sources],
        samples,
        load_preset(preset),
        Path(work),
        target_lufs=target_lufs,
        true_peak_db=true_peak_db,
        to=Path(to) if to else None,
        stems={kind: Path(path) for kind, path in (stems or {}).items()},
        channels=channels,
    )
    return plan.to_dict()


def mix_sources(
    sources: Sequence[MixSource],
    samples: int,
    preset: Preset,
    work: Path,
    *,
    target_lufs: float | None = None,
    true_peak_db: float | None = None,
    to: Path | None = None,
    stems: Mapping[Kind, Path] | None = None,
    channels: int | None = STEREO,
    headroom_db: float = 0.0,
    origins: Mapping[str, tuple[str, str]] | None = None,
    cancel_token: CancelToken | None = None,
) -> MixPlan:
    """Listen to sounds, plan their mix, render it, and return the plan with what was measured.

    Arguments as `mix_wavs`, with `headroom_db` and `origins` as `render_mix` takes them.
    """
    with temp_dir(work) as folder, DecodedSounds(folder, cancel_token) as sounds:
        opened = [sounds.open(source.file, source.stream, source.zero) for source in sources]
        channels = choose_channels(sound.channels for sound in opened) if channels is None else channels
        readers = [SourceReader(source, sound, channels) for source, sound in zip(sources, opened, strict=True)]
        heard = [HeardSound(reader.source, analyse_sound(reader, channels)) for reader in readers]
        plan = plan_mix(heard, samples, preset, target_lufs=target_lufs, true_peak_db=true_peak_db)
        plan = replace(plan, channels=channels)
        mixed = [MixedSound(each, reader) for each, reader in zip(plan.sounds, readers, strict=True)]
        over_music = dialogue_over_music(heard, plan)
        return render_mix(plan, mixed, over_music, to=to, stems=stems, headroom_db=headroom_db, origins=origins)
