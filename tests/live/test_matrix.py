"""The threat matrix on the running lab: as expected, the same twice, and without a trace."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from labkit.adapters import go_programs
from labkit.adapters.engine import Engine
from labkit.adapters.kube import Kube
from labkit.base.configuration import LESSON_LABEL
from labkit.core.pods.api_objects import PodObject
from labkit.lab.cluster_kinds.cluster import State
from labkit.lab.cluster_kinds.kind_cluster import KindCluster
from labkit.lab.lab import Lab
from labkit.notebook.threats import Threats
from labkit.show.steps import Silent
from labkit.threat.evidence import Matrix, ProbeOutput, Trial
from labkit.threat.expected import unexpected
from labkit.threat.judge import Control, Verdict
from labkit.threat.measure import MARK, measure
from labkit.threat.on_cluster import NAMESPACE, OnCluster, _Asked, marks_on_node
from labkit.threat.on_engine import TRIAL_LABEL, OnEngine, folders_named
from labkit.threat.postures import CLUSTER, ENGINE, POSTURES, Posture
from labkit.threat.probed_images import ensure_probed
from labkit.threat.probes import PROBES
from labkit.threat.worksheet import Worksheet

# Files, processes, mounts and labels of machine and node are compared before and after.
pytestmark = pytest.mark.alone

_GONE_SECONDS = 60.0
_MISBEHAVING = replace(go_programs.PROBE, name="misbehaving-probe", tags=("misbehave",))
_APP = POSTURES["app-default"]
# A run that was killed has left things of the same kind.
_TOKEN = secrets.token_hex(3)
_OWN_MARK, _HASTY, _DELETED = (f"{MARK}-{purpose}-{_TOKEN}" for purpose in ("test", "hasty", "deleted"))
_LESSON = f"test-{_TOKEN}"


# --- what is there before and after ---


def _docker(*arguments: str) -> list[str]:
    return sorted(
        subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout.splitlines()
    )


# What kubelet and containerd keep of a pod that is gone, until they get round to it.
_LAZY = ("/run/containerd/", "/run/netns/", "/var/lib/kubelet/pods/")
_ELSEWHERE = ("/var/lib/containerd", "/run/containerd", "/run/netns", "/var/lib/kubelet", "/var/log", "/var/lib/etcd")
# What the node's own loop, the kubelet and the looking itself happen to run at the moment.
_PASSING = ("ps", "sleep", "iptables", "ip6tables", "find", "cat", "runc", "runc:[2:INIT]", "containerd-shim", "pause")


def _traces(lab: Lab, kube: Kube) -> dict[str, list[str]]:
    """Files, processes, mounts and labels of this machine and of the node, as far as a probe could change them."""

    def node(*command: str) -> list[str]:
        return lab.cluster().execute(command).stdout.splitlines()

    leave_out = [word for path in (*_ELSEWHERE, "/var/lib/cni") for word in ("-not", "-path", f"{path}/*")]
    state = lab.configuration.state
    return {
        "files of the node": sorted(node("find", "/", "-xdev", *leave_out)),
        "marks on the node": node("find", "/sys/fs/cgroup", "/var/lib/kubelet", "-name", f"{MARK}*"),
        "processes of the node": sorted(name for name in node("ps", "-eo", "comm=") if name not in _PASSING),
        "mounts of the node": sorted(
            line for line in node("cat", "/proc/mounts") if not any(path in line for path in _LAZY)
        ),
        "files of this machine": sorted(str(path) for path in state.rglob("*")),
        "mounts of this machine": sorted(Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()),
        "marks on this machine": [str(path) for path in folders_named(f"{MARK}*", Path("/sys/fs/cgroup"))],
        "probes on this machine": [str(path) for path in Path("/proc").glob("[0-9]*/comm") if _text(path) == "probe\n"],
        "containers": _docker("ps", "--all", "--format", "{{.Names}} {{.Labels}}"),
        "volumes": _docker("volume", "ls", "--format", "{{.Name}} {{.Labels}}"),
        "networks": _docker("network", "ls", "--format", "{{.Name}} {{.Labels}}"),
        "namespaces": kube.namespaces(),
    }


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:  # it has just ended
        return ""


def _changed(before: Iterable[str], after: Iterable[str]) -> str:
    came, went = Counter(after) - Counter(before), Counter(before) - Counter(after)
    return f"came: {', '.join(came)}; went: {', '.join(went)}"


def _traces_since(before: Mapping[str, list[str]], after: Mapping[str, list[str]]) -> dict[str, str]:
    """What has changed, by its kind.

    What an earlier test or somebody else has left may go at any moment, and that is no trace of a probe; files stay.
    """
    return {
        kind: _changed(before[kind], after[kind])
        for kind in before
        if Counter(after[kind]) - Counter(before[kind]) or (kind.startswith("files") and before[kind] != after[kind])
    }


def _settled(lab: Lab, kube: Kube) -> dict[str, list[str]]:
    """The traces once the cluster is not taking anything away any more."""
    deadline = time.monotonic() + _GONE_SECONDS
    while kube.being_deleted() and time.monotonic() < deadline:
        time.sleep(0.2)
    return _traces(lab, kube)


@pytest.fixture(scope="module")
def before(lab: Lab) -> dict[str, list[str]]:
    """The traces before any probe of this file."""
    measure(lab, ["app-default"], ["write-tmp"])  # what is made once and stays, such as the lock, is there
    with lab.cluster().kube() as kube:
        return _settled(lab, kube)


@pytest.fixture(scope="module")
def matrices(lab: Lab, before: dict[str, list[str]]) -> tuple[Matrix, Matrix]:
    """The whole matrix, measured twice."""
    return measure(lab), measure(lab)


def test_it_is_as_expected_in_every_cell(matrices: tuple[Matrix, Matrix]) -> None:
    seen = [(cell.key, cell.short, allowed, cell.reason) for cell, allowed in unexpected(matrices[0])]
    assert seen == []


def test_it_is_whole(matrices: tuple[Matrix, Matrix]) -> None:
    cells = {cell.key for cell in matrices[0].cells}
    assert cells == {
        (name, probe, at) for name, posture in POSTURES.items() for at in posture.places for probe in PROBES
    }


def test_two_runs_say_the_same(matrices: tuple[Matrix, Matrix]) -> None:
    first, second = ({cell.key: cell for cell in matrix.cells} for matrix in matrices)
    assert first.keys() == second.keys()
    differing = [
        (key, cell.full_verdict, cell.reason, cell.evidence, second[key].full_verdict, second[key].reason)
        for key, cell in first.items()
        if cell.full_verdict != second[key].full_verdict
    ]
    assert differing == []


def test_every_cell_keeps_its_evidence(matrices: tuple[Matrix, Matrix]) -> None:
    bare = [cell.key for cell in matrices[0].cells if not (cell.evidence.get("call") or cell.evidence.get("message"))]
    assert bare == []


def test_marks_were_seen_by_the_node_and_are_gone(lab: Lab, matrices: tuple[Matrix, Matrix]) -> None:
    for posture, probe in (("root-hostpath", "mark-node"), ("root-privileged", "make-cgroup")):
        cell = matrices[0].cell(posture, probe, CLUSTER)
        assert cell is not None
        assert cell.evidence["outside"] is True
    assert marks_on_node(lab.cluster(), f"{MARK}-*") == []


def test_neither_half_takes_the_others_mark(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's half looks while the same posture's mark is on a node, whose control groups it sees, too."""
    marked, looked = threading.Event(), threading.Event()
    look_at_node, look_at_machine = OnCluster._seen_outside, OnEngine._seen_outside

    def look_at_node_afterwards(trying: OnCluster, probe: str, mark: str, output: ProbeOutput) -> bool | None:
        marked.set()
        assert looked.wait(_GONE_SECONDS)
        return look_at_node(trying, probe, mark, output)

    def look_at_machine_between(trying: OnEngine, probe: str, mark: str, output: ProbeOutput) -> bool | None:
        assert marked.wait(_GONE_SECONDS)
        try:
            return look_at_machine(trying, probe, mark, output)
        finally:
            looked.set()

    monkeypatch.setattr(OnCluster, "_seen_outside", look_at_node_afterwards)
    monkeypatch.setattr(OnEngine, "_seen_outside", look_at_machine_between)
    cells = measure(lab, ["root-privileged"], ["make-cgroup"]).cells
    assert [(cell.where, cell.full_verdict, cell.reason) for cell in cells if cell.verdict is not Verdict.COULD] == []


