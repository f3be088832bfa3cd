"""Reading a machine: from fake roots, from nothing at all, and from any text."""

from __future__ import annotations

import os
import platform
import socket
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.version import Version

from labkit.adapters import debian
from labkit.adapters.program_versions import version_in
from labkit.lab.machine import parsing
from labkit.lab.machine.machine_facts import Machine, port_is_free, read_machine

CGROUP_V1 = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
"""
HYBRID = CGROUP_V1 + "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
CGROUP_V2 = "30 23 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
ROOT_AND_TMP = "22 1 254:0 / / rw shared:1 - ext4 /dev/vda rw\n29 22 0:26 / /tmp rw shared:2 - tmpfs tmpfs rw\n"
# Debian 12 in a virtual machine that withholds CAP_SYS_RESOURCE.
STATUS = "Name:\tcat\nCapEff:\t000001fffeffffff\nCapBnd:\t000001fffeffffff\n"
LINUX = os.uname_result(("Linux", "laptop", "6.18.44", "#1 SMP", "x86_64"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "proc/self/mountinfo": ROOT_AND_TMP + HYBRID,
        "proc/self/status": STATUS,
        "proc/sys/kernel/cap_last_cap": "40\n",
        "proc/meminfo": "MemTotal:       24684084 kB\nMemFree: 1 kB\nMemAvailable:   23470652 kB\n",
        "proc/sys/fs/inotify/max_user_watches": "192536\n",
        "proc/sys/fs/inotify/max_user_instances": "128\n",
        "etc/group": f"root:x:0:\ndocker:x:{os.getegid()}:\n",
        "usr/include/seccomp.h": "",
        "var/run/docker.sock": "",
        "opt/go/VERSION": "go1.26.8\ntime 2026-08-28T16:20:06Z\n",
        "opt/go/bin/go": "#!/bin/sh\n",
        "usr/sbin/dockerd": "#!/bin/sh\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    return tmp_path


def test_a_whole_machine_is_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {
        "PATH": str(root / "opt/go/bin"),
        "HTTPS_PROXY": "http://ada:s3cret@proxy.example:3128",
        "no_proxy": "localhost, 10.0.0.0/8",
    }
    release = {"PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)", "ID": "debian"}
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: release)
    machine = read_machine(root, cache=Path("/home/ada/.cache/labkit"), environ=environ, uname=LINUX)
    assert (machine.system, machine.kernel, machine.architecture) == ("Linux", "6.18.44", "x86_64")
    assert machine.os_release == release
    assert machine.cgroup == "hybrid"
    assert machine.missing_capabilities == ("CAP_SYS_RESOURCE",)
    assert (machine.memory_total, machine.memory_available) == (24684084 * 1024, 23470652 * 1024)
    assert (machine.inotify_watches, machine.inotify_instances) == (192536, 128)
    assert machine.docker_group == "yes"
    assert machine.engine_socket == "open"
    assert machine.go_version == "1.26.8"
    assert machine.programs == {"go": str(root / "opt/go/bin/go"), "dockerd": str(root / "usr/sbin/dockerd")}
    assert machine.seccomp_headers
    assert not machine.systemd
    assert machine.proxies == {"HTTPS_PROXY": "http://***@proxy.example:3128"}
    assert machine.no_proxy == ("localhost", "10.0.0.0/8")
    assert "s3cret" not in repr(machine)


@pytest.mark.parametrize(
    ("sockets", "offered"),
    [
        ([], None),
        (["run/podman/podman.sock"], "/run/podman/podman.sock"),
        (["run/podman/podman.sock", "run/user/7/podman/podman.sock"], "/run/user/7/podman/podman.sock"),
    ],
)
def test_podmans_socket_is_seen_the_users_own_first(root: Path, sockets: list[str], offered: str | None) -> None:
    for place in sockets:
        (root / place).parent.mkdir(parents=True)
        (root / place).touch()
    machine = read_machine(root, environ={"XDG_RUNTIME_DIR": "/run/user/7"}, uname=LINUX, os_release={})
    assert machine.podman_host == (offered and f"unix://{offered}")


def test_a_folder_that_is_not_there_yet_gets_the_disk_it_will_lie_on(root: Path) -> None:
    machine = read_machine(root, engine_folder=Path("/tmp/not/there/yet"), environ={}, uname=LINUX)
    assert machine.engine_disk is not None
    assert machine.engine_disk.path == Path("/tmp/not/there/yet")
    assert machine.engine_disk.free > 0
    # The fake root has no /tmp, so the nearest folder above is its /.
    assert machine.engine_disk.kind == "ext4"


def test_an_engine_on_another_machine_has_no_disk_here(root: Path) -> None:
    machine = read_machine(root, engine_folder=None, environ={"DOCKER_HOST": "tcp://10.0.0.7:2376"}, uname=LINUX)
    assert machine.engine_disk is None
    assert machine.engine_host == "tcp://10.0.0.7:2376"
    assert machine.engine_socket is None


def test_nothing_is_there_and_nothing_is_raised(tmp_path: Path) -> None:
    machine = read_machine(tmp_path, environ={}, uname=LINUX)
    assert machine.engine_socket == "absent"
    for unknown in ("cgroup", "missing_capabilities", "memory_total", "inotify_watches", "docker_group", "go_version"):
        assert getattr(machine, unknown) is None, unknown


def test_this_machine_can_be_read() -> None:
    assert isinstance(read_machine(), Machine)


def test_a_port_with_a_listener_is_not_free() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        assert port_is_free(server.getsockname()[1]) is False


@pytest.mark.parametrize(
    ("kernel", "wsl"),
    [("5.15.167.4-microsoft-standard-WSL2", True), ("4.4.0-19041-Microsoft", True), ("6.8.0-85-generic", False)],
)
def test_wsl_is_told_by_its_kernel(kernel: str, wsl: bool) -> None:
    assert Machine("Linux", kernel, "x86_64").is_wsl is wsl


@pytest.mark.parametrize(
    ("mountinfo", "version"), [(CGROUP_V1, "v1"), (HYBRID, "hybrid"), (CGROUP_V2, "v2"), (ROOT_AND_TMP, None)]
)
def test_cgroup_version(mountinfo: str, version: str | None) -> None:
    assert parsing.cgroup_version(mountinfo) == version


def test_the_longest_mount_point_holds_a_path_and_the_later_of_two_equal_ones() -> None:
    assert parsing.file_system_of("/tmp/labkit", ROOT_AND_TMP) == "tmpfs"
    assert parsing.file_system_of("/tmpfiles", ROOT_AND_TMP) == "ext4"
    assert parsing.file_system_of("/a b/c", "1 1 0:1 / /a\\040b rw - xfs d rw\n") == "xfs"
    again = ROOT_AND_TMP + "40 22 0:40 / /tmp rw - xfs /dev/vdb rw\n"
    assert parsing.file_system_of("/tmp/labkit", again) == "xfs"


@pytest.mark.parametrize(
    ("line", "active", "member"),
    [
        ("docker:x:999:ada,bob", {999}, "yes"),
        ("docker:x:999:ada,bob", {1000}, "after login"),
        ("docker:x:999:adam", {1000}, "no"),
        ("dockers:x:999:ada", {1000}, "no such group"),
    ],
)
def test_membership_counts_from_the_next_login_on(line: str, active: set[int], member: str) -> None:
    assert parsing.membership(f"root:x:0:\n{line}\n", "docker", "ada", frozenset(active)) == member


@pytest.mark.parametrize("error", [FileNotFoundError("none"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no text")])
def test_a_system_without_an_os_release_has_no_name(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def read() -> dict[str, str]:
        raise error

    monkeypatch.setattr(platform, "freedesktop_os_release", read)
    assert read_machine().os_release == {}
    assert not debian.can_add_packages()


@given(st.text())
@example("MemTotal: 9" + "9" * 40 + " kB")
@example("CapBnd:\tffffffffffffffffffff")
def test_no_text_makes_the_parsers_raise(text: str) -> None:
    assert all(size >= 0 for size in parsing.meminfo(text).values())
    version_in(text)
    parsing.mounts(text)
    parsing.cgroup_version(text)
    parsing.file_system_of("/var", text)
    parsing.missing_capabilities(text, 40)
    parsing.membership(text, "docker", "ada", frozenset())
    parsing.whole_number(text)
    parsing.without_credentials(text)


@given(st.integers(0, 2**41 - 1), st.integers(0, 40))
def test_the_bounding_set_lacks_exactly_the_bits_that_are_not_set(bits: int, last: int) -> None:
    missing = parsing.missing_capabilities(f"CapBnd:\t{bits:016x}\n", last)
    assert missing is not None
    assert len(missing) == sum(not bits >> number & 1 for number in range(last + 1))


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_sizes_in_meminfo_come_back_in_bytes(total: int, free: int) -> None:
    assert parsing.meminfo(f"MemTotal: {total} kB\nMemFree:\t{free} kB\n") == {
        "MemTotal": total * 1024,
        "MemFree": free * 1024,
    }


@given(st.text(min_size=1), st.sampled_from(["http://", "socks5h://", ""]))
@example("pa://ss@word", "")
@example("a@b/c?d#e", "http://")
def test_no_password_is_ever_shown(password: str, scheme: str) -> None:
    assert parsing.without_credentials(f"{scheme}user:{password}@proxy:3128") == f"{scheme}***@proxy:3128"


@given(st.from_regex(r"(http://)?[a-z.]{1,20}(:[0-9]{1,5})?", fullmatch=True))
def test_a_proxy_without_credentials_is_shown_as_it_is(url: str) -> None:
    assert parsing.without_credentials(url) == url


@pytest.mark.parametrize(
    ("kubectl", "supported"), [("1.36.9", True), ("1.37", True), ("1.38.0", True), ("1.35.2", False), ("2.37.0", False)]
)
def test_a_kubectl_may_be_one_minor_off(kubectl: str, supported: bool) -> None:
    assert parsing.can_speak_to(Version(kubectl), Version("1.37.2")) is supported
