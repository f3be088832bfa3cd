"""A lesson's images: those that there are, looked into, and the lesson's own, published or built."""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from labkit.base.errors import LabFailed, Misuse
from labkit.base.resources import CLUSTER, require
from labkit.core.image_reference import ImageReference
from labkit.core.run_results import RunResult
from labkit.lab.lab_tables import images_table
from labkit.lab.samples.build_contexts import archive_of_dockerfile
from labkit.lab.samples.image_facts import FileFact, ImageFacts
from labkit.lab.survey import survey
from labkit.notebook.cell_arguments import containers_of, require_image, require_text
from labkit.notebook.opened_lesson import OpenedLesson
from labkit.publish.published import Options, Published
from labkit.publish.publisher import publish
from labkit.show.table import Table

HELLO = CLUSTER / "apps" / "hello"
"""The article's own program, as the .NET SDK published it."""

_PROGRAM = ("Program.cs", "hello.csproj")


class LessonImages:
    """What `Lesson` does with images; its methods of the same names say more."""

    def __init__(self, lesson: OpenedLesson) -> None:
        self._lesson = lesson

    def images(self) -> Table:
        """All sample images."""
        return images_table(survey(self._lesson.lab))

    def image(self, name: str) -> ImageFacts:
        """What an image says of itself."""
        return self._lesson.lab.image_facts(require_image(name))

    def file(self, image: str, path: str) -> FileFact | None:
        """Owner and mode of a file in an image."""
        lab = self._lesson.lab
        path = require_text(path, "a path")
        file = lab.engine().look_inside(lab.reference(require_image(image)), [path])[path]
        return FileFact(file.uid, file.gid, file.mode) if file else None

    def program(self, file: str) -> str:
        """A file of the article's program."""
        if require_text(file, "the name of a file") not in _PROGRAM:
            remedy = f"there are {' and '.join(_PROGRAM)}"
            raise Misuse(f"Looking for file {file!r} of the article's program", "there is no such file", remedy)
        return (require(HELLO) / file).read_text(encoding="utf-8")

    def publish(self, *arguments: str, item: str = "", name: str = "my-app", strict: bool = False) -> Published:
        """Publish the article's program into the engine."""
        given = (require_text(argument, "an argument of dotnet publish") for argument in arguments)
        options = (f"-p:ContainerRepository={require_image(name)}", *given)
        item = require_text(item, "an item of the project file")
        with tempfile.TemporaryDirectory(prefix="labkit-app-") as folder:
            app = shutil.copytree(require(HELLO), Path(folder) / HELLO.name)
            file = app / "hello.csproj"
            text = file.read_text(encoding="utf-8")
            file.write_text(
                text.replace("</Project>", f"  <ItemGroup>{item}</ItemGroup>\n</Project>"), encoding="utf-8"
            )
            how = Options(options, strict=strict, back_end="kit", labels=self._lesson.labels)
            published = publish(app, how, self._lesson.lab)
        self._lesson.own_images.add(name)
        return replace(published, line=f"dotnet publish -t:PublishContainer {shlex.join(options)}")

    def build(self, dockerfile: str, name: str = "my-image") -> RunResult:
        """Build an image of a Dockerfile's text."""
        lab = self._lesson.lab
        samples = "|".join(map(re.escape, lab.catalogue))
        text = re.sub(
            rf"(?m)^((?:FROM|COPY --from=) ?)({samples})(?=\s|$)",
            lambda match: match[1] + lab.configuration.image_reference(match[2]),
            textwrap.dedent(require_text(dockerfile, "a Dockerfile")).strip() + "\n",
        )
        line = f"docker build --tag {require_image(name)} ."
        try:
            lab.engine().build(archive_of_dockerfile(text), name, arguments={}, labels=self._lesson.labels)
        except LabFailed as stopped:
            return RunResult(line, stopped.came_back.strip(), 1)
        self._lesson.own_images.add(name)
        return RunResult(line, "", 0)

    # --- for pods ---

    def name_in_full(self, manifest: Mapping[str, Any]) -> None:
        """Write the lab's references in place of sample images' names, so that a manifest can say `image: debian`.

        Args:
            manifest: of a Pod or a Deployment; it is changed.
        """
        lab = self._lesson.lab
        for container in containers_of(manifest):
            image = container.get("image")
            if isinstance(image, str) and image in lab.catalogue:
                container["image"] = lab.configuration.image_reference(image)

    def load_own(self, manifest: Mapping[str, Any]) -> None:
        """Give the cluster those images of a manifest that the lesson has made."""
        for image in {str(container.get("image")) for container in containers_of(manifest)}:
            if image in self._lesson.own_images:
                self.in_cluster(image)

    def in_cluster(self, image: str) -> str:
        """The reference of an image that the cluster has; one of the lesson's own is loaded into it first."""
        lab = self._lesson.lab
        reference = lab.reference(require_image(image))
        if image in lab.catalogue:
            return reference
        named = ImageReference.parse(reference)
        tagged = reference if named.tag or named.digest else f"{reference}:latest"
        inspected = lab.engine().image(reference)
        if inspected is None:
            raise LabFailed(f"Looking for {reference}", "it was built, and is gone", "build it again")
        lab.cluster().load({str(named.tagged()): inspected["Id"]})
        return tagged
