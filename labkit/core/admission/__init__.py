"""Whether the API server lets an object in: decoding, validation, Pod Security. PURE.

What concerns Windows, and the checks of Pod Security, are imported when they are first used (PEP 562): next to no
manifest has any of the former, and most calls of `labkit explain` name no level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.core import imported_when_used

if TYPE_CHECKING:
    from labkit.core.admission.pod_security import message_of, violations_of
    from labkit.core.admission.windows import host_process_errors, options_errors, system_errors

__all__ = ["host_process_errors", "message_of", "options_errors", "system_errors", "violations_of"]

__getattr__ = imported_when_used(
    __name__,
    {
        "host_process_errors": "windows",
        "message_of": "pod_security",
        "options_errors": "windows",
        "system_errors": "windows",
        "violations_of": "pod_security",
    },
)
