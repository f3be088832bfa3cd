"""The comparison itself: it sees every difference, and makes a disagreement small."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from labkit.core.causes import Cause
from labkit.core.identity.model import Versions
from labkit.core.pods.api_objects import EventObject
from tests.parity import prove
from tests.parity.api_cases import OBJECTS
from tests.parity.api_prove import ApiSeen, predict, read_status
from tests.parity.cases import WORLDS, Case, collect, in_pod
from tests.parity.compare import Disagreement, differences, shrink
from tests.parity.observe import Observer, Seen, decided, no_sandbox, without_status

CASE: Case = {
    "image": {"user": "app", "passwd": "root:x:0:0::/root:\napp:x:5:6::/home/app:\n", "group": "g:x:7:app\nh:x:8:\n"},
    "pod": {"securityContext": {"fsGroup": 9}},
    "container": {"securityContext": {"runAsGroup": 3}},
}
SEEN = Seen(5, 3, (3, 7, 9), "/home/app")


def test_what_agrees_has_no_differences() -> None:
    assert differences(CASE, SEEN) == ()


@pytest.mark.parametrize(
    ("field", "other"),
    [("uid", 6), ("gid", 4), ("groups", (3, 9)), ("home", "/"), ("cause", Cause.TIMEOUT)],
)
def test_every_field_counts(field: str, other: Any) -> None:
    changed = replace(SEEN, **{field: other})
    assert len(differences(CASE, changed)) == 1


def test_the_message_of_a_refusal_counts() -> None:
    refused = {**CASE, "pod": {"securityContext": {"runAsNonRoot": True}}, "container": {"securityContext": {}}}
    message = "Error: container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root"
    assert differences(refused, Seen(cause=Cause.IMAGE_USER_NOT_NUMERIC, message=message + " (pod: ...)")) == ()
    assert differences(refused, Seen(cause=Cause.IMAGE_USER_NOT_NUMERIC, message="for some reason"))


def test_a_disagreement_is_made_small() -> None:
    def differs(case: Case, _: float) -> bool:
        return "g:x:7:app" in (case["image"]["group"] or "")

    small = shrink(CASE, differs, 60)
    assert small == {
        "image": {"user": "", "passwd": None, "group": "g:x:7:app"},
        "pod": {"securityContext": {}},
        "container": {"securityContext": {}},
    }


def test_what_does_not_differ_stays_as_it_is() -> None:
    assert shrink(CASE, lambda *_: False, 60) == CASE


def test_making_small_ends_in_time() -> None:
    def differs(_: Case, left: float) -> bool:
        time.sleep(min(left, 0.02))
        return True

    started = time.monotonic()
    assert shrink(CASE, differs, 0.05) != CASE
    assert time.monotonic() - started < 1
    assert shrink(CASE, lambda *_: True, 0) == CASE


class _Again:
    """An observer that sees what it is told."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def observe(self, cases: list[Case], seconds: float = 60) -> list[Seen]:
        return [self._seen for _ in cases]


def test_a_disagreement_that_is_not_seen_again_still_counts() -> None:
    disagreements = [Disagreement(CASE, ("uid: predicted 5, seen 6",))]
    observer: Any = _Again(SEEN)
    (told,) = prove.looked_at_again(observer, disagreements, Versions(), 60)
    assert told.fields == ("uid: predicted 5, seen 6", "seen once, not again")
    assert prove.tell(told).splitlines()[-1] == json.dumps({"id": "disagreement", **CASE})


def test_a_disagreement_that_is_seen_again_is_told_as_found_and_small() -> None:
    disagreements = [Disagreement(CASE, ("uid: predicted 5, seen 6",))]
    observer: Any = _Again(replace(SEEN, uid=6))
    (told,) = prove.looked_at_again(observer, disagreements, Versions(), 60)
    assert (told.case, told.fields) == (CASE, ("uid: predicted 5, seen 6",))
    assert told.small is not None and told.small["image"]["passwd"] is None


@pytest.mark.parametrize(
    "message",
    [
        'failed to reserve container name "c0_parity-1_1a_0": name "c0_parity-1_1a_0" is reserved for "5"',
        'Container image "localhost/labkit/parity:1e12" is not present with pull policy of Never',
        "context deadline exceeded",
        "",
    ],
)
def test_what_the_kubelet_tries_again_is_not_decided(message: str) -> None:
    assert decided({"waiting": {"reason": "CreateContainerError", "message": message}}) is None
    assert without_status([{"reason": "Failed", "message": f"Error: {message}"}], "") is None


