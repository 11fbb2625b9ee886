"""The motion analysis of a proxy, stored beside the proxy while open jobs pin it, so that a proxy is seen only once."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic_io import atomic_write
from ..errors import OutputError
from ..media.proxy_cache import pins_dir
from ..version import VERSION
from .vision.events import Event, MotionAnalysis

MOTION_FILE = "motion.json"
"""File in a pin's folder with the analysis of its proxy."""


def load_or_analyze(proxy: Path, analyze: Callable[[Path], MotionAnalysis]) -> MotionAnalysis:
    """Return the stored analysis of a pinned proxy; otherwise analyse the proxy, and store the result if it is pinned."""
    stored = proxy.with_name(MOTION_FILE)
    is_pinned = proxy.parent.parent == pins_dir()
    if is_pinned and (found := _read_analysis(stored)) is not None:
        return found
    analysis = analyze(proxy)
    if is_pinned:
        with contextlib.suppress(OutputError), atomic_write(stored) as beside:
            beside.write_text(json.dumps(_analysis_to_dict(analysis)), "utf-8")
    return analysis


def _read_analysis(path: Path) -> MotionAnalysis | None:
    """Return a stored analysis of this version; None if there is none."""
    try:
        data = json.loads(path.read_text("utf-8"))
        return _analysis_from_dict(data) if data["version"] == VERSION else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _analysis_to_dict(analysis: MotionAnalysis) -> dict[str, Any]:
    events = [{**asdict(event), "time": str(event.time), "duration": str(event.duration)} for event in analysis.events]
    return {
        "version": VERSION,
        "times": [str(time) for time in analysis.times],
        "events": events,
        "speed": analysis.speed.tolist(),
        "x": analysis.x.tolist(),
    }


def _analysis_from_dict(data: dict[str, Any]) -> MotionAnalysis:
    events = tuple(
        Event(**{**event, "time": Fraction(event["time"]), "duration": Fraction(event["duration"])})
        for event in data["events"]
    )
    times = tuple(Fraction(time) for time in data["times"])
    return MotionAnalysis(times, events, np.array(data["speed"], np.float32), np.array(data["x"], np.float32))
