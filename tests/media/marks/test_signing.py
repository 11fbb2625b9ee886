"""Takes and films that are signed are valid to C2PA's own reader, and list a vendor's signed file."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from pathlib import Path

import c2pa
import pytest
from tracklay.cli.main import main
from tracklay.media.marks.credentials import has_credentials
from tracklay.media.marks.signing import SigningIdentity, check_signing, read_credentials
from tracklay.providers import base

from tests.clips import clicks, flash_clip, hear
from tests.fakes.click_model import Clicker

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def active_manifest(path):
    """Return the state and the manifest that C2PA's own reader finds."""
    reader = c2pa.Reader(str(path))
    content = json.loads(reader.json())
    return reader.get_validation_state(), content["manifests"][content["active_manifest"]]


def lay(clip, capsys, *options):
    """Run `tracklay lay` and return the film, the take and the take's entry."""
    assert main(["lay", str(clip), "--model", "clicker/clicks", "--json", *options]) == 0
    manifest = json.loads(capsys.readouterr().out)
    folder, (take,) = clip.parent / "tracklay", manifest["takes"]
    return folder / manifest["laid"], folder / take["file"], take


@pytest.fixture
def clip(tmp_path):
    """A second with a flash."""
    return flash_clip(tmp_path / "clip.mp4", Fraction(25), 25, (5,))


class SignedClicker(Clicker):
    """A model whose vendor signs its MP3s, as ElevenLabs does."""

    certificate: tuple[Path, Path]

    async def collect(self, handle, folder):
        """Return the output of the model with the vendor's credentials in it."""
        output = await super().collect(handle, folder)
        chain, key = (path.read_bytes() for path in self.certificate)
        signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", chain, key, None))
        signed = output.file.with_name("signed.mp3")
        action = {"action": "c2pa.created", "digitalSourceType": TRAINED}
        builder = c2pa.Builder(
            {"title": "vendor's", "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}]}
        )
        with output.file.open("rb") as source, signed.open("w+b") as to:
            builder.sign(signer, "audio/mpeg", source, to)
        signed.replace(output.file)
        return output


@pytest.fixture
def vendor(clicking, certificate):
    """The clicking model, whose files are signed by its vendor."""
    SignedClicker.certificate = certificate
    base.register("clicker", lambda: SignedClicker("mp3"))


def test_a_signed_take_and_film_are_valid_and_name_the_vendors_file(clip, capsys, vendor, signing):
    """To C2PA's own reader; the sound is as it would be without, and the film plays to its end."""
    film, take, entry = lay(clip, capsys)
    state, manifest = active_manifest(take)
    assert state == "Valid"
    assert manifest["title"].endswith(".wav")
    assert [ingredient["title"] for ingredient in manifest["ingredients"]] == ["output.mp3"]
    (action,) = manifest["assertions"][0]["data"]["actions"]
    assert (action["action"], action["digitalSourceType"]) == ("c2pa.created", TRAINED)
    assert not any("Content Credentials" in note for note in entry["notes"])
    state, manifest = active_manifest(film)
    assert state == "Valid"
    assert [ingredient["title"] for ingredient in manifest["ingredients"]] == [take.name]
    (click,) = clicks(hear(film))
    assert abs(click - 9600) <= 1


def test_without_a_certificate_the_vendors_credentials_are_not_dropped_silently(clip, capsys, vendor):
    """A note in the take says what it lacks."""
    film, take, entry = lay(clip, capsys)
    assert not has_credentials(take)
    assert not has_credentials(film)
    assert "the model's file has Content Credentials" in " ".join(entry["notes"])


def test_without_a_certificate_the_pictures_credentials_are_not_dropped_silently(
    clip, capsys, clicking, signing, monkeypatch
):
    """The copy of a signed film says what it lacks; with a certificate the film is its ingredient."""
    film, *_ = lay(clip, capsys)
    copied, *_ = lay(film, capsys)
    titles = [ingredient["title"] for ingredient in active_manifest(copied)[1]["ingredients"]]
    assert film.name in titles
    monkeypatch.delenv("TRACKLAY_C2PA_CERTIFICATE")
    assert main(["lay", str(film), "--model", "clicker/clicks"]) == 0
    shown = " ".join("".join(capsys.readouterr()).split())
    assert f"{film.name} has Content Credentials, the copy has none" in shown


def test_an_identity_is_checked_once(signing, monkeypatch):
    """Each cue asks; the certificate is read again only when it has changed."""
    read: list[SigningIdentity] = []
    signer = SigningIdentity.signer

    def count(self):
        read.append(self)
        return signer(self)

    monkeypatch.setattr(SigningIdentity, "signer", count)
    monkeypatch.setattr("tracklay.media.marks.signing._checked_identities", set())
    for _ in range(3):
        check_signing()
    assert len(read) == 1
    os.utime(read[0].certificate, ns=(1, 1))
    check_signing()
    assert len(read) == 2


def test_touching_a_signed_take_is_noticed(clip, capsys, clicking, signing):
    """One changed sample makes the credentials invalid, and `has_credentials` needs no library to find them."""
    _, take, _ = lay(clip, capsys)
    data = bytearray(take.read_bytes())
    data[-9000] ^= 1  # in the samples: the credentials are at the end
    take.write_bytes(data)
    assert has_credentials(take)
    found = read_credentials(take)
    assert found is not None
    assert found.state == "Invalid"


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("TRACKLAY_C2PA_KEY", "", "TRACKLAY_C2PA_CERTIFICATE is set without TRACKLAY_C2PA_KEY"),
        ("TRACKLAY_C2PA_KEY", "gone.pem", "Cannot read gone.pem"),
        ("TRACKLAY_C2PA_ALGORITHM", "ed25519", "cannot sign as ed25519"),
        ("TRACKLAY_C2PA_ALGORITHM", "rot13", "cannot sign as rot13"),
    ],
)
def test_an_identity_that_cannot_sign_is_refused_before_anything_is_sent(
    clip, capsys, clicking, signing, monkeypatch, variable, value, message
):
    """One sentence, and no take."""
    monkeypatch.setenv(variable, value)
    assert main(["lay", str(clip), "--model", "clicker/clicks", "--json"]) == 2
    assert message in capsys.readouterr().err
    assert not (clip.parent / "tracklay").exists()


def test_verify_shows_a_signature_and_a_broken_one(clip, capsys, vendor, signing):
    """Who signed, what it claims, what the take was made of."""
    _, take, _ = lay(clip, capsys)
    assert main(["verify", str(take)]) == 0
    shown = capsys.readouterr().out
    assert "valid, by a signer that is on no trust list here: Test" in shown
    assert "made of   output.mp3" in shown
    data = bytearray(take.read_bytes())
    data[-9000] ^= 1
    take.write_bytes(data)
    assert main(["verify", str(take)]) == 1
    assert "BROKEN: the file was changed after it was signed" in capsys.readouterr().out
