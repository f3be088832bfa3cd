"""What the kubelet decides: whether it refuses a container for its user, and which HOME it hands on; and which pods
are for a kubelet on Windows.

Sources, at v1.37.2 and v2.3.4:
kubernetes/kubernetes:pkg/kubelet/kuberuntime/security_context_others.go (verifyRunAsNonRoot),
kubernetes/kubernetes:pkg/kubelet/kuberuntime/helpers.go (getImageUser),
kubernetes/kubernetes:pkg/securitycontext/util.go (DetermineEffectiveSecurityContext),
containerd/containerd:internal/cri/server/images/image_status.go (getUserFromImage).
For HOME in a pod's environment: kubernetes/kubernetes:pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables) and
third_party/forked/golang/expansion/expand.go (Expand).
The kubelet does the same for init, regular and ephemeral containers; runAsGroup is never looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from labkit.core.causes import Cause
from labkit.core.identity.model import MAX_ID, Refusal, Settings, fits_int64, is_valid_id, read_number

_T = TypeVar("_T")
POLICIES: Final = frozenset({"Merge", "Strict"})
"""What supplementalGroupsPolicy may be."""

_OS_LABELS: Final = ("kubernetes.io/os", "beta.kubernetes.io/os")
_BUILD_LABEL: Final = "node.kubernetes.io/windows-build"

REFUSAL_TEXTS = {
    Cause.RUN_AS_USER_IS_ROOT: "container's runAsUser breaks non-root policy",
    Cause.IMAGE_USER_NOT_NUMERIC: "container has runAsNonRoot and image has non-numeric user",
    Cause.IMAGE_USER_OUT_OF_RANGE: "container has runAsNonRoot and image has an invalid user id",
    Cause.IMAGE_RUNS_AS_ROOT: "container has runAsNonRoot and image will run as root",
}
"""How the kubelet's refusals begin, in the order in which one looks for them in a message."""

_UPPER_BOUND_SINCE = (1, 34)
# $(NAME), $$ for a dollar sign; anything else stays as it is.
_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")
# What Kubernetes adds for each service, whose names stand in no manifest (pkg/kubelet/envvars/envvars.go).
_OF_SERVICE = re.compile(r"[A-Z0-9_]+_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[A-Z0-9_]+)?)")


@dataclass(frozen=True, slots=True)
class CriUser:
    """An image's user as the CRI reports it and the kubelet takes it: a uid, or else a name."""

    uid: int | None
    name: str = ""


def cri_user(user: str) -> CriUser:
    """Read an image's Config.User as containerd and the kubelet do.

    Only the text before the first colon counts, so an explicit group is lost; what 64 bits hold is a uid, anything
    else a name, and nothing at all is root.
    """
    name = user.partition(":")[0]
    uid = read_number(name)
    if uid is not None and fits_int64(uid):
        return CriUser(uid)
    return CriUser(None, name) if name else CriUser(0)


def effective_settings(pod: Settings, container: Settings) -> Settings:
    """The container's settings, and the pod's where the container sets none."""
    return Settings(
        run_as_non_root=_first(container.run_as_non_root, pod.run_as_non_root),
        run_as_user=_first(container.run_as_user, pod.run_as_user),
        run_as_group=_first(container.run_as_group, pod.run_as_group),
        fs_group=pod.fs_group,
        supplemental_groups=pod.supplemental_groups,
        supplemental_groups_policy=pod.supplemental_groups_policy,
        host_users=pod.host_users,
    )


def verify_run_as_non_root(
    settings: Settings, image: CriUser, where: str = "", kubernetes: tuple[int, int] = (1, 37)
) -> Refusal | None:
    """The kubelet's no to a container, None if it lets it pass.

    Args:
        settings: those in effect for the container.
        image: its image's user.
        where: how the message names pod and container, from `pod_and_container`.
        kubernetes: (major, minor) of the kubelet.
    """
    if not settings.run_as_non_root:
        return None
    if settings.run_as_user is not None:
        return _refusal(Cause.RUN_AS_USER_IS_ROOT, where) if settings.run_as_user == 0 else None
    if image.uid is None:
        return _refusal(Cause.IMAGE_USER_NOT_NUMERIC, f" ({image.name}), cannot verify user is non-root{where}")
    if image.uid == 0:
        return _refusal(Cause.IMAGE_RUNS_AS_ROOT, where)
    if not is_valid_id(image.uid) and kubernetes >= _UPPER_BOUND_SINCE:
        bounds = f"(Must be 1-({MAX_ID})): must be between 0 and {MAX_ID}, inclusive"
        return _refusal(Cause.IMAGE_USER_OUT_OF_RANGE, f" ({image.uid}). {bounds}{where}")
    return None


