"""What the API server and admission refuse: who, why, and in whose words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.causes import Cause
from labkit.core.pods.outcome import Outcome, judge_admission, split_violations, violated_level
from labkit.core.refuser import Refuser


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
    assert judge_admission(422, message).cause is Cause.INVALID_MANIFEST


def test_the_kubelets_sentence_leaves_its_own_long_name_of_the_pod_out() -> None:
    message = 'container has runAsNonRoot (pod: "a_ns(98003d61-1)", container: app), and more'
    assert Outcome("a", "ns", "refused", message=message).sentence == "container has runAsNonRoot, and more"
    assert Outcome("a", "ns", "running").sentence == ""


def test_a_struct_that_the_api_server_writes_out_does_not_hide_the_point() -> None:
    message = (
        'Pod "p" is invalid: spec.containers[0].securityContext: Invalid value: {"Capabilities":{"Add":null},'
        '"Privileged":true,"AllowPrivilegeEscalation":false}: cannot set `allowPrivilegeEscalation` to false'
    )
    outcome = judge_admission(422, message, "p", "ns")
    assert outcome.message == message
    assert outcome.sentence.endswith("Invalid value: {…}: cannot set `allowPrivilegeEscalation` to false")
    assert "Privileged" not in outcome.headline


@given(st.lists(st.from_regex(r"[a-z ]+\([a-z, ]*\)", fullmatch=True).map(str.strip), max_size=4))
def test_violations_are_split_outside_of_parentheses(parts: list[str]) -> None:
    assert split_violations(", ".join(parts)) == parts


_UNKNOWN = 'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.x"'
_OUT_OF_RANGE = 'Pod "p" is invalid: spec.securityContext.runAsUser: Invalid value: 99999999999: must be between 0 and'
_NO_SCHEMA = (
    "failed to create typed patch object (/web; apps/v1, Kind=Deployment): .spec.x: field not declared in schema"
)
_NOES = [
    (400, _UNKNOWN, Refuser.API_SERVER, Cause.INVALID_MANIFEST),
    (422, _OUT_OF_RANGE, Refuser.API_SERVER, Cause.INVALID_MANIFEST),
    (500, _NO_SCHEMA, Refuser.API_SERVER, Cause.INVALID_MANIFEST),
    (403, 'pods "p" is forbidden: error looking up service account ns/x: not found', Refuser.ADMISSION, None),
    (403, 'pods is forbidden: User "u" cannot create resource "pods" in API group ""', Refuser.API_SERVER, None),
    (422, "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no", Refuser.ADMISSION, None),
    (400, 'admission webhook "w" denied the request: no', Refuser.ADMISSION, None),
    (
        403,
        "pods \"p\" is forbidden: ValidatingAdmissionPolicy 'a' with binding 'b' denied request: no such label here",
        Refuser.ADMISSION,
        None,
    ),
    (
        500,
        'Internal error occurred: failed calling webhook "w.example.org": failed to call webhook',
        Refuser.ADMISSION,
        None,
    ),
    (
        403,
        'pods "p" is forbidden: maximum memory usage per Container is 10Mi, but limit is 50Mi',
        Refuser.ADMISSION,
        None,
    ),
    (403, 'pods "p" is forbidden: no PriorityClass with name nope was found', Refuser.ADMISSION, None),
    (403, 'pods "p" is forbidden: pod rejected: RuntimeClass "nope" not found', Refuser.ADMISSION, None),
    (409, 'pods "p" already exists', Refuser.API_SERVER, None),
]


@pytest.mark.parametrize(("status", "message", "refuser", "cause"), _NOES)
def test_who_did_not_let_it_in(status: int, message: str, refuser: Refuser, cause: Cause | None) -> None:
    outcome = judge_admission(status, message, "p", "ns")
    assert (outcome.verdict, outcome.refuser, outcome.cause) == ("not admitted", refuser, cause)
    assert outcome.headline.startswith(f"{refuser.subject} refuses: ")
    assert str(outcome).splitlines()[0] == outcome.headline
    assert message.endswith(outcome.headline.partition("refuses: ")[2])


def test_the_api_servers_words_begin_with_the_point() -> None:
    assert judge_admission(400, _UNKNOWN).headline == 'the API server refuses: unknown field "spec.x"'
    assert judge_admission(422, _OUT_OF_RANGE).headline.startswith("the API server refuses: spec.securityContext.runAs")


def test_pod_security_is_admission_and_its_controls_come_first() -> None:
    message = (
        'pods "p" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true), b (c, d)'
    )
    outcome = judge_admission(403, message)
    assert outcome.refuser is Refuser.ADMISSION
    assert outcome.headline == "admission refuses: host namespaces, b"
    assert violated_level(message) == "baseline"
    assert violated_level("exceeded quota") == ""


def test_warnings_are_shown_and_refuse_nothing() -> None:
    outcome = Outcome("p", "ns", "running", warnings=("would violate it",))
    assert ("warning", "would violate it") in outcome.rows()
    assert outcome.expect_running().headline == "running"
    assert outcome.to_dict()["warnings"] == ("would violate it",)


def test_each_refuser_begins_a_sentence() -> None:
    assert len({refuser.subject for refuser in Refuser}) == len(Refuser) == 5


@pytest.mark.parametrize(
    "message",
    [
        'pods "a" is forbidden: exceeded quota: lessons, requested: pods=1, used: pods=16, limited: pods=16',
        'pods "a" is forbidden: failed quota: lessons: must specify limits.memory for: app',
    ],
)
def test_a_full_quota_is_a_cause_of_its_own(message: str) -> None:
    outcome = judge_admission(403, message, "a", "shop")
    assert (outcome.cause, outcome.refuser, outcome.violations) == (Cause.QUOTA, Refuser.ADMISSION, ())
    assert "quota" in outcome.headline
    assert judge_admission(500, message).cause is None
