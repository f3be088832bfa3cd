"""The only file that runs openssl: a key and a certificate that nobody but its maker has signed."""

from __future__ import annotations

import shlex
import ssl
from pathlib import Path

from labkit.adapters.processes import run_program
from labkit.base.addresses import fingerprint_of
from labkit.base.errors import LabFailed, remedy_of_system
from labkit.base.files import read_own

_SECONDS = 30.0
_DAYS = 365


def ensure_certificate(host: str, certificate: Path, key: Path) -> None:
    """Make a key and a certificate for an IP address, unless those of the last time can be used.

    Whoever was killed or had no room while these were written has left halves.

    Args:
        host: the address; one of the last time stays, whatever address it is for.
        certificate: as for `make_certificate`.
        key: as for `make_certificate`.

    Raises:
        MachineLacks: there is no openssl.
        LabFailed: it could not be made.
    """
    if not is_pair(certificate, key):
        try:
            certificate.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            remedy = remedy_of_system(
                error,
                f"free some space, or fix the folder's permissions\n  ls -ld {shlex.quote(str(certificate.parent))}",
            )
            raise LabFailed(f"Writing {certificate}", error.strerror or str(error), remedy) from error
        make_certificate(host, certificate, key)


def is_pair(certificate: Path, key: Path) -> bool:
    """Whether two files are a certificate and its key, whole."""
    if read_own(certificate) is None or read_own(key) is None:
        return False
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=str)
        fingerprint_of(certificate.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return False
    return True


def make_certificate(host: str, certificate: Path, key: Path) -> None:
    """Make a key and a certificate for an IP address.

    Whoever trusts it does so by its fingerprint. It has no say in that how long it is valid, which is a year from now.

    Args:
        host: the address.
        certificate: the file that it goes to, as PEM.
        key: the file that its key goes to, for its owner alone.

    Raises:
        MachineLacks: there is no openssl.
        LabFailed: it could not be made.
    """
    # `-addext` is not there in LibreSSL's older versions, which macOS has; a configuration file is everywhere.
    settings = key.with_suffix(".cnf")
    settings.write_text(
        "[req]\nprompt = no\ndistinguished_name = name\nx509_extensions = extensions\n"
        f"[name]\nCN = labkit class\n[extensions]\nsubjectAltName = IP:{host}\nbasicConstraints = critical, CA:FALSE\n",
        encoding="ascii",
    )
    key.touch(mode=0o600)
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256"]
    argv += ["-days", str(_DAYS), "-config", str(settings), "-keyout", str(key), "-out", str(certificate)]
    try:
        run_program(
            argv,
            doing="Making a certificate for the class",
            remedy="install openssl with this system's package manager, then try again\n  openssl version",
            deadline=_SECONDS,
        )
    finally:
        settings.unlink(missing_ok=True)
