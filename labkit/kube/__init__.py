"""The only folder that talks to the Kubernetes API; the rest of the kit imports from here, not from its modules."""

from __future__ import annotations

from labkit.kube.inside import EXEC_FAILED, Inside, page_path
from labkit.kube.namespaces import ENFORCE_LABEL, LESSON_LABEL, Namespaces, namespace_gone
from labkit.kube.nodes import Nodes
from labkit.kube.pods import Pods
from labkit.kube.workloads import Workloads

__all__ = ["ENFORCE_LABEL", "EXEC_FAILED", "LESSON_LABEL", "Kube", "namespace_gone", "page_path"]


class Kube(Nodes, Namespaces, Pods, Inside, Workloads):
    """The lab's cluster, seen through what the lab needs of it.

    A Connection, and what is done over it with Nodes, Namespaces, Pods, Inside of pods, and with Workloads.

    Args:
        kubeconfig: the kit's own kubeconfig file.
        lab: the lab's name, the value of every label.
    """
