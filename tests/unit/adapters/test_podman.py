"""Where podman offers its service, how its answers are known, and what its command and kind are told."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from labkit.adapters import engine_endpoint, podman
from labkit.adapters.engine_answers import EngineComponent, runc_version
from labkit.adapters.engine_endpoint import EngineUnreachable, choose_endpoint

RECORDED = Path(__file__).parents[2] / "recorded" / "engine"


def socket_at(root: Path, place: str) -> None:
    file = root / place.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


def connections(folder: Path, content: object) -> dict[str, str]:
    """The environment of somebody whose podman has these connections."""
    file = folder / "podman-connections.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return {"PODMAN_CONNECTIONS_CONF": str(file), "HOME": str(folder)}


def default(uri: str, *, is_machine: bool = False, name: str = "box") -> dict[str, Any]:
    return {"Connection": {"Default": name, "Connections": {name: {"URI": uri, "IsMachine": is_machine}}}}


def named_host(environment: Mapping[str, str], root: Path) -> tuple[str, str] | None:
    service = podman.find_service(environment, root)
    return (service.host, service.named_by) if service else None


def test_its_own_variable_is_believed(tmp_path: Path) -> None:
    assert named_host({"CONTAINER_HOST": "tcp://box:1"}, tmp_path) == ("tcp://box:1", "CONTAINER_HOST")
    assert named_host({}, tmp_path) is None


def test_the_users_socket_comes_before_the_systems_and_that_of_podman_desktop(tmp_path: Path) -> None:
    own = {"XDG_RUNTIME_DIR": "/run/user/7"}
    desktop = "/mnt/wsl/podman-sockets/podman-machine-default/podman-user.sock"
    for place, named_by in (
        (desktop, "Podman Desktop's machine"),
        ("/run/podman/podman.sock", "podman's socket of this system"),
        ("/run/user/7/podman/podman.sock", "podman's socket of this user"),
    ):
        socket_at(tmp_path, place)
        assert named_host(own, tmp_path) == (f"unix://{place}", named_by)
    assert named_host({}, tmp_path) == ("unix:///run/podman/podman.sock", "podman's socket of this system")


def test_the_default_connection_counts_before_the_sockets(tmp_path: Path) -> None:
    socket_at(tmp_path, "/run/podman/podman.sock")
    tcp = connections(tmp_path, default("tcp://10.0.0.7:8080"))
    assert named_host(tcp, tmp_path) == ("tcp://10.0.0.7:8080", 'podman connection "box"')
    socket_at(tmp_path, "/tmp/forwarded.sock")
    unix = connections(tmp_path, default("unix:///tmp/forwarded.sock"))
    assert named_host(unix, tmp_path) == ("unix:///tmp/forwarded.sock", 'podman connection "box"')


def test_a_connection_can_be_named(tmp_path: Path) -> None:
    content = default("tcp://a:1")
    content["Connection"]["Connections"]["other"] = {"URI": "tcp://b:2"}
    environment = connections(tmp_path, content)
    assert named_host({**environment, "CONTAINER_CONNECTION": "other"}, tmp_path) == (
        "tcp://b:2",
        'podman connection "other"',
    )


@pytest.mark.parametrize("name", ["podman-machine-default", "podman-machine-default-root"])
def test_a_machine_of_podmans_is_reached_by_the_socket_that_it_forwards(tmp_path: Path, name: str) -> None:
    ssh = default("ssh://core@127.0.0.1:49152/run/podman/podman.sock", is_machine=True, name=name)
    variable = "TMPDIR" if sys.platform == "darwin" else "XDG_RUNTIME_DIR"
    environment = {**connections(tmp_path, ssh), variable: "/own"}
    assert named_host(environment, tmp_path) is None
    socket_at(tmp_path, "/own/podman/podman-machine-default-api.sock")
    place = "unix:///own/podman/podman-machine-default-api.sock"
    assert named_host(environment, tmp_path) == (place, f'podman connection "{name}"')


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "{}"),
        {"Connection": None},
        {"Connection": {"Default": "gone", "Connections": {}}},
        default("ssh://me@elsewhere:22/run/podman/podman.sock"),
        default("unix:///nowhere.sock"),
    ],
)
def test_connections_that_lead_nowhere_are_skipped(tmp_path: Path, content: object) -> None:
    socket_at(tmp_path, "/run/podman/podman.sock")
    service = podman.find_service(connections(tmp_path, content), tmp_path)
    assert service is not None and service.named_by == "podman's socket of this system"


@pytest.fixture
def without_docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """The environment of a machine without Docker."""
    monkeypatch.setattr(engine_endpoint, "DEFAULT_SOCKET", tmp_path / "docker.sock")
    monkeypatch.setattr(engine_endpoint, "_ENGINE_PLACES", "")
    return {"PATH": str(tmp_path), "DOCKER_CONFIG": str(tmp_path)}


def test_without_docker_podmans_service_is_the_engine(without_docker: dict[str, str], tmp_path: Path) -> None:
    offered = {**without_docker, "CONTAINER_HOST": "unix:///run/podman/podman.sock"}
    endpoint = choose_endpoint(offered)
    assert str(endpoint) == "CONTAINER_HOST, unix:///run/podman/podman.sock"
    assert endpoint.variables == {"DOCKER_HOST": "unix:///run/podman/podman.sock"}
    for what_there_is in ("docker.sock", "dockerd"):
        (tmp_path / what_there_is).touch(mode=0o755)
        assert choose_endpoint(offered).is_default
        (tmp_path / what_there_is).unlink()
    named = choose_endpoint({**offered, "DOCKER_HOST": "tcp://elsewhere"})
    assert (named.chosen_by, named.variables) == ("DOCKER_HOST", {})


def test_an_address_that_is_none_is_named(without_docker: dict[str, str]) -> None:
    with pytest.raises(EngineUnreachable, match="CONTAINER_HOST is npipe://") as raised:
        choose_endpoint({**without_docker, "CONTAINER_HOST": "npipe:////./pipe/podman"})
    assert raised.value.elsewhere


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDED.glob("*.json")))
def test_podman_is_known_by_its_answer(name: str) -> None:
    version = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))["version"]
    assert podman.is_podman(version) == name.startswith("podman")


def test_the_runc_that_it_runs() -> None:
    def of(*components: EngineComponent) -> tuple[int, int] | None:
        return runc_version({"Components": components})

    engine: EngineComponent = {"Name": "Podman Engine", "Version": "5.4.2"}
    assert of(engine, {"Name": "OCI Runtime (runc)", "Version": "runc version 1.1.15+ds1"}) == (1, 1)
    assert of(engine, {"Name": "OCI Runtime (crun)", "Version": "crun version 1.21"}) is None
    assert of(engine) is None


def exported(*members: tuple[str, bytes, str]) -> podman.ExportedFiles:
    """What podman exports: each member's name, its kind and what it leads to."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for uid, (name, kind, leads_to) in enumerate(members):
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.uid = kind, leads_to, uid
            tar.addfile(member)
    return podman.ExportedFiles([packed.getvalue()[:700], packed.getvalue()[700:]])


