"""Publishing an app by the kit's own back end, or by the real SDK."""

from __future__ import annotations

import os
import shlex
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from labkit.adapters.dotnet import find_dotnet, publish_argv, publish_container
from labkit.archives.archive import read_archive
from labkit.base.errors import LabFailed, MachineLacks, Misuse
from labkit.lab.lab import Lab
from labkit.publish.app_files import AppFolder, published_files, source_date, write_layer
from labkit.publish.destinations import deliver
from labkit.publish.find_base import Bases
from labkit.publish.image_writer import put_together
from labkit.publish.rules.arguments import read_arguments
from labkit.publish.rules.base_image import SDK_VERSION
from labkit.publish.rules.harms import harms
from labkit.publish.rules.msbuild import NotUnderstood
from labkit.publish.rules.project import Project, evaluate
from labkit.publish.rules.publish_result import Outcome, complete, prepare
from labkit.publish.rules.report import Message, Refused
from labkit.show.table import Table

BACK_ENDS = ("auto", "sdk", "kit")


@dataclass(frozen=True)
class Options:
    """How to publish.

    Args:
        arguments: as they follow `dotnet publish -t:PublishContainer`.
        base: an archive or a layout to take the base image from; empty for engine or registry.
        cluster: whether the image is loaded into the lab's cluster too.
        strict: whether a warning is an error.
        back_end: sdk, kit, or auto: the SDK where there is a `dotnet`.
    """

    arguments: tuple[str, ...] = ()
    base: str = ""
    cluster: bool = False
    strict: bool = False
    back_end: str = "auto"


@dataclass(frozen=True)
class Published:
    """What was published.

    Args:
        reference: the image's name with its first tag.
        digest: of its manifest, or where it has none (in an engine, in Docker's archives) of its configuration.
        config: the image's `config` object.
        back_end: sdk or kit.
        warnings: each a code and a text.
        base_image: what it stands on, and where that was read.
        place: where it lies now, in words.
        line: what one types for the same with the SDK.
    """

    reference: str
    digest: str
    config: dict[str, Any]
    back_end: str
    warnings: tuple[Message, ...]
    base_image: str
    place: str
    line: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        warnings = [{"code": one.code, "text": one.text} for one in self.warnings]
        return asdict(self) | {"warnings": warnings}

    def rows(self) -> list[tuple[str, str]]:
        """What to show: a label and a text each."""
        user = self.config.get("User")
        made = {"kit": f"the kit's own back end, by the rules of .NET SDK {SDK_VERSION}", "sdk": "the .NET SDK"}
        return [
            ("image", self.reference),
            ("place", self.place),
            ("made by", made[self.back_end]),
            ("base", self.base_image),
            ("Config.User", f'"{user}"' if user else "(none set: root)" if user is None else '"" (empty: root)'),
            ("Entrypoint", " ".join(self.config.get("Entrypoint") or []) or "(none)"),
            ("digest", self.digest),
            ("typed", self.line),
            *(("warning", f"{one.code}: {one.text}") for one in self.warnings),
        ]

    def _repr_html_(self) -> str:
        return Table("", (), self.rows())._repr_html_()

    def __str__(self) -> str:
        return "\n".join(f"{label:<12}  {text}" for label, text in self.rows())

    __repr__ = __str__


def publish(app: Path, options: Options, lab: Lab) -> Published:
    """Publish an app as an image.

    Args:
        app: the folder of its project file.
        options: how.
        lab: its catalogue knows base images by their upstream names.

    Raises:
        Misuse: there is no such app, or its project asks for what is not done.
        LabFailed: the SDK would refuse it, or reading or writing failed.
    """
    folder = AppFolder.find(app)
    if options.back_end == "sdk" or (options.back_end == "auto" and find_dotnet() and not options.base):
        return _publish_by_sdk(folder, options, lab)
    return _publish_by_kit(folder, options, lab)


def evaluate_app(folder: AppFolder, arguments: Sequence[str]) -> Project:
    """The evaluated project of an app.

    Raises:
        Misuse: it holds what the kit does not evaluate; the error names it.
        LabFailed: the command line is one that MSBuild refuses.
    """
    doing = f"Reading {folder.project_file}"
    remedy = "publish it by the SDK, on a machine that has it\n  labkit publish APP --back-end sdk"
    if imported := folder.implicit_imports():
        raise Misuse(doing, f"MSBuild would import {imported[0]}, and the kit evaluates no imports", remedy)
    try:
        text = folder.project_file.read_text(encoding="utf-8-sig")
        given = read_arguments(arguments)
        return evaluate(text, given, name=folder.project_file.stem, environment=os.environ)
    except NotUnderstood as error:
        raise Misuse(doing, f"the kit does not evaluate {error}", remedy) from error
    except Refused as refused:
        raise LabFailed("Reading the arguments", str(refused), "write them as -p:Name=Value") from refused
    except (OSError, UnicodeDecodeError) as error:
        raise Misuse(doing, str(error), "see that it is there, is UTF-8 and that you may read it\n  ls -l") from error


