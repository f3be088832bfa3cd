"""What is done with containers."""

from __future__ import annotations

import contextlib
import io
import shlex
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from labkit.adapters import podman
from labkit.adapters.engine.engine_errors import doing, is_being_removed, translate
from labkit.adapters.engine.engine_files import EngineFiles
from labkit.adapters.engine.printed import Printing, StillRunning, pieces_of, read_frames
from labkit.adapters.engine_answers import InspectedContainer
from labkit.base.waiting import wait_until
from labkit.core.causes import Cause
from labkit.core.run_results import Printed, RunResult

_RUN_SECONDS = 60.0
_ENDING_SECONDS = 20.0
_LOOK = "look at the engine\n  labkit doctor"
# A program that prints without an end must not fill the disk until its deadline.
_SMALL_LOG = {"Type": "json-file", "Config": {"max-size": "4m", "max-file": "1"}}
_NOT_FOUND_TEXTS = (
    *("executable file not found", "no such file or directory", "system cannot find the file specified"),
    podman.NOT_FOUND,
)
_NOT_ALLOWED_TEXTS = ("permission denied", "is a directory", *podman.NOT_ALLOWED)
_COMMAND_NOT_FOUND, _PERMISSION_DENIED, _ENGINE_FAILED = 127, 126, 125


@dataclass(frozen=True)
class ContainerState:
    """How a container that stays is, as the engine tells."""

    running: bool
    image_id: str
    labels: Mapping[str, str]
    exit_status: int | None = None
    pid: int = 0
    started: datetime | None = None
    """When it was started last, by the engine's clock."""


