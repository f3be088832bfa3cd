"""What became of a pod: judged early, by its cause, whatever else the status holds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.causes import Cause
from labkit.core.pods.outcome import Outcome, UnexpectedOutcome
from labkit.core.pods.verdicts import BEING_DELETED, is_half_ended, judge, lacks_volume, pod_summary
from labkit.core.refuser import Refuser

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
_FIELDS = ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"]
_statuses = st.dictionaries(st.sampled_from([*_FIELDS, "phase", "message"]), _json)
_REFUSAL = 'container has runAsNonRoot and image will run as root (pod: "p_ns(1)", container: a)'


def _waiting(reason: str, message: str) -> dict[str, Any]:
    return {"name": "a", "state": {"waiting": {"reason": reason, "message": message}}}


@given(_json, _statuses | _json)
def test_no_pod_is_too_strange(metadata: Any, status: Any) -> None:
    pod = {"metadata": metadata, "status": status}
    assert isinstance(judge(pod), Outcome)
    assert len(pod_summary(pod)) == 3


@pytest.mark.parametrize("field", _FIELDS)
def test_a_refusal_is_found_in_every_kind_of_container(field: str) -> None:
    running = {"name": "b", "state": {"running": {}}}
    status = {"phase": "Pending", field: [running, _waiting("CreateContainerConfigError", _REFUSAL)]}
    outcome = judge({"status": status})
    assert (outcome.verdict, outcome.cause, outcome.container) == ("refused", Cause.IMAGE_RUNS_AS_ROOT, "a")


def test_the_words_alone_are_no_refusal() -> None:
    """A container that prints the kubelet's sentence was not refused by the kubelet."""
    ended = {"name": "a", "state": {"terminated": {"exitCode": 1, "reason": "Error", "message": _REFUSAL}}}
    outcome = judge({"status": {"phase": "Failed", "containerStatuses": [ended]}})
    assert (outcome.verdict, outcome.cause) == ("failed", None)


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing"])
def test_what_may_still_come_is_pending(reason: str) -> None:
    status = {"phase": "Pending", "containerStatuses": [_waiting(reason, "")]}
    assert judge({"status": status}).verdict == "pending"
    timed_out = judge({"status": status}, timed_out=True)
    assert (timed_out.cause, timed_out.message) == (Cause.TIMEOUT, reason)


@pytest.mark.parametrize("other", [cause for cause in Cause if cause is not Cause.IMAGE_RUNS_AS_ROOT])
def test_expecting_another_cause_fails_and_shows_what_was_seen(other: Cause) -> None:
    status = {"containerStatuses": [_waiting("CreateContainerConfigError", _REFUSAL)]}
    outcome = judge({"metadata": {"name": "p"}, "status": status})
    assert outcome.expect("image-runs-as-root") is outcome
    with pytest.raises(UnexpectedOutcome, match="image will run as root"):
        outcome.expect(other)
    with pytest.raises(UnexpectedOutcome):
        outcome.expect_running()


def test_only_warnings_are_told_and_each_once() -> None:
    warning = {"type": "Warning", "reason": "Failed", "message": "Error: no"}
    events = [{"type": "Normal", "reason": "Pulled", "message": "ok"}, warning, warning]
    status = {"containerStatuses": [_waiting("CreateContainerConfigError", _REFUSAL)]}
    assert [event.message for event in judge({"status": status}, events).events] == ["Error: no"]


def test_a_sandbox_that_is_not_made_is_a_refusal() -> None:
    pod = {"metadata": {"name": "a"}, "status": {"phase": "Pending"}}
    message = 'failed to generate user string: user group "7" is specified without user'
    event = {"type": "Warning", "reason": "FailedCreatePodSandBox", "message": message}
    assert judge(pod, [event]).expect("bad-user-spec").verdict == "refused"
    transient = {**event, "message": "network is not ready"}
    assert judge(pod, [transient]).verdict == "pending"


