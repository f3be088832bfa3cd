"""`labkit explain` over whole manifests: what the API server refuses, Windows, user namespaces, HOME."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from labkit.archives.archive import ImageContent
from labkit.base.errors import Misuse
from labkit.cli import main
from labkit.core.admission.policy import Policy
from labkit.explain.explanations import explain_text
from labkit.explain.given_users import GivenUsers
from labkit.explain.image_explanations import explain_image
from labkit.explain.image_lookup import ImageFinder
from labkit.explain.namespace_levels import NamespaceLevels
from labkit.explain.rows import Explanation, Explanations
from tests.unit.explain.without_engine import no_engine

IMAGE = "registry.example/app:1"
PASSWD = "root:x:0:0::/root:/bin/sh\napp:x:1654:1654::/home/app:/bin/sh\n"


def explained(*documents: dict[str, Any], user: str | None = None, levels: tuple[str, ...] = ()) -> Explanations:
    finder = ImageFinder(None if user is None else GivenUsers({IMAGE: user}), connect=no_engine)
    return explain_text(finder, yaml.safe_dump_all(documents), levels)


def pod(own: dict[str, Any] | None = None, *, name: str = "p", **spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": IMAGE, **(own or {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container], **spec}}


def workload(kind: str, version: str, spec: dict[str, Any], namespace: str | None = None) -> dict[str, Any]:
    metadata = {"name": "w", **({"namespace": namespace} if namespace else {})}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": spec}
    inner = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": inner}


def namespace(name: str, level: str) -> dict[str, Any]:
    labels = {"pod-security.kubernetes.io/enforce": level}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def only(rows: Explanations) -> Explanation:
    (row,) = rows
    return row


# --- G: what the API server does not let in ---


def test_fs_group_in_a_container_keeps_the_whole_job_out() -> None:
    settings = {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000}
    spec = {"restartPolicy": "OnFailure", "containers": [{"name": "c", "image": IMAGE, "securityContext": settings}]}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": {"template": {"spec": spec}}}
    row = only(explained(job))
    assert (row.verdict, row.cause, row.runs_as) == ("the API server refuses", "invalid-manifest", "")
    answer = row.to_dict()
    assert answer["api"]["ok"] is False
    message = 'strict decoding error: unknown field "spec.template.spec.containers[0].securityContext.fsGroup"'
    assert str(answer["api"]["message"]).startswith(message)
    assert "fsGroup belongs to the pod" in str(answer["api"]["message"])
    assert answer["runs_as"] is None
    assert answer["because"][0] == f"the API server does not let it in: {message}"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"spec": {"securityContext": {"runAsUser": 5}}}, "spec.securityContext"),
        ({"spec": {"template": {"securityContext": {}}}}, "spec.template.securityContext"),
        ({"spec": {"template": {"metadata": {"securityContext": {}}}}}, "spec.template.metadata.securityContext"),
        ({"spec": {"template": {"spec": {"runAsNonRoot": True}}}}, "spec.template.spec.runAsNonRoot"),
        ({"spec": {"template": {"spec": {"securitycontext": {}}}}}, "spec.template.spec.securitycontext"),
        ({"securityContext": {}}, "securityContext"),
    ],
)
def test_a_security_context_at_the_wrong_level(change: dict[str, Any], path: str) -> None:
    document = workload("Deployment", "apps/v1", pod()["spec"])

    def merge(into: dict[str, Any], more: dict[str, Any]) -> None:
        for key, value in more.items():
            if isinstance(value, dict) and isinstance(into.get(key), dict):
                merge(into[key], value)
            else:
                into[key] = value

    merge(document, change)
    row = only(explained(document, user="1654"))
    assert (row.verdict, row.api.message) == (
        "the API server refuses",
        f'strict decoding error: unknown field "{path}"',
    )


def test_a_namespace_in_the_same_files_keeps_a_deployment_s_pods_out() -> None:
    spec = pod(securityContext={"runAsNonRoot": True, "runAsUser": 1654})["spec"]
    deployment = workload("Deployment", "apps/v1", spec, "shop")
    # In whatever order they come.
    for documents in ([namespace("shop", "restricted"), deployment], [deployment, namespace("shop", "restricted")]):
        row = only(explained(*documents))
        assert (row.verdict, row.cause) == ("admission refuses", "pod-security")
        assert row.api.message is not None
        assert row.api.message.startswith('no pod is made: violates PodSecurity "restricted:latest": allowPrivilege')
        assert row.api.message.count(" (") == 3
    for level in ("baseline", "privileged"):
        assert only(explained(namespace("shop", level), deployment)).verdict == "runs"
    assert only(explained(namespace("store", "restricted"), deployment)).verdict == "runs"


@pytest.mark.parametrize(
    ("levels", "declared", "refused"),
    [
        ((), None, False),
        (("restricted",), None, True),
        (("default=restricted",), None, True),
        (("other=restricted",), None, False),
        # What a Namespace says is nearer than what all say, and what is said of its name is nearest.
        (("restricted",), "privileged", False),
        (("default=restricted",), "privileged", True),
        (("default=privileged", "restricted"), "restricted", False),
    ],
)
def test_the_nearest_level_counts(levels: tuple[str, ...], declared: str | None, refused: bool) -> None:
    documents = [pod()] + ([namespace("default", declared)] if declared else [])
    assert (only(explained(*documents, user="5", levels=levels)).api.ok is False) == refused


def test_a_level_of_a_namespace_in_which_nothing_is_is_noted() -> None:
    rows = explained(pod(), user="5", levels=("defualt=restricted", "baseline"))
    assert "--namespace-level defualt: no container is in this namespace" in rows.notes


@pytest.mark.parametrize("text", ["", "restriced", "=restricted", "shop=", "shop=open", "restricted:1.30"])
def test_what_is_no_level_is_wrong_use(text: str) -> None:
    with pytest.raises(Misuse, match="NAMESPACE=LEVEL"):
        NamespaceLevels.parse([text])


def test_levels_have_versions() -> None:
    levels = NamespaceLevels.parse(["baseline:v1.30", "shop=restricted:v1.24"])
    assert levels.policy("shop", {}) == Policy("restricted", "v1.24")
    assert levels.policy("other", {}) == Policy("baseline", "v1.30")


def test_a_kind_that_a_cluster_defines_gets_in_as_far_as_is_known() -> None:
    rollout = workload("Rollout", "argoproj.io/v1alpha1", pod()["spec"])
    row = only(explained(rollout, user="1654"))
    assert (row.api.ok, row.verdict, row.objection) == (None, "runs", None)
    refused = only(explained(rollout, user="1654", levels=("restricted",)))
    assert (refused.verdict, refused.cause) == ("admission refuses", "pod-security")


def test_a_version_that_is_gone_is_said_and_the_pods_are_judged() -> None:
    row = only(explained(workload("Deployment", "extensions/v1beta1", pod()["spec"]), user="1654"))
    assert (row.api.ok, row.verdict) == (None, "runs")
    assert "Deployment is not in extensions/v1beta1 any more: a cluster of today has no match for it" in row.because


@pytest.mark.parametrize(
    ("document", "verdict", "cause"),
    [
        (pod({"securityContext": {"runAsGroup": 99999999999}}), "the API server refuses", "invalid-manifest"),
        (pod({"securityContext": {"privileged": True}}), "admission refuses", "pod-security"),
        (pod(securityContext={"runAsNonRoot": True}), "the kubelet refuses", "image-runs-as-root"),
        (pod(securityContext={"runAsGroup": 5}), "the runtime refuses", "bad-user-spec"),
    ],
)
def test_who_refuses_is_told_apart(document: dict[str, Any], verdict: str, cause: str) -> None:
    row = only(explained(document, user="0", levels=("baseline",)))
    assert (row.verdict, row.cause) == (verdict, cause)
    assert row.objection == f"{verdict} ({cause})"


def test_an_engine_is_not_asked_through_an_api_server() -> None:
    finder = ImageFinder(GivenUsers({IMAGE: "5"}), connect=no_engine)
    with_pod, without, engine = explain_image(finder, IMAGE)
    assert [row.api.ok for row in (with_pod, without, engine)] == [True, True, None]
    settings = {"privileged": True, "allowPrivilegeEscalation": False}
    refused = only(explain_image(finder, IMAGE, container=settings))
    assert refused.verdict == "the API server refuses"


def test_an_image_is_explained_in_a_namespace_with_a_level() -> None:
    finder = ImageFinder(GivenUsers({IMAGE: "5"}), connect=no_engine)
    rows = explain_image(finder, IMAGE, levels=["restricted"])
    assert [row.verdict for row in rows] == ["admission refuses", "admission refuses", "runs"]
    pods = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    own = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    allowed = explain_image(finder, IMAGE, pod=pods, container=own, levels=["restricted"])
    assert only(allowed).verdict == "runs"


def _run(folder: Path, document: dict[str, Any], *options: str) -> Result:
    file = folder / "it.yaml"
    file.write_text(yaml.safe_dump(document))
    return CliRunner().invoke(main, ["explain", "-f", str(file), "--image-user", f"{IMAGE}=1654", *options])


@pytest.mark.parametrize(
    ("document", "options", "status"),
    [
        (pod(), [], 0),
        (pod({"securityContext": {"fsGroup": 5}}), [], 1),
        (pod(), ["--namespace-level", "restricted"], 1),
        (pod(), ["--namespace-level", "baseline"], 0),
        (pod(), ["--namespace-level", "default=restricted:v1.24"], 1),
        (pod(), ["--namespace-level", "strict"], 2),
    ],
)
def test_a_gate_counts_what_the_api_server_says(
    tmp_path: Path, document: dict[str, Any], options: list[str], status: int
) -> None:
    assert _run(tmp_path, document, "--gate", *options).exit_code == status


def test_without_a_gate_a_refusal_is_an_answer(tmp_path: Path) -> None:
    result = _run(tmp_path, pod({"securityContext": {"fsGroup": 5}}), "--json")
    assert result.exit_code == 0
    (row,) = json.loads(result.stdout)
    assert (row["api"]["ok"], row["api"]["cause"], row["kubelet"]["ok"]) == (False, "invalid-manifest", True)


# --- B: Windows ---


@pytest.mark.parametrize(
    ("spec", "user", "verdict", "runs_as"),
    [
        (
            {"nodeSelector": {"kubernetes.io/os": "windows"}, "securityContext": {"runAsNonRoot": True}},
            "",
            "runs",
            "ContainerAdministrator of Windows",
        ),
        (
            {"nodeSelector": {"beta.kubernetes.io/os": "windows"}, "securityContext": {"runAsNonRoot": True}},
            "ContainerUser",
            "runs",
            "ContainerUser of Windows",
        ),
        (
            {"os": {"name": "windows"}, "securityContext": {"runAsNonRoot": True}},
            "ContainerAdministrator",
            "the kubelet refuses",
            "",
        ),
        (
            {
                "hostNetwork": True,
                "securityContext": {"windowsOptions": {"hostProcess": True, "runAsUserName": "NT AUTHORITY\\SYSTEM"}},
            },
            "",
            "runs",
            "NT AUTHORITY\\SYSTEM of Windows",
        ),
        # Not so on Linux, nor where nothing says that it is for Windows.
        ({"securityContext": {"runAsNonRoot": True}}, "", "the kubelet refuses", ""),
    ],
)
def test_pods_for_windows(spec: dict[str, Any], user: str, verdict: str, runs_as: str) -> None:
    row = only(explained(pod(**spec), user=user))
    assert (row.verdict, row.runs_as) == (verdict, runs_as)
    assert row.to_dict()["runs_as"] is None


def test_an_image_for_windows_is_one_whatever_the_pod_says() -> None:
    content = ImageContent(IMAGE, "ContainerAdministrator", (), "amd64", None, None, "windows")
    images = ImageFinder(images=[content], connect=no_engine)
    row = only(explain_text(images, yaml.safe_dump(pod(securityContext={"runAsNonRoot": True}))))
    assert (row.verdict, row.cause) == ("the kubelet refuses", "image-runs-as-root")
    with_pod, non_root, engine = explain_image(images, IMAGE)
    assert [row.runs_as for row in (with_pod, engine)] == ["ContainerAdministrator of Windows"] * 2
    assert non_root.verdict == "the kubelet refuses"
    assert only(explain_image(images, IMAGE, user="ContainerUser")).runs_as == "ContainerUser of Windows"


def test_an_image_for_windows_without_a_user_is_its_administrator_s() -> None:
    content = ImageContent(IMAGE, "", (), "amd64", None, None, "windows")
    images = ImageFinder(images=[content], connect=no_engine)
    with_pod, non_root, engine = explain_image(images, IMAGE)
    assert {row.row()[1] for row in (with_pod, non_root, engine)} == {"(empty: ContainerAdministrator)"}
    assert only(explained(pod(), user="")).row()[1] == "(empty: root)"


def test_a_gate_takes_the_administrator_of_windows_for_root() -> None:
    windows: dict[str, Any] = {"nodeSelector": {"kubernetes.io/os": "windows"}}
    assert "runs as ContainerAdministrator" in str(only(explained(pod(**windows), user="")).objection)
    assert only(explained(pod(**windows), user="ContainerUser")).objection is None
    assert "its user is not known" in str(only(explained(pod(**windows))).objection)


def test_a_pod_with_os_windows_may_have_no_settings_of_linux() -> None:
    row = only(explained(pod(os={"name": "windows"}, securityContext={"runAsUser": 5}), user=""))
    assert row.api.message == "spec.securityContext.runAsUser: Forbidden: cannot be set for a windows pod"


# --- C: user namespaces ---


@pytest.mark.parametrize(
    ("context", "cause"),
    [
        ({"runAsUser": 1000660000, "runAsGroup": 1000660000, "runAsNonRoot": True}, "user-namespace"),
        ({"runAsUser": 65536}, "user-namespace"),
        ({"runAsUser": 5, "fsGroup": 1000660000}, "user-namespace"),
        ({"runAsUser": 5, "supplementalGroups": [70000]}, "user-namespace"),
        ({"runAsUser": 65535, "runAsGroup": 65535, "fsGroup": 65535}, None),
    ],
)
def test_a_user_namespace_has_65536_ids(context: dict[str, Any], cause: str | None) -> None:
    row = only(explained(pod(hostUsers=False, securityContext=context)))
    assert (row.cause, row.verdict) == (cause, "the runtime refuses" if cause else "runs")
    assert only(explained(pod(securityContext=context))).cause is None


# --- H: HOME ---


@pytest.mark.parametrize(
    ("env", "home"),
    [
        ([{"name": "HOME", "value": "/tmp"}], "/tmp"),
        ([{"name": "HOME", "value": ""}], None),
        ([{"name": "HOME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}], None),
        ([{"name": "BASE", "value": "/var"}, {"name": "HOME", "value": "$(BASE)/tmp"}], "/var/tmp"),
    ],
)
def test_home_is_known_from_the_pod_where_the_image_s_files_are_not(env: list[Any], home: str | None) -> None:
    row = only(explained(pod({"env": env}, securityContext={"runAsUser": 1000660000, "runAsGroup": 0})))
    runs_as = row.to_dict()["runs_as"]
    assert runs_as is not None
    assert runs_as["home"] == home
