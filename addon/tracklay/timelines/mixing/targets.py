"""The kinds of pictures that can be mixed: where their sounds come from, and in what form the mix goes back to them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from typing import TYPE_CHECKING

from ...atomic_io import temp_dir
from ...errors import InvalidInput
from ...listening.loudness import true_peaks
from ...mix.decoded_sound import DecodedSounds
from ...mix.gain_curve import db_of_gain, gain_of_db
from ...mix.layouts import name_of_channels
from .. import open_timeline
from ..formats import BLEND_SUFFIX
from ..media_file import MediaFile
from .media_scene import read_media_scene

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ...media.marks import XmpMark
    from ...mix.kinds import Kind
    from ...mix.plan import MixPlan
    from ..base import Timeline
    from ..otio.timeline import OtioFile
    from .otio_scene import PlacedClip
    from .scene import MixScene


AAC_HEADROOM_DB = 0.3
"""Decibels that peaks stay below the ceiling in a film with AAC. At 320 kb/s it was seen to raise them by 0.1 dB."""

_PEAK_BLOCK_SAMPLES, _PEAK_STEP = 1 << 16, 64


class MixTarget(ABC):
    """A picture to be mixed. `path` is the file that plays the mix, `needs_stems` says whether stems are part of it.

    `start` is the mix's first sample in seconds, as the starts of takes count.
    `headroom_db` is what peaks of the mix stay below the ceiling, because the file's codec moves them.
    """

    start: Fraction = Fraction(0)
    needs_stems = False
    headroom_db = 0.0
    timeline: Timeline
    folder: Path
    path: Path

    @abstractmethod
    def read_scene(self, work: Path) -> tuple[MixScene, Sequence[str]]:
        """Return the sounds, and notes on those that are left out. `work` is a folder for sounds that are decoded for the mix."""

    @abstractmethod
    def check_free(self, earlier: frozenset[str]) -> None:
        """Check that `path` may be written; `earlier` are the names of files that an earlier mix wrote.

        Raises:
            InvalidInput: a file of the user's is there.
        """

    @abstractmethod
    def write(self, plan: MixPlan, sound: Path, stems: Mapping[Kind, Path], mark: XmpMark | None) -> Sequence[str]:
        """Write `path`, and return notes. `mark` says in a film that it has generated sound."""


class FilmTarget(MixTarget):
    """A media file or images: the mix is the first sound of the film with its takes."""

    def __init__(self, timeline: MediaFile, folder: Path, *, drop_original: bool) -> None:
        self.timeline: MediaFile = timeline
        self._drop_original = drop_original
        self.folder, self.path = folder, timeline.laid_path(folder)
        self.headroom_db = AAC_HEADROOM_DB if self.path.suffix == ".mp4" else 0.0

    def read_scene(self, work: Path) -> tuple[MixScene, Sequence[str]]:
        return read_media_scene(self.timeline, self.folder, work, drop_original=self._drop_original), ()

    def check_free(self, earlier: frozenset[str]) -> None:
        if self.path.name not in earlier:
            self.timeline.check_folder(self.folder)

    def write(
        self,
        plan: MixPlan,
        sound: Path,
        stems: Mapping[Kind, Path],  # noqa: ARG002 - a film has the mix alone
        mark: XmpMark | None,
    ) -> Sequence[str]:
        placed = [(sound, Fraction(0))]
        layout = name_of_channels(plan.channels)
        notes = self.timeline.write_film(placed, self.path, mark=mark, drop_original=self._drop_original, layout=layout)
        peak_db = db_of_gain(_file_true_peak(self.path, gain_of_db(plan.true_peak_db)))
        if peak_db <= plan.true_peak_db:
            return notes
        over = f"The sound of {self.path.name} peaks at {peak_db:.1f} dBTP after its codec; {sound.name} keeps {plan.true_peak_db:g}."
        return [*notes, over]


class OtioTarget(MixTarget):
    """A timeline: the mix and its stems are tracks of a copy. Takes are read from the copy that `tracklay lay` wrote, if there is one."""

    needs_stems = True
    _clips: Mapping[str, PlacedClip]

    def __init__(self, timeline: OtioFile, folder: Path) -> None:
        from ..otio.formats import read_timeline  # noqa: PLC0415 - OpenTimelineIO may not be installed
        from ..otio.text_patch import has_signed_tracks  # noqa: PLC0415

        self.timeline: OtioFile = timeline
        self.folder = folder
        self.path = folder / f"{timeline.output_stem(folder)}.mix.otio"
        self.start = timeline.rate.seconds(timeline.frame_of_time("0f"))
        laid = timeline.laid_path(folder)
        self._source = read_timeline(laid if laid.is_file() and has_signed_tracks(laid) else timeline.path)

    def read_scene(self, work: Path) -> tuple[MixScene, Sequence[str]]:  # noqa: ARG002
        from .otio_scene import read_otio_scene  # noqa: PLC0415

        scene, notes, self._clips = read_otio_scene(self._source)
        return scene, notes

    def check_free(self, earlier: frozenset[str]) -> None:  # noqa: ARG002 - the file is signed
        from ..otio.text_patch import has_signed_tracks  # noqa: PLC0415

        if self.path.exists() and not has_signed_tracks(self.path):
            raise InvalidInput(
                "otio.output_changed", "File was not written by Tracklay, or was changed since: {path}.", path=self.path
            )

    def write(
        self,
        plan: MixPlan,
        sound: Path,
        stems: Mapping[Kind, Path],
        mark: XmpMark | None,  # noqa: ARG002 - the sound files have it
    ) -> Sequence[str]:
        from .otio_tracks import write_mixed_timeline  # noqa: PLC0415

        write_mixed_timeline(self._source, self._clips, self.timeline.rate, plan, sound, stems, self.path)
        return ()


def _file_true_peak(path: Path, worth: float) -> float:
    """Return the highest true peak of a file's first sound, linear; at least `worth` if it is that high."""
    highest = 0.0
    with temp_dir(path.parent) as work, DecodedSounds(work) as sounds:
        sound = sounds.open(path)
        for start in range(0, sound.samples, _PEAK_BLOCK_SAMPLES):
            block = sound.read(start - _PEAK_STEP, start + _PEAK_BLOCK_SAMPLES + _PEAK_STEP)
            # The steps at both ends see a cut that is not in the sound.
            highest = max(highest, float(true_peaks(block.T, _PEAK_STEP, worth)[1:-1].max()))
    return highest


