"""Having a kubectl: found, or built."""

from __future__ import annotations

import re
from pathlib import Path

from labkit.adapters import go, go_programs
from labkit.adapters.program_versions import printed_version, version_in
from labkit.base.configuration import Configuration
from labkit.base.programs import find_program
from labkit.lab.machine.parsing import can_speak_to
from labkit.show.steps import Steps


def ensure_kubectl(configuration: Configuration, steps: Steps) -> str:
    """A kubectl of the cluster's version, give or take one minor version; built if there is none."""
    if (program := find_kubectl(configuration.cache)) is not None:
        return program
    return str(go.ensure(go_programs.KUBECTL, configuration.cache, steps.step) / "kubectl")


def find_kubectl(cache: Path) -> str | None:
    """A kubectl that will do: our own once it is built, else one on PATH that Kubernetes supports for the cluster."""
    if (built := go.find_built(go_programs.KUBECTL, cache)) is not None:
        return str(built / "kubectl")
    on_path = find_program("kubectl")
    version = version_in(kubectl_version(on_path) or "") if on_path else None
    cluster = version_in(go_programs.module_version(go_programs.KUBECTL.module, "k8s.io/kubernetes"))
    return on_path if version and cluster and can_speak_to(version, cluster) else None


def kubectl_version(program: str) -> str | None:
    """The version of a kubectl, None if it does not say."""
    match = re.search(r"v1\.\d+\.\d+", printed_version(program, "version", "--client"))
    return match[0] if match else None
