"""What file a container's processes execute, where a container beside it has to look."""

from __future__ import annotations

from typing import cast

import pytest

from labkit.adapters.engine import Engine
from labkit.core.run_results import RunResult
from labkit.core.started import AppProcess
from labkit.lab.container_programs import processes_of
from tests.unit.notebook.paper import Recorder

_APP = AppProcess(1654, 1654, (), "./aspnetapp")


def _seen(text: str, *processes: AppProcess) -> tuple[AppProcess, ...]:
    engine = Recorder(processes=processes, run=RunResult("docker run", text, 0))
    return processes_of(cast(Engine, engine), "c", "debian")


def test_what_this_machine_sees_is_enough() -> None:
    seen = AppProcess(1654, 1654, (), "./aspnetapp", "/app/aspnetapp", "1f")
    engine = Recorder(processes=(seen,))
    assert processes_of(cast(Engine, engine), "c", "debian") == (seen,)


def test_the_reader_says_what_each_process_executes() -> None:
    shell = AppProcess(0, 0, (), "sh -c ./aspnetapp")
    app, sh = _seen("1f /app/aspnetapp ./aspnetapp \n2e /bin/dash sh -c ./aspnetapp \n", _APP, shell)
    assert (app.program, app.digest) == ("/app/aspnetapp", "1f")
    assert (sh.program, sh.digest) == ("/bin/dash", "2e")


@pytest.mark.parametrize("text", ["", "1f /app/aspnetapp ./aspnetapp\n2e /tmp/other ./aspnetapp\n", "x", "1f /a other"])
def test_where_two_are_called_alike_or_nothing_is_said_nobody_knows(text: str) -> None:
    assert _seen(text, _APP) == (_APP,)
