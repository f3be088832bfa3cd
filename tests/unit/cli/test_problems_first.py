"""Whatever keeps a lab from being made is said before anything is made; what may not work, when all is done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from labkit.adapters.engine import EngineUnreachable
from labkit.base.errors import MachineLacks
from labkit.cli import main
from labkit.cli import problems_first as module
from labkit.cli.problems_first import problems_first
from labkit.lab import doctor
from labkit.lab.lab import Lab
from labkit.lab.machine.machine_check import Check, ok, problem, warning
from labkit.lab.machine.machine_facts import Machine
from tests.unit.lab.machine.test_checks import GOOD, ROOMY

DISK = problem("disk", "1.0 GB free; 8.5 GB are needed", "make room\n  df -h")
KERNEL = problem("kernel", "3.10; Kubernetes needs 4.13 or later", "install a later one\n  uname -r")
MEMORY = warning("memory", "2 GiB", "end what takes most of it\n  ps")
STOPPED = replace(problem("engine", "does not answer", "let the kit start it\n  make up"), by_kit=True)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was begun of a lab that is not up."""
    begun: list[str] = []
    monkeypatch.setattr(Lab, "is_nearly_up", lambda _: False)
    for name in ("up", "begin"):
        monkeypatch.setattr(Lab, name, lambda *_, name=name, **__: begun.append(name))
    monkeypatch.setattr(Lab, "status", lambda _: {"state": "up", "cluster": {}, "engine": {}, "images": []})
    monkeypatch.setattr("labkit.cli.up_command.status_table", lambda _: "the lab is up")
    monkeypatch.setattr("labkit.cli.lab_command.run_jupyterlab", lambda *_: begun.append("JupyterLab"))
    return begun


def _find(monkeypatch: pytest.MonkeyPatch, *checks: Check) -> list[dict[str, Any]]:
    """Have the doctor find these; gives how it was asked."""
    asked: list[dict[str, Any]] = []

    def examine(_: Lab, **how: Any) -> list[Check]:
        asked.append(how)
        return [ok("system", "Debian"), *checks]

    monkeypatch.setattr(module, "examine", examine)
    return asked


@pytest.mark.parametrize("command", ["up", "up --no-wait", "lab"])
@pytest.mark.parametrize("checks", [(DISK,), (KERNEL, MEMORY), (DISK, KERNEL), (STOPPED, KERNEL)])
def test_any_problem_stops_it_before_anything_is_made(
    made: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, checks: tuple[Check, ...]
) -> None:
    _find(monkeypatch, *checks)
    argv = command.split() + (["--folder", str(tmp_path / "mine")] if command == "lab" else [])
    done = CliRunner().invoke(main, argv)
    assert (done.exit_code, made) == (3, [])
    for check in checks:
        told = check.status == "problem" and not check.by_kit
        assert (check.finding in done.output) is told
        assert (str(check.remedy) in done.output) is told


@pytest.mark.parametrize(("command", "begun"), [("up", ["up"]), ("lab", ["begin", "JupyterLab"])])
def test_what_the_kit_does_by_itself_stops_nothing_and_warnings_come_last(
    made: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, begun: list[str]
) -> None:
    _find(monkeypatch, STOPPED, MEMORY)
    argv = [command, *(["--folder", str(tmp_path / "mine")] if command == "lab" else [])]
    done = CliRunner().invoke(main, argv)
    assert (done.exit_code, made) == (0, begun), done.output
    assert done.output.splitlines()[-2:] == ["warning: memory: 2 GiB", "what to do about it: labkit doctor"]
    assert "does not answer" not in done.output


