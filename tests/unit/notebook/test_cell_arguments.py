"""What a cell may get wrong in a call: each mistake is a Misuse with the right form, and nothing is made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import labkit
from labkit.base.errors import LabError, LabFailed, Misuse
from labkit.core.pods.outcome import Outcome
from labkit.core.run_results import ExecResult, RunResult
from labkit.course.progress import Progress
from labkit.notebook import Lesson
from labkit.notebook.cell_arguments import containers_of
from tests.unit.notebook.paper import RUNNING, made_pod, no_such_container, opened, paper_engine, paper_kube

_BAD_COMMANDS: list[tuple[Any, str]] = [
    ("echo 'x", "cannot be split into words: No closing quotation"),
    ("echo \\", "cannot be split into words: No escaped character"),
    ("", "the command is empty"),
    ([], "the command is empty"),
    (7, "7 is not a command"),
    (b"id", "is not a command"),
    (["sleep", 3600], "3600 in the command is not text"),
    ([0], "0 in the command is not text"),
]
_CALLS: dict[str, Callable[[Lesson, Any], object]] = {
    "run": lambda lab, command: lab.run("debian", command),
    "start": lambda lab, command: lab.start("debian", command),
    "exec": lambda lab, command: lab.exec("app", command),
    "pod": lambda lab, command: lab.pod("debian", command=command),
}
_BAD_MANIFESTS: list[tuple[Any, str]] = [
    ("kind: Deployment", "its kind is 'Deployment' instead of Pod"),
    ("kind: {", "it is not YAML"),
    ("spec:\n  a:\n  - b: c\n   d:\n      e: f", "it is not YAML: line 4: expected <block end>"),
    ("a: b\n\tc: d", "it is not YAML: line 2: found character '\\t' that cannot start any token"),
    ("", "it holds 0 documents"),
    ("kind: Pod\n---\nkind: Pod", "it holds 2 documents"),
    ("kind: Pod", "it has no metadata.name"),
    ("kind: Pod\nspec: {}\nspec: {}", 'key "spec" already set in map'),
    ("nofile", "its kind is None"),
    ("- kind: Pod", "its kind is None"),
    (7, "its kind is None"),
    (None, "its kind is None"),
]


@pytest.fixture
def lab(tmp_path: Path) -> Lesson:
    """A lesson on paper: whatever would run or make something fails the test."""
    return Lesson(opened(tmp_path), Progress(tmp_path / "progress.json"))


@pytest.mark.parametrize(("command", "message"), _BAD_COMMANDS, ids=[repr(command) for command, _ in _BAD_COMMANDS])
@pytest.mark.parametrize("call", _CALLS)
def test_a_command_that_is_none(lab: Lesson, call: str, command: Any, message: str) -> None:
    with pytest.raises(Misuse) as error:
        _CALLS[call](lab, command)
    assert message in error.value.came_back
    assert error.value.remedy


def _is_no_yaml(error: Misuse) -> bool:
    """Whether what it says is about YAML: which fields there are is then beside the point."""
    return error.came_back.startswith("it is not YAML")


@pytest.mark.parametrize("call", ["apply", "admission"])
@pytest.mark.parametrize(("manifest", "message"), _BAD_MANIFESTS, ids=[repr(text) for text, _ in _BAD_MANIFESTS])
def test_a_manifest_that_is_no_pod(lab: Lesson, call: str, manifest: Any, message: str) -> None:
    with pytest.raises(Misuse, match="Reading the manifest") as error:
        getattr(lab, call)(manifest)
    # Admission is asked for a Deployment's pods as well, once it has a name and a template.
    deployment = call == "admission" and "Deployment" in str(manifest)
    assert ("no metadata.name" if deployment else message) in error.value.came_back
    assert ("a space follows each colon" if _is_no_yaml(error.value) else "kubectl explain pod") in error.value.remedy


@pytest.mark.parametrize("manifest", ["kind: Pod\nmetadata: {name: a}", "kind: {", "kind: Secret", 7, None], ids=repr)
def test_an_object_that_is_none(tmp_path: Path, manifest: Any) -> None:
    kube = paper_kube(deployment={})
    lab = Lesson(opened(tmp_path, kube=kube), Progress(tmp_path / "progress.json"))
    with pytest.raises(Misuse, match="Reading the manifest") as error:
        lab.create(manifest)
    right = "a space follows each colon" if _is_no_yaml(error.value) else "kubectl explain deployment"
    assert right in error.value.remedy


@pytest.mark.parametrize(
    "spec", ["x", ["x"], {"containers": "x"}, {"containers": ["x"]}, {"template": 7}, {"containers": [{"image": {}}]}]
)
def test_a_manifest_whose_inside_makes_no_sense_goes_to_the_api_server(tmp_path: Path, spec: Any) -> None:
    kube = paper_kube(make_pod=made_pod)
    lab = Lesson(opened(tmp_path, kube=kube), Progress(tmp_path / "progress.json"))
    manifest = {"kind": "Pod", "metadata": {"name": "a"}, "spec": spec}
    lab.apply(manifest)
    assert kube.called("make_pod")[0][0]["spec"] == spec


@pytest.mark.parametrize("argument", ["pod", "container"])
@pytest.mark.parametrize(
    ("settings", "right"), [("runAsNonRoot", '={"runAsNonRoot": True}'), (5, "={"), (["runAsUser"], "={")], ids=repr
)
def test_settings_that_are_no_mapping(lab: Lesson, argument: str, settings: Any, right: str) -> None:
    with pytest.raises(Misuse, match="it is not a mapping") as error:
        lab.pod("aspnetapp", **{argument: settings})
    assert f"{argument}{right}" in error.value.remedy


_IMAGE_CALLS: dict[str, Callable[[Lesson, Any], object]] = {
    "run": lambda lab, image: lab.run(image, "id"),
    "start": lambda lab, image: lab.start(image),
    "pod": lambda lab, image: lab.pod(image),
    "image": lambda lab, image: lab.image(image),
    "file": lambda lab, image: lab.file(image, "/etc"),
    "build": lambda lab, image: lab.build("FROM debian", name=image),
    "publish": lambda lab, image: lab.publish(name=image),
}


@pytest.mark.parametrize("call", _IMAGE_CALLS)
@pytest.mark.parametrize("image", [5, None, "", ["debian"]], ids=repr)
def test_an_image_that_is_no_name(lab: Lesson, call: str, image: Any) -> None:
    with pytest.raises(Misuse, match="is not a name") as error:
        _IMAGE_CALLS[call](lab, image)
    assert '"' in error.value.remedy


_POD_CALLS: dict[str, Callable[[Lesson, Any], object]] = {
    "exec": lambda lab, pod: lab.exec(pod, "id"),
    "page": lambda lab, pod: lab.page(pod, 80),
    "ending": lambda lab, pod: lab.ending(pod),
    "look_at": lambda lab, pod: lab.look_at(pod),
    "manifest": lambda lab, pod: lab.manifest(pod),
}


_TEXT_CALLS: dict[str, Callable[[Lesson, Any], object]] = {
    "build": lambda lab, text: lab.build(text),
    "publish": lambda lab, text: lab.publish(text),
    "item": lambda lab, text: lab.publish(item=text),
    "file": lambda lab, text: lab.file("debian", text),
    "name": lambda lab, text: lab.pod("debian", name=text),
}


@pytest.mark.parametrize("call", _TEXT_CALLS)
@pytest.mark.parametrize("text", [5, ["FROM debian"], b"FROM debian"], ids=repr)
def test_what_should_be_a_text(lab: Lesson, call: str, text: Any) -> None:
    with pytest.raises(Misuse, match="is not text"):
        _TEXT_CALLS[call](lab, text)


def test_an_init_containers_image_that_is_no_name(lab: Lesson) -> None:
    with pytest.raises(Misuse, match="is not a name"):
        lab.pod("debian", init=5)  # type: ignore[arg-type]


@pytest.mark.parametrize("user", ["0", 0], ids=repr)
def test_a_uid_may_be_a_number(tmp_path: Path, user: Any) -> None:
    """Root's, too, though 0 is false to Python."""
    engine = paper_engine(run=RunResult("docker run", "", 0), launch="0123456789abcdef")
    lab = Lesson(opened(tmp_path, engine), Progress(tmp_path / "progress.json"))
    lab.run("debian", "id", user=user)
    assert "--user 0" in lab.start("debian", user=user).line
    assert [options["user"] for method, _, options in engine.calls if method in ("run", "launch")] == ["0", "0"]


