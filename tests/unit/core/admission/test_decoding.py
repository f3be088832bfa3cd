"""Strict decoding: the server's words, each as the lab's API server said it, and what is left of the object."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.admission.decoding import WORKLOADS, api_types, decode


def pod(spec: object = None, **container: object) -> dict[str, Any]:
    whole: dict[str, Any] = {"containers": [{"name": "a", "image": "x", **container}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {**whole, **(spec or {})}}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (pod(securityContext={"fsGroup": 5}), 'unknown field "spec.containers[0].securityContext.fsGroup"'),
        (pod({"securityContext": {"runAsNonroot": True}}), 'unknown field "spec.securityContext.runAsNonroot"'),
        (pod({"securitycontext": {}}), 'unknown field "spec.securitycontext"'),
        (pod(runAsUser=5), 'unknown field "spec.containers[0].runAsUser"'),
        ({**pod(), "securityContext": {}}, 'unknown field "securityContext"'),
        (
            pod({"securityContext": {"fsgroup": 1, "capabilities": {}}, "runAsUser": 5}),
            'unknown field "spec.runAsUser", unknown field "spec.securityContext.capabilities", '
            'unknown field "spec.securityContext.fsgroup"',
        ),
        (
            pod(securityContext={"windowsOptions": {"hostprocess": True}}),
            'unknown field "spec.containers[0].securityContext.windowsOptions.hostprocess"',
        ),
        (pod({"securityContext": {True: 1}}), 'unknown field "spec.securityContext.true"'),
    ],
)
def test_an_unknown_field_is_named_with_its_path(document: dict[str, Any], problem: str) -> None:
    assert decode(document, "Pod").message == f"strict decoding error: {problem}"


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (
            pod(securityContext={"runAsUser": "1654", "foo": 1}),
            "string into Go struct field SecurityContext.spec.containers.securityContext.runAsUser of type int64",
        ),
        (
            pod(securityContext={"runAsUser": 1.5}),
            "number 1.5 into Go struct field SecurityContext.spec.containers.securityContext.runAsUser of type int64",
        ),
        (
            pod({"securityContext": {"runAsNonRoot": "true"}}),
            "string into Go struct field PodSecurityContext.spec.securityContext.runAsNonRoot of type bool",
        ),
        (
            pod({"securityContext": []}),
            "array into Go struct field PodSpec.spec.securityContext of type v1.PodSecurityContext",
        ),
        (pod(command=5), "number into Go struct field Container.spec.containers.command of type []string"),
        (
            pod(securityContext={"procMount": 5}),
            "number into Go struct field SecurityContext.spec.containers.securityContext.procMount of type "
            "v1.ProcMountType",
        ),
        (pod({"hostUsers": 1}), "number into Go struct field PodSpec.spec.hostUsers of type bool"),
        (pod({"terminationGracePeriodSeconds": True}), "bool into Go struct field "),
        (pod({"nodeSelector": {"a": 5}}), "number into Go struct field PodSpec.spec.nodeSelector of type string"),
    ],
)
def test_a_value_of_a_wrong_type_comes_before_unknown_fields(document: dict[str, Any], problem: str) -> None:
    message = decode(document, "Pod").message
    assert message is not None
    assert message.startswith(f"json: cannot unmarshal {problem}")


def test_a_null_is_nothing_and_in_a_list_a_zero() -> None:
    context = {"runAsUser": None, "supplementalGroups": [None, 5], "sysctls": [None]}
    decoded = decode(pod({"securityContext": context, "hostUsers": None, "volumes": None}), "Pod")
    assert decoded.message is None
    assert decoded.value["spec"]["securityContext"] == {"supplementalGroups": [0, 5], "sysctls": [{}]}
    assert "hostUsers" not in decoded.value["spec"]


def test_what_is_wrong_is_left_out() -> None:
    decoded = decode(pod({"securityContext": {"runAsUser": "5", "fsGroup": 7, "x": 1}}), "Pod")
    assert decoded.value["spec"]["securityContext"] == {"fsGroup": 7}


@pytest.mark.parametrize(
    ("document", "hint"),
    [
        (pod(securityContext={"fsGroup": 5}), "fsGroup belongs to the pod's securityContext"),
        (
            pod({"securityContext": {"privileged": True}}),
            "privileged belongs to a container's securityContext",
        ),
        (pod({"securityContext": {"runasuser": 5}}), "runasuser: did you mean runAsUser?"),
        (pod(securitycontexts={}), "securitycontexts: did you mean securityContext?"),
        (pod({"runAsUser": 5}), "runAsUser belongs to the pod's securityContext, or to a container's"),
        (pod({"fsGroup": 5}), "fsGroup belongs to the pod's securityContext"),
        (pod({"privileged": True}), "privileged belongs to a container's securityContext"),
        (pod(runAsUser=5), "runAsUser belongs one level deeper, to the container's securityContext"),
        (pod({"securityContext": {"hostUsers": False}}), "hostUsers belongs to the pod's spec, beside containers"),
        (pod(hostNetwork=True), "hostNetwork belongs to the pod's spec, beside containers"),
        (
            pod(securityContext={"capabilities": {"privileged": True}}),
            "privileged belongs beside capabilities, in the container's securityContext",
        ),
        (
            pod(securityContext={"readOnlyRootFileSystem": True}),
            "readOnlyRootFileSystem: did you mean readOnlyRootFilesystem?",
        ),
        (
            pod(securityContext={"allowPrivilegedEscalation": False}),
            "allowPrivilegedEscalation: did you mean allowPrivilegeEscalation?",
        ),
        ({**pod(), "securityContext": {}}, "securityContext belongs to the pod's spec, or to a container in it"),
    ],
)
def test_a_hint_says_where_a_field_belongs(document: dict[str, Any], hint: str) -> None:
    assert decode(document, "Pod").hints == [hint]


def test_a_field_that_resembles_none_has_no_hint() -> None:
    assert decode(pod({"securityContext": {"quux": 1}}), "Pod").hints == []


def test_every_type_that_is_named_is_there() -> None:
    types = api_types()
    assert all(kind in types for _, kind in WORKLOADS)
    simple = {"any", "bool", "int or string", "int32", "int64", "number", "quantity", "string", "time"}

    def names(kind: Any) -> str:
        return names(kind[0] if isinstance(kind, list) else kind["*"]) if not isinstance(kind, str) else kind

    assert {names(kind) for fields in types.values() for kind in fields.values()} <= simple | types.keys()


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["spec", "containers", "securityContext", "runAsUser", "x", "env"]), inner)
    ),
)


@given(_values, st.sampled_from([kind for _, kind in WORKLOADS]))
def test_anything_is_decoded_or_has_a_reason(value: object, kind: str) -> None:
    decoded = decode(value, kind)
    assert isinstance(decoded.value, dict)
    if not isinstance(value, dict) and value is not None:
        assert decoded.message