def pod_and_container(pod: str, namespace: str, container: str) -> str:
    """How the kubelet's messages end; the pod's uid, which only the cluster can give, is left open."""
    return f' (pod: "{pod}_{namespace}(...)", container: {container})'


def invalid_settings(settings: Settings) -> str | None:
    """What the API server would say to ids out of range, None if it has nothing to say.

    kubernetes/kubernetes:pkg/apis/core/validation/validation.go, with IsValidUserID and IsValidGroupID.
    """
    named = [
        ("runAsUser", settings.run_as_user),
        ("runAsGroup", settings.run_as_group),
        ("fsGroup", settings.fs_group),
        *(("supplementalGroups", gid) for gid in settings.supplemental_groups),
    ]
    for name, value in named:
        if value is not None and not is_valid_id(value):
            return f"{name}: Invalid value: {value}: must be between 0 and {MAX_ID}, inclusive"
    return None


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
    prefixes = [source.get("prefix", "") for source in container.get("envFrom", ())]
    for variable in container.get("env", ()):
        name = variable.get("name", "")
        if "valueFrom" in variable and not variable.get("value"):
            source = next(iter(variable["valueFrom"]), "valueFrom")
            values[name] = EnvironmentHome(None, f"a {source}")
        else:
            values[name] = _expanded(variable.get("value", ""), values, prefixes)
    if "HOME" not in values and any(map("HOME".startswith, prefixes)):
        return EnvironmentHome(None, "envFrom, if that has a HOME")
    return values.get("HOME")


def _expanded(text: str, values: Mapping[str, EnvironmentHome], prefixes: Sequence[str]) -> EnvironmentHome:
    """A value in which references to variables further up are replaced; one to no variable stays as it is."""
    unknown: list[str] = []

    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return "$"
        if (known := values.get(name)) is not None:
            unknown.extend([] if known.value is not None else [known.source])
            return known.value or ""
        if any(map(name.startswith, prefixes)) or _OF_SERVICE.fullmatch(name):
            unknown.append(f"the variable {name}")
        return match[0]

    value = _REFERENCE.sub(replace, text)
    return EnvironmentHome(None, unknown[0]) if unknown else EnvironmentHome(value)


def _refusal(cause: Cause, rest: str) -> Refusal:
    return Refusal(cause, REFUSAL_TEXTS[cause] + rest)


def _first(container: _T | None, pod: _T | None) -> _T | None:
    return pod if container is None else container


def settings_of(part: Mapping[str, Any]) -> Settings:
    """The identity's part of a pod's spec or a container, as the API server has read it."""
    context = part.get("securityContext", {})
    policy = context.get("supplementalGroupsPolicy")
    return Settings(
        run_as_non_root=context.get("runAsNonRoot"),
        run_as_user=context.get("runAsUser"),
        run_as_group=context.get("runAsGroup"),
        fs_group=context.get("fsGroup"),
        supplemental_groups=tuple(context.get("supplementalGroups", ())),
        supplemental_groups_policy=policy if policy in POLICIES else None,
        host_users=part.get("hostUsers"),
    )


def is_for_windows(spec: Mapping[str, Any]) -> bool:
    """Whether a pod can run on Windows only.

    Args:
        spec: the pod's, decoded.
    """
    if (name := spec.get("os", {}).get("name")) is not None:
        return bool(name == "windows")
    selector = spec.get("nodeSelector", {})
    if _BUILD_LABEL in selector or any(selector.get(label) == "windows" for label in _OS_LABELS):
        return True
    affinity = (
        spec.get("affinity", {}).get("nodeAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution", {})
    )
    terms = affinity.get("nodeSelectorTerms", ())
    if terms and all(any(map(_wants_windows, term.get("matchExpressions", ()))) for term in terms):
        return True
    parts = [spec, *(container for name in ("initContainers", "containers") for container in spec.get(name, ()))]
    return any(windows_options(part).get("hostProcess") for part in parts)


def windows_options(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """The windowsOptions of a pod's spec, or of a container."""
    options: Mapping[str, Any] = part.get("securityContext", {}).get("windowsOptions", {})
    return options


def _wants_windows(expression: Mapping[str, Any]) -> bool:
    key, operator, values = (expression.get(name) for name in ("key", "operator", "values"))
    if key == _BUILD_LABEL:
        return operator in ("In", "Exists", "Gt", "Lt")
    return key in _OS_LABELS and operator == "In" and bool(values) and set(values or ()) == {"windows"}
