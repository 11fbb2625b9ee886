"""The delivery of a job: the file, work list row or Blender strip that its takes are for, and what laying them there needs.

The ledger stores the value with the job, so that the takes can still be laid after a restart. Nothing in `jobs` acts on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery without a destination: the caller that made the job lays the takes itself, and cannot resume them.

    Attributes:
        kind: the name of the class in the ledger.
        take_indices: the takes of the cue that the job spec covers, counted from 0, in the order of its jobs; empty for all of them.
    """

    kind: ClassVar[str] = ""
    take_indices: tuple[int, ...] = field(default=(), kw_only=True)

    def to_dict(self) -> dict[str, Any]:
        """Return the delivery as the ledger's JSON holds it; `delivery_from_dict` is the inverse."""
        # The keys are older than the names of the fields. Ledgers hold them, and SQL reads some of them: they are not renamed.
        data = {"kind": self.kind, **self._fields_to_dict()} if self.kind else {}
        return {**data, "takes": list(self.take_indices)} if self.take_indices else data

    def _fields_to_dict(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, slots=True)
class CopyStyle:
    """The way in which the copy of a timeline is written, for editors that do not read all that its format allows.

    Attributes:
        absolute_paths: name all media by absolute paths, and not by paths relative to the copy.
        task_tracks: name the tracks of takes by the tasks of their models, and not only after Tracklay.
        media_timecode: count the takes' clips by the time stamps in their files, and not from 0.
        own_sound: lay the picture's own sound as WAV, for editors that cannot decode it.
        interchange: write the takes as Final Cut Pro 7 XML and EDLs too, for versions that read no other timeline.
    """

    absolute_paths: bool = False
    task_tracks: bool = False
    media_timecode: bool = False
    own_sound: bool = False
    interchange: bool = False

    @property
    def names(self) -> list[str]:
        """The attributes that are set."""
        return [name for name, is_set in asdict(self).items() if is_set]


USUAL_STYLE = CopyStyle()


@dataclass(frozen=True, slots=True)
class FileDelivery(Delivery):
    """A delivery to a copy of a picture or timeline that the command was called with.

    Attributes:
        picture: the absolute path of that picture or timeline.
        drop_original: leave the picture's own sound out of the copy.
        mix: preset with which what was laid is mixed, a name or the absolute path of a TOML file; empty: no mix.
        style: how the copy is written.
    """

    kind: ClassVar[str] = "file"
    picture: Path
    drop_original: bool
    mix: str = ""
    style: CopyStyle = USUAL_STYLE

    def _fields_to_dict(self) -> dict[str, Any]:
        data: dict[str, Any] = {"picture": str(self.picture), "drop_original": self.drop_original}
        mixed = {"mix": self.mix} if self.mix else {}
        return data | mixed | ({"style": self.style.names} if self.style.names else {})


@dataclass(frozen=True, slots=True)
class BatchDelivery(Delivery):
    """A delivery to a work list's row: `tracklay jobs resume` makes the takes, and the next run of the list lays them.

    Attributes:
        row: the row's id.
        digest: the fingerprint of what the row asks for.
        worklist: the path of the list.
    """

    kind: ClassVar[str] = "batch"
    row: str
    digest: str
    worklist: Path

    @staticmethod
    def row_of_plan(plan: Mapping[str, Any]) -> str:
        """Return the id of the row that a job of a work list belongs to, from the job's stored plan."""
        delivery = delivery_of_plan(plan)
        assert isinstance(delivery, BatchDelivery)  # noqa: S101 - a batch's own jobs have no other
        return delivery.row

    def _fields_to_dict(self) -> dict[str, Any]:
        return {"row": self.row, "digest": self.digest, "list": str(self.worklist)}


@dataclass(frozen=True, slots=True)
class BlenderDelivery(Delivery):
    """A delivery to strips in Blender. The strips have the cue's id: the names here are only shown, or used for a retry.

    Attributes:
        blend_file: the path of the file that was open; empty if it was never saved.
        scene: the name of the scene.
        strip: the name of the strip with the picture.
        content_start: the frame on which the strip's content began, as the text of a fraction.
        folder: the folder that the takes are written to.
        stem: the first part of the takes' file names.
        repair: generate the worst stretch of the cue's best take again, once all of them have arrived.
    """

    kind: ClassVar[str] = "blender"
    blend_file: str
    scene: str
    strip: str
    content_start: str
    folder: Path
    stem: str
    repair: bool = False

    def _fields_to_dict(self) -> dict[str, Any]:
        return {
            "file": self.blend_file,
            "scene": self.scene,
            "picture": self.strip,
            "content_start": self.content_start,
            "folder": str(self.folder),
            "stem": self.stem,
            **({"repair": True} if self.repair else {}),
        }


def delivery_from_dict(data: Mapping[str, Any]) -> Delivery:
    """Rebuild a delivery from the ledger's JSON. Keys that this version does not know are ignored, and so is an unknown kind."""
    takes = tuple(int(index) for index in data.get("takes") or ())
    match data.get("kind"):
        case FileDelivery.kind:
            known = {field.name for field in fields(CopyStyle)}
            style = CopyStyle(**{name: True for name in data.get("style") or () if name in known})
            return FileDelivery(
                Path(data["picture"]), data["drop_original"], str(data.get("mix", "")), style, take_indices=takes
            )
        case BatchDelivery.kind:
            return BatchDelivery(data["row"], data["digest"], Path(data["list"]), take_indices=takes)
        case BlenderDelivery.kind:
            return BlenderDelivery(
                data["file"],
                data["scene"],
                data["picture"],
                data["content_start"],
                Path(data["folder"]),
                data["stem"],
                repair=bool(data.get("repair")),
                take_indices=takes,
            )
        case _:
            return Delivery(take_indices=takes)


def delivery_of_plan(plan: Mapping[str, Any]) -> Delivery:
    """Return the delivery in a job's stored plan (the `plan` column of the ledger)."""
    return delivery_from_dict(plan["laying"])
