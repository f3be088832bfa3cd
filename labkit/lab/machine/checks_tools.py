"""PURE. The programs that the kit runs or builds with, where images come from, and what was left behind: judged."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from labkit.adapters.program_versions import minor_of, version_in
from labkit.lab.machine import remedies
from labkit.lab.machine.machine_check import Check, Status, not_checked, ok, problem, warning
from labkit.lab.machine.machine_facts import Machine
from labkit.lab.machine.parsing import can_speak_to

_SHOWN_LEFTOVERS = 5
_BUILT = "not there, and not needed: what it builds is there"


@dataclass(frozen=True)
class Tool:
    """A program that was found.

    Args:
        path: where it lies.
        version: what it says of itself, None if it said nothing that could be read.
        source: where it comes from, such as `PATH` or `built by the kit`.
    """

    path: str
    version: str | None
    source: str


@dataclass(frozen=True)
class DockerCommand:
    """What came of asking the docker command for the engine.

    Args:
        settings: its settings file.
        problem: what it printed when it failed; empty if it answered.
        unread: why it skips its settings file; empty if it does not.
        remedy: what to do about the problem, if that is known.
    """

    settings: Path
    problem: str = ""
    unread: str = ""
    remedy: str = ""


def check_tools(
    kind: Tool | None,
    kubectl: Tool | None,
    machine: Machine,
    *,
    kind_wanted: str,
    kubernetes: str,
    can_build: bool,
    docker: DockerCommand | None = None,
    podman: bool = False,
) -> list[Check]:
    """Judge the programs for the cluster.

    Args:
        kind: the kind that the kit will run, None if it found none.
        kubectl: the kubectl that a person gets by typing its name, None if it does not exist.
        machine: this machine.
        kind_wanted: the version that the kit is tested with; another minor must not be older.
        kubernetes: the version of the cluster.
        can_build: whether the kit can build either.
        docker: what came of asking the docker command for the engine, None if it was not asked.
        podman: whether the engine is podman, whose own command takes docker's place.
    """
    return [
        _podman_command(machine) if podman else _docker_command(machine, docker),
        _kind(kind, machine, kind_wanted, can_build),
        _kubectl(kubectl, machine, kubernetes, can_build),
    ]


def _docker_command(machine: Machine, docker: DockerCommand | None) -> Check:
    """kind runs it, and the kit streams images through it; an engine may be there without it."""
    name = "docker command"
    where = machine.programs.get("docker")
    if where is None:
        return problem(name, "not found", remedies.install_docker_command(machine))
    if docker is not None and docker.problem:
        return problem(
            name,
            f"{where} does not reach the engine: {docker.problem}",
            docker.remedy or "see what blocks it, and where it looks\n  docker version\n  docker context ls",
        )
    if docker is not None and docker.unread:
        file = shlex.quote(str(docker.settings))
        return warning(name, f"{where}; {docker.unread}", f"fix that file, or move it away\n  mv {file} {file}.broken")
    return ok(name, where)


def _podman_command(machine: Machine) -> Check:
    """As the docker command; it is told where the engine is."""
    where = machine.programs.get("podman")
    if where is None:
        return problem("podman command", "not found", remedies.install_podman_command(machine))
    return ok("podman command", where)


def _kind(kind: Tool | None, machine: Machine, wanted: str, can_build: bool) -> Check:
    if kind is None and can_build:
        return ok("kind", f"not there yet: the kit builds {wanted}")
    remedy = _install_kind(machine, wanted)
    if kind is None:
        return problem("kind", "not found, and it cannot be built here", remedy)
    shown = f"{kind.version or 'of unknown version'} ({kind.source}: {kind.path})"
    has, least = version_in(kind.version or ""), version_in(wanted)
    if has is None or least is None:
        return not_checked("kind", shown, f"see what it says\n  {kind.path} version")
    if has >= minor_of(least):
        return ok("kind", shown)
    return problem("kind", f"{shown}; {minor_of(least)} or later is needed for the cluster's version", remedy)


def _install_kind(machine: Machine, wanted: str) -> str:
    if machine.system == "Darwin":
        return "install it\n  brew install kind"
    return f'install it with Go\n  go install sigs.k8s.io/kind@{wanted}\n  export PATH="$(go env GOPATH)/bin:$PATH"'


def _kubectl(kubectl: Tool | None, machine: Machine, kubernetes: str, can_build: bool) -> Check:
    """The kit itself speaks to the API; this is about the lines that a person types."""
    cluster = version_in(kubernetes)
    minor = minor_of(cluster) if cluster else "the cluster's version"
    remedy = f"install one of {minor}, or one minor off\n" + (
        "  brew install kubernetes-cli\n  brew link --overwrite kubernetes-cli"
        if machine.system == "Darwin"
        else "  conda install -c conda-forge kubernetes-client"
    )
    if kubectl is None and can_build:
        return ok("kubectl", f"not there yet: the kit builds {kubernetes}")
    if kubectl is None:
        return warning("kubectl", "not found: the lab works, but what the notebooks show cannot be typed", remedy)
    shown = f"{kubectl.version or 'of unknown version'} ({kubectl.source}: {kubectl.path})"
    has = version_in(kubectl.version or "")
    if has is None or cluster is None:
        return not_checked("kubectl", shown, f"see what it says\n  {kubectl.path} version --client")
    if can_speak_to(has, cluster):
        return ok("kubectl", shown)
    return warning("kubectl", f"{shown}; the cluster is {kubernetes}, more than one minor away", remedy)


ALL_TO_BUILD = frozenset(("programs", "runc", "root file system"))
"""What the embedded default is built from: programs, of which runc alone is C, and Debian's files."""


