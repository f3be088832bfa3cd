"""Validation: each rule in the server's words, as the lab's API server said them."""

from __future__ import annotations

from typing import Any

import pytest

from labkit.core.admission.validation import validate_pod

_RANGE = "must be between 0 and 2147483647, inclusive"
_WINDOWS = "Forbidden: cannot be set for a windows pod"
_USER_NAME = "spec.securityContext.windowsOptions.runAsUserName: Invalid value: "


def spec(own: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"containers": [{"name": "a", "image": "x", "securityContext": own or {}}], **fields}


def errors(fields: dict[str, Any], annotations: dict[str, str] | None = None, path: str = "spec") -> list[str]:
    return [str(error) for error in validate_pod({"annotations": annotations or {}}, fields, path)]


def of_pod(**context: Any) -> list[str]:
    return errors(spec(securityContext=context))


def of_container(**context: Any) -> list[str]:
    return [error.removeprefix("spec.containers[0].securityContext") for error in errors(spec(context))]


@pytest.mark.parametrize("uid", [-1, 2147483648, 99999999999])
def test_ids_have_a_range(uid: int) -> None:
    assert of_pod(runAsUser=uid, supplementalGroups=[5, uid]) == [
        f"spec.securityContext.runAsUser: Invalid value: {uid}: {_RANGE}",
        f"spec.securityContext.supplementalGroups[1]: Invalid value: {uid}: {_RANGE}",
    ]
    assert of_pod(runAsGroup=uid) == [f"spec.securityContext.runAsGroup: Invalid value: {uid}: {_RANGE}"]
    assert of_pod(fsGroup=uid) == [f"spec.securityContext.fsGroup: Invalid value: {uid}: {_RANGE}"]
    assert of_container(runAsGroup=uid) == [f".runAsGroup: Invalid value: {uid}: {_RANGE}"]


@pytest.mark.parametrize("uid", [0, 1654, 2147483647])
def test_ids_within_it_are_fine(uid: int) -> None:
    assert of_pod(runAsUser=uid, runAsGroup=uid, fsGroup=uid, supplementalGroups=[uid]) == []
    assert of_container(runAsUser=uid, runAsGroup=uid) == []


@pytest.mark.parametrize(
    ("name", "value", "supported"),
    [
        ("fsGroupChangePolicy", "never", '"Always", "OnRootMismatch"'),
        ("supplementalGroupsPolicy", "strict", '"Merge", "Strict"'),
        ("seLinuxChangePolicy", "x", '"MountOption", "Recursive"'),
    ],
)
def test_policies_are_of_a_closed_list(name: str, value: str, supported: str) -> None:
    assert of_pod(**{name: value}) == [
        f'spec.securityContext.{name}: Unsupported value: "{value}": supported values: {supported}'
    ]


def test_privilege_and_its_escalation_go_together() -> None:
    assert of_container(allowPrivilegeEscalation=False, privileged=True, capabilities={"add": ["CAP_SYS_ADMIN"]}) == [
        ": Invalid value: {...}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
        ": Invalid value: {...}: cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN",
    ]
    assert of_container(allowPrivilegeEscalation=True, privileged=True) == []
    # By that name only, says the source.
    assert of_container(allowPrivilegeEscalation=False, capabilities={"add": ["SYS_ADMIN"]}) == []


def test_proc_is_unmasked_in_a_user_namespace_only() -> None:
    assert of_container(procMount="Unmasked") == [
        '.procMount: Invalid value: "Unmasked": `hostUsers` must be false to use `Unmasked`'
    ]
    assert errors(spec({"procMount": "Unmasked"}, hostUsers=False)) == []
    assert of_container(procMount="none") == [
        '.procMount: Unsupported value: "none": supported values: "Default", "Unmasked"'
    ]


def test_a_user_namespace_shares_no_other_namespace_of_the_node() -> None:
    assert errors(spec(hostUsers=False, hostNetwork=True, hostPID=True, hostIPC=True)) == [
        "spec.hostNetwork: Forbidden: when `hostUsers` is false",
        "spec.HostPID: Forbidden: when `hostUsers` is false",
        "spec.HostIPC: Forbidden: when `hostUsers` is false",
    ]
    assert errors(spec(hostNetwork=True, hostPID=True, hostIPC=True)) == []


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ({"type": "RuntimeDefault"}, []),
        ({"type": "Localhost", "localhostProfile": "a/b.json"}, []),
        ({}, [".type: Required value: type is required when seccompProfile is set"]),
        ({"type": "Localhost"}, [".localhostProfile: Required value: must be set when seccomp type is Localhost"]),
        (
            {"type": "Localhost", "localhostProfile": "/a/../b"},
            [
                '.localhostProfile: Invalid value: "/a/../b": must be a relative path',
                ".localhostProfile: Invalid value: \"/a/../b\": must not contain '..'",
            ],
        ),
        (
            {"type": "foo", "localhostProfile": "x"},
            [
                '.type: Unsupported value: "foo": supported values: "Localhost", "RuntimeDefault", "Unconfined"',
                '.localhostProfile: Invalid value: {"Type":"foo","LocalhostProfile":"x"}: '
                "can only be set when seccomp type is Localhost",
            ],
        ),
    ],
)
def test_seccomp_profiles(profile: dict[str, str], expected: list[str]) -> None:
    assert of_container(seccompProfile=profile) == [f".seccompProfile{error}" for error in expected]
    assert of_pod(seccompProfile=profile) == [f"spec.securityContext.seccompProfile{error}" for error in expected]


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ({"type": "Unconfined"}, []),
        ({}, [".type: Required value: type is required when appArmorProfile is set"]),
        (
            {"type": "Localhost", "localhostProfile": " a"},
            ['.localhostProfile: Invalid value: " a": must not be padded with whitespace'],
        ),
        (
            {"type": "Localhost", "localhostProfile": "a" * 5000},
            [".localhostProfile: Too long: may not be more than 4095 bytes"],
        ),
        (
            {"type": "RuntimeDefault", "localhostProfile": "a"},
            ['.localhostProfile: Invalid value: "a": can only be set when AppArmor type is Localhost'],
        ),
    ],
)
def test_app_armor_profiles(profile: dict[str, str], expected: list[str]) -> None:
    assert of_container(appArmorProfile=profile) == [f".appArmorProfile{error}" for error in expected]


