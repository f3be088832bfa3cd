"""A pod is judged by its own uid: its events, and no older one's; a slow pod of a name that was used before."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from lightkube.resources.core_v1 import ServiceAccount

from labkit.adapters.kube import Kube
from labkit.adapters.kube.kube_pods import KubePods
from labkit.adapters.kube.pod_access import BoundedStream, TooMuchOutput
from labkit.base.errors import LabFailed, Misuse
from labkit.core.causes import Cause
from labkit.core.pods.api_objects import PodObject
from labkit.core.refuser import Refuser
from tests.unit.adapters.conftest import AnswersServer
from tests.unit.adapters.test_requests_logged import kube_of

_REFUSED = 'Error: container has runAsNonRoot and image will run as root (pod: "p_n(1)", container: a)'
_PODS, _EVENTS = "/api/v1/namespaces/n/pods", "/api/v1/namespaces/n/events"


def _pod(uid: str, state: str = "waiting", phase: str = "Pending") -> Any:
    inside = {"reason": "ContainerCreating"} if state == "waiting" else {}
    status = {"phase": phase, "containerStatuses": [{"name": "a", "state": {state: inside}}]}
    return {
        "metadata": {"name": "p", "namespace": "n", "uid": uid},
        "spec": {"containers": [{"name": "a"}]},
        "status": status,
    }


def _event(uid: str) -> Any:
    about = {"kind": "Pod", "name": "p", "uid": uid, "fieldPath": "spec.containers{a}"}
    return {"type": "Warning", "reason": "Failed", "message": _REFUSED, "involvedObject": about}


@pytest.fixture
def kube(tmp_path: Path, server: AnswersServer) -> Iterator[Kube]:
    """The API of a server that gives prepared answers, with the events of an older pod of the same name."""
    server.answers = {
        f"{_PODS}/p": (200, _pod("new")),
        f"{_PODS}/p/log": (200, ""),
        _EVENTS: (200, {"items": [_event("old")]}),
    }
    with kube_of(tmp_path, server) as kube:
        yield kube


def test_events_are_asked_for_by_uid(kube: Kube, server: AnswersServer) -> None:
    pod: PodObject = _pod("new")
    server.answers[_EVENTS] = (200, {"items": [_event("old"), _event("new")]})
    assert [event["involvedObject"]["uid"] for event in kube.events(pod)] == ["new"]
    assert server.queries[-1] == "fieldSelector=involvedObject.uid%3Dnew"


def test_a_slow_pod_is_not_judged_by_an_older_ones_events(
    kube: Kube, server: AnswersServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkit.adapters.kube.kube_pods._SANDBOX_SECONDS", 0.0)
    monkeypatch.setattr("labkit.adapters.kube.kube_pods._STATUS_SECONDS", 0.0)
    assert kube.observe("p", "n", seconds=0.2).verdict == "pending"
    comes_up = threading.Timer(
        0.3, lambda: server.answers.update({f"{_PODS}/p": (200, _pod("new", "running", "Running"))})
    )
    comes_up.start()
    assert kube.observe("p", "n", seconds=10).verdict == "running"
    comes_up.join()
    server.answers |= {f"{_PODS}/p": (200, _pod("new")), _EVENTS: (200, {"items": [_event("new")]})}
    kube.observe("p", "n", seconds=10).expect(Cause.IMAGE_RUNS_AS_ROOT)


def test_an_event_that_comes_before_its_status_does_not_decide(
    kube: Kube, server: AnswersServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kubelet emits it first; on a busy machine the status, with the kubelet's own words, is seconds behind."""
    monkeypatch.setattr("labkit.adapters.kube.kube_pods._SANDBOX_SECONDS", 0.0)
    refused = _pod("new")
    waiting = {"reason": "CreateContainerConfigError", "message": _REFUSED.removeprefix("Error: ")}
    refused["status"]["containerStatuses"][0]["state"]["waiting"] = waiting
    server.answers[_EVENTS] = (200, {"items": [_event("new")]})
    comes = threading.Timer(0.3, lambda: server.answers.update({f"{_PODS}/p": (200, refused)}))
    comes.start()
    outcome = kube.observe("p", "n", seconds=10)
    comes.join()
    outcome.expect(Cause.IMAGE_RUNS_AS_ROOT)
    assert outcome.message == waiting["message"]


@pytest.mark.parametrize(("answer", "problem"), [((404, {}), "it was deleted"), ((200, _pod("other")), "another one")])
def test_a_pod_that_went_away_is_not_mistaken_for_its_successor(
    kube: Kube, server: AnswersServer, answer: Any, problem: str
) -> None:
    server.answers[f"{_PODS}/p"] = answer
    with pytest.raises(LabFailed, match=problem):
        kube.observe("p", "n", seconds=5, uid="new")


