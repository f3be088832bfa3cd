"""Pods for Windows: how they are known, and whom the kubelet there refuses."""

from __future__ import annotations

from typing import Any

import pytest

from labkit.core.causes import Cause
from labkit.core.identity.kubelet_rules import is_for_windows
from labkit.core.identity.model import Image
from labkit.core.identity.windows_rules import explain_on_windows


def affinity(*terms: list[dict[str, Any]]) -> dict[str, Any]:
    selector = {"nodeSelectorTerms": [{"matchExpressions": expressions} for expressions in terms]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": selector}}}


def os_in(*values: str, key: str = "kubernetes.io/os", operator: str = "In") -> dict[str, Any]:
    return {"key": key, "operator": operator, "values": list(values)}


def user(name: str | None, **context: Any) -> dict[str, Any]:
    options = {} if name is None else {"windowsOptions": {"runAsUserName": name}}
    return {"securityContext": {**options, **context}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, False),
        ({"os": {"name": "windows"}}, True),
        ({"os": {"name": "linux"}, "nodeSelector": {"kubernetes.io/os": "windows"}}, False),
        ({"nodeSelector": {"kubernetes.io/os": "windows"}}, True),
        ({"nodeSelector": {"beta.kubernetes.io/os": "windows"}}, True),
        ({"nodeSelector": {"node.kubernetes.io/windows-build": "10.0.20348"}}, True),
        (affinity([os_in("10.0.20348", key="node.kubernetes.io/windows-build")]), True),
        (affinity([os_in(key="node.kubernetes.io/windows-build", operator="DoesNotExist")]), False),
        ({"nodeSelector": {"kubernetes.io/os": "linux", "kubernetes.io/arch": "windows"}}, False),
        (affinity([os_in("windows")]), True),
        (affinity([os_in("windows", key="beta.kubernetes.io/os")], [{"key": "a"}, os_in("windows")]), True),
        (affinity([os_in("windows")], [os_in("linux")]), False),
        (affinity([os_in("windows", "linux")]), False),
        (affinity([os_in("windows", operator="NotIn")]), False),
        (affinity(), False),
        ({"securityContext": {"windowsOptions": {"hostProcess": True}}}, True),
        ({"containers": [{"securityContext": {"windowsOptions": {"hostProcess": True}}}]}, True),
        ({"containers": [{"securityContext": {"windowsOptions": {"runAsUserName": "a"}}}]}, False),
    ],
)
def test_a_pod_is_for_windows(spec: dict[str, Any], expected: bool) -> None:
    assert is_for_windows(spec) is expected


@pytest.mark.parametrize(
    ("image", "pod", "own", "name", "cause"),
    [
        (Image(""), user(None, runAsNonRoot=True), {}, "ContainerAdministrator", None),
        (Image("0"), user(None, runAsNonRoot=True), {}, "0", None),
        (Image("ContainerUser"), user(None, runAsNonRoot=True), {}, "ContainerUser", None),
        (Image("containeradministrator"), user(None, runAsNonRoot=True), {}, None, Cause.IMAGE_RUNS_AS_ROOT),
        (Image("ContainerAdministrator"), {}, {}, "ContainerAdministrator", None),
        (None, user("ContainerAdministrator", runAsNonRoot=True), {}, None, Cause.RUN_AS_USER_IS_ROOT),
        (None, user("x", runAsNonRoot=True), user("ContainerAdministrator"), None, Cause.RUN_AS_USER_IS_ROOT),
        (None, user("ContainerAdministrator", runAsNonRoot=True), user("ContainerUser"), "ContainerUser", None),
        (
            None,
            user("x", runAsNonRoot=True),
            user("ContainerAdministrator", runAsNonRoot=False),
            "ContainerAdministrator",
            None,
        ),
        # A uid counts for nothing there, and 0 is refused by nobody.
        (Image("ContainerUser"), user(None, runAsNonRoot=True, runAsUser=0), {}, "ContainerUser", None),
    ],
)
def test_only_the_administrator_by_name_is_refused(
    image: Image | None, pod: dict[str, Any], own: dict[str, Any], name: str | None, cause: Cause | None
) -> None:
    answer = explain_on_windows(image, pod, own)
    assert (answer.user_name, answer.cause, answer.uid, answer.runs_as) == (name, cause, None, None)
    assert answer.kubelet_ok is (cause is None)


def test_the_kubelet_s_words() -> None:
    answer = explain_on_windows(None, user("ContainerAdministrator", runAsNonRoot=True), {}, " (pod: x)")
    assert answer.refusal is not None
    assert answer.refusal.message == (
        "container's runAsUserName (ContainerAdministrator) which will be regarded as root identity and will break "
        "non-root policy (pod: x)"
    )


@pytest.mark.parametrize(("non_root", "kubelet_ok"), [(True, None), (False, True), (None, True)])
def test_an_image_that_is_not_known(non_root: bool | None, kubelet_ok: bool | None) -> None:
    answer = explain_on_windows(None, user(None, **({} if non_root is None else {"runAsNonRoot": non_root})), {})
    assert (answer.ok, answer.kubelet_ok, answer.user_name) == (None, kubelet_ok, None)


@pytest.mark.parametrize(
    ("name", "is_administrator"),
    [("ContainerAdministrator", True), ("NT AUTHORITY\\SYSTEM", True), ("ContainerUser", False), ("d\\me", False)],
)
def test_who_may_do_everything_there(name: str, is_administrator: bool) -> None:
    assert explain_on_windows(None, user(name), {}).is_administrator is is_administrator
