"""What the SDK's publishing makes of a project and a base image: the whole rule, step after step.

PURE. Held to what the real SDK did in tests/recorded/sdk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from labkit.publish.rules import image_names as names
from labkit.publish.rules.base_image import base_image, framework_version, is_self_contained, runtime_identifiers
from labkit.publish.rules.entrypoint import app_command, entrypoint_and_cmd
from labkit.publish.rules.image_config import ImageConfig, is_variable
from labkit.publish.rules.labels import labels
from labkit.publish.rules.msbuild import NotUnderstood, is_true, split_list
from labkit.publish.rules.project import Project
from labkit.publish.rules.report import Message, Refused, Report

FORMATS = ("OCI", "Docker")
_WINDOWS_USER_SINCE = 8


@dataclass(frozen=True)
class Target:
    """Where the image goes and how it is called there.

    Args:
        repository: its name.
        tags: its tags.
        registry: the registry that it is pushed to; empty for none.
        archive: the path of the archive that it is written to; empty for none.
        local_registry: the engine that is asked for by name; empty for whichever there is.
    """

    repository: str = ""
    tags: tuple[str, ...] = ()
    registry: str = ""
    archive: str = ""
    local_registry: str = ""


@dataclass
class Outcome:
    """What would come out.

    Args:
        base_image: the reference of the base.
        target: where it goes; None if that could not be told.
        image_format: Docker or OCI.
        working_directory: where the app's files lie.
        config: the image's `config` object; None if nothing is published.
        messages: what the SDK would say.
        published: whether there is anything to publish at all; a library is none.
    """

    base_image: str = ""
    target: Target = field(default_factory=Target)
    image_format: str = "Docker"
    working_directory: str = ""
    config: dict[str, Any] | None = None
    messages: list[Message] = field(default_factory=list)
    published: bool = True

    @property
    def failed(self) -> bool:
        """Whether the SDK would have stopped."""
        return any(message.error for message in self.messages)


def prepare(project: Project) -> Outcome:
    """All that can be said before the base image is read.

    Raises:
        NotUnderstood: the project asks for what the kit does not do.
    """
    outcome, report = Outcome(), Report()
    outcome.messages = report.messages
    try:
        framework_version(project)
        outcome.published = _is_published(project)
        outcome.base_image = base_image(project)
        outcome.target = _target(project, outcome.base_image, report)
        outcome.image_format = project.get("ContainerImageFormat")
        outcome.working_directory = project.get(
            "ContainerWorkingDirectory", "C:\\app\\" if _windows(project) else "/app/"
        )
    except Refused as refused:
        report.fail(refused.code, refused.text)
    return outcome


def complete(
    project: Project,
    outcome: Outcome,
    base: Mapping[str, Any] | None,
    base_format: str = "Docker",
    *,
    base_digest: str = "",
    created: str = "",
) -> None:
    """Make the image's configuration from the base's.

    Args:
        project: as it was prepared.
        outcome: of `prepare`; is completed.
        base: the base's `config` object; None if its configuration has none.
        base_format: Docker or OCI.
        base_digest: of the base's manifest.
        created: a time as RFC 3339 has it.

    Raises:
        NotUnderstood: the project asks for what the kit does not do.
    """
    if outcome.failed or not outcome.published:
        return
    if len(runtime_identifiers(project)) > 1:
        raise NotUnderstood("several runtime identifiers: an image for several platforms; name one with -r")
    report = Report(outcome.messages)
    try:
        config = _config(project, outcome, base, base_format, report)
        config.labels |= labels(project, _assembly(project), outcome.base_image, base_digest, created)
    except Refused as refused:
        report.fail(refused.code, refused.text)
        return
    if not report.failed:
        outcome.config = config.to_dict()


def _config(
    project: Project, outcome: Outcome, base: Mapping[str, Any] | None, base_format: str, report: Report
) -> ImageConfig:
    local = outcome.target.local_registry
    if not outcome.target.archive and not outcome.target.registry and local not in ("", "Docker", "Podman"):
        raise Refused("MSB4018", f"CONTAINER2002: unknown local registry type {local!r}. Valid are Docker,Podman")
    if base is None:
        raise Refused("MSB4018", "the base image's configuration has no 'config' node, and the SDK's task crashes")
    config = ImageConfig(base)
    outcome.image_format = outcome.image_format or base_format
    if outcome.image_format not in FORMATS:
        raise Refused("CONTAINER2031", f"the format {outcome.image_format!r} is not supported. Supported: OCI,Docker")
    if not outcome.working_directory.strip("/"):
        raise Refused("MSB4018", "the working directory is the root itself, and the SDK's task crashes")
    config.working_directory = outcome.working_directory
    command = app_command(project, outcome.working_directory, _assembly(project), _windows(project))
    config.entrypoint, config.cmd = entrypoint_and_cmd(project, command, base.get("Entrypoint"), report)
    config.add_variables(project.of("ContainerEnvironmentVariable"), report)
    config.add_ports(project.of("ContainerPort"), report)
    config.infer_user(_user(project))
    config.infer_ports()
    return config


def _target(project: Project, base: str, report: Report) -> Target:
    tag, tags = project.get("ContainerImageTag"), split_list(project.raw("ContainerImageTags"))
    tag = project.get("PublishImageTag") or tag
    if project.get("ContainerImageName"):
        report.warn("CONTAINER003", "ContainerImageName is obsolete; ContainerRepository is its name now")
    if is_true(project.get("AutoGenerateImageTag")):
        raise NotUnderstood("AutoGenerateImageTag: a tag made of the time")
    if tag and tags:
        raise Refused("CONTAINER2008", "both ContainerImageTag and ContainerImageTags were provided")
    if tag and not names.is_tag(tag):
        report.fail("CONTAINER2007", names.bad_tag("ContainerImageTag", tag))
    if bad := [one for one in tags if not names.is_tag(one)]:
        raise Refused("CONTAINER2010", names.bad_tag("ContainerImageTags", ",".join(bad)))
    registry = project.get("RegistryUrl") or project.get("ContainerRegistry")
    if registry:
        names.check_registry(registry)
    for item in project.of("ContainerEnvironmentVariable"):
        if not is_variable(item.include):
            report.warn("CONTAINER2015", f"{item.include!r} is not a valid environment variable, and is left out")
    if " " in base:
        report.warn("CONTAINER2020", "the base image's name has spaces in it; they become dashes")
    names.check_base(base.replace(" ", "-"))
    name = project.get("ContainerImageName") or project.get("ContainerRepository") or _assembly(project)
    return Target(
        names.normal_repository(name),
        tuple(tags) or (tag or "latest",),
        registry,
        project.get("ContainerArchiveOutputPath"),
        project.get("LocalRegistry"),
    )


def _assembly(project: Project) -> str:
    return project.get("AssemblyName", project.name)


def _windows(project: Project) -> bool:
    return runtime_identifiers(project)[0].startswith("win")


def _user(project: Project) -> str:
    given = project.get("ContainerUser")
    if given or project.get("ContainerBaseImage") or not _windows(project):
        return given
    return "ContainerUser" if framework_version(project)[0] >= _WINDOWS_USER_SINCE else ""


def _is_published(project: Project) -> bool:
    """A library, and a project that says so, publish nothing, and the SDK says nothing about it."""
    if project.get("IsPublishable").lower() == "false":
        return False
    supported = project.get("EnableSdkContainerSupport").lower()
    default = "Exe" if project.sdk != "Microsoft.NET.Sdk" else "Library"
    program = project.get("OutputType", default).lower() in ("exe", "winexe")
    return supported == "true" or (program and supported != "false")


__all__ = ["FORMATS", "Outcome", "Target", "complete", "is_self_contained", "prepare"]
