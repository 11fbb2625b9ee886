"""Muxes takes under a picture, whose packets are copied unchanged wherever the film then shows the same frames."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ...atomic_io import atomic_write, temp_dir
from ...cue import SAMPLE_RATE
from ...errors import MediaError
from .. import ffmpeg
from ..decoder import VideoSource
from ..encoder import encode_movie
from ..ffmpeg_program import OLDEST_RELIABLE_VERSION, major_version
from ..marks import append_xmp_box
from ..marks.signing import sign_file
from ..packets import clock_options, index_packets
from ..probe import list_frames
from .film_check import check_film
from .joined_sound import JoinedSound, place_joined_sound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction
    from pathlib import Path

    from ...cancellation import CancelToken
    from ..marks import XmpMark
    from ..probe import AudioStream, MediaInfo, VideoStream

log = logging.getLogger("tracklay.picture")

MP4_CODECS = frozenset({"h264", "hevc", "av1", "mpeg4", "vp9", "mpeg1video", "mpeg2video"})
MOV_CODECS = frozenset({"prores", "dnxhd", "mjpeg", "qtrle", "png", "v210", "cfhd", "dvvideo", "hap", "jpeg2000"})
MKV_CODECS = frozenset(
    {"vp8", "theora", "ffv1", "huffyuv", "ffvhuff", "utvideo", "vc1", "wmv1", "wmv2", "wmv3", "msmpeg4v2", "msmpeg4v3"}
    | {"flv1", "h263", "rv10", "rv20", "rv30", "rv40", "svq1", "svq3", "cinepak", "indeo3", "indeo5"}
)
"""Video codecs that players commonly support in each container. All others are encoded: no container takes their packets as they are."""

MOV_AND_MP4_CODECS = frozenset({"h264", "hevc", "mpeg4", "mpeg1video", "mpeg2video"})
"""Codecs of `MP4_CODECS` that QuickTime files hold too."""

MP4_ENCODED_CHANNELS = 2
"""Channels of own sound that are kept in MP4 where they must be encoded: ALAC has few layouts of more."""

PCM_CODECS = frozenset(
    {"pcm_u8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f64le"}
    | {"pcm_alaw", "pcm_mulaw"}
)
"""PCM that MOV and Matroska both take: not that of Blu-ray, of DVDs, and with a plane for each channel."""

COPYABLE_AUDIO_CODECS = {
    "mp4": frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"}),
    "mov": frozenset({"aac", "mp3", "ac3", "eac3", "alac", "pcm_s8", "pcm_f32be", "pcm_f64be"}) | PCM_CODECS,
    "mkv": frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac", "vorbis", "dts"}) | PCM_CODECS,
}
"""Audio codecs whose packets are copied, by container. Other sound becomes PCM in MOV and Matroska, and ALAC in MP4."""

AAC_OPTIONS = {"c": "aac", "aac_coder": "fast", "aac_pns": 0, "aac_is": 0}
"""Options of the AAC encoder: waveform coding only, without noise substitution and intensity stereo.

At 320 kb/s ffmpeg's fast coder is more exact than its slow one, in a third of the time: signal to error is 39 against 37 dB for the
demo's foley, and 50 against 37 dB for its music (measured).
"""

NO_DECODER = "none"
"""ffmpeg's name of the codec of a stream that it cannot decode or name (Apple's spatial sound)."""

DECODED = "decoded"
"""The name here of sound that cannot be copied, whatever its codec."""

MUXER_NAMES = {"mp4": "mp4", "mov": "mov", "mkv": "matroska"}


def choose_container(media: MediaInfo, video: VideoStream) -> str:
    """Return the file suffix, without its dot, of the container for a picture: mp4 if its codec and its own sound fit."""
    if _can_copy(video) and video.codec in MOV_CODECS:
        return "mov"
    if _can_copy(video) and video.codec in MKV_CODECS:
        return "mkv"
    if any(
        audio.channels > MP4_ENCODED_CHANNELS
        and (is_placed(media, video) or audio.codec not in COPYABLE_AUDIO_CODECS["mp4"])
        for audio in media.audio
        if audio.codec != NO_DECODER
    ):
        return "mov" if video.codec in MOV_AND_MP4_CODECS or video.codec not in MP4_CODECS else "mkv"
    return "mp4"


def is_placed(media: MediaInfo, video: VideoStream) -> bool:
    """Return True if own sound is placed by its samples, and so encoded.

    It is in joined recordings, and in an AVI whose picture begins late: there times of sound are whole packets of up to 32 ms.
    """
    return video.runs_on or (media.container == "avi" and video.start > 0)


def place_own_sound(
    media: MediaInfo, video: VideoStream, audio: AudioStream, *, cancel_token: CancelToken | None = None
) -> Any:
    """Return own sound that is placed by its samples (`is_placed`), as an ffmpeg-python stream from the picture's first frame on.

    Raises:
        MediaError: it cannot be matched with the picture.
        Cancelled: the token was cancelled.
    """
    # An input of its own: ffmpeg's clock begins with the first of all streams that are read from one.
    own = ffmpeg.input_stream(media.path)[str(audio.index)]
    if video.runs_on:
        sound = place_joined_sound(media.path, video, audio, cancel_token=cancel_token)
    else:
        sound = JoinedSound(((0, -round(video.start * audio.sample_rate)),), audio.sample_rate)
    return sound.place(own)


def _can_copy(video: VideoStream) -> bool:
    return video.has_pts and video.codec in MP4_CODECS | MOV_CODECS | MKV_CODECS


def aac_options(bit_rate: str, stream_specifier: str = ":a") -> dict[str, Any]:
    """Return ffmpeg's options for AAC with `AAC_OPTIONS`, as `320k`, for the streams of a specifier, as `:a:0`."""
    return {f"{name}{stream_specifier}": value for name, value in (AAC_OPTIONS | {"b": bit_rate}).items()}


