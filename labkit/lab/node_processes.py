"""What the kernel of the node says of containers' processes, so that nothing has to run in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import PurePosixPath

from labkit.adapters.kube import EXEC_FAILED, Kube
from labkit.base.errors import NotInAClass
from labkit.core.started import PodProcesses, PodProgram
from labkit.lab.cluster_kinds.cluster import Cluster

# containerd's own note of a container's first process (containerd/containerd:core/runtime/v2/bundle.go); the node of
# an embedded lab has no crictl. For each container's id its own line, and then the status; nothing for one that ended.
# After that the programs of all its processes, whichever of them is the app, for a shell or an init may have started
# it: their cgroup has them (cgroups(7); the node has version 2, which its kubelet insists on). Of each the digests of
# what it executes and of the .NET assembly that it was given, and the names of both.
_PROGRAMS = r"""
tab=$(printf '\t')
digest() {
    sum=$(sha256sum < "$1" 2>/dev/null) && echo "${sum%% *}"
}
programs() {
    for pid; do
        program=$(digest "/proc/$pid/exe") || continue
        arguments=$(tr '\0' '\n' < "/proc/$pid/cmdline" 2>/dev/null)
        assembly=$(printf '%s\n' "$arguments" | sed -n '2,${/\.dll$/{p;q;};}')
        case "$assembly" in
            "") content= ;;
            /*) content=$(digest "/proc/$pid/root$assembly") ;;
            *) content=$(digest "/proc/$pid/cwd/$assembly") ;;
        esac
        printf 'program %s\n' "$program$tab$content$tab${arguments%%
*}$tab$assembly"
    done
}
"""
_SCRIPT = (
    _PROGRAMS
    + r"""
for id; do
    echo "container $id"
    first=$(cat "/run/containerd/io.containerd.runtime.v2.task/k8s.io/$id/init.pid" 2>/dev/null) || continue
    cat "/proc/$first/status" 2>/dev/null || continue
    group=$(sed -n 's/^0:://p' "/proc/$first/cgroup" 2>/dev/null)
    programs $(cat "/sys/fs/cgroup$group/cgroup.procs" 2>/dev/null || echo "$first")
done
true
"""
)
_IN_CONTAINER = (
    _PROGRAMS
    + r"""
set --
for place in /proc/[0-9]*; do
    [ "${place#/proc/}" = $$ ] || set -- "$@" "${place#/proc/}"
done
cat /proc/1/status && programs "$@"
true
"""
)
"""The same, asked in the container itself, where nobody gets onto the node; this shell is none of its processes."""
_CONTAINER, _PROGRAM = "container ", "program "


def processes_on_node(cluster: Cluster, containers: Mapping[str, str]) -> dict[str, PodProcesses]:
    """The processes of containers, as the node's kernel shows them.

    Args:
        cluster: its node is asked.
        containers: name -> id, as the runtime calls it, without a scheme in front.

    Returns:
        Name -> processes; nothing for a container that does not run.

    Raises:
        LabFailed: the node does not answer.
    """
    if not containers:
        return {}
    result = cluster.execute(["sh", "-c", _SCRIPT, "sh", *containers.values()])
    lines_by_container = lines_of_containers(
        result.stdout, {identifier: name for name, identifier in containers.items()}
    )
    return {name: _processes(lines) for name, lines in lines_by_container.items()}


def processes_in_containers(
    kube: Kube, pod: str, namespace: str, containers: Collection[str]
) -> dict[str, PodProcesses]:
    """The processes of a pod's containers, as their own shells tell of them: for who may not look at the node.

    Args:
        kube: the cluster's API.
        pod: the pod's name.
        namespace: where it is.
        containers: their names.

    Returns:
        Name -> processes.

    Raises:
        NotInAClass: a container has no shell that could be asked.
    """
    processes = {}
    for name in containers:
        result = kube.execute(pod, namespace, ["sh", "-c", _IN_CONTAINER], name)
        if EXEC_FAILED in result.stderr:
            came_back = f"a class lets nobody onto the node, and the image of container {name} has no shell to ask"
            remedy = f"see as whom it runs\n  kubectl get pod {pod} -o yaml"
            raise NotInAClass(f"Looking at the processes of pod {pod}", came_back, remedy)
        processes[name] = _processes(result.stdout.splitlines())
    return processes


def _processes(lines: list[str]) -> PodProcesses:
    programs = frozenset(_program(line.removeprefix(_PROGRAM)) for line in lines if line.startswith(_PROGRAM))
    fields = (line.partition(":") for line in lines if not line.startswith(_PROGRAM))
    return PodProcesses({field: value.strip() for field, _, value in fields}, programs)


def _program(line: str) -> PodProgram:
    digest, content, path, assembly = (*line.split("\t", 3), "", "", "")[:4]
    return PodProgram(digest, PurePosixPath(path).name, PurePosixPath(assembly).name, content)


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
