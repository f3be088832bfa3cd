"""PURE. What kind of engine answers: where it runs, how it keeps images, whether it is rootless, or podman."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from labkit.adapters import podman
from labkit.lab.machine.machine_facts import ENGINE_FOLDER, Machine

if TYPE_CHECKING:
    from labkit.adapters.engine import EngineInfo, EngineVersion

_CONTAINERD_FOLDER = Path("/var/lib/containerd")
_CONTAINERD_STORE = "io.containerd.snapshotter.v1"


def engine_folder(info: EngineInfo | None, machine: Machine) -> Path | None:
    """The folder of this machine whose disk the images fill; None where the engine has a machine of its own."""
    if info is None:
        return ENGINE_FOLDER if machine.is_linux else None
    if runs_elsewhere(info, machine):
        return None
    root = Path(str(info.get("DockerRootDir") or ENGINE_FOLDER))
    # A containerd of its own keeps the images out of Docker's folder; one that dockerd started keeps them inside.
    address = str((info.get("Containerd") or {}).get("Address", ""))
    own = "docker" not in address and not is_rootless(info)
    return _CONTAINERD_FOLDER if uses_containerd_store(info) and own else root


def runs_elsewhere(info: EngineInfo, machine: Machine) -> bool:
    """Whether the engine runs in a virtual machine or on another computer: then it has another kernel."""
    desktop = str(info.get("OperatingSystem") or "").startswith("Docker Desktop")
    kernel = info.get("KernelVersion")
    return not machine.is_linux or desktop or (bool(kernel) and kernel != machine.kernel)


def uses_containerd_store(info: EngineInfo) -> bool:
    """Whether containerd keeps the images; then `docker save` must be told to save one platform (kind issue 3795)."""
    return any(_CONTAINERD_STORE in str(value) for value in driver_status(info).values())


def is_rootless(info: EngineInfo) -> bool:
    """Whether the engine itself runs without root."""
    return "rootless" in security_options(info)


def is_podman(info: EngineInfo, version: EngineVersion | None) -> bool:
    """Whether it is podman that answers on Docker's API."""
    return "BuildahVersion" in info or podman.is_podman(version or {})


def security_options(info: EngineInfo) -> set[str]:
    """The names of its security options, such as rootless."""
    options = set()
    for option in info.get("SecurityOptions") or []:
        for field in str(option).split(","):
            if field.startswith("name="):
                options.add(field.removeprefix("name="))
    return options


def driver_status(info: EngineInfo) -> dict[str, str]:
    """What it says of its storage driver, by name."""
    return {str(pair[0]): str(pair[1]) for pair in info.get("DriverStatus") or [] if len(pair) == 2}


def release_of(info: EngineInfo, version: EngineVersion | None) -> str:
    """Its version, as it gives it."""
    return str(info.get("ServerVersion") or (version or {}).get("Version") or "")
