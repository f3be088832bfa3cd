"""The labels that the SDK gives an image.

PURE. Source: dotnet/sdk:src/Containers/packaging/build/Microsoft.NET.Build.Containers.targets.
"""

from __future__ import annotations

from labkit.publish.rules.base_image import SDK_VERSION, framework_version
from labkit.publish.rules.msbuild import NotUnderstood, is_true
from labkit.publish.rules.project import Project

_OCI = "org.opencontainers.image."
_ARTIFACT_DESCRIPTION = "org.opencontainers.artifact.description"
# Which property switches a label off, which properties give its value, and its names.
_FROM_PROPERTIES = (
    ("ImageDescription", ("ContainerDescription", "Description"), (_ARTIFACT_DESCRIPTION, f"{_OCI}description")),
    ("ImageAuthors", ("ContainerAuthors", "Authors", "AssemblyName"), (f"{_OCI}authors",)),
    ("ImageUrl", ("ContainerInformationUrl", "PackageProjectUrl"), (f"{_OCI}url",)),
    ("ImageDocumentation", ("ContainerDocumentationUrl", "PackageProjectUrl"), (f"{_OCI}documentation",)),
    ("ImageVersion", ("ContainerVersion", "PackageVersion", "Version"), (f"{_OCI}version",)),
    ("ImageVendor", ("ContainerVendor",), (f"{_OCI}vendor",)),
    ("ImageLicenses", ("ContainerLicenseExpression", "PackageLicenseExpression"), (f"{_OCI}licenses",)),
    ("ImageTitle", ("ContainerTitle", "Title"), (f"{_OCI}title",)),
)  # fmt: skip


def labels(project: Project, base: str, base_digest: str, created: str) -> dict[str, str]:
    """The labels of an image; generated ones override the project's own.

    Args:
        project: with its items.
        base: the base's reference as the project gives it.
        base_digest: of the base's manifest; empty if it is not known.
        created: a time as RFC 3339 has it.

    Raises:
        NotUnderstood: labels from the source control are asked for.
    """
    if not _wanted(project, ""):
        return {}
    if is_true(project.get("PublishRepositoryUrl")):
        raise NotUnderstood("PublishRepositoryUrl: labels from the source control are the SDK's alone")
    values = {item.include: item.metadata.get("value", "") for item in project.of("ContainerLabel")}
    if _wanted(project, "ImageCreated"):
        values |= {f"{_OCI}created": created, "org.opencontainers.artifact.created": created}
    defaults = {"AssemblyName": project.assembly, "Version": project.version}
    for switch, sources, names in _FROM_PROPERTIES:
        value = next((text for name in sources if (text := project.get(name) or defaults.get(name, ""))), "")
        if value and _wanted(project, switch):
            values |= dict.fromkeys(names, value)
    if _wanted(project, "ImageBaseName"):
        values[f"{_OCI}base.name"] = base
    if _wanted(project, "DotnetToolset"):
        values["net.dot.runtime.majorminor"] = ".".join(map(str, framework_version(project)))
        values["net.dot.sdk.version"] = SDK_VERSION
    if _wanted(project, "ImageBaseDigest"):
        values[f"{_OCI}base.digest"] = base_digest
    return values


def _wanted(project: Project, switch: str) -> bool:
    return project.get(f"ContainerGenerateLabels{switch}", "true").lower() == "true"