def test_marks_are_gone_as_soon_as_it_is_done(lab: Lab) -> None:
    """Not only once the kubelet gets round to it."""
    for _ in range(3):
        measure(lab, ["root-privileged", "root-hostpath"], ["make-cgroup", "mark-node"])
        assert Threats(lab, {}).marks_left() == []


def test_what_a_killed_run_left_is_swept_by_the_next(lab: Lab, engine: Engine, kube: Kube) -> None:
    references = ensure_probed(engine, lab.configuration, ["aspnetapp-chiseled"], Silent())
    left = engine.launch(next(iter(references)), ["neighbour"], labels={TRIAL_LABEL: f"{MARK}-dead"})
    namespace = kube.new_namespace(NAMESPACE)
    lab.cluster().execute(["mkdir", f"/var/lib/{MARK}-dead"])
    (lab.configuration.state / f"{MARK}-dead").mkdir()
    measure(lab, ["app-default"], ["write-tmp"])
    assert engine.container(left) is None
    assert namespace not in kube.namespaces(NAMESPACE)
    assert Threats(lab, {}).marks_left() == []


# --- postures that are refused, containers that end, probes that misbehave ---


def test_a_posture_that_the_cluster_refuses_has_its_cause_and_the_rest_goes_on(lab: Lab) -> None:
    matrix = measure(lab, ["root-restricted", "root-non-root", "app-default"], ["write-tmp"], CLUSTER)
    seen = [(cell.posture, cell.short, cell.evidence.get("cause")) for cell in matrix.cells]
    assert seen == [
        ("root-restricted", "admission", "pod-security"),
        ("root-non-root", "refusal", "image-runs-as-root"),
        ("app-default", "could", None),
    ]


