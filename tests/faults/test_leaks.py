"""The comparison of before and after is itself tested: a leak of each kind is planted, and has to be told."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from labkit.base.waiting import watch
from tests.faults.lab_bench import changes_since_the_beginning, lab_bench, start_engine
from tests.faults.leaks import MACHINE, Inventory, control_group
from tests.killed_runs import mount_source

_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts and makes control groups; see docs/tests.md")
_SETTLED_SECONDS = 30.0
Plant = Callable[[ExitStack, Path], str | None]
"""Plants a leak until the stack is closed; gives its name where the engine chose that."""


def _run(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def _docker(stack: ExitStack, made: list[str], remove: list[str]) -> None:
    _run("docker", *made)
    stack.callback(_run, "docker", *remove)


def _process(stack: ExitStack, _: Path) -> None:
    process = subprocess.Popen(["sleep", "654321"])
    stack.callback(process.wait)
    stack.callback(process.kill)


def _mount(stack: ExitStack, folder: Path) -> None:
    (folder / "mounted").mkdir()
    _run("mount", "-t", "tmpfs", mount_source(), str(folder / "mounted"))
    stack.callback(_run, "umount", str(folder / "mounted"))


def _control_group(stack: ExitStack, _: Path) -> None:
    parents = [path for path in Path("/sys/fs/cgroup").iterdir() if (path / "cgroup.procs").exists()]
    parent = parents[0] if parents else Path("/sys/fs/cgroup")
    own = parent / control_group(Path(os.environ.get(MACHINE, "none")))
    for folder in (own, own / "planted"):
        if not folder.exists():
            folder.mkdir(parents=True)
            stack.callback(folder.rmdir)


def _file(_: ExitStack, folder: Path) -> None:
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "file").write_text("x", encoding="utf-8")


def _changed(_: ExitStack, folder: Path) -> None:
    (folder / "config").write_text("another text", encoding="utf-8")


def _gone(_: ExitStack, folder: Path) -> None:
    (folder / "config").unlink()


def _mode(_: ExitStack, folder: Path) -> None:
    (folder / "config").chmod(0o666)


@pytest.mark.parametrize(
    ("plant", "line"),
    [
        (_process, "process sleep 654321 is new: 1 times"),
        pytest.param(_mount, "/mounted is new: tmpfs", marks=_ROOT),
        pytest.param(_control_group, "/planted is new", marks=_ROOT),
        (_file, "deep/er/file is new: -rw"),
        (_changed, "/config has changed: -rw"),
        (_gone, "/config is gone"),
        (_mode, "-> -rw-rw-rw-"),
    ],
)
def test_a_planted_leak_is_told(tmp_path: Path, plant: Plant, line: str) -> None:
    (tmp_path / "config").write_text("text", encoding="utf-8")
    before = Inventory.take([tmp_path])
    with ExitStack() as stack:
        plant(stack, tmp_path)
        changes = Inventory.take([tmp_path]).changes_since(before)
    assert any(line in change for change in changes), changes


@_ROOT
def test_what_is_mounted_in_a_folder_is_not_listed_as_its_own(tmp_path: Path) -> None:
    """As a checkout in the machine's /tmp, which is seen in that of the machine for faults."""
    for name in ("checkout", "mounted"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"in-{name}").touch()
    _run("mount", "--bind", str(tmp_path / "checkout"), str(tmp_path / "mounted"))
    try:
        listed = {Path(name).name for name in Inventory.take([tmp_path]).kinds["file"]}
    finally:
        _run("umount", str(tmp_path / "mounted"))
    assert listed == {"checkout", "in-checkout"}


