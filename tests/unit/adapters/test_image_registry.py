"""A registry that is asked for an image's configuration, and that answers badly in every way. None is outside."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from labkit.adapters.image_registry import RegistryAccess, RegistryFailed, registry_transport
from labkit.adapters.image_registry.docker_logins import Login, login_for
from labkit.core.image_platform import ImagePlatform
from labkit.core.image_reference import ImageReference
from tests.unit.registry_double import RegistryDouble, digest_of, running_registry, send

AMD64 = ImagePlatform("linux", "amd64")
CHUNK = b"10000\r\n" + b" " * 0x10000 + b"\r\n"


@pytest.fixture
def registry() -> Iterator[RegistryDouble]:
    with running_registry() as double:
        yield double


def access(registry: RegistryDouble, name: str = "app:1", seconds: float = 5.0, login: Any = None) -> RegistryAccess:
    return RegistryAccess(ImageReference.parse(f"{registry.host}/{name}"), seconds, lambda _: login)


def configured_user(registry: RegistryDouble, name: str = "app:1", platform: ImagePlatform = AMD64) -> Any:
    asked = access(registry, name)
    return asked.image(asked.digest(), platform).configuration["config"].get("User")


def test_a_tag_and_a_digest_give_the_configuration(registry: RegistryDouble) -> None:
    digest = registry.add_image("app:1", "101")
    assert access(registry).digest() == digest
    assert configured_user(registry) == configured_user(registry, f"app@{digest}") == "101"
    assert [method for method, path, _ in registry.requests if path.endswith("/1")] == ["HEAD", "HEAD"]
    assert not any("/blobs/" in path and path.endswith("tar") for _, path, _ in registry.requests)


def test_a_registry_that_gives_no_digest_is_asked_for_the_manifest(registry: RegistryDouble) -> None:
    digest = registry.add_image("app:1", "101")
    content = registry.answers["/v2/app/manifests/1"][2]
    registry.handlers["/v2/app/manifests/1"] = lambda request: send(request, 200, content)
    assert access(registry).digest() == digest


def test_the_image_of_a_platform(registry: RegistryDouble) -> None:
    images = {
        "linux/amd64": registry.add_image("app:a", "1"),
        "linux/arm64": registry.add_image("app:b", "2", architecture="arm64"),
        "linux/arm/v6": registry.add_image("app:c", "3", architecture="arm"),
        "linux/arm/v7": registry.add_image("app:d", "4", architecture="arm"),
        "unknown/unknown": registry.add_image("app:e", "5"),
    }
    registry.add_index("app:1", images)
    wanted = {"linux/amd64": "1", "linux/arm64/v8": "2", "linux/arm": "4", "linux/arm/v6": "3", "linux/aarch64": "2"}
    for text, user in wanted.items():
        platform = ImagePlatform.parse(text)
        assert platform is not None
        assert configured_user(registry, platform=platform) == user, text
    with pytest.raises(RegistryFailed, match="not made for linux/s390x, but for linux/amd64, linux/arm/v6") as failed:
        configured_user(registry, platform=ImagePlatform("linux", "s390x"))
    assert "--platform" in failed.value.remedy


def test_an_image_for_windows_alone_needs_no_platform(registry: RegistryDouble) -> None:
    registry.add_index("app:1", {"windows/amd64": registry.add_image("app:w", "ContainerUser", os="windows")})
    asked = access(registry)
    assert asked.image(asked.digest(), AMD64).platform.system == "windows"


@pytest.mark.parametrize("text", ["", "linux", "linux/", "/amd64", "a/b/c/d", "linux/amd64 x", "linux//v7"])
def test_what_is_no_platform(text: str) -> None:
    assert ImagePlatform.parse(text) is None


# --- who asks ---


def test_a_token_is_fetched_as_anybody(registry: RegistryDouble) -> None:
    registry.token = "t0ken"
    registry.add_image("team/app:1", "101")
    assert configured_user(registry, "team/app:1") == "101"
    (asked_for,) = [path for _, path, _ in registry.requests if path.startswith("/token")]
    assert asked_for == "/token?service=double&scope=repository%3Ateam%2Fapp%3Apull"


def test_a_login_is_given_to_the_token_server_alone(registry: RegistryDouble) -> None:
    registry.token = "t0ken"
    registry.add_image("app:1", "101")
    login = Login("me", "secret")
    asked = access(registry, login=login)
    asked.image(asked.digest(), AMD64)
    given = {authorization for _, path, authorization in registry.requests if not path.startswith("/token")}
    assert given == {"", "Bearer t0ken"}
    assert login.basic in {authorization for _, path, authorization in registry.requests if path.startswith("/token")}
    assert "secret" not in repr(login)


def test_an_identity_token_is_posted(registry: RegistryDouble) -> None:
    registry.token = "t0ken"
    registry.add_image("app:1", "101")
    posted: list[bytes] = []

    def token(request: BaseHTTPRequestHandler) -> None:
        posted.append(request.rfile.read(int(request.headers["Content-Length"])))
        send(request, 200, b'{"access_token": "t0ken"}')

    registry.handlers["/token"] = token
    asked = access(registry, login=Login(identity_token="long"))
    asked.digest()
    assert b"grant_type=refresh_token" in posted[0]
    assert b"refresh_token=long" in posted[0]


def test_basic_authentication(registry: RegistryDouble) -> None:
    login = Login("me", "secret")

    def manifest(request: BaseHTTPRequestHandler) -> None:
        if request.headers.get("Authorization") == login.basic:
            send(request, 200, b"{}", {"Docker-Content-Digest": digest_of(b"{}")})
        else:
            send(request, 401, b"", {"WWW-Authenticate": 'Basic realm="x"'})

    registry.handlers["/v2/app/manifests/1"] = manifest
    assert access(registry, login=login).digest() == digest_of(b"{}")
    with pytest.raises(RegistryFailed, match="somebody who is not logged in"):
        access(registry).digest()


def test_logins_as_docker_and_podman_keep_them(tmp_path: Path) -> None:
    entry = {"auth": "bWU6c2VjcmV0"}
    settings: dict[str, Any] = {
        "auths": {"https://index.docker.io/v1/": entry, "ghcr.io": {"identitytoken": "long"}, "broken.example": 5},
        "credHelpers": {"helped.example": "test", "gone.example": "gone", "evil.example": "../../bin/sh"},
    }
    (tmp_path / "config.json").write_text(json.dumps(settings))
    helper = tmp_path / "docker-credential-test"
    helper.write_text('#!/bin/sh\nread host\necho "{\\"Username\\": \\"<token>\\", \\"Secret\\": \\"for $host\\"}"\n')
    helper.chmod(0o700)
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {"quay.io": entry}}))
    environment = {
        "DOCKER_CONFIG": str(tmp_path),
        "REGISTRY_AUTH_FILE": str(tmp_path / "auth.json"),
        "PATH": f"{tmp_path}:/usr/bin:/bin",
    }
    expected: Mapping[str, Login | None] = {
        "docker.io": Login("me", "secret"),
        "ghcr.io": Login(identity_token="long"),
        "quay.io": Login("me", "secret"),
        "broken.example": None,
        "gone.example": None,
        "evil.example": None,
        "other.example": None,
    }
    assert {host: login_for(host, environment) for host in expected} == expected


@pytest.mark.parametrize("text", ["", "[]", "{", '{"auths": []}', '{"auths": {"a": {"auth": "%%%"}}}', "\xff"])
def test_a_damaged_file_is_no_login(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="latin-1")
    assert login_for("a", {"DOCKER_CONFIG": str(tmp_path)}) is None


# --- what goes wrong ---


@pytest.mark.parametrize(
    ("status", "code", "headers", "sentence", "remedy"),
    [
        (429, "TOOMANYREQUESTS", {"Retry-After": "60"}, "asks to wait 60 s", "docker login"),
        (429, "", {}, "too many requests", "--lock"),
        (401, "UNAUTHORIZED", {}, "somebody who is not logged in", "docker login"),
        (403, "DENIED", {}, "does not give it to", "docker login"),
        (404, "MANIFEST_UNKNOWN", {}, "no such tag", "check its name"),
        (404, "NAME_UNKNOWN", {}, "no such image", "check its name"),
        (500, "", {}, "answers with an error", "try again"),
        (418, "\x1b[31mX", {}, "answers with an error .418.", "try again"),
    ],
)  # fmt: skip
def test_a_no_is_told_in_one_sentence(
    registry: RegistryDouble, status: int, code: str, headers: dict[str, str], sentence: str, remedy: str
) -> None:
    body = json.dumps({"errors": [{"code": code}]}).encode()
    # An answer to HEAD has no body: the sentence has to be right with the one to GET.
    digest = "sha256:" + "a" * 64
    registry.handlers[f"/v2/app/manifests/{digest}"] = lambda request: send(request, status, body, headers)
    with pytest.raises(RegistryFailed, match=sentence) as failed:
        access(registry).image(digest, AMD64)
    assert remedy in failed.value.remedy
    assert "\n" not in failed.value.came_back
    assert failed.value.of_all == (status in (429, 500))


@pytest.mark.parametrize("body", [b"", b"[]", b'{"errors": []}', b'{"errors": 5}', b"{" * 100_000, b"\xff"])
def test_an_error_without_a_code(registry: RegistryDouble, body: bytes) -> None:
    digest = "sha256:" + "a" * 64
    registry.handlers[f"/v2/app/manifests/{digest}"] = lambda request: send(request, 404, body)
    with pytest.raises(RegistryFailed, match=r"no such image \(404\)"):
        access(registry).image(digest, AMD64)


def _hang(request: BaseHTTPRequestHandler) -> None:
    request.connection.settimeout(5)
    request.rfile.read(1)


def _drip(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    try:
        while True:
            request.wfile.write(b" ")
            time.sleep(0.05)
    except OSError:
        return


@pytest.mark.parametrize("handler", [_hang, _drip])
def test_a_registry_that_hangs_is_left(registry: RegistryDouble, handler: Callable[..., None]) -> None:
    digest = "sha256:" + "a" * 64
    registry.handlers[f"/v2/app/manifests/{digest}"] = handler
    started = time.monotonic()
    with pytest.raises(RegistryFailed, match=r"has not answered within 0.3 s") as failed:
        access(registry, seconds=0.3).image(digest, AMD64)
    assert time.monotonic() - started < 3
    assert failed.value.of_all


def _endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    try:
        while True:
            request.wfile.write(CHUNK)
    except OSError:
        return


def _one_gigabyte(request: BaseHTTPRequestHandler) -> None:
    send(request, 200, b"{", {"Content-Length": str(1 << 30)})


@pytest.mark.parametrize("handler", [_endless, _one_gigabyte])
def test_a_gigabyte_of_json_is_not_read(registry: RegistryDouble, handler: Callable[..., None]) -> None:
    digest = "sha256:" + "a" * 64
    registry.handlers[f"/v2/app/manifests/{digest}"] = handler
    with pytest.raises(RegistryFailed, match="more than the 4 MiB that are read"):
        access(registry).image(digest, AMD64)


def test_another_digest_than_asked_for_is_refused(registry: RegistryDouble) -> None:
    digest = registry.add_image("app:1", "101")
    other = registry.add_image("app:2", "0")
    path = f"/v2/app/manifests/{digest}"
    registry.answers[path] = registry.answers[f"/v2/app/manifests/{other}"]
    with pytest.raises(RegistryFailed, match=r"something else than sha256:.* which was asked for"):
        configured_user(registry, f"app@{digest}")


def test_another_configuration_than_the_manifest_s_is_refused(registry: RegistryDouble) -> None:
    registry.add_image("app:1", "101")
    (blob,) = [path for path in registry.answers if "/blobs/" in path]
    registry.answers[blob] = (200, "", b'{"config": {"User": "0"}}')
    with pytest.raises(RegistryFailed, match="something else"):
        configured_user(registry)


@pytest.mark.parametrize("digest", ["../../x", "sha256:1", "md5:" + "a" * 32, None, 5, "sha256:" + "A" * 64])
def test_a_part_is_named_by_a_digest(registry: RegistryDouble, digest: object) -> None:
    manifest = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest},
    }
    registry.add_manifest("app", manifest, "1")
    with pytest.raises(RegistryFailed, match="which is not a digest"):
        configured_user(registry)


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data",
        "https://169.254.169.254/latest/meta-data",
        "https://[fe80::1]/x",
        "ftp://example.invalid/x",
        "https://user:pass@example.invalid/x",
        "https://example.invalid:notaport/x",
        "http://example.invalid/x",
        "https:///x",
    ],
)
def test_a_redirect_to_where_no_registry_is(registry: RegistryDouble, target: str) -> None:
    digest = "sha256:" + "a" * 64
    registry.handlers[f"/v2/app/manifests/{digest}"] = lambda request: send(request, 307, b"", {"Location": target})
    with pytest.raises(RegistryFailed, match="leads to"):
        access(registry).image(digest, AMD64)


@pytest.mark.parametrize("target", ["https://127.0.0.1:{port}/x", "https://localhost:{port}/x", "https://[::1]/x",
                                    "https://0.0.0.0:{port}/x", "https://[::ffff:127.0.0.1]:{port}/x",
                                    "http://127.0.0.1:{port}/x"])  # fmt: skip
def test_a_redirect_to_this_machine(registry: RegistryDouble, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry elsewhere, which this double stands for, may not lead to what listens here."""
    monkeypatch.setattr(registry_transport, "_is_local_name", lambda _: False)
    transport = registry_transport.RegistryTransport("registry.example", "registry.example", 5)
    monkeypatch.undo()
    port = registry.host.partition(":")[2]
    with pytest.raises(RegistryFailed, match=r"leads to .*, (where no registry|which is not an https address)"):
        transport.fetch(target.format(port=port), {}, 100)
    assert registry.requests == []


