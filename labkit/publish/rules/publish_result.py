"""What the SDK's publishing makes of a project and a base image: the whole rule, step after step.

PURE. Held to what the real SDK did in tests/recorded/sdk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from labkit.publish.rules.base_image import base_image, framework_version, runtime_identifiers
from labkit.publish.rules.entrypoint import app_command, entrypoint_and_cmd
from labkit.publish.rules.image_config import ConfigObject, ImageConfigBuilder
from labkit.publish.rules.image_target import Target, check_target, image_target
from labkit.publish.rules.labels import labels
from labkit.publish.rules.messages import Message, Refused
from labkit.publish.rules.msbuild import NotUnderstood
from labkit.publish.rules.project import Project

FORMATS = ("OCI", "Docker")
_WINDOWS_USER_SINCE = 8
_NOWHERE = Target()


@dataclass(frozen=True)
class PublishResult:
    """What would come out.

    Args:
        base_image: the reference of the base.
        target: where it goes; empty if that could not be decided.
        image_format: Docker or OCI.
        working_directory: where the app's files lie.
        config: the image's `config` object; None if nothing is published.
        messages: what the SDK would report.
        published: whether there is anything to publish at all; a library publishes nothing.
    """

    base_image: str = ""
    target: Target = _NOWHERE
    image_format: str = "Docker"
    working_directory: str = ""
    config: ConfigObject | None = None
    messages: tuple[Message, ...] = ()
    published: bool = True

    @property
    def failed(self) -> bool:
        """Whether the SDK would have stopped."""
        return any(message.error for message in self.messages)


def prepare(project: Project) -> PublishResult:
    """All that is known before the base image is read.

    Raises:
        NotUnderstood: the project asks for what the kit does not do.
    """
    result, messages = PublishResult(), list[Message]()
    try:
        framework_version(project)
        result = replace(result, published=_is_published(project))
        result = replace(result, base_image=base_image(project))
        for message in check_target(project, result.base_image):
            messages.append(message)
        result = replace(
            result,
            target=image_target(project),
            image_format=project.get("ContainerImageFormat"),
            working_directory=project.get("ContainerWorkingDirectory", "C:\\app\\" if _windows(project) else "/app/"),
        )
    except Refused as refused:
        messages.append(refused.message)
    return replace(result, messages=tuple(messages))


def complete(
    project: Project,
    result: PublishResult,
    base: Mapping[str, Any] | None,
    base_format: str = "Docker",
    *,
    base_digest: str = "",
    created: str = "",
) -> PublishResult:
    """Make the image's configuration from the base's.

    Args:
        project: as it was prepared.
        result: of `prepare`.
        base: the base's `config` object; None if its configuration has none.
        base_format: Docker or OCI.
        base_digest: of the base's manifest.
        created: a time as RFC 3339 has it.

    Returns:
        The result with its configuration, or with the errors for which there is none.

    Raises:
        NotUnderstood: the project asks for what the kit does not do.
    """
    if result.failed or not result.published:
        return result
    if len(runtime_identifiers(project)) > 1:
        raise NotUnderstood("several runtime identifiers: an image for several platforms; name one with -r")
    result = replace(result, image_format=result.image_format or base_format)
    try:
        config, messages = _config(project, result, base)
        config.labels |= labels(project, result.base_image, base_digest, created)
    except Refused as refused:
        return replace(result, messages=(*result.messages, refused.message))
    result = replace(result, messages=(*result.messages, *messages))
    return result if result.failed else replace(result, config=config.to_dict())


def _config(
    project: Project, result: PublishResult, base: Mapping[str, Any] | None
) -> tuple[ImageConfigBuilder, list[Message]]:
    local, directory = result.target.local_registry, result.working_directory
    if not result.target.archive and not result.target.registry and local not in ("", "Docker", "Podman"):
        raise Refused("MSB4018", f"CONTAINER2002: unknown local registry type {local!r}. Valid are Docker,Podman")
    if base is None:
        raise Refused("MSB4018", "the base image's configuration has no 'config' node, and the SDK's task crashes")
    config = ImageConfigBuilder(base)
    if result.image_format not in FORMATS:
        raise Refused("CONTAINER2031", f"the format {result.image_format!r} is not supported. Supported: OCI,Docker")
    if not directory.strip("/"):
        raise Refused("MSB4018", "the working directory is the root itself, and the SDK's task crashes")
    config.working_directory = directory
    command = app_command(project, directory, _windows(project))
    config.entrypoint, config.cmd, messages = entrypoint_and_cmd(project, command, base.get("Entrypoint"))
    config.add_variables(project.of("ContainerEnvironmentVariable"))
    messages += config.add_ports(project.of("ContainerPort"))
    config.infer_user(_user(project))
    config.infer_ports()
    return config, messages


def _windows(project: Project) -> bool:
    return runtime_identifiers(project)[0].startswith("win")


def _user(project: Project) -> str:
    given = project.get("ContainerUser")
    if given or project.get("ContainerBaseImage") or not _windows(project):
        return given
    return "ContainerUser" if framework_version(project)[0] >= _WINDOWS_USER_SINCE else ""


def _is_published(project: Project) -> bool:
    """Whether there is something to publish; of a library, and where it is switched off, the SDK reports nothing."""
    if project.get("IsPublishable").lower() == "false":
        return False
    supported = project.get("EnableSdkContainerSupport").lower()
    default = "Exe" if project.sdk != "Microsoft.NET.Sdk" else "Library"
    program = project.get("OutputType", default).lower() in ("exe", "winexe")
    return supported == "true" or (program and supported != "false")
