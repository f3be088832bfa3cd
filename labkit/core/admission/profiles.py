"""What the API server says to profiles of seccomp and AppArmor, in fields and in the annotations that came before them.

Source: kubernetes/kubernetes:pkg/apis/core/validation/validation.go at v1.37.2; each function names its own there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from labkit.core.admission.field_errors import (
    CONTAINER_LISTS,
    FieldError,
    containers_of,
    forbidden,
    invalid,
    not_supported,
    part_of,
    required,
    too_long,
)

_PROFILES: Final = ("Localhost", "RuntimeDefault", "Unconfined")
_LONGEST_PATH: Final = 4095
_SECCOMP_POD: Final = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER: Final = "container.seccomp.security.alpha.kubernetes.io/"
_APP_ARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"
_MUST_MATCH: Final = "{} {} in annotation and field must match"


def seccomp_errors(profile: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """validateSeccompProfileField."""
    kind, file = profile.get("type", ""), profile.get("localhostProfile")
    if not kind:
        yield required(f"{path}.type", "type is required when seccompProfile is set")
    elif kind not in _PROFILES:
        yield not_supported(f"{path}.type", kind, _PROFILES)
    if kind == "Localhost":
        if file is None:
            yield required(f"{path}.localhostProfile", "must be set when seccomp type is Localhost")
        else:
            yield from _relative_path_errors(file, f"{path}.localhostProfile")
    elif file is not None:
        shown = json.dumps({"Type": kind, "LocalhostProfile": file}, separators=(",", ":"))
        detail = "can only be set when seccomp type is Localhost"
        yield FieldError(f"{path}.localhostProfile", f"Invalid value: {shown}: {detail}")


def app_armor_errors(profile: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """ValidateAppArmorProfileField."""
    kind, name = profile.get("type", ""), profile.get("localhostProfile")
    where = f"{path}.localhostProfile"
    if kind == "Localhost":
        if name is None or not name:
            yield required(where, "must be set when AppArmor type is Localhost")
        elif name.strip() != name:
            yield invalid(where, name, "must not be padded with whitespace")
        if name is not None and len(name.encode()) > _LONGEST_PATH:
            yield too_long(where, _LONGEST_PATH)
    elif kind in _PROFILES:
        if name is not None:
            yield invalid(where, name, "can only be set when AppArmor type is Localhost")
    elif not kind:
        yield required(f"{path}.type", "type is required when appArmorProfile is set")
    else:
        yield not_supported(f"{path}.type", kind, _PROFILES)


def _relative_path_errors(file: str, path: str) -> Iterator[FieldError]:
    """validateLocalDescendingPath."""
    if file.startswith("/"):
        yield invalid(path, file, "must be a relative path")
    if ".." in file.split("/"):
        yield invalid(path, file, "must not contain '..'")


def annotation_errors(metadata: Mapping[str, Any], spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """ValidatePodSpecificAnnotations: those of seccomp and AppArmor."""
    annotations: Mapping[str, str] = metadata.get("annotations", {})
    # A template's are at spec.template.annotations, says the server.
    where = ("metadata" if path == "spec" else path.removesuffix(".spec")) + ".annotations"
    for key, value in sorted(annotations.items(), key=lambda pair: (pair[0] != _SECCOMP_POD, pair[0])):
        if key == _SECCOMP_POD or key.startswith(_SECCOMP_CONTAINER):
            if value.startswith("localhost/"):
                yield from _relative_path_errors(value.removeprefix("localhost/"), f"{where}.{key}")
            elif value not in ("runtime/default", "docker/default", "unconfined"):
                yield invalid(f"{where}.{key}", value, "must be a valid seccomp profile")
    names = {container.get("name") for container, _ in containers_of(spec)}
    for key, value in sorted(annotations.items()):
        if key.startswith(_APP_ARMOR):
            if (name := key.removeprefix(_APP_ARMOR)) not in names:
                yield invalid(f"{where}[{key}]", name, "container not found")
            if value not in ("", "runtime/default", "unconfined") and not value.startswith("localhost/"):
                yield invalid(f"{where}[{key}]", value, f"invalid AppArmor profile name: {json.dumps(value)}")


def with_app_armor_fields(metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """A pod's spec in which the fields say what annotations say of AppArmor, as far as that is valid.

    The API server does so before it validates a pod; it leaves the template of one as it is.
    kubernetes/kubernetes:pkg/registry/core/pod/strategy.go (applyAppArmorVersionSkew).
    """
    annotations: Mapping[str, str] = metadata.get("annotations", {})
    if part_of(spec, "os").get("name") == "windows" or not any(key.startswith(_APP_ARMOR) for key in annotations):
        return spec
    of_pod = part_of(spec, "securityContext").get("appArmorProfile")

    def changed(container: Mapping[str, Any]) -> Mapping[str, Any]:
        own = part_of(container, "securityContext")
        profile = _profile_of(annotations.get(_APP_ARMOR + container.get("name", ""), ""))
        if profile is None or profile == of_pod or "appArmorProfile" in own or [*app_armor_errors(profile, "")]:
            return container
        return {**container, "securityContext": {**own, "appArmorProfile": profile}}

    return {**spec, **{name: [*map(changed, spec[name])] for name in CONTAINER_LISTS if name in spec}}


def _profile_of(annotation: str) -> dict[str, str] | None:
    """The field that an annotation stands for (pkg/api/pod/util.go, ApparmorFieldForAnnotation)."""
    if annotation.startswith("localhost/"):
        return {"type": "Localhost", "localhostProfile": annotation.removeprefix("localhost/")}
    kind = {"unconfined": "Unconfined", "runtime/default": "RuntimeDefault"}.get(annotation)
    return {"type": kind} if kind is not None else None


def mismatch_errors(metadata: Mapping[str, Any], spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """validateSeccompAnnotationsAndFields, validateAppArmorAnnotationsAndFieldsMatchOnCreate."""
    annotations: Mapping[str, str] = metadata.get("annotations", {})
    if not annotations:
        return
    context = part_of(spec, "securityContext")
    yield from _match_errors(
        annotations.get(_SECCOMP_POD), context.get("seccompProfile"), f"{path}.securityContext", "seccomp"
    )
    for container, where in containers_of(spec, path):
        own = part_of(container, "securityContext").get("seccompProfile")
        annotation = annotations.get(_SECCOMP_CONTAINER + container.get("name", ""))
        yield from _match_errors(annotation, own, f"{where}.securityContext", "seccomp")
    if part_of(spec, "os").get("name") == "windows":
        return
    for container, where in containers_of(spec, path):
        own = part_of(container, "securityContext").get("appArmorProfile", context.get("appArmorProfile"))
        annotation = annotations.get(_APP_ARMOR + container.get("name", ""))
        yield from _match_errors(annotation, own, f"{where}.securityContext", "apparmor")


def _match_errors(
    annotation: str | None, profile: Mapping[str, Any] | None, path: str, program: str
) -> Iterator[FieldError]:
    if annotation is None or profile is None:
        return
    path += ".seccompProfile" if program == "seccomp" else ".appArmorProfile"
    kind = profile.get("type", "")
    same = {
        "Unconfined": annotation == "unconfined",
        "RuntimeDefault": annotation == "runtime/default" or (program == "seccomp" and annotation == "docker/default"),
        "Localhost": annotation.startswith("localhost/"),
    }
    if not same.get(kind, True):
        yield forbidden(f"{path}.type", _MUST_MATCH.format(program, "type"))
    elif kind == "Localhost" and annotation.removeprefix("localhost/") != profile.get("localhostProfile"):
        yield forbidden(f"{path}.localhostProfile", _MUST_MATCH.format(program, "profile"))
