"""A program that is started for somebody else is recorded, too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from labkit.adapters.started_programs import run_in_front, start_server


def test_a_server_is_recorded_when_it_starts(records: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    with (tmp_path / "output").open("wb") as output:
        assert start_server([sys.executable, "-c", "print('up')"], output).wait() == 0
    assert records.messages == [f"$ {sys.executable} -c 'print('\"'\"'up'\"'\"')'  # started"]
    assert (tmp_path / "output").read_text(encoding="utf-8") == "up\n"


_NOTICE = "OLD: this is old\n  use another\n\n"


@pytest.mark.parametrize(
    ("printed", "seen"),
    [
        (f"{_NOTICE}it failed\n", "it failed\n"),
        (f"first\n{_NOTICE}{_NOTICE}last", "first\nlast"),
        ("nothing old\n\nhere\n", "nothing old\n\nhere\n"),
        ("OLD: it ends here", ""),
        ("", ""),
    ],
)
def test_a_paragraph_of_standard_error_can_be_left_out(
    capfdbinary: pytest.CaptureFixture[bytes], printed: str, seen: str
) -> None:
    program = f"import sys; sys.stderr.write({printed!r}); print('out'); sys.exit(3)"
    assert run_in_front([sys.executable, "-c", program], {}, unseen=b"OLD:") == 3
    assert capfdbinary.readouterr() == (b"out\n", seen.encode())


def test_what_was_typed_stands_for_its_copy_in_standard_error(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    program = "import sys; sys.stderr.write('no /tmp/x/pod.yaml: /tmp/x/pod.yaml\\nnor /tmp/y/b.yaml'); print('/tmp/x')"
    names = {"/tmp/x/pod.yaml": "pod.yaml", "/tmp/y": "mine"}
    assert run_in_front([sys.executable, "-c", program], {}, shown_as=names) == 0
    assert capfdbinary.readouterr() == (b"/tmp/x\n", b"no pod.yaml: pod.yaml\nnor mine/b.yaml")
