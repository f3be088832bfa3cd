"""Commands in containers that run, as `docker exec` runs them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any

import requests

from labkit.adapters.engine.engine_connection import EngineConnection
from labkit.adapters.engine.engine_errors import doing
from labkit.adapters.engine.printed import Printing, StillRunning, pieces_of, read_frames
from labkit.core.run_results import ExecResult


class EngineExec(EngineConnection):
    """What is run in a container beside its own program."""

    def execute(
        self, container: str, command: Sequence[str], *, user: str | None = None, seconds: float | None = None
    ) -> ExecResult:
        """Run a command in a running container of the lab.

        Args:
            container: its name or id.
            command: what to run.
            user: as `docker exec --user`; None for the container's own.
            seconds: after which it is left to itself; None to wait for its end.

        Raises:
            LabFailed: the engine refuses before the command is started.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        printing, is_over = Printing(), True
        with doing(f"Running {command[0]} in {container}"):
            process = self._api.exec_create(container, list(command), user=user or "")["Id"]
            try:
                with contextlib.closing(self._start_exec(process, seconds)) as response:
                    for stream, piece in read_frames(pieces_of(response, deadline)):
                        printing.add(stream, piece)
            except (StillRunning, requests.exceptions.Timeout):
                is_over = False
            # Null while it runs; an engine that gives none has not said how it ended.
            status = self._api.exec_inspect(process).get("ExitCode") if is_over else None
        printed = printing.printed()
        return ExecResult(
            None if status is None else int(status),
            printed.stdout,
            printed.stderr,
            interleaved=printed.interleaved,
            is_over=is_over,
        )

    def _start_exec(self, process: str, seconds: float | None) -> requests.Response:
        """Start what was made by exec_create, and give the stream of what it prints.

        The SDK's own exec_start upgrades the connection and reads on from the bare socket. What came in one piece with
        the answer's headers is lost then, such as most of "unable to find user"; a plain request loses nothing.
        """
        api: Any = self._api
        url = api._url("/exec/{0}/start", process)
        response: requests.Response = api._post_json(
            url, data={"Tty": False, "Detach": False}, timeout=seconds, stream=True
        )
        api._raise_for_status(response)
        return response