@pytest.mark.parametrize("name", [5, None, ["which-cause"], "wich-cause"], ids=repr)
def test_an_exercise_or_a_lesson_that_is_none(lab: Lesson, name: Any) -> None:
    for call in (lab.check, lab.hint, lab.solution, labkit.open):
        with pytest.raises(Misuse, match=r"there is no such lesson|has none"):
            call(name)


def _with_pods(tmp_path: Path) -> Lesson:
    kube = paper_kube(execute=no_such_container, page=(False, 'pods "ap" not found'))
    return Lesson(opened(tmp_path, kube=kube), Progress(tmp_path / "progress.json"))


@pytest.mark.parametrize("call", _POD_CALLS)
@pytest.mark.parametrize("pod", [5, None, "", {"name": "app"}], ids=repr)
def test_a_pod_that_is_neither_a_name_nor_a_pod(tmp_path: Path, call: str, pod: Any) -> None:
    with pytest.raises(Misuse, match="neither a name nor a pod"):
        _POD_CALLS[call](_with_pods(tmp_path), pod)


def test_an_outcome_of_a_pod_that_was_deleted_since(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="there is no such pod"):
        _with_pods(tmp_path).exec(Outcome("gone", "ns", "running"), "id")


@pytest.mark.parametrize("call", ["exec", "page", "ending"])
def test_a_pod_that_is_not_there(tmp_path: Path, call: str) -> None:
    with pytest.raises(Misuse, match="there is no such pod") as error:
        _POD_CALLS[call](_with_pods(tmp_path), "ap")
    assert "did you mean app" in error.value.remedy
    with pytest.raises(Misuse) as error:
        _POD_CALLS[call](_with_pods(tmp_path), "zzz")
    assert "there are app" in error.value.remedy


