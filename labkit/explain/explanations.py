"""As whom the containers of manifests run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from labkit.base.errors import Misuse
from labkit.core import identity
from labkit.core.admission.api_server import judge
from labkit.core.identity.answers import explain_in_pod
from labkit.core.identity.kubelet_rules import (
    effective_settings,
    home_of_container,
    is_for_windows,
    pod_and_container,
)
from labkit.core.identity.model import Versions
from labkit.explain import on_demand
from labkit.explain.image_lookup import ImageFinder
from labkit.explain.manifest_files import read_manifests
from labkit.explain.rows import Explanation, Explanations
from labkit.explain.workload_kinds.asked_containers import Asked, AskedContainer
from labkit.explain.workload_kinds.workload_reader import read_workloads

if TYPE_CHECKING:
    from labkit.core.admission.policy import Policy

_NEWEST = Versions()


def explain_manifests(
    finder: ImageFinder,
    places: Sequence[str],
    *,
    recursive: bool = False,
    handed: Sequence[str] = (),
    podless: frozenset[str] = frozenset(),
    levels: Sequence[str] = (),
    versions: Versions = _NEWEST,
    apart: frozenset[str] = frozenset(),
    build: bool = False,
) -> Explanations:
    """As whom the containers of manifests run.

    Args:
        finder: looks their images up.
        places: files, folders, "-" for standard input.
        recursive: whether to read the folders' subfolders too.
        handed: files that were not chosen, such as those of a commit: what is no manifest among them is skipped.
        podless: kinds that run no pods, besides those that are known not to.
        levels: what namespaces enforce, as --namespace-level, besides what the Namespaces among the manifests say.
        versions: of API server and kubelet.
        apart: files of the folders that are no manifests, and are read by others.
        build: whether a kustomization or a chart is built, where there is a program that does.

    Raises:
        Misuse: there is no such file.
    """
    asked = read_manifests(places, recursive, handed=handed, podless=podless, apart=apart, build=build)
    return _explain_asked(finder, asked, levels, versions)


def explain_text(
    finder: ImageFinder, text: str, levels: Sequence[str] = (), versions: Versions = _NEWEST
) -> Explanations:
    """The same, for a text of manifests.

    Args:
        finder: looks images up.
        text: YAML or JSON, any number of documents.
        levels: what namespaces enforce of Pod Security: baseline, restricted:v1.30, shop=restricted.
        versions: of whom the rules are.

    Raises:
        Misuse: nothing of it can be read.
    """
    asked = read_workloads(text)
    if asked.broken and not asked.containers:
        raise Misuse("Reading the manifest", asked.flaws[0], "compare it with\n  labkit kubectl explain pod.spec")
    return _explain_asked(finder, asked, levels, versions)


def _explain_asked(finder: ImageFinder, asked: Asked, levels: Sequence[str], versions: Versions) -> Explanations:
    enforced = on_demand.NamespaceLevels.parse(levels) if levels or asked.policies else None
    finder.find_all(container.image for container in asked.containers if container.image)
    rows = []
    for container in asked.containers:
        policy = enforced.policy(container.namespace, asked.policies) if enforced is not None else None
        rows.append(explain_container(finder, container, policy, versions))
    unjudged = (*asked.unjudged, *asked.templates)
    empty = enforced.by_name.keys() - {row.namespace for row in rows} if rows and enforced is not None else ()
    unused = [f"--namespace-level {name}: no container is in this namespace" for name in sorted(empty)]
    explained = Explanations(rows, (*asked.notes(), *finder.notes, *unused), tuple(asked.flaws), unjudged)
    return explained.with_origins(finder.origin)


def explain_container(
    finder: ImageFinder, asked: AskedContainer, policy: Policy | None, versions: Versions
) -> Explanation:
    """As whom a container that somebody asks for runs.

    Args:
        finder: looks its image up.
        asked: the container.
        policy: what its namespace enforces, None if that is not known.
        versions: of API server and kubelet.
    """
    image = finder.find(asked.image) if asked.image else None
    where = pod_and_container(asked.name, asked.namespace, asked.container)
    if is_for_windows(asked.template.spec) or (image is not None and image.is_for_windows):
        answer = identity.explain_on_windows(image, asked.template.spec, asked.fields, where)
    else:
        home = home_of_container(asked.fields)
        answer = explain_in_pod(image, asked.pod, asked.own, home=home, where=where, versions=versions)
    return Explanation(
        file=asked.file,
        kind=asked.kind,
        name=asked.name,
        namespace=asked.namespace,
        container=asked.container,
        role=asked.role,
        image=asked.image,
        image_user=image.user if image is not None else None,
        answer=replace(answer, because=asked.notes + answer.because),
        api=judge(asked.template, policy, versions.kubernetes),
        forgiven=asked.forgiven,
        never_root=bool(effective_settings(asked.pod, asked.own).run_as_non_root) and not answer.is_for_windows,
        annotations=asked.annotations,
    )
