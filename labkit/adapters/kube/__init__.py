"""The only folder that talks to the Kubernetes API; the rest of the kit imports from here, not from its modules."""

from __future__ import annotations

from labkit.adapters.kube.kube_pods import Pods
from labkit.adapters.kube.kube_workloads import Workloads
from labkit.adapters.kube.namespaces import ENFORCE_LABEL, LESSON_LABEL, Namespaces, namespace_gone
from labkit.adapters.kube.nodes import Nodes
from labkit.adapters.kube.pod_access import EXEC_FAILED, Inside, page_path

__all__ = ["ENFORCE_LABEL", "EXEC_FAILED", "LESSON_LABEL", "Kube", "namespace_gone", "page_path"]


class Kube(Nodes, Namespaces, Pods, Inside, Workloads):
    """The lab's cluster, seen through what the lab needs of it.

    A Connection, and what is done over it with Nodes, Namespaces, Pods, Inside of pods, and with Workloads.

    Args:
        kubeconfig: the kit's own kubeconfig file.
        lab: the lab's name, the value of every label.
    """