def mux_takes(
    media: MediaInfo,
    video: VideoStream,
    takes: Sequence[tuple[Path, Fraction]],
    to: Path,
    *,
    mark: XmpMark | None = None,
    drop_original: bool = False,
    layout: str = "stereo",
    cancel_token: CancelToken | None = None,
) -> tuple[str, ...]:
    """Write a picture with takes under it. Its own sound is kept as further tracks. Return notes about what could not be kept.

    The takes are mixed on one track that is as long as the picture and silent between them: not all players respect a track that
    starts late. The picture's packets are copied if the container takes them and the film then shows the same frames at the same
    times; otherwise it is encoded.

    Args:
        media: the file with the picture.
        video: its video stream.
        takes: files with sound, each with its start in seconds from the picture's first frame.
        to: the file to write; its suffix chooses the container.
        mark: says in the film that its sound was generated; None if it was not.
        drop_original: leave the picture's own sound out.
        layout: ffmpeg's name of the layout of the track with takes.
        cancel_token: cancels the work.

    Raises:
        MediaError: ffmpeg failed, or the film is not the picture whichever way it is made.
        OutputError: no space or no permission to write.
        Cancelled: the token was cancelled.
    """
    own = () if drop_original else tuple(audio for audio in media.audio if audio.codec != NO_DECODER)
    copied = tuple(
        audio for audio in own if _choose_audio_codec(to, audio.codec) == "copy" and not is_placed(media, video)
    )
    failure: MediaError | None = None
    with temp_dir(to.parent) as work:
        for is_copy in (True, False) if _can_copy(video) else (False,):
            picture: Path | None = None
            try:
                content_hash = ""
                if is_copy:
                    times, content_hash = _shown_frames(media.path, video, cancel_token)
                else:
                    picture = work / "movie.mp4"
                    source = VideoSource(media.path, video, video.rate)
                    tick = video.time_base if video.is_variable else None
                    times = encode_movie(source, video.end - video.start, picture, tick=tick, cancel_token=cancel_token)
            except MediaError as error:
                failure = error
                continue
            # Sound that has to be decoded may be damaged: without it there is still a film.
            for sound in dict.fromkeys((own, copied)):
                try:
                    _write_film(
                        media, video, picture, takes, sound, (times, content_hash), to, mark, layout, cancel_token
                    )
                except MediaError as error:
                    log.info("%s, picture %s: %s", to.name, "copied" if is_copy else "encoded", error)
                    failure = error
                    continue
                left_out = [] if drop_original else [audio for audio in media.audio if audio not in sound]
                return tuple(_left_out_note(audio, failure) for audio in left_out)
    assert failure is not None  # noqa: S101 - each way ends with a film or an error
    raise failure


def _left_out_note(audio: AudioStream, failure: MediaError | None) -> str:
    is_unmatched = failure is not None and failure.code == "film.joined_sound"
    reason = "is not in all of the recordings that were joined" if is_unmatched else "cannot be decoded"
    return f"own sound left out: stream {audio.index} ({audio.codec}) {reason}"


