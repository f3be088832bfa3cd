"""Whether the API server lets an object in, and the pods that are made of it: decoding, validation, Pod Security.

In the order in which the server asks: kubernetes/apiserver:pkg/endpoints/handlers/create.go (decoding),
pkg/registry/generic/registry/store.go (validation, and admission after it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from labkit.core.admission.decoding import WORKLOADS, decode
from labkit.core.admission.field_errors import FieldError, part_of
from labkit.core.admission.pod_security import Policy, message_of, violations_of
from labkit.core.admission.profiles import with_unconfined_fields
from labkit.core.admission.validation import validate_pod
from labkit.core.causes import Cause

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

    def to_dict(self) -> dict[str, Any]:
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
    """

    metadata: Mapping[str, Any] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)
    is_pod: bool = True
    verdict: ApiVerdict = LET_IN


def is_own_kind(version: object, kind: str) -> bool:
    """Whether Kubernetes itself has this kind in this version; a version that is not given is taken for its own."""
    return (version, kind) in _OWN or (version is None and any(kind == name for _, name in _OWN))


def read_template(document: Mapping[Any, Any], steps: Sequence[str | int], *, own_kind: str | None) -> PodTemplate:
    """Read an object as the API server does.

    Args:
        document: the object.
        steps: where its pod template is; none for a Pod.
        own_kind: its kind, if it is one of Kubernetes' own; of others only the template is known.
    """
    if own_kind is None:
        return _template_of_other_kind(document, steps)
    decoded = decode(document, own_kind)
    template = _follow(decoded.value, steps)
    metadata, spec = part_of(template, "metadata"), part_of(template, "spec")
    verdict = LET_IN
    if (message := decoded.message) is not None:
        verdict = ApiVerdict(
            ok=False, cause=Cause.INVALID_MANIFEST, message=message, hints=tuple(dict.fromkeys(decoded.hints))
        )
    elif errors := validate_pod(metadata, spec, ".".join([*map(str, steps), "spec"])):
        verdict = _invalid(errors)
    return PodTemplate(metadata, spec, own_kind == "Pod", verdict)


def judge(template: PodTemplate, policy: Policy | None, newest: tuple[int, int]) -> ApiVerdict:
    """The API server's verdict in a namespace.

    Args:
        template: the pod, or what pods are made from.
        policy: what the namespace enforces, None if that is not known.
        newest: the version of the API server.
    """
    if template.verdict.ok is False or policy is None:
        return template.verdict
    spec = with_unconfined_fields(template.metadata, template.spec) if template.is_pod else template.spec
    violations = violations_of(policy, template.metadata, spec, newest)
    if not violations:
        return template.verdict
    message = message_of(policy, violations)
    message = message if template.is_pod else f"no pod is made: {message}"
    return ApiVerdict(ok=False, cause=Cause.POD_SECURITY, message=message)


def _template_of_other_kind(document: Mapping[Any, Any], steps: Sequence[str | int]) -> PodTemplate:
    """Of a kind that a cluster defines itself: whether the object gets in is not known, but what its pods say is."""
    template = _follow(document, steps)
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")
    is_spec = "containers" in template
    decoded = decode(template, "PodSpec" if is_spec else "PodTemplateSpec", path)
    spec = decoded.value if is_spec else part_of(decoded.value, "spec")
    metadata = {} if is_spec else part_of(decoded.value, "metadata")
    if errors := validate_pod(metadata, spec, "spec"):
        return PodTemplate(metadata, spec, False, _invalid(errors, "no pod is made: "))
    hints = [f"whether its kind has {place} is not known; a pod has not" for place in decoded.unknown]
    hints += [f"a pod cannot have it so: {decoded.mismatch}"] if decoded.mismatch is not None else []
    return PodTemplate(metadata, spec, False, ApiVerdict(ok=None, hints=(*hints, *dict.fromkeys(decoded.hints))))


def _invalid(errors: Sequence[FieldError], prefix: str = "") -> ApiVerdict:
    texts = tuple(map(str, errors))
    return ApiVerdict(ok=False, cause=Cause.INVALID_MANIFEST, message=prefix + ", ".join(texts), errors=texts)


def _follow(document: Mapping[Any, Any], steps: Sequence[str | int]) -> Mapping[str, Any]:
    part: Any = document
    for step in steps:
        if isinstance(step, int):
            part = part[step] if isinstance(part, list) and step < len(part) else None
        else:
            part = part.get(step) if isinstance(part, Mapping) else None
    return part if isinstance(part, Mapping) else {}