@pytest.fixture
def on_engine(lab: Lab, engine: Engine) -> OnEngine:
    ensure_probed(engine, lab.configuration, ["aspnetapp", "aspnetapp-chiseled"], Silent())
    return OnEngine(engine, lab.configuration, _OWN_MARK, threading.Event(), deadline=20)


def _tried(on_engine: OnEngine, postures: list[Posture], probes: list[str]) -> list[Trial]:
    return on_engine.try_all(postures, probes, lambda _: None)


def test_a_posture_that_the_engine_refuses_has_its_words_and_the_rest_goes_on(on_engine: OnEngine) -> None:
    refused, ran = _tried(on_engine, [replace(_APP, name="nobody", user="rich"), _APP], ["write-tmp"])
    assert refused.cells[0].verdict is Verdict.UNKNOWN
    assert "unable to find user rich" in refused.cells[0].reason
    assert ran.cells[0].verdict is Verdict.COULD


@pytest.fixture
def misbehaving(lab: Lab, engine: Engine) -> Iterator[OnEngine]:
    """Images with three more probes, which hang, crash and flood."""
    samples = ["aspnetapp", "aspnetapp-chiseled"]
    ensure_probed(engine, lab.configuration, samples, Silent(), _MISBEHAVING)
    yield OnEngine(engine, lab.configuration, _OWN_MARK, threading.Event(), deadline=20)
    ensure_probed(engine, lab.configuration, samples, Silent())


def test_probes_that_hang_crash_and_flood_harm_no_other(misbehaving: OnEngine) -> None:
    names = ["test-hang", "test-crash", "test-flood", "no-such-probe", "write-tmp"]
    (trial,) = _tried(misbehaving, [_APP], names)
    hung, crashed, flooded, missing, last = trial.cells
    assert {cell.verdict for cell in (hung, crashed, flooded, missing)} == {Verdict.UNKNOWN}
    assert "hung and was killed" in hung.reason
    assert "it crashed" in crashed.reason
    assert "more than 64 KiB" in flooded.reason
    assert "no such probe" in missing.reason
    assert last.verdict is Verdict.COULD


