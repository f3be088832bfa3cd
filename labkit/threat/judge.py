"""From what a probe saw to a verdict and the control behind it: the kernel's own rules, and no guesses."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict


class Verdict(StrEnum):
    """How a probe ended."""

    COULD = "could"
    COULD_NOT = "could not"
    UNKNOWN = "unknown"


class Control(StrEnum):
    """What stopped a probe."""

    DAC = "DAC"
    CAPABILITY = "capability"
    SECCOMP = "seccomp"
    NO_NEW_PRIVS = "no_new_privs"
    READ_ONLY = "read-only"
    NAMESPACE = "namespace"
    ADMISSION = "admission"
    REFUSAL = "refusal"
    ABSENT = "absent"

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]

    @classmethod
    def _missing_(cls, value: object) -> Control | None:
        """What worksheets of before 2026-11-27 call otherwise."""
        return cls.ABSENT if value == "absent tool" else None


_MEANINGS = {
    Control.DAC: "the owner and mode of the file do not let this uid (discretionary access control)",
    Control.CAPABILITY: "the kernel asks for a capability that the process does not hold",
    Control.SECCOMP: "the container's system call filter does not let the call through to the kernel",
    Control.NO_NEW_PRIVS: "no_new_privs keeps a setuid program from changing who runs it",
    Control.READ_ONLY: "the file system is mounted read-only",
    Control.NAMESPACE: "it is not there in the container's own view, or belongs to another user namespace",
    Control.ADMISSION: "the API server did not let such a pod in",
    Control.REFUSAL: "the kubelet refused to start the container",
    Control.ABSENT: "there is nothing in the container to do it with, or to do it to",
}

# include/uapi/linux/capability.h
_CAPABILITIES = {
    "CAP_CHOWN": 0,
    "CAP_DAC_OVERRIDE": 1,
    "CAP_KILL": 5,
    "CAP_SETUID": 7,
    "CAP_NET_BIND_SERVICE": 10,
    "CAP_NET_RAW": 13,
    "CAP_SYS_MODULE": 16,
    "CAP_SYS_CHROOT": 18,
    "CAP_SYS_ADMIN": 21,
    "CAP_MKNOD": 27,
    "CAP_SYSLOG": 34,
}


# Its keys are the program's, and one of them is not a name that this kit would give.
ProbeAnswer = TypedDict(  # noqa: UP013
    "ProbeAnswer",
    {
        "probe": str,
        "call": str,
        "done": bool,
        "errno": str,
        "said": str,
        "needs": str,
        "filtered": bool,
        "absent": str,
        "hidden": str,
        "control": str,
        "unknown": str,
    },
    total=False,
)
"""What the probe program reports of one attempt (cluster/probe/answer.go)."""


class ProbeFacts(TypedDict, total=False):
    """Who ran the probes, and under which of the kernel's controls (cluster/probe/facts.go)."""

    uid: int
    gid: int
    groups: list[int]
    cap_effective: str
    cap_permitted: str
    cap_bounding: str
    no_new_privs: bool
    seccomp: int
    uid_map: str
    user_namespace: bool
    kernel: str


@dataclass(frozen=True)
class Judgement:
    """A verdict, the control that stopped it if one did, and the reason."""

    verdict: Verdict
    control: Control | None
    reason: str


def judge(answer: ProbeAnswer, facts: ProbeFacts) -> Judgement:
    """Judge one probe.

    The order is the kernel's own: a seccomp filter answers before the kernel does, and the mount's flags, capabilities
    and file modes come after that. An error which no rule explains is *unknown*.

    Args:
        answer: of the probe program. It comes from a container that may be hostile, and may hold anything.
        facts: who ran it, with which capabilities.
    """
    if answer.get("unknown"):
        return Judgement(Verdict.UNKNOWN, None, str(answer["unknown"]))
    if answer.get("done") is True:
        return Judgement(Verdict.COULD, None, str(answer.get("said") or "it worked"))
    return _of_control(answer) or _of_absence(answer) or _of_view(answer) or _of_errno(answer, facts)


def _of_control(answer: ProbeAnswer) -> Judgement | None:
    name = answer.get("control")
    if not isinstance(name, str) or name not in set(Control):
        return None
    control = Control(name)
    return _no(control, str(answer.get("said") or control.meaning))


def _of_absence(answer: ProbeAnswer) -> Judgement | None:
    return _no(Control.ABSENT, f"there is no {answer['absent']}") if answer.get("absent") else None


def _of_view(answer: ProbeAnswer) -> Judgement | None:
    return _no(Control.NAMESPACE, f"{answer['hidden']}: not in sight") if answer.get("hidden") else None


def _of_errno(answer: ProbeAnswer, facts: ProbeFacts) -> Judgement:
    errno, needs = str(answer.get("errno") or ""), answer.get("needs")
    if errno == "EROFS":
        return _no(Control.READ_ONLY, "EROFS")
    if errno == "EPERM" and answer.get("filtered") is True:
        return _no(Control.SECCOMP, "EPERM, before the kernel had looked at the call")
    if errno in ("EPERM", "EACCES") and needs:
        if not has_capability(facts, str(needs)):
            return _no(Control.CAPABILITY, f"{errno}: it takes {needs}")
        if facts.get("user_namespace"):
            return _no(Control.NAMESPACE, f"{errno}: {needs} counts in the container's own user namespace alone")
    elif errno == "EACCES":
        if not has_capability(facts, "CAP_DAC_OVERRIDE"):
            return _no(Control.DAC, f"EACCES for uid {facts.get('uid')}")
        if facts.get("user_namespace"):
            return _no(Control.NAMESPACE, "EACCES: the owner is of another user namespace")
    elif errno == "ENOSPC" and "CLONE_NEWUSER" in str(answer.get("call")):
        return _no(Control.NAMESPACE, "ENOSPC: user.max_user_namespaces is reached")
    return Judgement(Verdict.UNKNOWN, None, _unexplained(errno, answer))


def _unexplained(errno: str, answer: ProbeAnswer) -> str:
    if errno in ("EPERM", "EACCES"):
        return f"{errno}, for which neither capability nor mode is the reason: a security module, perhaps"
    return f"{errno}: {answer.get('said')}" if errno else "the probe gave no answer"


def _no(control: Control, reason: str) -> Judgement:
    return Judgement(Verdict.COULD_NOT, control, reason)


def has_capability(facts: ProbeFacts, name: str) -> bool:
    """Whether a capability is in the effective set of a probe's process."""
    try:
        mask = int(str(facts.get("cap_effective") or "0"), 16)
    except ValueError:
        return False
    return bool(mask >> _CAPABILITIES[name] & 1) if name in _CAPABILITIES else False