def _publish_by_kit(folder: AppFolder, options: Options, lab: Lab) -> Published:
    project = evaluate_app(folder, options.arguments)
    seconds = source_date()
    created = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.0000000Z")
    outcome = _understood(folder, lambda: prepare(project))
    _stop_if_refused(folder, outcome)
    place = folder.published(project)
    files = published_files(place, whole=place != folder.folder)
    bases = Bases(lab)
    base = bases.find(outcome.base_image, options.base)
    base_digest = base.digest
    _understood(
        folder,
        lambda: complete(project, outcome, base.config, base.image_format, base_digest=base_digest, created=created),
    )
    _stop_if_refused(folder, outcome)
    warnings = [*outcome.messages, *harms(project, outcome, [name for name, _ in files])]
    if options.strict and warnings:
        raise LabFailed(f"Publishing {folder.folder} strictly", "\n".join(map(str, warnings)), "mend what it names")
    maker = f"labkit {version('labkit')}, by the rules of .NET SDK {SDK_VERSION}"
    with tempfile.TemporaryDirectory(prefix="labkit-publish-") as work:
        layer = write_layer(files, outcome.working_directory, Path(work) / "app.tar.gz", seconds)
        config = dict(outcome.config or {})
        if not outcome.target.archive and not outcome.target.registry:
            config["Labels"] = {**config.get("Labels", {}), **lab.configuration.labels}

        def put(chosen: Any) -> Any:
            return put_together(chosen, config, layer, outcome.image_format, created, maker)

        delivered = deliver(outcome.target, base, bases, put, options.cluster, lab)
    return Published(
        reference=f"{outcome.target.repository}:{outcome.target.tags[0]}",
        digest=delivered.digest,
        config=config,
        back_end="kit",
        warnings=tuple(warnings),
        base_image=f"{outcome.base_image} ({base.source})",
        place=delivered.place,
        line=shlex.join(publish_argv(folder.project_file, options.arguments)),
    )


def _understood(folder: AppFolder, step: Any) -> Any:
    try:
        return step()
    except NotUnderstood as error:
        raise Misuse(f"Reading {folder.project_file}", f"the kit does not do {error}", "leave it to the SDK") from error


def _stop_if_refused(folder: AppFolder, outcome: Outcome) -> None:
    if not outcome.published:
        raise Misuse(
            f"Publishing {folder.folder}",
            "it is a library, or its container support is off: the SDK publishes nothing, and says nothing",
            "give it <OutputType>Exe</OutputType>, and EnableSdkContainerSupport",
        )
    if outcome.failed:
        came_back = "\n".join(str(message) for message in outcome.messages)
        raise LabFailed(f"Publishing {folder.folder}", came_back, "mend what it names; the SDK refuses it too")


def _publish_by_sdk(folder: AppFolder, options: Options, lab: Lab) -> Published:
    if options.base:
        raise Misuse("Publishing by the SDK", "it takes a base from registries alone", "leave out --base")
    run = publish_container(folder.project_file, options.arguments, lab.steps.note)
    if run.failed:
        said = "\n".join(f"{kind} {code}: {text}" for kind, code, text in run.problems if kind == "error")
        raise LabFailed(f"Publishing {folder.folder} by the SDK", said or run.last, f"run it by hand\n  {run.line}")
    if not run.pushed:
        raise LabFailed(f"Publishing {folder.folder} by the SDK", "it published nothing", f"run it\n  {run.line}")
    warnings = tuple(Message(code, text) for kind, code, text in run.problems if kind == "warning")
    if options.strict and warnings:
        raise LabFailed(f"Publishing {folder.folder} strictly", "\n".join(map(str, warnings)), "mend what it names")
    name, place = run.pushed[0]
    config, digest = _look(name, place, lab)
    return Published(name, digest, config, "sdk", warnings, "chosen by the SDK", place, run.line)


def _look(name: str, place: str, lab: Lab) -> tuple[dict[str, Any], str]:
    """The configuration and digest of what the SDK has published, from where it lies."""
    if place.startswith("local archive at "):
        path = Path(place.removeprefix("local archive at ").rstrip(".").strip("'"))
        return archive_config(path)
    if place.startswith("registry "):
        from labkit.adapters.crane import Crane

        reference = f"{place.removeprefix('registry ').rstrip('.').strip(chr(39))}/{name}"
        crane = Crane(lab.configuration, lab.steps)
        return dict(crane.image_config(reference, "linux/amd64").get("config") or {}), crane.digest(reference)
    inspected = lab.engine().image(name)
    if inspected is None:
        raise MachineLacks(f"Looking at {name}", "the engine does not have it", "the SDK may have used another engine")
    return dict(inspected.get("Config") or {}), str(inspected["Id"])


def archive_config(path: Path) -> tuple[dict[str, Any], str]:
    """The `config` object of an archive's first image, and the digest of its configuration."""
    from contextlib import ExitStack

    from labkit.archives.architecture import image_architecture
    from labkit.archives.archive import parts_of_image
    from labkit.archives.archive_files import Flaw, Store

    store = Store()
    try:
        with ExitStack() as stack:
            store.load(path, stack)
            parts = parts_of_image(store, path.name, image_architecture(None))
    except (Flaw, OSError, tarfile.TarError) as error:
        raise LabFailed(f"Reading {path}", str(error), "publish it again") from error
    return dict(parts.configuration.get("config") or {}), parts.manifest_digest or parts.key


__all__ = ["BACK_ENDS", "Options", "Published", "archive_config", "evaluate_app", "publish", "read_archive"]
