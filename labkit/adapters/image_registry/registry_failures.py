"""What goes wrong with a registry, each in one sentence with a remedy."""

from __future__ import annotations

import json
import re
import socket
import ssl

from labkit.base.errors import LabFailed

_GIVE = "or give the image's user: --image-user NAME=USER"
_LOCK = "labkit explain --lock writes down what it said, so that it is asked once"
_CODE = re.compile(r"[A-Z_]{3,40}")


class RegistryFailed(LabFailed):
    """A registry did not tell of an image.

    Args:
        came_back: what came back, in one sentence.
        remedy: what to do next.
        of_all: whether it would not tell of another image either, so that it need not be asked again.
    """

    def __init__(self, came_back: str, remedy: str, *, of_all: bool = False) -> None:
        super().__init__("Asking a registry", came_back, remedy)
        self.of_all = of_all


def timed_out(host: str, seconds: float) -> RegistryFailed:
    """Nothing, or not all of it, came in time."""
    remedy = f"try again, see whether a proxy is needed (HTTPS_PROXY), {_GIVE}"
    return RegistryFailed(f"{host} timed out: it has not answered within {seconds:g} s", remedy, of_all=True)


def unreachable(host: str, error: Exception) -> RegistryFailed:
    """No connection came about, or it broke."""
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "verify_message", "") or error.reason or str(error)
        remedy = f"trust its certificate, in /etc/docker/certs.d/{host}/ca.crt or by SSL_CERT_FILE, {_GIVE}"
        if "WRONG_VERSION" in reason:
            reason, remedy = "it speaks no TLS", f"plain HTTP is spoken on loopback alone; give it TLS, {_GIVE}"
        return RegistryFailed(f"no secure connection to {host}: {reason}", remedy, of_all=True)
    if isinstance(error, socket.gaierror):
        remedy = f"check its spelling and the network, {_GIVE}"
        return RegistryFailed(f"the name {host} is not known to this network ({error.strerror})", remedy, of_all=True)
    remedy = f"see that it is up, and whether a proxy is needed (HTTPS_PROXY), {_GIVE}"
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return RegistryFailed(f"no connection to {host}: {reason}", remedy, of_all=True)


def refused(host: str, status: int, body: bytes, retry_after: str, *, logged_in: bool) -> RegistryFailed:
    """The registry answered, and what it said is no.

    Args:
        host: the registry, as docker login names it.
        status: of HTTP.
        body: its answer, perhaps with an error code of the distribution API.
        retry_after: the header of that name; empty if there is none.
        logged_in: whether it was asked with the user's credentials.
    """
    code = _error_code(body)
    answer = f"{status}{f' {code}' if code else ''}"
    if status == 429 or code == "TOOMANYREQUESTS":
        wait = f", and asks to wait {retry_after} s" if retry_after.isdecimal() else ""
        remedy = f"log in to it, which raises its limit (docker login {host}), or wait; {_LOCK}"
        return RegistryFailed(f"{host} has had too many requests from here ({answer}){wait}", remedy, of_all=True)
    if status in (401, 403) or code in ("UNAUTHORIZED", "DENIED"):
        who = "your login" if logged_in else "somebody who is not logged in"
        remedy = f"check the image's name, and log in with an account that may pull it: docker login {host}"
        return RegistryFailed(f"{host} does not give it to {who}, or has no such image ({answer})", remedy)
    if status == 404:
        missing = "tag" if code == "MANIFEST_UNKNOWN" else "image"
        return RegistryFailed(f"{host} has no such {missing} ({answer})", f"check its name, tag and digest, {_GIVE}")
    remedy = f"try again later, {_GIVE}"
    return RegistryFailed(f"{host} answers with an error ({answer})", remedy, of_all=status >= 500)


def untrusted(host: str, problem: str) -> RegistryFailed:
    """What came is not taken."""
    return RegistryFailed(f"{host} {problem}", f"do not trust this registry's answer; ask who runs it, {_GIVE}")


def _error_code(body: bytes) -> str:
    """The first error code of an answer (opencontainers/distribution-spec:spec.md, Error Codes)."""
    try:
        errors = json.loads(body)["errors"]
        code = str(errors[0]["code"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return code if _CODE.fullmatch(code) else ""
