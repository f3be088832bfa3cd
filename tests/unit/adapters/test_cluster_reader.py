"""Reaching a cluster by a kubeconfig: what goes wrong is a sentence with a remedy, and nothing hangs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from labkit.adapters.kube.cluster_reader import ClusterReader
from labkit.adapters.kube.user_kubeconfig import kubeconfig_files
from labkit.base.errors import LabError, LabFailed, MachineLacks, Misuse, NoRight
from tests.paper_cluster import paper_cluster

V1 = "client.authentication.k8s.io/v1"


def _kubeconfig(tmp_path: Path, server: str = "http://127.0.0.1:1", name: str = "paper", **user: Any) -> Path:
    file = tmp_path / f"{name}.yaml"
    document = {
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": server}}],
        "users": [{"name": name, "user": user or {"token": "t"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def _plugin(tmp_path: Path, source: str, **more: Any) -> dict[str, Any]:
    script = tmp_path / "plugin.py"
    script.write_text(source, encoding="utf-8")
    return {"exec": {"apiVersion": V1, "command": sys.executable, "args": [str(script)], **more}}


def test_a_plugin_that_hangs_ends_at_a_deadline(tmp_path: Path) -> None:
    file = _kubeconfig(tmp_path, **_plugin(tmp_path, "import threading; threading.Event().wait()"))
    with pytest.raises(LabFailed, match="had not ended"):
        ClusterReader.connect(files=[file], exec_seconds=0.2)


@pytest.mark.parametrize(
    ("source", "more", "message"),
    [
        ("raise SystemExit('expired: log in')", {}, "expired: log in"),
        ("print('hello')", {}, "not an ExecCredential"),
        ("print('{\"status\": {}}')", {}, "neither a token nor a certificate"),
        ("", {"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "it speaks"),
        ("", {"command": "no-such-plugin"}, "there is no program"),
    ],
)
def test_a_plugin_that_gives_nothing(tmp_path: Path, source: str, more: dict[str, Any], message: str) -> None:
    with pytest.raises((LabFailed, MachineLacks), match=message):
        ClusterReader.connect(files=[_kubeconfig(tmp_path, **_plugin(tmp_path, source, **more))])


def test_a_plugin_gives_a_token(tmp_path: Path) -> None:
    source = (
        "import json, os\nassert json.loads(os.environ['KUBERNETES_EXEC_INFO'])['spec']['interactive'] is False\n"
        "print(json.dumps({'status': {'token': os.environ['TOKEN']}}))"
    )
    plugin = _plugin(tmp_path, source, env=[{"name": "TOKEN", "value": "secret"}])
    with ClusterReader.connect(files=[_kubeconfig(tmp_path, **plugin)]) as reader:
        assert reader.access.context == "paper"


@pytest.mark.parametrize(
    ("text", "message"),
    [("[1", "paper.yaml"), ("a: b: c", "paper.yaml"), ("clusters: [1]", "paper.yaml"), ("", "no current context")],
)
def test_what_is_no_kubeconfig(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "paper.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(LabError, match=message):
        ClusterReader.connect(files=[file])


def test_no_such_context_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="there is no context 'papel'") as raised:
        ClusterReader.connect("papel", files=[_kubeconfig(tmp_path)])
    assert "did you mean paper?" in raised.value.remedy
    with pytest.raises(LabFailed, match="there is no file"):
        ClusterReader.connect("paper", files=[tmp_path / "none"])


def test_the_lab_s_kubeconfig_is_read_for_its_own_context_alone(tmp_path: Path) -> None:
    own, labs = _kubeconfig(tmp_path), _kubeconfig(tmp_path, "http://127.0.0.1:2", "kind-labkit")
    for context, server in ((None, "http://127.0.0.1:1"), ("kind-labkit", "http://127.0.0.1:2")):
        with ClusterReader.connect(context, files=[own], labs_own=labs) as reader:
            assert reader.access.server == server
            # kubectl itself does not look into the lab's own file.
            file = f"--kubeconfig {labs} " if context else ""
            name = reader.access.context
            assert reader.access.kubectl_line("get", "pods") == f"kubectl {file}--context {name} get pods"
    with pytest.raises(Misuse, match="there is no context 'nope'") as raised:
        ClusterReader.connect("nope", files=[tmp_path / "none"], labs_own=labs)
    assert "the kubeconfig has kind-labkit" in raised.value.remedy


def test_several_files_are_merged_and_paths_are_relative_to_each(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    first, second = _kubeconfig(tmp_path / "a", name="a"), _kubeconfig(tmp_path, name="b", tokenFile="token")
    with ClusterReader.connect("b", files=[first, second]) as reader:
        assert reader.access.context == "b"
    listed = os.pathsep.join(map(str, (first, second)))
    assert kubeconfig_files({"KUBECONFIG": listed}) == [first, second]
    assert kubeconfig_files({}) == [Path("~/.kube/config").expanduser()]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((401, b'{"message": "Unauthorized"}'), "does not know you"),
        ((500, b"oops"), "oops"),
        ((200, b"<html>"), "not the Kubernetes API's"),
        ((302, b""), "sends us elsewhere"),
        ((200, b'{"items": 5}'), "not the Kubernetes API's"),
        ((200, b'{"items": [' + b"[" * 5000), "not the Kubernetes API's"),
    ],
)
def test_what_a_server_may_answer(tmp_path: Path, answer: tuple[int, bytes], message: str) -> None:
    with (
        paper_cluster({}, answers={"/api/v1/pods": answer}) as cluster,
        ClusterReader.connect(files=[cluster.write_kubeconfig(tmp_path / "k")]) as reader,
        pytest.raises(LabFailed, match=message),
    ):
        list(reader.list("api/v1/pods"))


def test_no_right_and_no_server(tmp_path: Path) -> None:
    with (
        paper_cluster({}, forbidden=["/api/v1/pods"]) as cluster,
        ClusterReader.connect(files=[cluster.write_kubeconfig(tmp_path / "k")]) as reader,
        pytest.raises(NoRight),
    ):
        list(reader.list("api/v1/pods"))
    with (
        ClusterReader.connect(files=[_kubeconfig(tmp_path)]) as reader,
        pytest.raises(LabFailed, match=r"127.0.0.1:1 does not answer"),
    ):
        reader.get("version")


def test_an_expired_certificate_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx2

    def expired(*_: object, **__: object) -> None:
        raise httpx2.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate has expired")

    with ClusterReader.connect(files=[_kubeconfig(tmp_path)]) as reader:
        monkeypatch.setattr(reader._client, "stream", expired)
        with pytest.raises(LabFailed, match="certificate has expired") as raised:
            reader.get("version")
    assert "get a new kubeconfig" in raised.value.remedy
