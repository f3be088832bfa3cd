"""The seam for other clusters: kind's keeps the protocol, and one that has no container goes through all of the lab."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from labkit.adapters.engine import ContainerState, Engine, EngineRefused, EngineUnreachable
from labkit.adapters.kind import Kind
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.core.run_results import ExecResult, Printed
from labkit.lab.classroom.mirror import NODE_FOLDER, Mirror
from labkit.lab.clean import clean
from labkit.lab.cluster_kinds.choose_cluster import choose_cluster
from labkit.lab.cluster_kinds.cluster import Cluster, ClusterKind, State
from labkit.lab.cluster_kinds.kind_cluster import KindCluster
from labkit.lab.doctor import examine
from labkit.lab.lab import Lab
from labkit.lab.samples.build import ImageBuilder
from labkit.show.steps import Silent, Steps
from labkit.threat.machine_versions import look_at_machine
from labkit.threat.on_cluster import marks_on_node


class PaperKube:
    """The API of the cluster of paper."""

    def __enter__(self) -> PaperKube:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass

    def version(self) -> str:
        return "v1.36.0"


class FarCluster:
    """A cluster that is not a container of any engine: what reaches it is written down."""

    node = "far-away"
    containers: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.files: dict[str, bytes] = {}
        self.is_there = True

    def exists(self) -> bool:
        return self.is_there

    def look(self, answer_seconds: float = 0.0) -> State:
        return State.UP if self.is_there else State.ABSENT

    def source(self) -> str | None:
        return "there already"

    def log(self, lines: int = 200) -> str:
        return ""

    def abandoned_volumes(self) -> list[str]:
        return []

    def kube(self, *, patient: bool = True) -> Any:
        return PaperKube()

    def ensure(self, samples: ImageBuilder) -> None:
        self.calls.append(f"ensure {samples.decision.source}")

    def stop(self) -> bool:
        self.calls.append("stop")
        return True

    def delete(self) -> bool:
        self.calls.append("delete")
        return self.is_there

    def load(self, images: Mapping[str, str]) -> list[str]:
        return list(images)

    def unload(self, references: Collection[str]) -> None:
        self.calls.append(f"unload {' '.join(references)}")

    def execute(self, argv: Sequence[str]) -> ExecResult:
        self.calls.append(" ".join(argv))
        return ExecResult(0, "/var/lib/mark\n") if argv[0] == "find" else ExecResult(1)

    def put_files(self, files: Mapping[str, bytes]) -> None:
        self.files.update(files)


class EngineBesideTheCluster:
    """An engine that has one container of the lab's and nothing else."""

    name, client, is_podman = "Docker", "docker", False

    def client_environment(self) -> dict[str, str]:
        return {}

    def __init__(self, *containers: str) -> None:
        self.left = list(containers)

    def close(self) -> None:
        pass

    def image(self, _: str) -> None:
        return None

    def info(self) -> dict[str, Any]:
        return {}

    version = info

    def container(self, name: str) -> ContainerState | None:
        return ContainerState(running=True, image_id="", labels={}) if name in self.left else None

    def labelled_containers(self, *more: str) -> list[str]:
        return [] if more else list(self.left)

    def network_labels(self, network: str) -> None:
        return None

    def labelled_networks(self) -> list[str]:
        return []

    labelled_volumes = labelled_networks

    def labelled_images(self, nameless: bool = False) -> list[Any]:
        return []

    def remove_image(self, _: str) -> bool:
        return False

    def remove_container(self, name: str) -> None:
        self.left.remove(name)

    def can_reach_registry(self, *_: object) -> bool:
        return False

    def execute(self, container: str, argv: Sequence[str]) -> ExecResult:
        return ExecResult(0, f"{container}: {' '.join(argv)}")

    def put_files(self, container: str, files: Mapping[str, bytes]) -> None:
        raise LabFailed(f"Writing into {container}", ", ".join(files), "look")

    def printed(self, container: str, *, lines: int | None = None) -> Printed:
        return Printed("\n".join([f"{container} {number}" for number in range(1000)][-(lines or 0) :]))