@_ROOT
def test_what_was_mounted_before_the_machine_began_is_another_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes when whoever mounted it removes its folder, in whatever machine that is."""
    with ExitStack() as stack:
        _mount(stack, tmp_path)
        (tmp_path / "inherited-mounts").write_bytes(Path("/proc/self/mountinfo").read_bytes())
        monkeypatch.setenv(MACHINE, str(tmp_path))
        before = Inventory.take([])
        assert f"{tmp_path}/mounted" not in before.kinds["mount"]
    assert not [change for change in Inventory.take([]).changes_since(before) if str(tmp_path) in change]


if MACHINE in os.environ:
    _IMAGE = "planted:1"

    def _image(stack: ExitStack, folder: Path) -> None:
        _run("tar", "--create", "--file", str(folder / "planted.tar"), "--directory", str(folder), "config")
        _docker(stack, ["import", str(folder / "planted.tar"), _IMAGE], ["rmi", _IMAGE])

    def _nameless(stack: ExitStack, folder: Path) -> str:
        _run("tar", "--create", "--file", str(folder / "planted.tar"), "--directory", str(folder), "config")
        image = _run("docker", "import", str(folder / "planted.tar"))
        stack.callback(_run, "docker", "rmi", image)
        return image

    def _container(stack: ExitStack, folder: Path) -> None:
        _image(stack, folder)
        _docker(stack, ["create", "--name", "planted", _IMAGE, "true"], ["rm", "planted"])

    def _volume_of_image(stack: ExitStack, folder: Path) -> str:
        """As an image's VOLUME leaves one, without a name."""
        _container(stack, folder)
        container = _run("docker", "create", "--volume", "/data", _IMAGE, "true")
        volume = _run("docker", "inspect", "--format", "{{range .Mounts}}{{.Name}}{{end}}", container)
        # Not by prune, which would take those away, too, that a fault before has left.
        stack.callback(_run, "docker", "volume", "rm", volume)
        _run("docker", "rm", container)
        return volume

    def _network(stack: ExitStack, _: Path) -> str:
        network = _run("docker", "network", "create", "planted")
        stack.callback(_run, "docker", "network", "rm", "planted")
        return network

    def _rule(stack: ExitStack, _: Path) -> None:
        rule = ["FORWARD", "-s", "192.0.2.7/32", "-j", "DROP"]
        _run("iptables", "-A", *rule)
        stack.callback(_run, "iptables", "-D", *rule)

    @pytest.mark.parametrize(
        ("plant", "line"),
        [
            (_image, "planted:1"),
            (_nameless, "{name} is new: <none>:<none>"),
            (_container, "planted planted:1"),
            (_volume_of_image, "volume {name} is new: com.docker.volume.anonymous"),
            (_network, "planted bridge"),
            (_network, "network interface br-{name:.12} is new"),
            (_rule, "firewall rule -A FORWARD -s 192.0.2.7/32 -j DROP is new"),
        ],
    )
    def test_a_planted_leak_of_the_engine_is_told(tmp_path: Path, plant: Plant, line: str) -> None:
        """A lab that is up changes meanwhile, and so may what others have: only what was planted is looked for."""
        start_engine()
        (tmp_path / "config").write_text("text", encoding="utf-8")
        with ExitStack() as others:
            _docker(others, ["volume", "create", "planted-by-others"], ["volume", "rm", "--force", "planted-by-others"])
            before = Inventory.take([])
            with ExitStack() as stack:
                line = line.format(name=plant(stack, tmp_path))
                others.close()
                changes = Inventory.take([]).changes_since(before)
        planted = {change for change in changes if line in change and " is new" in change}
        assert planted, changes
        assert "volume planted-by-others is gone" in changes
        assert planted.isdisjoint(Inventory.take([]).changes_since(before))

    def test_a_lab_that_was_used_and_removed_leaves_nothing() -> None:
        """Whatever was broken before: after `labkit clean` all is as it was before there was a lab."""
        bench = lab_bench()
        bench.labkit("up", "--bundle", str(bench.bundle), status=0, seconds=600)
        bench.require_working()
        bench.run_lesson("print(lab.pod('debian', command=['id']))\nlab.run('aspnetapp', ['id'])\nlab.start('debian')")
        bench.labkit("matrix", "--where", "engine", status=0)
        bench.labkit("registry", "up", "--listen", "127.0.0.1:5445", status=0)
        bench.labkit("clean", "--yes", "--progress", status=0)
        # The kernel takes a container's network interface away a while after the container is gone.
        changes = watch(lambda: changes_since_the_beginning(bench), lambda left: not left, _SETTLED_SECONDS)
        assert not changes, "\n".join(changes)
