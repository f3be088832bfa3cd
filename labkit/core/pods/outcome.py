"""What became of a pod: one verdict, its cause, and the words of whoever decided."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Literal

from labkit.core.causes import Cause
from labkit.core.refuser import Refuser

Verdict = Literal["running", "succeeded", "failed", "refused", "not admitted", "pending"]

# kubernetes/pod-security-admission:admission/admission.go
_POD_SECURITY = re.compile(r'violates PodSecurity "(?P<level>[^"]*)": (?P<violations>.*)', re.DOTALL)
# kubernetes/apiserver:pkg/admission/plugin/resourcequota/controller.go; the second is said of a pod that does not say
# what the quota counts.
_QUOTA = re.compile(r"is forbidden: (exceeded|failed) quota: ")
# Other plugins and webhooks: kubernetes/apiserver:pkg/admission/plugin/webhook/errors/statuserror.go and
# plugin/policy/validating/dispatcher.go. What the authorizer forbids (endpoints/handlers/responsewriters/errors.go)
# never comes to admission.
_OTHER_ADMISSION = re.compile(r"admission webhook|failed calling webhook|ValidatingAdmissionPolicy|denied request")
_AUTHORIZATION = re.compile(r'User "[^"]*" cannot ')
# kubernetes/apimachinery:pkg/api/errors: bad request and invalid; server-side apply gives 500 for an unknown field
# (kubernetes/apimachinery:pkg/util/managedfields/internal/structuredmerge.go).
_INVALID_STATUS = (400, 422)
# What the API server says before it comes to the point.
_PREAMBLE = re.compile(
    r'^\w+ in version "[^"]*" cannot be handled as a \w+: (strict decoding error: |json: )?|^\w+ "[^"]*" is invalid: '
)
_NOT_IN_SCHEMA = "failed to create typed patch object"
# What the kubelet adds: the pod once more, with its uid.
_OF_POD = re.compile(r"\s*\(pod: .*?\)(?=$|\s|,)", re.DOTALL)


# The API server writes out all of a Go struct before it comes to the point.
_STRUCT = re.compile(r"(?<=Invalid value: )\{\".*?\}(?=: )", re.DOTALL)


def without_pod(message: str) -> str:
    """A message without the kubelet's long name of the pod in parentheses, and without the value of a whole struct."""
    return _STRUCT.sub("{…}", _OF_POD.sub("", message))


