#!/usr/bin/env bash
# c2pa-python signs without a time stamp only if the authority's address is None: an empty address, as a setting has it, fails without a reason.
# Expected: an empty address means no time stamp, or is refused with a sentence about the address.
# Seen: 0.38.1 creates the signer and fails when it signs, with "Signature: internal error (empty string)"; with None the WAV is valid.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q c2pa-python==0.38.1 cryptography==50.0.2
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import json
import sys
import wave
from datetime import UTC, datetime, timedelta
from pathlib import Path

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

folder = Path(sys.argv[1])
authority, key, now = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)


def certificate(name, public, is_authority):
    """Sign a certificate with the authority's key."""
    unused = dict.fromkeys(
        "content_commitment key_encipherment data_encipherment key_agreement encipher_only decipher_only".split(), False
    )
    usage = x509.KeyUsage(digital_signature=True, key_cert_sign=is_authority, crl_sign=is_authority, **unused)
    named, issuer = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test")])
        for text in (name, "Authority")
    )
    builder = x509.CertificateBuilder(issuer, named, public, x509.random_serial_number(), now - timedelta(1), now + timedelta(1))
    builder = builder.add_extension(x509.BasicConstraints(is_authority, None), critical=True).add_extension(usage, critical=True)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
    if not is_authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


chain = certificate("Signer", key.public_key(), False) + certificate("Authority", authority.public_key(), True)
private = key.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
with wave.open(str(folder / "tone.wav"), "wb") as file:
    file.setparams((1, 2, 48000, 0, "NONE", ""))
    file.writeframes(bytes(9600))
action = {"action": "c2pa.created", "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia"}
manifest = {"title": "tone", "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}]}
seen = {}
for address in (b"", None):
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", chain, private, address))
    signed = folder / "signed.wav"
    try:
        with (folder / "tone.wav").open("rb") as source, signed.open("w+b") as to:
            c2pa.Builder(manifest).sign(signer, "audio/wav", source, to)
        seen[address] = c2pa.Reader(str(signed)).get_validation_state()
    except c2pa.C2paError as error:
        seen[address] = str(error)
print(seen)
assert "empty string" in seen[b""] and seen[None] == "Valid", seen
PYTHON
