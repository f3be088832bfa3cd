"""Images: those that there are, looked into, and a lesson's own, published or built."""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.base.errors import LabFailed
from labkit.base.resources import CLUSTER
from labkit.core.image_reference import full_name
from labkit.core.run_results import RunResult
from labkit.lab.samples.build_contexts import archive_of_dockerfile
from labkit.lab.samples.image_facts import FileFact, ImageFacts
from labkit.notebook.opened import Opened
from labkit.notebook.views import images_table
from labkit.show.table import Table

if TYPE_CHECKING:
    from labkit.publish.publisher import Published

HELLO = CLUSTER / "apps" / "hello"
"""The article's own program, as the .NET SDK published it."""


class Images(Opened):
    """What a lesson does with images."""

    def images(self) -> Table:
        """The sample images, with their users and sources."""
        from labkit.lab.survey import survey

        return images_table(survey(self._lab))

    def image(self, name: str) -> ImageFacts:
        """What an image says of itself, without running it: Config.User, environment, passwd.

        Args:
            name: of a sample image, or any reference that the engine has.
        """
        return self._lab.image_facts(name)

    def file(self, image: str, path: str) -> FileFact | None:
        """Who owns a file or folder of an image, and its mode, without running it; None if it is not there.

        Args:
            image: a sample image, or any reference that the engine has.
            path: from the image's root.
        """
        engine = self._lab.engine()
        found = engine.look_inside(self._lab.reference(image), [path])[path]
        return FileFact(found.uid, found.gid, found.mode) if found else None

    def publish(self, *arguments: str, item: str = "", name: str = "my-app", strict: bool = False) -> Published:
        """Publish the article's program into the engine, as `dotnet publish -t:PublishContainer` does.

        Args:
            arguments: as one types them, such as "-p:ContainerUser=root".
            item: one more item in the project file, as XML.
            name: the image's name.
            strict: whether a warning is an error.
        """
        from labkit.publish.publisher import Options, publish

        given = (f"-p:ContainerRepository={name}", *arguments)
        with tempfile.TemporaryDirectory(prefix="labkit-app-") as folder:
            app = shutil.copytree(HELLO, Path(folder) / HELLO.name)
            file = app / "hello.csproj"
            text = file.read_text(encoding="utf-8")
            file.write_text(
                text.replace("</Project>", f"  <ItemGroup>{item}</ItemGroup>\n</Project>"), encoding="utf-8"
            )
            done = publish(app, Options(given, strict=strict, back_end="kit"), self._lab)
        self._images.add(name)
        return replace(done, line=f"dotnet publish -t:PublishContainer {shlex.join(given)}")

    def build(self, dockerfile: str, name: str = "my-image") -> RunResult:
        """Build an image, as `docker build` does.

        Args:
            dockerfile: its text; after FROM a sample image's name means the lab's image. There are no other files,
                so COPY can copy between stages alone.
            name: the image's name.

        Returns:
            What the builder said, with its exit status: a build that stops is a result, not an error.
        """
        sample = "|".join(map(re.escape, self._lab.catalogue))
        text = re.sub(
            rf"(?m)^((?:FROM|COPY --from=) ?)({sample})(?=\s|$)",
            lambda found: found[1] + self._lab.configuration.image_reference(found[2]),
            textwrap.dedent(dockerfile).strip() + "\n",
        )
        line = f"docker build --tag {name} ."
        try:
            self._lab.engine().build(archive_of_dockerfile(text), name, arguments={}, labels={})
        except LabFailed as stopped:
            return RunResult(line, stopped.came_back.strip(), 1)
        self._images.add(name)
        return RunResult(line, "", 0)

    def _in_cluster(self, image: str) -> str:
        """The reference of an image that the cluster has; one's own is loaded into it first."""
        engine = self._lab.engine()
        reference = self._lab.reference(image)
        if image in self._lab.catalogue:
            return reference
        tagged = reference if ":" in reference.rpartition("/")[2] else f"{reference}:latest"
        inspected = engine.image(reference) or {}
        self._lab.cluster().load({full_name(tagged): str(inspected.get("Id"))})
        return tagged

    def _load_own(self, manifest: Mapping[str, Any]) -> None:
        """Give the node the images of a pod that the lesson has made."""
        spec = manifest.get("spec") or {}
        named = [one.get("image") for one in (spec.get("containers") or []) if isinstance(one, dict)]
        for image in self._images.intersection(named):
            self._in_cluster(image)