def test_a_pod_that_is_looked_at_again_may_be_what_the_api_server_remembers(kube: Kube, server: AnswersServer) -> None:
    """Its store is asked for what nobody has seen yet; later nothing older than what was seen will do."""
    pod = _pod("new")
    pod["metadata"]["resourceVersion"] = "17"
    server.answers[f"{_PODS}/p"] = (200, pod)
    assert kube.observe("p", "n", seconds=0.2).verdict == "pending"
    assert server.queries[:2] == ["", "resourceVersion=17"]
    server.queries.clear()
    kube.observe("p", "n", seconds=0.0, version="16")
    assert server.queries[0] == "resourceVersion=16"


def test_an_api_server_that_has_not_heard_of_a_version_is_asked_what_there_is(
    kube: Kube, server: AnswersServer
) -> None:
    server.answers[f"{_PODS}/p"] = (504, {"message": "Timeout: Too large resource version: 17, current: 16"})
    with pytest.raises(LabFailed, match="Too large"):
        kube.find_pod("p", "n", not_before="17")
    assert server.queries == ["resourceVersion=17", ""]


def test_a_pod_whose_part_has_ended_is_not_waited_for_to_the_end(
    kube: Kube, server: AnswersServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkit.adapters.kube.kube_pods._HALF_ENDED_SECONDS", 0.1)
    pod = _pod("new", "running", "Running")
    pod["status"]["containerStatuses"].append({"name": "b", "state": {"terminated": {"exitCode": 0}}})
    server.answers[f"{_PODS}/p"] = (200, pod)
    outcome = kube.observe("p", "n", seconds=30)
    assert (outcome.verdict, outcome.container) == ("pending", "b")
    assert (outcome.seconds or 30) < 10


def test_a_pod_that_waits_for_what_nobody_gives_is_not_waited_for_to_the_end(
    kube: Kube, server: AnswersServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkit.adapters.kube.kube_pods._SANDBOX_SECONDS", 0.0)
    monkeypatch.setattr("labkit.adapters.kube.kube_pods._UNSCHEDULED_SECONDS", 0.1)
    unscheduled = _pod("new")
    unscheduled["status"] = {
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}],
    }
    server.answers[f"{_PODS}/p"] = (200, unscheduled)
    outcome = kube.observe("p", "n", seconds=30)
    outcome.expect(Cause.TIMEOUT)
    assert outcome.message == "Unschedulable: 0/1 nodes"
    mount = {"type": "Warning", "reason": "FailedMount", "message": 'secret "x" not found', "count": 4}
    server.answers |= {
        f"{_PODS}/p": (200, _pod("new")),
        _EVENTS: (200, {"items": [{**mount, "involvedObject": {"uid": "new"}}]}),
    }
    assert kube.observe("p", "n", seconds=30).message == 'FailedMount: secret "x" not found'


def _ended_pod() -> Any:
    """A pod whose program has ended with an error."""
    ended = _pod("new", "running", "Failed")
    ended["status"]["containerStatuses"][0]["state"] = {"terminated": {"exitCode": 1, "reason": "Error"}}
    return ended