def test_a_pod_goes_by_its_name_and_by_its_outcome(tmp_path: Path) -> None:
    kube = paper_kube(execute=ExecResult(0, "1654\n"), page=(True, "hello"), observe_end=Outcome("app", "ns", "failed"))
    lab = Lesson(opened(tmp_path, kube=kube), Progress(tmp_path / "progress.json"))
    outcome = Outcome("app", "elsewhere", "running")
    assert lab.exec("app", "id -u").command == "labkit kubectl exec --namespace ns app -- id -u"
    assert lab.exec(outcome, ["id"]).command == "labkit kubectl exec --namespace elsewhere app -- id"
    for pod in ("app", outcome):
        assert lab.page(pod, 80).output == "hello"
        assert lab.ending(pod).verdict == "failed"
        assert lab.manifest(pod)["kind"] == "Pod"
        seen = lab.look_at(pod)
        assert seen is not None
        assert seen.verdict == "running"


def test_a_container_that_went_away_under_its_pod_is_no_misuse(tmp_path: Path) -> None:
    """The pod is there; only its container is not."""
    for pod in ("app", Outcome("app", "ns", "running")):
        with pytest.raises(LabError, match="there is no such container"):
            _with_pods(tmp_path).exec(pod, "id")


def test_commands_reach_the_engine_as_words(tmp_path: Path) -> None:
    engine = paper_engine(run=RunResult("docker run", "", 0))
    lab = Lesson(opened(tmp_path, engine), Progress(tmp_path / "progress.json"))
    for command in ("sh -c 'id -u'", ("echo", "two words"), None):
        lab.run("debian", command)
    assert [argv for _, argv in engine.called("run")] == [["sh", "-c", "id -u"], ["echo", "two words"], None]


_FILE_CALLS: dict[str, Callable[[Lesson, Any], object]] = {
    "apply": lambda lab, manifest: lab.apply(manifest),
    "create": lambda lab, manifest: lab.create(manifest),
    "admission": lambda lab, manifest: lab.admission(manifest),
}


@pytest.mark.parametrize("call", _FILE_CALLS)
def test_a_manifests_file_that_is_not_there(
    lab: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for remedy in ("write it into mypod.yaml", "did you mean my-pod.yaml?"):
        with pytest.raises(Misuse) as error:
            _FILE_CALLS[call](lab, "mypod.yaml")
        assert "a manifest's text is expected, or the name of its file" in error.value.came_back
        assert str(tmp_path) in error.value.came_back
        assert remedy in error.value.remedy
        Path("my-pod.yaml").write_text("kind: Pod", encoding="utf-8")


@pytest.mark.parametrize("name", ["a.yaml", "a.yml", "a.json", "./a.yaml", Path("a.yaml")], ids=repr)
def test_a_manifests_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: Any) -> None:
    monkeypatch.chdir(tmp_path)
    kube = paper_kube(make_pod=made_pod)
    lab = Lesson(opened(tmp_path, kube=kube), Progress(tmp_path / "progress.json"))
    Path(name).write_text('{"kind": "Pod", "metadata": {"name": "of-the-file"}}', encoding="utf-8")
    assert lab.apply(name).pod == "of-the-file"


def test_a_manifests_file_that_is_no_text(lab: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Misuse, match=r"Reading the manifest 'a\.yaml'"):
        lab.apply("a.yaml")


