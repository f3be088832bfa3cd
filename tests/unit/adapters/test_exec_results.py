"""Standard output and error of a command in a container are kept apart, and their order is kept."""

from __future__ import annotations

import struct

import pytest

from labkit.adapters.engine.engine_exec import read_frames
from labkit.core.run_results import ExecResult


def frame(stream: int, content: bytes) -> bytes:
    """A piece as the engine sends it."""
    return struct.pack(">BxxxL", stream, len(content)) + content


def test_frames_are_read_in_their_order() -> None:
    raw = frame(1, b"a\n") + frame(2, b"oh\n") + frame(1, b"") + frame(1, b"b\n")
    assert read_frames(raw) == [(1, b"a\n"), (2, b"oh\n"), (1, b""), (1, b"b\n")]


@pytest.mark.parametrize(("raw", "frames"), [(b"", []), (b"\x01\x00", []), (frame(1, b"abc")[:-1], [(1, b"ab")])])
def test_a_stream_that_breaks_off_gives_what_there_is(raw: bytes, frames: list[tuple[int, bytes]]) -> None:
    assert read_frames(raw) == frames


def test_the_output_is_as_it_came_or_else_errors_last() -> None:
    assert ExecResult(0, "a\nb\n", "oh\n", interleaved="a\noh\nb\n").output == "a\noh\nb\n"
    assert ExecResult(0, "a\nb\n", "oh\n").output == "a\nb\noh\n"
    assert ExecResult(0, "a", "b", interleaved="ba") == ExecResult(0, "a", "b")
