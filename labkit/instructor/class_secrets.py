"""What the class's server is known by: a certificate, the class's code, the page's token. Kept in the lab's state."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec

from labkit.adapters.openssl import ensure_certificate
from labkit.base.addresses import fingerprint_of
from labkit.base.configuration import Configuration
from labkit.base.files import read_own, write_atomically

_CODE_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # Nothing that looks like something else on a screen.
_CODE_LENGTH = 10


class ClassSecrets(msgspec.Struct, frozen=True):
    """Who may do what.

    Args:
        code: has a laptop share; shown to the class.
        token: opens the page; the instructor's alone.
    """

    code: str
    token: str


@dataclass(frozen=True)
class ClassCertificate:
    """A certificate that laptops know by its fingerprint.

    Args:
        certificate: its file.
        key: the file of its key, for its owner alone.
        fingerprint: sha256:HEX.
    """

    certificate: Path
    key: Path
    fingerprint: str


def class_folder(configuration: Configuration) -> Path:
    """Where it is kept; `labkit clean` removes it."""
    return configuration.state / "class"


def class_secrets(configuration: Configuration, *, new: bool = False) -> ClassSecrets:
    """Code and token of the class: those of the last time, so that laptops that share go on sharing.

    Args:
        configuration: of the lab.
        new: whether to make others, for another class.

    Raises:
        LabFailed: they cannot be written.
    """
    folder = class_folder(configuration)
    if new:
        shutil.rmtree(folder, ignore_errors=True)
    try:
        return msgspec.json.decode(read_own(folder / "secrets.json") or "", type=ClassSecrets)
    except ValueError:  # None yet, or damaged.
        code = "".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_LENGTH))
        made = ClassSecrets(code, secrets.token_urlsafe(24))
        write_atomically(folder / "secrets.json", msgspec.json.encode(made))
        return made


def class_certificate(configuration: Configuration, host: str) -> ClassCertificate:
    """The class's certificate: that of the last time, if there is one that can be used.

    Args:
        configuration: of the lab.
        host: the address that a new one is made for.

    Raises:
        MachineLacks: openssl is missing, which makes it.
        LabFailed: it cannot be made.
    """
    folder = class_folder(configuration)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    ensure_certificate(host, certificate, key)
    return ClassCertificate(certificate, key, fingerprint_of(certificate.read_text(encoding="ascii")))
