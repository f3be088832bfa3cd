"""The proof: cases of every kind, run on the live kubelet and the live engine, compared field by field."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from labkit.core.causes import REFUSALS, Cause
from labkit.core.identity.identity_cases import answer_case
from labkit.core.identity.model import Versions, read_version
from labkit.lab.lab import Lab
from tests.parity.cases import WORLDS, Case, collect, in_namespace, in_pod, on_engine
from tests.parity.compare import Disagreement, differences, shrink
from tests.parity.images import ParityImages
from tests.parity.observe import DEADLINE_SECONDS, Observer

_NEWEST = Versions()
IN_POD_CAUSES = (*REFUSALS, Cause.UNKNOWN_USER, Cause.BAD_USER_SPEC)
ON_ENGINE_CAUSES = (Cause.UNKNOWN_USER, Cause.UNKNOWN_GROUP, Cause.BAD_USER_SPEC)


@dataclass(frozen=True)
class Proof:
    """What a comparison came to.

    Args:
        containers: how many were given to the kubelet.
        runs: how many were given to the engine.
        causes: how often each cause was seen, by who has it.
        disagreements: the cases that differ, one of them made small.
    """

    containers: int
    runs: int
    causes: Counter[str]
    disagreements: Sequence[Disagreement]


def choose(seed: int, containers: int, runs: int, of_each_cause: int, worlds: int) -> list[Case]:
    """Cases for a seed: so many of each cause that the rules predict, and the rest as they come."""
    files = collect(WORLDS, worlds, seed)
    in_namespaces = max(2 * of_each_cause, containers // 12)
    chosen = []
    for strategy, causes, count in (
        (in_pod(files), IN_POD_CAUSES, containers - in_namespaces),
        (in_namespace(files), (Cause.USER_NAMESPACE,), in_namespaces),
        (on_engine(files), ON_ENGINE_CAUSES, runs),
    ):
        some = [
            case
            for cause in causes
            for case in collect(strategy.filter(partial(_predicts, cause)), of_each_cause, seed)
        ]
        chosen += some + collect(strategy, count - len(some), seed + 1)
    return chosen


def prove(lab: Lab, cases: Sequence[Case], shrinking_seconds: float) -> Proof:
    """Run cases and compare; the lab must be up.

    Args:
        lab: the lab.
        cases: from `choose`.
        shrinking_seconds: how long a disagreement may take to be made small.
    """
    engine = lab.engine()
    images = ParityImages(lab.configuration, lab.cluster().node, lab.reference("alpine"))
    with lab.cluster().kube() as kube:
        versions = Versions(
            read_version(kube.version()) or _NEWEST.kubernetes, engine.runc_version() or _NEWEST.engine_runc
        )
        namespace = kube.new_namespace("parity")
        try:
            observer = Observer(engine, kube, namespace, images)
            seen = observer.observe(cases)
            disagreements = [
                Disagreement(case, wrong)
                for case, observed in zip(cases, seen, strict=True)
                if (wrong := differences(case, observed, versions))
            ]
            if disagreements:
                # At once, for the rest takes time, and whoever waits may lose patience.
                print("\n".join(map(tell, disagreements)), file=sys.stderr, flush=True)
                disagreements = looked_at_again(observer, disagreements, versions, shrinking_seconds)
        finally:
            kube.delete_namespace(namespace)
            images.remove()
    causes = Counter(
        f"{'engine' if 'docker' in case else 'kubelet'} {observed.cause or 'runs'}"
        for case, observed in zip(cases, seen, strict=True)
    )
    runs = sum("docker" in case for case in cases)
    return Proof(len(cases) - runs, runs, causes, disagreements)


def tell(disagreement: Disagreement) -> str:
    """A disagreement to read, with the case to paste into `labkit explain --batch`."""
    lines = [*disagreement.fields, json.dumps({"id": "disagreement", **disagreement.case})]
    if disagreement.small is not None:
        lines += ["made small:", json.dumps({"id": "small", **disagreement.small})]
    return "\n".join(lines)


def looked_at_again(
    observer: Observer, disagreements: Sequence[Disagreement], versions: Versions, seconds: float
) -> list[Disagreement]:
    """The same disagreements: it is told which were not seen again, and the first of the others is made small."""
    seen = observer.observe([disagreement.case for disagreement in disagreements])
    lasts = [
        bool(differences(disagreement.case, again, versions))
        for disagreement, again in zip(disagreements, seen, strict=True)
    ]
    told = [
        disagreement if last else replace(disagreement, fields=(*disagreement.fields, "seen once, not again"))
        for disagreement, last in zip(disagreements, lasts, strict=True)
    ]
    if True in lasts:
        first = lasts.index(True)

        def still_differs(case: Case, left: float) -> bool:
            return bool(differences(case, observer.observe([case], min(left, DEADLINE_SECONDS))[0], versions))

        small = shrink(told[first].case, still_differs, seconds)
        told[first] = replace(told[first], small=small if small != told[first].case else None)
    return told


def _predicts(cause: Cause, case: Case) -> bool:
    return bool(answer_case(case)["cause"] == cause)
