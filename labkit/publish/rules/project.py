"""A project file, evaluated as far as it matters to the image.

PURE. MSBuild evaluates properties from top to bottom and items afterwards; the command line overrides them, and they
override environment variables (learn.microsoft.com, "How MSBuild builds projects").
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from labkit.publish.rules.msbuild import LookUp, NotUnderstood, expand, holds, split_list, unescape

SDKS = ("Microsoft.NET.Sdk", "Microsoft.NET.Sdk.Web", "Microsoft.NET.Sdk.Worker")
ITEMS = (
    *("ContainerEnvironmentVariable", "ContainerPort", "ContainerLabel"),
    *("ContainerEntrypoint", "ContainerEntrypointArgs", "ContainerAppCommand", "ContainerAppCommandArgs"),
    *("ContainerDefaultArgs", "FrameworkReference"),
)
_CLOSE = 'close each element that is opened, as in\n  <Name>value</Name>\n  <Name Include="this" Value="that"/>'
_ITEM_NAMES = {name.lower(): name for name in ITEMS}
_LARGEST = 1 << 20
# What MSBuild and the SDK's props have set before a project begins, on Linux (dotnet/msbuild: reserved properties;
# dotnet/sdk:src/Tasks/Microsoft.NET.Build.Tasks/targets/Microsoft.NET.Sdk.props, which leaves what is set already).
_RESERVED = {
    "Configuration": "Release",
    "OS": "Unix",
    "MSBuildRuntimeType": "Core",
    "MSBuildProjectExtension": ".csproj",
    "MSBuildThisFileExtension": ".csproj",
}
# What the SDK's targets set after it, so that items see it and properties do not: each from others, in this order
# (Microsoft.Common.CurrentVersion.targets, Microsoft.NET.DefaultAssemblyInfo.targets, NuGet.Build.Tasks.Pack.targets).
_AFTER = (
    ("TargetName", "AssemblyName"),
    ("Authors", "AssemblyName"),
    ("Company", "Authors"),
    ("Product", "AssemblyName"),
    ("AssemblyTitle", "AssemblyName"),
    ("PackageId", "AssemblyName"),
    ("PackageVersion", "Version"),
)
# Others that they set, and whose values are not known here.
_OF_THE_SDK = re.compile(
    r"msbuild|netcoresdk|bundled|nuget|sourcerevisionid|intermediateoutput|outputpath", re.IGNORECASE
)


@dataclass(frozen=True)
class Item:
    """One item of a project.

    Args:
        name: its kind, such as ContainerPort.
        include: its Include.
        metadata: its other values by their names in lower case.
    """

    name: str
    include: str
    metadata: Mapping[str, str] = field(default_factory=dict)


class Property(NamedTuple):
    """A property's value.

    Args:
        name: as it was spelt last.
        raw: as MSBuild keeps it, with its escapes.
        value: without them.
    """

    name: str
    raw: str
    value: str

    @classmethod
    def of(cls, name: str, raw: str) -> Property:
        """A property from what MSBuild keeps."""
        return cls(name, raw, unescape(raw))


_UNSET = Property("", "", "")


@dataclass
class Project:
    """An evaluated project.

    Args:
        name: the file's name without its extension.
        sdk: the project's Sdk.
        properties: every property by its name in lower case.
        items: the items that matter to an image.
        other_items: names of further items that begin with Container.
        twice: names that the project file sets more than once.
        surroundings: names, in lower case, that an environment variable alone has set.
    """

    name: str
    sdk: str
    properties: dict[str, Property]
    items: list[Item] = field(default_factory=list)
    other_items: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    surroundings: set[str] = field(default_factory=set)

    def raw(self, name: str) -> str:
        """A property as MSBuild keeps it, with its escapes; empty where it is not set."""
        return self.properties.get(name.lower(), _UNSET).raw

    def get(self, name: str, default: str = "") -> str:
        """A property, or the default where it is empty."""
        return self.properties.get(name.lower(), _UNSET).value or default

    @property
    def assembly(self) -> str:
        """The app's name."""
        return self.get("AssemblyName", self.name)

    @property
    def version(self) -> str:
        """The app's version, by the SDK's rule (Microsoft.NET.DefaultAssemblyInfo.targets)."""
        prefix, suffix = self.get("VersionPrefix", "1.0.0"), self.get("VersionSuffix")
        return self.get("Version") or (f"{prefix}-{suffix}" if suffix else prefix)

    def of(self, name: str) -> list[Item]:
        """The items of a kind."""
        return [item for item in self.items if item.name == name]

    def includes(self, name: str) -> list[str]:
        """What the items of a kind include."""
        return [item.include for item in self.items if item.name == name]


def evaluate(
    text: str,
    given: Iterable[tuple[str, str]] = (),
    *,
    name: str = "hello",
    environment: Mapping[str, str] | None = None,
) -> Project:
    """Evaluate a project file.

    Args:
        text: the file.
        given: properties of the command line, of which the last of a name overrides the others.
        name: the file's name without its extension.
        environment: environment variables, which MSBuild takes for properties.

    Raises:
        NotUnderstood: it is no XML, or holds what the kit does not evaluate; the message names it.
    """
    root = _parse(text)
    sdk = root.get("Sdk", "")
    if _tag(root) != "Project" or sdk.partition("/")[0] not in SDKS:
        raise NotUnderstood(f"the Sdk {sdk!r}" if _tag(root) == "Project" else f"the element {_tag(root)}")
    of_props = {"Platform": "AnyCPU", "AssemblyName": name, "RootNamespace": name.replace(" ", "_")}
    file = {"ProjectName": name, "ThisFileName": name, "ProjectFile": f"{name}.csproj", "ThisFile": f"{name}.csproj"}
    reserved = {**_RESERVED, **{f"MSBuild{key}": raw for key, raw in file.items()}}
    before = {**of_props, **(environment or {}), **reserved}
    defaults = {key.lower(): Property.of(key, raw) for key, raw in before.items()}
    fixed, twice = _fixed(given)
    project = Project(name, sdk.partition("/")[0], defaults | fixed, twice=twice)
    project.surroundings = {key.lower() for key in environment or {}} - set(fixed)
    groups = list(_groups(root))
    for group in groups:
        if _tag(group) == "PropertyGroup":
            _set_properties(project, group, fixed)
    for group in groups:
        if _tag(group) == "ItemGroup":
            _add_items(project, group)
    return project


