"""What the instructor's machine keeps of a class on a cluster: its secrets, for the instructor alone."""

from __future__ import annotations

import ast
import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from labkit.adapters.openssl import ensure_certificate, is_pair
from labkit.base.addresses import fingerprint_of
from labkit.base.configuration import Configuration
from labkit.base.errors import Misuse
from labkit.base.files import read_given_text, write_atomically
from labkit.lab.classroom.class_keys import ClassKeys


class ClassFiles:
    """The files of one class; `labkit clean` removes them.

    Args:
        configuration: of the lab.
        server: the address of the cluster's API server.
        name: of the class.
    """

    def __init__(self, configuration: Configuration, server: str, name: str) -> None:
        cluster = hashlib.sha256(server.encode()).hexdigest()[:8]
        self._folder = configuration.state / "classes" / f"{name}-{cluster}"

    @property
    def keys_file(self) -> Path:
        """Where the class code and the instructor's token can be read again."""
        return self._folder / "keys.json"

    def keep_keys(self, keys: ClassKeys) -> None:
        """Write the secrets, readable by their owner alone.

        Raises:
            LabFailed: they cannot be written.
        """
        write_atomically(self.keys_file, json.dumps(asdict(keys), indent=2))

    def own_certificate(self, address: str) -> tuple[str, str]:
        """A certificate for an IP address that nobody but we have signed, and its key; the same each time.

        Raises:
            MachineLacks: openssl is missing.
            LabFailed: it cannot be made.
        """
        folder = self._folder / address.replace(":", "-")
        certificate, key = folder / "certificate.pem", folder / "key.pem"
        ensure_certificate(address, certificate, key)
        return certificate.read_text(encoding="ascii"), key.read_text(encoding="ascii")


def read_certificate(certificate: Path, key: Path) -> tuple[str, str]:
    """A certificate and a key that somebody named.

    Raises:
        Misuse: one is none, or they do not belong together.
    """
    texts = []
    for file, begin in ((certificate, "-----BEGIN CERTIFICATE-----"), (key, "PRIVATE KEY-----")):
        try:
            text = read_given_text(file, "ascii")
        except (OSError, ValueError) as error:
            raise Misuse(f"Reading {file}", str(error), "name a file in PEM") from error
        if begin not in text:
            raise Misuse(f"Reading {file}", f"it has no line {begin}", "name a file in PEM")
        texts.append(text)
    if not is_pair(certificate, key):
        came_back = f"it is not the key of {certificate}, or one of the two is not whole"
        raise Misuse(f"Reading {key}", came_back, "name a certificate and its key, without a password, in PEM")
    return texts[0], texts[1]


def read_hub_settings(file: Path) -> str:
    """JupyterHub settings that somebody named.

    Raises:
        Misuse: they are no Python, with which no hub would start.
    """
    try:
        text = read_given_text(file, "utf-8")
        ast.parse(text, str(file))
    except (OSError, ValueError, SyntaxError) as error:
        remedy = "name a file like a jupyterhub_config.py, such as docs/class.md has one"
        raise Misuse(f"Reading {file}", str(error), remedy) from error
    return text


def certificate_fingerprint(certificate: str) -> str:
    """sha256:HEX of a certificate in PEM."""
    return fingerprint_of(certificate)
