"""A diagnosis has what there is, says what is missing, and holds nothing secret."""

from __future__ import annotations

import json
import tarfile
import tempfile
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner

from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.base.log import LOG_NAME
from labkit.base.redaction import without_names
from labkit.cli import main
from labkit.core.pods.api_objects import PodObject
from labkit.core.run_results import ExecResult
from labkit.lab import diagnosis_sources
from labkit.lab.cluster_kinds.cluster import Cluster, State
from labkit.lab.diagnose import Diagnosis, DiagnosisFile, default_output, gather, write_somewhere
from labkit.lab.diagnosis_sources import events, pod_without_secrets
from labkit.lab.lab import Lab
from labkit.show.steps import Silent

SECRET = "hunter2-hunter2"
POD: PodObject = {
    "metadata": {
        "name": "app",
        "namespace": "n",
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": SECRET},
        "managedFields": [{"manager": SECRET}],  # type: ignore[typeddict-unknown-key]
    },
    "spec": {
        "containers": [
            {
                "name": "app",
                "image": "debian",
                "env": [{"name": "PLAIN", "value": SECRET}, {"name": "NODE", "valueFrom": {"fieldRef": {}}}],
                "args": ["--password", SECRET, f"--token={SECRET}"],
                "livenessProbe": {"httpGet": {"httpHeaders": [{"name": "X-Plain", "value": SECRET}]}},
                "securityContext": {"runAsUser": 1654},
            }
        ],
        "automountServiceAccountToken": False,
    },
    "status": {"message": f"the program ended: password={SECRET}"},
}
ENGINE_NEEDED = {"node.log", "kubelet.log", "containerd.log", "pods.json", "events.txt"}


def texts(archive: Path) -> dict[str, str]:
    """The files of an archive."""
    with tarfile.open(archive) as packed:
        members = {member.name.partition("/")[2]: packed.extractfile(member) for member in packed.getmembers()}
        return {name: handle.read().decode() for name, handle in members.items() if handle}


def surroundings(folder: Path) -> dict[str, str]:
    """The environment of a place where no engine is, with a state, a cache and a secret of its own."""
    return {
        "DOCKER_HOST": "tcp://127.0.0.1:9",
        "LABKIT_STATE": str(folder / "state"),
        "LABKIT_CACHE": str(folder / "cache"),
        "MY_PASSWORD": SECRET,
    }


