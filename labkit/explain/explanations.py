"""`labkit explain` for images, archives and manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from labkit.base.errors import Misuse
from labkit.core.identity.answers import explain_in_engine, explain_in_pod
from labkit.core.identity.identity_cases import CONTAINER_FIELDS, POD_FIELDS, MalformedCase, read_settings
from labkit.core.identity.kubelet_rules import pod_and_container
from labkit.core.identity.model import Answer, Image, Settings, Versions
from labkit.core.pods.manifest import short_name
from labkit.core.pods.workloads import AskedContainer, MalformedManifest, read_workloads
from labkit.explain.image_lookup import ImageFinder, read_archives
from labkit.explain.manifest_files import ENDINGS, Manifests, read_manifests
from labkit.explain.rows import Explanation, Explanations
from labkit.lab.lab import Lab

_NEWEST = Versions()
_NON_ROOT = Settings(run_as_non_root=True)


def finder(lab: Lab, said: Mapping[str, str] | None = None, archives: Sequence[Path | str] = ()) -> ImageFinder:
    """What looks images up for a lab.

    Args:
        lab: whose sample images go by their short names, and whose engine is asked.
        said: users of images by reference.
        archives: files or folders with images.
    """
    short_names = {name: lab.configuration.image_reference(name) for name in lab.catalogue}
    return ImageFinder(said or {}, read_archives(archives), short_names, lab.engine)


def explain_image(
    images: ImageFinder,
    reference: str,
    *,
    image_user: str | None = None,
    user: str | None = None,
    group_add: Sequence[str] = (),
    pod: Mapping[str, Any] | None = None,
    container: Mapping[str, Any] | None = None,
    versions: Versions | None = None,
) -> list[Explanation]:
    """As whom an image runs: with settings in a pod, with options on the engine.

    Without either there are three rows: a pod without settings, one with runAsNonRoot, and the engine.

    Args:
        images: what looks the image up.
        reference: its name, or the path of an archive.
        image_user: a USER to think of in place of the image's own.
        user: as `docker run --user`.
        group_add: as `docker run --group-add`.
        pod: the pod's securityContext; `hostUsers`, which is the pod's own, may stand in it too.
        container: the container's securityContext.
        versions: of kubelet and runc; None for the newest kubelet and the engine's own runc.

    Raises:
        LabError: there is no such image, no engine, no readable archive, or a setting is none.
    """
    of_pod, own = _read_both(pod, container)
    versions = versions or Versions(engine_runc=images.engine_runc() or _NEWEST.engine_runc)
    rows = []
    for name, image in _find(images, reference):
        image = image if image_user is None else replace(image, user=image_user)
        in_pod, on_engine = pod is not None or container is not None, user is not None or bool(group_add)
        if in_pod:
            answer = explain_in_pod(image, of_pod, own, versions=versions)
            rows.append(_image_row(name, "Pod", "with these settings", image, answer))
        if on_engine:
            rows.append(_engine_row(name, image, user, group_add, versions))
        if not in_pod and not on_engine:
            rows += _three_rows(name, image, versions)
    return rows


def _read_both(pod: Mapping[str, Any] | None, container: Mapping[str, Any] | None) -> tuple[Settings, Settings]:
    of_pod = dict(pod or {})
    host_users = of_pod.pop("hostUsers", None)
    try:
        return (
            read_settings({"securityContext": of_pod, "hostUsers": host_users}, "pod", POD_FIELDS),
            read_settings({"securityContext": dict(container or {})}, "container", CONTAINER_FIELDS),
        )
    except MalformedCase as error:
        raise Misuse("Reading the settings", str(error), "compare them with\n  kubectl explain pod.spec") from error


def explain_manifests(
    images: ImageFinder, places: Sequence[str], *, recursive: bool = False, versions: Versions = _NEWEST
) -> Explanations:
    """As whom the containers of manifests run.

    Args:
        images: what looks their images up.
        places: files, folders, "-" for standard input.
        recursive: whether to read the folders' subfolders too.
        versions: of the kubelet.

    Raises:
        Misuse: there is no such file.
    """
    return _explain_asked(images, read_manifests(places, recursive), versions)


def explain_text(images: ImageFinder, text: str, versions: Versions = _NEWEST) -> Explanations:
    """The same, for a text of manifests.

    Raises:
        Misuse: it is not YAML.
    """
    try:
        asked = read_workloads(text)
    except MalformedManifest as error:
        raise Misuse("Reading the manifest", str(error), "compare it with\n  kubectl explain pod.spec") from error
    found = Manifests([("", one) for one in asked.containers], asked.passed_over, asked.flaws)
    return _explain_asked(images, found, versions)


def is_manifest(name: str) -> bool:
    """Whether a name is one of a file or folder of manifests, and none of an image."""
    return name.endswith(ENDINGS) and _exists(name)


def _explain_asked(images: ImageFinder, found: Manifests, versions: Versions) -> Explanations:
    rows = [_asked_row(images, file or None, one, versions) for file, one in found.containers]
    return Explanations(rows, (*found.notes(), *images.notes), tuple(found.flaws))


def _asked_row(images: ImageFinder, file: str | None, asked: AskedContainer, versions: Versions) -> Explanation:
    image = images.find(asked.image)
    where = pod_and_container(asked.name, asked.namespace, asked.container)
    answer = explain_in_pod(image, asked.pod, asked.own, where=where, versions=versions)
    answer = replace(answer, because=asked.notes + answer.because)
    user = image.user if image is not None else None
    return Explanation(
        file, asked.kind, asked.name, asked.namespace, asked.container, asked.role, asked.image, user, answer
    )


def _find(images: ImageFinder, reference: str) -> list[tuple[str, Image]]:
    """The image of a name, or all those of an archive."""
    if _is_path(reference):
        return [(one.reference, images.from_archive(one)) for one in read_archives([reference])]
    return [(reference, images.find_or_fail(reference))]


def _three_rows(name: str, image: Image, versions: Versions) -> list[Explanation]:
    """What one asks first: a pod without settings, one with runAsNonRoot, and the engine."""
    rows = [
        _image_row(name, "Pod", title, image, explain_in_pod(image, pod, versions=versions))
        for title, pod in (("without settings", Settings()), ("runAsNonRoot: true", _NON_ROOT))
    ]
    return [*rows, _engine_row(name, image, None, (), versions)]


def _engine_row(name: str, image: Image, user: str | None, group_add: Sequence[str], versions: Versions) -> Explanation:
    answer = explain_in_engine(image, user, group_add, versions=versions)
    options = " ".join([*(["-u", user] if user else []), *(f"--group-add {one}" for one in group_add)])
    return _image_row(name, "docker run", options, image, answer)


def _image_row(reference: str, kind: str, name: str, image: Image, answer: Answer) -> Explanation:
    container = short_name(reference) if not _is_path(reference) else reference
    return Explanation(None, kind, name, "default", container, "main", reference, image.user, answer)


def _is_path(reference: str) -> bool:
    """Whether an IMAGE is meant as a path: images of docker save and layouts lie in files that exist."""
    return reference.startswith(("./", "../", "/")) or (_exists(reference) and not Path(reference).is_dir())


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except OSError:  # such as a name too long for a file
        return False
