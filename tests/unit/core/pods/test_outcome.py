"""What became of a pod: judged early, by its cause, whatever else the status holds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.causes import Cause
from labkit.core.pods.outcome import Outcome, UnexpectedOutcome, judge, judge_admission, pod_summary, split_violations

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


def test_pod_security_names_its_controls() -> None:
    message = (
        'pods "p" is forbidden: violates PodSecurity "restricted:latest": '
        'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), '
        'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"])'
    )
    outcome = judge_admission(403, message, "p", "ns")
    assert outcome.verdict == "not admitted"
    assert [violation.split(" (")[0] for violation in outcome.expect("pod-security").violations] == [
        "allowPrivilegeEscalation != false",
        "unrestricted capabilities",
    ]
    assert judge_admission(403, "exceeded quota").cause is None
    assert judge_admission(422, message).cause is None


@given(st.lists(st.from_regex(r"[a-z ]+\([a-z, ]*\)", fullmatch=True).map(str.strip), max_size=4))
def test_violations_are_split_outside_of_parentheses(parts: list[str]) -> None:
    assert split_violations(", ".join(parts)) == parts


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
