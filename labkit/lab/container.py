"""A container that stays, and commands in it: what `docker run --detach` and `docker exec` do."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from labkit.adapters import podman
from labkit.base.argv import to_argv
from labkit.base.errors import LabFailed
from labkit.core.causes import Cause
from labkit.core.run_results import RunResult

if TYPE_CHECKING:
    from labkit.adapters.engine import Engine
    from labkit.lab.lab import Lab

_EXEC_SECONDS = 60.0
# What `docker exec` ends with when the engine refuses in its answer to the request: any error without a status of its
# own ends the docker command with 1 (docker/cli:cmd/docker/docker.go, getExitCode; cli/command/container/exec.go).
_REFUSED = 1
_SHORT = 12
# What the engine writes in place of a command's output when it cannot run one; its inspection then gives 126 or 127
# (moby/moby:daemon/exec.go, ContainerExecStart). Since Engine 29 an unknown user is refused before (commit b54a038bec).
_NOT_RUN = (
    *("OCI runtime exec failed", "unable to find user", "unable to find group", "uids and gids must be in range"),
    *podman.NOT_EXECUTED,
)


class Container:
    """A running container of a lesson.

    Args:
        engine: it runs there.
        identifier: its id.
        line: what one types to start it.
    """

    def __init__(self, engine: Engine, identifier: str, line: str) -> None:
        self._engine = engine
        self.id = identifier[:_SHORT]
        self.line = line

    def exec(self, command: str | Sequence[str], *, user: str | int | None = None) -> RunResult:
        """Run a command in it, as `docker exec` does.

        Args:
            command: what to run; text is split into words and read by no shell.
            user: as `docker exec --user`; None for the container's own.

        Returns:
            The output and how it ended; an engine that refuses is a result, not an error.

        Raises:
            Misuse: the command is empty, or cannot be read.
            LabFailed: the container does not run any more, or the engine went away.
        """
        argv = to_argv(command, "Running a command in a container")
        user = None if user is None else str(user)
        line = shlex.join(["docker", "exec", *(["--user", user] if user else []), self.id, *argv])
        try:
            result = self._engine.execute(self.id, argv, user=user, seconds=_EXEC_SECONDS)
        except LabFailed as refused:
            cause = self._engine.cause_of(refused.came_back)
            if cause is None:
                raise
            return RunResult(line, "", _REFUSED, cause, refused.came_back)
        output = result.output.strip()
        if result.exit_status and output.startswith(_NOT_RUN):
            return RunResult(line, "", result.exit_status, self._engine.cause_of(output), output)
        if not result.is_over:
            message = f"timed out: still running after {_EXEC_SECONDS:.0f} s; it goes on in the container"
            return RunResult.of(line, result, None, cause=Cause.TIMEOUT, message=message)
        return RunResult.of(line, result, result.exit_status)

    def __repr__(self) -> str:
        return f"$ {self.line}\ncontainer {self.id} runs"


def start(
    lab: Lab, image: str, command: Sequence[str] | None, *, user: str | None, labels: Mapping[str, str]
) -> Container:
    """Start a container that stays.

    Args:
        lab: its engine.
        image: a sample image, or any reference that the engine has.
        command: in place of the image's entrypoint; without one, an image without a program is kept busy.
        user: as `docker run --user`.
        labels: by which it is found and removed, besides the kit's own.

    Raises:
        Misuse: there is no such image.
        LabFailed: the engine does not start it.
    """
    engine = lab.engine()
    reference = lab.reference(image)
    argv = list(command or lab.keep_busy(image) or ())
    options = [*(["--user", user] if user else []), *(["--entrypoint", argv[0]] if argv else [])]
    line = shlex.join(["docker", "run", "--detach", *options, reference, *argv[1:]])
    identifier = engine.launch(reference, argv[1:], entrypoint=argv[:1] or None, user=user, labels=labels)
    return Container(engine, identifier, line)
