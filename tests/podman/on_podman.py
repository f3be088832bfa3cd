"""What is run inside of the machine with podman: the lab's engine half, and with a rootful podman a cluster."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.adapters.engine import BuildStopped, Engine
from labkit.core.causes import Cause
from labkit.core.pods.manifest import container_manifest, pod_manifest
from labkit.lab.cluster_kinds.cluster import State
from labkit.lab.container import start
from labkit.lab.doctor import examine
from labkit.lab.lab import Lab
from labkit.lab.samples.build_contexts import archive_of_dockerfile
from labkit.lab.survey import verify
from labkit.lab.terminal.typed_docker import prepare_docker
from labkit.lab.terminal.typed_lab import TypedLab
from labkit.show.steps import Silent

IS_ROOTFUL = "/run/user/" not in os.environ["DOCKER_HOST"]
RECORDED = Path(__file__).parents[1] / "recorded" / "podman"

rootful = pytest.mark.skipif(not IS_ROOTFUL, reason="kind needs cgroup version 2 for a rootless engine")


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The lab as it is, with sample images and without a cluster."""
    with Lab(steps=Silent()) as lab:
        yield lab


@pytest.fixture
def engine(lab: Lab) -> Engine:
    return lab.engine()


def test_the_doctor_knows_podman(lab: Lab) -> None:
    checks = {check.name: check for check in examine(lab)}
    kind = "rootful" if IS_ROOTFUL else "rootless"
    assert checks["engine"].finding.endswith(f"answers in Docker's place, {kind}; see docs/podman.md")
    assert (checks["engine"].status, checks["engine's version"].status) == ("ok", "ok")
    assert checks["podman command"].status == "ok"
    assert (checks["user namespace of the engine"].status == "ok") == IS_ROOTFUL
    assert lab.status()["engine"]["name"] == "podman"


def test_its_refusals_are_those_that_were_recorded(lab: Lab) -> None:
    asked = {
        "unknown user": ("debian", ["id"], "rich"),
        "unknown group": ("debian", ["id"], "0:rich"),
        "uid too large": ("debian", ["id"], "4294967296"),
        "no command": ("debian", ["nosuch"], None),
        "not executable": ("debian", ["/etc/passwd"], None),
        "no shell": ("aspnetapp-chiseled", ["/bin/sh"], None),
        "uid high": ("debian", ["id"], "1654000"),
    }
    recorded = json.loads((RECORDED / f"{'rootful' if IS_ROOTFUL else 'rootless'}.json").read_text(encoding="utf-8"))
    expected = {run["asked"]: (run["cause"], run["status"]) for run in recorded["runs"]}
    for name, (image, command, user) in asked.items():
        result = lab.run(image, command, user=user)
        cause = None if result.cause is None else str(result.cause)
        assert (cause, result.exit_status) == expected.get(name, (None, 0)), result


def test_every_image_keeps_its_promises(lab: Lab) -> None:
    assert {row["name"]: row["broken"] for row in verify(lab) if row["broken"] or not row["present"]} == {}


def test_files_have_their_true_owners(engine: Engine, lab: Lab) -> None:
    run = "mkdir /srv/kept && touch /srv/kept/menu && chown -R 7:8 /srv/kept && chmod 640 /srv/kept/menu"
    text = f"FROM {lab.reference('debian')}\nRUN {run}\nUSER 1654\n"
    engine.build(archive_of_dockerfile(text), "owners-on-podman", arguments={}, labels={})
    try:
        files = engine.look_inside("owners-on-podman", ["/srv/kept", "/srv/kept/menu", "/bin/sh", "/gone"])
        menu = files["/srv/kept/menu"]
        assert menu is not None and (menu.uid, menu.gid, menu.mode) == (7, 8, "640")
        assert files["/gone"] is None
    finally:
        engine.remove_stages()
        engine.remove_image("owners-on-podman")


def test_a_build_that_stops_says_why_and_leaves_nothing(engine: Engine, lab: Lab) -> None:
    before = {image["Id"] for image in engine.labelled_images()}
    dockerfile = archive_of_dockerfile(f"FROM {lab.reference('alpine')}\nRUN true\nRUN exit 3\n")
    with pytest.raises(BuildStopped) as stopped:
        engine.build(dockerfile, "never-on-podman", arguments={}, labels={})
    assert (stopped.value.exit_status, "RUN exit 3" in stopped.value.message) == (3, True)
    engine.remove_stages()
    assert {image["Id"] for image in engine.labelled_images()} == before


def test_commands_in_a_container_that_stays(engine: Engine, lab: Lab) -> None:
    container = start(lab, "debian", ["sleep", "60"], user="1654", labels={})
    try:
        container.exec("id -u").expect("1654")
        container.exec("id -u", user="root").expect("0")
        container.exec("id", user="rich").expect(cause=Cause.UNKNOWN_USER)
        container.exec("nosuch").expect(cause=Cause.COMMAND_NOT_FOUND, exit_status=127)
        container.exec("sh -c 'exit 3'").expect(exit_status=3)
        (process, *_) = engine.processes(container.id)
        assert (process.uid, process.arguments) == (1654, "sleep 60")
        listed = [each.uid for each in engine.listed_containers() if each.identifier.startswith(container.id)]
        assert listed == [1654]
    finally:
        engine.remove_container(container.id)


def test_a_container_goes_with_those_that_live_in_its_namespaces(engine: Engine, lab: Lab) -> None:
    first = start(lab, "debian", ["sleep", "60"], user=None, labels={})
    options = {"pid_mode": f"container:{first.id}"}
    second = engine.launch(lab.reference("debian"), ["sleep", "60"], options=options, labels={})
    engine.remove_container(first.id)
    assert (engine.container(first.id), engine.container(second)) == (None, None)
    engine.remove_container(first.id)


def test_what_is_typed_behind_docker_is_run_by_podman(lab: Lab) -> None:
    ready = prepare_docker(["run", "--rm", "debian", "id"], TypedLab(lab.configuration))
    assert ready.argv[:2] == ("podman", "run")
    assert ready.environment["CONTAINER_HOST"] == os.environ["DOCKER_HOST"]


@rootful
def test_a_cluster_comes_up_refuses_and_comes_back(lab: Lab) -> None:
    lab.up()
    assert lab.state() is State.UP
    _require_refusal(lab)
    assert lab.down()
    assert lab.state() is State.STOPPED
    lab.up()
    _require_refusal(lab)


def _require_refusal(lab: Lab) -> None:
    kube = lab.kube()
    namespace = kube.new_namespace("podman")
    container = container_manifest("app", lab.reference("debian"), security={"runAsNonRoot": True})
    outcome = kube.make_pod(pod_manifest("refused", [container]), namespace)
    kube.delete_namespace(namespace)
    assert outcome.cause is Cause.IMAGE_RUNS_AS_ROOT, outcome
