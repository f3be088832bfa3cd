"""What a node prints of its containers' processes, read."""

from __future__ import annotations

from typing import Any

import pytest

from labkit.base.errors import NotInAClass
from labkit.core.run_results import ExecResult
from labkit.core.started import PodProcesses, PodProgram
from labkit.lab.node_processes import processes_in_containers, processes_on_node

_PRINTED = """\
container aaa
Name:\taspnetapp
Uid:\t1654\t1654\t1654\t1654
NoNewPrivs:\t1
Seccomp:\t2
container bbb
container ccc
Name:\tsh
NoNewPrivs:\t0
"""


_IDS = {"app": "aaa", "ended": "bbb", "log": "ccc"}


class _PaperNode:
    """A node that prints this, whatever it is asked."""

    def __init__(self, printed: str) -> None:
        self.printed, self.asked = printed, [""]

    def execute(self, argv: list[str]) -> ExecResult:
        self.asked = argv
        return ExecResult(0, self.printed)


def _node(printed: str = _PRINTED) -> Any:
    return _PaperNode(printed)


def test_each_container_gets_the_fields_of_its_own_process() -> None:
    node = _node()
    statuses = processes_on_node(node, _IDS)
    assert node.asked[-3:] == ["aaa", "bbb", "ccc"]
    assert statuses["app"].status["NoNewPrivs"] == "1"
    assert statuses["app"].status["Uid"].split() == ["1654"] * 4
    assert statuses["log"].status == {"Name": "sh", "NoNewPrivs": "0"}


def test_a_container_that_has_ended_has_no_process() -> None:
    assert "ended" not in processes_on_node(_node(), _IDS)


def test_what_was_not_asked_for_is_left_out() -> None:
    assert list(processes_on_node(_node(), {"log": "ccc"})) == ["log"]
    assert processes_on_node(_node(""), {"app": "aaa"}) == {}
    node = _node()
    assert processes_on_node(node, {}) == {}
    assert node.asked == [""]


def test_a_program_is_known_by_its_content_whichever_process_of_the_container_runs_it() -> None:
    shell, app, dotnet, assembly = (digit * 64 for digit in "1234")
    printed = (
        "container aaa\nName:\tsh\n"
        f"program {shell}\t\tsh\t\nprogram {app}\t\t./app\t\nprogram {app}\t\t/a b/app\t\nprogram {app}\t\t\t\n"
        f"program {dotnet}\t{assembly}\t/usr/bin/dotnet\t/app/app.dll\nprogram {dotnet}\n"
        "container bbb\ncontainer ccc\n"
    )
    processes = processes_on_node(_node(printed), _IDS)
    assert list(processes) == ["app"]
    assert processes["app"].status == {"Name": "sh"}
    assert processes["app"].programs == {
        PodProgram(shell, "sh"),
        PodProgram(app, "app"),
        PodProgram(app, ""),
        PodProgram(dotnet, "dotnet", "app.dll", assembly),
        PodProgram(dotnet, ""),
    }


class _PaperKube:
    """A cluster whose containers print this, whatever they are asked."""

    def __init__(self, result: ExecResult) -> None:
        self.result, self.asked = result, list[tuple[str, str, str | None]]()

    def execute(self, pod: str, namespace: str, command: list[str], container: str | None) -> ExecResult:
        assert command[:2] == ["sh", "-c"]
        self.asked.append((pod, namespace, container))
        return self.result


def _processes(result: ExecResult) -> dict[str, PodProcesses]:
    kube: Any = _PaperKube(result)
    return processes_in_containers(kube, "app", "ns", ["main"])


def test_where_nobody_gets_onto_the_node_the_container_is_asked_itself() -> None:
    printed = "Uid:\t1654\t1654\t1654\t1654\nprogram abc\t\t/app/aspnetapp\t\n"
    processes = _processes(ExecResult(0, printed))["main"]
    assert processes.status["Uid"].split() == ["1654"] * 4
    assert processes.programs == {PodProgram("abc", "aspnetapp")}


def test_a_container_without_a_shell_cannot_be_asked() -> None:
    with pytest.raises(NotInAClass, match="lets nobody onto the node, and the image of container main has no shell"):
        _processes(ExecResult(1, stderr="failed to exec in container: no such file"))
