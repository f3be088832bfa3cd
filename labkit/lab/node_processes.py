"""What the kernel of the node says of containers' processes, so that nothing has to run in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from labkit.core.started import PodProgram
from labkit.lab.cluster_kinds.cluster import Cluster

# containerd's own note of a container's first process (containerd/containerd:core/runtime/v2/bundle.go); the node of
# an embedded lab has no crictl. For each container's id its own line, and then the status; nothing for one that ended.
_SCRIPT = """
for id; do
    echo "container $id"
    pid=$(cat "/run/containerd/io.containerd.runtime.v2.task/k8s.io/$id/init.pid" 2>/dev/null) || continue
    cat "/proc/$pid/status" 2>/dev/null
    digest=$(sha256sum < "/proc/$pid/exe" 2>/dev/null) && echo "Program: ${digest%% *}"
done
true
"""
# The same for the programs of all its processes, whichever of them is the app: a shell or an init may have started it.
# Their cgroup has them (cgroups(7); the node has version 2, which its kubelet insists on).
_PROGRAMS_SCRIPT = """
for id; do
    echo "container $id"
    first=$(cat "/run/containerd/io.containerd.runtime.v2.task/k8s.io/$id/init.pid" 2>/dev/null) || continue
    group=$(sed -n 's/^0:://p' "/proc/$first/cgroup" 2>/dev/null)
    for pid in $(cat "/sys/fs/cgroup$group/cgroup.procs" 2>/dev/null || echo "$first"); do
        digest=$(sha256sum < "/proc/$pid/exe" 2>/dev/null) || continue
        echo "${digest%% *} $(tr '\\0' '\\n' < "/proc/$pid/cmdline" | head -n 1)"
    done
done
true
"""
_CONTAINER = "container "


def process_statuses(cluster: Cluster, containers: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The fields of /proc/PID/status (proc_pid_status(5)) of containers' first processes.

    Args:
        cluster: its node is asked.
        containers: name -> id, as the runtime calls it, without a scheme in front.

    Returns:
        Name -> fields, and as Program the sha256 of the file that it executes; nothing for a container that does not
        run.

    Raises:
        LabFailed: the node does not answer.
    """
    lines_by_container = _ask(cluster, _SCRIPT, containers)
    fields = {name: (line.partition(":") for line in lines) for name, lines in lines_by_container.items()}
    return {name: {field: value.strip() for field, _, value in parts} for name, parts in fields.items()}


def running_programs(cluster: Cluster, containers: Mapping[str, str]) -> dict[str, frozenset[PodProgram]]:
    """The programs that containers' processes run, each by its content and by what it was called by.

    Its name alone says nothing, for another program may have it; nor does its content, for one file may act as several
    programs, as busybox does.

    Args:
        cluster: its node is asked.
        containers: name -> id, as the runtime calls it, without a scheme in front.

    Returns:
        Name -> programs; nothing for a container that does not run.

    Raises:
        LabFailed: the node does not answer.
    """
    lines_by_container = _ask(cluster, _PROGRAMS_SCRIPT, containers)
    return {name: frozenset(map(_program, lines)) for name, lines in lines_by_container.items()}


def _program(line: str) -> PodProgram:
    digest, _, path = line.partition(" ")
    return PodProgram(digest, PurePosixPath(path).name)


def _ask(cluster: Cluster, script: str, containers: Mapping[str, str]) -> dict[str, list[str]]:
    if not containers:
        return {}
    result = cluster.execute(["sh", "-c", script, "sh", *containers.values()])
    return lines_of_containers(result.stdout, {identifier: name for name, identifier in containers.items()})


def lines_of_containers(text: str, names: Mapping[str, str]) -> dict[str, list[str]]:
    """What the node printed, by container; nothing for one that it printed nothing of.

    Args:
        text: what was printed.
        names: id -> name.
    """
    lines_by_container: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(_CONTAINER):
            lines = lines_by_container.setdefault(names.get(line.removeprefix(_CONTAINER), ""), [])
        elif line.strip():
            lines.append(line)
    return {name: lines for name, lines in lines_by_container.items() if name and lines}