class UnexpectedOutcome(AssertionError):
    """A pod did not end as it was expected to."""

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: the sentence is enough."""
        return [f"{type(self).__name__}: {self}"]


@dataclass(frozen=True)
class EventLine:
    """One event about a pod."""

    type: str
    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.type}  {self.reason}  {self.message}"


@dataclass(frozen=True, repr=False)
class Outcome:
    """What became of a pod.

    Args:
        pod: its name.
        namespace: where it is.
        verdict: running, succeeded, failed, refused (by the kubelet or the runtime), not admitted (by the API
            server or admission) or pending (the deadline came first).
        cause: from the closed list; None if it ran, or if the kit has no code for what happened.
        container: which container decided.
        message: in the words of who refused; below those of a field that the API server does not know stands what
            was probably meant.
        violations: the controls that Pod Security names.
        events: the events that matter.
        exit_status: of the container that ended.
        seconds: how long it was observed until this was known.
        logs: what its containers printed.
        command: what to type for the same.
        yaml: the manifest.
        refuser: who said no; None if nobody did.
        warnings: of the API server and of admission, word for word; a warning refuses nothing.
        runs_as: as whom its containers run, in a few words; empty if it does not run, or where that is not reported.
    """

    pod: str
    namespace: str
    verdict: Verdict
    cause: Cause | None = None
    container: str | None = None
    message: str | None = None
    violations: tuple[str, ...] = ()
    events: tuple[EventLine, ...] = ()
    exit_status: int | None = None
    seconds: float | None = None
    logs: str = ""
    command: str = ""
    yaml: str = ""
    refuser: Refuser | None = None
    warnings: tuple[str, ...] = ()
    runs_as: str = ""

    @property
    def who(self) -> str:
        """Who refused, as a sentence begins; empty if nobody did."""
        return self.refuser.subject if self.refuser is not None else ""

    @property
    def sentence(self) -> str:
        """In the words of who refused, without the pod that it is about; empty if nothing was said."""
        return without_pod(self.message or "")

    @property
    def headline(self) -> str:
        """The whole in one line: who refused and why, or else the verdict."""
        if self.refuser is None:
            return self.verdict
        if self.violations:
            why = ", ".join(violation.partition(" (")[0] for violation in self.violations)
        elif self.cause is not None and self.cause is not Cause.INVALID_MANIFEST:
            why = self.cause.meaning
        else:
            why = _PREAMBLE.sub("", self.sentence.partition("\n")[0])
        return f"{self.who} refuses: {why}"

    def expect(self, cause: Cause | str) -> Outcome:
        """Assert that it did not run, and for this cause; returns the outcome.

        Raises:
            UnexpectedOutcome: it ran, or failed for another reason.
        """
        wanted = Cause(cause)
        if self.cause is not wanted:
            raise UnexpectedOutcome(f"cause {wanted} was expected; seen was\n{self}")
        return self

    def expect_running(self) -> Outcome:
        """Assert that it runs, or has run to a good end; returns the outcome.

        Raises:
            UnexpectedOutcome: it did not.
        """
        if self.verdict not in ("running", "succeeded"):
            raise UnexpectedOutcome(f"a running pod was expected; seen was\n{self}")
        return self

    def to_dict(self) -> dict[str, object]:
        """As JSON-ready values."""
        return asdict(self)

    def rows(self) -> list[tuple[str, str]]:
        """What to show, most important first: a label and a text each."""
        rows = [("pod", self.pod), ("verdict", self.verdict)]
        if self.runs_as:
            rows.append(("runs as", self.runs_as))
        if self.cause is not None:
            rows.append(("cause", f"{self.cause}: {self.cause.meaning}"))
        if self.container is not None and self.verdict != "running":
            rows.append(("container", self.container))
        if self.message:
            rows.append(("in its words", self.message))
        rows += [("violates", violation) for violation in self.violations]
        rows += [("warning", warning) for warning in self.warnings]
        rows += [("event", str(event)) for event in self.events]
        if self.exit_status is not None:
            rows.append(("exit status", str(self.exit_status)))
        if self.logs:
            rows.append(("logs", self.logs))
        return rows

    def __str__(self) -> str:
        lines = [f"{label:<12}  {text}" for label, text in self.rows()]
        return "\n".join([self.headline, *lines] if self.refuser else lines)

    __repr__ = __str__


def judge_admission(status_code: int, message: str, pod: str = "", namespace: str = "") -> Outcome:
    """The outcome of a pod that the API server did not let in.

    Args:
        status_code: of the HTTP answer.
        message: the API server's words.
        pod: the pod's name.
        namespace: where it should have been.
    """
    match = _POD_SECURITY.search(message) if status_code == 403 else None
    refuser, cause = _refuser(status_code, message), None
    if match is not None:
        cause = Cause.POD_SECURITY
    elif status_code == 403 and _QUOTA.search(message):
        cause = Cause.QUOTA
    elif refuser is Refuser.API_SERVER and (status_code in _INVALID_STATUS or _NOT_IN_SCHEMA in message):
        cause = Cause.INVALID_MANIFEST
    return Outcome(
        pod,
        namespace,
        "not admitted",
        cause=cause,
        message=message,
        violations=tuple(split_violations(match["violations"])) if match else (),
        refuser=refuser,
    )


def _refuser(status_code: int, message: str) -> Refuser:
    forbidden = status_code == 403 and not _AUTHORIZATION.search(message)
    return Refuser.ADMISSION if forbidden or _OTHER_ADMISSION.search(message) else Refuser.API_SERVER


def violated_level(message: str) -> str:
    """The Pod Security level that a pod violates, by admission's words; empty if they are not about that."""
    match = _POD_SECURITY.search(message)
    return match["level"].partition(":")[0] if match else ""


def split_violations(text: str) -> list[str]:
    """The controls that Pod Security's message names: separated by commas outside of parentheses."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
    return [part for part in [*parts, text[start:].strip()] if part]
