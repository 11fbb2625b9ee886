"""Writes the player files of rows: one MP4 each, with the picture's proxy and a sound, several by one start of ffmpeg."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..atomic_io import atomic_write
from ..errors import MediaError
from ..media import ffmpeg
from ..media.film.mux import aac_options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction
    from pathlib import Path

    from ..cancellation import CancelToken

PLAYER_BIT_RATE = "160k"
"""Bit rate of the player's AAC, the codec that every browser plays in MP4."""


@dataclass(frozen=True, slots=True)
class Player:
    """A player file to write.

    Attributes:
        to: the MP4.
        proxy: its picture, which is copied; None for sound alone.
        sound: its sound; None for a picture alone.
        part: stretch of the sound that is heard, its start and its length in seconds; None for all of it.
    """

    to: Path
    proxy: Path | None
    sound: Path | None
    part: tuple[Fraction, Fraction] | None = None


def write_players(players: Sequence[Player], *, cancel_token: CancelToken | None = None) -> dict[Path, MediaError]:
    """Write player files, and return the errors of those that could not be written.

    Raises:
        OutputError: the folder cannot be written to.
        Cancelled: the user cancelled.
    """
    try:
        _write_together(players, cancel_token)
    except MediaError as error:
        if len(players) == 1:
            return {players[0].to: error}
        failures: dict[Path, MediaError] = {}
        for player in players:  # one unreadable file stops all: each is tried alone
            failures |= write_players([player], cancel_token=cancel_token)
        return failures
    return {}


def _write_together(players: Sequence[Player], cancel_token: CancelToken | None) -> None:
    import ffmpeg as builder  # noqa: PLC0415 - ffmpeg-python, slow to import

    outputs = []
    with ExitStack() as stack:
        for player in players:
            streams: list[Any] = []
            options: dict[str, Any] = {"format": "mp4", "movflags": "+faststart", "map_metadata": -1}
            if player.proxy:
                streams.append(ffmpeg.input_stream(player.proxy)["V:0"])
                options["c:v"] = "copy"
            if player.sound:
                # Of an uncompressed file ffmpeg seeks to the sample.
                seek: dict[str, Any] = {}
                if player.part:
                    seek = {"ss": f"{float(player.part[0]):.6f}", "t": f"{float(player.part[1]):.6f}"}
                streams.append(ffmpeg.input_stream(player.sound, **seek)["a:0"])
                options.update(aac_options(PLAYER_BIT_RATE))
            beside = stack.enter_context(atomic_write(player.to))
            outputs.append(builder.output(*streams, ffmpeg.output_url(beside), **options))
        if outputs:
            ffmpeg.run_ffmpeg(
                builder.merge_outputs(*outputs) if len(outputs) > 1 else outputs[0],
                "could not write the player file",
                cancel_token=cancel_token,
            )