@pytest.mark.parametrize(
    ("level", "remedy"),
    [("restriced", "did you mean restricted?"), ("Baseline", "did you mean baseline?"), (5, "there are"), (None, "")],
)
def test_a_level_that_there_is_not(lab: Lesson, level: Any, remedy: str) -> None:
    with pytest.raises(Misuse, match="there is no such level") as error:
        lab.enforce(level)
    assert remedy in error.value.remedy


def test_a_container_is_named_or_is_the_one_that_kubectl_takes(tmp_path: Path) -> None:
    kube = paper_kube(execute=ExecResult(0, "1654\n"), logs="hello")
    lab = Lesson(opened(tmp_path, kube=kube), Progress(tmp_path / "progress.json"))
    assert lab.exec("app", "id").command == "labkit kubectl exec --namespace ns app -- id"
    named = lab.exec("app", "id", container="side")
    assert named.command == "labkit kubectl exec --namespace ns app --container side -- id"
    assert [arguments[3] for arguments in kube.called("execute")] == ["main", "side"]
    annotated = {**RUNNING["metadata"], "annotations": {"kubectl.kubernetes.io/default-container": "side"}}
    kube.answers["find_pod"] = {**RUNNING, "metadata": annotated}
    lab.exec("app", "id")
    assert kube.called("execute")[-1][3] == "side"
    with pytest.raises(Misuse, match="there is no such container") as error:
        lab.exec("app", "id", container="sid")
    assert "did you mean side" in error.value.remedy


_TAKEN_OVER: dict[str, Callable[[Lesson], object]] = {
    "page": lambda lab: lab.page("app", 80),
    "exec": lambda lab: lab.exec("app", "id"),
    "ending": lambda lab: lab.ending("app"),
    "look_at": lambda lab: lab.look_at("app"),
    "manifest": lambda lab: lab.manifest("app"),
    "pods": lambda lab: lab.pods(),
    "rollout": lambda lab: lab.rollout("web"),
}


@pytest.mark.parametrize("call", _TAKEN_OVER)
def test_after_the_lesson_was_taken_over_each_call_says_so(tmp_path: Path, call: str) -> None:
    kube = paper_kube(namespaces=["other"], pods=[], find_pod=None, page=(False, "not found"), rollout=None)
    lab = Lesson(opened(tmp_path, kube=kube), Progress(tmp_path / "progress.json"))
    with pytest.raises(LabFailed, match="opened or reset elsewhere"):
        _TAKEN_OVER[call](lab)


@pytest.mark.parametrize(("pods", "lines", "last"), [([], 1, "The lesson has no pod."), ([RUNNING], 3, "app  Running")])
def test_pods_are_a_table_and_none_is_said(tmp_path: Path, pods: list[Any], lines: int, last: str) -> None:
    lab = Lesson(opened(tmp_path, kube=paper_kube(pods=pods)), Progress(tmp_path / "progress.json"))
    shown = str(lab.pods()).splitlines()
    assert (len(shown), shown[-1].rstrip()) == (lines, last)


def test_containers_are_found_in_pods_and_templates() -> None:
    pod = {"spec": {"initContainers": [{"name": "a"}], "containers": [{"name": "b"}]}}
    assert [container["name"] for container in containers_of(pod)] == ["a", "b"]
    assert [container["name"] for container in containers_of({"spec": {"template": pod}})] == ["a", "b"]
    assert list(containers_of({})) == []


@pytest.mark.parametrize(
    ("age", "answers", "output"),
    [
        (0, [(False, "connect: connection refused")] * 2 + [(True, "hello")], "hello"),
        (60, [(False, "connect: connection refused")], "connect: connection refused"),  # It does not listen there.
        (0, [(False, "the server is currently unable")], "the server is currently unable"),
    ],
)
def test_a_program_that_has_just_begun_gets_a_moment_to_listen(
    tmp_path: Path, age: int, answers: list[tuple[bool, str]], output: str
) -> None:
    began = (datetime.now(UTC) - timedelta(seconds=age)).isoformat()
    status = {"phase": "Running", "containerStatuses": [{"name": "main", "state": {"running": {"startedAt": began}}}]}
    left = list(answers)
    kube = paper_kube(find_pod=lambda *_: {**RUNNING, "status": status}, page=lambda *_: left.pop(0))
    lab = Lesson(opened(tmp_path, kube=kube), Progress(tmp_path / "progress.json"))
    assert lab.page("app", 80).output == output
    assert left == []
