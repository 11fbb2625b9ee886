"""Tests of the delivery value: the ledger's JSON, which older versions wrote, and its way back."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest
from tracklay.jobs.delivery import (
    BatchDelivery,
    BlenderDelivery,
    Delivery,
    FileDelivery,
    delivery_from_dict,
    delivery_of_plan,
)

BLENDER_JSON = {
    "kind": "blender",
    "file": "/films/cut.blend",
    "scene": "Scene",
    "picture": "shot 1",
    "content_start": "-7/2",
    "folder": "/films/tracklay",
    "stem": "cut",
}
IN_BLENDER = BlenderDelivery("/films/cut.blend", "Scene", "shot 1", "-7/2", Path("/films/tracklay"), "cut")

STORED = {
    "none": ({}, Delivery()),
    "file": (
        {"kind": "file", "picture": "/films/clip.mp4", "drop_original": True},
        FileDelivery(Path("/films/clip.mp4"), drop_original=True),
    ),
    "file, mixed": (
        {"kind": "file", "picture": "/films/clip.mp4", "drop_original": False, "mix": "film"},
        FileDelivery(Path("/films/clip.mp4"), drop_original=False, mix="film"),
    ),
    "batch": (
        {"kind": "batch", "row": "r7", "digest": "0f", "list": "/films/list.csv"},
        BatchDelivery("r7", "0f", Path("/films/list.csv")),
    ),
    "blender": (BLENDER_JSON, IN_BLENDER),
    "blender, repaired": ({**BLENDER_JSON, "repair": True}, replace(IN_BLENDER, repair=True)),
    "some takes": ({**BLENDER_JSON, "takes": [0, 3]}, replace(IN_BLENDER, take_indices=(0, 3))),
}
"""What version 0.1 wrote to the ledger, as literals."""


@pytest.mark.parametrize("name", STORED)
def test_ledgers_of_earlier_versions_load(name):
    """The JSON keys are the ones that were written before the value had a type, in both directions."""
    stored, delivery = STORED[name]
    assert delivery_from_dict(json.loads(json.dumps(stored))) == delivery
    assert delivery.to_dict() == stored
    assert delivery_of_plan({"laying": stored}) == delivery


def test_unknown_keys_and_kinds_do_not_stop_a_lookup():
    """A later version may store more: its jobs are listed and resumed, and are laid by that version only."""
    assert delivery_from_dict({"kind": "resolve", "bin": "SFX", "takes": [2]}) == Delivery(take_indices=(2,))
    assert delivery_from_dict({**BLENDER_JSON, "channel": 3}) == IN_BLENDER


def test_deliveries_to_different_places_differ():
    """Takes of one run are laid together only if their deliveries are equal."""
    delivery = FileDelivery(Path("/films/clip.mp4"), drop_original=True)
    assert delivery == replace(delivery)
    assert delivery != replace(delivery, drop_original=False)
    assert Delivery() != delivery
    with pytest.raises(FrozenInstanceError):
        delivery.drop_original = False  # type: ignore[misc]
