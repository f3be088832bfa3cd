"""The engine of a line that was typed: which command does it, and what the engine has, asked at its own socket."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from labkit.adapters import podman
from labkit.adapters.engine_endpoint import EngineUnreachable, choose_endpoint
from labkit.adapters.engine_socket import EngineSocket
from labkit.adapters.processes import first_output
from labkit.base.errors import LabFailed, MachineLacks
from labkit.base.programs import find_program, outside


@dataclass(frozen=True)
class TypedEngine:
    """The command that does what was typed: docker's, or podman's where that is the engine.

    Args:
        program: its path.
        environment: in which it uses the lab's engine.
        socket: the engine's, where it has one on this machine: asking there costs less than running the command.
        is_podman: whether the engine is podman.
    """

    program: str
    environment: Mapping[str, str] = field(repr=False)
    socket: EngineSocket | None = None
    is_podman: bool = False

    @property
    def name(self) -> str:
        """What the command is called."""
        return Path(self.program).name

    @classmethod
    def find(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """The one of this machine, whose command is not the lab's own.

        Args:
            environment: of the terminal.

        Raises:
            MachineLacks: there is no such command.
        """
        try:
            endpoint = choose_endpoint(environment)
        except EngineUnreachable:  # The command itself says what is wrong, in the words that people will see at work.
            return cls(_require_program("docker"), outside(environment))
        variables = {**outside(environment), **endpoint.variables}
        socket = EngineSocket(endpoint.socket, {}) if endpoint.socket is not None else None
        if socket is None or not socket.answers():  # Where nobody answers, the command says so, too.
            return cls(_require_program("docker"), variables)
        if socket.is_podman:
            variables |= podman.client_variables(endpoint.host)
        return cls(
            _require_program(podman.CLIENT if socket.is_podman else "docker"), variables, socket, socket.is_podman
        )

    def image_id(self, image: str) -> str:
        """The id of an image, empty if the engine has none of that name or id."""
        if self.socket is None:
            return self._shown("image", image)
        with contextlib.suppress(LabFailed):  # It is no name, or the engine has ended: the command says so.
            inspected = self.socket.image(image)
            return inspected["Id"] if inspected is not None else ""
        return ""

    def container_id(self, name: str) -> str:
        """The id of a container, empty if the engine has none of that name or id."""
        if self.socket is None:
            return self._shown("container", name)
        with contextlib.suppress(LabFailed):
            return self.socket.container_id(name) or ""
        return ""

    def _shown(self, kind: str, name: str) -> str:
        argv = [self.program, kind, "inspect", "--format", "{{.Id}}", name]
        return (first_output(argv, environment=self.environment) or "").strip()


def _require_program(name: str) -> str:
    if (program := find_program(name)) is None:
        raise MachineLacks(f"Running {name}", f"there is no {name} command on PATH", "bring it up\n  labkit up")
    return program
