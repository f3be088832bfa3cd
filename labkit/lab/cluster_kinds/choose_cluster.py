"""Which kind of cluster a lab has: the place to add another one than kind's."""

from __future__ import annotations

from labkit.base.configuration import Configuration
from labkit.lab.cluster_kinds.cluster import ClusterKind
from labkit.lab.cluster_kinds.kind_cluster import KindCluster

_OF_KIND = ClusterKind(
    lambda engine, configuration, steps: KindCluster(engine(), configuration, steps), makes_node=True
)


def choose_cluster(configuration: Configuration) -> ClusterKind:
    """The kind of a lab's cluster.

    Args:
        configuration: of the lab, by which another kind would be chosen.
    """
    return _OF_KIND
