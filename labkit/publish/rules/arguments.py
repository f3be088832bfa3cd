"""What is typed after `dotnet`: properties by `-p:` and the switches that stand for one.

PURE. Source: dotnet/sdk:src/Cli (options that are forwarded as properties) and dotnet/msbuild's command line,
which takes the last value of a property given twice and ignores the case of its name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from labkit.publish.rules.messages import Refused
from labkit.publish.rules.msbuild import NotUnderstood

_PROPERTY = re.compile(r"(?:--?|/)(?:property|p)(?::(.*))?", re.IGNORECASE | re.DOTALL)
_IGNORED = re.compile(
    r"publish|msbuild|(--?|/)(t|target|getproperty|v|verbosity|nologo|bl|m)(:.*)?|--nologo|--no-restore"
)
_VALUED = {
    **dict.fromkeys(("-c", "--configuration"), "Configuration"),
    **dict.fromkeys(("-f", "--framework"), "TargetFramework"),
    **dict.fromkeys(("-r", "--runtime"), "RuntimeIdentifier"),
    **dict.fromkeys(("-o", "--output"), "PublishDir"),
    "--os": "os",
    **dict.fromkeys(("-a", "--arch"), "arch"),
    "--version-suffix": "VersionSuffix",
}
_ARCHITECTURES = {"amd64": "x64", "x86_64": "x64", "aarch64": "arm64"}


def read_arguments(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """The properties that a command line sets, in the order in which it does.

    Args:
        arguments: what follows `dotnet`; `publish` and its target may be among them.

    Raises:
        Refused: as MSBuild refuses a property without a value or with a name that is none.
        NotUnderstood: a switch that the kit does not know.
    """
    properties: list[tuple[str, str]] = []
    rest = iter(arguments)
    for argument in rest:
        name, _, value = argument.partition("=")
        if match := _PROPERTY.fullmatch(argument):
            properties += _properties(match.group(1) or next(rest, ""))
        elif argument in ("--self-contained", "--sc", "--no-self-contained"):
            properties.append(("SelfContained", "false" if argument.startswith("--no") else "true"))
        elif name in _VALUED:
            properties.append((_VALUED[name], value if "=" in argument else next(rest, "")))
        elif not _IGNORED.fullmatch(argument.lower()):
            # MSBuild would take it for a second project (MSB1008).
            is_property = re.fullmatch(r"\w+=.*", argument) is not None
            remedy = f"write a property with -p: before it\n  -p:{argument}" if is_property else ""
            raise NotUnderstood(f"the argument {argument!r}", remedy)
    return _with_platform(properties)


def _properties(text: str) -> list[tuple[str, str]]:
    pairs = []
    # Quotes keep what is between them together, and go.
    for part in re.findall(r'(?:"[^"]*"|[^;,"])+', text):
        name, equals, value = part.replace('"', "").partition("=")
        if not equals or not name.strip():
            raise Refused("MSB1006", f"property is not valid: {part}")
        if bad := re.search(r"[^A-Za-z0-9_-]", name.lstrip()):
            raise Refused("MSB4177", f'invalid property: the name "{name}" contains the character "{bad.group()}"')
        pairs.append((name.lstrip(), value))
    return pairs


def _with_platform(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """`--os linux --arch arm64` is one property in the end."""
    given = dict(pairs)
    if "os" not in given and "arch" not in given:
        return pairs
    architecture = given.get("arch", "x64").lower()
    rid = f"{given.get('os', 'linux').lower()}-{_ARCHITECTURES.get(architecture, architecture)}"
    return [*((name, value) for name, value in pairs if name not in ("os", "arch")), ("RuntimeIdentifier", rid)]