@pytest.fixture
def cluster() -> FarCluster:
    return FarCluster()


@pytest.fixture
def engine() -> EngineBesideTheCluster:
    return EngineBesideTheCluster("forgotten", "paper-control-plane")


@pytest.fixture
def lab(cluster: FarCluster, engine: EngineBesideTheCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab with the cluster of paper."""
    monkeypatch.setenv("LABKIT_SOURCE", "stand-in")
    for name in ("ensure_engine", "ensure_kubectl"):
        monkeypatch.setattr(f"labkit.lab.up_plan.{name}", lambda *_: engine)
    monkeypatch.setattr(ImageBuilder, "ensure", lambda *_: "")
    monkeypatch.setattr(EngineBesideTheCluster, "remove_stages", lambda _: None, raising=False)
    monkeypatch.setattr(Engine, "connect", lambda _: engine)
    folders = (tmp_path / name for name in ("state", "cache", "data"))
    return Lab(Configuration("paper", *folders), Silent(), cluster)


def test_up_status_and_down_go_to_the_cluster(lab: Lab, cluster: FarCluster) -> None:
    lab.up()
    assert (cluster.calls, lab.state()) == (["ensure stand-in"], State.UP)
    status = lab.status()
    assert status["state"] == "up"
    assert status["cluster"] == {"name": "paper", "ready": True, "kubernetes": "v1.36.0", "source": "there already"}
    assert lab.down()
    assert cluster.calls[-1] == "stop"


def test_the_doctor_knows_what_belongs_to_the_cluster(lab: Lab) -> None:
    strays = next(check for check in examine(lab) if "forgotten" in check.finding)
    assert "paper-control-plane" in strays.finding
    kind = Lab(lab.configuration, Silent())
    assert any("forgotten" in check.finding and "paper-control-plane" not in check.finding for check in examine(kind))


def test_a_kind_of_cluster_that_is_chosen_by_the_configuration_needs_no_engine_and_no_node(
    lab: Lab, cluster: FarCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = ClusterKind(lambda *_: cluster)
    monkeypatch.setattr("labkit.lab.lab.choose_cluster", lambda configuration: kind)
    chosen = Lab(lab.configuration, Silent())
    chosen.up()  # It would fail at the node's programs, which nobody here can build.
    assert cluster.calls == ["ensure stand-in"]
    monkeypatch.setattr(Engine, "connect", lambda _: pytest.fail("an engine was asked"))
    chosen.close()
    assert (chosen.state(), chosen.silent().state()) == (State.UP, State.UP)


def test_clean_deletes_it(lab: Lab, cluster: FarCluster) -> None:
    assert "cluster paper" in clean(lab)
    assert cluster.calls == ["delete"]


def test_a_mirror_is_written_onto_its_node_and_forgotten(lab: Lab, cluster: FarCluster, tmp_path: Path) -> None:
    mirror = Mirror(lab.configuration, tmp_path / "certs.d")
    folder = tmp_path / "certs.d" / "192.0.2.1:5443"
    folder.mkdir(parents=True)
    (folder / "ca.crt").write_text("certificate", encoding="utf-8")
    lab.configuration.state.mkdir()
    (lab.configuration.state / "mirror").write_text("192.0.2.1:5443\n", encoding="utf-8")
    cluster.is_there = False
    assert not mirror.configure_node(cluster)
    cluster.is_there = True
    assert mirror.configure_node(cluster)
    assert cluster.files[f"{NODE_FOLDER}/192.0.2.1:5443/ca.crt"] == b"certificate"
    assert f"far-away:{NODE_FOLDER}/192.0.2.1:5443" in mirror.forget(cluster)
    assert cluster.calls == [f"rm -rf {NODE_FOLDER}/192.0.2.1:5443"]


def test_threats_look_at_its_node(cluster: FarCluster, engine: EngineBesideTheCluster) -> None:
    assert set(marks_on_node(cluster, "mark")) == {"/var/lib/mark"}
    looks = len(cluster.calls)
    look_at_machine(cast(Engine, engine), cluster)
    assert cluster.calls[looks:] == ["cat /proc/sys/user/max_user_namespaces", "runc --version", "containerd --version"]


# --- kind's ---


def test_kinds_cluster_keeps_the_protocol(lab: Lab, engine: EngineBesideTheCluster) -> None:
    kind: Cluster = KindCluster(cast(Engine, engine), lab.configuration, Silent())
    members = [name for name in vars(Cluster) if not name.startswith("_")]
    assert len(members) > 10
    for name in members:
        promised, kept = getattr(Cluster, name), getattr(kind, name)
        if callable(promised):
            promise = [*inspect.signature(promised).parameters.values()][1:]
            assert [*inspect.signature(kept).parameters.values()] == promise, name


def test_only_a_look_at_kinds_cluster_does_not_wait_for_its_api_server(
    lab: Lab, engine: EngineBesideTheCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: list[str] = []
    connection = SimpleNamespace(wait_for_restart=lambda: waiting.append("waits"))
    monkeypatch.setattr("labkit.adapters.kube.Kube", lambda *_: connection)
    kind = KindCluster(cast(Engine, engine), lab.configuration, Silent())
    kind.kube(patient=False)
    assert waiting == []
    kind.kube()
    assert waiting == ["waits"]


def test_kinds_node_is_a_container(lab: Lab, engine: EngineBesideTheCluster) -> None:
    kind = choose_cluster(lab.configuration).connect(lambda: cast(Engine, engine), lab.configuration, Silent())
    assert (kind.node, kind.containers) == ("paper-control-plane", frozenset({"paper-control-plane"}))
    assert kind.exists()
    assert kind.execute(["id"]) == ExecResult(0, "paper-control-plane: id")
    assert kind.log(2) == "paper-control-plane 998\npaper-control-plane 999"
    with pytest.raises(LabFailed, match="Writing into paper-control-plane: /a"):
        kind.put_files({"/a": b""})
    engine.left.clear()
    assert (kind.exists(), kind.log(), kind.look()) == (False, "", State.ABSENT)


_CONFLICT = """docker: Error response from daemon: Conflict. The container name "/paper-control-plane" is already in \
use by container "4a56". You have to remove (or rename) that container to be able to reuse that name."""
_THERE = 'ERROR: failed to create cluster: node(s) already exist for a cluster with the name "paper"'


@pytest.mark.parametrize(
    ("answers", "calls"),
    [
        ([], ["create"]),
        ([_CONFLICT, _THERE], ["create", "delete", "create", "delete", "create"]),
        (["listen tcp 127.0.0.1:6443: bind: address already in use"], ["create"]),
    ],
    ids=["nothing is in the way", "a node of a killed one appears late", "it fails for another reason"],
)
def test_a_node_that_a_killed_up_was_making_is_removed_as_it_appears(
    lab: Lab, engine: EngineBesideTheCluster, monkeypatch: pytest.MonkeyPatch, answers: list[str], calls: list[str]
) -> None:
    made: list[str] = []

    def create(*_: object) -> None:
        made.append("create")
        if answers:
            raise LabFailed("Running kind create cluster", answers.pop(0), "look")

    monkeypatch.setattr(Kind, "create", create)
    monkeypatch.setattr(Kind, "delete", lambda _: made.append("delete"))
    monkeypatch.setattr("labkit.lab.cluster_kinds.kind_cluster._LOOK_AGAIN_SECONDS", 0.0)
    kind = KindCluster(cast(Engine, engine), lab.configuration, Silent())
    if answers and "bind" in answers[0]:
        with pytest.raises(LabFailed, match="address already in use"):
            kind._create_node("node:lab", {})
    else:
        kind._create_node("node:lab", {})
    assert made == calls


def test_a_node_that_stays_in_the_way_is_told(
    lab: Lab, engine: EngineBesideTheCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create(*_: object) -> None:
        raise LabFailed("Running kind create cluster", _CONFLICT, "look")

    monkeypatch.setattr(Kind, "create", create)
    monkeypatch.setattr(Kind, "delete", lambda _: None)
    monkeypatch.setattr("labkit.lab.cluster_kinds.kind_cluster._HALF_MADE_SECONDS", 0.0)
    with pytest.raises(LabFailed, match="is already in use by container"):
        KindCluster(cast(Engine, engine), lab.configuration, Silent())._create_node("node:lab", {})


def test_without_an_engine_there_is_no_cluster_of_kinds(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(_: Configuration) -> Engine:
        raise EngineUnreachable("Connecting to the engine", "nothing answers", "start it")

    monkeypatch.setattr(Engine, "connect", connect)
    with pytest.raises(EngineUnreachable):
        Lab(lab.configuration, Silent()).cluster()
    assert Lab(lab.configuration, Silent()).status()["state"] == "absent"


def test_one_room_knows_that_the_node_is_a_container() -> None:
    """Whoever builds the name of its container, or asks the engine to run something in it, knows."""
    package = Path(inspect.getfile(Lab)).parents[1]
    assert [path.name for path in package.rglob("*.py") if "}-control-plane" in path.read_text(encoding="utf-8")] == [
        "kind_cluster.py"
    ]


def test_a_node_that_the_engine_will_not_start_is_made_anew(
    lab: Lab, engine: EngineBesideTheCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: str) -> None:
        raise EngineRefused("Starting container paper-control-plane", "network 118c not found", "look at the engine")

    lab.configuration.state.mkdir()
    lab.configuration.kubeconfig.touch()
    monkeypatch.setattr(engine, "start", start, raising=False)
    monkeypatch.setattr(KindCluster, "look", lambda *_: State.STOPPED)
    assert not KindCluster(cast(Engine, engine), lab.configuration, Silent())._repair()


@pytest.mark.parametrize("has", [True, False])
def test_a_kubeconfig_that_does_not_work_is_written_again(
    lab: Lab, engine: EngineBesideTheCluster, monkeypatch: pytest.MonkeyPatch, has: bool
) -> None:
    def export(_: Kind) -> None:
        if not has:
            raise LabFailed("Running kind export", "the node has none", "look")
        lab.configuration.kubeconfig.write_text("the node's", encoding="utf-8")

    lab.configuration.state.mkdir()
    lab.configuration.kubeconfig.write_text("damaged", encoding="utf-8")
    monkeypatch.setattr(Kind, "export_kubeconfig", export)
    monkeypatch.setattr(KindCluster, "look", lambda *_: State.BROKEN)
    assert not KindCluster(cast(Engine, engine), lab.configuration, Silent())._repair()
    assert lab.configuration.kubeconfig.read_text(encoding="utf-8") == ("the node's" if has else "damaged")


@pytest.mark.parametrize("log", ["create fsnotify watcher: too many open files", "no such container"])
def test_a_node_that_may_watch_no_file_is_not_made_anew(
    lab: Lab, engine: EngineBesideTheCluster, monkeypatch: pytest.MonkeyPatch, log: str
) -> None:
    """Its containerd serves no pods, and that of another node would not either."""

    def execute(container: str, argv: Sequence[str]) -> ExecResult:
        if "no such" in log:
            raise EngineRefused(f"Running a command in {container}", log, "look")
        return ExecResult(0, log)

    kind = KindCluster(cast(Engine, engine), lab.configuration, Silent())
    lab.configuration.kubeconfig.parent.mkdir(parents=True)
    lab.configuration.kubeconfig.write_text("{}", encoding="utf-8")
    monkeypatch.setattr(KindCluster, "look", lambda *_: State.STOPPED)
    monkeypatch.setattr(KindCluster, "_write_kubeconfig", lambda _: True)
    monkeypatch.setattr(EngineBesideTheCluster, "start", lambda *_: None, raising=False)
    monkeypatch.setattr(EngineBesideTheCluster, "execute", lambda _, *given: execute(*given))
    if "no such" in log:
        assert not kind._repair()
    else:
        with pytest.raises(LabFailed, match="too many open files") as failed:
            kind._repair()
        assert "labkit doctor" in failed.value.remedy


def test_kinds_cluster_can_be_deleted_without_kind(
    lab: Lab, engine: EngineBesideTheCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after the cache was removed, where it was."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(EngineBesideTheCluster, "containers_in", lambda *_: [], raising=False)
    kind = KindCluster(cast(Engine, engine), lab.configuration, Silent())
    lab.configuration.state.mkdir(parents=True)
    assert kind.delete()
    assert engine.left == ["forgotten"]


@pytest.mark.parametrize("state", [State.STOPPED, State.BROKEN])
@pytest.mark.parametrize(
    ("log", "is_waited_for"),
    [
        ("F panic: failed to open database\nF goroutine 1 [running]:", False),
        ("F received signal; shutting down", True),
        ("F panic: write db: no space left on device", True),
    ],
)
def test_a_cluster_whose_etcd_cannot_read_its_file_is_not_waited_for(
    lab: Lab,
    engine: EngineBesideTheCluster,
    monkeypatch: pytest.MonkeyPatch,
    state: State,
    log: str,
    is_waited_for: bool,
) -> None:
    waited: list[float] = []

    def look(_: KindCluster, answer_seconds: float = 0.0) -> State:
        waited.append(answer_seconds)
        return state

    def execute(_: object, container: str, argv: Sequence[str]) -> ExecResult:
        return ExecResult(0, log if "etcd" in argv[-1] else "")

    lab.configuration.kubeconfig.parent.mkdir(parents=True)
    lab.configuration.kubeconfig.write_text("{}", encoding="utf-8")
    monkeypatch.setattr(KindCluster, "look", look)
    monkeypatch.setattr(KindCluster, "_write_kubeconfig", lambda _: True)
    monkeypatch.setattr(EngineBesideTheCluster, "start", lambda *_: None, raising=False)
    monkeypatch.setattr(EngineBesideTheCluster, "execute", execute)
    assert not KindCluster(cast(Engine, engine), lab.configuration, Silent())._repair()
    whole = 60 if state is State.STOPPED else 15
    assert (sum(waited) == whole) is is_waited_for


@pytest.mark.parametrize("looks", [[True], [False, False, True]], ids=["at once", "in a moment"])
def test_up_waits_until_pods_are_placed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], looks: list[bool]
) -> None:
    """Right after its first start a node is ready, and has its taint until the controller manager looks again."""
    left = iter(looks)
    monkeypatch.setattr(PaperKube, "takes_pods", lambda _: next(left), raising=False)
    monkeypatch.setattr(KindCluster, "kube", lambda _: PaperKube())
    configuration = Configuration("labkit-test", tmp_path / "state", tmp_path / "cache", tmp_path / "data")
    KindCluster(cast(Engine, EngineBesideTheCluster()), configuration, Steps())._wait_until_it_takes_pods()
    assert list(left) == []
    assert ("until its node takes pods" in "".join(capsys.readouterr())) is (len(looks) > 1)


def test_a_node_that_takes_no_pods_ends_up_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PaperKube, "takes_pods", lambda _: False, raising=False)
    monkeypatch.setattr(KindCluster, "kube", lambda _: PaperKube())
    monkeypatch.setattr("labkit.lab.cluster_kinds.kind_cluster._PLACE_SECONDS", 0.0)
    configuration = Configuration("labkit-test", tmp_path / "state", tmp_path / "cache", tmp_path / "data")
    with pytest.raises(LabFailed, match="marked as not ready") as caught:
        KindCluster(cast(Engine, EngineBesideTheCluster()), configuration, Silent())._wait_until_it_takes_pods()
    assert "labkit up" in caught.value.remedy
