"""What every posture has around it, so that each probe has something to work on. Pure.

A secret in the environment, a supplementary group that a volume is handed over by, and a process of another user.
"""

from __future__ import annotations

import copy
import posixpath
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labkit.core.mappings import Manifest

if TYPE_CHECKING:
    from labkit.adapters.engine import InspectedConfig, InspectedImage

NEIGHBOUR_UID = 1655
SHARED_GID = 2000
NEIGHBOUR = "neighbour"
NEIGHBOUR_IMAGE = "aspnetapp-chiseled"
_PASSWORD = "not-a-real-password"


def environment(mark: str, app: str) -> dict[str, str]:
    """The environment of the probe program (cluster/probe).

    Args:
        mark: the name of the file or control group that it may leave outside of the container.
        app: the path of the app's program.
    """
    return {
        "LABKIT_MARK": mark,
        "LABKIT_APP": app,
        "LABKIT_NEIGHBOUR": str(NEIGHBOUR_UID),
        "DATABASE_PASSWORD": _PASSWORD,
    }


def app_program(image: InspectedImage | None) -> str:
    """The path of the app's program in an image; empty if it has none, or if there is no such image."""
    config: InspectedConfig = image["Config"] if image is not None else {}
    argv = [str(argument) for argument in config.get("Entrypoint") or [] if argument != "dotnet"]
    return posixpath.normpath(posixpath.join(str(config.get("WorkingDir") or "/"), argv[0])) if argv else ""


def surrounded(pod: Mapping[str, Any], variables: Mapping[str, str], arguments: Sequence[str]) -> Manifest:
    """A posture's pod with its surroundings; the posture's own settings stay as they are.

    Args:
        pod: the posture's manifest.
        variables: the environment.
        arguments: for the probe program.
    """
    manifest: Manifest = copy.deepcopy(dict(pod))
    spec = manifest["spec"]
    spec["shareProcessNamespace"] = True
    spec.setdefault("securityContext", {})["fsGroup"] = SHARED_GID
    app = spec["containers"][0]
    app["args"] = list(arguments)
    app["env"] = [{"name": name, "value": value} for name, value in variables.items()]
    app["env"].append({"name": "LABKIT_NODE", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}})
    # Of the strictest kind, so that it gets in everywhere.
    security = {
        "runAsNonRoot": True,
        "runAsUser": NEIGHBOUR_UID,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    spec["containers"].append(
        {
            "name": NEIGHBOUR,
            "image": app["image"],
            "imagePullPolicy": app["imagePullPolicy"],
            "args": [NEIGHBOUR],
            "securityContext": security,
        }
    )
    return manifest