def check_build_tools(
    machine: Machine,
    *,
    go_wanted: str,
    stand_ins: bool | None = None,
    kit_adds: bool = False,
    to_build: Collection[str] = ALL_TO_BUILD,
) -> list[Check]:
    """Judge what building the embedded default takes.

    Args:
        machine: this machine.
        go_wanted: the Go version that the kit's modules ask for.
        stand_ins: whether the embedded default has to be built here; None if that is not decided yet.
        kit_adds: whether the kit may add packages here by itself (`debian.can_add_packages`).
        to_build: what is not built yet, of `ALL_TO_BUILD`.
    """
    if not machine.is_linux:
        return [_not_here(stand_ins)]
    lacking: Status = "problem" if stand_ins else "warning"
    is_go_missing = "go" not in machine.programs and "programs" not in to_build
    checks = [ok("Go toolchain", _BUILT)] if is_go_missing else [_go(machine, go_wanted, stand_ins, lacking)]
    for name, need, there, builds in (
        ("mmdebstrap", "mmdebstrap", "mmdebstrap" in machine.programs, "root file system"),
        ("C compiler", "gcc", "gcc" in machine.programs, "runc"),
        ("pkg-config", "pkg-config", "pkg-config" in machine.programs, "runc"),
        ("libseccomp's headers", "seccomp.h", machine.seccomp_headers, "runc"),
    ):
        if there:
            checks.append(ok(name, machine.programs.get(need, "there")))
        elif stand_ins is False:
            checks.append(ok(name, "not there, and not needed: images can be pulled"))
        elif builds not in to_build:
            checks.append(ok(name, _BUILT))
        elif kit_adds:
            checks.append(ok(name, "not there yet: the kit adds it"))
        else:
            finding = "not there: the embedded default cannot be built without it"
            checks.append(Check(name, lacking, finding, remedies.install(machine, need)))
    return checks


def _not_here(stand_ins: bool | None) -> Check:
    name = "embedded default"
    if stand_ins is False:
        return ok(name, "not needed: images can be pulled")
    status: Status = "problem" if stand_ins else "warning"
    return Check(
        name,
        status,
        "can only be built on Linux: the lab's images have to be pulled or loaded here",
        "connect to a network with a registry, or name a mirror of one\n  LABKIT_REGISTRY=HOST:PORT labkit up",
    )


def _go(machine: Machine, wanted: str, stand_ins: bool | None, lacking: Status) -> Check:
    name = "Go toolchain"
    where = machine.programs.get("go")
    if where is None:
        if stand_ins is False:
            return ok(name, "not there, and not needed: images can be pulled")
        finding = "not there: the embedded default cannot be built without it"
        return Check(name, lacking, finding, remedies.install_go(machine, wanted))
    has, least = version_in(machine.go_version or ""), version_in(wanted)
    if has is None or least is None:
        return not_checked(name, f"{where}, of unknown version", f"see what it says\n  {where} version")
    shown = f"{machine.go_version} ({where})"
    if has >= least or stand_ins is False:
        return ok(name, shown)
    return Check(name, lacking, f"{shown}; {wanted} or later is needed", remedies.install_go(machine, wanted))


def check_registry(source: str | None, why: str, *, asked: bool = False) -> Check:
    """Judge where images come from.

    Args:
        source: `upstream` or `stand-in`, as decided; None if nobody looked yet.
        why: in words.
        asked: whether a person asked for that source.
    """
    name = "registry"
    if source is None:
        return not_checked(name, "not looked up yet", "bring the lab up: it looks then\n  labkit up")
    if source == "upstream":
        return ok(name, f"the images are the upstream ones ({why})")
    if asked:
        return ok(name, f"not needed: stand-ins are used ({why})")
    return warning(
        name,
        f"not reachable ({why}): stand-ins are used",
        "nothing has to be done; for the upstream images connect to a network with a registry, or name a mirror\n"
        "  LABKIT_REGISTRY=HOST:PORT labkit up",
    )


def check_leftovers(leftovers: Sequence[str] | None, running: Sequence[str] = ()) -> Check:
    """Judge what carries the lab's label, or was made for it, and is of no use any more.

    Args:
        leftovers: each in words, with where it comes from; None if nobody could look.
        running: names of containers that run, and that no part of the lab has started.
    """
    name = "left behind"
    if leftovers is None:
        return not_checked(name, "no engine answers", "start the engine first, then\n  labkit doctor")
    remedies_of_both = []
    if leftovers:
        remedies_of_both.append("remove just these\n  labkit clean --leftovers")
    if running:
        remedies_of_both.append(f"remove what you no longer use\n  docker rm --force --volumes {' '.join(running)}")
    if not remedies_of_both:
        return ok(name, "nothing")
    shown = [*leftovers[:_SHOWN_LEFTOVERS], *(f"container {container}, which runs" for container in running)]
    more = f" and {len(leftovers) - _SHOWN_LEFTOVERS} more" if len(leftovers) > _SHOWN_LEFTOVERS else ""
    return warning(name, ", ".join(shown) + more, "\n".join(remedies_of_both))
