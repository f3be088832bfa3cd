"""The closed list of causes: why a container, a pod or a command did not run as asked.

Every table, check, JSON document and sentence of the kit uses these codes and no others.
"""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """A cause's code; its `meaning` says it in one sentence."""

    # The kubelet's four refusals, in the order in which it looks for them
    # (kubernetes/kubernetes:pkg/kubelet/kuberuntime/security_context_others.go, verifyRunAsNonRoot).
    RUN_AS_USER_IS_ROOT = "run-as-user-is-root"
    IMAGE_USER_NOT_NUMERIC = "image-user-not-numeric"
    IMAGE_RUNS_AS_ROOT = "image-runs-as-root"
    IMAGE_USER_OUT_OF_RANGE = "image-user-out-of-range"

    INVALID_MANIFEST = "invalid-manifest"
    POD_SECURITY = "pod-security"
    QUOTA = "quota"

    UNKNOWN_USER = "unknown-user"
    UNKNOWN_GROUP = "unknown-group"
    BAD_USER_SPEC = "bad-user-spec"
    USER_NAMESPACE = "user-namespace"

    COMMAND_NOT_FOUND = "command-not-found"
    PERMISSION_DENIED = "permission-denied"
    IMAGE_MISSING = "image-missing"
    TIMEOUT = "timeout"

    @property
    def meaning(self) -> str:
        """What it means, in a few words."""
        return _MEANINGS[self]


REFUSALS = (
    Cause.RUN_AS_USER_IS_ROOT,
    Cause.IMAGE_USER_NOT_NUMERIC,
    Cause.IMAGE_RUNS_AS_ROOT,
    Cause.IMAGE_USER_OUT_OF_RANGE,
)

_MEANINGS = {
    Cause.RUN_AS_USER_IS_ROOT: "runAsNonRoot is true and runAsUser says 0",
    Cause.IMAGE_USER_NOT_NUMERIC: "runAsNonRoot is true and the image names its user instead of giving a number",
    Cause.IMAGE_RUNS_AS_ROOT: "runAsNonRoot is true and the image's user is 0 or empty",
    Cause.IMAGE_USER_OUT_OF_RANGE: "runAsNonRoot is true and the image's uid is not between 1 and 2147483647",
    Cause.INVALID_MANIFEST: "the API server does not take the object: a field is unknown, or a value is not allowed",
    Cause.POD_SECURITY: "the API server's Pod Security admission does not let the pod in",
    Cause.QUOTA: "the namespace's quota leaves no room for it; pods that are no longer needed take it up",
    Cause.UNKNOWN_USER: "no line of the image's passwd file has that user name",
    Cause.UNKNOWN_GROUP: "no line of the image's group file has that group name",
    Cause.BAD_USER_SPEC: "the user is not one that the engine or the runtime can read",
    Cause.USER_NAMESPACE: "the user namespace of the pod or the engine does not map an id of the process",
    Cause.COMMAND_NOT_FOUND: "the image has no such program",
    Cause.PERMISSION_DENIED: "the program is there, but that user may not run it",
    Cause.IMAGE_MISSING: "the image is not there and cannot be pulled",
    Cause.TIMEOUT: "nothing decisive happened before the deadline",
}
