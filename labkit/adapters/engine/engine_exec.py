"""Commands in containers that run, as `docker exec` runs them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from labkit.adapters.engine.engine_connection import EngineConnection
from labkit.adapters.engine.engine_errors import doing
from labkit.core.run_results import ExecResult

_HEADER = struct.Struct(">BxxxL")
_STDERR = 2


class EngineExec(EngineConnection):
    """What is run in a container beside its own program."""

    def execute(self, container: str, command: Sequence[str], *, user: str | None = None) -> ExecResult:
        """Run a command in a running container of the lab.

        Args:
            container: its name or id.
            command: what to run.
            user: as `docker exec --user`; None for the container's own.
        """
        with doing(f"Running {command[0]} in {container}"):
            process = self._api.exec_create(container, list(command), user=user or "")["Id"]
            frames = read_frames(self._start_exec(process))
            return ExecResult(
                int(self._api.exec_inspect(process)["ExitCode"]),
                stdout=_text(content for stream, content in frames if stream != _STDERR),
                stderr=_text(content for stream, content in frames if stream == _STDERR),
                interleaved=_text(content for _, content in frames),
            )

    def _start_exec(self, process: str) -> bytes:
        """Start what was made by exec_create, wait for its end, and give the stream of what it printed.

        The SDK's own exec_start upgrades the connection and reads on from the bare socket. What came in one piece with
        the answer's headers is lost then, such as most of "unable to find user"; a plain request loses nothing.
        """
        api = self._api
        url = api._url("/exec/{0}/start", process)
        response = api._post_json(url, data={"Tty": False, "Detach": False}, timeout=None)
        return bytes(api._result(response, binary=True))


def read_frames(raw: bytes) -> list[tuple[int, bytes]]:
    """The pieces of a multiplexed stream: 1 for standard output or 2 for standard error, and what was printed.

    Each has a header of the stream, three zeros and a length (moby/moby:api/swagger.yaml, ContainerAttach).
    """
    frames, position = [], 0
    while position + _HEADER.size <= len(raw):
        stream, length = _HEADER.unpack_from(raw, position)
        position += _HEADER.size
        frames.append((stream, raw[position : position + length]))
        position += length
    return frames


def _text(pieces: Iterable[bytes]) -> str:
    return b"".join(pieces).decode("utf-8", "replace")
