"""What pipelines need of `labkit explain`: the gate, its exceptions, reports for machines, patches.

What this package offers is imported when it is first used (PEP 562): a call that asks for none of it pays for none.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit.explain.pipelines.findings import lines_of
    from labkit.explain.pipelines.fix_plan import Explain, levels_of, plan_fixes
    from labkit.explain.pipelines.gate_verdict import GateVerdict
    from labkit.explain.pipelines.pipeline_options import PipelineOptions

__all__ = ["Explain", "GateVerdict", "PipelineOptions", "levels_of", "lines_of", "plan_fixes"]

_PLACES = {
    "Explain": "fix_plan",
    "GateVerdict": "gate_verdict",
    "PipelineOptions": "pipeline_options",
    "levels_of": "fix_plan",
    "lines_of": "findings",
    "plan_fixes": "fix_plan",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
