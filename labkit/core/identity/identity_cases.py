"""Cases as JSON: what `labkit explain --batch` reads and answers, one at a time."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypedDict

from labkit.core.admission.api_server import LET_IN, NOT_ASKED, ApiVerdict, read_template
from labkit.core.causes import Cause
from labkit.core.identity.answers import explain_in_pod
from labkit.core.identity.docker_run import explain_in_engine
from labkit.core.identity.kubelet_rules import POLICIES
from labkit.core.identity.model import Answer, IdentityJson, Image, Settings, VerdictJson, Versions

_NEWEST = Versions()
_CASE: Final = frozenset({"id", "image", "pod", "container", "docker"})
_IMAGE: Final = frozenset({"user", "passwd", "group"})
_DOCKER: Final = frozenset({"user", "group_add"})
# kubernetes/api:core/v1/types.go, PodSecurityContext and SecurityContext
_SHARED: Final = frozenset(
    {"runAsUser", "runAsGroup", "runAsNonRoot", "seLinuxOptions", "seccompProfile", "appArmorProfile", "windowsOptions"}
)
POD_FIELDS: Final = _SHARED | {
    "fsGroup",
    "fsGroupChangePolicy",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "seLinuxChangePolicy",
    "sysctls",
}
# What `explain_in_pod` has looked at itself.
_CHECKED: Final = frozenset(
    {"runAsUser", "runAsGroup", "runAsNonRoot", "fsGroup", "supplementalGroups", "supplementalGroupsPolicy"}
)
CONTAINER_FIELDS: Final = _SHARED | {
    "allowPrivilegeEscalation",
    "capabilities",
    "privileged",
    "procMount",
    "readOnlyRootFilesystem",
}


class MalformedCase(ValueError):
    """A case that is not one; the text says what is wrong with it."""


class AnsweredCase(TypedDict):
    """The answer to a case, as `labkit explain --batch` prints it."""

    id: object
    api: VerdictJson
    kubelet: VerdictJson
    runs_as: IdentityJson | None
    ok: bool | None
    cause: Cause | None
    because: list[str]


def answer_case(case: object, versions: Versions = _NEWEST) -> AnsweredCase:
    """Answer one case.

    Args:
        case: a mapping with `image`, and `docker` or `pod` and `container`, as docs/explain.md has them.
        versions: of kubelet and runc.

    Returns:
        JSON-ready: `id`, `api`, `kubelet`, `runs_as`, `ok`, `cause`, `because`.

    Raises:
        MalformedCase: it is no case.
    """
    fields = _mapping(case, "the case", _CASE)
    image = _read_image(fields.get("image"))
    pod = read_settings(_part(fields, "pod", {"securityContext", "hostUsers"}), "pod", POD_FIELDS)
    container = read_settings(_part(fields, "container", {"securityContext"}), "container", CONTAINER_FIELDS)
    api = NOT_ASKED
    if fields.get("docker") is None:
        answer = explain_in_pod(image, pod, container, versions=versions)
        api = _api_verdict(answer, fields)
    else:
        docker = _mapping(fields["docker"], "docker", _DOCKER)
        user = _typed(docker, "docker", "user", str)
        added = _typed(docker, "docker", "group_add", list) or []
        if not all(isinstance(group, str) for group in added):
            raise MalformedCase("docker.group_add must hold strings")
        answer = explain_in_engine(image, user, added, pod=pod, container=container, versions=versions)
    is_refused = api.ok is False
    return {
        "id": fields.get("id"),
        "api": api.to_dict(),
        "kubelet": answer.kubelet_to_dict(),
        "runs_as": None if is_refused else answer.identity_to_dict(),
        "ok": False if is_refused else answer.ok,
        "cause": api.cause if is_refused else answer.cause,
        "because": list(answer.because if api is LET_IN else api.chain(answer.because)),
    }


def _api_verdict(answer: Answer, fields: Mapping[str, Any]) -> ApiVerdict:
    """Whether the API server takes the case's settings; ids out of range are in the answer already."""
    if answer.cause is Cause.INVALID_MANIFEST and answer.refusal is not None:
        return ApiVerdict(ok=False, cause=answer.cause, message=answer.refusal.message)
    pod, container = fields.get("pod") or {}, fields.get("container") or {}
    if _CHECKED.issuperset(pod.get("securityContext") or ()) and _CHECKED.issuperset(
        container.get("securityContext") or ()
    ):
        return LET_IN
    spec = {**pod, "containers": [{"name": "case", "image": "case", **container}]}
    return read_template({"spec": spec}, "Pod", ()).verdict


