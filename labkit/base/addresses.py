"""Addresses that a class types, and the fingerprint by which it knows who answers there."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import ssl

from labkit.base.errors import Misuse

REGISTRY_PORT = 5443
WATCH_PORT = 5444

_HOST_PORT = re.compile(r"(?P<host>[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:]+\]):(?P<port>\d{1,5})")


def read_address(text: str, default_port: int = REGISTRY_PORT) -> str:
    """ADDRESS or ADDRESS:PORT, an address to listen on, with the port filled in.

    Args:
        text: as it was typed.
        default_port: where none was.

    Raises:
        Misuse: it is not an IP address, or it means all addresses.
    """
    host, colon, port = text.rpartition(":") if text.count(":") in (1,) or "]" in text else (text, "", "")
    if text.endswith("]"):
        host, colon, port = text, "", ""
    host = host.strip("[]").replace("localhost", "127.0.0.1")
    try:
        ip = ipaddress.ip_address(host)
        number = int(port) if colon else default_port
    except ValueError:
        raise _no_address(text, "it is not an IP address with a port", default_port) from None
    if ip.is_unspecified or ip.is_multicast or not 0 <= number <= 65535:
        why = "it is not one address, which the class could type and the certificate name"
        raise _no_address(text, why, default_port)
    return f"[{ip}]:{number}" if ip.version == 6 else f"{ip}:{number}"


def _no_address(text: str, why: str, port: int) -> Misuse:
    return Misuse(
        f"Reading the address {text!r}", why, f"give one of this machine's, as in\n  --listen 192.0.2.10:{port}"
    )


def split_address(address: str) -> tuple[str, int] | None:
    """Host and port of HOST:PORT, to connect to; None if it is not of that form."""
    match = _HOST_PORT.fullmatch(address)
    if match is None or not 0 < int(match["port"]) <= 65535:
        return None
    return match["host"].strip("[]"), int(match["port"])


def is_loopback(address: str) -> bool:
    """Whether ADDRESS:PORT can be reached from this machine alone."""
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def fingerprint_of(certificate: str | bytes) -> str:
    """The SHA-256 fingerprint of a certificate.

    Args:
        certificate: in PEM as text, in DER as bytes.
    """
    encoded = ssl.PEM_cert_to_DER_cert(certificate) if isinstance(certificate, str) else certificate
    return f"sha256:{hashlib.sha256(encoded).hexdigest()}"
