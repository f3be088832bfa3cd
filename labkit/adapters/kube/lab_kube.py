"""The lab's cluster, seen through what the lab needs of it."""

from __future__ import annotations

from labkit.adapters.kube.kube_workloads import KubeWorkloads
from labkit.adapters.kube.namespaces import KubeNamespaces
from labkit.adapters.kube.nodes import KubeNodes
from labkit.adapters.kube.pod_access import PodAccess


class Kube(KubeNodes, KubeNamespaces, PodAccess, KubeWorkloads):
    """The lab's cluster, seen through what the lab needs of it.

    A KubeConnection, and what is done over it with nodes, namespaces, pods, the programs in pods, and workloads.

    Args:
        kubeconfig: the kit's own kubeconfig file.
        lab: the lab's name, the value of every label.
    """
