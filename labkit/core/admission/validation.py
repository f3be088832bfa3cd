"""What the API server's validation says to settings that touch identity and security, in its own words.

Source: kubernetes/kubernetes:pkg/apis/core/validation/validation.go at v1.37.2; each function here names its own there.
What does not touch identity or security, such as a container's name, is not looked at; nor is that ephemeral containers
may not be there when a pod is created, for what is explained may be a pod that is there already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from labkit.core import admission
from labkit.core.admission.field_errors import (
    FieldError,
    containers_of,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    part_of,
    required,
)
from labkit.core.identity.model import MAX_ID, is_valid_id

_CHANGE_POLICIES: Final = {
    "fsGroupChangePolicy": ("Always", "OnRootMismatch"),
    "supplementalGroupsPolicy": ("Merge", "Strict"),
    "seLinuxChangePolicy": ("MountOption", "Recursive"),
}

_PROC_MOUNTS: Final = ("Default", "Unmasked")
_SYSCTL: Final = re.compile(r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?")
_SYSCTL_TEXT: Final = r"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"
_LONGEST_SYSCTL: Final = 253

# kubernetes/component-helpers:node/util/sysctl/namespace.go
_SYSCTLS_OF_IPC: Final = frozenset({"kernel.sem", "kernel.shm_rmid_forced", "kernel.shm", "kernel.msg"}) | {
    f"kernel.{name}" for name in ("shmall", "shmmax", "shmmni", "msgmax", "msgmnb", "msgmni")
}


def validate_pod(metadata: Mapping[str, Any], spec: Mapping[str, Any], path: str) -> list[FieldError]:
    """What the API server says to a pod, or to the template of one, in its order.

    ValidatePodCreate, ValidatePodTemplateSpec, ValidatePodSpec.

    Args:
        metadata: decoded.
        spec: decoded.
        path: of the spec.
    """
    has_annotations = bool(metadata.get("annotations"))
    errors = [*admission.annotation_errors(metadata, spec, path)] if has_annotations else []
    host_users = spec.get("hostUsers", True)
    for name in ("containers", "initContainers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(name, ())):
            own = container.get("securityContext")
            if own is not None:
                errors += _container(own, f"{path}.{name}[{index}].securityContext", host_users)
    if spec.get("hostNetwork"):
        errors += _host_ports(spec, path)
    errors += _pod(part_of(spec, "securityContext"), spec, f"{path}.securityContext")
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        detail = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.append(invalid(f"{path}.shareProcessNamespace", True, detail))
    if _has_windows_options(spec):
        errors += admission.host_process_errors(spec, path)
    if not host_users:
        errors += _no_host_users(spec, path)
    if spec.get("os") is not None:
        errors += admission.system_errors(spec, path)
    if has_annotations:
        errors += admission.mismatch_errors(metadata, spec, path)
    return list(dict.fromkeys(errors))


def _has_windows_options(spec: Mapping[str, Any]) -> bool:
    parts = [spec, *(container for container, _ in containers_of(spec))]
    return any(part_of(part, "securityContext").get("windowsOptions") is not None for part in parts)


def _pod(context: Mapping[str, Any], spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """validatePodSpecSecurityContext."""
    for name in ("fsGroup", "runAsUser", "runAsGroup"):
        yield from _id(context, name, path)
    for index, gid in enumerate(context.get("supplementalGroups", ())):
        yield from _id({"": gid}, "", f"{path}.supplementalGroups[{index}]")
    yield from _sysctls(context, spec, f"{path}.sysctls")
    yield from _policy(context, "fsGroupChangePolicy", path)
    if (profile := context.get("seccompProfile")) is not None:
        yield from admission.seccomp_errors(profile, f"{path}.seccompProfile")
    if (options := context.get("windowsOptions")) is not None:
        yield from admission.options_errors(options, f"{path}.windowsOptions")
    if (profile := context.get("appArmorProfile")) is not None:
        yield from admission.app_armor_errors(profile, f"{path}.appArmorProfile")
    yield from _policy(context, "supplementalGroupsPolicy", path)
    yield from _policy(context, "seLinuxChangePolicy", path)


def _container(context: Mapping[str, Any], path: str, host_users: bool) -> Iterator[FieldError]:
    """ValidateSecurityContext."""
    yield from _id(context, "runAsUser", path)
    yield from _id(context, "runAsGroup", path)
    proc_mount = context.get("procMount")
    if proc_mount is not None and proc_mount not in _PROC_MOUNTS:
        yield not_supported(f"{path}.procMount", proc_mount, _PROC_MOUNTS)
    if proc_mount == "Unmasked" and host_users:
        yield invalid(f"{path}.procMount", proc_mount, "`hostUsers` must be false to use `Unmasked`")
    if (profile := context.get("seccompProfile")) is not None:
        yield from admission.seccomp_errors(profile, f"{path}.seccompProfile")
    if context.get("allowPrivilegeEscalation") is False:
        if context.get("privileged"):
            detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            yield invalid(path, context, detail)
        if "CAP_SYS_ADMIN" in part_of(context, "capabilities").get("add", ()):
            detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            yield invalid(path, context, detail)
    if (options := context.get("windowsOptions")) is not None:
        yield from admission.options_errors(options, f"{path}.windowsOptions")
    if (profile := context.get("appArmorProfile")) is not None:
        yield from admission.app_armor_errors(profile, f"{path}.appArmorProfile")


def _id(context: Mapping[str, Any], name: str, path: str) -> Iterator[FieldError]:
    """IsValidUserID, IsValidGroupID."""
    value = context.get(name)
    if value is not None and not is_valid_id(value):
        where = f"{path}.{name}" if name else path
        yield invalid(where, value, f"must be between 0 and {MAX_ID}, inclusive")


def _policy(context: Mapping[str, Any], name: str, path: str) -> Iterator[FieldError]:
    """validateFSGroupChangePolicy, validateSupplementalGroupsPolicy, validateSELinuxChangePolicy."""
    value = context.get(name)
    if value is not None and value not in _CHANGE_POLICIES[name]:
        yield not_supported(f"{path}.{name}", value, _CHANGE_POLICIES[name])


def _sysctls(context: Mapping[str, Any], spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """validateSysctls, ValidateHostSysctl."""
    names: set[str] = set()
    for index, sysctl in enumerate(context.get("sysctls", ())):
        name, where = sysctl.get("name", ""), f"{path}[{index}].name"
        if not name:
            yield required(where)
        elif len(name.encode()) > _LONGEST_SYSCTL or not _SYSCTL.fullmatch(name):
            yield invalid(where, name, f"must have at most {_LONGEST_SYSCTL} characters and match regex {_SYSCTL_TEXT}")
        elif name in names:
            yield duplicate(where, name)
        dotted = _with_dots(name)
        if spec.get("hostNetwork") and dotted.startswith("net."):
            yield invalid(where, name, "may not be specified when 'hostNetwork' is true")
        elif spec.get("hostIPC") and (dotted in _SYSCTLS_OF_IPC or dotted.startswith("fs.mqueue.")):
            yield invalid(where, name, "may not be specified when 'hostIPC' is true")
        names.add(name)


def _with_dots(name: str) -> str:
    """NormalizeName: the first separator says which one separates."""
    first = next((character for character in name if character in "./"), ".")
    return name if first == "." else name.translate(str.maketrans("./", "/."))


def _host_ports(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """validatePodHostNetworkDeps; a pod's own ports get their number by default, before they are validated."""
    for number, container in enumerate(spec.get("containers", ())):
        for index, port in enumerate(container.get("ports", ())):
            host, own = port.get("hostPort", 0), port.get("containerPort", 0)
            if host not in (0, own):
                detail = "must match `containerPort` when `hostNetwork` is true"
                yield invalid(f"{path}.containers[{number}].ports[{index}].hostPort", host, detail)


def _no_host_users(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """validateHostUsers."""
    for name, shown in (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
        if spec.get(name):
            yield forbidden(f"{path}.{shown}", "when `hostUsers` is false")
    for container, where in containers_of(spec, path):
        if container.get("volumeDevices"):
            yield forbidden(f"{where}.volumeDevices", "when `hostUsers` is false")
