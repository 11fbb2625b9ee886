"""AAF: one composition with a track for each role, its sounds linked or embedded, gains, fades, markers and timecode.

Pro Tools wants one composition and one channel a file; all programs find a linked file by its URL or beside the AAF. Every file has a tape
of its own, which begins at timecode zero: the file's place on it is the time reference of its bext chunk, to the sample. Fades are
transitions with silence, as Media Composer writes them. AAF Edit Protocol, 5.1 (mobs), 10.2 (transitions), 12 (parameters).
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import aaf2
from aaf2 import auid, misc

from ...cue import SAMPLE_RATE
from ...media.bwf import BYTES_PER_SAMPLE
from ..handover import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from ..handover import Handover, HandoverClip, HandoverTrack, TurnoverMedia
    from ..session import SessionMark

DAY_SAMPLES = 24 * 3600 * SAMPLE_RATE
"""Length of a tape."""

MAX_DENOMINATOR = 1_000_000
"""Denominator of a gain: its error is far below 0.001 dB."""

MONO_AUDIO_GAIN = auid.AUID("9d2ea894-0968-11d3-8a38-0050040ef7d2")
MONO_AUDIO_DISSOLVE = auid.AUID("0c3bea41-fc05-11d2-8a29-0050040ef7d2")
AMPLITUDE = auid.AUID("e4962321-2267-11d3-8a4c-0050040ef7d2")
LEVEL = auid.AUID("e4962320-2267-11d3-8a4c-0050040ef7d2")
"""Identifiers of the AAF Edit Protocol for operations and their parameters."""

INTERLEAVED_NOTE = "The AAF refers to files with several channels, which some programs read as noise: --mono writes one file a channel."


def write_file(handover: Handover, path: Path) -> None:
    """Write the AAF."""
    with aaf2.open(str(path), "w") as file:
        _AafWriter(file, handover).write_composition()
    if any(clip.media.channels > 1 for track in handover.tracks for clip in track.clips):
        handover.notes.append(INTERLEAVED_NOTE)


class _AafWriter:
    def __init__(self, file: Any, handover: Handover) -> None:
        self._file, self._handover = file, handover
        self._masters: dict[tuple[str, str], Any] = {}
        self._file_mobs: dict[str, Any] = {}
        self._define_operations()

    def _define_operations(self) -> None:
        dictionary, create = self._file.dictionary, self._file.create
        rational = dictionary.lookup_typedef("Rational")
        interpolation = create.InterpolationDef(misc.LinearInterp, "LinearInterp", "Linear keyframe interpolation")
        dictionary.register_def(interpolation)
        operations = (
            (MONO_AUDIO_GAIN, "Mono Audio Gain", 1, AMPLITUDE, "Amplitude"),
            (MONO_AUDIO_DISSOLVE, "Mono Audio Dissolve", 2, LEVEL, "Level"),
        )
        for identifier, name, inputs, parameter, parameter_name in operations:
            dictionary.register_def(create.ParameterDef(parameter, parameter_name, "", rational))
            operation = create.OperationDef(identifier, name, "")
            operation.media_kind = "sound"
            operation["NumberInputs"].value = inputs
            operation["IsTimeWarp"].value = False
            operation["Bypass"].value = 0
            operation["ParametersDefined"].append(dictionary.lookup_parameterdef(parameter_name))
            dictionary.register_def(operation)

    def write_composition(self) -> None:
        session = self._handover.session
        composition = self._file.create.CompositionMob(one_line(session.name))
        composition.usage = "Usage_TopLevel"
        self._file.content.mobs.append(composition)
        self._add_timecode(composition)
        for number, track in enumerate(self._handover.tracks, 1):
            slot = composition.create_timeline_slot(SAMPLE_RATE)
            slot.name = track.name
            slot["PhysicalTrackNumber"].value = number
            slot.segment = self._build_sequence(track)
        self._add_marks(composition)
        for track in self._handover.tracks:
            for clip in track.clips:
                for take in clip.takes[1:]:
                    self._master_of(take.media, take.name)

    def _add_timecode(self, composition: Any) -> None:
        slot = self._create_timecode_slot(
            composition, self._handover.session.start_frame, self._frames(self._handover.samples)
        )
        slot.name = "TC1"

    def _create_timecode_slot(self, mob: Any, start: int, frames: int) -> Any:
        session = self._handover.session
        slot = mob.create_timeline_slot(session.rate.fps)
        slot.segment = self._file.create.Timecode(session.rate.nominal_fps, drop=session.drop_frame, length=frames)
        slot.segment.start = start
        slot["PhysicalTrackNumber"].value = 1
        return slot

    def _frames(self, samples: int) -> int:
        return round(samples * self._handover.session.rate.fps / SAMPLE_RATE)

    def _build_sequence(self, track: HandoverTrack) -> Any:
        """Return the clips of a track with silence between them. A fade overlaps the silence beside it, which is longer by it."""
        sequence = self._file.create.Sequence(media_kind="sound")
        end = fade = 0
        for clip in track.clips:
            self._add_silence(sequence, clip.start - end + fade + clip.fade_in)
            if clip.fade_in:
                sequence.components.append(self._build_fade(clip.fade_in, 0))
            sequence.components.append(self._build_clip(clip))
            if clip.fade_out:
                sequence.components.append(self._build_fade(clip.fade_out, clip.fade_out))
            end, fade = clip.stop, clip.fade_out
        self._add_silence(sequence, self._handover.samples - end + fade)
        sequence.length = self._handover.samples
        return sequence

    def _add_silence(self, sequence: Any, samples: int) -> None:
        if samples:
            sequence.components.append(self._file.create.Filler("sound", samples))

    def _build_fade(self, samples: int, cut_point: int) -> Any:
        transition = self._file.create.Transition("sound", samples)
        transition["OperationGroup"].value = self._file.create.OperationGroup("Mono Audio Dissolve", samples, "sound")
        transition["CutPoint"].value = cut_point
        return transition

    def _build_clip(self, clip: HandoverClip) -> Any:
        master = self._master_of(clip.media, clip.name)
        source = master.create_source_clip(slot_id=1, start=clip.source_in, length=clip.samples, media_kind="sound")
        if clip.comment:
            self._add_comment(source, one_line(clip.comment))
        if clip.gain.is_constant and clip.gain.points[0][1] == 1:
            return source
        gain = self._file.create.OperationGroup("Mono Audio Gain", clip.samples, "sound")
        gain["Parameters"].append(self._build_gain(clip))
        gain.segments.append(source)
        return gain

    def _build_gain(self, clip: HandoverClip) -> Any:
        create = self._file.create
        if clip.gain.is_constant:
            return create.ConstantValue("Amplitude", _rational(clip.gain.points[0][1]))
        varying = create.VaryingValue("Amplitude", "LinearInterp")
        points = dict([(0, clip.gain.at(0)), *clip.gain.points, (clip.samples, clip.gain.at(clip.samples))])
        for sample, gain in points.items():
            point = create.ControlPoint()
            point["EditHint"].value = "Proportional"
            point.time = Fraction(sample, clip.samples)
            point.value = _rational(gain)
            varying["PointList"].append(point)
        return varying

    def _add_comment(self, component: Any, text: str) -> None:
        component["UserComments"].append(self._file.create.TaggedValue("Comment", text))

    def _master_of(self, media: TurnoverMedia, name: str) -> Any:
        """Return the master mob of a file under a name: a clip has that of its mob, and none of its own."""
        key = media.name, name
        if key not in self._masters:
            master = self._masters[key] = self._file.create.MasterMob(one_line(name))
            self._file.content.mobs.append(master)
            if media.name not in self._file_mobs:
                self._file_mobs[media.name] = self._build_file_mob(media)
            slot = master.create_timeline_slot(SAMPLE_RATE, 1)
            slot.name = "A1"
            slot["PhysicalTrackNumber"].value = 1
            slot.segment = self._file_mobs[media.name].create_source_clip(
                slot_id=1, start=0, length=media.samples, media_kind="sound"
            )
        return self._masters[key]

    def _build_file_mob(self, media: TurnoverMedia) -> Any:
        """Return the mob of a file, on its own tape at its time reference."""
        create, content = self._file.create, self._file.content
        name = media.file.stem
        mob = create.SourceMob(name)
        content.mobs.append(mob)
        on_tape = self._build_tape(name).create_source_clip(
            slot_id=1, start=media.time_reference, length=media.samples, media_kind="sound"
        )
        if self._handover.embeds:
            slot = mob.import_audio_essence(str(media.file), SAMPLE_RATE, on_tape)
            slot["PhysicalTrackNumber"].value = 1
            return mob
        slot = mob.create_timeline_slot(SAMPLE_RATE, 1)
        slot["PhysicalTrackNumber"].value = 1
        slot.segment = on_tape
        descriptor = create.PCMDescriptor()
        frame = media.channels * BYTES_PER_SAMPLE
        descriptor["SampleRate"].value = descriptor["AudioSamplingRate"].value = SAMPLE_RATE
        descriptor["Channels"].value, descriptor["QuantizationBits"].value = media.channels, 8 * BYTES_PER_SAMPLE
        descriptor["BlockAlign"].value, descriptor["AverageBPS"].value = frame, frame * SAMPLE_RATE
        descriptor["Length"].value = media.samples
        descriptor["ContainerFormat"].value = self._file.dictionary.lookup_containerdef("AAF")
        locator = create.NetworkLocator()
        locator["URLString"].value = self._handover.media_url(media, is_absolute=True)
        descriptor["Locator"].append(locator)
        mob.descriptor = descriptor
        return mob

    def _build_tape(self, name: str) -> Any:
        tape = self._file.create.SourceMob(name)
        self._file.content.mobs.append(tape)
        tape.descriptor = self._file.create.TapeDescriptor()
        sound = tape.create_empty_slot(SAMPLE_RATE, "sound", 1)
        sound.segment.length = DAY_SAMPLES
        sound["PhysicalTrackNumber"].value = 1
        self._create_timecode_slot(tape, 0, self._frames(DAY_SAMPLES))
        return tape

    def _add_marks(self, composition: Any) -> None:
        """Add markers and regions, to the nearest frame, as Media Composer has them."""
        if not self._handover.marks:
            return
        create, session = self._file.create, self._handover.session
        slot = create.EventMobSlot()
        slot["EditRate"].value = session.rate.fps
        slot["SlotID"].value = 1000
        slot["PhysicalTrackNumber"].value = 1
        sequence = create.Sequence(media_kind="DescriptiveMetadata")
        for mark in self._handover.marks:
            sequence.components.append(self._build_mark(mark))
        slot["Segment"].value = sequence
        composition.slots.append(slot)

    def _build_mark(self, mark: SessionMark) -> Any:
        marker = self._file.create.DescriptiveMarker()
        marker["Position"].value = self._frames(mark.start)
        marker["Length"].value = max(1, self._frames(mark.samples))
        text = one_line(f"{mark.name}: {mark.comment}" if mark.comment else mark.name)
        marker["Comment"].value = text
        marker["DescribedSlots"].value = {1}
        return marker


def _rational(gain: float) -> Fraction:
    return Fraction(gain).limit_denominator(MAX_DENOMINATOR)