def test_a_file_is_found_as_the_kernel_would_find_it() -> None:
    files = exported(
        ("usr/bin", tarfile.DIRTYPE, ""),
        ("bin", tarfile.SYMTYPE, "usr/bin"),
        ("usr/bin/dash", tarfile.REGTYPE, ""),
        ("usr/bin/sh", tarfile.SYMTYPE, "dash"),
        ("usr/bin/again", tarfile.LNKTYPE, "usr/bin/dash"),
        ("etc/up", tarfile.SYMTYPE, "../../../usr/bin/sh"),
        ("etc/round", tarfile.SYMTYPE, "/etc/round"),
        ("etc/nowhere", tarfile.SYMTYPE, "gone"),
    )

    def uid(path: str, *, follow: bool = False) -> int | None:
        member = files.find(path, follow=follow)
        return None if member is None else member.uid

    with files:
        assert (uid("/bin/sh"), uid("/bin/sh", follow=True)) == (3, 2)
        assert (uid("/bin"), uid("/bin", follow=True), uid("//usr/./bin/")) == (1, 0, 0)
        assert (uid("/bin/again"), uid("/etc/up", follow=True), uid("/bin/../bin/dash")) == (2, 2, 2)
        assert (uid("/etc/round"), uid("/etc/round", follow=True)) == (6, None)
        assert (uid("/etc/nowhere", follow=True), uid("/gone"), uid("/bin/sh/x")) == (None, None, None)


def test_an_export_that_is_none_leaves_no_file_open() -> None:
    with pytest.raises(tarfile.TarError), warnings.catch_warnings():
        warnings.simplefilter("error")
        podman.ExportedFiles([b"no archive at all"])


def test_a_short_name_is_podmans_own_one() -> None:
    assert podman.own_name("docker.io/library/app:latest") == "localhost/app:latest"
    assert podman.own_name("localhost/labkit/debian:lab") is None
    assert podman.own_name("docker.io/someone/app:1") is None


def test_its_command_is_told_of_any_engine_but_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    own, system = "unix:///run/user/7/podman/podman.sock", "unix:///run/podman/podman.sock"
    environment = {"XDG_RUNTIME_DIR": "/run/user/7"}
    for uid, told in ((7, [False, True, True]), (0, [True, False, True])):
        monkeypatch.setattr("os.geteuid", lambda uid=uid: uid)
        hosts = (own, system, "tcp://box:1")
        assert [podman.client_variables(host, environment) != {} for host in hosts] == told
    assert podman.client_variables(system, {"XDG_RUNTIME_DIR": ""}) == {}
    monkeypatch.setattr(sys, "platform", "darwin")
    assert podman.client_variables(system, environment) == {"CONTAINER_HOST": system}
