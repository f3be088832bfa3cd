"""Running and inspecting images on the real engine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labkit.adapters.engine import Engine
from labkit.base.errors import LabFailed, Misuse
from labkit.core.causes import Cause
from labkit.core.run_results import ExecResult
from labkit.lab.cluster_kinds.node_network import ipv6_subnet
from labkit.lab.lab import Lab
from labkit.lab.samples.build_contexts import archive_of_dockerfile
from labkit.lab.survey import verify


@pytest.mark.parametrize("image", ["alpine", "debian", "ubuntu", "runtime-deps"])
def test_base_images_run_as_root(lab: Lab, image: str) -> None:
    lab.run(image, ["whoami"]).expect("root")
    assert lab.image_facts(image).user == ""


@pytest.mark.parametrize(
    ("user", "identity"),
    [
        ("app", "uid=1654(app) gid=1654(app) groups=1654(app)"),
        ("1654", "uid=1654(app) gid=1654(app) groups=1654(app)"),
        ("4242", "uid=4242 gid=0(root) groups=0(root)"),
    ],
)
def test_a_user_can_be_chosen(lab: Lab, user: str, identity: str) -> None:
    result = lab.run("runtime-deps", ["id"], user=user).expect(identity)
    assert result.command == f"docker run --rm --user {user} --entrypoint id {lab.reference('runtime-deps')}"


@pytest.mark.parametrize(
    ("image", "command", "user", "cause", "status"),
    [
        ("debian", ["id"], "rich", Cause.UNKNOWN_USER, 125),
        ("debian", ["id"], "0:rich", Cause.UNKNOWN_GROUP, 125),
        ("debian", ["id"], "4294967296", Cause.BAD_USER_SPEC, 125),
        ("debian", ["no-such-program"], None, Cause.COMMAND_NOT_FOUND, 127),
        ("aspnetapp-chiseled", ["/bin/sh"], None, Cause.COMMAND_NOT_FOUND, 127),
        ("debian", ["/etc/passwd"], None, Cause.PERMISSION_DENIED, 126),
    ],
)
def test_what_the_engine_refuses_has_a_cause(
    lab: Lab, image: str, command: list[str], user: str | None, cause: Cause, status: int
) -> None:
    lab.run(image, command, user=user).expect(cause=cause, exit_status=status)


def test_the_id_that_is_no_id_is_bad_however_it_is_given(engine: Engine, lab: Lab) -> None:
    reference = lab.configuration.image_reference("test-no-id")
    lines = "RUN echo 'last:x:4294967295:7::/:' >> /etc/passwd && echo 'last:x:4294967295:' >> /etc/group\n"
    context = archive_of_dockerfile(f"FROM {lab.reference('debian')}\n{lines}")
    engine.build(context, reference, arguments={}, labels={})
    try:
        for user in ("last", "last:", "last:7", "7:last"):
            engine.run(reference, ["id"], user=user).expect(cause=Cause.BAD_USER_SPEC, exit_status=125)
    finally:
        engine.remove_image(reference)


def test_a_network_is_made_as_kind_makes_its_own(engine: Engine, lab: Lab) -> None:
    """As `docker network create` gets it from kind, but for the label."""
    name = "labkit-test-network"
    engine.make_network(name, ipv6_subnet(name))
    try:
        assert engine.network_labels(name) == lab.configuration.labels
        made = engine._api.inspect_network(name)
    finally:
        engine.remove_network(name)
    assert engine.network_labels(name) is None
    assert made["EnableIPv6"] and made["Driver"] == "bridge"
    subnets = [pool["Subnet"] for pool in made["IPAM"]["Config"]]
    assert ipv6_subnet(name) in subnets and len(subnets) == 2
    assert made["Options"] == {
        "com.docker.network.bridge.enable_ip_masquerade": "true",
        "com.docker.network.driver.mtu": "1500",
    }


def test_a_command_that_fails_is_no_refusal(lab: Lab) -> None:
    assert lab.run("debian", ["sh", "-c", "echo seen; exit 3"]).expect("seen", exit_status=3).cause is None


@pytest.mark.alone
def test_a_command_that_hangs_is_ended(engine: Engine, lab: Lab) -> None:
    before = set(engine.labelled_containers())
    result = engine.run(lab.reference("debian"), ["sleep", "60"], deadline=1.0)
    result.expect(cause=Cause.TIMEOUT)
    assert set(engine.labelled_containers()) <= before


def test_an_image_that_does_not_exist(engine: Engine, lab: Lab) -> None:
    with pytest.raises(Misuse, match="did you mean alpine"):
        lab.run("alpin", ["id"])
    engine.run("localhost/labkit/nothing:lab").expect(cause=Cause.IMAGE_MISSING, exit_status=125)
    with pytest.raises(LabFailed, match="has not been made"):
        Lab(replace(lab.configuration, name="labkit-not-there")).image_facts("alpine")


def test_every_image_keeps_its_promises(lab: Lab) -> None:
    assert {image["name"]: image["broken"] for image in verify(lab) if image["broken"] or not image["present"]} == {}


def test_the_sample_app_answers(engine: Engine, lab: Lab) -> None:
    """From inside, for nothing of the lab listens beyond its container."""
    script = (
        "/app/aspnetapp & while ! exec 3<>/dev/tcp/127.0.0.1/8080; do sleep 0.05; done 2>/dev/null;"
        r" printf 'GET /Environment HTTP/1.0\r\n\r\n' >&3; cat <&3; kill %1"
    )
    answer = lab.run("aspnetapp", ["bash", "-c", script]).output
    assert '"user":"app"' in answer
    assert '"osArchitecture":"' in answer


@pytest.mark.alone
def test_nothing_is_left_of_a_run(engine: Engine, lab: Lab) -> None:
    before = set(engine.labelled_containers())
    lab.run("debian", ["true"])
    lab.image_facts("debian")
    assert set(engine.labelled_containers()) <= before


def test_a_commands_output_and_errors_are_kept_apart(engine: Engine, lab: Lab) -> None:
    container = engine.launch(lab.reference("debian"), ["60"], entrypoint=["sleep"])
    try:
        script = "echo a; echo oh >&2; echo b; exit 3"
        result = engine.execute(container, ["sh", "-c", script])
        assert result == ExecResult(3, "a\nb\n", "oh\n")
        assert sorted(result.output.split()) == ["a", "b", "oh"]
    finally:
        engine.remove_container(container)