def answer_lines(lines: Iterable[str], versions: Versions = _NEWEST) -> Iterator[tuple[str, bool]]:
    """Answer cases that stand one on a line; empty lines are skipped.

    Yields:
        A line of JSON for each, and whether the case was one.
    """
    for line in lines:
        if not line.strip():
            continue
        identity = None
        try:
            case = _DECODER.decode(line)
            identity = case.get("id") if isinstance(case, dict) else None
            yield json.dumps(answer_case(case, versions)), True
            continue
        except MalformedCase as error:
            problem = str(error)
        except ValueError as error:
            problem = f"it is not JSON: {error}"
        except RecursionError:
            problem = "it is nested too deeply"
            identity = None if isinstance(identity, list | dict) else identity
        yield json.dumps({"id": identity, "error": problem}), False


def _finite(text: str) -> float:
    """A number that JSON can answer with; NaN and Infinity, which Python reads too, are none."""
    if math.isfinite(number := float(text)):
        return number
    raise ValueError(f"{text[:60]} is not a finite number")


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)


def read_settings(part: Mapping[str, Any], where: str, known: frozenset[str] | None) -> Settings:
    """The identity's part of what a pod or a container says.

    Args:
        part: holds a `securityContext`; a pod's may hold `hostUsers`.
        where: "pod" or "container", for errors.
        known: the fields that the securityContext may have; None allows any.

    Raises:
        MalformedCase: a value has the wrong type, or a field is not known.
    """
    host_users = _typed(part, where, "hostUsers", bool)
    context = part.get("securityContext")
    if not context:
        if context is not None and not isinstance(context, dict):
            raise MalformedCase(f"{where}.securityContext must be an object")
        return Settings(host_users=host_users)
    where = f"{where}.securityContext"
    fields = _mapping(context, where, known)
    policy = None
    groups: list[Any] = []
    fs_group = None
    if known is not CONTAINER_FIELDS:
        policy = _typed(fields, where, "supplementalGroupsPolicy", str)
        if policy is not None and policy not in POLICIES:
            raise MalformedCase(f'{where}.supplementalGroupsPolicy must be "Merge" or "Strict"')
        groups = _typed(fields, where, "supplementalGroups", list) or []
        if not all(type(gid) is int for gid in groups):
            raise MalformedCase(f"{where}.supplementalGroups must hold whole numbers")
        fs_group = _typed(fields, where, "fsGroup", int)
    return Settings(
        run_as_non_root=_typed(fields, where, "runAsNonRoot", bool),
        run_as_user=_typed(fields, where, "runAsUser", int),
        run_as_group=_typed(fields, where, "runAsGroup", int),
        fs_group=fs_group,
        supplemental_groups=tuple(groups),
        supplemental_groups_policy=policy,
        host_users=host_users,
    )


def _read_image(value: object) -> Image:
    fields = _mapping(value, "image", _IMAGE)
    return Image(
        _typed(fields, "image", "user", str) or "",
        _typed(fields, "image", "passwd", str),
        _typed(fields, "image", "group", str),
    )


def _part(fields: Mapping[str, Any], name: str, known: set[str]) -> Mapping[str, Any]:
    value = fields.get(name)
    return {} if value is None else _mapping(value, name, known)


def _shown(value: object) -> str:
    """A value in an error's text; a manifest's may be one that JSON has not, such as a date or bytes."""
    return json.dumps(value, default=str, skipkeys=True)[:60]


_KINDS = {str: "a string", int: "a whole number", bool: "true or false", list: "a list"}


def _typed(fields: Mapping[str, Any], where: str, name: str, kind: type) -> Any:
    """A field of exactly this type, None where it is null or absent; true is not a number."""
    value = fields.get(name)
    if value is None or type(value) is kind:
        return value
    raise MalformedCase(f"{where}.{name} must be {_KINDS[kind]}, not {_shown(value)}")


def _mapping(value: object, where: str, known: frozenset[str] | set[str] | None) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise MalformedCase(f"{where} must be an object")
    if known is not None and (unknown := value.keys() - known):
        raise MalformedCase(f"{where} has no field {sorted(map(str, unknown))[0]!r}; it has {', '.join(sorted(known))}")
    return value
