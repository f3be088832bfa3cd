"""Standard output and error of a command in a container are kept apart, in their order, and within bounds."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import ReadTimeoutError

from labkit.adapters.engine.engine_containers import run_status
from labkit.adapters.engine.printed import Printing, StillRunning, pieces_of, read_frames
from labkit.core.causes import Cause
from labkit.core.run_results import ExecResult, Printed, RunResult


def frame(stream: int, content: bytes) -> bytes:
    """A piece as the engine sends it."""
    return struct.pack(">BxxxL", stream, len(content)) + content


def test_frames_are_read_in_their_order() -> None:
    raw = frame(1, b"a\n") + frame(2, b"oh\n") + frame(1, b"") + frame(1, b"b\n")
    assert list(read_frames([raw])) == [(1, b"a\n"), (2, b"oh\n"), (1, b"b\n")]


_FRAMES = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=30)), max_size=6)


@given(_FRAMES, st.integers(1, 20))
def test_it_does_not_matter_how_a_stream_is_cut_on_its_way(frames: list[tuple[int, bytes]], size: int) -> None:
    raw = b"".join(frame(*piece) for piece in frames)
    printing = Printing()
    for stream, piece in read_frames(raw[start : start + size] for start in range(0, len(raw), size)):
        printing.add(stream, piece)
    wanted = [b"".join(piece for stream, piece in frames if stream == wanted) for wanted in (1, 2)]
    printed = printing.printed()
    assert [printed.stdout, printed.stderr] == [text.decode("utf-8", "replace") for text in wanted]
    assert printed.output == b"".join(piece for _, piece in frames).decode("utf-8", "replace")


@pytest.mark.parametrize(("raw", "frames"), [(b"", []), (b"\x01\x00", []), (frame(1, b"abc")[:-1], [(1, b"ab")])])
def test_a_stream_that_breaks_off_gives_what_there_is(raw: bytes, frames: list[tuple[int, bytes]]) -> None:
    assert list(read_frames([raw])) == frames


def test_a_flood_is_kept_up_to_a_bound_and_the_other_stream_is_whole() -> None:
    printing = Printing(most=10)
    for _ in range(1000):
        printing.add(2, b"flood ")
    printing.add(1, b"1654")
    printed = printing.printed()
    assert printed.stdout == "1654"
    assert printed.stderr == "flood floo\n(5990 more bytes were printed and not kept)\n"


class _Raw:
    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces: Iterator[bytes | Exception] = iter(pieces)

    def read1(self, _: int) -> bytes:
        piece = next(self._pieces, b"")
        if isinstance(piece, Exception):
            raise piece
        return piece


def _response(*pieces: bytes | Exception) -> requests.Response:
    response = requests.Response()
    response.raw = _Raw(*pieces)
    return response


def test_what_came_before_the_deadline_is_given() -> None:
    pieces = pieces_of(_response(b"a", ReadTimeoutError(cast(Any, None), "", "timed out")))
    assert next(pieces) == b"a"
    with pytest.raises(StillRunning):
        next(pieces)
    endless = pieces_of(_response(*[b"y"] * 100), deadline=time.monotonic() - 1)
    assert next(endless) == b"y"
    with pytest.raises(StillRunning):
        next(endless)


def test_the_output_is_as_it_came_or_else_errors_last() -> None:
    assert ExecResult(0, "a\nb\n", "oh\n", interleaved="a\noh\nb\n").output == "a\noh\nb\n"
    assert ExecResult(0, "a\nb\n", "oh\n").output == "a\nb\noh\n"
    assert ExecResult(0, "a", "b", interleaved="ba") == ExecResult(0, "a", "b")
    assert RunResult("x", "a", 0, stderr="b").output == "a\nb"


def test_a_result_shows_both_streams_and_judges_one() -> None:
    result = RunResult.of("docker run x", Printed("1654\n", "chmod: no\nagain\n", "chmod: no\n1654\nagain\n"), 1)
    assert str(result) == "$ docker run x\n1654\nstderr: chmod: no\nstderr: again\nexit status 1"
    assert result.expect("1654", exit_status=1).output == "chmod: no\n1654\nagain"
    assert result.to_dict() == {
        "command": "docker run x",
        "stdout": "1654",
        "stderr": "chmod: no\nagain",
        "output": "chmod: no\n1654\nagain",
        "exit_status": 1,
        "cause": None,
        "message": None,
    }


def test_no_exit_status_is_shown_where_nobody_gave_one() -> None:
    timeout = RunResult.of("docker exec x", Printed("y\n" * 50_000), None, cause=Cause.TIMEOUT, message="it goes on")
    assert "exit status" not in str(timeout)
    assert "\n(79999 more characters are not shown)\n" in str(timeout)


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ('exec: "x": executable file not found in $PATH: unknown', 127),
        ('exec: "/x": stat /x: no such file or directory: unknown', 127),
        ('exec: "/etc": is a directory: unknown', 126),
        ('exec: "/etc/passwd": permission denied: unknown', 126),
        ("unable to find user rich: no matching entries in passwd file", 125),
        ("no such image: x", 125),
    ],
)
def test_a_refused_run_ends_as_the_docker_command_does(message: str, status: int) -> None:
    assert run_status(message) == status
