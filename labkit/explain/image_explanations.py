"""As whom an image runs: in a pod with some settings, and by `docker run` with some options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from labkit.archives.archive import ImageContent, read_archive
from labkit.base.errors import LabFailed, Misuse
from labkit.base.resources import CLUSTER
from labkit.core import identity
from labkit.core.admission.api_server import NOT_ASKED, ApiVerdict, judge, read_template
from labkit.core.admission.policy import Policy
from labkit.core.identity.answers import explain_in_pod
from labkit.core.identity.model import Answer, Image, ImageOrigin, Settings, Versions
from labkit.core.image_reference import ImageReference
from labkit.explain.image_lookup import ImageFinder
from labkit.explain.namespace_levels import NamespaceLevels
from labkit.explain.rows import SETTINGS_ALONE, Explanation, Explanations
from labkit.lab.samples.near_image import near_image

_NEWEST = Versions()
_NAMESPACE = "default"
_NON_ROOT = Settings(run_as_non_root=True)


def explain_image(
    finder: ImageFinder,
    reference: str,
    *,
    image_user: str | None = None,
    user: str | None = None,
    group_add: Sequence[str] = (),
    pod: Mapping[str, Any] | None = None,
    container: Mapping[str, Any] | None = None,
    levels: Sequence[str] = (),
    versions: Versions | None = None,
) -> Explanations:
    """As whom an image runs: with settings in a pod, with options on the engine.

    Without either there are three rows: a pod without settings, one with runAsNonRoot, and the engine.

    Args:
        finder: looks the image up.
        reference: its name, or the path of an archive.
        image_user: overrides the image's own USER.
        user: as `docker run --user`.
        group_add: as `docker run --group-add`.
        pod: the pod's securityContext; it may hold `hostUsers` too, which is a field of the pod.
        container: the container's securityContext.
        levels: what namespaces enforce, as --namespace-level; the pod's is `default`.
        versions: of kubelet and runc; None for the newest kubelet and the engine's own runc.

    Raises:
        LabError: there is no such image, no engine or no readable archive, or a setting is not valid.
    """
    if versions is None:
        runc = finder.engine_runc() or _NEWEST.engine_runc
        versions = Versions(engine_runc=runc, engine_ids=finder.engine_ids())
    policy = NamespaceLevels.parse(levels).policy(_NAMESPACE, {})
    _read_both(pod, container)  # A setting that is not valid is said before an image is looked for.
    rows = []
    for name, image in _look_up(finder, reference):
        image = image if image_user is None else replace(image, user=image_user)
        asked = rows_of_image(name, image, user, group_add, pod, container, policy, versions)
        rows += asked or _three_rows(name, image, policy, versions)
    if _is_path(reference):
        return Explanations(rows, tuple(finder.notes)).with_origins(lambda _: ImageOrigin("archive"))
    return Explanations(rows, tuple(finder.notes)).with_origins(finder.origin)


def read_archives(paths: Sequence[Path | str], architecture: str | None = None) -> list[ImageContent]:
    """All images of some archives.

    Args:
        paths: of the archives.
        architecture: the wanted one, where an image is there for several; None for this machine's.

    Raises:
        ArchiveUnreadable: one of them is none.
    """
    return [image for path in paths for image in read_archive(path, architecture=architecture)]


def rows_of_image(
    name: str,
    image: Image,
    user: str | None,
    group_add: Sequence[str],
    pod: Mapping[str, Any] | None,
    container: Mapping[str, Any] | None,
    policy: Policy | None,
    versions: Versions = _NEWEST,
) -> list[Explanation]:
    """A row for the pod that is asked about, and one for the engine; none for what is not.

    Args:
        name: of the image.
        image: what is known of it.
        user: as `docker run --user`.
        group_add: as `docker run --group-add`.
        pod: the pod's securityContext, with its `hostUsers`.
        container: the container's.
        policy: what the pod's namespace enforces, None if that is not known.
        versions: of kubelet and runc.

    Raises:
        Misuse: a setting is not valid.
    """
    of_pod, own = _read_both(pod, container)
    rows = []
    if pod is not None or container is not None:
        answer = _answer_in_pod(image, of_pod, own, versions, pod or {}, container or {})
        api = _verdict_on_settings(pod or {}, container or {}, policy, versions)
        rows.append(_image_row(name, "Pod", SETTINGS_ALONE, image, answer, api))
    if user is not None or group_add:
        rows.append(_engine_row(name, image, user, group_add, versions))
    return rows


def _read_both(pod: Mapping[str, Any] | None, container: Mapping[str, Any] | None) -> tuple[Settings, Settings]:
    of_pod = dict(pod or {})
    host_users = of_pod.pop("hostUsers", None)
    try:
        return (
            identity.read_settings({"securityContext": of_pod, "hostUsers": host_users}, "pod", identity.POD_FIELDS),
            identity.read_settings({"securityContext": dict(container or {})}, "container", identity.CONTAINER_FIELDS),
        )
    except identity.MalformedCase as error:
        raise Misuse(
            "Reading the settings", str(error), "compare them with\n  labkit kubectl explain pod.spec"
        ) from error


def _answer_in_pod(
    image: Image,
    pod: Settings,
    own: Settings,
    versions: Versions,
    of_pod: Mapping[str, Any],
    of_container: Mapping[str, Any] = MappingProxyType({}),
) -> Answer:
    """The answer in a pod with these settings, of which Windows has more than Linux."""
    if image.is_for_windows:
        return identity.explain_on_windows(image, {"securityContext": of_pod}, {"securityContext": of_container})
    return explain_in_pod(image, pod, own, versions=versions)


def _verdict_on_settings(
    pod: Mapping[str, Any], container: Mapping[str, Any], policy: Policy | None, versions: Versions
) -> ApiVerdict:
    context = dict(pod)
    host_users = {"hostUsers": context.pop("hostUsers")} if "hostUsers" in context else {}
    own = {"name": "container", "image": "image", "securityContext": dict(container)}
    spec = {"securityContext": context, **host_users, "containers": [own]}
    return judge(read_template({"spec": spec}, "Pod", ()), policy, versions.kubernetes)


def _look_up(finder: ImageFinder, reference: str) -> list[tuple[str, Image]]:
    """The image of a name, or all those of an archive."""
    if _is_path(reference):
        return [(content.reference, finder.from_archive(content)) for content in read_archives([reference])]
    try:
        return [(reference, finder.find_or_fail(reference))]
    except (LabFailed, Misuse) as error:
        near = near_image(reference, sorted(recipe.parent.name for recipe in CLUSTER.glob("images/*/image.toml")), "")
        if not near:
            raise
        otherwise = " Else" if near.endswith("?") else "; else"
        raise type(error)(error.tried, error.came_back, f"{near}{otherwise} {error.remedy}") from error


def _three_rows(name: str, image: Image, policy: Policy | None, versions: Versions) -> list[Explanation]:
    """What people ask first: a pod without settings, one with runAsNonRoot, and the engine."""
    questions: list[tuple[str, Settings, Mapping[str, Any]]] = [
        ("without settings", Settings(), {}),
        ("runAsNonRoot: true", _NON_ROOT, {"runAsNonRoot": True}),
    ]
    rows = []
    for title, pod, context in questions:
        answer = _answer_in_pod(image, pod, Settings(), versions, context)
        rows.append(_image_row(name, "Pod", title, image, answer, _verdict_on_settings(context, {}, policy, versions)))
    return [*rows, _engine_row(name, image, None, (), versions)]


def _engine_row(name: str, image: Image, user: str | None, group_add: Sequence[str], versions: Versions) -> Explanation:
    if image.is_for_windows:
        answer = identity.explain_on_windows(replace(image, user=user or image.user), {}, {})
    else:
        answer = identity.explain_in_engine(image, user, group_add, versions=versions)
    options = " ".join([*(["-u", user] if user else []), *(f"--group-add {group}" for group in group_add)])
    return _image_row(name, "docker run", options, image, answer, NOT_ASKED)


def _image_row(reference: str, kind: str, name: str, image: Image, answer: Answer, api: ApiVerdict) -> Explanation:
    container = reference if _is_path(reference) else ImageReference.parse(reference).short_name
    return Explanation(
        file=None,
        kind=kind,
        name=name,
        namespace=_NAMESPACE,
        container=container,
        role="main",
        image=reference,
        image_user=image.user,
        answer=answer,
        api=api,
    )


def _is_path(reference: str) -> bool:
    """Whether an IMAGE is meant as a path: images of docker save and layouts lie in files that exist."""
    return reference.startswith(("./", "../", "/")) or (_exists(reference) and not Path(reference).is_dir())


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except OSError:  # such as a name too long for a file
        return False
