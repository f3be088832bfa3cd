"""`labkit explain --cluster` on the lab's cluster: as whom pods run is what was predicted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from labkit.adapters.kube import Kube
from labkit.adapters.kube.cluster_reader import ClusterReader
from labkit.base.errors import LabFailed
from labkit.core.pods.manifest import container_manifest, pod_manifest
from labkit.explain.clusters.cluster_explanations import ClusterQuestion, explain_cluster
from labkit.explain.engine_lookup import EngineLookup
from labkit.explain.image_lookup import ImageFinder
from labkit.lab.lab import Lab


def test_predicted_and_actual_agree_in_a_namespace(lab: Lab, kube: Kube, namespace: str) -> None:
    app, root = (lab.configuration.image_reference(name) for name in ("aspnetapp", "aspnetapp-root"))
    non_root = {"runAsNonRoot": True}
    pods = [
        pod_manifest("app", [container_manifest("app", app)], security=non_root),
        pod_manifest("root", [container_manifest("app", root)]),
        pod_manifest("refused", [container_manifest("app", root)], security=non_root),
        pod_manifest("by-its-settings", [container_manifest("app", app, security={"runAsUser": 7})]),
    ]
    for manifest in pods:
        kube.make_pod(manifest, namespace)
    with (
        ImageFinder(connect=lambda: EngineLookup(lab.engine(), lab.configuration)) as finder,
        ClusterReader.connect(files=[lab.configuration.kubeconfig]) as reader,
    ):
        explained = explain_cluster(finder, reader, ClusterQuestion(namespaces=[namespace]))
    assert {row.name: (row.runs_as, str(row.seen), row.verdict) for row in explained.rows} == {
        "app": ("uid 1654 (app), gid 1654", "uid 1654, gid 1654 (1 pod)", "runs"),
        "by-its-settings": ("uid 7 (lp), gid 7", "uid 7, gid 7 (1 pod)", "runs"),
        "refused": ("", "refused: image-runs-as-root (1 pod)", "the kubelet refuses"),
        "root": ("uid 0 (root), gid 0", "uid 0, gid 0 (1 pod)", "runs"),
    }
    assert all(row.seen is not None and not row.seen.differences for row in explained.rows)


def test_a_token_that_the_cluster_does_not_know(lab: Lab, tmp_path: Path) -> None:
    lab.cluster()
    document = yaml.safe_load(lab.configuration.kubeconfig.read_text(encoding="utf-8"))
    document["users"] = [{"name": user["name"], "user": {"token": "nobody"}} for user in document["users"]]
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(document), encoding="utf-8")
    with ClusterReader.connect(files=[file]) as reader, pytest.raises(LabFailed, match="does not know you"):
        list(reader.list("api/v1/pods"))
