"""The doctor's round: read the machine, ask the engine, judge, and show it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from labkit.adapters import debian, go, go_programs
from labkit.adapters.engine import Engine, EngineUnreachable
from labkit.adapters.engine_endpoint import choose_endpoint, docker_folder
from labkit.adapters.kind import find_kind, kind_version, wanted_version
from labkit.adapters.processes import TimeoutExpired, run
from labkit.lab.cluster_kinds.node_image import NODE_PROGRAMS
from labkit.lab.lab import Lab
from labkit.lab.leftovers import find_leftovers, running_strays
from labkit.lab.machine import checks
from labkit.lab.machine.engine_daemon import can_start_engine
from labkit.lab.machine.kubectl_program import find_kubectl, kubectl_version
from labkit.lab.machine.machine_facts import Machine, read_machine
from labkit.lab.samples.sources import Source, preview
from labkit.lab.sandbox_checks import examine_sandbox
from labkit.show import counted
from labkit.show.table import Table, wrapped

_DOCKER_SECONDS = 5.0
_EMBEDDED = (*NODE_PROGRAMS, go_programs.SAMPLE_APP)


def examine(lab: Lab, *, stand_ins: bool | None = None, bundled: bool = False) -> list[checks.Check]:
    """Check all that the lab needs of this machine; changes nothing and takes under three seconds.

    Args:
        lab: for whose sake.
        stand_ins: whether the embedded default will be built here, if that is known; None to look.
        bundled: whether programs and images come from a bundle.
    """
    if lab.configuration.sandbox is not None:
        return examine_sandbox(lab, lab.configuration.sandbox)
    engine, unreachable = _connect(lab)
    info, version = (engine.info(), engine.version()) if engine else (None, None)
    read = partial(read_machine, cache=lab.configuration.cache, state=lab.configuration.state)
    machine = read(engine_folder=checks.engine_folder(info, read()))
    decision = preview(engine, lab.configuration) if engine else None
    if bundled:
        stand_ins = False
    elif stand_ins is None and decision is not None:
        stand_ins = decision.source is Source.STAND_IN
    built = engine is not None and lab.cluster().source() is not None
    image = lab.configuration.image_reference("debian")
    privileged = _try_privileged(engine, image)
    results = checks.check_engine(
        info,
        version,
        unreachable.came_back if unreachable else None,
        machine,
        image=image,
        privileged=privileged,
        remedy=unreachable.remedy if unreachable and unreachable.elsewhere else None,
    )
    results += checks.check_machine(machine, stand_ins=stand_ins, built=built)
    results += checks.check_tools(
        _kind(lab),
        _kubectl(lab),
        machine,
        kind_wanted=wanted_version(),
        kubernetes=go_programs.module_version(go_programs.KUBERNETES.module, "k8s.io/kubernetes"),
        can_build=bundled or "go" in machine.programs,
        docker=None if engine and engine.is_podman else _ask_docker(machine, unreachable),
        podman=engine is not None and engine.is_podman,
    )
    if not built:
        results += checks.check_build_tools(
            machine,
            go_wanted=_go_wanted(),
            stand_ins=stand_ins,
            kit_adds=debian.can_add_packages(),
            to_build=_to_build(lab, engine, image),
        )
    asked = decision is not None and decision.why == "asked for"
    results.append(
        checks.check_registry(decision.source if decision else None, decision.why if decision else "", asked=asked)
    )
    if engine:
        results.append(
            checks.check_leftovers([leftover.described for leftover in find_leftovers(lab)], running_strays(lab))
        )
    else:
        results.append(checks.check_leftovers(None))
    by_kit = _done_by_up(unreachable)
    return [replace(check, by_kit=check.status == "problem" and check.name in by_kit) for check in results]


def _done_by_up(unreachable: EngineUnreachable | None) -> set[str]:
    """The checks whose problems `labkit up` solves by itself, as `ensure_engine` does."""
    adds = debian.can_add_packages()
    names = {"docker command"} if adds else set()
    if unreachable and not unreachable.elsewhere and (adds or can_start_engine()):
        names.add("engine")
    return names


def _to_build(lab: Lab, engine: Engine | None, debian_image: str) -> set[str]:
    """What of the embedded default is not built yet."""
    missing = [program for program in _EMBEDDED if go.find_built(program, lab.configuration.cache) is None]
    to_build = {"programs"} if missing else set()
    if go_programs.RUNC in missing:
        to_build.add("runc")
    if engine is None or engine.image(debian_image) is None:
        to_build.add("root file system")
    return to_build


def doctor_table(results: Sequence[checks.Check], with_ok: bool = True) -> Table:
    """The findings with their remedies; the status word says what is wrong.

    Args:
        results: all findings; the note counts them.
        with_ok: whether findings that are ok have rows, too.
    """
    problems = sum(check.status == "problem" for check in results)
    warnings = sum(check.status == "warning" for check in results)
    note = f"{counted(len(results), 'check')}: {counted(problems, 'problem')}, {counted(warnings, 'warning')}"
    shown = [check for check in results if check.status != "ok"]
    fine = [check for check in results if check.status == "ok"] if with_ok else []
    fold = f"{counted(len(fine), 'check')} without a finding"
    headers = checks.HEADERS if shown or fine else ()
    return Table("", headers, checks.rows(shown), note, folded=checks.rows(fine), fold=fold)


_STATUS_WIDTH = 14


def doctor_report(results: Sequence[checks.Check], room: int | None = None) -> str:
    """The findings for a terminal, remedies below those that need one.

    Args:
        results: all findings.
        room: the width of the terminal, into which sentences are wrapped and commands, which are pasted, are not; None
            for as wide as they are.
    """
    width = room and room - _STATUS_WIDTH
    lines = []
    for check in results:
        first, *others = wrapped(f"{check.name}: {check.finding}", width).splitlines()
        lines.append(f"{check.status:<{_STATUS_WIDTH}}{first}")
        lines += [" " * _STATUS_WIDTH + line for line in [*others, *wrapped(check.remedy or "", width).splitlines()]]
    return "\n".join([*lines, doctor_table(results).note])


def _connect(lab: Lab) -> tuple[Engine | None, EngineUnreachable | None]:
    try:
        return lab.engine(), None
    except EngineUnreachable as error:
        return None, error


def _ask_docker(machine: Machine, unreachable: EngineUnreachable | None) -> checks.DockerCommand | None:
    """Whether the docker command, which kind runs, reaches the engine.

    It is not asked where this machine's own engine is missing or stopped, which has a check of its own.
    """
    program = machine.programs.get("docker")
    if program is None or (unreachable and not unreachable.elsewhere):
        return None
    settings = docker_folder() / "config.json"
    try:
        completed = run([program, "version", "--format", "{{.Server.Version}}"], deadline=_DOCKER_SECONDS)
    except (OSError, TimeoutExpired) as error:
        return checks.DockerCommand(settings, str(error))
    if completed.returncode:
        lines = completed.stderr.strip().splitlines() or ["it gave no reason"]
        return checks.DockerCommand(settings, lines[-1], remedy=unreachable.remedy if unreachable else "")
    return checks.DockerCommand(settings, unread=" ".join(choose_endpoint().notes))


def _try_privileged(engine: Engine | None, image: str) -> str | None:
    if engine is None or engine.image(image) is None:
        return None
    result = engine.run(image, ["true"], options={"privileged": True})
    return "" if result.exit_status == 0 else result.message or result.output


def _kind(lab: Lab) -> checks.Tool | None:
    path = find_kind(lab.configuration.cache)
    return checks.Tool(path, kind_version(path), _origin(lab, path)) if path else None


def _kubectl(lab: Lab) -> checks.Tool | None:
    path = find_kubectl(lab.configuration.cache)
    return checks.Tool(path, kubectl_version(path), _origin(lab, path)) if path else None


def _origin(lab: Lab, path: str) -> str:
    return "built by the kit" if path.startswith(str(lab.configuration.cache)) else "PATH"


def _go_wanted() -> str:
    text = (go_programs.KUBERNETES.module / "go.mod").read_text(encoding="utf-8")
    match = re.search(r"^go (\S+)", text, re.MULTILINE)
    return match[1] if match else "1.26"
