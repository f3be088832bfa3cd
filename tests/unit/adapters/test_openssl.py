"""A certificate of the last time is used again, and one that was half written is made anew."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from labkit.adapters.openssl import ensure_certificate
from labkit.base.addresses import fingerprint_of
from labkit.base.errors import LabFailed, Misuse
from labkit.lab.classroom.class_files import read_certificate

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")


def _cut(name: str, part: float) -> Callable[[Path], None]:
    def cut(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(len(content) * part)])

    return cut


def _another_key(folder: Path) -> None:
    ensure_certificate("192.0.2.1", folder / "other" / "certificate.pem", folder / "other" / "key.pem")
    (folder / "other" / "key.pem").replace(folder / "key.pem")


@pytest.mark.parametrize(
    ("damage", "stays"),
    [
        (lambda _: None, True),
        (_cut("certificate.pem", 0), False),
        (_cut("certificate.pem", 0.5), False),
        (_cut("key.pem", 0), False),
        (_cut("key.pem", 0.5), False),
        (lambda folder: (folder / "key.pem").unlink(), False),
        (lambda folder: (folder / "certificate.pem").write_bytes(b"\0" * 1000), False),
        (_another_key, False),
    ],
    ids=["whole", "no certificate", "half of it", "no key", "half of that", "key gone", "NUL", "another's key"],
)
def test_what_was_half_written_is_made_anew(tmp_path: Path, damage: Callable[[Path], None], stays: bool) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    ensure_certificate("192.0.2.1", certificate, key)
    before = fingerprint_of(certificate.read_text(encoding="ascii"))
    damage(tmp_path)
    ensure_certificate("192.0.2.1", certificate, key)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    assert (fingerprint_of(certificate.read_text(encoding="ascii")) == before) is stays
    assert key.stat().st_mode & 0o077 == 0


def test_a_certificate_and_a_key_that_somebody_names_must_belong_together(tmp_path: Path) -> None:
    """The proxy of a class would be begun with them, and end."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    ensure_certificate("192.0.2.1", certificate, key)
    assert read_certificate(certificate, key) == (certificate.read_text("ascii"), key.read_text("ascii"))
    _another_key(tmp_path)
    with pytest.raises(Misuse, match=r"it is not the key of .*certificate\.pem"):
        read_certificate(certificate, key)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LabFailed, match=r"certificate\.pem") as caught:
        ensure_certificate("192.0.2.1", tmp_path / "file" / "certificate.pem", tmp_path / "file" / "key.pem")
    assert "ls -ld" in caught.value.remedy
