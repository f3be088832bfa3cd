"""Faults of the cluster's node, which is a container that anybody can stop."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.faults.fault import Needs, fault
from tests.faults.lab_bench import LabBench, fill

_KEPT = "images, cluster, progress, other people's things"
_MADE_ANEW = "images, progress, other people's things; the cluster is made anew"


@fault("node", "node stopped", made="docker stop", sentence="it is stopped", kept=_KEPT, needs=Needs.LAB)
def _stopped(bench: LabBench) -> None:
    bench.run("docker", "stop", bench.node)
    bench.labkit("reset", status=1)


@fault("node", "node killed", made="docker kill", sentence="it is stopped", kept=_KEPT, needs=Needs.LAB)
def _killed(bench: LabBench) -> None:
    bench.run("docker", "kill", bench.node)
    bench.labkit("reset", status=1)


@fault(
    "node",
    "node removed",
    made="docker rm --force",
    sentence="labkit up",
    kept=_MADE_ANEW,
    needs=Needs.LAB,
    long=True,
)
def _removed(bench: LabBench) -> None:
    bench.run("docker", "rm", "--force", bench.node)
    bench.labkit("reset", status=(0, 1))
    bench.run_lesson("lab.pod('debian')", check=False)


@fault("node", "node paused", made="docker pause", sentence="labkit up", kept=_KEPT, needs=Needs.LAB)
def _paused(bench: LabBench) -> None:
    bench.run("docker", "pause", bench.node)
    bench.labkit("reset", status=1)


@fault(
    "node",
    "node killed while kubeadm runs",
    made="docker rm, labkit up, and docker kill as soon as kubeadm has begun",
    sentence="labkit up",
    kept=_MADE_ANEW,
    needs=Needs.LAB,
    long=True,
)
def _killed_in_kubeadm(bench: LabBench) -> None:
    bench.run("docker", "rm", "--force", bench.node)
    up = bench.start("up")
    bench.wait(
        lambda: not bench.in_node("test -d /etc/kubernetes/manifests && echo begun", check=False).find("begun"),
        "kubeadm",
    )
    bench.run("docker", "kill", bench.node)
    assert bench.finish(up, "up").status == 1


@fault(
    "node",
    "its address changes",
    made="another container takes it while the node is stopped",
    kept=_KEPT,
    needs=Needs.LAB,
)
def _address(bench: LabBench) -> None:
    before = _address_of(bench)
    bench.run("docker", "stop", bench.node)
    # Another container is in the way, as when somebody else's is started first in the morning.
    bench.run("docker", "network", "disconnect", "kind", bench.node)
    image = f"localhost/{bench.name}/debian:lab"
    for number in range(2):
        name = f"squatter-{number}"
        bench.run("docker", "run", "--detach", "--name", name, "--network", "kind", image, "sleep", "600")
        bench.last.callback(bench.run, "docker", "rm", "--force", name)
    bench.run("docker", "network", "connect", "kind", bench.node)

    def require_another() -> None:
        assert _address_of(bench) != before

    bench.last.callback(require_another)


def _address_of(bench: LabBench) -> str:
    template = "{{.NetworkSettings.Networks.kind.IPAddress}}"
    return bench.run("docker", "inspect", "--format", template, bench.node).strip()


@fault(
    "node",
    "it is out of memory",
    made="a limit of 2 MB above what it uses, and programs that take more",
    kept=_KEPT,
    needs=Needs.LAB,
)
def _no_memory(bench: LabBench) -> None:
    bench.undo.callback(_limit_memory, bench, 64 << 30)
    usage = "cat /sys/fs/cgroup/memory/memory.usage_in_bytes 2> /dev/null || cat /sys/fs/cgroup/memory.current"
    # The kernel takes no limit below what is used, and what is used changes.
    bench.wait(lambda: _limit_memory(bench, int(bench.in_node(usage)) + (2 << 20)), "the limit")
    # Each is ended by the kernel, which may choose others, too.
    for _ in range(3):
        bench.in_node("tail /dev/zero", check=False)
    bench.labkit("status", status=0)
    bench.labkit("reset", status=(0, 1))
    bench.run_lesson("print(lab.pod('debian', command=['id']))", check=False)


def _limit_memory(bench: LabBench, limit: int) -> bool:
    argv = ["docker", "update", "--memory", str(limit), "--memory-swap", str(limit), bench.node]
    return "Cannot update" not in bench.run(*argv, check=False)


@fault(
    "node",
    "its disk is full",
    made="a file in the node that takes the last byte",
    sentence="(?i)no space left|disk is full",
    kept=_KEPT,
    needs=Needs.LAB,
)
def _full(bench: LabBench) -> None:
    # The node's /var is a volume, which lies on the engine's disk.
    template = '{{range .Mounts}}{{if eq .Destination "/var"}}{{.Source}}{{end}}{{end}}'
    fill(bench, Path(bench.run("docker", "inspect", "--format", template, bench.node).strip()) / "lib")
    bench.labkit("reset", status=(0, 1))
    bench.run_lesson("print(lab.run('debian', ['id']))\nprint(lab.pod('debian', command=['id']))", check=False)


@fault("node", "its kubelet is killed", made="SIGKILL in the node", kept=_KEPT, needs=Needs.LAB)
def _kubelet(bench: LabBench) -> None:
    bench.in_node("kill -KILL $(pgrep -x kubelet || pidof kubelet)")


@fault("node", "its containerd is killed in the node", made="SIGKILL in the node", kept=_KEPT, needs=Needs.LAB)
def _containerd(bench: LabBench) -> None:
    bench.in_node("kill -KILL $(pgrep -x containerd || pidof containerd)")


@fault("node", "its kubeconfig is lost", made="rm of the kit's", kept=_KEPT, needs=Needs.LAB)
def _no_kubeconfig(bench: LabBench) -> None:
    (bench.state / "kubeconfig").unlink()
    bench.labkit("reset", status=(0, 1))


@fault(
    "node",
    "its kubeconfig is damaged",
    made="empty, NUL, YAML of another type, half of it, another cluster's",
    kept=_KEPT,
    needs=Needs.LAB,
)
def _damaged_kubeconfig(bench: LabBench) -> None:
    file = bench.state / "kubeconfig"
    whole = file.read_text(encoding="utf-8")
    foreign = whole.replace("127.0.0.1:", "127.0.0.2:")
    for content in ("", "\0" * 100, "[1, 2]", "clusters: 7", "{", whole[: len(whole) // 2], foreign):
        file.write_text(content, encoding="utf-8")
        bench.labkit("reset", status=(0, 1))
        bench.labkit("status", status=0)


@fault(
    "node",
    "its mark is removed",
    made="kubectl label node labkit.lab-",
    kept=_MADE_ANEW,
    needs=Needs.LAB,
    seconds=40,
    long=True,
)
def _mark(bench: LabBench) -> None:
    bench.labkit("kubectl", "label", "node", bench.node, "labkit.lab-", status=0)


@fault(
    "node",
    "up is frozen while it makes the cluster",
    made="SIGSTOP for some seconds, as when a laptop sleeps",
    kept=_MADE_ANEW,
    needs=Needs.LAB,
    recovery=("up",),
    long=True,
)
def _asleep(bench: LabBench) -> None:
    bench.run("docker", "rm", "--force", bench.node)
    up = bench.start("up")
    bench.wait(lambda: "begun" in bench.in_node("test -d /etc/kubernetes && echo begun", check=False), "the node")
    os.killpg(up.pid, signal.SIGSTOP)
    time.sleep(5)  # It sleeps: that is the fault.
    os.killpg(up.pid, signal.SIGCONT)
    assert bench.finish(up, "up").status == 0
