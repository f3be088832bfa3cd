"""The classroom's registry: read-only for the class, TLS beyond loopback, trusted by its fingerprint."""

from __future__ import annotations

import json
import os
import socket
import ssl
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from labkit.adapters.engine import Engine, image_labels
from labkit.base.addresses import read_address
from labkit.base.errors import LabFailed, Misuse
from labkit.core.run_results import ExecResult
from labkit.lab.classroom.mirror import NODE_FOLDER, Mirror
from labkit.lab.classroom.registry import Registry, Serving
from labkit.lab.lab import Lab
from labkit.lab.samples.sources import chosen_mirror
from labkit.show.steps import Silent

_SECONDS = 30.0


@pytest.fixture(scope="module")
def own(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with a state of its own, for images of the lab."""
    registry = Registry(replace(lab.configuration, state=tmp_path_factory.mktemp("state")), Silent())
    yield registry
    registry.down()


@pytest.fixture(scope="module")
def address(lab: Lab) -> str:
    """An address of this machine beyond loopback that the engine's containers reach: the bridge's, and any free port.

    The registry says which one it has got: a port that was looked for before could be taken meanwhile.
    """
    network = subprocess.run(
        ["docker", "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return f"{network.stdout.strip()}:0"


@pytest.fixture(scope="module")
def serving(lab: Lab, own: Registry, address: str) -> Serving:
    """It serves two small images beyond loopback."""
    small = {name: lab.catalogue[name] for name in ("appliance", "aspnetapp", "aspnetapp-root")}
    serving, filled = own.up(address, lab.engine(), small)
    assert not serving.address.endswith(":0")
    # The two samples share their upstream name, and the one that is root again is not served under it.
    assert [name.partition(":")[0] for name in filled] == ["distroless/static-debian12", "dotnet/samples"]
    return serving


def test_the_key_is_ours_alone(own: Registry, serving: Serving) -> None:
    key = own.configuration.state / "registry" / "key.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert own.serving() == serving


def test_the_class_may_read_and_not_write(own: Registry, serving: Serving) -> None:
    context = ssl.create_default_context(cafile=str(own.configuration.state / "registry" / "certificate.pem"))
    url = f"https://{serving.address}/v2/distroless/static-debian12/manifests/nonroot"
    with urllib.request.urlopen(url, context=context, timeout=_SECONDS) as answer:
        assert answer.status == 200
    for method in ("PUT", "POST", "PATCH", "DELETE"):
        with pytest.raises(urllib.error.HTTPError, match="405"):
            urllib.request.urlopen(
                urllib.request.Request(url, method=method, data=b"{}"), context=context, timeout=_SECONDS
            )
    with pytest.raises(OSError, match="refused"):
        host, port = serving.address.rpartition(":")[0], int(serving.filling.rpartition(":")[2])
        socket.create_connection((host, port), timeout=_SECONDS)


def test_a_laptop_trusts_it_by_its_fingerprint_and_pulls(
    lab: Lab, engine: Engine, serving: Serving, tmp_path: Path
) -> None:
    mirror = Mirror(replace(lab.configuration, state=tmp_path))
    reference = f"{serving.address}/distroless/static-debian12:nonroot"
    with pytest.raises(LabFailed, match=r"x509|certificate") as failed:
        engine.pull(reference)
    assert "labkit registry use" in failed.value.remedy
    try:
        mirror.use(serving.address, serving.fingerprint)
        assert chosen_mirror(mirror.configuration) == serving.address
        engine.pull(reference)
        assert image_labels(engine.image(reference))["labkit.source"] == "stand-in"
        assert mirror.configure_node(lab.cluster())
        pulled = lab.cluster().execute(["ls", f"{NODE_FOLDER}/{serving.address}"])
        assert pulled == ExecResult(0, "ca.crt\nhosts.toml\n")
        hosts = ["--hosts-dir", NODE_FOLDER]
        command = ["ctr", "--namespace", "labkit-test", "images", "pull", *hosts, reference]
        inside = lab.cluster().execute(command)
        assert inside.exit_status == 0, inside
    finally:
        engine.remove_image(reference)
        lab.cluster().execute(["ctr", "--namespace", "labkit-test", "images", "rm", reference])
        gone = mirror.forget(lab.cluster())
    assert len(gone) == 3
    assert not Path("/etc/docker/certs.d", serving.address).exists()
    assert lab.cluster().execute(["ls", f"{NODE_FOLDER}/{serving.address}"]).exit_status != 0
    assert chosen_mirror(mirror.configuration) == ""


def test_another_certificate_is_not_trusted(lab: Lab, serving: Serving, tmp_path: Path) -> None:
    mirror = Mirror(replace(lab.configuration, state=tmp_path / "state"), tmp_path / "certs.d")
    with pytest.raises(LabFailed, match="another fingerprint, sha256:"):
        mirror.use(serving.address, "sha256:" + "0" * 64)
    with pytest.raises(Misuse, match="fingerprint"):
        mirror.use(serving.address, "")
    with pytest.raises(LabFailed, match="refused"):
        mirror.use(f"{serving.address.rpartition(':')[0]}:1", serving.fingerprint)
    assert not (tmp_path / "certs.d").exists()
    assert mirror.address == ""


@pytest.mark.parametrize("nonsense", ["x", "", "1.2.3", "0.0.0.0", "[::]:5", "127.0.0.1:x", "127.0.0.1:99999", "a b:1"])
def test_an_address_that_is_none(nonsense: str) -> None:
    with pytest.raises(Misuse, match="Reading the address"):
        read_address(nonsense)


def test_addresses() -> None:
    assert read_address("127.0.0.1") == read_address("localhost") == "127.0.0.1:5443"
    assert read_address("[::1]:80") == "[::1]:80"


def test_a_port_that_is_taken_and_an_address_of_another_machine(lab: Lab, tmp_path: Path) -> None:
    registry = Registry(replace(lab.configuration, state=tmp_path), Silent())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for listen in (f"127.0.0.1:{taken.getsockname()[1]}", "192.0.2.1:5443"):
            with pytest.raises(LabFailed, match=r"in use|cannot assign") as failed:
                registry.up(listen, lab.engine(), {})
            assert "--listen" in failed.value.remedy
    assert registry.serving() is None
    assert not (tmp_path / "registry").exists()


def test_a_process_that_is_gone_is_no_registry(lab: Lab, tmp_path: Path) -> None:
    registry = Registry(replace(lab.configuration, state=tmp_path), Silent())
    (tmp_path / "registry").mkdir()
    for content in ("", "{}", json.dumps({"pid": 1, "address": "a", "filling": "b", "fingerprint": ""})):
        (tmp_path / "registry" / "registry.json").write_text(content)
        assert registry.serving() is None
    assert not registry.down()


def test_the_command_on_loopback(lab: Lab, tmp_path: Path) -> None:
    """With a state of its own: the lab's may serve or use a registry."""
    environment = {**os.environ, "LABKIT_STATE": str(tmp_path)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "labkit", "registry", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert json.loads(run("status", "--json").stdout) == {"serving": None, "using": None}
    assert run("up", "--listen", "nonsense").returncode == 2
    assert run("use", "nonsense").returncode == 2
    assert json.loads(run("down", "--json").stdout) == {"stopped": False}
    assert run("forget").stdout == "none was in use\n"
    assert "The class can read it and nothing else" in run("up", "--help").stdout


def test_one_that_nobody_remembers_is_ended_by_the_next(lab: Lab, tmp_path: Path) -> None:
    """As after a `registry up` that was killed once its server listened and before that was written down."""
    configuration = replace(lab.configuration, state=tmp_path / "state")
    first = Registry(configuration, Silent())._start("127.0.0.1:0")
    (tmp_path / "state" / "registry" / "registry.json").unlink()
    registry = Registry(configuration, Silent())
    assert registry.serving() is None
    try:
        serving, _ = registry.up(first.address, lab.engine(), {})
        assert (serving.address, serving.pid != first.pid) == (first.address, True)
    finally:
        (tmp_path / "state" / "registry" / "registry.json").unlink()
        assert registry.down()
    assert not registry.down()
