"""What a node prints of its containers' processes, read."""

from __future__ import annotations

from typing import Any

from labkit.core.run_results import ExecResult
from labkit.lab.node_processes import process_statuses, running_programs

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
    statuses = process_statuses(node, _IDS)
    assert node.asked[-3:] == ["aaa", "bbb", "ccc"]
    assert statuses["app"]["NoNewPrivs"] == "1"
    assert statuses["app"]["Uid"].split() == ["1654"] * 4
    assert statuses["log"] == {"Name": "sh", "NoNewPrivs": "0"}


def test_a_container_that_has_ended_has_no_process() -> None:
    assert "ended" not in process_statuses(_node(), _IDS)


def test_what_was_not_asked_for_is_left_out() -> None:
    assert process_statuses(_node(), {"log": "ccc"}) == {"log": {"Name": "sh", "NoNewPrivs": "0"}}
    assert process_statuses(_node(""), {"app": "aaa"}) == {}
    node = _node()
    assert process_statuses(node, {}) == {}
    assert node.asked == [""]


def test_a_program_is_known_by_its_content_whichever_process_of_the_container_runs_it() -> None:
    shell, app = "1" * 64, "2" * 64
    printed = f"container aaa\n{shell} sh\n{app} ./app\n{app} /a b/app\n{app} \ncontainer bbb\ncontainer ccc\n"
    assert running_programs(_node(printed), _IDS) == {"app": {(shell, "sh"), (app, "app"), (app, "")}}