def test_a_name_that_resolves_to_this_machine(registry: RegistryDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    port = int(registry.host.partition(":")[2])
    real = socket.create_connection
    monkeypatch.setattr(socket, "create_connection", lambda address, *rest, **more: real(("127.0.0.1", port)))
    transport = registry_transport.RegistryTransport("registry.example", "registry.example", 5)
    with pytest.raises(RegistryFailed, match=r"leads to .*cdn.example.*127.0.0.1"):
        transport.fetch("https://cdn.example/x", {}, 100)
    assert registry.requests == []


def test_redirects_within_a_registry_end(registry: RegistryDouble) -> None:
    digest = "sha256:" + "a" * 64
    path = f"/v2/app/manifests/{digest}"
    registry.handlers[path] = lambda request: send(request, 302, b"", {"Location": path})
    with pytest.raises(RegistryFailed, match="from address to address"):
        access(registry).image(digest, AMD64)


def test_a_redirect_takes_no_login_along(registry: RegistryDouble) -> None:
    registry.token = "t0ken"
    digest = registry.add_image("app:1", "101")
    content = registry.answers[f"/v2/app/manifests/{digest}"][2]
    with running_registry() as storage:
        storage.answers["/stored"] = (200, "", content)
        del registry.answers[f"/v2/app/manifests/{digest}"]
        target = f"http://{storage.host}/stored"

        def redirect(request: BaseHTTPRequestHandler) -> None:
            authorized = request.headers.get("Authorization") == "Bearer t0ken"
            challenge = f'Bearer realm="http://{registry.host}/token"'
            headers = {"Location": target} if authorized else {"WWW-Authenticate": challenge}
            send(request, 307 if authorized else 401, b"", headers)

        registry.handlers[f"/v2/app/manifests/{digest}"] = redirect
        assert configured_user(registry, f"app@{digest}") == "101"
        assert [authorization for _, _, authorization in storage.requests] == [""]


def test_a_token_server_that_is_a_file(registry: RegistryDouble) -> None:
    challenge = {"WWW-Authenticate": 'Bearer realm="file:///etc/passwd"'}
    registry.handlers["/v2/app/manifests/1"] = lambda request: send(request, 401, b"", challenge)
    with pytest.raises(RegistryFailed, match="leads to 'file:"):
        access(registry).digest()


def test_nobody_listens() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # It keeps the port, and does not listen there.
        reference = ImageReference.parse(f"127.0.0.1:{silent.getsockname()[1]}/app")
        with pytest.raises(RegistryFailed, match=r"no connection to 127.0.0.1.*refused") as failed:
            RegistryAccess(reference).digest()
    assert failed.value.of_all


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> socket.socket:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", unknown)
    with pytest.raises(RegistryFailed, match=r"the name registry.example is not known to this network"):
        RegistryAccess(ImageReference.parse("registry.example/app")).digest()


def test_a_registry_without_tls(registry: RegistryDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        registry_transport.RegistryTransport, "address", lambda self, path: f"https://{self.host}/{path}"
    )
    with pytest.raises(RegistryFailed, match="no secure connection") as failed:
        access(registry).digest()
    assert "\n" not in failed.value.came_back


@pytest.mark.parametrize(
    "name",
    ["registry.example/App:1", "registry.example/app:", "registry.example/a b", "registry.example/app:-x",
     "registry.example/app@sha256:12", "registry.example/../x", "regi$try.example/app", "${IMAGE}", "", "x!"],
)  # fmt: skip
def test_what_no_image_can_be_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "create_connection", pytest.fail)
    if name == "registry.example/app:":
        assert ImageReference.parse(name).tagged().tag == "latest"
        return
    with pytest.raises(RegistryFailed, match="no image can be named"):
        RegistryAccess(ImageReference.parse(name))


def test_what_is_no_image(registry: RegistryDouble) -> None:
    chart = {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": "sha256:" + "a" * 64}
    registry.add_manifest("app", {"mediaType": "application/vnd.oci.image.manifest.v1+json", "config": chart}, "1")
    with pytest.raises(RegistryFailed, match=r"not an image but 'application/vnd.cncf.helm"):
        configured_user(registry)


@pytest.mark.parametrize("content", [b"[]", b"null", b"{", b"[" * 100_000, b"\xff\xfe"])
def test_what_is_no_json(registry: RegistryDouble, content: bytes) -> None:
    digest = digest_of(content)
    registry.answers[f"/v2/app/manifests/{digest}"] = (200, "", content)
    with pytest.raises(RegistryFailed, match="not a JSON object"):
        access(registry).image(digest, AMD64)