@pytest.fixture
def no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Runs the command in this process, in a folder where no lab is."""
    monkeypatch.chdir(tmp_path)
    return CliRunner(env=surroundings(tmp_path))


def test_without_an_engine_it_has_what_there_is(no_engine: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "kubeconfig").write_text(f"users: [{{user: {{token: {SECRET}}}}}]", encoding="utf-8")
    (tmp_path / "state" / LOG_NAME).write_text(f"an older line, --password {SECRET} -p\n", encoding="utf-8")
    completed = no_engine.invoke(main, ["diagnose", "--json"])
    assert completed.exit_code == 0, completed.output
    answer = json.loads(completed.stdout)
    archive = tmp_path / answer["archive"]
    assert archive.name == default_output().name
    assert archive.stat().st_mode & 0o777 == 0o600
    assert {file["file"] for file in answer["missing"]} == ENGINE_NEEDED
    assert all("running" in file["reason"] or "engine" in file["reason"] for file in answer["missing"])
    inside = texts(archive)
    assert {file["file"]: file["size"] for file in answer["files"]} == {
        name: len(text.encode()) for name, text in inside.items()
    }
    assert next(iter(inside)) == "README.txt"
    for name in ENGINE_NEEDED | set(inside) - {"README.txt"}:
        assert name in inside["README.txt"]
    assert json.loads(inside["versions.json"])["packages"]["labkit"]
    assert json.loads(inside["status.json"])["engine"]["reachable"] is False
    assert "engine" in inside["doctor.txt"]
    assert "an older line" in inside[LOG_NAME]
    assert "engine: GET /version  # ConnectionError" in inside[LOG_NAME]
    assert not [name for name, text in inside.items() if SECRET in text]


def test_the_table_says_what_is_in_it_and_what_is_not(no_engine: CliRunner) -> None:
    completed = no_engine.invoke(main, ["diagnose"])
    assert completed.exit_code == 0, completed.stderr
    lines = completed.stdout.splitlines()
    assert lines[0].split() == ["file", "bytes", "what", "it", "is"]
    assert any(line.startswith("node.log") and "missing" in line for line in lines)
    assert lines[-1].startswith(f"written: {default_output()} (")


def test_an_output_that_cannot_be_written(tmp_path: Path, no_engine: CliRunner) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    completed = no_engine.invoke(main, ["diagnose", "--json", "--output", "file/report.tar.gz"])
    assert completed.exit_code == 1
    archive = Path(json.loads(completed.stdout)["archive"])
    assert "README.txt" in texts(archive)
    assert completed.stderr == f"file/report.tar.gz could not be written (File exists); it is in {archive}\n"
    archive.unlink()
    archive.parent.rmdir()


def test_an_output_that_is_a_folder_gets_a_file(tmp_path: Path) -> None:
    archive, problem = write_somewhere(Diagnosis([DiagnosisFile("a", "an a", "text")]), tmp_path)
    assert (archive, problem) == (tmp_path / default_output(), "")
    assert texts(archive) == {"a": "text"}


def test_an_output_that_can_be_written_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    def full(**_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with pytest.raises(LabFailed, match=r"Writing .*report"):
        write_somewhere(Diagnosis([]), tmp_path / "file" / "report")


def test_the_default_name_has_the_day() -> None:
    assert default_output(date(2026, 11, 27)) == Path("labkit-diagnose-2026-11-27.tar.gz")


class HalfMade:
    """A cluster whose node runs, and whose making went no further."""

    node = "lab-control-plane"
    containers = frozenset({node})

    def exists(self) -> bool:
        return True

    def log(self, lines: int = 200) -> str:
        return f"node: starting, token={SECRET}"

    def look(self, answer_seconds: float = 0.0) -> State:
        return State.BROKEN

    def execute(self, argv: list[str]) -> ExecResult:
        is_missing = argv[0] == "tail" and "containerd" in argv[-1]
        return ExecResult(1, stderr="no such file") if is_missing else ExecResult(0, f"a log of {argv[0]}")

    def kube(self) -> object:
        raise LabFailed("Reading the lab's kubeconfig", "there is none", "write it again\n  labkit up")


def test_a_half_made_cluster_gives_its_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    lab = Lab(Configuration("lab", tmp_path, tmp_path / "cache", tmp_path), Silent(), cluster=cast(Cluster, HalfMade()))
    files = {file.name: file for file in gather(lab).files}
    assert files["node.log"].text == "node: starting, token=***\n"
    assert files["kubelet.log"].text == "a log of tail"
    assert files["containerd.log"].text == "a log of journalctl"
    assert files["pods.json"].missing == files["events.txt"].missing == "Reading the lab's kubeconfig: there is none"
    assert files[LOG_NAME].missing == "there is none"


def test_where_there_is_no_cluster_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    monkeypatch.setattr(HalfMade, "exists", lambda _: False)
    lab = Lab(Configuration("lab", *[tmp_path] * 3), Silent(), cluster=cast(Cluster, HalfMade()))
    files = {file.name: file for file in gather(lab).files}
    assert {files[name].missing for name in ENGINE_NEEDED} == {"Looking for the cluster: there is none"}


def test_a_fault_of_the_kits_own_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Lab) -> str:
        raise ZeroDivisionError(f"password={SECRET}")

    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    monkeypatch.setattr(diagnosis_sources, "doctors_report", broken)
    files = {file.name: file for file in gather(Lab(Configuration("lab", *[tmp_path] * 3), Silent())).files}
    assert files["doctor.txt"].missing == "ZeroDivisionError: password=***"
    assert files["versions.json"].text is not None


def test_a_pod_loses_its_secrets_and_keeps_its_settings() -> None:
    pod = pod_without_secrets(POD)
    assert SECRET not in json.dumps(pod)
    container = pod["spec"]["containers"][0]
    assert container["env"] == [{"name": "PLAIN", "value": "***"}, {"name": "NODE", "valueFrom": {"fieldRef": {}}}]
    assert container["securityContext"] == {"runAsUser": 1654}
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert (pod["metadata"], pod["status"]["message"]) == (
        {"name": "app", "namespace": "n"},
        "the program ended: password=***",
    )
    assert POD["metadata"]["annotations"]


class Events:
    """A lab whose cluster has an event in a namespace."""

    def cluster(self) -> Events:
        return self

    kube = cluster

    def exists(self) -> bool:
        return True

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def namespaces(self) -> list[str]:
        return ["n"]

    def namespace_events(self, namespace: str) -> list[dict[str, Any]]:
        about = {"kind": "Pod", "name": "app"}
        event = {"type": "Warning", "reason": "Failed", "involvedObject": about, "metadata": {}}
        return [
            {**event, "lastTimestamp": "2026-11-27T01:00:01Z", "message": "second"},
            {**event, "eventTime": "2026-11-27T01:00:00Z", "message": f"first:\n  password={SECRET}"},
        ]


def test_events_are_lines_in_their_order() -> None:
    assert events(cast(Lab, Events())).splitlines() == [
        "2026-11-27T01:00:00Z  n  Warning  Failed  Pod/app  first: password=***",
        "2026-11-27T01:00:01Z  n  Warning  Failed  Pod/app  second",
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("in /home/ann/lab and '/home/ann'", "in ~/lab and '~'"),
        ("not /home/anna, not /srv/home/ann2", "not /home/anna, not /srv/home/ann2"),
        ("/mnt/c/Users/ann/x and C:\\Users\\ann", "/mnt/c/Users/USER/x and C:\\Users\\USER"),
        ("ann said so, in annotations", "ann said so, in annotations"),
    ],
)
def test_home_and_user_are_not_named(text: str, shown: str) -> None:
    assert without_names(text, Path("/home/ann"), "ann") == shown


@pytest.mark.parametrize(("home", "user"), [("/", "ann"), ("/root", "root")])
def test_a_home_that_is_everybodys(home: str, user: str) -> None:
    assert without_names("/proc/1 as root in /etc", Path(home), user) == "/proc/1 as root in /etc"
