"""Having an engine and kind: found, started or added, in this order."""

from __future__ import annotations

from pathlib import Path

from labkit.adapters import debian, go, go_programs
from labkit.adapters.engine import Engine, EngineUnreachable
from labkit.adapters.kind import find_kind
from labkit.base.configuration import Configuration
from labkit.base.errors import MachineLacks
from labkit.base.programs import find_program
from labkit.lab.machine import engine_daemon, remedies
from labkit.lab.machine.checks_engine import podman_problem
from labkit.lab.machine.machine_facts import read_machine
from labkit.show.steps import Steps


def ensure_engine(configuration: Configuration, steps: Steps, packages: Path | None = None) -> Engine:
    """Connect to the engine; on a Debian machine as root, install and start it first if need be.

    Args:
        configuration: of the lab.
        steps: told what is going on.
        packages: a folder with the files of Debian's packages; None to fetch them.

    Raises:
        EngineUnreachable: there is none and we may not add one; the remedy says what to do.
    """
    try:
        return _with_client(Engine.connect(configuration), steps, packages)
    except EngineUnreachable as error:
        if error.elsewhere or not (debian.can_add_packages() or engine_daemon.can_start_engine()):
            raise
    if lacks_engine():
        with steps.step("the engine's packages"):
            debian.add_programs(*debian.ENGINE_PROGRAMS, files=packages)
    with steps.step("the engine, started"):
        engine_daemon.start_engine(lambda: _answers(configuration))
    return Engine.connect(configuration)


def lacks_engine() -> bool:
    """Whether the kit would add programs of the engine here."""
    return debian.can_add_packages() and any(find_program(program) is None for program in debian.ENGINE_PROGRAMS)


def _with_client(engine: Engine, steps: Steps, packages: Path | None) -> Engine:
    """kind and the loading of images need the docker command, or podman's, beside a reachable engine."""
    if engine.is_podman:
        _require_podman(engine)
    elif find_program("docker") is None:
        with steps.step("the docker command"):
            debian.add_programs("docker", files=packages)
    return engine


def _require_podman(engine: Engine) -> None:
    """See that it is one that the lab takes, and that its command is there.

    Raises:
        MachineLacks: it is not.
    """
    machine = read_machine()
    if (too_old := podman_problem(engine.info(), engine.version(), machine)) is not None:
        raise too_old.error()
    if find_program(engine.client) is None:
        remedy = remedies.install_podman_command(machine)
        raise MachineLacks("Looking for podman's command", "not on this machine, though podman answers", remedy)


def _answers(configuration: Configuration) -> bool:
    try:
        Engine.connect(configuration)
    except EngineUnreachable:
        return False
    return True


def ensure_kind(configuration: Configuration, steps: Steps) -> str:
    """A kind program that will do; built from the pinned module if there is none."""
    if (program := find_kind(configuration.cache)) is not None:
        return program
    return str(go.ensure(go_programs.KIND, configuration.cache, steps.step) / "kind")
