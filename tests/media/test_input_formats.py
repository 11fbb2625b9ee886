"""Files that are lists or scripts of other files: none is followed, whatever its name, as a source or as a model's answer."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from tracklay.errors import InvalidInput, TracklayError
from tracklay.media.conform import conform_audio
from tracklay.media.image_sequence import concat_script
from tracklay.media.probe import probe_video

from tests.clips import FFMPEG
from tests.media.test_conform import bwf, conformed, sound_file

LISTS = {
    "concat": "ffconcat version 1.0\nfile part.ts\nduration 1\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\npart.ts\n#EXT-X-ENDLIST\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S">'
    '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>part.ts</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 40000 RTP/AVP 0\n",
    "ffmetadata": ";FFMETADATA1\ntitle=x\n",
    "sbg": "-SE\nNOW 200+10/20\n",
}


@pytest.fixture
def listed(tmp_path):
    """Write a second of picture and sound that the lists name."""
    made = ["-f", "lavfi", "-i", "testsrc=s=64x64:d=1", "-f", "lavfi", "-i", "sine=d=1", "-shortest"]
    subprocess.run([FFMPEG, "-v", "error", *made, str(tmp_path / "part.ts")], check=True)
    return tmp_path


@pytest.mark.parametrize("suffix", ["mp4", "m3u8"])
@pytest.mark.parametrize("kind", LISTS)
def test_no_list_is_followed(each_ffmpeg, listed, kind, suffix):
    """The error says what the file is, and nothing that it names is read."""
    path = listed / f"list.{suffix}"
    path.write_text(LISTS[kind])
    with pytest.raises(InvalidInput) as as_source:
        probe_video(path)
    with pytest.raises(TracklayError) as as_answer:
        conform_audio(path, 48_000, listed / "take.wav", bwf)
    for caught in (as_source, as_answer):
        assert "playlist or a list of other files" in str(caught.value) or "damaged or not a media file" in str(
            caught.value
        )


@pytest.mark.parametrize("name", ["answer.m3u8", "answer.png", "answer.txt", "answer.bin"])
def test_an_answer_is_what_its_bytes_are(each_ffmpeg, tmp_path, name):
    """The name is the server's, and says nothing."""
    sound = np.full((48_000, 1), 0.25, np.float32)
    made = sound_file(tmp_path / "made.wav", sound, 48_000, "-c:a", "pcm_f32le").rename(tmp_path / name)
    heard, _ = conformed(made, tmp_path / "take.wav", 48_000)
    assert abs(float(np.median(heard)) - 0.25) < 1e-4


@pytest.mark.parametrize("suffix", ["tga", "png", "bmp"])
def test_one_image_is_no_pattern(each_ffmpeg, tmp_path, suffix):
    """`%d` in an image's name reads no other file."""
    picture = ["-f", "lavfi", "-i", "color=red:s=32x32:d=0.04", "-frames:v", "1", "-update", "1"]
    made = tmp_path / f"shot.%02d.{suffix}"
    subprocess.run([FFMPEG, "-v", "error", *picture, str(tmp_path / f"made.{suffix}")], check=True)
    (tmp_path / f"made.{suffix}").rename(made)
    _, video = probe_video(made)
    assert (video.size, video.is_still) == ((32, 32), True)


def test_an_image_that_is_a_list_is_refused(tmp_path):
    """A sequence is read as a list of ffmpeg's, in which a further list would be read, too."""
    (tmp_path / "shot.0001.png").write_text(LISTS["concat"])
    with pytest.raises(InvalidInput, match=r"Not an image but a list of files: .*shot.0001.png"):
        concat_script(tmp_path, ["shot.0001.png"])
