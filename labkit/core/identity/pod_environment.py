"""HOME as a pod's own environment sets it.

Sources: kubernetes/kubernetes:pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables) at v1.37.2 and
third_party/forked/golang/expansion/expand.go (Expand), opencontainers/runc:libcontainer/env.go (prepareEnv) at v1.4.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

# $(NAME), $$ for a dollar sign; anything else stays as it is.
_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")
# What Kubernetes adds for each service, whose names stand in no manifest (pkg/kubelet/envvars/envvars.go).
_OF_SERVICE = re.compile(r"[A-Z0-9_]+_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[A-Z0-9_]+)?)")


class EnvironmentHome(NamedTuple):
    """HOME, as the pod's environment sets it.

    Args:
        value: "" for an empty one, in place of which runc takes that of the passwd file; None if it is not known.
        source: where it comes from, for what is not known.
    """

    value: str | None
    source: str = ""


def home_of_container(container: Mapping[str, Any]) -> EnvironmentHome | None:
    """HOME as a container's env and envFrom set it, None if they do not.

    Args:
        container: of a pod's spec, decoded.
    """
    values: dict[str, EnvironmentHome] = {}
    has_more = bool(container.get("envFrom"))
    for variable in container.get("env", ()):
        name = variable.get("name", "")
        if "valueFrom" in variable and not variable.get("value"):
            source = next(iter(variable["valueFrom"]), "valueFrom")
            values[name] = EnvironmentHome(None, f"a {source}")
        else:
            values[name] = _expanded(variable.get("value", ""), values, has_more)
    if "HOME" not in values and has_more:
        return EnvironmentHome(None, "envFrom, if that has a HOME")
    return values.get("HOME")


def _expanded(text: str, values: Mapping[str, EnvironmentHome], has_more: bool) -> EnvironmentHome:
    """A value in which references to variables further up are replaced; one to no variable stays as it is."""
    unknown: list[str] = []

    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return "$"
        if (known := values.get(name)) is not None:
            unknown.extend([] if known.value is not None else [known.source])
            return known.value or ""
        if has_more or _OF_SERVICE.fullmatch(name):
            unknown.append(f"the variable {name}")
        return match[0]

    value = _REFERENCE.sub(replace, text)
    return EnvironmentHome(None, unknown[0]) if unknown else EnvironmentHome(value)
