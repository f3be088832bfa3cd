"""Whether the API server lets an object in, and the pods that are made of it: decoding, validation, Pod Security.

In the order in which the server asks: kubernetes/apiserver:pkg/endpoints/handlers/create.go (decoding),
pkg/registry/generic/registry/store.go (validation, and admission after it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from labkit.core import admission
from labkit.core.admission.decoding import WORKLOADS, decode, fields_of
from labkit.core.admission.field_errors import FieldError, part_of
from labkit.core.admission.validation import validate_pod
from labkit.core.causes import Cause
from labkit.core.identity.model import VerdictJson

if TYPE_CHECKING:
    from labkit.core.admission.policy import Policy

NOT_LET_IN: Final = "the API server does not let it in"
_OWN: Final = {(f"{group}/v1" if group else "v1", kind) for group, kind in WORKLOADS}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiVerdict:
    """The API server's verdict.

    Args:
        ok: whether it lets the object in, and the pods that are made of it; None where that is not for these rules to
            say, as for a kind that a cluster defines itself.
        cause: invalid-manifest or pod-security.
        message: the server's own words.
        errors: the same, one for each field that is wrong.
        hints: what is meant or amiss, a sentence each.
    """

    ok: bool | None = True
    cause: Cause | None = None
    message: str | None = None
    errors: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()

    @property
    def because(self) -> tuple[str, ...]:
        """The verdict as links of the chain of who decided what; nothing where the object gets in."""
        if self.ok is not False:
            return self.hints
        who = "admission does not let it in" if self.cause is Cause.POD_SECURITY else NOT_LET_IN
        return (f"{who}: {self.message}", *self.hints)

    def chain(self, because: Sequence[str]) -> tuple[str, ...]:
        """The chain of who decided what, with this verdict in front.

        Args:
            because: what kubelet and runtime decide, which may say too that the API server refuses.
        """
        rest = because if self.ok is not False else [reason for reason in because if not reason.startswith(NOT_LET_IN)]
        return (*self.because, *rest)

    def to_dict(self) -> VerdictJson:
        """JSON-ready; the hints stand behind the server's words."""
        message = self.message
        if message is not None and self.hints:
            message += f" ({'; '.join(self.hints)})"
        return {"ok": self.ok, "cause": self.cause, "message": message}


LET_IN: Final = ApiVerdict()
NOT_ASKED: Final = ApiVerdict(ok=None)
"""What no API server is asked for: `docker run`."""


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """A pod, or what pods are made from, as the API server reads it.

    Args:
        metadata: its metadata, decoded.
        spec: its spec, decoded: without nulls, unknown fields, and values of a wrong type.
        is_pod: False if pods are made from it.
        verdict: what decoding and validation say.
        mismatched: the first value of a wrong type, None if there is none.
    """

    metadata: Mapping[str, Any] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)
    is_pod: bool = True
    verdict: ApiVerdict = LET_IN
    mismatched: object = None


def is_own_kind(version: object, kind: str) -> bool:
    """Whether Kubernetes itself has this kind in this version; a version that is not given is taken for its own."""
    return (version, kind) in _OWN or (version is None and any(kind == name for _, name in _OWN))


def read_template(document: Mapping[Any, Any], kind: str, steps: Sequence[str]) -> PodTemplate:
    """Read an object of one of Kubernetes' own kinds as the API server does.

    Args:
        document: the object.
        kind: its kind.
        steps: where its pod template is; none for a Pod.
    """
    decoded = decode(document, kind)
    template = _follow(decoded.value, steps)
    metadata, spec = part_of(template, "metadata"), part_of(template, "spec")
    if kind == "Pod" and metadata.get("annotations"):
        spec = admission.with_app_armor_fields(metadata, spec)
    verdict = LET_IN
    if (message := decoded.message) is not None:
        hints = [decoded.mismatch_hint] if decoded.mismatch is not None else list(dict.fromkeys(decoded.hints))
        verdict = ApiVerdict(ok=False, cause=Cause.INVALID_MANIFEST, message=message, hints=tuple(hints))
    elif errors := validate_pod(metadata, spec, ".".join([*steps, "spec"])):
        verdict = _invalid(errors)
    return PodTemplate(metadata, spec, kind == "Pod", verdict, decoded.mismatched)


def judge(template: PodTemplate, policy: Policy | None, newest: tuple[int, int]) -> ApiVerdict:
    """The API server's verdict in a namespace.

    Args:
        template: the pod, or what pods are made from.
        policy: what the namespace enforces, None if that is not known.
        newest: the version of the API server.
    """
    if template.verdict.ok is False or policy is None:
        return template.verdict
    violations = admission.violations_of(policy, template.metadata, template.spec, newest)
    if not violations:
        return template.verdict
    message = admission.message_of(policy, violations)
    message = message if template.is_pod else f"no pod is made: {message}"
    return ApiVerdict(ok=False, cause=Cause.POD_SECURITY, message=message)


def read_foreign_pod(spec: Mapping[Any, Any], containers: Mapping[str, Sequence[object]]) -> PodTemplate:
    """Read a pod in an object of a kind that a cluster defines itself.

    Whether the object gets in is for its own definition to say; what a pod is refused for keeps its pods out.

    Args:
        spec: what holds the pod's settings; other fields than a pod's belong to the kind.
        containers: the pod's, by the list of a pod's spec that they go into.
    """
    decoded = decode({**spec, **containers}, "PodSpec", "spec")
    if errors := validate_pod({}, decoded.value, "spec"):
        return PodTemplate({}, decoded.value, False, _invalid(errors, "no pod is made: "), decoded.mismatched)
    amiss = [path for path in decoded.unknown if _is_of_security(path)]
    hints = [f"a pod has no {path}; whether this kind has it is for its own definition to say" for path in amiss]
    if decoded.mismatch is not None and "securityContext" in decoded.mismatch:
        hints.append(f"a pod cannot have it so: {decoded.mismatch}")
    hints += [hint for hint in dict.fromkeys(decoded.hints) if amiss]
    return PodTemplate({}, decoded.value, False, ApiVerdict(ok=None, hints=tuple(hints)), decoded.mismatched)


def _is_of_security(path: str) -> bool:
    """Whether a field that a pod does not have is, or would be, in a securityContext."""
    steps = path.lower().split(".")
    known = fields_of("PodSecurityContext") | fields_of("SecurityContext")
    return "securitycontext" in steps or path.rpartition(".")[2] in known


def _invalid(errors: Sequence[FieldError], prefix: str = "") -> ApiVerdict:
    texts = tuple(map(str, errors))
    return ApiVerdict(ok=False, cause=Cause.INVALID_MANIFEST, message=prefix + ", ".join(texts), errors=texts)


def _follow(document: Mapping[str, Any], steps: Sequence[str]) -> Mapping[str, Any]:
    for step in steps:
        document = part_of(document, step)
    return document
