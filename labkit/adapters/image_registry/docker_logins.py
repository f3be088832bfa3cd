"""The user's logins to registries, as `docker login` and `podman login` keep them; they are read and never written.

Source: docker/cli:cli/config/configfile/file.go (GetAuthConfig), docker/docker-credential-helpers:client/client.go;
containers/image:docs/containers-auth.json.5.md for podman's file.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from labkit.adapters.engine_endpoint import docker_folder
from labkit.adapters.processes import TimeoutExpired, run

_HUB = "docker.io"
_HUB_IN_FILES = "https://index.docker.io/v1/"
_HELPER_NAME = re.compile(r"[A-Za-z0-9._-]+")
_HELPER_SECONDS = 5.0
_LARGEST = 1 << 20
_IDENTITY_TOKEN_USER = "<token>"


@dataclass(frozen=True, repr=False)
class Login:
    """Credentials for one registry.

    Args:
        user: the account.
        password: its password or access token.
        identity_token: what is given for a token in place of both; empty for none.
    """

    user: str = ""
    password: str = ""
    identity_token: str = ""

    @property
    def basic(self) -> str:
        """The header Authorization for user and password."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def login_for(registry: str, environment: Mapping[str, str] = os.environ) -> Login | None:
    """The user's login to a registry; None if there is none that can be read, and one asks as anybody.

    Args:
        registry: its host, with a port where there is one.
        environment: read in place of this process's own.
    """
    for file in _files(environment):
        settings = _settings(file)
        helper = _mapping(settings, "credHelpers").get(registry) or settings.get("credsStore")
        if isinstance(helper, str) and (login := _ask_helper(helper, registry, environment)) is not None:
            return login
        for name, entry in _mapping(settings, "auths").items():
            if _host(name) == _host(registry) and (login := _read_entry(entry)) is not None:
                return login
    return None


def _files(environment: Mapping[str, str]) -> Iterator[Path]:
    yield docker_folder(environment) / "config.json"
    if file := environment.get("REGISTRY_AUTH_FILE"):
        yield Path(file)
    if folder := environment.get("XDG_RUNTIME_DIR"):
        yield Path(folder) / "containers" / "auth.json"


def _settings(file: Path) -> Mapping[str, object]:
    try:
        with file.open("rb") as source:
            settings = json.loads(source.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    return settings if isinstance(settings, dict) else {}


def _mapping(settings: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = settings.get(key)
    return value if isinstance(value, dict) else {}


def _host(name: str) -> str:
    """The host of a key, which may be an address with a path: https://index.docker.io/v1/."""
    host = name.removeprefix("https://").removeprefix("http://").partition("/")[0]
    return _HUB if host in ("index.docker.io", "registry-1.docker.io") else host


def _read_entry(entry: object) -> Login | None:
    if not isinstance(entry, dict):
        return None
    try:
        user, _, password = base64.b64decode(str(entry.get("auth") or ""), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user = password = ""
    user, password = str(entry.get("username") or user), str(entry.get("password") or password.rstrip("\0"))
    identity_token = str(entry.get("identitytoken") or "")
    return Login(user, password, identity_token) if identity_token or (user and password) else None


def _ask_helper(helper: str, registry: str, environment: Mapping[str, str]) -> Login | None:
    """What a credential helper, a program of the user's, has; None if it has nothing or is not there."""
    if not _HELPER_NAME.fullmatch(helper):
        return None
    address = _HUB_IN_FILES if registry == _HUB else registry
    argv = [f"docker-credential-{helper}", "get"]
    try:
        completed = run(argv, environment=environment, deadline=_HELPER_SECONDS, stdin=address)
        answer = json.loads(completed.stdout) if completed.returncode == 0 else None
    except (OSError, TimeoutExpired, ValueError, RecursionError):
        return None
    if not isinstance(answer, dict) or not answer.get("Secret"):
        return None
    user, secret = str(answer.get("Username") or ""), str(answer["Secret"])
    return Login(identity_token=secret) if user == _IDENTITY_TOKEN_USER else Login(user, secret)
