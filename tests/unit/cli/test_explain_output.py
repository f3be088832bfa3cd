"""What `labkit explain` prints in a terminal: verdicts in colour, and what others wrote spelt out."""

from __future__ import annotations

import pytest

from labkit.cli.explain_output import echo


@pytest.mark.parametrize("is_terminal", [True, False])
def test_verdicts_are_coloured_in_a_terminal_and_what_others_wrote_is_spelt_out(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal)
    echo("web\x1b[2J  runs\napi  refused", has_verdicts=True)
    shown = capsys.readouterr().out
    assert "web\\x1b[2J" in shown
    assert ("\x1b[32mruns" in shown, "\x1b[1;31mrefused" in shown) == (is_terminal, is_terminal)
