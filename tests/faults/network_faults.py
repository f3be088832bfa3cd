"""Faults of what answers, or does not, at the other end of a connection: engines, registries, proxies."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.bench import Bench
from tests.faults.fault import fault
from tests.faults.kit_faults import as_user
from tests.servers import LOGIN_PAGE, Answer, choose, dripping, http, serve, silent, trickle

_JSON = {"Content-Type": "application/json", "Api-Version": "1.45", "Docker-Experimental": "false"}
_PING = http(b"OK", headers=_JSON)
_VERSION = http(b'{"ApiVersion": "1.45", "Version": "26.1", "Arch": "amd64", "Components": []}', headers=_JSON)
# Beside its own deadline a command takes a moment to begin; an engine that hangs is given up after ten seconds.
_ENGINE_SECONDS = 120.0


def _engine(otherwise: Answer) -> Answer:
    """An engine that says that it is there, and answers all else in one way."""
    return choose({"/_ping": _PING, "/version": _VERSION}, otherwise)


def _images_of(bench: Bench, answer: Answer, **options: Any) -> None:
    path = bench.folder / f"engine-{len(bench.transcript)}.sock"
    with serve(answer, path=path) as address:
        bench.labkit("images", status=(1, 3), seconds=_ENGINE_SECONDS, DOCKER_HOST=address, **options)


@fault(
    "engine",
    "hangs",
    slow=True,
    made="a socket that accepts and never answers",
    sentence="timed out: no engine answers there",
)
def _hangs(bench: Bench) -> None:
    _images_of(bench, silent)


@fault(
    "engine",
    "hangs in the middle",
    slow=True,
    made="an engine that answers its ping, and then nothing",
    sentence="the engine stopped answering",
    seconds=60,
)
def _hangs_in_the_middle(bench: Bench) -> None:
    with serve(_engine(silent), path=bench.folder / "engine.sock") as address:
        bench.labkit("images", status=(1, 3), DOCKER_HOST=address)


@fault("engine", "fails", made="an engine that answers all with 500", sentence="(?s)out of order.*labkit doctor")
def _fails(bench: Bench) -> None:
    broken = http(b'{"message": "out of order"}', status="500 Internal Server Error", headers=_JSON)
    _images_of(bench, _engine(broken))


@fault("engine", "is none", made="a web server at the engine's address", sentence="labkit doctor|unset DOCKER_HOST")
def _is_none(bench: Bench) -> None:
    _images_of(bench, http(LOGIN_PAGE))


@fault("engine", "lies", made="an engine whose answers are of another type", sentence="labkit doctor|unset DOCKER_HOST")
def _lies(bench: Bench) -> None:
    _images_of(bench, _engine(http(b'"what?"', headers=_JSON)))
    _images_of(bench, _engine(http(b"{", headers=_JSON)))


@fault("engine", "its address is IPv6 alone", made="an engine on [::1]", sentence="out of order")
def _ipv6(bench: Bench) -> None:
    broken = http(b'{"message": "out of order"}', status="500 Internal Server Error", headers=_JSON)
    with serve(_engine(broken), host="::1") as address:
        bench.labkit("images", status=1, seconds=_ENGINE_SECONDS, DOCKER_HOST=f"tcp://{address}")


@fault(
    "engine",
    "its name is not known",
    made="DOCKER_HOST=tcp://no-such-machine.invalid",
    sentence="no machine of that name",
)
def _no_name(bench: Bench) -> None:
    bench.labkit("images", status=3, seconds=_ENGINE_SECONDS, DOCKER_HOST="tcp://no-such-machine.invalid:2375")


@fault("engine", "its context is gone", made="DOCKER_CONTEXT=class", sentence="there is no such context")
def _no_context(bench: Bench) -> None:
    bench.labkit("images", status=3, DOCKER_HOST=None, DOCKER_CONTEXT="class")


def _explain(bench: Bench, answer: Answer, host: str = "127.0.0.1", **environment: Any) -> None:
    """Ask a registry about an image; nobody else can be asked."""
    with serve(answer, host=host) as address:
        bench.labkit("explain", "--online", f"{address}/app:1", status=(0, 1), LABKIT_OFFLINE=None, **environment)


@fault("network", "no registry", made="nothing listens there", sentence="(?i)refused|reached|answer")
def _no_registry(bench: Bench) -> None:
    bench.labkit("explain", "--online", "127.0.0.1:1/app:1", status=(0, 1), LABKIT_OFFLINE=None)


@fault(
    "network",
    "a registry hangs",
    slow=True,
    made="a server that accepts and never answers",
    sentence="(?i)time|answer",
    seconds=45,
)
def _registry_hangs(bench: Bench) -> None:
    _explain(bench, silent)


@fault(
    "network",
    "slow",
    slow=True,
    made="a registry that sends five bytes a second, without an end",
    sentence="(?i)time|slow|answer",
    seconds=60,
)
def _slow(bench: Bench) -> None:
    began = time.monotonic()
    _explain(bench, trickle)
    assert time.monotonic() - began < 60


@fault(
    "network",
    "a login page",
    made="a server that answers all with one page of HTML",
    sentence="(?i)json|html|not a registry|log in",
)
def _login_page(bench: Bench) -> None:
    _explain(bench, http(LOGIN_PAGE))
    assert "\x1b[2J" not in bench.text


@fault(
    "network",
    "a proxy with a login page",
    made="HTTPS_PROXY, whose server answers all with HTML",
    sentence="(?i)proxy|tunnel|answer|reach",
)
def _proxy(bench: Bench) -> None:
    with serve(http(LOGIN_PAGE, status="302 Found", headers={"Location": "http://login.invalid/"})) as address:
        proxy = f"http://{address}"
        bench.labkit(
            "explain",
            "--online",
            "registry.invalid/app:1",
            status=(0, 1),
            seconds=60,
            LABKIT_OFFLINE=None,
            HTTPS_PROXY=proxy,
            HTTP_PROXY=proxy,
            https_proxy=proxy,
            http_proxy=proxy,
        )


@fault(
    "network",
    "redirects without an end",
    made="a server that redirects all to itself",
    sentence="(?i)redirect|302|answer",
)
def _redirects(bench: Bench) -> None:
    _explain(bench, http(b"", status="302 Found", headers={"Location": "/v2/app/manifests/1"}))


_KIND = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = json.dumps(
    {"architecture": "amd64", "os": "linux", "config": {"User": "0"}, "rootfs": {"type": "layers", "diff_ids": []}}
).encode()


def _registry(digest: str, wrap: Callable[[Answer], Answer] = lambda answer: answer) -> Answer:
    """A registry with one image.

    Args:
        digest: what it says the image's configuration has.
        wrap: changes how it answers.
    """
    config = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": f"sha256:{digest}",
        "size": len(_CONFIG),
    }
    manifest = json.dumps({"schemaVersion": 2, "mediaType": _KIND, "config": config, "layers": []}).encode()
    answers = {
        "/manifests/": wrap(http(manifest, headers={"Content-Type": _KIND})),
        "/blobs/": wrap(http(_CONFIG, headers={"Content-Type": "application/octet-stream"})),
    }
    return choose(answers, http(b"{}", headers=_JSON))


@fault(
    "network",
    "a registry lies about digests",
    made="a configuration with another content than its digest",
    sentence="(?i)digest|sha256",
)
def _lies_about_digests(bench: Bench) -> None:
    _explain(bench, _registry(hashlib.sha256(b"another").hexdigest()))


@fault(
    "network",
    "1 KB a second",
    slow=True,
    made="a registry that sends so much, and then has sent all",
    sentence="root",
    seconds=30,
)
def _slow_and_whole(bench: Bench) -> None:
    _explain(bench, _registry(hashlib.sha256(_CONFIG).hexdigest(), dripping))


@fault("network", "IPv6 alone", made="a registry on [::1]", sentence="root")
def _ipv6_registry(bench: Bench) -> None:
    _explain(bench, _registry(hashlib.sha256(_CONFIG).hexdigest()), host="::1")


@fault(
    "network",
    "DNS is gone",
    made="the resolver fails, as without a server of names",
    sentence="(?i)name",
)
def _no_dns(bench: Bench) -> None:
    before = (
        "import socket\n"
        "def fail(*_, **__): raise socket.gaierror(socket.EAI_AGAIN, 'Temporary failure in name resolution')\n"
        "socket.getaddrinfo = fail"
    )
    bench.labkit("explain", "--online", "registry.example/app:1", status=1, before=before, LABKIT_OFFLINE=None)


@fault(
    "engine",
    "its socket may not be used",
    slow=True,
    made="a socket of root's with mode 0600, and a user who is not",
    sentence="this user may not talk to it",
)
def _closed_socket(bench: Bench) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "engine.sock"
        with serve(silent, path=path) as address:
            path.chmod(0o600)
            bench.labkit("images", status=3, before=as_user(65534), cwd=Path("/"), HOME=folder, DOCKER_HOST=address)
