"""From an errno to a control: the kernel's rules, and no guesses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.threat.judge import Control, ProbeAnswer, ProbeFacts, Verdict, has_capability, judge

_ROOT: ProbeFacts = {"uid": 0, "cap_effective": "00000000a80425fb", "user_namespace": False}
_APP: ProbeFacts = {"uid": 1654, "cap_effective": "0000000000000000", "user_namespace": False}
_ROOT_APART: ProbeFacts = {**_ROOT, "user_namespace": True}


@pytest.mark.parametrize(
    ("answer", "facts", "verdict", "control"),
    [
        ({"done": True}, _APP, "could", None),
        ({"errno": "EROFS"}, _ROOT, "could not", "read-only"),
        ({"errno": "EACCES"}, _APP, "could not", "DAC"),
        ({"errno": "EACCES"}, _ROOT, "unknown", None),
        ({"errno": "EACCES"}, _ROOT_APART, "could not", "namespace"),
        ({"errno": "EPERM", "needs": "CAP_CHOWN"}, _APP, "could not", "capability"),
        ({"errno": "EACCES", "needs": "CAP_NET_BIND_SERVICE"}, _APP, "could not", "capability"),
        ({"errno": "EPERM", "needs": "CAP_CHOWN"}, _ROOT, "unknown", None),
        ({"errno": "EPERM", "needs": "CAP_MKNOD"}, _ROOT_APART, "could not", "namespace"),
        ({"errno": "EPERM", "filtered": True, "needs": "CAP_SYS_ADMIN"}, _APP, "could not", "seccomp"),
        ({"errno": "EPERM", "filtered": False, "needs": "CAP_SYS_ADMIN"}, _APP, "could not", "capability"),
        ({"errno": "EPERM"}, _APP, "unknown", None),
        ({"errno": "ENOSPC", "call": "clone(CLONE_NEWUSER)"}, _APP, "could not", "namespace"),
        ({"absent": "dpkg"}, _APP, "could not", "absent"),
        ({"hidden": "/dev/sda"}, _APP, "could not", "namespace"),
        ({"control": "no_new_privs"}, _APP, "could not", "no_new_privs"),
        ({"control": "good luck"}, _APP, "unknown", None),
        ({"control": ["DAC"]}, _APP, "unknown", None),
        ({"errno": {"EPERM": 1}, "needs": []}, {}, "unknown", None),
        ({"unknown": "it hung"}, _APP, "unknown", None),
        ({}, _APP, "unknown", None),
    ],
)
def test_each_answer_has_its_verdict(answer: ProbeAnswer, facts: ProbeFacts, verdict: str, control: str | None) -> None:
    judgement = judge(answer, facts)
    assert (str(judgement.verdict), str(judgement.control) if judgement.control else None) == (verdict, control)
    assert judgement.reason


_ANSWERS = st.dictionaries(
    st.sampled_from(["done", "errno", "absent", "hidden", "control", "unknown", "needs", "filtered", "said", "call"]),
    st.one_of(
        st.booleans(), st.none(), st.integers(), st.sampled_from(["EPERM", "EACCES", "EROFS", "CAP_KILL", "DAC"])
    ),
)
_FACTS = st.dictionaries(st.sampled_from(["uid", "cap_effective", "user_namespace"]), st.text() | st.booleans())


@given(_ANSWERS, _FACTS)
def test_nothing_is_guessed(answer: ProbeAnswer, facts: ProbeFacts) -> None:
    """A control is named exactly where the verdict is could not, and nothing could that did not say so."""
    judgement = judge(answer, facts)
    assert (judgement.control is not None) is (judgement.verdict is Verdict.COULD_NOT)
    assert judgement.verdict is not Verdict.COULD or answer.get("done") is True
    assert judgement.reason


@pytest.mark.parametrize(
    ("mask", "name", "has"),
    [
        ("00000000a80425fb", "CAP_KILL", True),
        ("00000000a80425fb", "CAP_SYS_ADMIN", False),
        ("000001ffffffffff", "CAP_SYS_ADMIN", True),
        ("nonsense", "CAP_KILL", False),
        ("ffffffffffffffff", "CAP_OF_MY_OWN", False),
    ],
)
def test_a_mask_is_read(mask: str, name: str, has: bool) -> None:
    assert has_capability({"cap_effective": mask}, name) is has


def test_every_control_has_a_meaning() -> None:
    assert all(control.meaning for control in Control)
