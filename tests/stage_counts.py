"""How many tests a stage of `tools/test.sh` has run, in a file: pytest's own report costs a tenth of their time."""

from __future__ import annotations

from pathlib import Path

import pytest

_SKIPPED = ("skipped", "xfailed")
_COUNTED = ("passed", "failed", "error", "xpassed", *_SKIPPED)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the file's name."""
    parser.addoption("--counts", type=Path, metavar="FILE", help="Write how many tests were run, and skipped, here.")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write them, once all are known."""
    tests, skipped = (
        sum(len(terminalreporter.stats.get(outcome, ())) for outcome in outcomes) for outcomes in (_COUNTED, _SKIPPED)
    )
    if (file := config.getoption("--counts")) is not None:
        file.write_text(f"tests={tests} skipped={skipped}\n", encoding="utf-8")
