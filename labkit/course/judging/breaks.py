"""Changes to a right image or a right pod that each break one thing, as data; the tests make them. Pure.

Those of a demand must be seen by its check; those that belong to no demand of an exercise must not matter to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labkit.core.mappings import Manifest, ManifestPart
from labkit.course.pod_settings import all_containers


@dataclass(frozen=True)
class FileBreak:
    """A file or folder of an image that gets another owner and mode, or is put there.

    Args:
        path: where it is, without a slash at its end.
        uid: its new owner.
        gid: its new group.
        mode: its new mode, with setuid, setgid and sticky bits.
        like: another file of the image whose content it gets; empty to leave a file's own content.
    """

    path: str
    uid: int = 0
    gid: int = 0
    mode: int = 0o755
    like: str = ""


@dataclass(frozen=True)
class ImageBreak:
    """A change to a right image.

    Args:
        name: a short code.
        instructions: lines of a Dockerfile that stands on the right image, after the files; {uid} is its own uid.
        files: what changes in its file system.
        base: the sample image that takes the place of the right one; empty for the right one itself.
    """

    name: str
    instructions: tuple[str, ...] = ()
    files: tuple[FileBreak, ...] = ()
    base: str = ""


@dataclass(frozen=True)
class PodBreak:
    """A change to the manifest of a right Pod, or of a right Deployment.

    Args:
        name: a short code.
        change: takes the manifest, which it may change, and the pod's spec in it.
        answers: the numbers of the right answers that it breaks, the solution's is 0; empty for all of them.
    """

    name: str
    change: Callable[[Manifest, ManifestPart], None]
    answers: tuple[int, ...] = ()


@dataclass(frozen=True)
class AnswerBreak:
    """A change to the text or value of a right answer.

    Args:
        name: a short code.
        change: takes the right answer to a wrong one.
    """

    name: str
    change: Callable[[Any], Any]


Break = ImageBreak | PodBreak | AnswerBreak

# --- the user of an image ---

# Where the variable is not set, as the course's own "fails open".
NO_USER = ImageBreak("no user", ("ENV LABKIT_EMPTY=", "USER $LABKIT_EMPTY"))
ROOT_BY_NAME = ImageBreak("root by name", ("USER root",))
ROOT_BY_NUMBER = ImageBreak("root by number", ("USER 0",))
USER_BY_NAME = ImageBreak("a user by name", ("USER app",))
ONLY_A_GROUP = ImageBreak("only a group", ("USER :1654",))
ROOT = (NO_USER, ROOT_BY_NAME, ROOT_BY_NUMBER, ONLY_A_GROUP)
NOT_NON_ROOT = (*ROOT, USER_BY_NAME)
GROUP_ZERO = ImageBreak("root's group", ("USER {uid}:0",))
ANOTHER_UID = ImageBreak("another uid", ("USER 4711:4711",))

# --- what it starts ---

NOTHING_TO_START = ImageBreak("nothing to start", ("ENTRYPOINT []", "CMD []"))
NO_SUCH_PROGRAM = ImageBreak("a program that is not there", ('ENTRYPOINT ["/no/such/program"]', "CMD []"))
# An image without it does not start at all.
ANOTHER_PROGRAM = ImageBreak("another program", ('ENTRYPOINT ["/bin/sleep", "60"]', "CMD []"))
NO_START = (NOTHING_TO_START, NO_SUCH_PROGRAM)


def another_base(base: str, *instructions: str) -> ImageBreak:
    """Another sample image in its place.

    Args:
        base: the sample image.
        instructions: what the exercise's Dockerfile would have there.
    """
    return ImageBreak(f"{base} in its place", instructions, base=base)


# --- files of an image ---


def open_to_all(path: str, mode: int = 0o777) -> ImageBreak:
    """A file or folder that everybody may write to."""
    return ImageBreak(f"{path} open to everybody", files=(FileBreak(path, mode=mode),))


def owned_by(path: str, uid: int, gid: int | None = None, mode: int = 0o755) -> ImageBreak:
    """A file or folder that belongs to a uid.

    Args:
        path: where it is.
        uid: the new owner.
        gid: the new group; the uid's own number by default.
        mode: the new mode.
    """
    group = uid if gid is None else gid
    return ImageBreak(f"{path} owned by {uid}:{group}", files=(FileBreak(path, uid, group, mode),))


# --- settings of a pod ---


def container_setting(name: str, container: str = "", **settings: Any) -> PodBreak:
    """The settings (securityContext) of a container changed; None takes one away.

    Args:
        name: a short code.
        container: which one; empty for each.
        settings: by their Kubernetes names.
    """

    def change(_: Manifest, spec: ManifestPart) -> None:
        for part in all_containers(spec):
            if container in ("", part["name"]):
                _change_settings(part, settings)

    return PodBreak(name, change)


def everywhere(name: str, **settings: Any) -> PodBreak:
    """Settings changed in the pod and in each container; None takes one away."""

    def change(_: Manifest, spec: ManifestPart) -> None:
        for part in (spec, *all_containers(spec)):
            _change_settings(part, settings)

    return PodBreak(name, change)


def another_image(container: str, image: str) -> PodBreak:
    """Another image in a container."""

    def change(_: Manifest, spec: ManifestPart) -> None:
        for part in all_containers(spec):
            if part["name"] == container:
                part["image"] = image

    return PodBreak(f"{image} in container {container}", change)


def without_container(container: str) -> PodBreak:
    """A container left out."""

    def change(_: Manifest, spec: ManifestPart) -> None:
        for key in ("initContainers", "containers"):
            spec[key] = [part for part in spec.get(key) or [] if part["name"] != container]

    return PodBreak(f"without {container}", change)


def ends_at_once() -> PodBreak:
    """A program that ends well in each container, which is not started again."""

    def change(_: Manifest, spec: ManifestPart) -> None:
        spec["restartPolicy"] = "Never"
        for part in spec["containers"]:
            part["command"] = ["true"]

    return PodBreak("a program that ends", change)


def _change_settings(part: ManifestPart, settings: ManifestPart) -> None:
    """Set settings of a pod's spec or of a container; None takes one away, and nothing from where there is none."""
    changed = {**(part.get("securityContext") or {}), **settings}
    kept = {key: value for key, value in changed.items() if value is not None}
    if kept or part.get("securityContext"):
        part["securityContext"] = kept