def test_a_container_whose_status_the_api_server_does_not_take_is_read_from_its_events() -> None:
    pod = {
        "metadata": {"name": "a"},
        "status": {"phase": "Pending", "containerStatuses": [_waiting("ContainerCreating", "")]},
    }
    event = {
        "type": "Warning",
        "reason": "Failed",
        "message": "Error: failed to create containerd task: unable to start init: setgroups: invalid argument",
        "involvedObject": {"fieldPath": "spec.containers{main}"},
    }
    outcome = judge(pod, [event]).expect("bad-user-spec")
    assert (outcome.verdict, outcome.container) == ("refused", "main")
    assert judge(pod, [{**event, "reason": "Pulled"}]).verdict == "pending"
    assert judge(pod, [{**event, "message": "Error: context deadline exceeded"}]).verdict == "pending"
    assert judge(pod, [{**event, "message": f"Error: {_REFUSAL}"}]).expect("image-runs-as-root")


def _running(name: str) -> dict[str, Any]:
    return {"name": name, "state": {"running": {}}}


def _ended(name: str, status: int, reason: str = "Completed") -> dict[str, Any]:
    return {"name": name, "state": {"terminated": {"exitCode": status, "reason": reason}}}


def _pod(phase: str, *, main: Any, init: Any = (), ephemeral: Any = (), sidecars: str = "") -> Any:
    """A pod with the containers that the statuses name; `sidecars` are those init containers that are restarted."""
    first = [
        {"name": status["name"], **({"restartPolicy": "Always"} if status["name"] in sidecars.split() else {})}
        for status in init
    ]
    return {
        "metadata": {"name": "p"},
        "spec": {"initContainers": first, "containers": [{"name": status["name"]} for status in main]},
        "status": {
            "phase": phase,
            "initContainerStatuses": list(init),
            "containerStatuses": main,
            "ephemeralContainerStatuses": list(ephemeral),
        },
    }


def test_a_pod_runs_when_all_containers_and_sidecars_do() -> None:
    pod = _pod(
        "Running", init=[_ended("first", 0), _running("proxy")], main=[_running("a"), _running("b")], sidecars="proxy"
    )
    assert judge(pod).verdict == "running"


@pytest.mark.parametrize(
    ("uids", "runs_as"),
    [
        ((1654,), "uid 1654"),
        ((7, 7), "uid 7"),
        ((0, 7), "c0: uid 0, c1: uid 7"),
        ((None,), ""),
        ((7, None), "c0: uid 7"),
    ],
)
def test_a_running_pod_says_as_whom(uids: tuple[int | None, ...], runs_as: str) -> None:
    statuses = [
        {**_running(f"c{number}"), **({"user": {"linux": {"uid": uid, "gid": 0}}} if uid is not None else {})}
        for number, uid in enumerate(uids)
    ]
    assert judge(_pod("Running", main=statuses)).runs_as == runs_as


@pytest.mark.parametrize(
    ("pod", "container"),
    [
        (_pod("Running", main=[_running("a"), _ended("b", 0)]), "b"),
        (_pod("Running", main=[_running("a"), _waiting("ContainerCreating", "") | {"name": "b"}]), "b"),
        (_pod("Running", init=[_ended("proxy", 1)], main=[_running("a")], sidecars="proxy"), None),
    ],
    ids=["one has ended", "one is still created", "the sidecar is not there"],
)
def test_a_pod_of_which_a_part_does_not_run_is_pending(pod: Any, container: str | None) -> None:
    outcome = judge(pod)
    assert (outcome.verdict, outcome.container) == ("pending", container)


def test_a_container_that_is_not_in_the_status_yet_does_not_run() -> None:
    pod = _pod("Running", main=[_running("a"), _running("b")])
    del pod["status"]["containerStatuses"][1]
    assert judge(pod).verdict == "pending"


