"""The vulnerable app in a container, and an attacker in another who sends it commands through its hole."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from labkit.base.waiting import wait_until
from labkit.core.run_results import RunResult
from labkit.threat.evidence import Tried, judged, read_output
from labkit.threat.postures import ENGINE, VULNERABLE, Posture
from labkit.threat.probed_images import PROGRAM, probed_reference
from labkit.threat.probes import find_probe
from labkit.threat.surroundings import (
    NEIGHBOUR,
    NEIGHBOUR_IMAGE,
    NEIGHBOUR_UID,
    SHARED_GID,
    app_program,
    environment,
)

if TYPE_CHECKING:
    from labkit.adapters.engine import Engine
    from labkit.base.configuration import Configuration

_PAGE = "http://{}:8080/run"
_READY_SECONDS = 15.0
_SHORT = 12  # digits of an id, as the docker command shows it


class Victim:
    """The vulnerable app, running; only other containers can reach it.

    Args:
        engine: runs both containers.
        posture: of the app.
        app: the app's container.
        attacker: the container that sends it commands.
    """

    def __init__(self, engine: Engine, posture: Posture, app: str, attacker: str) -> None:
        self.posture = posture
        self._engine, self._app, self._attacker = engine, app, attacker
        # Where containers have no network but their loopback, the two share one.
        self._page = _PAGE.format(engine.address(app) or "localhost")

    @classmethod
    def start(cls, engine: Engine, configuration: Configuration, name: str, labels: Mapping[str, str]) -> Victim:
        """Start the app and the attacker, and wait until the app answers.

        Args:
            engine: runs them.
            configuration: names them.
            name: of the app's posture, "rce-root" or "rce-app".
            labels: by which the containers are found and removed, besides the kit's own.

        Raises:
            LabFailed: it does not start; what was started is found by its labels.
        """
        posture = VULNERABLE[name]
        program = app_program(engine.image(configuration.image_reference(posture.image)))
        attacker_image = probed_reference(configuration, NEIGHBOUR_IMAGE)
        attacker = engine.launch(attacker_image, [NEIGHBOUR], user=str(NEIGHBOUR_UID), labels=labels)
        options = {"group_add": [str(SHARED_GID)], "pid_mode": f"container:{attacker}"}
        if not engine.address(attacker):
            options["network_mode"] = f"container:{attacker}"
        app = engine.launch(
            probed_reference(configuration, posture.image),
            [],
            entrypoint=[program],
            user=posture.user,
            environment=environment("", program),
            options=options,
            labels=labels,
        )
        victim = cls(engine, posture, app, attacker)
        victim._wait()
        return victim

    def _wait(self) -> None:
        wait_until(
            "the vulnerable app",
            lambda: self.send("true"),
            seconds=_READY_SECONDS,
            remedy="start it again",
            is_there=lambda response: response.exit_status == 0,
            describe=lambda response: response.output,
        )

    def __repr__(self) -> str:
        return f"{self.posture.title}: it listens; its port is not published"

    def send(self, command: str) -> RunResult:
        """Post a command to the app's page, from the attacker's container.

        Args:
            command: what the app hands to its shell.

        Returns:
            What came back, as the attacker reads it.
        """
        argv = [PROGRAM, "send", self._page, command]
        result = self._engine.execute(self._attacker, argv)
        line = shlex.join(["docker", "exec", self._attacker[:_SHORT], *argv])
        return RunResult.of(line, result, result.exit_status)

    def probe(self, *probes: str) -> Tried:
        """Try probes through the hole, in the app's own place.

        Args:
            probes: their names.

        Raises:
            Misuse: there is no such probe.
        """
        wanted = [find_probe(name).name for name in probes]
        result = self.send(shlex.join([PROGRAM, "run", *wanted]))
        cells = judged(self.posture.name, ENGINE, read_output(result.stdout), wanted, "the page gave none", {})
        return Tried(result.command, cells)

    def close(self) -> None:
        """Remove app and attacker."""
        self._engine.remove_container(self._app)
        self._engine.remove_container(self._attacker)
