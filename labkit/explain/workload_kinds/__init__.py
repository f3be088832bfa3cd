"""The workloads of manifests, whatever kind of object holds their pods: Kubernetes' own, and those of other projects.

What other kinds need is imported when it is first used (PEP 562): most manifests have nothing but Kubernetes' own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.core import imported_when_used

if TYPE_CHECKING:
    from labkit.explain.workload_kinds.known_kinds import need_have_no_pods, runs_no_pods
    from labkit.explain.workload_kinds.pod_shapes import find_pods

__all__ = ["find_pods", "need_have_no_pods", "runs_no_pods"]

__getattr__ = imported_when_used(
    __name__, {"find_pods": "pod_shapes", "need_have_no_pods": "known_kinds", "runs_no_pods": "known_kinds"}
)
