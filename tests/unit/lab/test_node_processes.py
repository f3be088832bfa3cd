"""What a node prints of its containers' processes, read."""

from __future__ import annotations

from typing import Any

from labkit.core.run_results import ExecResult
from labkit.core.started import PodProgram
from labkit.lab.node_processes import processes_on_node

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
