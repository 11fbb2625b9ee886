"""Writes the media of a turnover: the WAV of each clip with its handles, copied as it is or decoded, whole or one file a channel."""

from __future__ import annotations

import re
import shutil
from fractions import Fraction
from typing import TYPE_CHECKING

from ..atomic_io import output_error
from ..cue import SAMPLE_RATE
from ..errors import InvalidInput, MediaError
from ..media.bwf import plain_bwf_writer
from ..media.marks import describe_mark, read_xmp
from ..media.wav_reader import WavReader
from ..mix.decoded_sound import DecodedSounds
from .handover import HandoverClip, HandoverTake, HandoverTrack, TurnoverMedia
from .session import ROLES, OtherTake, SessionClip, pack_rows

if TYPE_CHECKING:
    from pathlib import Path

    from ..cancellation import CancelToken
    from ..mix.decoded_sound import SoundReader
    from .session import TurnoverSession

BLOCK_SAMPLES = 1 << 18
"""Samples that are converted at a time."""

CHANNEL_SUFFIXES = {1: ("",), 2: (".L", ".R"), 6: (".L", ".R", ".C", ".LFE", ".Ls", ".Rs")}
"""Ends of the names of files with one channel each, as Pro Tools pairs them. Other layouts are numbered."""

DEFAULT_HANDLE_SECONDS = 1.0
"""Seconds that are kept on both sides of a clip that is a part of a longer file."""

_NOT_IN_NAMES = re.compile(r'[\\/:*?"<>|\x00-\x1f]+')
_MAX_NAME_CHARS = 100


