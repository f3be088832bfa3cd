"""A lesson's images: those that there are, looked into, and the lesson's own, published or built."""

from __future__ import annotations

import copy
import shlex
import shutil
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from labkit.adapters.engine import BuildStopped, EngineRefused, InspectedImage, NoEngine, image_config, image_labels
from labkit.archives import ImageTree
from labkit.base.argv import line_with_input
from labkit.base.errors import LabError, LabFailed, Misuse
from labkit.base.resources import require
from labkit.base.scratch import scratch_folder
from labkit.core.image_reference import ImageReference, full_name
from labkit.core.mappings import Manifest
from labkit.core.run_results import RunResult
from labkit.lab.container import Container
from labkit.lab.lab_tables import images_table
from labkit.lab.samples.build_contexts import archive_of_dockerfile, collect
from labkit.lab.samples.dockerfile_images import images_named, name_images_in_full, unknown_image
from labkit.lab.samples.image_facts import FileFact, ImageFacts
from labkit.lab.samples.image_history import instructions_of
from labkit.lab.samples.image_trees import ImageTrees
from labkit.lab.samples.recorded_images import RecordedLayers
from labkit.lab.survey import survey
from labkit.notebook.cell_arguments import (
    containers_of,
    dockerfile_named,
    require_dockerfile,
    require_image,
    require_text,
    text_of,
)
from labkit.notebook.missing_paths import no_such_path
from labkit.notebook.opened_lesson import OpenedLesson
from labkit.publish.app_files import HELLO, AppFolder
from labkit.publish.published import Options, Published
from labkit.publish.publisher import publish
from labkit.show.table import Table

_PROGRAM = ("Program.cs", "hello.csproj")
_BUILD_SECONDS = 180.0