# As the lab's kubelet gave them for a group file with `svc:x:4294967295:1337`.
_NO_GROUPS = (
    "Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create "
    "failed: unable to start container process: error during container init: unable to setup user: setgroups: "
    "invalid argument"
)
_EVENTS: list[EventObject] = [
    {"reason": "Scheduled", "message": "Successfully assigned parity-b53166/one to labkit-control-plane"},
    {"reason": "Created", "message": "Container created"},
    {"reason": "Failed", "message": _NO_GROUPS},
]


def test_a_pod_whose_status_is_never_written_is_read_from_events_and_log() -> None:
    assert decided({"waiting": {"reason": "ContainerCreating"}}) is None
    assert without_status(_EVENTS[:2], "") is None
    assert without_status(_EVENTS, "") == Seen(cause=Cause.BAD_USER_SPEC, message=_NO_GROUPS)
    ran = Seen(444, 7, (7, 2147483648), "/root")
    assert without_status(_EVENTS[:2], "444|7|7 2147483648|/root|") == ran
    assert without_status(_EVENTS[:2], "444|7|7 21474") is None


def test_a_sandbox_that_is_refused_shows_in_events() -> None:
    message = 'Failed to create pod sandbox: rpc error: user group "7" is specified without user'
    later: EventObject = {
        "reason": "FailedCreatePodSandBox",
        "message": "Failed to create pod sandbox: context deadline exceeded",
    }
    assert no_sandbox([later]) is None
    assert no_sandbox([later, {**later, "message": message}]) == Seen(cause=Cause.BAD_USER_SPEC, message=message)


@pytest.mark.parametrize(
    ("printed", "seen"),
    [
        (["", "7|8|8 |/|"], Seen(7, 8, (8,), "/")),
        (["", "", "", "7|8|8 |/|"], Seen(message="unreadable, exit status 1: ''")),
    ],
    ids=["heard the second time", "silent each time"],
)
def test_a_container_whose_output_the_engine_lost_is_run_again_but_not_for_ever(printed: list[str], seen: Seen) -> None:
    left = iter(printed)
    engine: Any = SimpleNamespace(
        run=lambda *_, **__: SimpleNamespace(cause=None, message=None, exit_status=1, stdout=next(left))
    )
    images: Any = SimpleNamespace(ensure=lambda _: None, reference=lambda _: "image")
    kube: Any = None
    assert Observer(engine, kube, "parity", images).observe([{"docker": {"user": None, "group_add": []}}]) == [seen]


def test_a_seed_gives_the_same_cases_again() -> None:
    worlds = collect(WORLDS, 3, 11)
    assert collect(WORLDS, 3, 11) == worlds
    assert collect(in_pod(worlds), 20, 12) == collect(in_pod(worlds), 20, 12)


# --- the API server ---

_POD: Case = {
    "level": "restricted",
    "object": {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "a", "image": "x"}]}},
}


def _status(message: str, *causes: tuple[str, str]) -> dict[str, Any]:
    return {"message": message, "details": {"causes": [{"field": field, "message": text} for field, text in causes]}}


@pytest.mark.parametrize(
    ("code", "status", "cause", "messages"),
    [
        (
            403,
            _status('pods "p" is forbidden: violates PodSecurity "restricted:latest": privileged (x)'),
            Cause.POD_SECURITY,
            ('violates PodSecurity "restricted:latest": privileged (x)',),
        ),
        (
            400,
            _status('Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "x"'),
            Cause.INVALID_MANIFEST,
            ('strict decoding error: unknown field "x"',),
        ),
        (
            422,
            _status("Pod is invalid", ("b", "Required value"), ("a", 'Invalid value: {"Capabilities":null}: no')),
            Cause.INVALID_MANIFEST,
            ("a: Invalid value: {...}: no", "b: Required value"),
        ),
        (500, _status("out of order"), Cause.INVALID_MANIFEST, ("out of order",)),
    ],
)
def test_the_api_server_s_no_is_read(
    code: int, status: dict[str, Any], cause: Cause, messages: tuple[str, ...]
) -> None:
    assert read_status(code, status) == ApiSeen(cause, messages)


def test_every_word_of_the_api_server_counts() -> None:
    predicted = predict(_POD, (1, 37))
    assert predicted.cause is Cause.POD_SECURITY
    (message,) = predicted.messages
    assert read_status(403, _status(f'pods "p" is forbidden: {message}')) == predicted
    assert read_status(403, _status(f'pods "p" is forbidden: {message.replace("drop", "add")}')) != predicted
    assert predict({**_POD, "level": "privileged"}, (1, 37)) == ApiSeen(None)


def test_objects_of_each_verdict_are_generated() -> None:
    causes = {predict(case, (1, 37)).cause for case in collect(OBJECTS, 40, 5)}
    assert causes == {None, Cause.INVALID_MANIFEST, Cause.POD_SECURITY}