def test_annotations_that_came_before_the_fields_must_agree_with_them() -> None:
    seccomp, armor = "seccomp.security.alpha.kubernetes.io/pod", "container.apparmor.security.beta.kubernetes.io/"
    fields = spec(
        {"appArmorProfile": {"type": "Unconfined"}}, securityContext={"seccompProfile": {"type": "Unconfined"}}
    )
    assert errors(fields, {seccomp: "unconfined", f"{armor}a": "unconfined"}) == []
    assert errors(fields, {seccomp: "runtime/default", f"{armor}a": "runtime/default"}) == [
        "spec.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match",
        "spec.containers[0].securityContext.appArmorProfile.type: Forbidden: "
        "apparmor type in annotation and field must match",
    ]
    assert errors(spec(), {f"{armor}b": "x"}, "spec.template.spec") == [
        f'spec.template.annotations[{armor}b]: Invalid value: "b": container not found',
        f'spec.template.annotations[{armor}b]: Invalid value: "x": invalid AppArmor profile name: "x"',
    ]


def test_sysctls_have_names_of_one_form_each_once() -> None:
    names = [{"name": "a b"}, {}, {"name": "net.x"}, {"name": "net.x"}]
    assert [error.partition(": ")[2][:40] for error in of_pod(sysctls=names)] == [
        'Invalid value: "a b": must have at most ',
        "Required value",
        'Duplicate value: "net.x"',
    ]


@pytest.mark.parametrize(
    ("shared", "name", "refused"),
    [
        ("hostNetwork", "net/ipv4/tcp_syncookies", True),
        ("hostNetwork", "kernel.msgmax", False),
        ("hostIPC", "kernel.msgmax", True),
        ("hostIPC", "fs.mqueue.msg_max", True),
    ],
)
def test_sysctls_of_a_shared_namespace_are_the_node_s(shared: str, name: str, refused: bool) -> None:
    messages = errors(spec(securityContext={"sysctls": [{"name": name}]}, **{str(shared): True}))  # type: ignore[arg-type]
    message = (
        f"spec.securityContext.sysctls[0].name: Invalid value: \"{name}\": may not be specified when '{shared}' is true"
    )
    assert messages == ([message] if refused else [])


def test_a_pod_for_windows_has_no_settings_of_linux() -> None:
    fields = spec(
        {"capabilities": {}}, os={"name": "windows"}, hostUsers=True, securityContext={"runAsUser": 5, "sysctls": []}
    )
    assert errors(fields) == [
        f"spec.securityContext.runAsUser: {_WINDOWS}",
        f"spec.hostUsers: {_WINDOWS}",
        f"spec.containers[0].securityContext.capabilities: {_WINDOWS}",
    ]
    # What only selects a node for Windows may have them: then the kubelet there passes them over.
    assert errors(spec(nodeSelector={"kubernetes.io/os": "windows"}, securityContext={"runAsUser": 5})) == []


def test_a_pod_for_linux_has_no_settings_of_windows() -> None:
    assert errors(spec({"windowsOptions": {}}, os={"name": "linux"})) == [
        "spec.containers[0].securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod"
    ]
    assert errors(spec(os={"name": "plan9"})) == [
        'spec.os: Unsupported value: "plan9": supported values: "linux", "windows"'
    ]
    assert errors(spec(os={})) == ["spec.os.name: Required value"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ContainerUser", None),
        ("NT AUTHORITY\\SYSTEM", None),
        ("", '"": runAsUserName cannot be an empty string'),
        ("A\\B\\C", '"A\\\\B\\\\C": runAsUserName cannot contain more than one backslash'),
        ("a\tb", '"a\\tb": runAsUserName cannot contain control characters'),
        (" . ", '" . ": runAsUserName\'s User cannot contain only periods or spaces'),
    ],
)
def test_windows_user_names(name: str, expected: str | None) -> None:
    assert of_pod(windowsOptions={"runAsUserName": name}) == ([_USER_NAME + expected] if expected else [])


def test_host_process_containers_are_all_or_none_and_in_the_node_s_network() -> None:
    both = {"containers": [{"securityContext": {"windowsOptions": {"hostProcess": True}}}, {}]}
    assert [error.partition(": ")[0] for error in errors(both)] == ["spec", "spec.hostNetwork"]
    assert errors(spec(hostNetwork=True, securityContext={"windowsOptions": {"hostProcess": True}})) == []
