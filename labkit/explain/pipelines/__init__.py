"""What pipelines need of `labkit explain`: the gate, its exceptions, reports for machines, patches.

What this package offers is imported when it is first used (PEP 562): a call that asks for none of it pays for none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.core import imported_when_used

if TYPE_CHECKING:
    from labkit.explain.pipelines.findings import lines_of
    from labkit.explain.pipelines.fix_plan import Explain, levels_of, plan_fixes
    from labkit.explain.pipelines.gate_verdict import GateVerdict
    from labkit.explain.pipelines.pipeline_options import PipelineOptions

__all__ = ["Explain", "GateVerdict", "PipelineOptions", "levels_of", "lines_of", "plan_fixes"]

__getattr__ = imported_when_used(
    __name__,
    {
        "Explain": "fix_plan",
        "GateVerdict": "gate_verdict",
        "PipelineOptions": "pipeline_options",
        "levels_of": "fix_plan",
        "lines_of": "findings",
        "plan_fixes": "fix_plan",
    },
)
