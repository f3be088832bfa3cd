"""The machine and the tools, judged; and what holds for every check."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.lab.machine.checks import (
    HEADERS,
    Check,
    DockerCommand,
    Tool,
    check_build_tools,
    check_leftovers,
    check_machine,
    check_registry,
    check_tools,
    rows,
    worst,
)
from labkit.lab.machine.checks_machine import GB, missing_from_no_proxy
from labkit.lab.machine.checks_system import GIB
from labkit.lab.machine.machine_facts import Disk, Machine

ROOMY = Disk(Path("/var/lib/docker"), 60 * GB, 1, "ext4")
GOOD = Machine(
    "Linux",
    "6.18.44",
    "x86_64",
    {"ID": "debian", "PRETTY_NAME": "Debian GNU/Linux 13 (trixie)", "VERSION_CODENAME": "trixie"},
    user_id=1000,
    docker_group="yes",
    engine_socket="open",
    cgroup="v2",
    missing_capabilities=(),
    memory_total=16 * GIB,
    memory_available=12 * GIB,
    inotify_watches=524288,
    inotify_instances=512,
    engine_disk=ROOMY,
    cache_disk=replace(ROOMY, path=Path("/home/ada/.cache/labkit")),
    jupyter_port_free=True,
    programs={name: f"/usr/bin/{name}" for name in ("docker", "go", "gcc", "mmdebstrap", "pkg-config")},
    go_version="1.26.8",
    seccomp_headers=True,
)
SETTINGS = Path("/home/a da/.docker/config.json")
BARE = Machine("Linux", "", "")


def named(machine: Machine, **settings: bool) -> dict[str, Check]:
    return {check.name: check for check in check_machine(machine, **settings)}


def tools(machine: Machine, kind: Tool | None, kubectl: Tool | None, can_build: bool = False) -> dict[str, Check]:
    checks = check_tools(kind, kubectl, machine, kind_wanted="v0.33.0", kubernetes="v1.37.2", can_build=can_build)
    return {check.name: check for check in checks}


def test_a_good_machine_is_ok_throughout() -> None:
    checks = [*check_machine(GOOD), *check_build_tools(GOOD, go_wanted="1.26.3")]
    assert {check.status for check in checks} == {"ok"}
    assert worst(checks) == 0


def test_an_unknown_machine_is_not_checked_rather_than_ok() -> None:
    checks = named(BARE)
    unknown = (
        "architecture",
        "kernel",
        "cgroups",
        "memory",
        "disk of the engine",
        "inotify limits",
        "port of JupyterLab",
    )
    assert {checks[name].status for name in unknown} == {"not checked"}
    assert worst(checks.values()) == 0


@pytest.mark.parametrize(
    ("change", "name", "status", "text"),
    [
        ({"architecture": "riscv64"}, "architecture", "problem", "riscv64"),
        ({"architecture": "aarch64"}, "architecture", "ok", "aarch64"),
        ({"kernel": "4.4.0-210-generic"}, "kernel", "problem", "4.19"),
        ({"kernel": "6.1.0-30-amd64"}, "kernel", "warning", "hostUsers"),
        ({"kernel": "4.4.0-19041-Microsoft"}, "system", "problem", "WSL 1"),
        ({"kernel": "6.6.87.2-microsoft-standard-WSL2"}, "system", "ok", "WSL 2"),
        ({"cgroup": "hybrid"}, "cgroups", "ok", "v1"),
        ({"memory_total": GIB}, "memory", "problem", "1.0 GiB"),
        ({"memory_total": 3 * GIB}, "memory", "warning", "4 GiB"),
        ({"memory_available": GIB}, "memory", "warning", "available"),
        ({"memory_total": int(3.8 * GIB), "memory_available": 3 * GIB}, "memory", "ok", "3.8 GiB"),
        ({"inotify_watches": 192536, "inotify_instances": 128}, "inotify limits", "warning", "too many open files"),
        ({"jupyter_port_free": False}, "port of JupyterLab", "warning", "next"),
        ({"proxies": {"HTTP_PROXY": "http://***@p:1"}}, "proxies", "warning", "127.0.0.1"),
    ],
)
def test_each_fact_is_judged(change: dict[str, Any], name: str, status: str, text: str) -> None:
    check = named(replace(GOOD, **change))[name]
    assert check.status == status
    assert text in check.finding


def test_inotify_gets_the_commands_for_what_is_low_and_for_nothing_else() -> None:
    remedy = named(replace(GOOD, inotify_instances=128))["inotify limits"].remedy or ""
    assert "  sudo sysctl fs.inotify.max_user_instances=512\n" in remedy
    assert r"printf 'fs.inotify.max_user_instances = 512\n' | sudo tee /etc/sysctl.d/99-labkit.conf" in remedy
    assert "watches" not in remedy
    assert "sudo" not in (named(replace(GOOD, user_id=0, inotify_instances=128))["inotify limits"].remedy or "")


def test_one_disk_for_both_must_hold_both() -> None:
    tight = replace(ROOMY, free=7 * GB)
    together = replace(GOOD, engine_disk=tight, cache_disk=replace(tight, path=Path("/home")))
    assert "8.5 GB" in named(together)["disk"].finding
    assert named(together)["disk"].status == "problem"
    assert named(together, built=True)["disk"].status == "ok"
    assert named(together, stand_ins=False)["disk"].status == "ok"
    full = replace(together, engine_disk=replace(tight, free=GB // 2))
    assert named(full)["disk"].status == "problem"
    assert named(full, built=True)["disk"].status == "warning"
    apart = replace(together, cache_disk=replace(tight, device=2))
    assert {named(apart)[name].status for name in ("disk of the engine", "disk of the cache")} == {"ok"}


def test_a_disk_in_memory_or_under_an_overlay_is_told() -> None:
    tmpfs = replace(GOOD, engine_disk=replace(ROOMY, kind="tmpfs"), cache_disk=replace(ROOMY, kind="tmpfs", device=2))
    assert named(tmpfs)["kind of the engine's disk"].status == "warning"
    assert "LABKIT_CACHE" in (named(tmpfs)["kind of the cache's disk"].remedy or "")
    overlay = replace(GOOD, engine_disk=replace(ROOMY, kind="overlay"))
    assert "overlay2 cannot use" in named(overlay)["kind of the engine's disk"].finding


def test_macos_is_not_asked_for_what_only_linux_has() -> None:
    names = named(Machine("Darwin", "24.6.0", "arm64", memory_total=16 * GIB, jupyter_port_free=True)).keys()
    assert not names & {"kernel", "cgroups", "inotify limits"}


@pytest.mark.parametrize(
    ("no_proxy", "missing"),
    [
        ((), ["localhost", "127.0.0.1", "10.96.0.0/16", "10.244.0.0/16"]),
        (("localhost", "127.0.0.1"), ["10.96.0.0/16", "10.244.0.0/16"]),
        (("localhost", "127.0.0.0/8", "10.0.0.0/8"), []),
        (("*",), []),
        (("localhost", "127.0.0.1", "10.96.0.0/24", "example.com"), ["10.96.0.0/16", "10.244.0.0/16"]),
    ],
)
def test_what_no_proxy_leaves_to_the_proxy(no_proxy: tuple[str, ...], missing: list[str]) -> None:
    assert missing_from_no_proxy(no_proxy) == missing


@given(st.lists(st.text(max_size=20)))
def test_adding_what_is_missing_from_no_proxy_is_enough(entries: list[str]) -> None:
    missing = missing_from_no_proxy(entries)
    assert missing_from_no_proxy([*entries, *missing]) == []


@pytest.mark.parametrize(
    ("docker", "status", "text", "remedy"),
    [
        (None, "ok", "/usr/bin/docker", ""),
        (DockerCommand(SETTINGS), "ok", "/usr/bin/docker", ""),
        (DockerCommand(SETTINGS, "context not found"), "problem", "context not found", "docker context ls"),
        (DockerCommand(SETTINGS, "context not found", remedy="leave it"), "problem", "context not found", "leave it"),
        (DockerCommand(SETTINGS, unread="no object"), "warning", "no object", f"mv '{SETTINGS}' '{SETTINGS}'.broken"),
    ],
)
def test_the_docker_command_must_reach_the_engine(
    docker: DockerCommand | None, status: str, text: str, remedy: str
) -> None:
    checks = check_tools(None, None, GOOD, kind_wanted="v1", kubernetes="v1.37.2", can_build=True, docker=docker)
    assert (checks[0].name, checks[0].status) == ("docker command", status)
    assert text in checks[0].finding
    assert remedy in (checks[0].remedy or "")


@pytest.mark.parametrize(
    ("version", "status"), [("v0.33.0", "ok"), ("v0.40.1", "ok"), ("v0.32.9", "problem"), (None, "not checked")]
)
def test_kind_must_be_of_the_minor_that_is_wanted_or_later(version: str | None, status: str) -> None:
    assert tools(GOOD, Tool("/usr/bin/kind", version, "PATH"), None)["kind"].status == status


@pytest.mark.parametrize(
    ("version", "status"),
    [("v1.37.0", "ok"), ("v1.36.5", "ok"), ("v1.38.0", "ok"), ("v1.35.9", "warning"), ("a wrapper", "not checked")],
)
def test_kubectl_may_be_one_minor_off(version: str, status: str) -> None:
    assert tools(GOOD, None, Tool("/usr/bin/kubectl", version, "PATH"))["kubectl"].status == status


def test_what_is_missing_is_built_or_is_a_problem() -> None:
    assert {name: check.status for name, check in tools(BARE, None, None).items()} == {
        "docker command": "problem",
        "kind": "problem",
        "kubectl": "warning",
    }
    built = tools(GOOD, None, None, can_build=True)
    assert {check.status for check in built.values()} == {"ok"}


def test_building_is_needed_only_for_the_embedded_default() -> None:
    def statuses(machine: Machine, stand_ins: bool | None, kit_adds: bool = False) -> set[str]:
        checks = check_build_tools(machine, go_wanted="1.26.3", stand_ins=stand_ins, kit_adds=kit_adds)
        return {check.status for check in checks}

    assert statuses(BARE, True) == {"problem"}
    assert statuses(BARE, None) == {"warning"}
    assert statuses(BARE, False) == {"ok"}
    assert statuses(replace(GOOD, seccomp_headers=False), True, kit_adds=True) == {"ok"}
    assert statuses(replace(GOOD, go_version="1.24.4"), True) == {"ok", "problem"}
    assert statuses(Machine("Darwin", "24.6.0", "arm64"), True) == {"problem"}


@pytest.mark.parametrize(
    ("to_build", "problems"),
    [
        (set(), set()),
        ({"programs"}, {"Go toolchain"}),
        ({"root file system"}, {"mmdebstrap"}),
        ({"programs", "runc"}, {"Go toolchain", "C compiler", "pkg-config", "libseccomp's headers"}),
    ],
)
def test_what_is_built_needs_no_tools(to_build: set[str], problems: set[str]) -> None:
    checks = check_build_tools(BARE, go_wanted="1.26.3", stand_ins=True, to_build=to_build)
    assert {check.name for check in checks if check.status == "problem"} == problems


@pytest.mark.parametrize(
    ("os_release", "command"),
    [
        ({"ID": "debian"}, "sudo apt-get install -y --no-install-recommends libseccomp-dev"),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, "sudo apt-get install"),
        ({"ID": "fedora"}, "sudo dnf install -y libseccomp-devel"),
        ({"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, "sudo dnf install -y"),
        ({"ID": "alpine"}, "package manager"),
        ({}, "package manager"),
    ],
)
def test_commands_fit_the_system(os_release: dict[str, str], command: str) -> None:
    machine = replace(GOOD, os_release=os_release, seccomp_headers=False)
    check = check_build_tools(machine, go_wanted="1.26.3")[-1]
    assert command in (check.remedy or "")


def test_where_images_come_from() -> None:
    assert check_registry(None, "").status == "not checked"
    assert check_registry("upstream", "a registry answers").status == "ok"
    assert check_registry("stand-in", "asked for", asked=True).status == "ok"
    assert check_registry("stand-in", "timed out: no registry answered within 4 s").status == "warning"


def test_what_was_left_behind_is_shortened() -> None:
    assert check_leftovers([]).status == "ok"
    assert check_leftovers(None).status == "not checked"
    check = check_leftovers([f"container {number}" for number in range(9)])
    assert check.finding.endswith("container 4 and 4 more")
    assert (check.remedy or "").splitlines() == ["remove just these", "  labkit clean --leftovers"]


def test_what_still_runs_is_for_the_person_to_stop() -> None:
    check = check_leftovers([], ["mine", "other"])
    assert check.finding == "container mine, which runs, container other, which runs"
    assert (check.remedy or "").splitlines()[-1] == "  docker rm --force --volumes mine other"
    both = check_leftovers(["image 1"], ["mine"])
    assert both.finding == "image 1, container mine, which runs"
    assert "clean --leftovers" in (both.remedy or "") and "docker rm" in (both.remedy or "")


def test_rows_are_as_wide_as_their_headers() -> None:
    table = rows(check_machine(BARE))
    assert {len(row) for row in table} == {len(HEADERS)}
    assert all(isinstance(cell, str) for row in table for cell in row)


def test_a_check_with_the_wrong_kind_of_remedy_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="remedy"):
        Check("x", "problem", "broken")
    with pytest.raises(ValueError, match="remedy"):
        Check("x", "ok", "fine", "do something")


DISKS = st.none() | st.builds(
    Disk,
    path=st.just(Path("/var/lib/docker")),
    free=st.integers(0, 10**12),
    device=st.integers(1, 2),
    kind=st.sampled_from([None, "ext4", "tmpfs", "overlay", "nfs4"]),
)
MACHINES = st.builds(
    Machine,
    system=st.sampled_from(["Linux", "Darwin", "FreeBSD"]),
    kernel=st.sampled_from(["6.18.44", "5.15.1-microsoft-standard-WSL2", "4.4.0-19041-Microsoft", "3.10", "?"]),
    architecture=st.sampled_from(["x86_64", "arm64", "s390x", ""]),
    os_release=st.fixed_dictionaries({}, optional={"ID": st.sampled_from(["debian", "ubuntu", "fedora", "arch"])}),
    user_id=st.sampled_from([0, 1000]),
    systemd=st.booleans(),
    cgroup=st.sampled_from([None, "v1", "v2", "hybrid"]),
    memory_total=st.none() | st.integers(0, 10**12),
    memory_available=st.none() | st.integers(0, 10**12),
    inotify_watches=st.none() | st.integers(0, 10**6),
    inotify_instances=st.none() | st.integers(0, 10**4),
    engine_disk=DISKS,
    cache_disk=DISKS,
    jupyter_port_free=st.sampled_from([None, True, False]),
    proxies=st.sampled_from([{}, {"HTTP_PROXY": "http://p:1"}]),
    programs=st.sampled_from([{}, {"go": "/usr/bin/go"}, {"docker": "/usr/bin/docker"}]),
    go_version=st.sampled_from([None, "1.19", "1.26.8"]),
    seccomp_headers=st.booleans(),
)


@given(MACHINES, st.sampled_from([None, True, False]), st.booleans(), st.booleans())
def test_whatever_is_not_ok_says_what_to_do_and_what_is_ok_does_not(
    machine: Machine, stand_ins: bool | None, built: bool, can_build: bool
) -> None:
    checks = [
        *check_machine(machine, stand_ins=stand_ins, built=built),
        *check_build_tools(machine, go_wanted="1.26.3", stand_ins=stand_ins, kit_adds=can_build),
        *tools(machine, None, None, can_build).values(),
    ]
    for check in checks:
        assert check.finding
        assert (check.remedy is None) == (check.status == "ok")
        # A command stands on a line of its own, indented.
        assert check.remedy is None or any(line.startswith("  ") for line in check.remedy.splitlines())
    assert worst(checks) == (3 if "problem" in {check.status for check in checks} else 0)
    assert len({check.name for check in checks}) == len(checks)
