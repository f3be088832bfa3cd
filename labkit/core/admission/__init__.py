"""Whether the API server lets an object in: decoding, validation, Pod Security. PURE.

What concerns Windows, profiles of seccomp and AppArmor, unknown fields and Pod Security is imported when it is first
used (PEP 562): most manifests have none of the former, and most calls of `labkit explain` name no level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.core import imported_when_used

if TYPE_CHECKING:
    from labkit.core.admission.field_hints import field_hint
    from labkit.core.admission.pod_security import message_of, violations_of
    from labkit.core.admission.policy import Policy
    from labkit.core.admission.profiles import (
        annotation_errors,
        app_armor_errors,
        mismatch_errors,
        seccomp_errors,
        with_app_armor_fields,
    )
    from labkit.core.admission.windows import host_process_errors, options_errors, system_errors

__all__ = [
    "Policy",
    "annotation_errors",
    "app_armor_errors",
    "field_hint",
    "host_process_errors",
    "message_of",
    "mismatch_errors",
    "options_errors",
    "seccomp_errors",
    "system_errors",
    "violations_of",
    "with_app_armor_fields",
]

_PROFILES = ("annotation_errors", "app_armor_errors", "mismatch_errors", "seccomp_errors", "with_app_armor_fields")

__getattr__ = imported_when_used(
    __name__,
    {
        **dict.fromkeys(("host_process_errors", "options_errors", "system_errors"), "windows"),
        **dict.fromkeys(("message_of", "violations_of"), "pod_security"),
        **dict.fromkeys(_PROFILES, "profiles"),
        "Policy": "policy",
        "field_hint": "field_hints",
    },
)
