"""A container that stays: what is typed for it, and what becomes of a command in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from labkit.adapters.engine import Engine
from labkit.base.errors import LabFailed, Misuse
from labkit.core.causes import Cause
from labkit.core.identity.engine_messages import cause_of_engine_error
from labkit.core.run_results import ExecResult
from labkit.lab.container import Container

_ID = "0123456789abcdef"


class _AnsweringEngine:
    """Answers every command in the same way, and remembers what it was asked."""

    def __init__(self, status: int = 0, output: str = "", fails: str = "") -> None:
        self._answer, self._fails = ExecResult(status, output), fails
        self.asked: list[tuple[Any, ...]] = []

    def execute(
        self, container: str, command: Sequence[str], *, user: str | None = None, seconds: float | None = None
    ) -> ExecResult:
        self.asked.append((container, list(command), user))
        if self._fails:
            raise LabFailed("Running", self._fails, "look")
        return self._answer

    def cause_of(self, message: str) -> Cause | None:
        return cause_of_engine_error(message)


def _container(engine: _AnsweringEngine) -> Container:
    return Container(cast(Engine, engine), _ID, "docker run --detach image")


def test_the_line_is_what_one_types() -> None:
    engine = _AnsweringEngine(output="0\n")
    result = _container(engine).exec("sh -c 'id -u'", user="root").expect("0")
    assert result.command == "docker exec --user root 0123456789ab sh -c 'id -u'"
    assert engine.asked == [("0123456789ab", ["sh", "-c", "id -u"], "root")]
    assert "--user" not in _container(engine).exec(["id"]).command


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("unable to find user rich: no matching entries in passwd file\r\n", Cause.UNKNOWN_USER),
        ("unable to find group rich: no matching entries in group file\r\n", Cause.UNKNOWN_GROUP),
        (
            'OCI runtime exec failed: exec failed: unable to start container process: exec: "x": executable file not '
            "found in $PATH: unknown\r\n",
            Cause.COMMAND_NOT_FOUND,
        ),
    ],
)
def test_what_the_engine_says_in_place_of_output_is_a_refusal(message: str, cause: Cause) -> None:
    result = _container(_AnsweringEngine(126, message)).exec("x").expect("", cause=cause, exit_status=126)
    assert result.message == message.strip()


def test_a_refusal_before_the_start_is_the_same_refusal() -> None:
    message = "unable to find user rich: no matching entries in passwd file"
    result = _container(_AnsweringEngine(fails=message)).exec("id", user="rich").expect("", cause=Cause.UNKNOWN_USER)
    assert (result.exit_status, result.message) == (1, message)


def test_a_command_that_fails_is_no_refusal() -> None:
    _container(_AnsweringEngine(1, "cat: /x: no such file or directory\n")).exec("cat /x").expect(exit_status=1)


def test_a_command_that_prints_a_refusal_is_none() -> None:
    _container(_AnsweringEngine(0, "unable to find user rich: no matching entries in passwd file\n")).exec(
        "cat log"
    ).expect()


def test_a_container_that_is_gone_is_an_error() -> None:
    with pytest.raises(LabFailed, match="No such container"):
        _container(_AnsweringEngine(fails="No such container: 0123456789ab")).exec("id")


def test_a_uid_may_be_a_number_even_roots() -> None:
    assert "--user 0 " in _container(_AnsweringEngine(0, "0\n")).exec("id -u", user=0).command


def test_a_quote_that_does_not_end_is_a_misuse() -> None:
    with pytest.raises(Misuse, match="No closing quotation"):
        _container(_AnsweringEngine()).exec("echo 'x")


def test_no_command_is_a_misuse() -> None:
    with pytest.raises(Misuse, match="the command is empty"):
        _container(_AnsweringEngine()).exec("  ")
