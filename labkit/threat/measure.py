"""The whole matrix, measured: the engine's half and the cluster's side by side."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from labkit.base.errors import LabFailed, Misuse
from labkit.base.locks import locked
from labkit.lab.cluster_kinds.cluster import State
from labkit.threat.evidence import Matrix, Trial
from labkit.threat.on_cluster import OnCluster, sweep_cluster
from labkit.threat.on_engine import OnEngine, sweep_engine
from labkit.threat.postures import CLUSTER, ENGINE, PLACES, POSTURES, Posture, find_posture
from labkit.threat.probed_images import ensure_probed
from labkit.threat.probes import PROBES, find_probe
from labkit.threat.recorded_matrix import recorded_matrix
from labkit.threat.surroundings import NEIGHBOUR_IMAGE

if TYPE_CHECKING:
    from labkit.lab.lab import Lab

MARK = "labkit-mark"


def measure(lab: Lab, postures: Sequence[str] = (), probes: Sequence[str] = (), place: str | None = None) -> Matrix:
    """Try every probe in every posture, and leave nothing behind; in a class on a shared cluster nothing is tried.

    What a lab measured is given there: many postures reach for the node, which others work on.

    Args:
        lab: the lab.
        postures: names; all if none is given.
        probes: names; all if none is given.
        place: "engine" or "cluster"; None for both, or for the engine alone where there is no cluster; a note says so.

    Returns:
        The trials in the order of the postures, the engine's before the cluster's.

    Raises:
        Misuse: there is no such posture, probe or place, or a posture that the place does not have.
        EngineUnreachable: there is no engine.
        LabFailed: there is no cluster, and it was asked for.
    """
    chosen = [find_posture(name) for name in dict.fromkeys(postures)] or list(POSTURES.values())
    wanted = [find_probe(name).name for name in dict.fromkeys(probes)] or list(PROBES)
    _check_place(place, chosen if postures else [])
    if lab.configuration.sandbox is not None:
        names = [posture.name for posture in chosen]
        return recorded_matrix(names, wanted, PLACES if place is None else (place,))
    with locked(lab.configuration.state / "matrix.lock", on_wait=lab.steps.note):
        return _Measuring(lab, chosen, wanted, _places(lab, place)).run()


class _Measuring:
    """One measurement; only one runs at a time, so whatever an earlier one left may be removed."""

    def __init__(self, lab: Lab, postures: Sequence[Posture], probes: Sequence[str], places: Sequence[str]) -> None:
        self._lab, self._engine, self._configuration, self._steps = lab, lab.engine(), lab.configuration, lab.steps
        self._postures, self._probes, self._places = postures, probes, places
        self._mark = f"{MARK}-{secrets.token_hex(4)}"
        self._stop = threading.Event()
        self._done, self._lock = 0, threading.Lock()

    def run(self) -> Matrix:
        sweep_engine(self._engine, self._configuration, MARK)
        samples = sorted({posture.image for posture in self._postures} | {NEIGHBOUR_IMAGE})
        made = ensure_probed(self._engine, self._configuration, samples, self._steps)
        if CLUSTER in self._places:
            self._lab.cluster().load(made)
        with self._steps.step("the probes, in every posture"), ThreadPoolExecutor(2) as pool:
            halves = [pool.submit(self._at_engine), pool.submit(self._at_cluster)]
            try:
                trials = {(trial.posture, trial.where): trial for half in halves for trial in half.result()}
            except BaseException:
                self._stop.set()
                raise
        keys = [(posture.name, place) for posture in self._postures for place in PLACES]
        return Matrix([trials[key] for key in keys if key in trials], self._versions())

    def _at_engine(self) -> list[Trial]:
        trying = OnEngine(self._engine, self._configuration, self._mark, self._stop)
        return trying.try_all(self._chosen(ENGINE), self._probes, self._report)

    def _at_cluster(self) -> list[Trial]:
        if CLUSTER not in self._places:
            return []
        kube, cluster = self._lab.kube(), self._lab.cluster()
        sweep_cluster(kube, cluster, MARK)
        trying = OnCluster(kube, self._engine, cluster, self._configuration, self._mark, self._stop)
        return trying.try_all(self._chosen(CLUSTER), self._probes, self._report)

    def _chosen(self, place: str) -> list[Posture]:
        return [posture for posture in self._postures if place in posture.places and place in self._places]

    def _report(self, trial: Trial) -> None:
        with self._lock:
            self._done += 1
            total = sum(len(self._chosen(place)) for place in PLACES)
            line = f"{self._done:>3} of {total}: {trial.posture}, {trial.where}, {trial.seconds:.1f} s"
            self._steps.note(line)

    def _versions(self) -> dict[str, str]:
        """When and with what it was measured."""
        info = self._engine.info()
        made = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "engine": str(info.get("ServerVersion")),
            "kernel": str(info.get("KernelVersion")),
            "cgroups": f"version {info.get('CgroupVersion')}",
        }
        if CLUSTER in self._places:
            made["kubernetes"] = self._lab.kube().version()
        return made


def _check_place(place: str | None, postures: Sequence[Posture]) -> None:
    if place is None:
        return
    if place not in PLACES:
        raise Misuse(f"Looking for place {place!r}", "there is no such place", "it is engine or cluster")
    for posture in postures:
        if place not in posture.places:
            there = " and ".join(posture.places)
            tried = f"Trying {posture.name} on the {place}"
            raise Misuse(tried, f"the {place} has no such posture", f"try it on the {there}")


def _places(lab: Lab, place: str | None) -> tuple[str, ...]:
    if place == ENGINE:
        return (ENGINE,)
    lab.await_cluster()
    state = lab.cluster().look()
    if state is State.UP:
        return (place,) if place else PLACES
    if place == CLUSTER:
        raise LabFailed("Looking for the cluster", f"it is {state}", "bring it up\n  labkit up")
    lab.steps.note(f"the cluster is {state}: only the engine is tried (labkit up brings the cluster back)")
    return (ENGINE,)
