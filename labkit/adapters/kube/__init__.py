"""The only folder that talks to the Kubernetes API; the rest of the kit imports from here, not from its modules."""

from __future__ import annotations

from labkit.adapters.kube.kube_connection import namespace_gone
from labkit.adapters.kube.lab_kube import Kube
from labkit.adapters.kube.pod_access import EXEC_FAILED, page_path
from labkit.adapters.kube.sandbox_kube import SandboxKube

__all__ = ["EXEC_FAILED", "Kube", "SandboxKube", "namespace_gone", "page_path"]
