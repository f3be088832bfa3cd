"""The only folder that talks to the Kubernetes API; the rest of the kit imports from here, not from its modules."""

from __future__ import annotations

from labkit.adapters.kube.kube_connection import namespace_gone
from labkit.adapters.kube.kube_workloads import KubeWorkloads
from labkit.adapters.kube.namespaces import KubeNamespaces
from labkit.adapters.kube.nodes import KubeNodes
from labkit.adapters.kube.pod_access import EXEC_FAILED, PodAccess, page_path

__all__ = ["EXEC_FAILED", "Kube", "namespace_gone", "page_path"]


class Kube(KubeNodes, KubeNamespaces, PodAccess, KubeWorkloads):
    """The lab's cluster, seen through what the lab needs of it.

    A KubeConnection, and what is done over it with nodes, namespaces, pods, the programs in pods, and workloads.

    Args:
        kubeconfig: the kit's own kubeconfig file.
        lab: the lab's name, the value of every label.
    """
