"""The facts of a machine that the cards are compared with; what cannot be read is not known, and nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from labkit.base.errors import LabError
from labkit.threat.cves import MachineVersions

if TYPE_CHECKING:
    from labkit.adapters.engine import Engine, EngineComponent, EngineVersion
    from labkit.lab.cluster_kinds.cluster import Cluster

_Answer = TypeVar("_Answer")

_NAMESPACES = "/proc/sys/user/max_user_namespaces"
_PLAIN = re.compile(r"v?\d+(?:\.\d+)+", re.ASCII)
# "runc version 1.2.5", then "commit: v1.2.5-0-g59923ef1" (opencontainers/runc:main.go)
_RUNC = re.compile(r"^runc version (\S+)$(?:\n^commit: (\S*)$)?", re.MULTILINE)
# "containerd github.com/containerd/containerd/v2 v2.1.3 c787fb98..." (containerd:cmd/containerd/command/main.go)
_CONTAINERD = re.compile(r"^containerd \S+ (\S+)[ \t]*(\S*)[ \t]*$", re.MULTILINE)


def look_at_machine(engine: Engine, cluster: Cluster) -> MachineVersions:
    """Look at the engine, its machine and the node.

    Args:
        engine: answers for itself and its machine.
        cluster: runs three commands on its node that only read; it need not be there, or running.

    Returns:
        What could be read; the rest is None.
    """
    info = _if_it_answers(engine.info) or {}
    version = _if_it_answers(engine.version) or {}
    count = _printed(cluster, ["cat", _NAMESPACES]).strip()
    return MachineVersions(
        kernel=_version(info.get("KernelVersion")),
        cgroup_version=_cgroup_version(info.get("CgroupVersion")),
        engine_runc=_component(version, "runc"),
        engine_containerd=_component(version, "containerd"),
        node_runc=_printed_version(_RUNC, _printed(cluster, ["runc", "--version"])),
        node_containerd=_printed_version(_CONTAINERD, _printed(cluster, ["containerd", "--version"])),
        max_user_namespaces=int(count) if count.isascii() and count.isdecimal() else None,
    )


def _if_it_answers(ask: Callable[[], _Answer]) -> _Answer | None:
    try:
        return ask()
    except LabError:
        return None


def _printed(cluster: Cluster, command: Sequence[str]) -> str:
    """What a command printed on the node; nothing if it failed there or could not be run."""
    result = _if_it_answers(lambda: cluster.execute(command))
    return result.stdout if result is not None and result.exit_status == 0 else ""


def _cgroup_version(value: object) -> int | None:
    return int(value) if isinstance(value, str) and value in ("1", "2") else None


def _component(version: EngineVersion, name: str) -> str | None:
    components = version.get("Components") or ()
    nothing: EngineComponent = {}
    component = next((part for part in components if part.get("Name") == name), nothing)
    return _full(component.get("Version"), str((component.get("Details") or {}).get("GitCommit") or ""))


def _printed_version(pattern: re.Pattern[str], output: str) -> str | None:
    match = pattern.search(output)
    return _full(match[1], match[2] or "") if match else None


def _full(version: object, commit: str) -> str | None:
    """A version with all that shows whose build it is.

    Debian names its package where others name a commit: 1.1.5+ds1 is 1.1.5+ds1-1+deb12u1. Ubuntu's containerd is a
    plain 1.7.12 and names no commit, which a project's own release does; so the version says that none is named.
    """
    text = _version(version)
    if text is None:
        return None
    if commit.startswith(text):
        return commit
    return f"{text} (no commit named)" if not commit and _PLAIN.fullmatch(text) else text


def _version(value: object) -> str | None:
    """A text that begins with a version; the engine answers N/A or <unknown> where it could not find out."""
    return value if isinstance(value, str) and _PLAIN.match(value) else None
