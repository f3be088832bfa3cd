"""Causes, errors, configuration and results of runs."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.adapters.engine import docker_run_line
from labkit.base.configuration import Configuration
from labkit.base.errors import LabError, LabFailed, MachineLacks, Misuse
from labkit.core.causes import REFUSALS, Cause
from labkit.core.run_results import RunResult, UnexpectedResult


def test_every_cause_has_a_meaning() -> None:
    assert all(cause.meaning for cause in Cause)
    assert len({cause.meaning for cause in Cause}) == len(Cause)


def test_there_are_four_refusals() -> None:
    assert len(set(REFUSALS)) == 4


@pytest.mark.parametrize(("kind", "status"), [(LabFailed, 1), (Misuse, 2), (MachineLacks, 3)])
def test_an_error_says_three_things(kind: type[LabError], status: int) -> None:
    error = kind("Doing it", "it broke", "fix it")
    assert str(error) == "Doing it: it broke\nWhat to do: fix it"
    assert error.exit_status == status
    assert error._render_traceback_() == [f"{kind.__name__}: {error}"]


@pytest.mark.parametrize("name", ["", "My Lab", "-a", "a-", "a" * 31, "a/b", "$(x)"])
def test_nonsense_is_no_name_of_a_lab(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_NAME", name)
    with pytest.raises(Misuse):
        Configuration.from_environment()


def test_images_are_never_looked_for_on_a_public_registry() -> None:
    configuration = Configuration("lab", Path("state"), Path("cache"), Path("data"))
    assert configuration.image_reference("alpine") == "localhost/lab/alpine:lab"


_RAN = RunResult("docker run x", "root", 0)
_REFUSED = RunResult("docker run x", "", 125, Cause.UNKNOWN_USER, "unable to find user rich")


def test_expect_gives_the_result_back() -> None:
    assert _RAN.expect("root") is _RAN
    assert _REFUSED.expect(cause="unknown-user", exit_status=125) is _REFUSED


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.UNKNOWN_USER])
def test_another_cause_is_unexpected(cause: Cause) -> None:
    with pytest.raises(UnexpectedResult, match="unknown-user"):
        _REFUSED.expect(cause=cause)


@pytest.mark.parametrize(("result", "output", "status"), [(_RAN, "app", 0), (_RAN, "root", 1), (_REFUSED, "", 0)])
def test_another_ending_is_unexpected(result: RunResult, output: str, status: int) -> None:
    with pytest.raises(UnexpectedResult):
        result.expect(output, exit_status=status)


@given(st.lists(st.text(min_size=1), min_size=1), st.none() | st.text())
def test_the_line_to_type_reads_back(command: list[str], user: str | None) -> None:
    argv = shlex.split(docker_run_line("image", command, user))
    assert argv[:3] == ["docker", "run", "--rm"]
    assert argv[-len(command) :] == ["image", *command[1:]]
    assert argv[argv.index("--entrypoint") + 1] == command[0]