def _kill_when_there(label: str) -> None:
    """Kill the container that probes once it runs."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        for line in _docker("ps", "--filter", f"label={label}", "--format", "{{.ID}} {{.Command}}", "--no-trunc"):
            container, _, command = line.partition(" ")
            if " hold " in command:
                subprocess.run(["docker", "kill", container], capture_output=True, check=False)
                return
        time.sleep(0.02)


def test_a_container_that_is_killed_half_way_keeps_what_it_said(misbehaving: OnEngine) -> None:
    killer = threading.Timer(0.0, _kill_when_there, [f"{TRIAL_LABEL}={_OWN_MARK}"])
    killer.start()
    (trial,) = _tried(misbehaving, [_APP], ["test-hang", "write-tmp"])
    killer.join()
    assert [cell.verdict for cell in trial.cells] == [Verdict.UNKNOWN] * 2
    assert "the container ended before that, with exit status 137" in trial.cells[1].reason


def test_a_container_has_a_deadline(lab: Lab, engine: Engine, misbehaving: OnEngine) -> None:
    hasty = OnEngine(engine, lab.configuration, _HASTY, threading.Event(), deadline=4)
    # Each of those that hang is killed after 2 s (cluster/probe/misbehave.go).
    (trial,) = _tried(hasty, [_APP], ["write-tmp", *["test-hang"] * 4, "mount"])
    assert (trial.cells[0].verdict, trial.cells[-1].verdict) == (Verdict.COULD, Verdict.UNKNOWN)
    assert "stopped after 4 s" in trial.cells[-1].reason


def test_a_pod_has_a_deadline(lab: Lab, engine: Engine, kube: Kube) -> None:
    references = ensure_probed(engine, lab.configuration, ["aspnetapp", "aspnetapp-chiseled"], Silent())
    lab.cluster().load(references)
    hasty = OnCluster(kube, engine, lab.cluster(), lab.configuration, _HASTY, threading.Event(), deadline=0)
    (trial,) = hasty.try_all([_APP], ["write-tmp"], lambda _: None)
    assert trial.cells[0].verdict is Verdict.UNKNOWN
    assert marks_on_node(lab.cluster(), f"{_HASTY}*") == []


def test_a_pod_that_is_deleted_half_way_does_not_hold_up_the_others(
    lab: Lab, engine: Engine, kube: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.cluster().load(ensure_probed(engine, lab.configuration, ["aspnetapp", "aspnetapp-chiseled"], Silent()))
    trying = OnCluster(kube, engine, lab.cluster(), lab.configuration, _DELETED, threading.Event(), deadline=30)

    doomed_name = f"doomed-{_TOKEN}"
    look = OnCluster._look

    def look_too_late(trying: OnCluster, asked: _Asked, pod: PodObject, probes: Sequence[str]) -> Trial | None:
        """Its answers come after it was deleted, however fast it was."""
        return None if asked.posture.name == doomed_name else look(trying, asked, pod, probes)

    monkeypatch.setattr(OnCluster, "_look", look_too_late)

    def delete() -> None:
        deadline = time.monotonic() + 15
        with lab.cluster().kube() as other:
            while time.monotonic() < deadline:
                for namespace in other.namespaces(NAMESPACE):
                    if any(pod["metadata"]["name"] == doomed_name for pod in other.pods(namespace)):
                        other.delete_pod(doomed_name, namespace)
                        return

    deleting = threading.Thread(target=delete)
    deleting.start()
    doomed, other = trying.try_all([replace(_APP, name=doomed_name), _APP], ["write-tmp"], lambda _: None)
    deleting.join()
    assert doomed.cells[0].verdict is Verdict.UNKNOWN
    assert "deleted" in doomed.cells[0].reason
    assert other.cells[0].verdict is Verdict.COULD


# --- without a cluster, without an engine ---


def test_without_a_cluster_the_engines_half_still_runs(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KindCluster, "look", lambda *_: State.STOPPED)
    matrix = measure(lab, ["app-default"], ["read-shadow"])
    assert [(cell.where, cell.short) for cell in matrix.cells] == [(ENGINE, "DAC")]


def _command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["labkit", "matrix", *arguments], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


def test_without_an_engine_it_says_so() -> None:
    done = _command(DOCKER_HOST="unix:///nonexistent.sock")
    assert (done.returncode, done.stdout) == (3, "")
    assert "there is no engine's socket" in done.stderr


# --- the command ---


def test_the_command_writes_all_forms(tmp_path: Path) -> None:
    files = ["--csv", str(tmp_path / "m.csv"), "--picture", str(tmp_path / "m.png")]
    done = _command("-p", "app-default", "--probe", "mount", "--where", "engine", "--json", *files)
    assert done.returncode == 0, done.stderr
    (cell,) = json.loads(done.stdout)["cells"]
    assert (cell["verdict"], cell["control"]) == ("could not", "seccomp")
    assert (tmp_path / "m.csv").read_text(encoding="utf-8").count("\n") == 2
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")


def test_a_worksheet_is_checked_and_what_holds_no_more_is_said(lab: Lab, tmp_path: Path) -> None:
    cells = list(measure(lab, ["app-default"], ["read-shadow", "write-tmp"], ENGINE).cells)
    sheet = Worksheet(tmp_path / "sheet.json").add(*cells)
    assert _command("--check", str(sheet.path)).returncode == 0
    sheet.add(replace(cells[0], verdict=Verdict.COULD, control=None))
    done = _command("--check", str(sheet.path), "--json")
    assert done.returncode == 1
    assert [recheck["holds"] for recheck in json.loads(done.stdout)] == [False, True]


# --- the vulnerable app ---


@pytest.mark.parametrize("root", [True, False], ids=["root", "1654"])
def test_the_hole_gives_just_what_the_apps_user_has(lab: Lab, engine: Engine, root: bool) -> None:
    """Through the page and started by ourselves, the same probes say the same."""
    threats = Threats(lab, {LESSON_LABEL: _LESSON})
    names = [name for name in PROBES if name not in ("mark-node", "make-cgroup")]
    try:
        victim = threats.victim(root=root)
        through = {cell.probe: cell.full_verdict for name in names for cell in victim.probe(name)}
        directly = {cell.probe: cell.full_verdict for cell in threats.probe(victim.posture.name, *names)}
    finally:
        threats.close()
    assert through == directly
    assert engine.labelled_containers(f"{LESSON_LABEL}={_LESSON}") == []


def test_the_page_serves_nobody_on_the_host(lab: Lab) -> None:
    threats = Threats(lab, {LESSON_LABEL: _LESSON})
    try:
        threats.victim(root=False)
        assert not any(_docker("ps", "--filter", f"label={LESSON_LABEL}={_LESSON}", "--format", "{{.Ports}}")[0])
    finally:
        threats.close()


def test_root_in_a_user_namespace_is_stopped_where_its_powers_meet_the_node(matrices: tuple[Matrix, Matrix]) -> None:
    trial = next(trial for trial in matrices[0].trials if trial.posture == "root-userns")
    assert trial.facts["uid"] == 0
    assert trial.facts["user_namespace"] is True
    cell = matrices[0].cell("root-userns", "make-device", CLUSTER)
    assert cell is not None
    assert cell.control is Control.NAMESPACE


def test_no_trace_is_left_of_all_that(lab: Lab, kube: Kube, before: dict[str, list[str]]) -> None:
    deadline = time.monotonic() + _GONE_SECONDS
    # The kubelet takes its time to end a pod.
    while (traces := _traces_since(before, _settled(lab, kube))) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert traces == {}


def test_what_others_take_away_meanwhile_is_no_trace() -> None:
    before = {"containers": ["others"], "files of the node": ["/etc/passwd"]}
    assert _traces_since(before, {**before, "containers": []}) == {}
    assert set(_traces_since(before, {"containers": ["more", "others"], "files of the node": []})) == set(before)
