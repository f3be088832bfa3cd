"""The variables of a stage: what ENV and ARG set, and which of them one sees.

Sources: moby/buildkit:frontend/dockerfile/dockerfile2llb/convert.go (dispatchEnv, dispatchArg) at v0.34.2, and
moby/moby:builder/dockerfile/buildargs.go at v26.1.5.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

_PROXIES = frozenset(
    spelt
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
    for spelt in (name, name.lower())
)


@dataclass(frozen=True)
class Open:
    """A value that depends on a base that is not known.

    Args:
        names: the variables that the base could set.
        if_unset: the value if it sets none of them.
    """

    names: frozenset[str]
    if_unset: str


class Scope(ABC):
    """The variables of a stage.

    Args:
        given: of --build-arg.
        outer: the ARG before the first FROM.
    """

    def __init__(self, given: Mapping[str, str], outer: Mapping[str, str | None]) -> None:
        self.given, self.outer = given, outer

    @abstractmethod
    def find(self, name: str) -> str | Open | None:
        """The value of a variable, None if it is not set."""

    @abstractmethod
    def add_base(self, env: Mapping[str, str | Open]) -> None:
        """Take the environment of what the stage is made from."""

    @abstractmethod
    def set_env(self, name: str, value: str | Open) -> None:
        """ENV."""

    def get(self, name: str) -> str | None:
        """The value of a variable; for one that depends on the base, what it is if that sets nothing."""
        value = self.find(name)
        return value.if_unset if isinstance(value, Open) else value

    @abstractmethod
    def names(self) -> list[str]:
        """Every variable that is set."""


class BuildkitScope(Scope):
    """One list for ENV and ARG, in which the later wins; a stage made from another takes its list over."""

    def __init__(self, given: Mapping[str, str], outer: Mapping[str, str | None]) -> None:
        super().__init__(given, outer)
        self.values: dict[str, str | Open] = {}

    def find(self, name: str) -> str | Open | None:
        return self.values.get(name)

    def add_base(self, env: Mapping[str, str | Open]) -> None:
        self.values.update(env)

    def set_env(self, name: str, value: str | Open) -> None:
        self.values[name] = value

    def names(self) -> list[str]:
        return list(self.values)


class ClassicScope(Scope):
    """ENV overrides ARG, and the ARG of a stage end with it.

    moby/moby:builder/dockerfile/buildargs.go (getBuildArg, FilterAllowed).
    """

    def __init__(
        self, given: Mapping[str, str], outer: Mapping[str, str | None], arguments: dict[str, str | Open | None]
    ) -> None:
        super().__init__(given, outer)
        self.arguments = arguments
        self._env: dict[str, str | Open] = {}

    def find(self, name: str) -> str | Open | None:
        if name in self._env:
            return self._env[name]
        if name not in self.arguments and name not in _PROXIES:
            return None
        if name in self.given:
            return self.given[name]
        default = self.arguments.get(name)
        return self.outer.get(name) if default is None else default

    def add_base(self, env: Mapping[str, str | Open]) -> None:
        self._env.update(env)

    def set_env(self, name: str, value: str | Open) -> None:
        self._env[name] = value

    def names(self) -> list[str]:
        return [*self._env, *self.arguments]
