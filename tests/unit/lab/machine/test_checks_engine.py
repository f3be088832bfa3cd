"""The engine's answers, judged. Each file in tests/recorded/engine says where it is from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.adapters.engine import EngineInfo, EngineVersion
from labkit.lab.machine.checks import Check, check_engine, engine_folder, worst
from labkit.lab.machine.machine_facts import Machine

RECORDED = Path(__file__).parents[3] / "recorded" / "engine"
NAMES = sorted(path.stem for path in RECORDED.glob("*.json"))

ROOT = Machine("Linux", "6.18.44", "x86_64", {"ID": "debian"}, user_id=0, missing_capabilities=())
LIMITED = replace(ROOT, missing_capabilities=("CAP_SYS_RESOURCE",))
ADA = replace(ROOT, user_id=1000, docker_group="no", systemd=True)
MAC = Machine("Darwin", "24.6.0", "arm64", user_id=501)


IMAGE = "localhost/another-lab/debian:lab"


def answers(name: str) -> tuple[EngineInfo, EngineVersion]:
    recorded = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return recorded["info"], recorded["version"]


def judge(name: str, machine: Machine, privileged: str | None = None) -> dict[str, Check]:
    info, version = answers(name)
    # On the engine's own machine, unless that is a virtual one.
    here = machine if name == "docker-desktop" else replace(machine, kernel=info["KernelVersion"])
    return {check.name: check for check in check_engine(info, version, None, here, image=IMAGE, privileged=privileged)}


def test_the_engine_that_the_kit_adds_is_fine_although_a_capability_is_missing() -> None:
    checks = judge("debian-13", LIMITED)
    assert {check.status for check in checks.values()} == {"ok"}
    assert "CAP_SYS_RESOURCE" in checks["privileged containers"].finding
    assert checks["engine's cgroups"].finding == "v1, driver cgroupfs"


def test_an_old_engine_fails_only_where_a_capability_is_missing() -> None:
    assert judge("debian-12", ROOT)["privileged containers"].status == "ok"
    check = judge("debian-12", LIMITED)["privileged containers"]
    assert check.status == "problem"
    assert "Suites: trixie" in (check.remedy or "")
    assert "sudo" not in (check.remedy or "")


def test_the_line_to_try_by_hand_has_the_image_of_this_lab() -> None:
    check = judge("debian-13", ROOT, privileged="no such runtime")["privileged containers"]
    assert (check.remedy or "").endswith(f"docker run --rm --privileged {IMAGE} true")


def test_what_was_tried_counts_more_than_what_was_read() -> None:
    assert judge("debian-12", LIMITED, privileged="")["privileged containers"].status == "ok"
    refused = "OCI runtime create failed\nunable to apply caps: operation not permitted"
    check = judge("debian-12", LIMITED, privileged=refused)["privileged containers"]
    assert check.status == "problem"
    assert "unable to apply caps" in check.finding
    assert "trixie" in (check.remedy or "")


def test_docker_desktop_is_judged_by_its_own_machine() -> None:
    checks = judge("docker-desktop", MAC)
    assert worst(checks.values()) == 0
    assert "one platform" in checks["image store"].finding
    assert checks["engine's kernel"].status == "ok"
    assert checks["engine's memory"].finding == "7.7 GiB"
    assert checks["privileged containers"].status == "not checked"


def test_rootless_is_a_warning_on_cgroup_v2_and_a_problem_on_v1() -> None:
    assert judge("rootless", ADA)["user namespace of the engine"].status == "warning"
    info, version = answers("rootless")
    checks = check_engine({**info, "CgroupVersion": "1", "CgroupDriver": "none"}, version, None, ADA, image=IMAGE)
    assert {check.name for check in checks if check.status == "problem"} == {
        "user namespace of the engine",
        "engine's cgroups",
    }


def test_podman_is_named_with_its_version_and_whether_it_is_rootless() -> None:
    checks = judge("podman", replace(ADA, docker_group="yes"))
    assert checks["engine"].finding == "podman 5.6.2 answers in Docker's place, rootless; see docs/podman.md"
    assert checks["engine's version"].status == "ok"
    assert "docker" not in checks["access to the engine"].finding
    assert checks["image store"].finding == "podman's own"
    assert "podman.socket" in (checks["user namespace of the engine"].remedy or "")
    check = judge("podman", ADA, privileged="no such runtime")["privileged containers"]
    assert (check.remedy or "").endswith(f"podman run --rm --privileged {IMAGE} true")


def test_userns_remap_and_vfs_are_warnings() -> None:
    assert "userns-remap" in judge("userns-remap", ROOT)["user namespace of the engine"].finding
    assert judge("vfs", ROOT)["storage driver"].status == "warning"


@pytest.mark.parametrize(
    ("release", "status"), [("4.3.1", "problem"), ("4.9.9", "problem"), ("5.0.0", "ok"), ("6.1", "ok")]
)
def test_podman_before_5_is_a_problem_with_a_remedy(release: str, status: str) -> None:
    info, version = answers("podman")
    older = {**info, "ServerVersion": release}
    checks = check_engine(cast(EngineInfo, older), version, None, ADA, image=IMAGE)
    (check,) = [check for check in checks if check.name == "engine's version"]
    assert check.status == status
    if status == "problem":
        assert f"podman {release}; the lab needs podman 5 or later, or Docker" in check.finding
        assert "unset DOCKER_HOST" in (check.remedy or "")


def test_podman_with_a_driver_that_copies_is_told_where_to_change_it() -> None:
    info, version = answers("podman")
    (check,) = [
        check
        for check in check_engine({**info, "Driver": "vfs"}, version, None, ADA, image=IMAGE)
        if check.name == "storage driver"
    ]
    assert "podman's storage.conf" in (check.remedy or "")


def test_where_no_engine_answers_podmans_service_is_offered() -> None:
    machine = replace(ADA, podman_host="unix:///run/user/1000/podman/podman.sock")
    remedy = check_engine(None, None, "no such file", machine, image=IMAGE)[0].remedy or ""
    assert "export DOCKER_HOST=unix:///run/user/1000/podman/podman.sock" in remedy
    assert "podman" not in (check_engine(None, None, "no such file", ADA, image=IMAGE)[0].remedy or "")


def test_windows_containers_are_no_lab() -> None:
    info, version = answers("docker-desktop")
    assert check_engine({**info, "OSType": "windows"}, version, None, MAC, image=IMAGE)[0].status == "problem"


@pytest.mark.parametrize(
    ("machine", "remedy"),
    [
        (ADA, "apt-get install -y docker.io"),
        (replace(ADA, programs={"dockerd": "/usr/sbin/dockerd"}), "sudo systemctl start docker"),
        (replace(ADA, engine_socket="closed to us"), "usermod -aG docker"),
        (replace(ADA, engine_socket="closed to us", docker_group="after login"), "newgrp docker"),
        (replace(ADA, engine_host="tcp://10.0.0.7:2376"), "unset DOCKER_HOST"),
        (replace(ADA, os_release={"ID": "fedora"}), "dnf install -y moby-engine"),
        (replace(ADA, os_release={"ID": "arch"}), "docs.docker.com"),
        (replace(ROOT, programs={"dockerd": "/usr/sbin/dockerd"}), "make up"),
        (MAC, "brew install colima docker"),
        (replace(MAC, programs={"docker": "/opt/homebrew/bin/docker"}), "colima start"),
    ],
)
def test_an_engine_that_does_not_answer_gets_the_remedy_of_its_reason(machine: Machine, remedy: str) -> None:
    checks = check_engine(None, None, "Connection refused", machine, image=IMAGE)
    assert checks[0].status == "problem"
    assert remedy in (checks[0].remedy or "")
    assert checks[-1].status == "not checked"
    assert worst(checks) == 3


def test_an_engine_that_was_chosen_elsewhere_is_not_remedied_by_starting_this_machine_s_own() -> None:
    came_back = 'there is no engine\'s socket (context "other", unix:///x.sock)'
    remedy = "start that engine, or use this machine's own\n  docker context use default"
    machine = replace(ADA, programs={"dockerd": "/usr/sbin/dockerd"})
    checks = check_engine(None, None, came_back, machine, image=IMAGE, remedy=remedy)
    assert [check.name for check in checks] == ["engine", "engine's settings"]
    assert came_back in checks[0].finding
    assert checks[0].remedy == remedy


@pytest.mark.parametrize("limit", ["MemoryLimit", "PidsLimit", "CPUShares"])
def test_rootless_without_a_delegated_cgroup_is_a_problem(limit: str) -> None:
    info, version = answers("rootless")
    changed = cast(EngineInfo, {**info, limit: False})
    here = replace(ADA, kernel=info["KernelVersion"])
    checks = {check.name: check for check in check_engine(changed, version, None, here, image=IMAGE)}
    check = checks["user namespace of the engine"]
    assert (check.status, "Delegate=yes" in (check.remedy or "")) == ("problem", True)
    info, version = answers("debian-13")
    changed = cast(EngineInfo, {**info, limit: False})
    checks = {check.name: check for check in check_engine(changed, version, None, ROOT, image=IMAGE)}
    assert checks["user namespace of the engine"].status == "ok"


def test_who_will_not_be_let_in_is_told_before_there_is_an_engine() -> None:
    access = [
        check
        for check in check_engine(None, None, "no such file", ADA, image=IMAGE)
        if check.name == "access to the engine"
    ]
    assert [check.status for check in access] == ["warning"]
    assert not [
        check for check in check_engine(None, None, "", ROOT, image=IMAGE) if check.name == "access to the engine"
    ]


@pytest.mark.parametrize(
    ("name", "machine", "folder"),
    [
        ("debian-13", ROOT, "/var/lib/docker"),
        ("rootless", ADA, "/home/ada/.local/share/docker"),
        ("docker-desktop", MAC, None),
        ("docker-desktop", ROOT, None),
    ],
)
def test_where_images_fill_a_disk(name: str, machine: Machine, folder: str | None) -> None:
    info, _ = answers(name)
    here = replace(machine, kernel=info["KernelVersion"])
    assert engine_folder(info, here) == (Path(folder) if folder else None)


def test_a_containerd_of_its_own_keeps_the_images_elsewhere() -> None:
    info, _ = answers("debian-13")
    info["DriverStatus"] = [["driver-type", "io.containerd.snapshotter.v1"]]
    assert engine_folder(info, ROOT) == Path("/var/lib/containerd")
    info["Containerd"] = {"Address": "/var/run/docker/containerd/containerd.sock"}
    assert engine_folder(info, ROOT) == Path("/var/lib/docker")
    assert engine_folder(None, ROOT) == Path("/var/lib/docker")


@given(st.sampled_from(NAMES), st.data())
def test_an_answer_with_keys_missing_or_null_is_still_judged(name: str, data: st.DataObject) -> None:
    recorded, version = answers(name)
    changed: dict[str, Any] = {**recorded}
    for key in data.draw(st.sets(st.sampled_from(sorted(changed)))):
        if data.draw(st.booleans()):
            changed[key] = None
        else:
            del changed[key]
    info = cast(EngineInfo, changed)
    checks = check_engine(
        info, data.draw(st.sampled_from([version, EngineVersion(), None])), None, LIMITED, image=IMAGE
    )
    assert all((check.status == "ok") == (check.remedy is None) for check in checks)
    engine_folder(info, LIMITED)
