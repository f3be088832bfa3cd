"""What the parts of an opened lesson share: the lab, a namespace of the lesson's own, and what it has made so far."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from labkit.adapters.engine import Engine, ListedImage
from labkit.adapters.kube import Kube, namespace_gone
from labkit.base.configuration import LESSON_LABEL
from labkit.base.errors import LabFailed, Misuse
from labkit.core.image_reference import full_name
from labkit.core.pods.outcome import Outcome
from labkit.core.run_results import RunResult
from labkit.lab.clean import remove_images
from labkit.lab.lab import Lab
from labkit.lab.terminal.lesson_terminal import LESSON_VARIABLE, enter_lesson, leave_lesson
from labkit.publish.published import Published


@dataclass
class OpenedLesson:
    """A lesson whose lab is up.

    Args:
        name: the notebook's name without its ending.
        lab: the lab.
        owns_lab: whether the lab's connections are closed with the lesson.
        own_namespace: the lesson's own; empty as long as it was not needed before the cluster was there.
        own_images: the images that the lesson has made since it was opened, by name; these a pod may name.
        stopped: the last build or publish of an image that stopped, by the image's full name; and the id of the image
            that has the name all the same, such as one that somebody built without the lab.
        dockerfiles: the text that the last build of an image was given, by the image's full name; and the id of the
            image that had the name afterwards, empty for none.
        not_admitted: the API server's last no to a pod, by the pod's name.
        not_taken: why the lesson's last object that is not a pod was not taken, by the object's name; and what mark the
            Deployment of that name had then.
        loaded: the images that the lesson's pods had brought into the cluster, by their full names with tags.
        published: what the lesson's last publish of an image gave, by the image's name.
        is_closed: whether the lesson was closed.
        before_each_cell: what is called before each cell that is run from now on, with the cell's source.
        after_each_cell: what is called after it, with the source and the error that it ended in, if it did.
    """

    name: str
    lab: Lab
    owns_lab: bool = False
    own_namespace: str = ""
    own_images: set[str] = field(default_factory=set)
    stopped: dict[str, tuple[RunResult, str]] = field(default_factory=dict)
    dockerfiles: dict[str, tuple[str, str]] = field(default_factory=dict)
    not_admitted: dict[str, Outcome] = field(default_factory=dict)
    not_taken: dict[str, tuple[str, object]] = field(default_factory=dict)
    loaded: set[str] = field(default_factory=set)
    published: dict[str, Published] = field(default_factory=dict)
    is_closed: bool = False
    before_each_cell: list[Callable[[str], None]] = field(default_factory=list)
    after_each_cell: list[Callable[[str, BaseException | None], None]] = field(default_factory=list)

    @property
    def kube(self) -> Kube:
        """The cluster's API.

        Raises:
            Misuse: the lesson was closed.
        """
        if self.is_closed:
            remedy = "run the notebook's first cell again, and continue from there"
            raise Misuse(f"Using lesson {self.name}", "it was closed", remedy)
        return self.lab.kube()

    @property
    def namespace(self) -> str:
        """The lesson's own namespace; one that was opened while the cluster was being made waits for it here.

        Raises:
            LabError: the cluster was being made, and that has failed.
        """
        if not self.own_namespace:
            self._begin_namespace()
        return self.own_namespace

    @property
    def labels(self) -> dict[str, str]:
        """The labels of the lesson's containers and images; whichever kernel made them, they are found by these."""
        return {LESSON_LABEL: self.name}

    def reference(self, image: str) -> str:
        """The reference of an image: the lab's own for a sample's name, else the name itself if the engine has it.

        Whoever built it: an image of plain `docker build` or `docker load` is one like any other.

        Raises:
            Misuse: there is no such image; if the lesson's last build of it stopped, the error says so.
        """
        try:
            return self.lab.reference(image)
        except Misuse as error:
            if stopped := self.last_stop(image):
                came_back = f"its last build stopped: {stopped.message}"
                raise Misuse(error.tried, came_back, "fix what it names, and build it again") from None
            how = f"{error.remedy}\nor build it\n  docker build --tag {shlex.quote(image)} ."
            raise Misuse(error.tried, error.came_back, how) from None

    def last_stop(self, image: str) -> RunResult | None:
        """The last build or publish of an image, if it stopped and nobody has made one of that name since."""
        result, left = self.stopped.get(full_name(image), (None, ""))
        inspected = self.lab.engine().image(image) if result else None
        return None if inspected and inspected["Id"] != left else result

    def require_namespace(self) -> None:
        """See that the namespace is still there.

        Raises:
            LabFailed: the lesson was opened or reset elsewhere.
        """
        if self.namespace not in self.kube.namespaces(self.name):
            raise namespace_gone(self.namespace)

    def reset(self) -> None:
        """Begin with an empty namespace, without containers and images of the lesson's own.

        While the cluster is being made, the namespace is left for later: containers and images need none.
        """
        if self.is_closed:
            self.kube  # noqa: B018  # Says so.
        self._clear_engine()
        self.own_namespace = ""
        if not self.lab.is_cluster_awaited():
            self._begin_namespace()

    def _begin_namespace(self) -> None:
        """Make a new namespace in place of those that the lesson had."""
        self._delete_namespaces()
        self.own_namespace = self.kube.new_namespace(self.name)
        enter_lesson(self.lab.configuration, self.name, self.own_namespace)

    def clear(self) -> None:
        """Remove the lesson's containers and images, and its namespaces, which go away in the background."""
        self._clear_engine()
        if not self.lab.is_cluster_awaited():
            self._delete_namespaces()

    def _clear_engine(self) -> None:
        images = images_made(self.lab.engine(), self.name)
        # Nothing is in a node that is still being made.
        if not self.lab.is_cluster_awaited():
            remove_from_node(self.lab, images, self.loaded)
        self.loaded.clear()
        self._clear_made(images)

    def _clear_made(self, images: Sequence[ListedImage]) -> None:
        """Remove what was made in the engine alone, with these images."""
        engine = self.lab.engine()
        remove_from_engine(engine, self.name, images)
        self.own_images.clear()
        self.stopped.clear()
        self.dockerfiles.clear()
        self.published.clear()
        engine.remove_stages()
        self.not_admitted.clear()
        self.not_taken.clear()

    def _delete_namespaces(self) -> None:
        kube = self.kube
        for namespace in kube.namespaces(self.name):
            kube.delete_namespace(namespace)

    def close(self) -> None:
        """Remove what the lesson has made, and close the lab's connections; nothing if that was done."""
        if self.is_closed:
            return
        try:
            self.clear()
        finally:
            self.is_closed = True
            leave_lesson(self.lab.configuration, self.name)
            if os.environ.get(LESSON_VARIABLE) == self.name:  # What is typed in this kernel now is in no lesson.
                del os.environ[LESSON_VARIABLE]
            if self.owns_lab:
                self.lab.close()


