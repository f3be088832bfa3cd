"""What a notebook's cell hands over, checked: each mistake ends in a sentence that shows the right form."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from labkit.base.errors import Misuse, did_you_mean
from labkit.base.files import read_given_text
from labkit.core.mappings import Manifest, ManifestPart
from labkit.core.pods.manifest import NotYaml, named, read_document, read_pod, read_pod_to_come
from labkit.core.pods.objects import read_object
from labkit.core.pods.outcome import Outcome
from labkit.core.pods.pod_containers import CONTAINER_FIELDS

LEVELS = ("privileged", "baseline", "restricted")
"""The Pod Security levels (kubernetes/pod-security-admission:api/constants.go)."""

_MANIFEST_ENDINGS = (".yaml", ".yml", ".json")


def require_image(image: object) -> str:
    """An image's name.

    Raises:
        Misuse: it is not text, or has blanks in it.
    """
    if not isinstance(image, str) or not image or len(image.split()) != 1:
        remedy = 'give one without blanks, as a sample image has it\n  "debian"'
        raise Misuse("Looking for an image", f"{image!r} is not a name", remedy)
    return image


def require_text(text: object, argument: str) -> str:
    """An argument that is a text, such as a Dockerfile.

    Args:
        text: what was given.
        argument: what it should be.

    Raises:
        Misuse: it is none.
    """
    if not isinstance(text, str):
        raise Misuse(f"Reading {argument}", f"{text!r} is not text", f'put it in quotes\n  "{text}"')
    return text


_LARGEST_DOCKERFILE = 1 << 20


def require_dockerfile(text: object, file: Path | None = None) -> str:
    """A Dockerfile's text.

    Args:
        text: what was given.
        file: that it was read from.

    Raises:
        Misuse: it is no text, has no instruction, or does not come to an end.
    """
    dockerfile = require_text(text, "a Dockerfile")
    if not dockerfile.strip():
        remedy = 'give its text, as in\n  "FROM debian\\nUSER 1654"'
        if file is not None:
            remedy = (
                "write into it, as in\n  FROM debian\n  USER 1654\nand save it; "
                f"its original comes back by\n  labkit course restore {file}"
            )
        raise Misuse(f"Reading {file or 'a Dockerfile'}", "it is empty", remedy)
    if len(dockerfile) > _LARGEST_DOCKERFILE:
        came_back = f"it has {len(dockerfile)} characters, and no more than {_LARGEST_DOCKERFILE} are read"
        raise Misuse(
            f"Reading {file or 'a Dockerfile'}",
            came_back,
            "see where it repeats itself, or copy what is large from a stage",
        )
    return dockerfile


def dockerfile_named(text: str) -> Path | None:
    """The file that is named where a Dockerfile's text could stand, such as "menu/Dockerfile"; None for a text.

    No instruction is one word, so one word is a file's name.

    Raises:
        Misuse: there is no such file; one that is probably meant is named.
    """
    if len(text.split()) != 1:
        return None
    path = Path(text.strip())
    if path.exists() and not path.is_dir():  # Whoever reads it says what is wrong with a pipe.
        return path
    known = [str(file) for file in sorted(Path().glob("*/Dockerfile"))]
    meant = f"{path}/Dockerfile"
    near = f"did you mean {meant}?" if meant in known else did_you_mean(str(path), known, "give its path, or its text")
    raise Misuse(f"Reading the Dockerfile {str(path)!r}", "there is no such file", near)


def text_of(file: Path) -> str:
    """What a participant's file says.

    Raises:
        Misuse: there is no such file, or it is no text.
    """
    try:
        # Nobody may ever write into a pipe, and whoever reads it waits.
        if not stat.S_ISREG(file.stat().st_mode) and not file.is_dir():
            raise OSError(errno.EINVAL, "it is not a regular file")
        return read_given_text(file)
    except (OSError, ValueError) as error:
        came_back = error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8 text"
        remedy = "the files of the lesson are beside this notebook, in the file list on the left"
        raise Misuse(f"Reading {file}", came_back, remedy) from error


def user_of(user: object) -> str | None:
    """A user as `docker run --user` takes it; a uid may be given as a number, None stands for the image's own."""
    return None if user is None else str(user)


def require_settings(settings: object, argument: str) -> Mapping[str, Any] | None:
    """A securityContext, None if none was given.

    Args:
        settings: what was given.
        argument: the argument's name: pod or container.

    Raises:
        Misuse: it is not a mapping.
    """
    if settings is None or isinstance(settings, Mapping):
        return settings
    key = settings if isinstance(settings, str) and settings.isidentifier() else "runAsNonRoot"
    right = f'give names and values in braces, as in\n  {argument}={{"{key}": True}}'
    raise Misuse(f"Reading {argument}={settings!r}", "it is not a mapping", right)


def pod_name(pod: Outcome | str) -> str:
    """The name of a pod that was given by its name, or as the outcome that made it.

    Raises:
        Misuse: it is neither.
    """
    if isinstance(pod, Outcome):
        return pod.pod
    if not isinstance(pod, str) or not pod:
        remedy = 'give its name, or what lab.pod returned, as in\n  pod = lab.pod("aspnetapp")\n  lab.exec(pod, "id")'
        raise Misuse("Looking for a pod", f"{pod!r} is neither a name nor a pod", remedy)
    return pod


