"""A diagnosis of the real lab: pods, events and the node's logs are in it, and no secret."""

from __future__ import annotations

import json
import re

import pytest

from labkit.adapters.kube import Kube
from labkit.base.waiting import watch
from labkit.lab.diagnose import gather
from labkit.lab.lab import Lab

SECRET = "hunter2-hunter2"
_GONE_SECONDS = 60.0


@pytest.mark.alone  # it takes the log of every pod that there is at the moment
def test_it_has_the_node_pods_and_events_and_no_secret(lab: Lab, kube: Kube, namespace: str) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "app"},
        "stringData": {"password": SECRET, "other": f"{SECRET}-too"},
    }
    kube.apply_object(secret, namespace)
    container = {
        "name": "app",
        "image": lab.configuration.image_reference("debian"),
        "command": ["sleep", "60", f"--password={SECRET}"],
        "env": [{"name": "PLAIN", "value": SECRET}],
        "securityContext": {"runAsNonRoot": True},
    }
    outcome = kube.make_pod({"metadata": {"name": "app"}, "spec": {"containers": [container]}}, namespace)
    assert outcome.verdict == "refused"
    # A pod of an earlier test that goes between being listed and read has no log.
    watch(kube.being_deleted, lambda left: not left, _GONE_SECONDS)
    files = {file.name: file for file in gather(lab).files}
    assert {name: file.missing for name, file in files.items() if file.text is None} == {}
    texts = {name: file.text or "" for name, file in files.items()}
    pods = {pod["metadata"]["namespace"]: pod for pod in json.loads(texts["pods.json"])}
    assert pods[namespace]["spec"]["containers"][0]["env"] == [{"name": "PLAIN", "value": "***"}]
    assert re.search(rf"{namespace}  Warning  Failed  Pod/app  .*runAsNonRoot", texts["events.txt"])
    assert json.loads(texts["status.json"])["state"] == "up"
    assert "runAsNonRoot" in texts["kubelet.log"]
    keys = re.findall(r"data: (\S{40,})", lab.configuration.kubeconfig.read_text(encoding="utf-8"))
    assert keys
    for text in texts.values():
        assert SECRET not in text
        assert not any(key in text for key in keys)
