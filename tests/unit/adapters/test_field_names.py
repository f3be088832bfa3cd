"""What was probably meant by a field that the API server does not know."""

from __future__ import annotations

import pytest

from labkit.adapters.kube.field_names import advice_on, with_advice

_CONTAINERS, _PODS = "a container's securityContext", "the pod's securityContext"
_CASES = [
    ("spec.securityContext.runAsNonroot", "runAsNonroot: did you mean runAsNonRoot?"),
    (
        "spec.securityContext.allowPrivilegeEscalation",
        "allowPrivilegeEscalation belongs to a container's securityContext",
    ),
    ("spec.containers[0].securityContext.fsGroup", "fsGroup belongs to the pod's securityContext"),
    (
        "spec.initContainers[1].securityContext.fsgroup",
        "fsgroup: did you mean fsGroup, which belongs to the pod's securityContext?",
    ),
    ("spec.containers[0].runAsUser", "runAsUser belongs one level deeper, to the container's securityContext"),
    ("spec.runAsUser", "runAsUser belongs to the pod's securityContext, or to a container's"),
    ("spec.image", "image belongs to a container"),
    ("spec.containers[0].hostNetwork", "hostNetwork belongs to the pod's spec, beside containers"),
    ("spec.containers[0].securityContext.capabilites", "capabilites: did you mean capabilities?"),
    ("spec.containers[0].env[2].valeu", "valeu: did you mean value?"),
    (
        "spec.containers[0].securityContext.no_new_privs",
        "no_new_privs is set by allowPrivilegeEscalation: false, in a container's securityContext",
    ),
    (
        "spec.securityContext.no-new-privileges",
        "no-new-privileges is set by allowPrivilegeEscalation: false, in a container's securityContext",
    ),
    ("spec.containers[0].user", "user is set by runAsUser, in a container's securityContext"),
    ("spec.containers[0].USER", "USER is set by runAsUser, in a container's securityContext"),
    ("spec.securityContext.uid", "uid is set by runAsUser, in a container's securityContext"),
    ("spec.containers[0].securityContext.group", "group is set by runAsGroup, in a container's securityContext"),
    ("spec.containers[0].securityContext.zzz", None),
    ("nothing.like.it", None),
]


@pytest.mark.parametrize(("path", "advice"), _CASES)
def test_it_is_named(path: str, advice: str | None) -> None:
    message = f'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "{path}"'
    assert advice_on(message, "Pod") == ([advice] if advice else [])
    assert with_advice(message, "Pod").startswith(message)


def test_each_of_several_fields_has_a_line() -> None:
    message = 'strict decoding error: unknown field "spec.securityContext.privileged", unknown field "spec.hostNetwrk"'
    assert with_advice(message, "Pod").splitlines()[1:] == [
        "privileged belongs to a container's securityContext",
        "hostNetwrk: did you mean hostNetwork?",
    ]


def test_a_field_of_a_template_is_named_in_server_side_applys_words() -> None:
    message = (
        "failed to create typed patch object (/web; apps/v1, Kind=Deployment): "
        '.spec.template.spec.containers[name="a"].securityContext.fsGroup: field not declared in schema'
    )
    assert advice_on(message, "Deployment") == ["fsGroup belongs to the pod's securityContext"]


@pytest.mark.parametrize(
    ("kind", "path", "advice"),
    [
        ("Secret", "stringdata", "stringdata: did you mean stringData?"),
        ("ConfigMap", "labels", "labels belongs to the metadata"),
        ("Deployment", "spec.containers", "containers belongs to the pod's spec"),
        ("Deployment", "spec.name", None),
    ],
)
def test_other_kinds_get_advice_too(kind: str, path: str, advice: str | None) -> None:
    assert advice_on(f'unknown field "{path}"', kind) == ([advice] if advice else [])


@pytest.mark.parametrize("message", ["", "exceeded quota", 'unknown field ""', 'unknown field "."'])
def test_other_words_get_no_advice(message: str) -> None:
    assert advice_on(message, "Pod") == []
    assert advice_on(message, "Unknown") == []


@pytest.mark.parametrize(
    ("given", "place", "go_type", "advice"),
    [
        (
            "string",
            "SecurityContext.spec.containers.securityContext.runAsNonRoot",
            "bool",
            "true or false, without quotes",
        ),
        (
            "string",
            "PodSecurityContext.spec.securityContext.runAsUser",
            "int64",
            "runAsUser is a number: no name, and no quotes",
        ),
        (
            "string",
            "Capabilities.spec.containers.securityContext.capabilities.drop",
            "[]v1.Capability",
            "drop is a list",
        ),
        ("string", "PodSecurityContext.spec.securityContext.seccompProfile", "v1.SeccompProfile", "fields of its own"),
        ("number", "Container.spec.containers.image", "string", "image is a string: write it in quotes"),
    ],
)
def test_a_value_of_another_type_is_told_what_is_wanted(given: str, place: str, go_type: str, advice: str) -> None:
    cannot = f"json: cannot unmarshal {given} into Go struct field {place} of type {go_type}"
    message = f'Pod in version "v1" cannot be handled as a Pod: {cannot}'
    (sentence,) = advice_on(message, "Pod")
    assert advice in sentence
