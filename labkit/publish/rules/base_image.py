"""Which base image the SDK chooses where the project names none.

PURE. Source: dotnet/sdk:src/Containers/Microsoft.NET.Build.Containers/Tasks/ComputeDotnetBaseImageAndTag.cs.
"""

from __future__ import annotations

import re

from labkit.core.image_platform import ImagePlatform
from labkit.publish.rules.messages import Refused
from labkit.publish.rules.msbuild import NotUnderstood, is_true, split_list
from labkit.publish.rules.project import Project

SDK_VERSION = "10.0.401"
"""The SDK whose behaviour was recorded, and which the kit's own back end follows."""
_SDK_MAJOR, _SDK_MINOR = 10, 0
_ASPNET = "microsoft.aspnetcore.app"
_FIRST_WITH_EXTRA = 8
_SYSTEMS = {"win": "windows", "osx": "darwin"}
_ARCHITECTURES = {"x64": "amd64", "x86": "386"}


def framework_version(project: Project) -> tuple[int, int]:
    """The version of the project's target framework.

    Raises:
        Refused: it has none, or several.
        NotUnderstood: it is not one of .NET's since 5.
    """
    framework = project.get("TargetFramework").strip()
    if not framework and project.get("TargetFrameworks"):
        several = ", ".join(split_list(project.raw("TargetFrameworks")))
        raise Refused("NETSDK1129", f"the project has several target frameworks, one must be specified: {several}")
    if not framework:
        raise Refused("NETSDK1013", "the TargetFramework value '' was not recognized")
    match = re.fullmatch(r"net(\d+)\.(\d+)(?:-.*)?", framework, re.IGNORECASE)
    if match is None:
        raise NotUnderstood(f"the TargetFramework {framework!r}")
    return int(match[1]), int(match[2])


def runtime_identifiers(project: Project) -> list[str]:
    """The platforms that the image is for; several where the project names several."""
    return _named_identifiers(project) or ["linux-x64"]


def named_platform(project: Project) -> ImagePlatform | None:
    """The platform that the project names for its image; None if it names none, or several.

    Source: dotnet/sdk:src/Containers/Microsoft.NET.Build.Containers/Registry.cs (CreateRidForPlatform).
    """
    if len(named := _named_identifiers(project)) != 1:
        return None
    system, _, architecture = named[0].rpartition("-")
    return ImagePlatform.parse(
        f"{_SYSTEMS.get(system[:3], 'linux')}/{_ARCHITECTURES.get(architecture, architecture)}" if system else ""
    )


def _named_identifiers(project: Project) -> list[str]:
    several = project.raw("ContainerRuntimeIdentifiers") or project.raw("RuntimeIdentifiers")
    of_image = project.get("ContainerRuntimeIdentifier")
    if not of_image and several and not project.get("RuntimeIdentifier"):
        return split_list(several)
    named = of_image or project.get("RuntimeIdentifier")
    return [named] if named else []


def is_self_contained(project: Project) -> bool:
    """Whether the app brings its runtime along.

    Raises:
        NotUnderstood: it is trimmed and does not set SelfContained.
    """
    self_contained = project.get("SelfContained") or project.get("PublishSelfContained")
    if not self_contained and is_true(project.get("PublishTrimmed")) and not is_true(project.get("PublishAot")):
        raise NotUnderstood("PublishTrimmed without SelfContained; set SelfContained=true beside it")
    return is_true(self_contained) or is_true(project.get("PublishAot"))


def base_image(project: Project) -> str:
    """The base image that a project names, or the one that the SDK chooses for it.

    Raises:
        Refused: as the SDK refuses.
    """
    if given := project.get("ContainerBaseImage"):
        return given
    major, minor = framework_version(project)
    musl = [rid.startswith("linux-musl") for rid in runtime_identifiers(project)]
    if any(musl) and not all(musl):
        raise Refused("", "invalid runtime identifiers: either all should be 'linux-musl' or none")
    if (major, minor) > (_SDK_MAJOR, _SDK_MINOR):
        major, minor = _SDK_MAJOR, _SDK_MINOR
    return f"mcr.microsoft.com/dotnet/{_repository(project)}:{major}.{minor}{_variant(project, major, any(musl))}"


def _repository(project: Project) -> str:
    if is_self_contained(project):
        return "runtime-deps"
    references = {include.lower() for include in project.includes("FrameworkReference")}
    return "aspnet" if project.sdk == "Microsoft.NET.Sdk.Web" or _ASPNET in references else "runtime"


def _variant(project: Project, major: int, musl: bool) -> str:
    has_extra = major >= _FIRST_WITH_EXTRA
    invariant = is_true(project.get("InvariantGlobalization"))
    family = project.get("ContainerFamily")
    if family.strip():
        extra = has_extra and not musl and not invariant and family.endswith("-chiseled")
        return f"-{family}" + ("-extra" if extra else "")
    small = is_true(project.get("PublishAot")) or is_true(project.get("PublishTrimmed"))
    if not has_extra:
        return "-alpine" if musl else ""
    system = "-alpine" if musl else "-noble-chiseled" if small else ""
    return system + ("-extra" if small and not invariant else "")
