"""Where the image goes and how it is called there: registry, archive or engine; repository and tags.

PURE. Source: dotnet/sdk:src/Containers/Microsoft.NET.Build.Containers/Tasks/ParseContainerProperties.cs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from labkit.publish.rules import image_names as names
from labkit.publish.rules.image_config import is_variable
from labkit.publish.rules.messages import Message, Refused
from labkit.publish.rules.msbuild import NotUnderstood, is_true, split_list
from labkit.publish.rules.project import Project


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


def image_target(project: Project) -> Target:
    """The target of a project that `check_target` has nothing against.

    Raises:
        Refused: nothing of the repository's name can stay.
    """
    name = project.get("ContainerImageName") or project.get("ContainerRepository") or project.assembly
    return Target(
        names.normal_repository(name),
        tuple(_tags(project)) or (_tag(project) or "latest",),
        _registry(project),
        project.get("ContainerArchiveOutputPath"),
        project.get("LocalRegistry"),
    )


def check_target(project: Project, base: str) -> Iterator[Message]:
    """What the SDK reports about names and tags, in its order.

    Args:
        project: the evaluated project.
        base: the reference of the base image.

    Raises:
        Refused: the SDK stops here; what came before it has been reported.
        NotUnderstood: the project asks for what the kit does not do.
    """
    tag, tags = _tag(project), _tags(project)
    if project.get("ContainerImageName"):
        yield Message("CONTAINER003", "ContainerImageName is obsolete; ContainerRepository is its name now")
    if is_true(project.get("AutoGenerateImageTag")):
        raise NotUnderstood("AutoGenerateImageTag: a tag made of the time")
    if tag and tags:
        raise Refused("CONTAINER2008", "both ContainerImageTag and ContainerImageTags were provided")
    if tag and not names.is_tag(tag):
        yield Message("CONTAINER2007", names.bad_tag("ContainerImageTag", tag), error=True)
    if bad := [text for text in tags if not names.is_tag(text)]:
        raise Refused("CONTAINER2010", names.bad_tag("ContainerImageTags", ",".join(bad)))
    if registry := _registry(project):
        names.check_registry(registry)
    for item in project.of("ContainerEnvironmentVariable"):
        if not is_variable(item.include):
            yield Message("CONTAINER2015", f"{item.include!r} is not a valid environment variable, and is left out")
    if " " in base:
        yield Message("CONTAINER2020", "the base image's name has spaces in it; they become dashes")
    names.check_base(base.replace(" ", "-"))


def _tag(project: Project) -> str:
    return project.get("PublishImageTag") or project.get("ContainerImageTag")


def _tags(project: Project) -> list[str]:
    return split_list(project.raw("ContainerImageTags"))


def _registry(project: Project) -> str:
    return project.get("RegistryUrl") or project.get("ContainerRegistry")
