"""What a node prints of its containers' processes, read."""

from __future__ import annotations

from labkit.lab.node_processes import parse_statuses

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


def test_each_container_gets_the_fields_of_its_own_process() -> None:
    statuses = parse_statuses(_PRINTED, {"aaa": "app", "bbb": "ended", "ccc": "log"})
    assert statuses["app"]["NoNewPrivs"] == "1"
    assert statuses["app"]["Uid"].split() == ["1654"] * 4
    assert statuses["log"] == {"Name": "sh", "NoNewPrivs": "0"}


def test_a_container_that_has_ended_has_no_process() -> None:
    assert "ended" not in parse_statuses(_PRINTED, {"aaa": "app", "bbb": "ended", "ccc": "log"})


def test_what_was_not_asked_for_is_left_out() -> None:
    assert parse_statuses(_PRINTED, {"ccc": "log"}) == {"log": {"Name": "sh", "NoNewPrivs": "0"}}
    assert parse_statuses("", {"aaa": "app"}) == {}
