"""The configuration of the published image: the base's, changed as the SDK changes it.

PURE. Source: dotnet/sdk:src/Containers/Microsoft.NET.Build.Containers/ImageConfigBuilder.cs, ImageBuilder.cs and
Tasks/CreateNewImage.cs. In particular Config.User: ContainerUser to the letter; else APP_UID of the final
environment, even where it is empty; else the base's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from labkit.publish.rules.messages import Message, Refused
from labkit.publish.rules.project import Item

_INTEGER = re.compile(r"\s*[+-]?\d+\s*")
_VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_URL = re.compile(r"\w+://.+:(\d+)")
_PORT_TYPES = {"": "tcp", "tcp": "tcp", "udp": "udp", "0": "tcp", "1": "udp"}
_KEPT = ("Volumes", "StopSignal")


ConfigObject = dict[str, Any]
"""An image's `config` object (opencontainers/image-spec:config.md); a base may have more in it than the kit knows."""


class ImageConfigBuilder:
    """A configuration in the making: the base's, and what a project changes of it.

    Args:
        base: the base's `config` object.

    Raises:
        Refused: the SDK's task crashes on such a base.
    """

    def __init__(self, base: Mapping[str, Any]) -> None:
        self.base = base
        self.user: str | None = base.get("User")
        self.labels: dict[str, str] = dict(base.get("Labels") or {})
        self.ports: dict[str, None] = {}
        for port in base.get("ExposedPorts") or {}:
            number, _, kind = port.partition("/")
            if _is_int32(number) and kind in _PORT_TYPES:
                self.ports[f"{int(number)}/{_PORT_TYPES[kind]}"] = None
        self.environment: dict[str, str] = {}
        for entry in base.get("Env") or ():
            name, equals, value = entry.partition("=")
            if equals and name in self.environment:
                raise Refused("MSB4018", f"the base image sets the variable {name} twice, and the SDK's task crashes")
            if equals:
                self.environment[name] = value
        self.working_directory = ""
        self.entrypoint: Sequence[str] = ()
        self.cmd: Sequence[str] = ()

    def add_variables(self, items: Iterable[Item]) -> None:
        """Set the variables of the project; an invalid name is left out."""
        for item in items:
            if is_variable(item.include):
                self.environment[item.include] = item.metadata.get("value", "")

    def add_ports(self, items: Iterable[Item]) -> list[Message]:
        """Expose the project's ports; gives an error for each that is invalid."""
        errors = []
        for item in items:
            kind = item.metadata.get("type", "")
            wrong = []
            if not _is_int32(item.include):
                wrong.append(f"an invalid port number {item.include!r}")
            if kind.strip() not in _PORT_TYPES:
                wrong.append(f"an invalid port type {kind!r}")
            if wrong:
                text = f"a ContainerPort item was provided with {' and '.join(wrong)}"
                errors.append(Message("CONTAINER2017", text, error=True))
            else:
                self.ports[f"{int(item.include)}/{_PORT_TYPES[kind.strip()]}"] = None
        return errors

    def infer_user(self, given: str) -> None:
        """Set the user: the given one, else APP_UID's, else the base's stays."""
        if given:
            self.user = given
        elif "APP_UID" in self.environment:
            self.user = self.environment["APP_UID"]

    def infer_ports(self) -> None:
        """Expose what ASP.NET will listen on: ASPNETCORE_URLS alone, or the two lists of ports."""
        if (urls := self.environment.get("ASPNETCORE_URLS")) is not None:
            numbers = [match[1] for url in _parts(urls) if (match := _URL.search(url))]
        else:
            lists = (self.environment.get(f"ASPNETCORE_{kind}_PORTS", "") for kind in ("HTTP", "HTTPS"))
            numbers = [part for text in lists for part in _parts(text)]
        for number in numbers:
            if _is_int32(number):
                self.ports[f"{int(number)}/tcp"] = None

    def to_dict(self) -> ConfigObject:
        """The `config` object, with its keys in the SDK's order; what is empty is left out as the SDK does."""
        config: ConfigObject = {
            "ExposedPorts": {port: {} for port in self.ports},
            "Labels": dict(self.labels),
            "Env": [f"{name}={value}" for name, value in self.environment.items()],
            "WorkingDir": self.working_directory,
            "Entrypoint": [argument for argument in self.entrypoint if argument],
            "Cmd": [argument for argument in self.cmd if argument],
        }
        config = {name: value for name, value in config.items() if value}
        if self.user is not None:
            config["User"] = self.user
        return config | {name: self.base[name] for name in _KEPT if self.base.get(name) is not None}


def is_variable(name: str) -> bool:
    """Whether the SDK takes this for a variable's name."""
    return _VARIABLE.fullmatch(name) is not None


def _parts(text: str) -> list[str]:
    return [part for entry in text.split(";") if (part := entry.strip())]


def _is_int32(text: str) -> bool:
    return _INTEGER.fullmatch(text) is not None and -(2**31) <= int(text) < 2**31
