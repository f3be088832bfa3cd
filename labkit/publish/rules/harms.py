"""Where the SDK does harm without a warning: what the kit warns of, with what the real SDK would do.

PURE.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from labkit.core.identity.kubelet_rules import cri_user, verify_run_as_non_root
from labkit.core.identity.model import Settings
from labkit.publish.rules.messages import Message
from labkit.publish.rules.msbuild import is_true
from labkit.publish.rules.project import ITEMS, Project
from labkit.publish.rules.publish_result import PublishResult

_LABELS = (
    *("ImageCreated", "ImageDescription", "ImageAuthors", "ImageUrl", "ImageDocumentation", "ImageSource"),
    *("ImageVersion", "ImageRevision", "ImageVendor", "ImageLicenses", "ImageTitle", "ImageBaseDigest"),
    *("ImageBaseName", "DotnetToolset"),
)
PROPERTIES = (
    *("ContainerBaseImage", "ContainerFamily", "ContainerUser", "ContainerWorkingDirectory", "ContainerRepository"),
    *("ContainerImageName", "ContainerImageTag", "ContainerImageTags", "ContainerImageFormat", "ContainerRegistry"),
    *("ContainerArchiveOutputPath", "ContainerAppCommandInstruction", "LocalRegistry"),
    *("ContainerRuntimeIdentifier", "ContainerRuntimeIdentifiers", "ContainerPublishInParallel"),
    *("ContainerTitle", "ContainerDescription", "ContainerAuthors", "ContainerVersion", "ContainerInformationUrl"),
    *("ContainerDocumentationUrl", "ContainerVendor", "ContainerLicenseExpression"),
    *("EnableSdkContainerSupport", "ContainerGenerateLabels"),
    *(f"ContainerGenerateLabels{label}" for label in _LABELS),
)
"""The SDK's properties of an image."""
_LOWER = {name.lower(): name for name in PROPERTIES}
# What every project may set and what the kit sets itself; comparing these with each property would take its time.
_OTHERS = {
    *("outputtype", "targetframework", "implicitusings", "nullable", "assemblyname", "configuration"),
    *("runtimeidentifier", "msbuildprojectname", "msbuildprojectfile"),
}
_SMALLEST_PORT, _LARGEST_PORT = 1, 65535
_LIKE = 0.85


def harms(project: Project, result: PublishResult, files: Iterable[str]) -> list[Message]:
    """The warnings for one publishing.

    Args:
        project: the evaluated project.
        result: with its configuration.
        files: the names of the published files.
    """
    config = result.config or {}
    return [
        *_names(project),
        *_user(project, config),
        *_directory(result),
        *_start(project, result, set(files)),
        *_ports(config),
    ]


def _names(project: Project) -> list[Message]:
    messages = []
    for lower, (name, _, _) in project.properties.items():
        if lower in project.surroundings:
            if lower in _LOWER:
                text = f"MSBuild takes the environment variable {name} for a property, and the SDK uses it"
                messages.append(Message("from-environment", text))
            continue
        if lower in _LOWER or lower in _OTHERS:
            continue
        near = difflib.get_close_matches(lower, _LOWER, n=1, cutoff=_LIKE)
        if not near and not lower.startswith("container"):
            continue
        hint = f"; did you mean {_LOWER[near[0]]}?" if near else ""
        messages.append(Message("unknown-property", f"the SDK has no property {name}, and ignores it{hint}"))
    for name in project.other_items:
        near = difflib.get_close_matches(name, ITEMS, n=1, cutoff=_LIKE)
        hint = f"; did you mean {near[0]}?" if near else ""
        messages.append(Message("unknown-item", f"the SDK has no item {name}, and ignores it{hint}"))
    for name in dict.fromkeys(project.twice):
        messages.append(Message("property-twice", f"{name} is set more than once; the SDK takes the last"))
    return messages


def _user(project: Project, config: Mapping[str, Any]) -> list[Message]:
    user = str(config.get("User") or "")
    given = project.get("ContainerUser")
    values = [entry.partition("=")[2] for entry in config.get("Env") or [] if entry.startswith("APP_UID=")]
    if not given and values == [""]:
        text = "APP_UID is empty: the SDK overrides the base's User with an empty one, and the image runs as root"
        return [Message("app-uid-empty", text)]
    where = "ContainerUser" if given else "APP_UID" if values else "the base image"
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in user):
        return [
            Message("user-unprintable", f"{where} gives a user with a control character, {user!r}, written as it is")
        ]
    if user.strip() != user or (given and not user.strip()):
        return [
            Message("user-blank", f"{where} gives {user!r}: the SDK keeps the blanks, and no engine finds that user")
        ]
    if user.count(":") > 1:
        return [Message("user-colons", f"{where} gives {user!r}: what follows the second colon is ignored")]
    if user.startswith(":"):
        return [Message("user-root", f"{where} gives {user!r}, which has no user before its colon: root")]
    refusal = verify_run_as_non_root(Settings(run_as_non_root=True), cri_user(user), user)
    if refusal is None:
        return []
    return [Message(f"{refusal.cause}", f"{where} gives {user!r}: {_MEANING.get(str(refusal.cause), refusal.message)}")]


_MEANING = {
    "image-runs-as-root": "the image runs as root, and the SDK says nothing; Kubernetes' runAsNonRoot refuses it",
    "image-user-not-numeric": "a name, which the SDK does not look up; Kubernetes' runAsNonRoot refuses names",
    "image-user-out-of-range": "a number that is not a uid; the SDK writes it, and the image will not start",
}


def _directory(result: PublishResult) -> list[Message]:
    place = result.working_directory
    if place.endswith(("/", "\\")):
        return []
    text = f"the working directory {place!r} does not end with a slash, and the SDK appends the file's name as it is"
    return [Message("working-directory-without-slash", text)]


def _start(project: Project, result: PublishResult, files: set[str]) -> list[Message]:
    if is_true(project.get("PublishSingleFile")):
        text = "PublishSingleFile: the image starts `dotnet NAME.dll`, a file that a single-file app does not have"
        if (result.config or {}).get("Entrypoint", [""])[0] == "dotnet":
            return [Message("single-file", text)]
    started = [*(result.config or {}).get("Entrypoint", []), *(result.config or {}).get("Cmd", [])]
    own = [path for path in started if path.startswith(result.working_directory) and not path.startswith("-")]
    missing = [path for path in own if path.removeprefix(result.working_directory).lstrip("/") not in files]
    text = "the image starts {}, which is not among the published files"
    return [Message("app-file-missing", text.format(path)) for path in missing[:1]]


def _ports(config: Mapping[str, Any]) -> list[Message]:
    wrong = [port for port in config.get("ExposedPorts") or {} if not _is_port(port.partition("/")[0])]
    return [Message("port-out-of-range", f"{port} is not a port; the SDK writes it anyway") for port in wrong]


def _is_port(text: str) -> bool:
    return text.isdigit() and _SMALLEST_PORT <= int(text) <= _LARGEST_PORT
