"""One image in a registry: its digest, its configuration, and its layers where they are needed.

Source: opencontainers/distribution-spec:spec.md (Pull), opencontainers/image-spec:manifest.md and image-index.md,
distribution/distribution:docs/spec/auth/token.md and oauth.md.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from labkit.adapters.image_registry.docker_logins import Login, login_for
from labkit.adapters.image_registry.registry_failures import RegistryFailed, refused, untrusted
from labkit.adapters.image_registry.registry_transport import HttpAnswer, RegistryTransport
from labkit.core.image_platform import ImagePlatform
from labkit.core.image_reference import ImageReference

_HUB, _HUB_HOST = "docker.io", "registry-1.docker.io"
_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_CONFIGURATIONS = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
_ACCEPT = ", ".join((*_INDEXES, *_MANIFESTS))
_LARGEST_MANIFEST = 4 << 20
_LARGEST_CONFIGURATION = 8 << 20
_LARGEST_TOKEN = 1 << 20
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_REPOSITORY = re.compile(r"[a-z0-9]+([._/-]+[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_HOST = re.compile(r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?")
_PARAMETER = re.compile(r'(?<!\w)(\w++)="([^"]*)"')


@dataclass(frozen=True)
class ConfiguredImage:
    """What a registry tells of an image.

    Args:
        digest: of what was asked for: an index, or a manifest.
        platform: that it is built for.
        configuration: its configuration, whole.
        layers: the digests of its layers, from the bottom.
        layer_sizes: their sizes as the registry gives them.
    """

    digest: str
    platform: ImagePlatform
    configuration: Mapping[str, Any]
    layers: tuple[str, ...] = ()
    layer_sizes: tuple[int, ...] = ()


class RegistryAccess:
    """Asks for one image, as anybody, or with the user's login where the registry wants one.

    Args:
        reference: the image.
        seconds: how long all of it may take.
        login: gives the user's login to a registry.

    Raises:
        RegistryFailed: no image can have such a name.
    """

    def __init__(
        self,
        reference: ImageReference,
        seconds: float = 10.0,
        login: Callable[[str], Login | None] = login_for,
    ) -> None:
        reference = reference.tagged()
        self._reference, self._login = reference, login
        names = (_REPOSITORY, reference.repository), (_HOST, reference.registry)
        versions = ((_DIGEST, reference.digest), (_TAG, reference.tag))
        if not all(pattern.fullmatch(text) for pattern, text in names) or not all(
            pattern.fullmatch(text) for pattern, text in versions if text
        ):
            remedy = "check its spelling; registries have names in lower case"
            raise RegistryFailed(f"no image can be named {str(reference)[:200]!r}", remedy)
        host = _HUB_HOST if reference.registry == _HUB else reference.registry
        self._transport = RegistryTransport(host, reference.registry, seconds)
        self._authorization: str | None = None
        self._is_logged_in = False

    def digest(self) -> str:
        """The digest that the image's tag has now; the reference's own where it has one.

        Raises:
            RegistryFailed: the registry does not tell.
        """
        if self._reference.digest:
            return self._reference.digest
        answer = self._ask(f"manifests/{self._reference.tag}", _LARGEST_MANIFEST, method="HEAD")
        digest = answer.headers.get("Docker-Content-Digest") or ""
        if _DIGEST.fullmatch(digest):
            return digest
        manifest = self._ask(f"manifests/{self._reference.tag}", _LARGEST_MANIFEST)
        return "sha256:" + hashlib.sha256(manifest.body).hexdigest()

    def image(self, digest: str, platform: ImagePlatform) -> ConfiguredImage:
        """The configuration of the image that a digest names, for a platform.

        Raises:
            RegistryFailed: it has none for it, it is no image, or something else came than was asked for.
        """
        manifest = self._manifest(digest)
        if isinstance(manifest.get("manifests"), list):
            manifest = self._manifest(self._choose(manifest["manifests"], platform))
        descriptor = _mapping(manifest.get("config"))
        if descriptor.get("mediaType") not in _CONFIGURATIONS:
            kind = str(descriptor.get("mediaType") or manifest.get("mediaType") or "unknown")[:100]
            raise RegistryFailed(f"what {self._reference} names is not an image but {kind!r}", "check the image's name")
        configuration = _json(self._blob(str(descriptor.get("digest")), _LARGEST_CONFIGURATION), self._reference)
        layers = [_mapping(layer) for layer in _sequence(manifest.get("layers"))]
        of_image = ImagePlatform(
            str(configuration.get("os") or "linux"),
            str(configuration.get("architecture") or platform.architecture),
            str(configuration.get("variant") or ""),
        )
        digests = tuple(str(layer.get("digest")) for layer in layers)
        sizes = tuple(size if isinstance(size := layer.get("size"), int) else 0 for layer in layers)
        return ConfiguredImage(digest, of_image, configuration, digests, sizes)

    def fetch_layer(self, digest: str, file: Path, limit: int, seconds: float) -> int:
        """Fetch a layer into a file.

        Args:
            digest: of the layer.
            file: that it is written to.
            limit: the most bytes that are fetched.
            seconds: how long it may take.

        Returns:
            Its size.

        Raises:
            RegistryFailed: it does not come, is too large, or is another.
        """
        self._transport.extend(seconds)
        self._check(digest)
        with file.open("wb") as into:
            self._ask(f"blobs/{digest}", limit, into=into)
        with file.open("rb") as fetched:
            if hashlib.file_digest(fetched, digest.partition(":")[0]).hexdigest() != digest.partition(":")[2]:
                raise untrusted(self._transport.name, f"gives another layer than {digest}")
        return file.stat().st_size

    def _manifest(self, digest: str) -> Mapping[str, Any]:
        self._check(digest)
        body = self._ask(f"manifests/{digest}", _LARGEST_MANIFEST).body
        self._verify(body, digest)
        return _json(body, self._reference)

    def _blob(self, digest: str, limit: int) -> bytes:
        self._check(digest)
        body = self._ask(f"blobs/{digest}", limit).body
        self._verify(body, digest)
        return body

    def _check(self, digest: str) -> None:
        if not _DIGEST.fullmatch(digest):
            raise untrusted(
                self._transport.name, f"names a part of the image by {digest[:100]!r}, which is not a digest"
            )

    def _verify(self, body: bytes, digest: str) -> None:
        algorithm, _, wanted = digest.partition(":")
        if hashlib.new(algorithm, body).hexdigest() != wanted:
            raise untrusted(self._transport.name, f"gives something else than {digest}, which was asked for")

    def _choose(self, entries: list[Any], platform: ImagePlatform) -> str:
        """The digest of an index's manifest for a platform."""
        offered = []
        for entry in map(_mapping, entries):
            described = _mapping(entry.get("platform"))
            names = [str(described.get(key) or "") for key in ("os", "architecture", "variant")]
            if names[0] != "unknown":  # an attestation (moby/buildkit:docs/attestations/attestation-storage.md)
                offered.append((ImagePlatform(*names), str(entry.get("digest"))))
        index = platform.choose(offer for offer, _ in offered)
        if index is None and len({offer.system for offer, _ in offered}) == 1 and offered:
            # Made for the other system alone: no platform of this machine's could be meant.
            other = ImagePlatform(offered[0][0].system, platform.architecture, platform.variant)
            index = other.choose(offer for offer, _ in offered) if other.system == "windows" else None
        if index is None:
            names_of_all = ", ".join(sorted({str(offer) for offer, _ in offered})[:12]) or "no platform"
            remedy = "name one of these: --platform OS/ARCHITECTURE"
            raise RegistryFailed(f"{self._reference} is not made for {platform}, but for {names_of_all}", remedy)
        return offered[index][1]

    def _ask(self, path: str, limit: int, *, method: str = "GET", into: Any = None) -> HttpAnswer:
        repository = quote(self._reference.repository, safe="/")
        address = self._transport.address(f"{repository}/{path}")
        answer = self._request(address, limit, method, into)
        if answer.status == http.client.BAD_REQUEST and self._transport.secure(answer.body):
            address = self._transport.address(f"{repository}/{path}")
            answer = self._request(address, limit, method, into)
        if answer.status == http.client.UNAUTHORIZED and self._authorization is None:
            self._authorization = self._authorize(answer.headers.get_all("WWW-Authenticate") or [])
            answer = self._request(address, limit, method, into)
        if method == "HEAD" and answer.status == http.client.NOT_FOUND:
            answer = self._request(address, limit, "GET", into)  # An answer to HEAD cannot say why.
        if answer.status != http.client.OK:
            raise self._refusal(answer)
        return answer

    def _request(self, address: str, limit: int, method: str, into: Any) -> HttpAnswer:
        headers = {"Accept": _ACCEPT}
        if self._authorization:
            headers["Authorization"] = self._authorization
        return self._transport.fetch(address, headers, limit, method=method, into=into)

    def _authorize(self, challenges: list[str]) -> str:
        """The header Authorization that a challenge asks for."""
        login = self._login(self._reference.registry)
        self._is_logged_in = login is not None
        for challenge in challenges:
            scheme, _, rest = challenge.strip().partition(" ")
            parameters = dict(_PARAMETER.findall(rest))
            if scheme.lower() == "bearer" and "realm" in parameters:
                return f"Bearer {self._token(parameters, login)}"
            if scheme.lower() == "basic" and login is not None and login.user:
                return login.basic
        return ""

    def _token(self, parameters: Mapping[str, str], login: Login | None) -> str:
        scope = f"repository:{self._reference.repository}:pull"
        query = {"service": parameters.get("service", ""), "scope": scope}
        realm = parameters["realm"]
        if login is not None and login.identity_token:
            form = {
                "grant_type": "refresh_token",
                "refresh_token": login.identity_token,
                "client_id": "labkit",
                **query,
            }
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            content = urlencode(form).encode()
            answer = self._transport.fetch(realm, headers, _LARGEST_TOKEN, method="POST", content=content)
        else:
            headers = {"Authorization": login.basic} if login is not None else {}
            separator = "&" if urlsplit(realm).query else "?"
            answer = self._transport.fetch(f"{realm}{separator}{urlencode(query)}", headers, _LARGEST_TOKEN)
        if answer.status != http.client.OK:
            raise self._refusal(answer)
        fields = _json(answer.body, self._reference)
        token = str(fields.get("token") or fields.get("access_token") or "")
        if not token or not token.isprintable() or not token.isascii():
            raise untrusted(self._transport.name, "gives no token that could be used")
        return token

    def _refusal(self, answer: HttpAnswer) -> RegistryFailed:
        retry_after = answer.headers.get("Retry-After") or ""
        name = self._transport.name
        return refused(name, answer.status, answer.body, retry_after, logged_in=self._is_logged_in)


def _json(body: bytes, reference: ImageReference) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise untrusted(reference.registry, "answers with something that is not a JSON object")
    return value


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _sequence(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
