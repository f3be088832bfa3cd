"""The rows for a cluster: of each workload's containers what its template leads to, beside what its pods show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from labkit.core.causes import Cause
from labkit.core.identity.kubelet_rules import effective_settings
from labkit.core.identity.model import Versions
from labkit.core.pods.pod_containers import ProcessIdentity
from labkit.explain.clusters.cluster_objects import ClusterObjects, LiveWorkload
from labkit.explain.clusters.pod_groups import ContainerTally, PodVariant, WorkloadKey, all_tallies
from labkit.explain.explanations import explain_container
from labkit.explain.image_lookup import ImageFinder
from labkit.explain.namespace_levels import NamespaceLevels
from labkit.explain.rows import Explanation
from labkit.explain.seen_in_pods import SeenIdentity, SeenInPods, SeenRefusal
from labkit.explain.workload_kinds.asked_containers import AskedContainer
from labkit.show import counted

Groups = Mapping[WorkloadKey, Mapping[bytes, PodVariant]]
_MOST_SHOWN = 3


class ClusterRows:
    """Makes the rows.

    Args:
        finder: looks images up.
        objects: what was read besides pods.
        levels: what namespaces enforce, as --namespace-level.
        versions: of API server and kubelet.
    """

    def __init__(
        self, finder: ImageFinder, objects: ClusterObjects, levels: NamespaceLevels, versions: Versions
    ) -> None:
        self._finder = finder
        self._objects = objects
        self._levels = levels
        self._versions = versions

    def rows(self, groups: Groups) -> Iterator[Explanation]:
        """All rows, by namespace, kind and name."""
        keys = {*groups, *self._objects.workloads}
        for key in sorted(keys, key=lambda key: (key[1], key[0], key[2])):
            workload = self._objects.workloads.get(key)
            variants = list(groups.get(key, {}).values())
            # ReplicaSets that wait to be rolled back to, and Jobs that were never started, are not asked about.
            if workload is not None and workload.asked.containers:
                yield from self._with_template(workload, variants)
            else:
                yield from self._without_template(key, variants)

    def _with_template(self, workload: LiveWorkload, variants: Sequence[PodVariant]) -> Iterator[Explanation]:
        in_template = {(asked.role, asked.container) for asked in workload.asked.containers}
        for asked in workload.asked.containers:
            same = [
                (variant, tally)
                for variant, tally in all_tallies(variants)
                if (tally.asked.role, tally.asked.container) == (asked.role, asked.container)
            ]
            row = self._row(asked)
            yield _seen(row, same, self._differences(row, asked, workload, same))
        added: dict[tuple[str, str], list[tuple[PodVariant, ContainerTally]]] = {}
        for variant, tally in all_tallies(variants):
            if (tally.asked.role, tally.asked.container) not in in_template:
                added.setdefault((tally.asked.role, tally.asked.container), []).append((variant, tally))
        for (role, _), same in added.items():
            asked = same[0][1].asked
            row = self._row(replace(asked, kind=workload.kind, name=workload.name))
            why = (
                "by kubectl debug or its like"
                if role == "ephemeral"
                else "by an admission webhook, or by an older template"
            )
            yield _seen(row, same, [f"it is not in the template: added to the pods {why}", *self._unlike(row, same)])

    def _without_template(self, key: WorkloadKey, variants: Sequence[PodVariant]) -> Iterator[Explanation]:
        """A pod by itself, or of an owner that is known by its name alone: the pods say what is asked for."""
        kind, namespace, name = key
        alike: dict[object, list[tuple[PodVariant, ContainerTally]]] = {}
        for variant, tally in all_tallies(variants):
            asked = tally.asked
            alike.setdefault((asked.role, asked.container, asked.image, asked.pod, asked.own), []).append(
                (variant, tally)
            )
        for same in alike.values():
            row = self._row(replace(same[0][1].asked, kind=kind, namespace=namespace, name=name))
            yield _seen(row, same, self._unlike(row, same))

    def _row(self, asked: AskedContainer) -> Explanation:
        policy = self._levels.policy(asked.namespace, self._objects.policies)
        return explain_container(self._finder, asked, policy, self._versions)

    def _differences(
        self,
        row: Explanation,
        asked: AskedContainer,
        workload: LiveWorkload,
        same: Sequence[tuple[PodVariant, ContainerTally]],
    ) -> Iterator[str]:
        """Where the pods are not what the template leads to, and why."""
        as_template = []
        for variant, tally in same:
            changes = list(_changes(asked, tally.asked))
            if not changes:
                as_template.append((variant, tally))
                continue
            if variant.revision and workload.revision and variant.revision != workload.revision:
                why = "older than the template"
            elif variant.admission:
                why = f"changed when they were let in ({variant.admission})"
            else:
                why = "changed when they were let in, as an admission webhook does"
            yield f"{counted(tally.pods, 'pod')} {why}: {'; '.join(changes)}"
        yield from self._unlike(row, as_template)

    def _unlike(self, row: Explanation, same: Sequence[tuple[PodVariant, ContainerTally]]) -> Iterator[str]:
        """Where pods whose settings are those of the row run as somebody else."""
        identities: Counter[ProcessIdentity] = Counter()
        for _, tally in same:
            identities += tally.identities
        for identity, pods in identities.items():
            if row.api.ok is False:
                why = "let in before the namespace had this level, or exempt"
                yield f"{counted(pods, 'pod')} running although admission refuses: {why}"
            elif row.answer.ok is False:
                yield f"{counted(pods, 'pod')} running although {row.verdict}: {self._why_another(row, same)}"
            elif expected := _expected(row, identity):
                who = SeenIdentity(identity, pods)
                yield f"{counted(pods, 'pod')}: {who}, not {expected}: {self._why_another(row, same)}"

    def _why_another(self, row: Explanation, same: Sequence[tuple[PodVariant, ContainerTally]]) -> str:
        running = {image.rpartition("@")[2] for _, tally in same for image in tally.images}
        digest = self._finder.digest(row.image)
        if digest and running and digest not in running:
            listed = ", ".join(sorted(running)[:_MOST_SHOWN])
            return f"the cluster runs another image, {listed}; looked up was {digest}"
        if row.answer.decided_by in ("image", "default"):
            return "the image's default user decides, and the cluster's image has another than the one looked up"
        return "nothing in the pod says why; the runtime, or an NRI plug-in of it, may change it"


def _changes(template: AskedContainer, pod: AskedContainer) -> Iterator[str]:
    """What of a pod is not as the template has it."""
    if template.image != pod.image:
        yield f"image {pod.image} for {template.image}"
    before, after = (effective_settings(asked.pod, asked.own) for asked in (template, pod))
    for name, field in (
        ("runAsUser", "run_as_user"),
        ("runAsGroup", "run_as_group"),
        ("runAsNonRoot", "run_as_non_root"),
        ("fsGroup", "fs_group"),
        ("supplementalGroups", "supplemental_groups"),
        ("hostUsers", "host_users"),
    ):
        old, new = getattr(before, field), getattr(after, field)
        if old != new:
            yield f"{name} {_shown(new)} for {_shown(old)}"


def _shown(value: object) -> str:
    if value is None or value == ():
        return "(not set)"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _expected(row: Explanation, identity: ProcessIdentity) -> str:
    """Who it was to be, "" if it is, or if that was not known."""
    answer = row.answer
    if answer.runs_as is not None:
        who = answer.runs_as
        same = (who.uid, who.gid, set(who.groups) | {who.gid}) == (
            identity.uid,
            identity.gid,
            set(identity.groups) | {identity.gid},
        )
        return "" if same else row.runs_as
    differs = (answer.uid is not None and answer.uid != identity.uid) or (
        answer.gid is not None and answer.gid != identity.gid
    )
    return row.runs_as if differs else ""


def _seen(
    row: Explanation, same: Sequence[tuple[PodVariant, ContainerTally]], differences: Sequence[str] | Iterator[str]
) -> Explanation:
    identities: Counter[ProcessIdentity] = Counter()
    refusals: Counter[tuple[Cause, str]] = Counter()
    for _, tally in same:
        identities += tally.identities
        refusals += tally.refusals
    seen = SeenInPods(
        sum(tally.pods for _, tally in same),
        tuple(SeenIdentity(identity, pods) for identity, pods in identities.most_common()),
        tuple(SeenRefusal(cause, message, pods) for (cause, message), pods in refusals.most_common()),
        tuple(dict.fromkeys(differences)),
        any(tally.asked.pod.host_users is False for _, tally in same),
    )
    return replace(row, seen=seen)
