"""What a participant's lab in a class needs: the namespace, an engine or what is known without, room for their work."""

from __future__ import annotations

import shutil

from labkit.adapters.engine import EngineUnreachable
from labkit.base.configuration import Sandbox
from labkit.base.errors import LabError
from labkit.lab.cluster_kinds.cluster import State
from labkit.lab.lab import Lab
from labkit.lab.machine.kubectl_program import find_kubectl
from labkit.lab.machine.machine_check import Check

_INSTRUCTOR = "tell your instructor"
_LEAST_MIB = 50


def examine_sandbox(lab: Lab, sandbox: Sandbox) -> list[Check]:
    """Check it; nothing changes.

    Args:
        lab: the participant's.
        sandbox: what the class gives.
    """
    return [_cluster(lab, sandbox), _engine(lab, sandbox), _kubectl(lab), _room(lab)]


def _cluster(lab: Lab, sandbox: Sandbox) -> Check:
    if lab.cluster().look() is State.UP:
        return Check("cluster", "ok", f"your pods live in namespace {sandbox.namespace}, and nowhere else")
    problem = f"the API server does not answer, or not for namespace {sandbox.namespace}"
    return Check("cluster", "problem", problem, f"try again in a minute; if it stays so, {_INSTRUCTOR}")


def _engine(lab: Lab, sandbox: Sandbox) -> Check:
    if not sandbox.has_engine:
        finding = "none in this class: cells that need it show what a lab has recorded, with the date"
        return Check("engine", "ok", finding)
    try:
        engine = lab.engine()
    except EngineUnreachable as error:
        return Check("engine", "problem", error.came_back, f"stop and start your server; if it stays so, {_INSTRUCTOR}")
    return Check("engine", "ok", f"{engine.name} {engine.version().get('Version', '')}, in your own pod")


def _kubectl(lab: Lab) -> Check:
    program = find_kubectl(lab.configuration.cache)
    if program is None:
        return Check("kubectl", "problem", "it is not there", _INSTRUCTOR)
    return Check("kubectl", "ok", program)


def _room(lab: Lab) -> Check:
    folder = lab.configuration.data
    folder = next(place for place in (folder, *folder.parents) if place.is_dir())
    try:
        free = shutil.disk_usage(folder).free >> 20
    except (OSError, LabError) as error:
        return Check("your folder", "problem", f"{folder}: {error}", _INSTRUCTOR)
    if free < _LEAST_MIB:
        return Check("your folder", "problem", f"{free} MiB are free", "remove what you do not need in it")
    return Check("your folder", "ok", f"{free} MiB are free")
