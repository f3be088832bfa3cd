"""What the API server says to settings of Windows, and to settings that a pod for another system must not have.

Source: kubernetes/kubernetes:pkg/apis/core/validation/validation.go at v1.37.2; each function names its own there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from labkit.core.admission.field_errors import (
    FieldError,
    containers_of,
    forbidden,
    invalid,
    not_supported,
    part_of,
    required,
)

_NOT_IN_WINDOWS_POD: Final = (
    *("appArmorProfile", "seLinuxOptions", "seccompProfile", "fsGroup", "fsGroupChangePolicy", "sysctls"),
    *("runAsUser", "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy", "seLinuxChangePolicy"),
)
_NOT_IN_WINDOWS_SPEC: Final = ("hostUsers", "hostPID", "hostIPC", "shareProcessNamespace")
_NOT_IN_WINDOWS_CONTAINER: Final = (
    *("appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged"),
    *("allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup"),
)
_LARGEST_CREDENTIAL: Final = 64 << 10
_LONGEST_DOMAIN: Final = 256
_LONGEST_USER: Final = 104
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_NET_BIOS: Final = re.compile(r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}')
_DNS_LABEL: Final = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_DNS_DOMAIN: Final = re.compile(rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*")
_NOT_IN_USER: Final = re.compile(r'["/\\:;|=,+*?<>@\[\]]')
_DOTS_AND_SPACES: Final = re.compile(r"[. ]+")
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NO_SUBDOMAIN: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def options_errors(options: Mapping[str, Any] | None, path: str) -> Iterator[FieldError]:
    """validateWindowsSecurityContextOptions."""
    if options is None:
        return
    name, credential = options.get("gmsaCredentialSpecName"), options.get("gmsaCredentialSpec")
    if name is not None and not _SUBDOMAIN.fullmatch(name):
        yield invalid(f"{path}.gmsaCredentialSpecName", name, _NO_SUBDOMAIN)
    if credential is not None and not credential:
        yield invalid(f"{path}.gmsaCredentialSpec", credential, "gmsaCredentialSpec cannot be an empty string")
    elif credential is not None and len(credential.encode()) > _LARGEST_CREDENTIAL:
        yield invalid(f"{path}.gmsaCredentialSpec", credential, "gmsaCredentialSpec size must be under 64 KiB")
    if (user := options.get("runAsUserName")) is not None:
        for detail in _user_name_errors(user):
            yield invalid(f"{path}.runAsUserName", user, detail)


def _user_name_errors(name: str) -> Iterator[str]:
    if not name:
        yield "runAsUserName cannot be an empty string"
        return
    if _CONTROL.search(name):
        yield "runAsUserName cannot contain control characters"
        return
    *domains, user = name.split("\\")
    if len(domains) > 1:
        yield "runAsUserName cannot contain more than one backslash"
        return
    domain = domains[0] if domains else None
    if domain is not None and len(domain.encode()) >= _LONGEST_DOMAIN:
        yield f"runAsUserName's Domain length must be under {_LONGEST_DOMAIN} characters"
    if domain is not None and not (_NET_BIOS.fullmatch(domain) or _DNS_DOMAIN.fullmatch(domain)):
        yield "runAsUserName's Domain doesn't match the NetBios nor the DNS format"
    if not user:
        yield "runAsUserName's User cannot be empty"
    elif len(user.encode()) > _LONGEST_USER:
        yield f"runAsUserName's User length must not be longer than {_LONGEST_USER} characters"
    if _DOTS_AND_SPACES.fullmatch(user):
        yield "runAsUserName's User cannot contain only periods or spaces"
    if _NOT_IN_USER.search(user):
        yield "runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]"


def host_process_errors(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """validateWindowsHostProcessPod."""
    of_pod = part_of(part_of(spec, "securityContext"), "windowsOptions").get("hostProcess")
    in_effect = []
    for container, where in containers_of(spec, path):
        own = part_of(part_of(container, "securityContext"), "windowsOptions").get("hostProcess")
        if own is not None and of_pod is not None and own != of_pod:
            shown = "true" if of_pod else "false"
            detail = f"pod hostProcess value must be identical if both are specified, was {shown}"
            yield invalid(f"{where}.securityContext.windowsOptions.hostProcess", own, detail)
        in_effect.append(bool(own if own is not None else of_pod))
    if not any(in_effect):
        return
    if not all(in_effect):
        detail = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
        yield invalid(path, "", detail)
    if not spec.get("hostNetwork"):
        detail = "hostNetwork must be true if pod contains any hostProcess containers"
        yield invalid(f"{path}.hostNetwork", False, detail)


def system_errors(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """validateOS, validateLinux, validateWindows."""
    if (system := spec.get("os")) is None:
        return
    name = system.get("name", "")
    if not name:
        yield required(f"{path}.os.name")
    elif name == "linux":
        for context, where in _contexts(spec, path):
            if "windowsOptions" in context:
                yield forbidden(f"{where}.windowsOptions", "windows options cannot be set for a linux pod")
    elif name == "windows":
        yield from _not_for_windows(spec, path)
    else:
        yield not_supported(f"{path}.os", name, ("linux", "windows"))


def _not_for_windows(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    def refuse(fields: Mapping[str, Any], names: Sequence[str], where: str) -> Iterator[FieldError]:
        for name in names:
            # A pointer counts once it is set, a plain list or bool once it is not empty.
            value = fields.get(name)
            if value or (value is not None and name not in ("sysctls", "hostPID", "hostIPC")):
                yield forbidden(f"{where}.{name}", "cannot be set for a windows pod")

    yield from refuse(part_of(spec, "securityContext"), _NOT_IN_WINDOWS_POD, f"{path}.securityContext")
    yield from refuse(spec, _NOT_IN_WINDOWS_SPEC, path)
    for container, where in containers_of(spec, path):
        yield from refuse(part_of(container, "securityContext"), _NOT_IN_WINDOWS_CONTAINER, f"{where}.securityContext")


def _contexts(spec: Mapping[str, Any], path: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    yield part_of(spec, "securityContext"), f"{path}.securityContext"
    for container, where in containers_of(spec, path):
        yield part_of(container, "securityContext"), f"{where}.securityContext"
