"""`labkit explain --cluster` reads one; it needs the packages that speak to a cluster."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.adapters.kube.cluster_reader import ClusterReader
from labkit.base.configuration import Configuration
from labkit.explain.clusters.cluster_explanations import ClusterQuestion, explain_cluster
from labkit.explain.image_lookup import ImageFinder
from labkit.explain.rows import Explanations


def ask_cluster(
    finder: ImageFinder,
    context: str | None,
    namespaces: Sequence[str],
    is_all: bool,
    levels: Sequence[str],
    kubernetes: tuple[int, int] | None,
) -> Explanations:
    """As whom a cluster's containers run; `ClusterQuestion` says what each argument is.

    Raises:
        LabError: the cluster cannot be read.
    """
    question = ClusterQuestion(context, namespaces, is_all, levels, kubernetes)
    with ClusterReader.connect(context, labs_own=Configuration.from_environment().kubeconfig) as reader:
        return explain_cluster(finder, reader, question)