def test_a_program_that_ends_at_once_is_not_said_to_run(
    kube: Kube, server: AnswersServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kubelet says for up to a second that it runs; its log has ended."""
    running, ended = _pod("new", "running", "Running"), _ended_pod()
    server.answers[f"{_PODS}/p"] = (200, running)
    assert kube.observe("p", "n", seconds=10).verdict == "running"
    server.goes_on = False
    # However slow the machine is that the test runs on.
    monkeypatch.setattr("labkit.adapters.kube.kube_pods._LAST_LOOK_SECONDS", 60.0)
    monkeypatch.setattr("labkit.adapters.kube.kube_pods._STATUS_SECONDS", 60.0)
    tells = threading.Timer(0.2, lambda: server.answers.update({f"{_PODS}/p": (200, ended)}))
    tells.start()
    outcome = kube.observe("p", "n", seconds=10)
    tells.join()
    assert (outcome.verdict, outcome.exit_status) == ("failed", 1)


def test_a_program_that_ends_while_its_log_is_followed_is_seen_by_a_second_look(
    kube: Kube, server: AnswersServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kubelet looks whether a container has ended as it begins to follow its log, and then once a second."""
    ended = _ended_pod()
    server.answers[f"{_PODS}/p"] = (200, _pod("new", "running", "Running"))
    monkeypatch.setattr("labkit.adapters.kube.kube_pods._LOOKS", (0.5, 600.0))  # However slow the machine is.
    monkeypatch.setattr("labkit.adapters.kube.kube_pods._STATUS_SECONDS", 60.0)

    class GoesOnOnce:
        """Whether an answer that is followed goes on: the first one does, and the pod ends meanwhile."""

        asked = 0

        def __bool__(self) -> bool:
            self.asked += 1
            server.answers[f"{_PODS}/p"] = (200, ended)
            return self.asked == 1

    server.goes_on = GoesOnOnce()  # type: ignore[assignment]
    outcome = kube.observe("p", "n", seconds=30)
    assert (outcome.verdict, outcome.exit_status) == ("failed", 1)


def test_on_a_busy_machine_the_end_of_a_log_has_as_much_more_time_as_other_answers_take(
    kube: Kube, server: AnswersServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = _ended_pod()
    server.answers[f"{_PODS}/p"] = (200, _pod("new", "running", "Running"))
    server.goes_on, server.answer_seconds = False, 0.3
    # However slow the machine is that the test runs on.
    monkeypatch.setattr("labkit.adapters.kube.kube_pods._LONGEST_LAST_LOOK_SECONDS", 60.0)
    monkeypatch.setattr("labkit.adapters.kube.kube_pods._STATUS_SECONDS", 60.0)
    log_answer = server.answers.pop(f"{_PODS}/p/log")

    class EndsWithItsLog(dict[str, tuple[int, Any]]):
        """The kubelet tells of the end once it was asked for the log."""

        def get(self, path: str, default: Any = None) -> Any:
            if path == f"{_PODS}/p/log":
                self[f"{_PODS}/p"] = (200, ended)
                return log_answer
            return super().get(path, default)

    server.answers = EndsWithItsLog(server.answers)
    outcome = kube.observe("p", "n", seconds=30)
    assert (outcome.verdict, outcome.exit_status) == ("failed", 1)


def test_a_program_that_comes_to_a_good_end_at_once_is_waited_for_until_its_pod_has(
    kube: Kube, server: AnswersServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kubelet tells that a container has ended before it tells that of the pod, which runs until then."""
    running, half, whole = (_pod("new", "running", phase) for phase in ("Running", "Running", "Succeeded"))
    for pod in (half, whole):
        pod["status"]["containerStatuses"][0]["state"] = {"terminated": {"exitCode": 0, "reason": "Completed"}}
    server.answers[f"{_PODS}/p"] = (200, running)
    server.goes_on = False
    monkeypatch.setattr("labkit.adapters.kube.kube_pods._LAST_LOOK_SECONDS", 60.0)
    monkeypatch.setattr("labkit.adapters.kube.kube_pods._STATUS_SECONDS", 60.0)
    tells_of_pod = threading.Timer(0.4, lambda: server.answers.update({f"{_PODS}/p": (200, whole)}))

    def tell_of_container() -> None:
        server.answers[f"{_PODS}/p"] = (200, half)
        tells_of_pod.start()

    tells_of_container = threading.Timer(0.2, tell_of_container)
    tells_of_container.start()
    outcome = kube.observe("p", "n", seconds=30)
    tells_of_container.join()
    tells_of_pod.join()
    assert (outcome.verdict, outcome.cause) == ("succeeded", None)


def test_a_log_that_cannot_be_read_says_nothing_of_its_pod(
    kube: Kube, server: AnswersServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkit.adapters.kube.kube_pods._STATUS_SECONDS", 60.0)
    server.goes_on = False
    server.answers |= {
        f"{_PODS}/p": (200, _pod("new", "running", "Running")),
        f"{_PODS}/p/log": (400, {"message": "the container is not there"}),
    }
    assert kube.observe("p", "n", seconds=10).verdict == "running"


def test_the_logs_of_several_containers_stand_below_their_names(kube: Kube, server: AnswersServer) -> None:
    pod = _pod("new", "running", "Running")
    pod["status"]["containerStatuses"].append({"name": "b", "state": {"running": {}}})
    server.answers[f"{_PODS}/p/log"] = (200, "hello")
    assert kube.outcome_of(pod).logs == '[a]\n"hello"\n[b]\n"hello"'
    assert server.queries[-2:] == ["limitBytes=4194304&container=a", "limitBytes=4194304&container=b"]


def test_a_no_of_the_api_server_is_an_outcome_with_advice(kube: Kube, server: AnswersServer) -> None:
    message = 'strict decoding error: unknown field "spec.securityContext.runAsNonroot"'
    server.answers[_PODS] = (400, {"message": message})
    outcome = kube.create_pod({"metadata": {"name": "p"}}, "p", "n")
    assert outcome is not None
    assert (outcome.cause, outcome.refuser) == (Cause.INVALID_MANIFEST, Refuser.API_SERVER)
    assert outcome.message == f"{message}\nrunAsNonroot: did you mean runAsNonRoot?"
    assert "fieldValidation=Strict" in server.queries[-1]


def test_warnings_of_admission_are_kept(kube: Kube, server: AnswersServer) -> None:
    server.answers[_PODS] = (201, _pod("new", "running", "Running"))
    server.answers[f"{_PODS}/p"] = (404, {})
    server.warnings = ['299 - "would violate it"']
    admitted = kube._create({"metadata": {"name": "p"}}, "p", "n")
    assert getattr(admitted, "warnings", None) == ("would violate it",)


def test_an_object_that_is_not_taken_is_a_misuse_with_advice(kube: Kube, server: AnswersServer) -> None:
    path = "/apis/apps/v1/namespaces/n/deployments/web"
    manifest = {"kind": "Deployment", "metadata": {"name": "web"}}
    server.answers[path] = (
        500,
        {"message": "failed to create typed patch object: .spec.replica: field not declared in schema"},
    )
    with pytest.raises(Misuse, match="the API server refuses") as error:
        kube.apply_object(manifest, "n")
    assert "did you mean replicas?" in error.value.came_back
    server.answers[path] = (500, {"message": "etcd is away"})
    with pytest.raises(LabFailed, match="etcd is away"):
        kube.apply_object(manifest, "n")


_GONE = [
    'namespaces "n" not found',
    'pods "p" is forbidden: unable to create new content in namespace n because it is being terminated',
]


@pytest.mark.parametrize("message", _GONE)
def test_a_namespace_that_is_gone_is_said_so(kube: Kube, server: AnswersServer, message: str) -> None:
    server.answers[_PODS] = (404, {"message": message})
    with pytest.raises(LabFailed, match="opened or reset elsewhere"):
        kube.create_pod({"metadata": {"name": "p"}}, "p", "n")


def test_a_manifest_that_is_no_json_is_a_misuse(kube: Kube) -> None:
    for value in ({1, 2}, object()):
        with pytest.raises(Misuse, match="cannot be written as JSON"):
            kube.create_pod({"metadata": {"name": "p"}, "spec": value}, "p", "n")


def test_an_interrupt_leaves_no_pod(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    deleted = []

    def interrupt(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(KubePods, "_create", interrupt)
    monkeypatch.setattr(KubePods, "delete_pod", lambda _, name, namespace, wait=True: deleted.append((name, wait)))
    with pytest.raises(KeyboardInterrupt):
        kube.make_pod({"metadata": {"name": "p"}}, "n")
    assert deleted == [("p", True), ("p", False)]


def test_what_floods_a_stream_is_bounded() -> None:
    stream = BoundedStream(kept=4, most=10)
    for _ in range(3):
        stream.write(b"abc")
    assert stream.text == "abca\n[5 more bytes are left out]\n"
    with pytest.raises(TooMuchOutput):
        stream.write(b"abc")
    broken = BoundedStream()
    broken.write(b"a\xff")
    assert broken.text == "a\ufffd"


def test_what_runs_nothing_in_a_pod_loads_no_web_sockets() -> None:
    program = "import labkit.adapters.kube, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    assert "httpx2" in loaded
    assert not {"httpx2.websockets", "wsproto", "anyio"} & set(loaded)


def test_a_level_is_seen_enforced_before_anything_is_asked_of_it(kube: Kube, server: AnswersServer) -> None:
    """Admission's cache is behind the label: the first pods are still let in."""
    server.answers |= {"/api/v1/namespaces/n": (200, {}), _PODS: (201, _pod("asked"))}
    message = 'pods "asked" is forbidden: violates PodSecurity "restricted:latest": host namespaces (hostNetwork=true)'
    catches_up = threading.Timer(0.2, server.answers.update, [{_PODS: (403, {"message": message})}])
    catches_up.start()
    kube.enforce("n", "restricted")
    assert server.answers[_PODS][0] == 403
    assert all("dryRun=All" in query for query in server.queries[1:])
    catches_up.join()


def test_a_level_that_other_rules_hide_is_not_waited_for_without_end(
    kube: Kube, server: AnswersServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkit.adapters.kube.namespaces._ENFORCED_SECONDS", 0.1)
    server.answers |= {"/api/v1/namespaces/n": (200, {}), _PODS: (403, {"message": "exceeded quota"})}
    assert kube.enforce("n", "restricted") == ()


def test_an_api_server_that_goes_away_in_the_middle_is_told_as_one_that_does_not_answer(
    kube: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks_off(*_: object, **__: object) -> None:
        raise httpx2.RemoteProtocolError("Server disconnected without sending a response.")

    monkeypatch.setattr(kube._client, "get", breaks_off)
    with pytest.raises(LabFailed, match="Looking at ServiceAccount default: the cluster does not answer") as failed:
        kube._find(ServiceAccount, "default", "n")
    assert "labkit up" in failed.value.remedy