def test_a_lab_that_is_up_is_not_examined(made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _find(monkeypatch, DISK)
    monkeypatch.setattr(Lab, "is_nearly_up", lambda _: True)
    assert CliRunner().invoke(main, ["up"]).exit_code == 0
    assert (asked, made) == ([], ["up"])


@pytest.mark.parametrize(
    ("source", "engine", "registry", "expected"),
    [
        ("upstream", "away", False, False),
        ("stand-in", "answers", True, True),
        (None, "answers", False, None),
        (None, "away", False, True),
        (None, "away", True, False),
        (None, "elsewhere", False, None),
    ],
)
def test_whether_it_is_built_here_is_known_before_there_is_an_engine(
    made: list[str],
    monkeypatch: pytest.MonkeyPatch,
    source: str | None,
    engine: str,
    registry: bool,
    expected: bool | None,
) -> None:
    def connect(_: Lab) -> None:
        if engine != "answers":
            raise EngineUnreachable("x", "y", "z", elsewhere=engine == "elsewhere")

    asked = _find(monkeypatch)
    monkeypatch.delenv("LABKIT_SOURCE", raising=False)
    monkeypatch.setattr(module, "is_wanted", lambda _: not registry)
    monkeypatch.setattr(module, "find_bundles", lambda _: [])
    monkeypatch.setattr(Lab, "engine", connect)
    assert problems_first(Lab(), source) == []
    assert asked == [{"stand_ins": expected, "bundled": False}]


def test_with_a_bundle_nothing_is_built(made: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = _find(monkeypatch)
    problems_first(Lab(), bundle=tmp_path / "class.tar")
    assert asked[0]["bundled"]


# --- what the doctor says of a machine without anything ---


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with an engine that was never started, and without compilers."""

    def connect(_: Lab) -> None:
        raise EngineUnreachable("Connecting to the engine", "there is no engine's socket", "start it")

    monkeypatch.setattr(Lab, "engine", connect)
    machine = replace(GOOD, programs={}, go_version=None, seccomp_headers=False, user_id=0)
    monkeypatch.setattr(doctor, "read_machine", lambda **_: machine)
    monkeypatch.setattr(doctor, "find_kind", lambda _: None)
    monkeypatch.setattr(doctor, "find_kubectl", lambda _: None)
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path))
    monkeypatch.setattr(Lab, "is_nearly_up", lambda _: False)
    monkeypatch.setattr(module, "is_wanted", lambda _: True)
    monkeypatch.setattr(module, "find_bundles", lambda _: [])


@pytest.mark.parametrize("adds", [True, False])
def test_without_go_and_a_registry_it_stops_at_once_and_says_all_of_it(
    bare: None, monkeypatch: pytest.MonkeyPatch, adds: bool
) -> None:
    monkeypatch.setattr("labkit.adapters.debian.can_add_packages", lambda: adds)
    monkeypatch.setattr(doctor, "can_start_engine", lambda: False)
    with pytest.raises(MachineLacks) as caught:
        problems_first(Lab())
    text = str(caught.value)
    assert "Go toolchain" in text
    assert "https://go.dev/dl/" in text
    assert ("mmdebstrap: not there" in text) is not adds
    assert ("engine: does not answer" in text) is not adds
    assert ("docker command" in text) is not adds


def test_with_a_bundle_none_of_it_is_missed(bare: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("labkit.adapters.debian.can_add_packages", lambda: True)
    problems_first(Lab(), bundle=tmp_path / "class.tar")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"memory_total": 1 << 29}, "memory"),
        ({"kernel": "3.10"}, "kernel"),
        ({"architecture": "s390x"}, "architecture"),
        ({"engine_disk": None, "cache_disk": replace(ROOMY, free=1 << 20)}, "disk of the cache"),
    ],
    ids=str,
)
def test_each_problem_of_the_machine_stops_it(
    bare: None, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], name: str
) -> None:
    machine: Machine = replace(GOOD, **change)
    monkeypatch.setattr("labkit.adapters.debian.can_add_packages", lambda: True)
    monkeypatch.setattr(doctor, "read_machine", lambda **_: machine)
    with pytest.raises(MachineLacks, match=f"Checking the {name}"):
        problems_first(Lab())