def check_mixable(timeline: Timeline) -> None:
    """Check that a timeline can be mixed outside its editor.

    Raises:
        InvalidInput: it is a Blender file.
    """
    if timeline.path.suffix.lower() == BLEND_SUFFIX:
        raise InvalidInput(
            "mix.blend", "A Blender file is mixed in Blender: {path}. Open it there.", path=timeline.path
        )


def open_target(picture: Path, folder: Path | None, *, drop_original: bool = False) -> MixTarget:
    """Open a picture for a mix.

    Args:
        picture: a media file, images, or a timeline that OpenTimelineIO reads.
        folder: the folder with its takes, in which the mix is written; None: the timeline's own.
        drop_original: leave a media file's own sound out. A timeline's was left out of the copy that `tracklay lay` wrote.

    Raises:
        InvalidInput: it is none of these, or cannot be read.
    """
    timeline = open_timeline(picture)
    folder = (folder or timeline.folder).absolute()
    if isinstance(timeline, MediaFile):
        return FilmTarget(timeline, folder, drop_original=drop_original)
    check_mixable(timeline)
    from ..otio.timeline import OtioFile  # noqa: PLC0415 - OpenTimelineIO may not be installed

    assert isinstance(timeline, OtioFile)  # noqa: S101 - the only other kind
    return OtioTarget(timeline, folder)
