"""Publishing by the kit's own back end: the SDK's rule, and our own reading and writing of images."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version

from labkit.adapters.dotnet import publish_argv
from labkit.base.errors import LabFailed, Misuse
from labkit.base.files import read_given_text
from labkit.base.scratch import scratch_folder
from labkit.core.image_platform import ImagePlatform, image_architecture
from labkit.lab.lab import Lab
from labkit.publish.app_files import AppFolder, published_files, source_date, write_layer
from labkit.publish.destinations import check_destination, deliver, needs_layers
from labkit.publish.find_base import find_base, with_layers
from labkit.publish.image_writer import assemble
from labkit.publish.published import Options, Published, stop_if_strict
from labkit.publish.rules.arguments import read_arguments
from labkit.publish.rules.base_image import SDK_VERSION, named_platform
from labkit.publish.rules.harms import harms
from labkit.publish.rules.image_config import ConfigObject
from labkit.publish.rules.messages import Refused
from labkit.publish.rules.msbuild import NotUnderstood
from labkit.publish.rules.project import Project, evaluate
from labkit.publish.rules.publish_result import PublishResult, complete, prepare


def publish_by_kit(app: AppFolder, options: Options, lab: Lab) -> Published:
    """Publish an app without the SDK.

    Args:
        app: the folder with its project file.
        options: how.
        lab: where bases are found, and where the image may go.

    Raises:
        Misuse: its project asks for what the kit does not do.
        LabFailed: the SDK would refuse it, or reading or writing failed.
    """
    project = evaluate_app(app, options.arguments)
    with _understood(app):
        result = prepare(project)
        platform = _platform(project)
    _stop_if_refused(app, result)
    check_destination(result.target, cluster=options.cluster)
    place = app.published(project)
    files = published_files(place, whole=place != app.folder)
    base = find_base(lab, result.base_image, platform, options.base)
    created = datetime.fromtimestamp(source_date(), UTC).strftime("%Y-%m-%dT%H:%M:%S.0000000Z")
    with _understood(app):
        result = complete(project, result, base.config, base.image_format, base_digest=base.digest, created=created)
    _stop_if_refused(app, result)
    warnings = (*result.messages, *harms(project, result, [name for name, _ in files]))
    stop_if_strict(options, app.folder, warnings)
    if needs_layers(result.target, lab):
        base = with_layers(lab, base)
    config = _labelled(result, {**lab.configuration.labels, **options.labels})
    maker = f"labkit {version('labkit')}, by the rules of .NET SDK {SDK_VERSION}"
    with scratch_folder() as work:
        layer = write_layer(files, result.working_directory, work / "app.tar.gz", source_date())
        image = assemble(base, config, layer, result.image_format, created, maker)
        delivered = deliver(image, result.target, lab, cluster=options.cluster)
    return Published(
        reference=f"{result.target.repository}:{result.target.tags[0]}",
        digest=delivered.digest,
        config=config,
        back_end="kit",
        warnings=warnings,
        base_image=f"{result.base_image} ({base.source})",
        place=delivered.place,
        line=shlex.join(publish_argv(app.project_file, options.arguments)),
    )


def evaluate_app(app: AppFolder, arguments: tuple[str, ...]) -> Project:
    """The evaluated project of an app.

    Raises:
        Misuse: it holds what the kit does not evaluate; the error names it.
        LabFailed: the command line is one that MSBuild refuses.
    """
    doing = f"Reading {app.project_file}"
    if imported := app.implicit_imports():
        raise Misuse(doing, f"MSBuild would import {imported[0]}, and the kit evaluates no imports", _BY_SDK)
    try:
        text = read_given_text(app.project_file, "utf-8-sig")
        with _understood(app):
            return evaluate(text, read_arguments(arguments), name=app.project_file.stem, environment=os.environ)
    except Refused as refused:
        raise LabFailed("Reading the arguments", str(refused), "write them as -p:Name=Value") from refused
    except (OSError, UnicodeDecodeError) as error:
        raise Misuse(doing, str(error), "see that it is there, is UTF-8 and that you may read it\n  ls -l") from error


def _platform(project: Project) -> ImagePlatform:
    """What the image is for: what the project names, else this machine.

    Raises:
        NotUnderstood: it is Windows, whose layers are written in another way.
    """
    platform = named_platform(project) or ImagePlatform("linux", image_architecture())
    if platform.system != "linux":
        raise NotUnderstood(f"an image for {platform}, as the RuntimeIdentifier says")
    return platform


_BY_SDK = "publish it by the SDK, on a machine that has it\n  labkit publish APP --back-end sdk"


@contextmanager
def _understood(app: AppFolder) -> Iterator[None]:
    """Name what the kit does not do."""
    try:
        yield
    except NotUnderstood as error:
        raise Misuse(
            f"Reading {app.project_file}", f"the kit does not support {error}", error.remedy or _BY_SDK
        ) from error


def _stop_if_refused(app: AppFolder, result: PublishResult) -> None:
    if not result.published:
        raise Misuse(
            f"Publishing {app.folder}",
            "it is a library, or its container support is off: the SDK publishes nothing, without a message",
            "give it <OutputType>Exe</OutputType>, and EnableSdkContainerSupport",
        )
    if result.failed:
        came_back = "\n".join(map(str, result.messages))
        raise LabFailed(f"Publishing {app.folder}", came_back, "fix what it names; the SDK refuses it too")


def _labelled(result: PublishResult, labels: Mapping[str, str]) -> ConfigObject:
    """The image's `config` object, with the labels by which the lab finds what it has to remove."""
    config = dict(result.config or {})
    if not result.target.archive and not result.target.registry:
        config["Labels"] = {**config.get("Labels", {}), **labels}
    return config