def _shown_frames(path: Path, video: VideoStream, cancel_token: CancelToken | None) -> tuple[tuple[Fraction, ...], str]:
    """Return the start of each frame of a stream, in seconds from the first one, and the hash of its packets, if they are all shown."""
    content_hash = ""
    if video.has_index:
        times, _, _, content_hash = list_frames(path, cancel_token=cancel_token)
    else:
        index = index_packets(path, runs_on=video.runs_on, cancel_token=cancel_token)
        times = tuple(tick * index.time_base for tick in index.times)
    return tuple(time - video.start for time in times if time >= video.start), content_hash


def _track_name(mark: XmpMark | None) -> str:
    """Return the name of the track with takes, which players show: Matroska has no place for XMP."""
    return "Tracklay" if mark is None else f"Tracklay ({mark.source_type}: {mark.system})"


def _write_film(
    media: MediaInfo,
    video: VideoStream,
    movie: Path | None,
    takes: Sequence[tuple[Path, Fraction]],
    own_sound: Sequence[AudioStream],
    frames: tuple[Sequence[Fraction], str],
    to: Path,
    mark: XmpMark | None,
    layout: str,
    cancel_token: CancelToken | None,
) -> None:
    """Write a film and check it. `movie` is the encoded picture, None if the source's packets are copied; `frames` as `_shown_frames`.

    Raises:
        MediaError: ffmpeg failed, or the film has not these frames.
    """
    import ffmpeg as builder  # noqa: PLC0415 - ffmpeg-python, slow to import

    kind = to.suffix.removeprefix(".")
    # The picture's first frame moves to 0 from its time on the file's clock, and the file's own sound with it.
    source = ffmpeg.input_stream(
        media.path, itsoffset=f"{float(-video.start):.6f}", **clock_options(runs_on=video.runs_on)
    )
    length = round((video.end - video.start) * SAMPLE_RATE)
    placed = [
        ffmpeg.input_stream(take)["a:0"]
        .filter("aformat", sample_fmts="fltp", channel_layouts=layout)
        .filter("adelay", f"{round(start * SAMPLE_RATE)}S", all=1)
        .filter("apad", whole_len=length)
        .filter("atrim", end_sample=length)
        for take, start in takes
    ]
    mix = placed[0] if len(placed) == 1 else builder.filter(placed, "amix", inputs=len(placed), normalize=0)
    options: dict[str, Any] = {
        "format": MUXER_NAMES[kind],
        "c:v": "copy",
        **(aac_options("640k" if layout == "5.1" else "320k", ":a:0") if kind == "mp4" else {"c:a:0": "pcm_s24le"}),
        # The name of a track: in Matroska its title, in MP4 and QuickTime that of its handler.
        "metadata:s:a:0": f"{'title' if kind == 'mkv' else 'handler_name'}={_track_name(mark)}",
        "disposition:a:0": "default",
        "map_metadata": 0,
        "map_chapters": 0,
    }
    streams = [source["V:0"] if movie is None else ffmpeg.input_stream(movie)["V:0"], mix]
    for number, audio in enumerate(own_sound, 1):
        if is_placed(media, video):
            streams.append(place_own_sound(media, video, audio, cancel_token=cancel_token))
        else:
            streams.append(source[str(audio.index)])
        options[f"c:a:{number}"] = _choose_audio_codec(to, DECODED if is_placed(media, video) else audio.codec)
        options[f"disposition:a:{number}"] = "0"
    if kind == "mp4":
        options["strict"] = "experimental"  # ffmpeg 5.1 calls FLAC in MP4 so
    if kind in ("mp4", "mov"):
        options["movflags"] = "+faststart"
    with atomic_write(to) as beside:
        out = builder.output(*streams, ffmpeg.output_url(beside), **options)
        ffmpeg.run_ffmpeg(out, f"Could not write {to.name}", cancel_token=cancel_token)
        if mark is not None and kind in ("mp4", "mov"):
            append_xmp_box(beside, mark.packet)
            sign_file(beside, mark, to.name, [media.path, *(take for take, _ in takes)])
        times, content_hash = frames
        check_film(
            beside,
            times,
            (0, *(audio.channels for audio in own_sound)),
            has_fields=movie is None and video.may_have_fields,
            content_hash=content_hash,
            cancel_token=cancel_token,
        )


def _choose_audio_codec(to: Path, codec: str) -> str:
    suffix = to.suffix.removeprefix(".")
    if suffix == "mkv" and codec == "opus" and (major_version() or OLDEST_RELIABLE_VERSION) < OLDEST_RELIABLE_VERSION:
        # ffmpeg 5 plays copied Opus in Matroska early, by the samples that its decoder skips.
        return "pcm_s24le"
    if codec in COPYABLE_AUDIO_CODECS[suffix]:
        return "copy"
    return "alac" if suffix == "mp4" else "pcm_s24le"
