"""Files as people brought them in public reports, each with the answer that server and kubectl gave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from labkit.cli import main

# bitnami/charts issue 10798: Helm writes a uid of OpenShift's size as a float.
LARGE_UID = """# Source: chart/templates/core.yaml (as helm template writes it)
apiVersion: apps/v1
kind: Deployment
metadata:
  name: core
spec:
  selector: {matchLabels: {app: core}}
  template:
    metadata: {labels: {app: core}}
    spec:
      securityContext:
        fsGroup: 1.00066e+09
      containers:
      - name: core
        image: registry.example/core:1
        securityContext:
          runAsNonRoot: true
          runAsUser: 1.00066e+09
          runAsGroup: 1.00066e+09
"""
POD = """apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
  - name: a
    image: registry.example/a:1
    securityContext:
      SETTING
"""
# bridgecrewio/checkov issue 7604: a Deployment, and beside it a Rollout whose pod is root.
ROLLOUT = """apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: api}
  spec:
    selector: {matchLabels: {app: api}}
    template:
      metadata: {labels: {app: api}}
      spec:
        securityContext: {runAsNonRoot: true, runAsUser: 1654}
        containers:
        - {name: api, image: registry.example/api:1}
- apiVersion: argoproj.io/v1alpha1
  kind: Rollout
  metadata: {name: web}
  spec:
    replicas: 5
    strategy: {canary: {steps: [{setWeight: 20}, {pause: {}}]}}
    selector: {matchLabels: {app: web}}
    template:
      metadata: {labels: {app: web}}
      spec:
        containers:
        - name: web
          image: registry.example/web:1
          securityContext: {runAsUser: 0, privileged: true}
"""
# OpenUnison/helm-charts issue 152: the chart writes securityContext twice.
TWICE = """apiVersion: batch/v1
kind: CronJob
metadata: {name: sync}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          securityContext: {runAsNonRoot: true, runAsUser: 10001, fsGroup: 10001}
          containers:
          - {name: sync, image: registry.example/sync:1}
          securityContext: {}
