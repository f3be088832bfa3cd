"""Whether the API server lets an object in: decoding, validation, Pod Security. PURE.

What concerns Windows is imported when it is first used (PEP 562): next to no manifest has any of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.core import imported_when_used

if TYPE_CHECKING:
    from labkit.core.admission.windows import host_process_errors, options_errors, system_errors

__all__ = ["host_process_errors", "options_errors", "system_errors"]

__getattr__ = imported_when_used(__name__, dict.fromkeys(__all__, "windows"))