def test_what_a_part_ended_with_is_said_at_the_deadline() -> None:
    pod = _pod("Running", main=[_running("a"), _ended("b", 0)])
    assert is_half_ended(pod)
    assert not is_half_ended(_pod("Running", main=[_running("a"), _running("b")]))
    outcome = judge(pod, timed_out=True)
    assert (outcome.cause, outcome.container) == (Cause.TIMEOUT, "b")
    assert outcome.message == "container b has ended, with exit status 0"


def test_each_container_may_fail_the_pod_or_be_refused() -> None:
    failed = judge(_pod("Running", main=[_running("a"), _ended("b", 3, "Error")]))
    assert (failed.verdict, failed.container, failed.exit_status) == ("failed", "b", 3)
    looping = _waiting("CrashLoopBackOff", "back-off") | {"name": "proxy"}
    failed = judge(_pod("Running", init=[looping], main=[_running("a")], sidecars="proxy"))
    assert (failed.verdict, failed.container) == ("failed", "proxy")
    refused = _waiting("CreateContainerConfigError", _REFUSAL) | {"name": "debugger"}
    outcome = judge(_pod("Running", main=[_running("a")], ephemeral=[refused]))
    assert (outcome.verdict, outcome.container) == ("refused", "debugger")


def test_a_debug_container_may_end_as_it_likes() -> None:
    assert judge(_pod("Running", main=[_running("a")], ephemeral=[_ended("shell", 127, "Error")])).verdict == "running"


def test_a_sidecar_that_is_stopped_at_the_end_does_not_fail_the_pod() -> None:
    pod = _pod("Succeeded", init=[_ended("proxy", 143, "Error")], main=[_ended("a", 0)], sidecars="proxy")
    assert judge(pod).verdict == "succeeded"


@pytest.mark.parametrize(("phase", "status"), [("Running", {"running": {}}), ("Pending", {"waiting": {}})])
def test_a_pod_that_is_being_deleted_does_not_run(phase: str, status: Any) -> None:
    pod = _pod(phase, main=[{"name": "a", "state": status}])
    pod["metadata"]["deletionTimestamp"] = "2026-11-27T07:00:00Z"
    outcome = judge(pod)
    assert (outcome.verdict, outcome.cause, outcome.message) == ("failed", None, BEING_DELETED)
    assert pod_summary(pod)[1] == "Terminating"


def test_a_refusal_stays_one_while_the_pod_is_being_deleted() -> None:
    pod = _pod("Pending", main=[_waiting("CreateContainerConfigError", _REFUSAL)])
    pod["metadata"]["deletionTimestamp"] = "2026-11-27T07:00:00Z"
    assert judge(pod).expect("image-runs-as-root").verdict == "refused"


def test_events_that_have_expired_change_no_verdict() -> None:
    refused = _pod("Pending", main=[_waiting("CreateContainerConfigError", _REFUSAL)])
    event = {"type": "Warning", "reason": "Failed", "message": f"Error: {_REFUSAL}"}
    with_event, without = judge(refused, [event]), judge(refused)
    assert (with_event.verdict, with_event.cause) == (without.verdict, without.cause)
    assert without.message == _REFUSAL
    assert judge(_pod("Running", main=[_running("a")]), [event]).verdict == "running"


def test_the_last_warning_is_said_where_the_status_says_nothing() -> None:
    pod = _pod("Pending", main=[_waiting("ContainerCreating", "")])
    mount = {"type": "Warning", "reason": "FailedMount", "message": 'secret "nope" not found'}
    assert judge(pod, [mount]).verdict == "pending"
    assert judge(pod, [mount], timed_out=True).message == 'FailedMount: secret "nope" not found'


@pytest.mark.parametrize(("count", "lacks"), [(None, False), (1, False), (3, False), (4, True), (20, True)])
def test_a_mount_that_fails_again_and_again_will_not_come(count: int | None, lacks: bool) -> None:
    assert lacks_volume([{"reason": "FailedMount", "count": count}]) is lacks
    assert not lacks_volume([{"reason": "Pulled", "count": count}])