def require_pod(manifest: str | Mapping[str, Any]) -> Manifest:
    """A manifest of one Pod.

    Raises:
        Misuse: it is none; what came back says why.
    """
    remedy = "give one Pod (lab.create makes other kinds), as in\n  labkit kubectl explain pod"
    return _require_manifest(read_pod, manifest, remedy)


def require_pod_to_come(manifest: str | Mapping[str, Any]) -> Manifest:
    """The Pod that a manifest is of, or whose template it has.

    Raises:
        Misuse: it is neither; what came back says why.
    """
    remedy = "give one Pod, or what makes pods, as in\n  labkit kubectl explain pod"
    return _require_manifest(read_pod_to_come, manifest, remedy)


def require_object(manifest: str | Mapping[str, Any]) -> Manifest:
    """A manifest of one Deployment, Secret or ConfigMap.

    Raises:
        Misuse: it is none; what came back says why.
    """
    kinds = "one Deployment, Secret or ConfigMap (a Pod is made by lab.apply)"
    remedy = f"give {kinds}, as in\n  labkit kubectl explain deployment"
    return _require_manifest(read_object, manifest, remedy)


def name_or_none(manifest: object) -> str | None:
    """The name of a manifest's object, whatever is wrong with it otherwise; None if it has none."""
    try:
        return named(read_document(_text_of_file(manifest))) if isinstance(manifest, (str, Mapping)) else None
    except (ValueError, Misuse):
        return None


def _require_manifest(
    read: Callable[[str | Mapping[str, Any]], Manifest], manifest: str | Mapping[str, Any], remedy: str
) -> Manifest:
    try:
        return read(_text_of_file(manifest))
    except NotYaml as error:
        columns = "look at that line and the one above it, whose entries begin in one column if they belong together"
        raise Misuse(_reading(manifest), str(error), f"{columns}; a space follows each colon") from error
    except ValueError as error:
        raise Misuse(_reading(manifest), str(error), remedy) from error


def _reading(manifest: str | Mapping[str, Any]) -> str:
    is_file = (
        isinstance(manifest, str) and "\n" not in manifest.strip() and manifest.strip().endswith(_MANIFEST_ENDINGS)
    )
    return f"Reading {manifest}" if is_file else "Reading the manifest"


def _text_of_file(manifest: str | Mapping[str, Any]) -> str | Mapping[str, Any]:
    """The text of a manifest's file, if the name of one was given, as kubectl users do; else what was given.

    Raises:
        Misuse: there is no such file, or it cannot be read.
    """
    if isinstance(manifest, os.PathLike):
        manifest = os.fspath(manifest)
    if not isinstance(manifest, str) or not manifest.strip().endswith(_MANIFEST_ENDINGS):
        return manifest
    name = manifest.strip()
    if "\n" in name or ": " in name:
        return manifest
    path = Path(name).expanduser()
    tried = f"Reading the manifest {name!r}"
    if not path.is_file():
        near = [file.name for file in _files_beside(path) if file.suffix in _MANIFEST_ENDINGS]
        otherwise = f"give the manifest's text in quotes, or write it into {name} first"
        problem = f"a manifest's text is expected, or the name of its file, and there is no such file in {Path.cwd()}"
        raise Misuse(tried, problem, did_you_mean(path.name, near, otherwise))
    try:
        return read_given_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise Misuse(tried, str(error), "look at it in JupyterLab, and save it as text (UTF-8)") from error


def _files_beside(path: Path) -> Iterable[Path]:
    return path.parent.iterdir() if path.parent.is_dir() else ()


def require_level(level: object) -> str:
    """A Pod Security level.

    Raises:
        Misuse: it is none.
    """
    if not isinstance(level, str) or level not in LEVELS:
        remedy = did_you_mean(str(level).lower(), LEVELS, f"there are {', '.join(LEVELS)}")
        raise Misuse(f"Enforcing Pod Security level {level!r}", "there is no such level", remedy)
    return level


def require_container(container: str, pod: str, containers: Iterable[str]) -> str:
    """A container of a pod.

    Args:
        container: its name.
        pod: the pod's name.
        containers: the names of those that the pod has.

    Raises:
        Misuse: the pod has no such container.
    """
    there = list(containers)
    if container not in there:
        remedy = did_you_mean(str(container), there, f"there are {', '.join(there)}")
        raise Misuse(f"Looking for container {container!r} of pod {pod}", "there is no such container", remedy)
    return container


def containers_of(manifest: Mapping[str, Any]) -> Iterator[ManifestPart]:
    """The containers of a Pod, or of a Deployment's template; what is not a container is left to the API server.

    Args:
        manifest: anything of the right kind.
    """
    spec = manifest.get("spec")
    template = spec.get("template") if isinstance(spec, Mapping) else None
    if isinstance(template, Mapping):
        spec = template.get("spec")
    if isinstance(spec, Mapping):
        for key in CONTAINER_FIELDS:
            containers = spec.get(key)
            if isinstance(containers, list):
                yield from (container for container in containers if isinstance(container, dict))
