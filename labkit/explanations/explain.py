"""`labkit explain` for images, archives and manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from labkit.errors import Misuse
from labkit.explanations.lookup import ImageFinder, read_archives
from labkit.explanations.manifests import ENDINGS, Manifests, read_manifests
from labkit.explanations.rows import Explanation, Explanations
from labkit.identity.cases import CONTAINER_FIELDS, POD_FIELDS, MalformedCase, read_settings
from labkit.identity.explain import explain_in_engine, explain_in_pod
from labkit.identity.kubelet_rules import pod_and_container
from labkit.identity.model import Answer, Image, Settings, Versions
from labkit.lab import Lab
from labkit.pods.manifest import short_name
from labkit.pods.workloads import AskedContainer, MalformedManifest, read_workloads

_NEWEST = Versions()
_NON_ROOT = Settings(run_as_non_root=True)


def finder(lab: Lab, said: Mapping[str, str] | None = None, archives: Sequence[Path | str] = ()) -> ImageFinder:
    """What looks images up for a lab.

    Args:
        lab: whose sample images go by their short names, and whose engine is asked.
        said: users of images by reference.
        archives: files or folders with images.
    """
    short_names = {name: lab.settings.image_reference(name) for name in lab.catalogue}
    return ImageFinder(said or {}, read_archives(archives), short_names, lab.engine)


def explain_image(
    images: ImageFinder,
    reference: str,
    *,
    user: str | None = None,
    group_add: Sequence[str] = (),
    versions: Versions = _NEWEST,
) -> list[Explanation]:
    """As whom an image runs: in a pod without settings, in one with runAsNonRoot, and on the engine.

    Args:
        images: what looks it up.
        reference: its name, or the path of an archive.
        user: as `docker run --user`; then only the engine is asked.
        group_add: as `docker run --group-add`; likewise.
        versions: of kubelet and runc.

    Raises:
        LabError: there is no such image, no engine, or no readable archive.
    """
    if _is_path(reference):
        contents = read_archives([reference])
        found = [(one.reference, images.from_archive(one)) for one in contents]
    else:
        found = [(reference, images.find_or_fail(reference))]
    rows = []
    for name, image in found:
        on_engine = explain_in_engine(image, user, group_add, versions=versions)
        if user is None and not group_add:
            for title, pod in (("without settings", Settings()), ("runAsNonRoot: true", _NON_ROOT)):
                rows.append(_image_row(name, "Pod", title, image, explain_in_pod(image, pod, versions=versions)))
        options = " ".join([*(["-u", user] if user else []), *(f"--group-add {one}" for one in group_add)])
        rows.append(_image_row(name, "docker run", options, image, on_engine))
    return rows


def explain_settings(
    images: ImageFinder,
    reference: str,
    pod: Mapping[str, Any] | None,
    container: Mapping[str, Any] | None,
    versions: Versions = _NEWEST,
) -> Explanation:
    """As whom an image runs in a pod with these settings.

    Args:
        images: what looks it up.
        reference: its name.
        pod: the pod's securityContext; `hostUsers`, which is the pod's own, may stand in it too.
        container: the container's securityContext.
        versions: of the kubelet.

    Raises:
        LabError: there is no such image, or a setting is none.
    """
    pod_fields = dict(pod or {})
    host_users = pod_fields.pop("hostUsers", None)
    try:
        of_pod = read_settings({"securityContext": pod_fields, "hostUsers": host_users}, "pod", POD_FIELDS)
        own = read_settings({"securityContext": dict(container or {})}, "container", CONTAINER_FIELDS)
    except MalformedCase as error:
        raise Misuse("Reading the settings", str(error), "compare them with\n  kubectl explain pod.spec") from error
    image = images.find_or_fail(reference)
    answer = explain_in_pod(image, of_pod, own, versions=versions)
    return _image_row(reference, "Pod", "with these settings", image, answer)


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
    path = Path(name)
    return path.exists() and name.endswith(ENDINGS)


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


def _image_row(reference: str, kind: str, name: str, image: Image, answer: Answer) -> Explanation:
    container = short_name(reference) if not _is_path(reference) else reference
    return Explanation(None, kind, name, "default", container, "main", reference, image.user, answer)


def _is_path(reference: str) -> bool:
    """Whether an IMAGE is meant as a path: images of docker save and layouts lie in files that exist."""
    return reference.startswith(("./", "../", "/")) or (Path(reference).exists() and not Path(reference).is_dir())
