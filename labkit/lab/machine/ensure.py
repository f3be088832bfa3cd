"""Having an engine, kind and kubectl: found, started or added, in this order."""

from __future__ import annotations

import re
from pathlib import Path

from labkit.adapters import debian, go
from labkit.adapters.engine import Engine, EngineUnreachable
from labkit.adapters.kind import find_kind
from labkit.adapters.processes import first_output
from labkit.adapters.program_versions import version_in
from labkit.base.configuration import Configuration
from labkit.base.errors import MachineLacks
from labkit.base.programs import find_program
from labkit.lab.machine import engine_daemon, remedies
from labkit.lab.machine.checks_engine import podman_problem
from labkit.lab.machine.machine_facts import read_machine
from labkit.lab.machine.parsing import can_speak_to
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
    return str(go.ensure(go.KIND, configuration.cache, steps.step) / "kind")


def ensure_kubectl(configuration: Configuration, steps: Steps) -> str:
    """A kubectl of the cluster's version, give or take one minor version; built if there is none."""
    if (program := find_kubectl(configuration.cache)) is not None:
        return program
    return str(go.ensure(go.KUBECTL, configuration.cache, steps.step) / "kubectl")


def find_kubectl(cache: Path) -> str | None:
    """A kubectl that will do: our own once it is built, else one on PATH that Kubernetes supports for the cluster."""
    if (built := go.find_built(go.KUBECTL, cache)) is not None:
        return str(built / "kubectl")
    on_path = find_program("kubectl")
    version = version_in(kubectl_version(on_path) or "") if on_path else None
    cluster = version_in(go.module_version(go.KUBECTL.module, "k8s.io/kubernetes"))
    return on_path if version and cluster and can_speak_to(version, cluster) else None


def kubectl_version(program: str) -> str | None:
    """The version of a kubectl, None if it does not say."""
    match = re.search(r"v1\.\d+\.\d+", first_output([program, "version", "--client"]) or "")
    return match[0] if match else None
