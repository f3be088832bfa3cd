"""Podman's own words, recorded by tests/podman: the same causes and exit statuses as Docker's.

What crun says was read in its source, not recorded: it does not run where this was made.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from labkit.adapters import podman
from labkit.adapters.engine import Engine, run_status
from labkit.adapters.engine.builder_output import BuilderOutput
from labkit.adapters.engine.engine_images import _STEP
from labkit.base.errors import LabFailed
from labkit.core.causes import Cause
from labkit.core.identity.engine_messages import cause_of_engine_error
from labkit.core.run_results import ExecResult
from labkit.lab.container import Container

_HERE = Path(__file__).parent


def _recorded(name: str) -> dict[str, list[dict[str, Any]]]:
    content: dict[str, list[dict[str, Any]]] = json.loads((_HERE / f"{name}.json").read_text(encoding="utf-8"))
    return content


_RUNS = [(kind, run) for kind in ("rootful", "rootless") for run in _recorded(kind)["runs"]]
_EXECS = [(kind, execution) for kind in ("rootful", "rootless") for execution in _recorded(kind)["exec"]]
_EXPECTED = {
    "unknown user": (Cause.UNKNOWN_USER, 125),
    "unknown group": (Cause.UNKNOWN_GROUP, 125),
    "group_add unknown": (Cause.UNKNOWN_GROUP, 125),
    "uid too large": (Cause.BAD_USER_SPEC, 125),
    "uid too large 2": (Cause.BAD_USER_SPEC, 125),
    "uid-out-of-range": (Cause.BAD_USER_SPEC, 125),
    "negative": (Cause.BAD_USER_SPEC, 125),
    "uid high": (Cause.USER_NAMESPACE, 125),
    "uid 65537": (Cause.USER_NAMESPACE, 125),
    "no command": (Cause.COMMAND_NOT_FOUND, 127),
    "no path": (Cause.COMMAND_NOT_FOUND, 127),
    "no shell": (Cause.COMMAND_NOT_FOUND, 127),
    "no program": (Cause.COMMAND_NOT_FOUND, 127),
    "not executable": (Cause.PERMISSION_DENIED, 126),
    "folder": (Cause.PERMISSION_DENIED, 126),
    "no image": (Cause.IMAGE_MISSING, 125),
}


@pytest.mark.parametrize(("kind", "run"), _RUNS, ids=[f"{kind}: {run['asked']}" for kind, run in _RUNS])
def test_a_refusal_has_dockers_cause_and_status(kind: str, run: dict[str, Any]) -> None:
    message = podman.plain_refusal(run["message"])
    cause = cause_of_engine_error(message, in_user_namespace=kind == "rootless")
    assert (cause, run_status(message)) == _EXPECTED[run["asked"]]
    assert "for attach" not in message


_CRUN = "crun: executable file `nosuch` not found"
_ON_PATH = " in $PATH"


@pytest.mark.parametrize(
    ("message", "cause", "status"),
    [
        (f"{_CRUN}{_ON_PATH}: No such file or directory: {podman.NOT_FOUND}", Cause.COMMAND_NOT_FOUND, 127),
        (f"{_CRUN}: No such file or directory: {podman.NOT_FOUND}", Cause.COMMAND_NOT_FOUND, 127),
        ("crun: open executable: Permission denied: OCI permission denied", Cause.PERMISSION_DENIED, 126),
        ("crun: the path `/etc` exists but it is not a regular file: OCI runtime error", Cause.PERMISSION_DENIED, 126),
    ],
)
def test_so_has_cruns(message: str, cause: Cause, status: int) -> None:
    assert (cause_of_engine_error(message), run_status(message)) == (cause, status)


class RecordedExec:
    """An engine whose exec answers what was recorded."""

    def __init__(self, kind: str, execution: dict[str, Any]) -> None:
        self._is_rootless, self._execution = kind == "rootless", execution

    def execute(
        self, container: str, command: Sequence[str], *, user: str | None = None, seconds: float | None = None
    ) -> ExecResult:
        if self._execution["refusal"]:
            raise LabFailed("Running", self._execution["refusal"], "look")
        return ExecResult(self._execution["status"], self._execution["output"])

    def cause_of(self, message: str) -> Cause | None:
        return cause_of_engine_error(message, in_user_namespace=self._is_rootless)


_EXEC_CAUSES = {
    "unknown": Cause.UNKNOWN_USER,
    "unknown group": Cause.UNKNOWN_GROUP,
    "none": Cause.COMMAND_NOT_FOUND,
    "nopath": Cause.COMMAND_NOT_FOUND,
    "folder": Cause.PERMISSION_DENIED,
    "notexec": Cause.PERMISSION_DENIED,
    "range": Cause.BAD_USER_SPEC,
}


@pytest.mark.parametrize(("kind", "execution"), _EXECS, ids=[f"{kind}: {each['asked']}" for kind, each in _EXECS])
def test_what_exec_cannot_run_is_a_refusal(kind: str, execution: dict[str, Any]) -> None:
    result = Container(cast(Engine, RecordedExec(kind, execution)), "0123456789abcdef", "docker run").exec("x")
    assert result.cause == _EXEC_CAUSES.get(execution["asked"])
    assert (result.stdout == "") == (result.cause is not None or execution["output"] == "")


_BUILDS = {build["id"]: build["events"] for build in _recorded("builds")["builds"]}


def _printed(name: str) -> tuple[BuilderOutput, dict[str, Any], set[str]]:
    output, steps = BuilderOutput(), set[str]()
    for event in _BUILDS[name]:
        output.add(str(event.get("stream") or ""))
        steps |= set(_STEP.findall(str(event.get("stream") or "")))
    return output, _BUILDS[name][-1], steps


@pytest.mark.parametrize(
    ("name", "step", "status", "cause"),
    [
        ("fails", "STEP 2/3: RUN echo out; echo err >&2; exit 3", 3, None),
        ("nocmd", "STEP 2/3: RUN nosuchcommand", 127, None),
        ("nouser", "STEP 3/4: RUN id", 1, Cause.UNKNOWN_USER),
        ("nogroup", "STEP 3/4: RUN id", 1, Cause.UNKNOWN_GROUP),
        ("emptyuser", "STEP 2/3: USER", 1, None),
        ("frmo", "", 1, None),
    ],
)
def test_a_build_that_stops_says_at_which_step_and_why(name: str, step: str, status: int, cause: Cause | None) -> None:
    output, last, _ = _printed(name)
    stopped = output.stopped("Building x", str(last["error"]), last.get("errorDetail"))
    assert (output.step, stopped.exit_status, cause_of_engine_error(stopped.message)) == (step, status, cause)
    assert stopped.message.startswith(step) and str(last["error"]).strip() in stopped.message
    assert "-->" not in stopped.stdout


def test_the_images_of_a_builds_steps_are_known() -> None:
    output, _, steps = _printed("ok")
    assert len(steps) == 5
    assert output.step == '[2/2] STEP 5/5: LABEL "a"="b"'


def test_a_process_is_looked_up_by_the_pid_that_it_has_outside() -> None:
    shown: dict[str, list[Any]] = {"Titles": ["PID", "HPID"], "Processes": [["1", "20057"], ["7", "20100"], ["?", "1"]]}
    assert podman.host_pids(shown) == {1: 20057, 7: 20100}
    assert podman.host_pids({}) == {}
