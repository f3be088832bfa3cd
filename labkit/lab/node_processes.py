"""What the kernel of the node says of containers' processes, so that nothing has to run in them."""

from __future__ import annotations

from collections.abc import Mapping

from labkit.lab.cluster import Cluster

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
    if not containers:
        return {}
    result = cluster.execute(["sh", "-c", _SCRIPT, "sh", *containers.values()])
    return parse_statuses(result.stdout, {identifier: name for name, identifier in containers.items()})


def parse_statuses(text: str, names: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What the node printed, by container.

    Args:
        text: what was printed.
        names: id -> name.
    """
    statuses: dict[str, dict[str, str]] = {}
    fields: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith(_CONTAINER):
            fields = statuses.setdefault(names.get(line.removeprefix(_CONTAINER), ""), {})
            continue
        name, _, value = line.partition(":")
        fields[name] = value.strip()
    return {name: status for name, status in statuses.items() if name and status}
