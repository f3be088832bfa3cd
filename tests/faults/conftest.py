"""A fault that was not survived is shown at once: a whole run takes a quarter of an hour, and may be ended before."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.faults.leaks import MACHINE

if MACHINE in os.environ:
    _reporter: Any = None

    @pytest.hookimpl(trylast=True)
    def pytest_configure(config: pytest.Config) -> None:
        global _reporter
        _reporter = config.pluginmanager.get_plugin("terminalreporter")

    def pytest_runtest_logreport(report: pytest.TestReport) -> None:
        if report.failed and _reporter is not None:
            _reporter.ensure_newline()
            _reporter.write_line(report.longreprtext)
