"""Pictures that only Resolve can show: rendered small and mute, with the user's settings as they were before."""

from __future__ import annotations

from fractions import Fraction

import pytest
from tracklay.errors import InvalidInput, MediaError
from tracklay.media.probe import probe_video
from tracklay.resolve.calls import find_open_timeline
from tracklay.resolve.rendering import render_picture
from tracklay.timing import Rate, Span

from tests.fakes.resolve import launch

SPAN = Span(86_410, 20, Rate(Fraction(24)))


@pytest.fixture
def app():
    """A Resolve with a timeline of 1080 lines, upright."""
    app = launch()
    app._open()
    app._timeline._settings |= {"timelineResolutionWidth": "1080", "timelineResolutionHeight": "1920"}
    return app


def test_the_frames_of_a_span_are_rendered(app):
    """From the first frame to the last, which Resolve counts inclusively; the shape is the timeline's."""
    project = app._project
    file = render_picture(find_open_timeline(app), SPAN)
    assert probe_video(file)[1].frames == 20
    (settings,) = project._rendered
    assert (settings["MarkIn"], settings["MarkOut"], settings["ExportAudio"]) == (86_410, 86_429, False)
    assert (settings["FormatWidth"], settings["FormatHeight"]) == (202, 360)
    assert file.suffix == ".mp4"
    # As it was before.
    assert project._settings == {"ExportAudio": True, "TargetDir": "/the/users"}
    assert project._codec == ("mov", "ProRes422HQ")
    assert (project._presets, project._jobs) == ({}, {})


def test_a_system_without_h264_renders_prores(app):
    """As the free edition for Linux."""
    del app._project._codecs["mp4"]
    assert render_picture(find_open_timeline(app), SPAN).suffix == ".mov"


def test_what_cannot_be_rendered_is_one_sentence(app):
    """No codec that can be read; a render that fails. The user's settings are restored all the same."""
    project = app._project
    project._render_error = "Kein Speicherplatz"
    with pytest.raises(MediaError, match=r"Resolve did not render: Kein Speicherplatz\."):
        render_picture(find_open_timeline(app), SPAN)
    project._codecs = {}
    with pytest.raises(
        InvalidInput, match=r"This edition of Resolve renders to none of H\.264, ProRes and DNxHR here\."
    ):
        render_picture(find_open_timeline(app), SPAN)
    assert project._settings == {"ExportAudio": True, "TargetDir": "/the/users"}
    assert (project._presets, project._jobs) == ({}, {})