class EngineContainers(EngineFiles):
    """Running containers, starting those that stay, and what becomes of them."""

    def run(
        self,
        reference: str,
        command: Sequence[str] | None = None,
        *,
        user: str | None = None,
        options: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        deadline: float = _RUN_SECONDS,
    ) -> RunResult:
        """Run a command in a new container, as `docker run --rm` does, and say what happened.

        Args:
            reference: the image; it is never pulled.
            command: what to run in place of the image's entrypoint; None for what the image says.
            user: as `docker run --user`.
            options: more of the engine's HostConfig, by the SDK's names (for postures and for the node's making).
            labels: besides the kit's own.
            deadline: seconds after which the container is killed.

        Returns:
            The output and how it ended; an engine that refuses is a result, not an error.

        Raises:
            LabFailed: the engine went away.
        """
        line = docker_run_line(reference, command, user)
        api = self._api
        try:
            container = api.create_container(
                reference,
                command=list(command[1:]) if command else None,
                entrypoint=[command[0]] if command else None,
                user=user,
                labels={**self._configuration.labels, **(labels or {})},
                host_config=api.create_host_config(**{"log_config": _SMALL_LOG, **(options or {})}),
            )["Id"]
        except ImageNotFound as error:
            return RunResult(line, "", _ENGINE_FAILED, Cause.IMAGE_MISSING, str(error.explanation))
        except APIError as error:
            return self._refused(line, error)
        except requests.exceptions.RequestException as error:
            raise translate(f"Running {line}", error) from error
        try:
            return self._start_and_wait(container, line, deadline)
        finally:
            with contextlib.suppress(DockerException, requests.exceptions.RequestException):
                api.remove_container(container, force=True, v=True)

    def _start_and_wait(self, container: str, line: str, deadline: float) -> RunResult:
        """Start a container with somebody who listens, as `docker run` does: a log of it might lose what came first."""
        api, printing, is_over = self._api, Printing(), True
        with doing(f"Running {line}"):
            try:
                response = self._attach(container, deadline)
            except APIError as error:  # Podman makes the process ready here, and refuses what Docker refuses below.
                return self._refused(line, error)
            with contextlib.closing(response):
                try:
                    api.start(container)
                except APIError as error:
                    return self._refused(line, error)
                try:
                    for stream, piece in read_frames(pieces_of(response, time.monotonic() + deadline)):
                        printing.add(stream, piece)
                except StillRunning:
                    is_over = False
            # Nobody listens any more: the engine would not let a container end whose output nobody takes.
            if not is_over:
                with contextlib.suppress(APIError):  # It may have ended by now.
                    api.kill(container)
            status = int(api.wait(container, timeout=_ENDING_SECONDS)["StatusCode"])
            # On a busy machine who listens was once seen to hear nothing of a program that ended at once.
            printed = printing.printed() if printing.has_any or not is_over else self._logs(container)
        if is_over:
            return RunResult.of(line, printed, status)
        message = f"timed out: still running after {deadline:.0f} s, and stopped then"
        return RunResult.of(line, printed, status, cause=Cause.TIMEOUT, message=message)

    def _refused(self, line: str, error: APIError) -> RunResult:
        """The result of an engine's refusal, with the exit status that the docker command would give."""
        message = podman.plain_refusal(str(error.explanation or error).strip())
        return RunResult(line, "", run_status(message), self.cause_of(message), message)

    def _attach(self, container: str, seconds: float) -> requests.Response:
        """What a container prints from its start on. A plain request: the SDK's upgraded one may lose the beginning."""
        api = self._api
        url = api._url("/containers/{0}/attach", container)
        params = {"stdout": 1, "stderr": 1, "stream": 1}
        response: requests.Response = api._post(url, params=params, stream=True, timeout=seconds)
        api._raise_for_status(response)
        return response

    def launch(
        self,
        reference: str,
        arguments: Sequence[str],
        *,
        entrypoint: Sequence[str] | None = None,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
        options: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        contents: Mapping[str, bytes] | None = None,
    ) -> str:
        """Start a container that stays, with arguments for its image's entrypoint; gives its id.

        Args:
            reference: the image; it is never pulled.
            arguments: for its entrypoint.
            entrypoint: in place of the image's.
            user: as `docker run --user`.
            environment: variables besides the image's own.
            options: more of the engine's HostConfig, by the SDK's names.
            labels: besides the kit's own.
            contents: what is in files of the image instead, by their paths; owners and modes stay.

        Raises:
            LabFailed: the engine does not start it, or it has no such file; nothing of it is left.
        """
        with doing(f"Starting a container of {reference}"):
            container = str(
                self._api.create_container(
                    reference,
                    command=list(arguments),
                    entrypoint=list(entrypoint) if entrypoint else None,
                    user=user,
                    environment=dict(environment or {}),
                    labels={**self._configuration.labels, **(labels or {})},
                    host_config=self._api.create_host_config(**(options or {})),
                )["Id"]
            )
            try:
                for path, content in (contents or {}).items():
                    self.replace_content(container, path, content)
                self._api.start(container)
            except BaseException:
                self.remove_container(container)
                raise
        return container

    def printed(self, container: str, *, lines: int | None = None, has_terminal: bool | None = None) -> Printed:
        """What a container has printed so far, up to a bound.

        Args:
            container: its name or id.
            lines: how many of the last ones; None for all.
            has_terminal: whether it has one; None to ask the engine.
        """
        with doing("Reading what a container printed"):
            if has_terminal is None:
                inspected: InspectedContainer = self._api.inspect_container(container)
                has_terminal = bool(inspected["Config"].get("Tty"))
            return self._logs(container, has_terminal=has_terminal, lines=lines)

    def _logs(self, container: str, *, has_terminal: bool = False, lines: int | None = None) -> Printed:
        """What a container has printed: two streams in one, or a terminal's one stream as it is."""
        api, printing = self._api, Printing()
        url = api._url("/containers/{0}/logs", container)
        params = {"stdout": 1, "stderr": 1, "tail": "all" if lines is None else lines}
        with contextlib.closing(api._get(url, params=params, stream=True)) as response:
            api._raise_for_status(response)
            pieces = pieces_of(response)
            for stream, piece in ((1, piece) for piece in pieces) if has_terminal else read_frames(pieces):
                printing.add(stream, piece)
        return printing.printed()

    def address(self, container: str) -> str:
        """A container's address in the engine's own network."""
        with doing("Asking for a container's address"):
            inspected: InspectedContainer = self._api.inspect_container(container)
        networks = inspected["NetworkSettings"]["Networks"].values()
        return next((network["IPAddress"] for network in networks if network.get("IPAddress")), "")

    def container(self, name: str) -> ContainerState | None:
        """What became of a container that stays, such as the node; None if it does not exist."""
        with doing(f"Looking for container {name}"):
            try:
                inspected: InspectedContainer = self._api.inspect_container(name)
            except NotFound:
                return None
        state = inspected["State"]
        running = state["Running"] and not state.get("Paused")
        status = None if running else state.get("ExitCode") or 0
        labels = inspected["Config"].get("Labels") or {}
        started = datetime.fromisoformat(state["StartedAt"]) if state.get("StartedAt") else None
        return ContainerState(running, inspected["Image"], labels, status, state.get("Pid") or 0, started)

    def start(self, name: str) -> None:
        """Start a container that was stopped, or let one go on that was paused."""
        with doing(f"Starting container {name}"):
            inspected: InspectedContainer = self._api.inspect_container(name)
            if inspected["State"].get("Paused"):
                self._api.unpause(name)
            else:
                self._api.start(name)

    def stop(self, name: str, seconds: int = 10) -> None:
        """Stop a container, by force after so many seconds; nothing if it does not exist."""
        with doing(f"Stopping container {name}"), contextlib.suppress(NotFound):
            self._api.stop(name, timeout=seconds)

    def remove_container(self, name: str) -> None:
        """Remove a container with its anonymous volumes, running or not; nothing if it does not exist."""
        with doing(f"Removing container {name}"), contextlib.suppress(NotFound):
            if self.is_podman:
                self._api._raise_for_status(self._api._delete(f"{self._api.base_url}{podman.removal(name)}"))
                return
            try:
                self._api.remove_container(name, force=True, v=True)
            except APIError as error:
                if not is_being_removed(error):
                    raise
                removal = f"the removal of container {name}"
                wait_until(removal, lambda: self.container(name) is None, seconds=_ENDING_SECONDS, remedy=_LOOK)

    def put_files(self, container: str, files: Mapping[str, bytes]) -> None:
        """Write files, by their whole paths, into a container; missing folders are made."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for path, content in files.items():
                entry = tarfile.TarInfo(path.lstrip("/"))
                entry.size, entry.mode = len(content), 0o644
                tar.addfile(entry, io.BytesIO(content))
        with doing(f"Writing into {container}"):
            self._api.put_archive(container, "/", packed.getvalue())

    def labelled_containers(self, *more: str) -> list[str]:
        """The names of the containers that carry this lab's label, and more labels if asked, running or not.

        A container has the labels of its image, so these include the node and whatever else anyone started from
        an image of the lab.
        """
        return self._labelled("containers", lambda filters: self._api.containers(all=True, filters=filters), more)


def docker_run_line(reference: str, command: Sequence[str] | None, user: str | None) -> str:
    """The line to type for what `Engine.run` does."""
    argv = ["docker", "run", "--rm"]
    if user is not None:
        argv += ["--user", user]
    if command:
        argv += ["--entrypoint", command[0]]
    return shlex.join([*argv, reference, *(command[1:] if command else ())])


def run_status(message: str) -> int:
    """What `docker run` exits with when the engine refuses (docker/cli:cli/command/container/run.go, toStatusError).

    It looks for texts alone, so a passwd file that is not there counts as a command that is not.
    """
    if any(text in message for text in _NOT_FOUND_TEXTS):
        return _COMMAND_NOT_FOUND
    return _PERMISSION_DENIED if any(text in message for text in _NOT_ALLOWED_TEXTS) else _ENGINE_FAILED