"""


pytestmark = pytest.mark.usefixtures("nowhere")


def ask(data: str | bytes, *options: str) -> tuple[int, list[dict[str, Any]], str]:
    """Exit status of the gate, rows, and standard error."""
    Path("it.yaml").write_bytes(data.encode() if isinstance(data, str) else data)
    result = CliRunner().invoke(main, ["explain", "--gate", "-f", "it.yaml", "--json", *options])
    return result.exit_code, json.loads(result.stdout), result.stderr


def test_a_uid_that_helm_writes_as_a_float() -> None:
    status, (row,), _ = ask(LARGE_UID)
    assert status == 0
    assert (row["kubelet"]["ok"], row["runs_as"]["uid"], row["runs_as"]["gid"]) == (True, 1000660000, 1000660000)


@pytest.mark.parametrize(
    ("setting", "uid"),
    [
        ("runAsUser: 0o1750", 1000),
        ("runAsUser: 01750", 1000),
        ("runAsUser: 0800", 800),
        ("runAsUser: 1e3", 1000),
        ("runAsUser: 1.0E+3", 1000),
        ("runAsUser: 1000.0", 1000),
        ("runAsUser: 1_000", 1000),
        ("runAsUser: 0x3e8", 1000),
        ("runAsUser: 0b1111101000", 1000),
        ("runAsUser: +1000", 1000),
        ("runAsUser: !!int 1000", 1000),
        ('runAsUser: !!int "1000"', 1000),
        ("runAsUser: !uid 1000", None),
        ("runAsUser: 16:40", None),
        ("runAsUser: 1000.5", None),
        ('runAsUser: "1000"', None),
        ("runAsUser: 1,000", None),
        ("runAsUser: y", None),
    ],
)
def test_a_uid_by_any_spelling(setting: str, uid: int | None) -> None:
    status, rows, stderr = ask(POD.replace("SETTING", setting))
    if uid is not None:
        assert (status, rows[0]["runs_as"]["uid"]) == (0, uid)
    else:
        assert status == 1
        assert rows[0]["runs_as"] is None
        assert (rows[0]["api"]["ok"], rows[0]["api"]["cause"]) == (False, "invalid-manifest")
        assert "the API server refuses" in stderr


@pytest.mark.parametrize(
    ("value", "kubelet_ok"),
    [("y", False), ("Y", False), ("on", False), ("TRUE", False), ("n", True), ("off", True), ("No", True), ("~", True)],
)
def test_a_truth_value_by_any_spelling(value: str, kubelet_ok: bool) -> None:
    _, (row,), _ = ask(POD.replace("SETTING", f"runAsNonRoot: {value}"), "--image-user", "registry.example/a:1=0")
    assert row["kubelet"]["ok"] == kubelet_ok


@pytest.mark.parametrize("value", ['"true"', "tRUE", "1", "!!str y"])
def test_what_is_no_truth_value_is_refused(value: str) -> None:
    status, (row,), _ = ask(POD.replace("SETTING", f"runAsNonRoot: {value}"))
    assert (status, row["api"]["cause"]) == (1, "invalid-manifest")


@pytest.mark.parametrize(
    ("old", "new"), [("name: p", "name: y"), ("name: a", "name: on"), ("registry.example/a:1", "y")]
)
def test_a_name_that_yaml_takes_for_a_truth_value_cannot_be_decoded(old: str, new: str) -> None:
    status, rows, stderr = ask(POD.replace("SETTING", "runAsUser: 1000").replace(old, new))
    assert (status, rows) == (1, [])
    assert "is true, which is not a string: quote it" in stderr


def test_a_rollout_beside_a_deployment_keeps_the_gate_shut() -> None:
    status, (deployment, rollout), stderr = ask(ROLLOUT)
    assert status == 1
    assert (deployment["runs_as"]["uid"], rollout["runs_as"]["uid"]) == (1654, 0)
    assert stderr.splitlines()[-1] == "gate: Rollout web web: runs as root"


# kubernetes/kubernetes issue 39007: kubectl get -o yaml > file, in Windows PowerShell 5.1.
@pytest.mark.parametrize(("mark", "encoding"), [(b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")])
def test_what_powershell_writes(mark: bytes, encoding: str) -> None:
    text = "# kubectl get pod > shell.yaml\n" + POD.replace("SETTING", "runAsUser: 1000")
    status, (row,), _ = ask(mark + text.replace("\n", "\r\n").encode(encoding))
    assert (status, row["runs_as"]["uid"]) == (0, 1000)


def test_a_byte_of_latin_1_in_a_comment() -> None:
    status, (row,), _ = ask(b"# caf\xe9\n" + POD.replace("SETTING", "runAsUser: 1000").encode())
    assert (status, row["runs_as"]["uid"]) == (0, 1000)


def test_a_security_context_that_is_written_twice() -> None:
    status, (row,), stderr = ask(TWICE, "--image-user", "registry.example/sync:1=")
    assert (status, row["runs_as"]["uid"]) == (1, 0)
    assert "runs as root" in stderr
    assert row["because"][0] == (
        "securityContext is written twice, again on line 14: kubectl takes the last, which undoes the first"
    )


def test_one_broken_document_hides_no_other() -> None:
    good = POD.replace("SETTING", "runAsUser: 1000")
    status, rows, stderr = ask(f"{good}---\nkind: Pod\nspec: ]\n---\n{good}")
    assert (status, len(rows)) == (1, 2)
    assert "not read: it.yaml: line 12: it is not YAML: did not find expected node content" in stderr


def test_several_objects_of_json_in_one_file() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"securityContext": {"runAsUser": 7}}}
    pod["spec"] = {**pod["spec"], "containers": [{"name": "a", "image": "b"}]}  # type: ignore[dict-item]
    text = json.dumps(pod)
    for whole in (text + text, f"{text}\n{text}\n", json.dumps(pod, indent="\t") + "\n---\n" + text):
        status, rows, _ = ask(whole)
        assert (status, [row["runs_as"]["uid"] for row in rows]) == (0, [7, 7])


# bewcloud/bewcloud issue 87: the image's USER is a name that its passwd file has not.
def test_a_user_that_may_not_be_there() -> None:
    text = POD.replace("SETTING", "readOnlyRootFilesystem: true")
    status, (row,), stderr = ask(text, "--image-user", "registry.example/a:1=deno")
    assert (status, row["kubelet"]["ok"], row["runs_as"]) == (1, True, None)
    assert "its user deno is a name, and its uid is not known" in stderr


def test_one_image_by_many_spellings() -> None:
    spellings = ("nginx", "docker.io/library/nginx:latest", "nginx:latest", "index.docker.io/library/nginx:latest")
    pods = "---\n".join(POD.replace("registry.example/a:1", name).replace("SETTING", "{}") for name in spellings)
    status, rows, stderr = ask(pods, "--image-user", "nginx:latest=101")
    assert (status, [row["runs_as"]["uid"] for row in rows]) == (0, [101] * 4)
    assert "no container has this image" not in stderr
