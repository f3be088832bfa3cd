"""Which kind of cluster a lab has: the place to add another one."""

from __future__ import annotations

from labkit.base.configuration import Configuration
from labkit.lab.cluster_kinds.cluster import ClusterKind
from labkit.lab.cluster_kinds.kind_cluster import KindCluster
from labkit.lab.cluster_kinds.sandbox_cluster import SandboxCluster

_OF_KIND = ClusterKind(
    lambda engine, configuration, steps: KindCluster(engine(), configuration, steps), makes_node=True
)


def choose_cluster(configuration: Configuration) -> ClusterKind:
    """The kind of a lab's cluster: a participant's part of a class's, or else kind's.

    Args:
        configuration: of the lab, which says whether it is in a class.
    """
    if (sandbox := configuration.sandbox) is not None:
        return ClusterKind(lambda _, configuration, __: SandboxCluster(configuration, sandbox), is_given=True)
    return _OF_KIND