def _fixed(given: Iterable[tuple[str, str]]) -> tuple[dict[str, Property], list[str]]:
    """The properties of the command line, which a project file cannot change, and names with two values."""
    fixed: dict[str, Property] = {}
    twice = []
    for name, raw in given:
        before = fixed.get(name.lower())
        if before and before.raw != raw:
            twice.append(name)
        fixed[name.lower()] = Property.of(name, raw)
    return fixed, twice


class _NoDoctype(ET.TreeBuilder):
    """Builds the tree of a project file; a document type is where entities would come from."""

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise NotUnderstood("a document type declaration (<!DOCTYPE ...>), which could hold entities")


def _parse(text: str) -> ET.Element:
    if len(text) > _LARGEST:
        raise NotUnderstood(f"a project file of {len(text)} characters")
    parser = ET.XMLParser(target=_NoDoctype())
    try:
        parser.feed(text.lstrip("\ufeff"))
        root: ET.Element = parser.close()
    except (ET.ParseError, ValueError) as error:
        raise NotUnderstood(f"text that is not XML ({error})", _CLOSE) from error
    return root


def _tag(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _groups(root: ET.Element) -> Iterator[ET.Element]:
    for element in root:
        tag = _tag(element)
        if tag in ("PropertyGroup", "ItemGroup"):
            yield element
        elif tag not in ("ProjectExtensions",):
            name = element.get("Project") or element.get("Name") or element.get("TaskName") or ""
            # MSBuild does not take them there either (MSB4067).
            group = "ItemGroup" if tag in ITEMS else "PropertyGroup" if tag.startswith("Container") else ""
            remedy = f"put it between <{group}> and </{group}>" if group else ""
            raise NotUnderstood(f"the element {tag}{f' {name!r}' if name else ''}", remedy)


def _own_or_refused(project: Project) -> LookUp:
    """Looks properties up as a property of the project sees them; what the SDK alone knows is refused by name."""

    def look_up(name: str) -> str:
        if name.lower() not in project.properties and _OF_THE_SDK.match(name):
            raise NotUnderstood(f"the property {name}, which the SDK sets")
        return project.raw(name)

    return look_up


def _as_items_see(project: Project) -> LookUp:
    """Looks properties up as an item sees them: after the SDK's targets have set what the project has not."""
    after = {"version": project.version, "targetext": ".dll", "versionprefix": "1.0.0"}
    own = _own_or_refused(project)
    for name, source in _AFTER:
        after[name.lower()] = project.raw(name) or after.get(source.lower()) or project.raw(source)
    after["targetfilename"] = f"{after['targetname']}{project.raw('TargetExt') or '.dll'}"
    return lambda name: project.raw(name) or after.get(name.lower()) or own(name)


def _applies(element: ET.Element, look_up: LookUp) -> bool:
    condition = element.get("Condition")
    return condition is None or holds(condition, look_up)


def _set_properties(project: Project, group: ET.Element, fixed: Container[str]) -> None:
    look_up = _own_or_refused(project)
    if not _applies(group, look_up):
        return
    for element in group:
        if len(element):
            raise NotUnderstood(f"elements inside of the property {_tag(element)}")
        name = _tag(element)
        if not _applies(element, look_up) or name.lower() in fixed:
            continue
        raw = expand(element.text or "", look_up)
        before = project.properties.get(name.lower(), _UNSET)
        if before.name == name and before.raw not in ("", raw) and name.startswith("Container"):
            project.twice.append(name)
        project.properties[name.lower()] = Property.of(name, raw)
        project.surroundings.discard(name.lower())


def _add_items(project: Project, group: ET.Element) -> None:
    look_up = _as_items_see(project)
    if not _applies(group, look_up):
        return
    for element in group:
        tag = _tag(element)
        name = _ITEM_NAMES.get(tag.lower())
        if name is None:
            if tag.lower().startswith("container"):
                project.other_items.append(tag)
        elif _applies(element, look_up):
            _add_item(project, name, element, look_up)


def _add_item(project: Project, name: str, element: ET.Element, look_up: LookUp) -> None:
    attributes = {key: value for key, value in element.attrib.items() if key != "Condition"}
    if operations := sorted(
        {"Update", "Exclude", "KeepDuplicates", "RemoveMetadata", "KeepMetadata"} & set(attributes)
    ):
        raise NotUnderstood(f"{operations[0]} of the item {name}")
    if "Remove" in attributes:
        gone = {entry.lower() for entry in split_list(expand(attributes["Remove"], look_up))}
        project.items = [item for item in project.items if item.name != name or item.include.lower() not in gone]
        return
    includes = expand(attributes.pop("Include", ""), look_up)
    metadata = {key.lower(): unescape(expand(value, look_up)) for key, value in attributes.items()}
    for child in element:
        if _applies(child, look_up):
            metadata[_tag(child).lower()] = unescape(expand(child.text or "", look_up))
    if "*" in includes or "?" in includes:
        raise NotUnderstood(f"a wildcard in the item {name} ({includes!r})")
    project.items += [Item(name, include, metadata) for include in split_list(includes)]