class LessonImages:
    """What `Lesson` does with images; its methods of the same names say more."""

    def __init__(self, lesson: OpenedLesson) -> None:
        sandbox = lesson.lab.configuration.sandbox
        is_recorded = sandbox is not None and not sandbox.has_engine
        self._lesson = lesson
        self._trees = ImageTrees(RecordedLayers(sandbox.facts)) if sandbox and is_recorded else ImageTrees()
        self._digests: dict[tuple[str, tuple[str, ...]], str | None] = {}
        self._facts: dict[tuple[str, str], ImageFacts] = {}

    @property
    def lesson_name(self) -> str:
        """The lesson whose images these are."""
        return self._lesson.name

    def images(self) -> Table:
        """All sample images."""
        return images_table(survey(self._lesson.lab))

    def image(self, name: str) -> ImageFacts:
        """What an image says of itself."""
        _, inspected = self._inspect(name)
        # An image of one id never changes; only a container shows what is in it.
        known = self._facts.get((name, inspected["Id"])) if inspected is not None else None
        tree = self._trees.near(inspected) if inspected is not None and known is None else None
        facts = known or self._lesson.lab.image_facts(name, inspected, tree)
        self._facts[name, facts.id] = facts
        return facts

    def file(self, image: str, path: str) -> FileFact | None:
        """Owner and mode of a file in an image."""
        lab = self._lesson.lab
        path = require_text(path, "a path")
        reference, inspected = self._inspect(image)
        try:
            file = lab.engine().look_inside(reference, [path])[path]
        except NoEngine:
            if inspected is None or (tree := self._trees.known(inspected)) is None:
                raise
            entry = tree.entry(path)
            return FileFact(entry.uid, entry.gid, f"{entry.mode:o}") if entry else None
        return FileFact(file.uid, file.gid, file.mode) if file else None

    def no_such_path(self, image: str, path: str) -> Misuse:
        """The error for a path that an image does not have, as far as the image can be read."""
        try:
            return no_such_path(image, path, self.tree(image))
        except NoEngine:
            return no_such_path(image, path, None)

    def program(self, file: str) -> str:
        """A file of the article's program.

        Args:
            file: its name.

        Raises:
            Misuse: there is no such file.
        """
        if require_text(file, "the name of a file") not in _PROGRAM:
            remedy = f"there are {' and '.join(_PROGRAM)}"
            raise Misuse(f"Looking for file {file!r} of the article's program", "there is no such file", remedy)
        return (require(HELLO) / file).read_text(encoding="utf-8")

    def publish(
        self, *arguments: str, item: str = "", name: str = "my-app", strict: bool = False, project: str = ""
    ) -> Published:
        """Publish the article's program into the engine."""
        given = (require_text(argument, "an argument of dotnet publish") for argument in arguments)
        options = (f"-p:ContainerRepository={require_image(name)}", *given)
        item = require_text(item, "an item of the project file")
        project = require_text(project, "a project")
        shipped = text_of(require(HELLO) / _PROGRAM[1])
        file = AppFolder.find(Path(project)).project_file if project else None
        project_text = text_of(file) if file else shipped
        line = shlex.join(["dotnet", "publish", *([project] if project else []), "-t:PublishContainer", *options])
        # Without these the line gives another image; a shell reads no further than the #.
        if file and project_text != shipped:
            line += f"  # with {file} as you have it"
        if item:
            line += f"  # with {' '.join(item.split())} in an ItemGroup of hello.csproj"
        with scratch_folder() as folder:
            app = shutil.copytree(require(HELLO), folder / HELLO.name)
            (app / _PROGRAM[1]).write_text(
                project_text.replace("</Project>", f"  <ItemGroup>{item}</ItemGroup>\n</Project>"), encoding="utf-8"
            )
            how = Options(options, strict=strict, back_end="kit", labels=self._lesson.labels)
            try:
                published = publish(app, how, self._lesson.lab)
            except LabError as stopped:
                # The copy is gone by the time that somebody looks for it.
                stopped.tried = stopped.tried.replace(str(app), project or HELLO.name)
                self._stopped(name, RunResult(line, "", 1, message=stopped.came_back, stderr=stopped.came_back))
                raise
        self._made(name)
        self._lesson.published[name] = replace(published, line=line)
        return self._lesson.published[name]

    def build(self, dockerfile: str, name: str = "my-image") -> RunResult:
        """Build an image of a Dockerfile, whose text or whose path is given."""
        lab = self._lesson.lab
        try:
            file, written = self._dockerfile_to_build(dockerfile)
        except Misuse as wrong:
            # What a check would say of the build before this one is not true any more.
            message = f"{wrong.tried}: {wrong.came_back}"
            self._stopped(name, RunResult(f"docker build --tag {name}", "", 1, message=message, stderr=message))
            raise
        references = {sample: lab.configuration.image_reference(sample) for sample in lab.catalogue}
        latest = {f"{sample}:latest": reference for sample, reference in references.items()}
        text = name_images_in_full(written.strip() + "\n", references | latest)
        # Typed without the variable, another builder answers wherever the docker command has BuildKit; without the
        # option a build that stops leaves its container.
        argv = ["docker", "build", "--force-rm", "--tag", require_image(name), "-"]
        line = f"DOCKER_BUILDKIT=0 {line_with_input(argv, text)}"
        beside = None
        if file is not None:
            line = shlex.join(["docker", "build", "--tag", name, str(file.parent)])
            beside = collect(file.parent)
        context = archive_of_dockerfile(text, beside)
        try:
            image = lab.engine().build(context, name, arguments={}, labels=self._lesson.labels, seconds=_BUILD_SECONDS)
        except BuildStopped as stopped:
            result = RunResult(
                line, stopped.stdout, stopped.exit_status, message=stopped.message, stderr=stopped.stderr
            )
        except EngineRefused as refused:
            result = RunResult(line, "", 1, message=refused.came_back, stderr=refused.came_back)
        else:
            self._made(name)
            self._lesson.published.pop(name, None)
            self._lesson.dockerfiles[full_name(name)] = written, image
            # As `docker build` ends.
            tagged = name if ":" in name.rpartition("/")[2] else f"{name}:latest"
            return RunResult(line, f"Successfully tagged {tagged}", 0)
        self._lesson.dockerfiles[full_name(name)] = written, self._stopped(name, result)
        return result

    def _dockerfile_to_build(self, dockerfile: str) -> tuple[Path | None, str]:
        """The file of what was given to build, None for a text, and the text.

        Raises:
            Misuse: there is no such file, it is no Dockerfile, or names an image that nobody here has: the builder
                would ask a registry for it, and a mistyped name may be anyone's there.
        """
        lab, dockerfile = self._lesson.lab, require_dockerfile(dockerfile)
        file = dockerfile_named(dockerfile)
        written = textwrap.dedent(dockerfile) if file is None else require_dockerfile(text_of(file), file)
        for image in images_named(written):
            if image.removesuffix(":latest") not in lab.catalogue and lab.engine().image(image) is None:
                raise Misuse(f"Building from {image}", *unknown_image(image, lab.catalogue))
        return file, written

    def dockerfile(self, name: str, file: Path) -> str | None:
        """The Dockerfile that an image was built by: the lesson's own build's, else what a file has now.

        Args:
            name: the image's.
            file: whose text it is if the lesson did not build it, so that somebody did so in a terminal.

        Returns:
            None if the lesson did not build it, and there is no such file.
        """
        inspected = self._lesson.lab.engine().image(name)
        text, identifier = self._lesson.dockerfiles.get(full_name(name), ("", None))
        if identifier == (inspected["Id"] if inspected is not None else ""):
            return text
        try:
            return text_of(file)
        except Misuse:
            return None

    def last_stop(self, name: str) -> RunResult | None:
        """The last build or publish of an image, if it stopped."""
        return self._lesson.last_stop(require_image(name))

    def published(self, name: str) -> Published | None:
        """What the lesson's last publish of an image gave; None if it never published one of that name."""
        return self._lesson.published.get(name)

    def tree(self, name: str) -> ImageTree | None:
        """All that an image holds; None if there is no such image."""
        _, inspected = self._inspect(name)
        return self._trees.of(self._lesson.lab.engine(), inspected) if inspected else None

    def digest(self, name: str, *paths: str) -> str | None:
        """The sha256 of the first file of an image that is at one of some paths, links followed; None if none is."""
        reference, inspected = self._inspect(name)
        if inspected is None:
            return None
        if (tree := self._trees.known(inspected)) is not None:
            return next(filter(None, map(tree.content_digest, paths)), None)
        # An image of one id never changes.
        key = inspected["Id"], paths
        if key not in self._digests:
            self._digests[key] = self._lesson.lab.engine().file_digest(reference, *paths)
        return self._digests[key]

    def identifier(self, name: str) -> str:
        """The engine's id of an image; empty if there is no such image."""
        try:
            _, inspected = self._inspect(name)
        except Misuse:
            return ""
        return inspected["Id"] if inspected is not None else ""

    def _inspect(self, name: str) -> tuple[str, InspectedImage | None]:
        """An image's whole reference, and what the engine says of it: None if it has not been made.

        Raises:
            Misuse: there is no such image.
        """
        lab, name = self._lesson.lab, require_image(name)
        if name not in lab.catalogue and (inspected := lab.engine().image(name)) is not None:
            return name, inspected
        reference = self._lesson.reference(name)
        return reference, lab.engine().image(reference)

    def instructions(self, name: str) -> tuple[str, ...]:
        """What an image's history says of its Dockerfiles, oldest first."""
        engine = self._lesson.lab.engine()
        reference = self._lesson.reference(require_image(name))
        history = engine.history(reference)
        if not engine.is_podman:
            return instructions_of(history)
        environment = image_config(engine.image(reference)).get("Env") or ()
        return instructions_of(history, dict(text.partition("=")[::2] for text in environment))

    def snapshot(self, container: Container) -> str | None:
        """An image of a container's file system as it is now; gives its name, None if the container is gone."""
        name = f"labkit-seen-{container.id}"
        try:
            self._lesson.lab.engine().commit(container.id, name, labels=self._lesson.labels, changes=[])
        except EngineRefused as refused:
            # moby/moby:daemon/container.go, GetContainer
            if "no such container" in refused.came_back.casefold():
                return None
            raise
        return name

    def _made(self, name: str) -> None:
        self._lesson.own_images.add(name)
        self._lesson.stopped.pop(full_name(name), None)

    def _stopped(self, name: str, result: RunResult) -> str:
        """Remember why there is no such image, and see that the lesson's older one does not answer in its place.

        Returns:
            The id of the image that has the name all the same; empty for none.
        """
        lab = self._lesson.lab
        self._lesson.own_images.discard(name)
        own = {**lab.configuration.labels, **self._lesson.labels}
        if own.items() <= image_labels(lab.engine().image(name)).items():
            lab.engine().remove_name(name)
        left = lab.engine().image(name)
        identifier = left["Id"] if left else ""
        self._lesson.stopped[full_name(name)] = result, identifier
        return identifier

    # --- for pods ---

    def named_in_full(self, manifest: Mapping[str, Any]) -> Manifest:
        """A manifest with the lab's references in place of sample images' names, so that it can say `image: debian`.

        Args:
            manifest: of a Pod or a Deployment.
        """
        lab, named = self._lesson.lab, copy.deepcopy(dict(manifest))
        for container in containers_of(named):
            image = container.get("image")
            if isinstance(image, str) and image in lab.catalogue:
                container["image"] = lab.configuration.image_reference(image)
        return named

    def with_own_images(self, manifest: Mapping[str, Any]) -> Manifest:
        """Give the cluster those images of a manifest that the engine has, whoever built them; the lab's it has.

        A kubelet that must pull would not look at them: without a policy an image of the tag latest is pulled, which
        from no registry works.

        Args:
            manifest: of a Pod or a Deployment, with images named in full.

        Returns:
            The manifest, in which such a container has the policy that uses what is there.

        Raises:
            Misuse: the last build of an image stopped.
        """
        lab, loaded = self._lesson.lab, copy.deepcopy(dict(manifest))
        samples = {lab.configuration.image_reference(sample) for sample in lab.catalogue}
        for container in containers_of(loaded):
            image = container.get("image")
            if not isinstance(image, str) or not image or image in samples:
                continue
            if stopped := self._lesson.last_stop(image):
                came_back = f"its last build stopped: {stopped.message}"
                raise Misuse(f"Looking for image {image!r}", came_back, "fix what it names, and build it again")
            if lab.engine().image(image) is not None:
                self.in_cluster(image)
                if ImageReference.parse(image).tagged().tag == "latest":
                    container.setdefault("imagePullPolicy", "IfNotPresent")
        return loaded

    def in_cluster(self, image: str) -> str:
        """The reference of an image that the cluster has; one that is not the lab's is loaded into it first.

        The cluster's are known by the engine's ids, so that one that was built anew is loaded anew.

        Args:
            image: a name of the catalogue, or any that the engine has.

        Raises:
            LabFailed: it is gone, or the node cannot take it.
        """
        lab = self._lesson.lab
        reference = self._lesson.reference(require_image(image))
        if image in lab.catalogue:
            return reference
        named = ImageReference.parse(reference)
        tagged = reference if named.tag or named.digest else f"{reference}:latest"
        inspected = lab.engine().image(reference)
        if inspected is None:
            raise LabFailed(f"Looking for {reference}", "it was built, and is gone", "build it again")
        lab.await_cluster()
        self._lesson.loaded.add(str(named.tagged()))
        lab.cluster().load({str(named.tagged()): inspected["Id"]})
        return tagged
