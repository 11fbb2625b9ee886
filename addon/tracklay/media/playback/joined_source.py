"""A joined picture as a source of frames: its pieces one after the other, and black where none plays."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from ...timing import Span, TimeMap
from ..decoder import DecodedFrame, FrameSource, ScaleOptions
from ..fingerprint import pieces_in
from ..frame_plan import plan_frames
from .plan_decoder import decode_plan

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from ...cancellation import CancelToken
    from ...cue import Picture, PicturePiece
    from ...timing import Rate

BLACK_LUMA, NEUTRAL_CHROMA = b"\x10", b"\x80"
"""Black in 8-bit video levels (ITU-R BT.709, table 4.6)."""

SourceOpener = Callable[..., FrameSource]
"""`extract.open_source`."""


@dataclass(frozen=True, slots=True)
class JoinedSource:
    """The pieces of a joined picture as one source, whose clock is the timeline's: it begins with the picture's first frame.

    All frames have the size of the first piece that is shown; a piece of another shape has black bars.

    Attributes:
        picture: the picture, with `pieces`.
        work_dir: folder for temporary files.
        open_piece: opens the picture of a piece, when it is reached.
        held_images: names of the images that could not be decoded, of those read so far.
    """

    picture: Picture
    work_dir: Path
    open_piece: SourceOpener
    held_images: list[str] = field(default_factory=list, compare=False)

    @property
    def name(self) -> str:
        """Name for messages."""
        return self.picture.source.name

    @property
    def rate(self) -> Rate:
        """The timeline's frame rate: all frames of the pieces keep their times, also those between two timeline frames."""
        return self.picture.pieces[0].span.rate

    @property
    def time_base(self) -> Fraction:
        """Tick of the frames' times, in seconds: those between two timeline frames are rounded to it."""
        return Fraction(1, 1_000_000)

    @property
    def is_still(self) -> bool:
        """False: it is never a single picture."""
        return False

    @property
    def _first_frame(self) -> int:
        return int(self.picture.time_map.points[0][0])

    def key_frame_times(
        self,
        begin: Fraction,
        end: Fraction,
        *,
        cancel_token: CancelToken | None,  # noqa: ARG002 - reads nothing
    ) -> list[Fraction]:
        """Return the times at which pieces begin between two times: decoding can begin at each."""
        starts = [self.rate.seconds(piece.span.start - self._first_frame) for piece in self.picture.pieces]
        return [at for at in starts if begin <= at <= end]

    def frames(
        self, begin: Fraction, end: Fraction, scaling: ScaleOptions, *, cancel_token: CancelToken | None
    ) -> Iterator[DecodedFrame]:
        """Yield the frames from the timeline frame at `begin` on, in seconds from the picture's first frame.

        Raises:
            InvalidInput, MediaError: a piece cannot be opened or decoded.
            Cancelled: the token was cancelled.
        """
        last = int(self.picture.time_map.points[-1][0])
        first = self._first_frame + math.floor(begin * self.rate.fps)
        stop = min(last, self._first_frame + math.ceil(end * self.rate.fps) + 1)
        if stop <= first:
            return
        runs = list(self._runs(Span(first, stop - first, self.rate)))
        shown = next((run for run in runs if run[1] is not None), None)
        model_frame: DecodedFrame | None = None
        opened: Iterator[DecodedFrame] = iter(())
        if shown is not None:
            # The first piece decides on the size of the black before it: its first frame is decoded before it is due.
            with closing(self._decode(*shown, scaling, cancel_token)) as opening:
                model_frame = next(opening, None)
                opened = chain([] if model_frame is None else [model_frame], opening)
                yield from self._join(runs, shown, opened, model_frame, scaling, cancel_token)
            return
        yield from self._join(runs, None, opened, model_frame, scaling, cancel_token)

    def _join(
        self,
        runs: Sequence[tuple[Span, PicturePiece | None]],
        shown: tuple[Span, PicturePiece | None] | None,
        opened: Iterator[DecodedFrame],
        model_frame: DecodedFrame | None,
        scaling: ScaleOptions,
        cancel_token: CancelToken | None,
    ) -> Iterator[DecodedFrame]:
        """Yield the frames of all runs. `shown` is the run that is decoded already, by `opened`, and begins with `model_frame`."""
        size = scaling.exact_size or (model_frame.size if model_frame else (2 * (scaling.short_side // 2),) * 2)
        matrix = model_frame.color_matrix if model_frame else ""
        fitting = replace(scaling, exact_size=size, keeps_shape=True)
        for run in runs:
            span, piece = run
            if piece is None:
                black = BLACK_LUMA * (size[0] * size[1]) + NEUTRAL_CHROMA * (size[0] * size[1] // 2)
                for frame in range(span.start, span.end):
                    at = self.rate.seconds(frame - self._first_frame)
                    yield DecodedFrame(at, size, black, matrix, size)
            elif run is shown:
                yield from opened
            else:
                with closing(self._decode(span, piece, fitting, cancel_token)) as decoded:
                    yield from decoded

    def _runs(self, span: Span) -> Iterator[tuple[Span, PicturePiece | None]]:
        """Yield the pieces that fill a span, each with its frames in it; None where nothing plays."""
        at = span.start
        for piece, inside in pieces_in(self.picture, span):
            if at < inside.start:
                yield Span(at, inside.start - at, self.rate), None
            yield inside, piece
            at = inside.end
        if at < span.end:
            yield Span(at, span.end - at, self.rate), None

    def _decode(
        self, span: Span, piece: PicturePiece | None, scaling: ScaleOptions, cancel_token: CancelToken | None
    ) -> Generator[DecodedFrame]:
        """Decode the frames of a piece in a span, with their times on this source's clock."""
        assert piece is not None  # noqa: S101 - gaps are not decoded
        picture = piece.picture
        folder = self.work_dir / f"piece{self.picture.pieces.index(piece)}"
        folder.mkdir(exist_ok=True)
        source = self.open_piece(picture, folder, cancel_token=cancel_token)
        time_map = TimeMap.linear(span, Fraction(0), Fraction(0)) if source.is_still else picture.time_map
        planned = plan_frames(time_map, span, source.rate, picture.frame_rule)
        offset = self.rate.seconds(span.start - self._first_frame)
        for at, frame in decode_plan(source, planned, scaling, cancel_token):
            yield frame._replace(time=offset + at)
        self.held_images.extend(name for name in source.held_images if name not in self.held_images)
