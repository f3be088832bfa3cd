"""The checks of Pod Security's level baseline, in the words of the admission, and what all checks share.

Source: kubernetes/pod-security-admission:policy/check_*.go at v0.37.2, one function here for each check there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from labkit.core.admission.field_errors import part_of

_CAPABILITIES: Final = frozenset(
    {
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)
_SELINUX_TYPES: Final = frozenset({"", "container_t", "container_init_t", "container_kvm_t"})
# Since which minor version each is allowed.
_SYSCTLS: Final = {
    "kernel.shm_rmid_forced": 0,
    "net.ipv4.ip_local_port_range": 0,
    "net.ipv4.tcp_syncookies": 0,
    "net.ipv4.ping_group_range": 0,
    "net.ipv4.ip_unprivileged_port_start": 0,
    "net.ipv4.ip_local_reserved_ports": 27,
    "net.ipv4.tcp_keepalive_time": 29,
    "net.ipv4.tcp_fin_timeout": 29,
    "net.ipv4.tcp_keepalive_intvl": 29,
    "net.ipv4.tcp_keepalive_probes": 29,
    "net.ipv4.tcp_rmem": 32,
    "net.ipv4.tcp_wmem": 32,
    "net.ipv4.tcp_slow_start_after_idle": 37,
    "net.ipv4.tcp_notsent_lowat": 37,
}
_APP_ARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_POD: Final = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER: Final = "container.seccomp.security.alpha.kubernetes.io/"


class Violation(NamedTuple):
    """A control that a pod breaks.

    Args:
        control: as the admission names it.
        detail: who breaks it and how.
    """

    control: str
    detail: str

    def __str__(self) -> str:
        return f"{self.control} ({self.detail})" if self.detail else self.control


class CheckedPod(NamedTuple):
    """What the checks look at."""

    annotations: Mapping[str, str]
    spec: Mapping[str, Any]
    context: Mapping[str, Any]
    containers: Sequence[tuple[str, Mapping[str, Any], Mapping[str, Any]]]
    """Name, container, its securityContext."""
    minor: int

    @property
    def has_own_users(self) -> bool:
        """relaxPolicyForUserNamespacePod, which counts since 1.35."""
        return self.minor >= 35 and self.spec.get("hostUsers") is False

    @property
    def is_for_windows(self) -> bool:
        """By its field `os` alone, which counts since 1.25."""
        return self.minor >= 25 and part_of(self.spec, "os").get("name") == "windows"


class PodCheck(NamedTuple):
    """A check of a level.

    Args:
        name: its ID.
        examine: says what a pod breaks.
        since: the minor version of Kubernetes that has it first.
        replaces: which of baseline's it stands in for.
    """

    name: str
    examine: Callable[[CheckedPod], Violation | None]
    since: int = 0
    replaces: str | None = None


def _app_armor(pod: CheckedPod) -> Violation | None:
    def bad(context: Mapping[str, Any]) -> str | None:
        kind = part_of(context, "appArmorProfile").get("type", "") if "appArmorProfile" in context else None
        return kind if kind is not None and kind not in ("RuntimeDefault", "Localhost") else None

    setters, values = setters_of(pod, bad)
    annotations = sorted(
        f"{key}={json.dumps(value)}"
        for key, value in pod.annotations.items()
        if key.startswith(_APP_ARMOR) and value not in ("", "runtime/default") and not value.startswith("localhost/")
    )
    if annotations:
        setters.append(plural("annotation", annotations))
    if not setters:
        return None
    shown = [*sorted(set(values)), *annotations]
    detail = f"{' and '.join(setters)} must not set AppArmor profile type to {quoted(shown)}"
    return Violation(plural("forbidden AppArmor profile", shown), detail)


def _capabilities(pod: CheckedPod) -> Violation | None:
    names, added = adding(pod, _CAPABILITIES)
    if not names:
        return None
    detail = f"{who(names)} must not include {quoted(added)} in securityContext.capabilities.add"
    return Violation("non-default capabilities", detail)


def _host_namespaces(pod: CheckedPod) -> Violation | None:
    shared = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(name)]
    return Violation("host namespaces", ", ".join(shared)) if shared else None


def _host_path_volumes(pod: CheckedPod) -> Violation | None:
    names = [volume.get("name", "") for volume in pod.spec.get("volumes", ()) if "hostPath" in volume]
    return Violation("hostPath volumes", f"{plural('volume', names)} {quoted(names)}") if names else None


def _host_ports(pod: CheckedPod) -> Violation | None:
    names, ports = [], set()
    for name, container, _ in pod.containers:
        numbers = (_host_port(pod, port) for port in container.get("ports", ()))
        own = {str(number) for number in numbers if number}
        names += [name] if own else []
        ports |= own
    if not names:
        return None
    uses = "uses" if len(names) == 1 else "use"
    return Violation("hostPort", f"{who(names)} {uses} {plural('hostPort', ports)} {', '.join(sorted(ports))}")


def _host_probes(pod: CheckedPod) -> Violation | None:
    names, hosts = set(), set()
    for name, container, _ in pod.containers:
        handlers = [part_of(container, probe) for probe in ("livenessProbe", "readinessProbe", "startupProbe")]
        handlers += [part_of(part_of(container, "lifecycle"), hook) for hook in ("postStart", "preStop")]
        own = {part_of(handler, way).get("host", "") for handler in handlers for way in ("httpGet", "tcpSocket")} - {""}
        names |= {name} if own else set()
        hosts |= own
    if not names:
        return None
    uses = "uses" if len(names) == 1 else "use"
    named = plural("probe or lifecycle host", hosts)
    return Violation("probe or lifecycle host", f"{who(sorted(names))} {uses} {named} {quoted(sorted(hosts))}")


def _privileged(pod: CheckedPod) -> Violation | None:
    names = [name for name, _, context in pod.containers if context.get("privileged")]
    detail = f"{who(names)} must not set securityContext.privileged=true"
    return Violation("privileged", detail) if names else None


def proc_mount(pod: CheckedPod) -> Violation | None:
    mounts = [(name, context.get("procMount", "Default")) for name, _, context in pod.containers]
    bad = [(name, mount) for name, mount in mounts if mount != "Default"]
    if not bad:
        return None
    shown = quoted(sorted({mount for _, mount in bad}))
    return Violation("procMount", f"{who([name for name, _ in bad])} must not set securityContext.procMount to {shown}")


def _proc_mount_baseline(pod: CheckedPod) -> Violation | None:
    return None if pod.has_own_users else proc_mount(pod)


def _selinux(pod: CheckedPod) -> Violation | None:
    types = _SELINUX_TYPES | ({"container_engine_t"} if pod.minor >= 31 else set())
    bad_types, sets_user, sets_role = set(), False, False

    def bad(context: Mapping[str, Any]) -> str | None:
        nonlocal sets_user, sets_role
        options = part_of(context, "seLinuxOptions")
        wrong = options.get("type", "") not in types
        bad_types.update({options["type"]} if wrong else set())
        sets_user, sets_role = sets_user or bool(options.get("user")), sets_role or bool(options.get("role"))
        return "" if wrong or options.get("user") or options.get("role") else None

    setters, _ = setters_of(pod, bad)
    if not setters:
        return None
    details = [f"{plural('type', bad_types)} {quoted(sorted(bad_types))}"] if bad_types else []
    details += ["user may not be set"] if sets_user else []
    details += ["role may not be set"] if sets_role else []
    shown = "; ".join(details)
    return Violation("seLinuxOptions", f"{' and '.join(setters)} set forbidden securityContext.seLinuxOptions: {shown}")


def _seccomp_baseline(pod: CheckedPod) -> Violation | None:
    if pod.minor < 19:
        return _seccomp_annotations(pod)
    return bad_seccomp(pod)


def _seccomp_annotations(pod: CheckedPod) -> Violation | None:
    keys = [_SECCOMP_POD, *(_SECCOMP_CONTAINER + name for name, _, _ in pod.containers)]
    bad = sorted(
        {
            f"{key}={json.dumps(value)}"
            for key in keys
            if (value := pod.annotations.get(key)) is not None
            and value not in ("runtime/default", "docker/default")
            and not value.startswith("localhost/")
        }
    )
    return Violation("seccompProfile", f"forbidden {plural('annotation', bad)} {', '.join(bad)}") if bad else None


def _sysctls(pod: CheckedPod) -> Violation | None:
    names = [sysctl.get("name", "") for sysctl in pod.context.get("sysctls", ())]
    bad = [name for name in names if _SYSCTLS.get(name, 1 << 30) > pod.minor]
    return Violation("forbidden sysctls", ", ".join(bad)) if bad else None


def _windows_host_process(pod: CheckedPod) -> Violation | None:
    def bad(context: Mapping[str, Any]) -> str | None:
        return "" if part_of(context, "windowsOptions").get("hostProcess") else None

    setters, _ = setters_of(pod, bad)
    detail = f"{' and '.join(setters)} must not set securityContext.windowsOptions.hostProcess=true"
    return Violation("hostProcess", detail) if setters else None


def bad_seccomp(pod: CheckedPod) -> Violation | None:
    def bad(context: Mapping[str, Any]) -> str | None:
        kind = part_of(context, "seccompProfile").get("type", "") if "seccompProfile" in context else None
        return kind if kind is not None and kind not in ("RuntimeDefault", "Localhost") else None

    setters, values = setters_of(pod, bad)
    if not setters:
        return None
    shown = quoted(sorted(set(values)))
    detail = f"{' and '.join(setters)} must not set securityContext.seccompProfile.type to {shown}"
    return Violation("seccompProfile", detail)


BASELINE: Final = (
    PodCheck("appArmorProfile", _app_armor),
    PodCheck("capabilities_baseline", _capabilities),
    PodCheck("hostNamespaces", _host_namespaces),
    PodCheck("hostPathVolumes", _host_path_volumes),
    PodCheck("hostPorts", _host_ports),
    PodCheck("hostProbesAndHostLifecycle", _host_probes, 34),
    PodCheck("privileged", _privileged),
    PodCheck("procMount", _proc_mount_baseline),
    PodCheck("seLinuxOptions", _selinux),
    PodCheck("seccompProfile_baseline", _seccomp_baseline),
    PodCheck("sysctls", _sysctls),
    PodCheck("windowsHostProcess", _windows_host_process),
)
"""The checks of baseline, in their order."""


# --- words ---


def setters_of(pod: CheckedPod, bad: Callable[[Mapping[str, Any]], str | None]) -> tuple[list[str], list[str]]:
    """Who sets something bad, the pod or containers by name, and the values; `bad` gives None for what is good."""
    of_pod = bad(pod.context)
    setters, values = ([], []) if of_pod is None else (["pod"], [of_pod])
    by_name = [(name, value) for name, _, context in pod.containers if (value := bad(context)) is not None]
    if by_name:
        setters.append(who([name for name, _ in by_name]))
    return setters, [*values, *(value for _, value in by_name)]


def adding(pod: CheckedPod, allowed: frozenset[str]) -> tuple[list[str], list[str]]:
    """The containers that add other capabilities than these, and which."""
    added = [
        (name, set(part_of(context, "capabilities").get("add", ())) - allowed) for name, _, context in pod.containers
    ]
    names = [name for name, extra in added if extra]
    return names, sorted(set().union(*(extra for _, extra in added)))


def _host_port(pod: CheckedPod, port: Mapping[str, Any]) -> int:
    """A port of the node; in the node's network it is the container's own by default."""
    of_node = port.get("containerPort", 0) if pod.spec.get("hostNetwork") else 0
    number: int = port.get("hostPort", 0) or of_node
    return number


def who(names: Sequence[str]) -> str:
    """Containers as a message names them: container "a", containers "a", "b"."""
    return f"{plural('container', names)} {quoted(names)}"


def plural(word: str, counted: Iterable[object]) -> str:
    """A word, with an s unless there is one of what is counted."""
    return word if len(list(counted)) == 1 else f"{word}s"


def quoted(values: Iterable[str]) -> str:
    """Values in quotation marks, with commas between them."""
    return ", ".join(f'"{value}"' for value in values)