_REFUSERS = [
    ("CreateContainerConfigError", _REFUSAL, Refuser.KUBELET, Cause.IMAGE_RUNS_AS_ROOT),
    ("CreateContainerConfigError", 'secret "nope" not found', Refuser.KUBELET, None),
    ("ErrImageNeverPull", "Container image is not present", Refuser.KUBELET, Cause.IMAGE_MISSING),
    ("InvalidImageName", "couldn't parse image name", Refuser.KUBELET, Cause.IMAGE_MISSING),
    ("ErrImagePull", "failed to pull and unpack image", Refuser.RUNTIME, Cause.IMAGE_MISSING),
    (
        "CreateContainerError",
        "unable to find user x: no matching entries in passwd file",
        Refuser.RUNTIME,
        Cause.UNKNOWN_USER,
    ),
    ("RunContainerError", 'exec: "x": executable file not found in $PATH', Refuser.RUNTIME, Cause.COMMAND_NOT_FOUND),
]


@pytest.mark.parametrize(("reason", "message", "refuser", "cause"), _REFUSERS)
def test_who_refused_is_told(reason: str, message: str, refuser: Refuser, cause: Cause | None) -> None:
    outcome = judge(_pod("Pending", main=[_waiting(reason, message)]))
    assert (outcome.verdict, outcome.refuser, outcome.cause) == ("refused", refuser, cause)
    why = cause.meaning if cause else message
    assert str(outcome).splitlines()[0] == f"{refuser.subject} refuses: {why}"
    assert outcome.to_dict()["refuser"] == refuser


def test_a_pod_that_the_kubelet_does_not_take_onto_its_node_is_refused_by_it() -> None:
    status = {"phase": "Failed", "reason": "SysctlForbidden", "message": "forbidden sysctl: net.core.somaxconn"}
    outcome = judge({"metadata": {"name": "p"}, "status": status})
    assert (outcome.verdict, outcome.refuser) == ("refused", Refuser.KUBELET)
    evicted = judge({"status": {"phase": "Failed", "reason": "Evicted", "message": "the node was low on memory"}})
    assert (evicted.verdict, evicted.refuser) == ("failed", None)


def test_nobody_refused_what_ran_or_failed() -> None:
    for pod in (_pod("Running", main=[_running("a")]), _pod("Failed", main=[_ended("a", 1, "Error")])):
        outcome = judge(pod)
        assert outcome.refuser is None
        assert outcome.headline == outcome.verdict
        assert str(outcome).startswith("pod ")


def test_who_ended_the_pod_as_a_whole_says_more_than_its_container() -> None:
    pod = _pod("Failed", main=[_ended("a", 137, "Error")])
    pod["status"] |= {"reason": "Evicted", "message": "Pod ephemeral local storage usage exceeds the total limit"}
    outcome = judge(pod)
    assert (outcome.verdict, outcome.container, outcome.exit_status) == ("failed", "a", 137)
    assert outcome.message == pod["status"]["message"]
    killed = judge(_pod("Failed", main=[_ended("a", 137, "OOMKilled")]))
    assert (killed.verdict, killed.message) == ("failed", "OOMKilled")
    assert judge(_pod("Failed", main=[_ended("a", 1, "Error")])).message is None


def test_an_init_container_that_goes_on_is_said_to_keep_the_others_waiting() -> None:
    waits = _waiting("PodInitializing", "")
    outcome = judge(_pod("Pending", init=[_ended("first", 0), _running("web")], main=[waits]), timed_out=True)
    assert (outcome.verdict, outcome.cause, outcome.container) == ("pending", Cause.TIMEOUT, "web")
    assert outcome.message == "init container web is running, and the others wait until its program ends by itself"
    # A sidecar keeps nobody waiting.
    outcome = judge(_pod("Pending", init=[_running("web")], main=[waits], sidecars="web"), timed_out=True)
    assert outcome.message == "PodInitializing"
