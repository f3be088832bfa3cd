"""As whom the containers of a cluster run, and the table of what is amiss in which namespace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labkit.base.errors import LabFailed
from labkit.core.identity.model import Versions
from labkit.explain.clusters.cluster_objects import read_list, read_objects
from labkit.explain.clusters.cluster_rows import ClusterRows
from labkit.explain.clusters.pod_groups import group_pods
from labkit.explain.image_lookup import ImageFinder
from labkit.explain.namespace_levels import NamespaceLevels
from labkit.explain.rows import Explanation, Explanations
from labkit.show import counted
from labkit.show.table import Table

if TYPE_CHECKING:
    from labkit.adapters.kube.cluster_reader import ClusterReader

_REPORTS_IDENTITIES = (1, 33)
_MOST_NOTES = 5


@dataclass(frozen=True)
class ClusterQuestion:
    """What was asked of a cluster.

    Args:
        context: None for the current one.
        namespaces: none for that of the context.
        is_all: whether all namespaces are asked about.
        levels: what namespaces enforce, as --namespace-level.
        kubernetes: the version whose rules count; None for the cluster's own.
    """

    context: str | None = None
    namespaces: Sequence[str] = ()
    is_all: bool = False
    levels: Sequence[str] = field(default_factory=tuple)
    kubernetes: tuple[int, int] | None = None


class ClusterExplanations(Explanations):
    """The answers for a cluster, which may be many: the chains of all are in JSON."""

    def printed(self, room: int | None) -> str:
        """The table of all containers, where they differ from what was predicted, and how many are what."""
        parts = [self.table(), differing(self), summary_of(self)]
        return "\n\n".join(text for part in parts if (text := part.text(room)))


def explain_cluster(finder: ImageFinder, reader: ClusterReader, question: ClusterQuestion) -> Explanations:
    """As whom the containers of a cluster run, by their templates and by their pods.

    Args:
        finder: looks images up.
        reader: of the cluster.
        question: what of it.

    Raises:
        LabFailed: the cluster does not answer, or lets nothing be read.
        Misuse: there is no such namespace.
    """
    namespaces = () if question.is_all else tuple(question.namespaces) or (reader.access.namespace,)
    objects = read_objects(reader, namespaces)
    groups = group_pods(read_list(reader, "api/v1", "pods", namespaces, objects), objects)
    versions = Versions(kubernetes=question.kubernetes or objects.kubernetes or Versions().kubernetes)
    rows = list(ClusterRows(finder, objects, NamespaceLevels.parse(question.levels), versions).rows(groups))
    flaws = [flaw for workload in objects.workloads.values() for flaw in workload.asked.flaws]
    flaws += [flaw for variants in groups.values() for variant in variants.values() for flaw in variant.unread]
    if not rows and objects.lacking:
        raise _no_right(objects.lacking[0], namespaces, reader.access.context)
    where = "any namespace" if question.is_all else f"namespace {', '.join(namespaces)}"
    empty = () if rows else (f"no workload and no pod is in {where} of context {reader.access.context}",)
    notes = [*empty, *objects.notes, *_about_images(finder, rows)]
    if objects.kubernetes is not None and objects.kubernetes < _REPORTS_IDENTITIES:
        version = ".".join(map(str, objects.kubernetes))
        notes.append(f"Kubernetes {version} does not report as whom containers run (1.33 does): only predicted")
    return ClusterExplanations(rows, notes, flaws, tuple(dict.fromkeys(objects.lacking)))


def _no_right(lacking: str, namespaces: Sequence[str], context: str) -> LabFailed:
    if namespaces:
        remedy = f"see what you may do there, and ask for get and list\n  kubectl auth can-i --list -n {namespaces[0]}"
    else:
        remedy = "name a namespace in which you may read\n  labkit explain --cluster -n NAMESPACE"
    where = ", ".join(namespaces) or "all namespaces"
    return LabFailed(f"Reading {where} of context {context}", lacking, remedy)


def _about_images(finder: ImageFinder, rows: Sequence[Explanation]) -> list[str]:
    """What the finder has to say, or one line for all where that would be a page."""
    if len(finder.notes) <= _MOST_NOTES:
        return list(finder.notes)
    unknown = len({row.image for row in rows if row.image_user is None})
    return [
        f"{counted(unknown, 'image')} not known here, so only their pods tell as whom they run: --archive PATH, "
        "--image-user NAME=USER, or a lock file (--lock)"
    ]


def summary_of(explained: Explanations) -> Table:
    """How many containers are root, refused, open or not known, in which namespace."""
    counts: dict[str, list[int]] = {}
    for row in explained.rows:
        numbers = counts.setdefault(row.namespace, [0] * 6)
        for index, applies in enumerate(
            (True, is_root(row), is_refused(row), fails_open(row), row.unknown is not None, differs(row))
        ):
            numbers[index] += applies
    total = [sum(column) for column in zip(*counts.values(), strict=True)] or [0] * 6
    lines = [(name, *numbers) for name, numbers in sorted(counts.items())]
    lines += [("all", *total)] if len(lines) != 1 else []
    return Table(
        "Containers of workloads",
        ("namespace", "containers", "root", "refused", "fails open", "not known", "differs"),
        lines,
        "fails open: not root, but only because its image says so; another image would be root, and nothing forbids it",
    )


def is_root(row: Explanation) -> bool:
    """Whether it runs as root, or would."""
    return row.is_seen_as_root or (not row.is_refused and row.answer.uid == 0)


def is_refused(row: Explanation) -> bool:
    """Whether somebody refuses it."""
    return row.is_refused or bool(row.seen is not None and row.seen.refusals)


def fails_open(row: Explanation) -> bool:
    """Whether it is not root for no other reason than that its image names another user."""
    by_image = row.answer.decided_by in ("image", "default")
    is_known = row.unknown is None and not is_root(row) and not is_refused(row)
    return is_known and by_image and not row.never_root and not row.answer.is_for_windows


def differs(row: Explanation) -> bool:
    """Whether its pods are not what was predicted."""
    return row.seen is not None and bool(row.seen.differences)


def differing(explained: Explanations) -> Table:
    """Which containers differ from what was predicted, and why."""
    lines = [
        (row.title, "\n".join(row.seen.differences))
        for row in explained.rows
        if row.seen is not None and row.seen.differences
    ]
    return Table("Where pods differ" if lines else "", (), lines)