class MediaWriter:
    """The media of one turnover. Each sound is written once, however many clips play it."""

    def __init__(  # noqa: D417 - the class says the rest
        self,
        session: TurnoverSession,
        work: Path,
        folder_name: str,
        *,
        handles: float | None = None,
        is_mono: bool = False,
        cancel_token: CancelToken | None = None,
    ) -> None:
        """Start with no files.

        Args:
            session: the session.
            work: the folder of the unfinished turnover.
            folder_name: the name of the folder of media in it.
            handles: seconds to keep on both sides of a clip that is a part of a longer file; None: a second.
            is_mono: write one file for each channel.
        """
        self._session, self._work, self._folder_name = session, work, folder_name
        # Whole frames: programs that count in frames find the clip in the file by one.
        seconds = Fraction(DEFAULT_HANDLE_SECONDS if handles is None else handles)
        self._handles = session.rate.samples(session.rate.frames(seconds), SAMPLE_RATE)
        self._is_mono, self._cancel_token = is_mono, cancel_token
        self._names: set[str] = set()
        self._whole: dict[tuple[Path, int | None], tuple[TurnoverMedia, ...]] = {}
        (work / folder_name).mkdir()

    def write_tracks(self) -> tuple[HandoverTrack, ...]:
        """Write all media and return the tracks: those of one role together, numbered where sounds overlap.

        Raises:
            InvalidInput: a file is missing.
            MediaError: a file cannot be read, or a clip plays past its end.
            OutputError: a file cannot be written.
        """
        decoded = self._work / "decoded"
        decoded.mkdir()
        tracks: list[HandoverTrack] = []
        with DecodedSounds(decoded, self._cancel_token) as sounds:
            for role in ROLES:
                rows = pack_rows([clip for clip in self._session.clips if clip.role == role])
                for number, row in enumerate(rows, 1):
                    name = role if len(rows) == 1 else f"{role} {number}"
                    tracks += self._write_row(name, row, sounds)
        shutil.rmtree(decoded, ignore_errors=True)
        return tuple(tracks)

    def _write_row(self, name: str, row: list[SessionClip], sounds: DecodedSounds) -> list[HandoverTrack]:
        """Return the track of clips that do not overlap, or one for each channel."""
        by_channel: dict[str, list[HandoverClip]] = {}
        for clip in row:
            taken = [
                self._write_take(clip, None, sounds),
                *(self._write_take(clip, take, sounds) for take in clip.takes),
            ]
            first_media, _ = taken[0]
            for index, media in enumerate(first_media):
                takes = tuple(
                    HandoverTake(
                        (clip.name if number == 0 else clip.takes[number - 1].name)
                        + (self._suffix(first_media, index) if self._is_mono else ""),
                        media if number == 0 else files[min(index, len(files) - 1)],
                        source_in,
                    )
                    for number, (files, source_in) in enumerate(taken)
                )
                made = HandoverClip(
                    takes, clip.start, clip.samples, clip.gain, clip.fade_in, clip.fade_out, clip.comment
                )
                by_channel.setdefault(self._suffix(first_media, index), []).append(made)
        role = row[0].role
        return [HandoverTrack(name + suffix, role, tuple(clips)) for suffix, clips in by_channel.items()]

    def _suffix(self, files: tuple[TurnoverMedia, ...], index: int) -> str:
        if not self._is_mono:
            return ""
        suffixes = CHANNEL_SUFFIXES.get(len(files))
        return suffixes[index] if suffixes else f".A{index + 1}"

    def _write_take(
        self, clip: SessionClip, take: OtherTake | None, sounds: DecodedSounds
    ) -> tuple[tuple[TurnoverMedia, ...], int]:
        """Return the files of what plays in a clip, one for each channel if they are split, and its first sample in them."""
        file = take.file if take else clip.file
        source_in = take.source_in if take else clip.source_in
        if not file.is_file():
            raise InvalidInput(
                "turnover.media_missing",
                "The sound of {clip} is missing: {path}. Put it back, or take the clip out.",
                clip=clip.name,
                path=file,
            )
        stream, zero = (None, Fraction(0)) if take else (clip.stream, clip.zero)
        key = file, stream
        if key in self._whole:
            return self._whole[key], source_in
        sound = sounds.open(file, stream, find_zero(file) if zero is None else zero)
        if source_in < 0 or source_in + clip.samples > sound.samples:
            self._check_length(clip, file, source_in, sound)
        is_whole = clip.is_whole or take is not None or sound.samples <= clip.samples + 2 * self._handles
        first = 0 if is_whole else source_in - min(self._handles, self._whole_frames(source_in))
        stop = max(sound.samples, source_in + clip.samples)
        stop = stop if is_whole else min(stop, source_in + clip.samples + self._handles)
        written = self._write_media(clip, take, file, sound, first, stop, source_in)
        if is_whole:
            self._whole[key] = written
        return written, source_in - first

    def _whole_frames(self, samples: int) -> int:
        """Return the samples of the whole frames in a number of samples."""
        rate = self._session.rate
        frames = rate.frames(Fraction(samples, SAMPLE_RATE))
        return rate.samples(frames - (rate.samples(frames, SAMPLE_RATE) > samples), SAMPLE_RATE)

    def _check_length(self, clip: SessionClip, file: Path, source_in: int, sound: SoundReader) -> None:
        # Rounding of times in other programs' files and the blocks of codecs: that much silence at an end is no fault.
        spare = round(self._session.rate.seconds(1) * SAMPLE_RATE)
        if source_in < 0 or source_in + clip.samples > sound.samples + spare:
            raise MediaError(
                "turnover.media_too_short",
                "{clip} plays past the end of its sound: {path} has {samples} samples, the clip needs {needed}.",
                clip=clip.name,
                path=file,
                samples=sound.samples,
                needed=source_in + clip.samples,
            )

    def _write_media(
        self,
        clip: SessionClip,
        take: OtherTake | None,
        file: Path,
        sound: SoundReader,
        first: int,
        stop: int,
        source_in: int,
    ) -> tuple[TurnoverMedia, ...]:
        stem = clean_name(file.stem if file.suffix.lower() == ".wav" else (take.name if take else clip.name))
        reference = max(0, self._session.start_sample + clip.start - source_in + first)
        ready = ready_time_reference(file) if first == 0 and stop == sound.samples else None
        if ready is not None:
            reference = ready
            if not self._is_mono or sound.channels == 1:
                target = self._new_file(stem, "")
                shutil.copyfile(file, target)
                return (self._media(target, sound.channels, stop, reference),)
        if not self._is_mono:
            target = self._new_file(stem, "")
            self._convert(file, sound, first, stop, target, reference, slice(None))
            return (self._media(target, sound.channels, stop - first, reference),)
        written = []
        suffixes = CHANNEL_SUFFIXES.get(sound.channels) or tuple(f".A{n + 1}" for n in range(sound.channels))
        for channel, suffix in enumerate(suffixes):
            target = self._new_file(stem, suffix)
            self._convert(file, sound, first, stop, target, reference, slice(channel, channel + 1))
            written.append(self._media(target, 1, stop - first, reference))
        return tuple(written)

    def _convert(
        self, source: Path, sound: SoundReader, first: int, stop: int, target: Path, reference: int, channels: slice
    ) -> None:
        """Write a stretch of a file's sound, with the mark that the file has."""
        mark = read_xmp(source)
        count = len(range(*channels.indices(sound.channels)))
        try:
            with target.open("wb") as file:
                description = describe_mark(mark) or target.stem
                writer = plain_bwf_writer(file, count, SAMPLE_RATE, description, time_reference=reference, xmp=mark)
                for begin in range(first, stop, BLOCK_SAMPLES):
                    if self._cancel_token is not None:
                        self._cancel_token.raise_if_cancelled()
                    writer.write(sound.read(begin, min(stop, begin + BLOCK_SAMPLES))[:, channels])
                writer.close()
        except OSError as error:
            raise output_error(error, target.parent) from error

    def _new_file(self, stem: str, suffix: str) -> Path:
        """Return a path for a new file. Names that differ only in case are one name on many disks."""
        name, number = f"{stem}{suffix}", 1
        while name.casefold() in self._names:
            number += 1
            name = f"{stem} {number}{suffix}"
        self._names.add(name.casefold())
        return self._work / self._folder_name / f"{name}.wav"

    def _media(self, file: Path, channels: int, samples: int, reference: int) -> TurnoverMedia:
        return TurnoverMedia(f"{self._folder_name}/{file.name}", file, channels, samples, reference)


def clean_name(name: str) -> str:
    """Return a name that every file system can hold."""
    return _NOT_IN_NAMES.sub("_", name).strip(" .")[:_MAX_NAME_CHARS] or "sound"


def find_zero(path: Path) -> Fraction:
    """Return the time of a file's first picture on its own clock, in seconds; 0 without a picture.

    Raises:
        MediaError: the file cannot be read.
    """
    if path.suffix.lower() == ".wav":
        return Fraction(0)
    from ..media.probe import probe_media  # noqa: PLC0415 - only for sound of other files

    video = probe_media(path).video
    return video.start if video else Fraction(0)


def ready_time_reference(path: Path) -> int | None:
    """Return the time reference of a 24-bit Broadcast Wave at `SAMPLE_RATE`, which is handed over as it is; None for other files."""
    try:
        with WavReader(path) as wav:
            is_ready = wav.format.sample_rate == SAMPLE_RATE and wav.format.bits == 24
            return wav.time_reference if is_ready else None
    except MediaError:
        return None
