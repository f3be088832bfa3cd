"""More pods on the node of the lab's own cluster: a kubelet takes 110, and a played participant needs two."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.base.waiting import wait_until
from labkit.lab.classroom.class_placement import kind_nodes
from labkit.lab.lab import Lab

_SETTINGS = "/var/lib/kubelet/config.yaml"
_KUBELETS_OWN = 110
_READY_SECONDS = 120.0


@contextlib.contextmanager
def room_for_pods(lab: Lab, cluster: ClusterWriter, pods: int) -> Iterator[None]:
    """The lab's own node takes so many pods for as long as the block lasts; other clusters are left as they are.

    Args:
        lab: whose own cluster it may be.
        cluster: the one that needs room.
        pods: how many.
    """
    if pods <= _KUBELETS_OWN or kind_nodes(lab, cluster) != [lab.cluster().node]:
        yield
        return
    try:
        _allow(lab, cluster, pods)
        yield
    finally:
        _allow(lab, cluster, _KUBELETS_OWN)


def _allow(lab: Lab, cluster: ClusterWriter, pods: int) -> None:
    """Write it into the kubelet's settings, and end the kubelet: the node's first process starts it again."""
    node = lab.cluster().node
    change = f"sed -i /^maxPods:/d {_SETTINGS} && echo maxPods: {pods} >>{_SETTINGS} && kill $(pidof kubelet)"
    lab.cluster().execute(["sh", "-c", change])
    wait_until(
        f"room for {pods} pods",
        lambda: ((cluster.get(f"api/v1/nodes/{node}") or {}).get("status") or {}).get("allocatable", {}).get("pods"),
        seconds=_READY_SECONDS,
        remedy=f"docker exec {node} tail /var/log/kubelet.log",
        is_there=lambda allowed: allowed == str(pods),
    )
