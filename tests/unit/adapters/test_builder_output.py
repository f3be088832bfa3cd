"""What the classic builder prints is taken apart: its steps, its commands' errors, and why it stopped."""

from __future__ import annotations

import pytest

from labkit.adapters.engine.builder_output import BuilderOutput

_PIECES = (
    "Step 1/2 : FROM debian",
    "\n",
    " ---> 0123456789ab\n",
    "Step 2/2 : RUN useradd --uid 0 me",
    "\n ---> Running in 0123456789ab\n",
    "\x1b[91museradd: UID 0 is not unique\n\x1b[0m",
    "Removing intermediate container 0123456789ab\n",
)
_ERROR = "The command '/bin/sh -c useradd --uid 0 me' returned a non-zero code: 4"


def _output(*pieces: str) -> BuilderOutput:
    output = BuilderOutput()
    for piece in pieces:
        output.add(piece)
    return output


def test_a_stop_says_the_step_the_message_and_the_status() -> None:
    stopped = _output(*_PIECES).stopped("Building x", _ERROR, {"code": 4})
    assert stopped.message == f"Step 2/2 : RUN useradd --uid 0 me\nuseradd: UID 0 is not unique\n{_ERROR}"
    assert stopped.stdout == "Step 1/2 : FROM debian\nStep 2/2 : RUN useradd --uid 0 me"
    assert stopped.stderr == f"useradd: UID 0 is not unique\n{_ERROR}"
    assert stopped.exit_status == 4
    assert "useradd: UID 0 is not unique" in stopped.came_back


def test_a_line_that_comes_in_pieces_is_one_line() -> None:
    pieces = ("\x1b[91mchown: \x1b[0m", "\x1b[91minvalid user: 'me'\n\x1b[0m", "\x1b[91mmore\n\x1b[0m")
    assert _output("Step 1/1 : RUN a\n", *pieces).stderr == "chown: invalid user: 'me'\nmore"


def test_what_an_earlier_step_printed_is_no_cause() -> None:
    stopped = _output("Step 1/2 : RUN a\n", "\x1b[91mwarning: a\n\x1b[0m", "Step 2/2 : RUN b\n").stopped("x", "b", None)
    assert stopped.message == "Step 2/2 : RUN b\nb"


@pytest.mark.parametrize("detail", [None, {}, {"code": None}, {"code": 0}, {"code": "4"}, {"message": "x"}])
def test_without_a_status_it_is_the_docker_commands(detail: dict[str, object] | None) -> None:
    stopped = _output().stopped("Building x", "dockerfile parse error", detail)
    assert (stopped.exit_status, stopped.message) == (1, "dockerfile parse error")


def test_a_flood_is_kept_up_to_its_last_lines() -> None:
    output = _output("Step 1/1 : RUN yes\n", *["y\n"] * 1000, *["\x1b[91moh\n\x1b[0m"] * 1000)
    stopped = output.timed_out("Building x", 180)
    assert len(stopped.stdout.splitlines()) == 40
    assert (
        stopped.message
        == "Step 1/1 : RUN yes\noh\noh\noh\ntimed out: it was still running after 180 s, and was stopped"
    )