def images_made(engine: Engine, lesson: str | None) -> list[ListedImage]:
    """The images that a lesson made, in this kernel or in another. An engine with many images lists them slowly.

    Args:
        engine: where.
        lesson: which; None for all lessons.
    """
    return engine.labelled_images(_label_of(lesson))


def remove_from_node(lab: Lab, images: Iterable[ListedImage], loaded: Iterable[str] = ()) -> None:
    """Remove images that a lesson made from the cluster's node.

    Args:
        lab: its node.
        images: what the engine has of them.
        loaded: full names of further ones.
    """
    tags = {tag for image in images for tag in image.get("RepoTags") or ()}
    own = {full_name(tag) for tag in tags if tag != "<none>:<none>"}
    # A node that went away has nothing left to remove.
    with contextlib.suppress(LabFailed):
        lab.cluster().unload(own | set(loaded))


def remove_from_engine(engine: Engine, lesson: str | None, images: Sequence[ListedImage]) -> None:
    """Remove the containers that a lesson left running, in this kernel or in another, and the images that it made.

    Args:
        engine: where.
        lesson: which; None for all lessons.
        images: from `images_made`.
    """
    label = _label_of(lesson)
    for container in engine.labelled_containers(label):
        engine.remove_container(container)
    remove_images(engine, label, listed=images)


def _label_of(lesson: str | None) -> str:
    return LESSON_LABEL if lesson is None else f"{LESSON_LABEL}={lesson}"
