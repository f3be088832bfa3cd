"""What the kubelet and the engine really do with cases: read from inside of the containers."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from labkit.adapters.engine import Engine
from labkit.adapters.kube import Kube
from labkit.base.waiting import watch
from labkit.core.causes import Cause
from labkit.core.identity.engine_messages import cause_in_user_namespace, cause_of_engine_error
from labkit.core.identity.kubelet_rules import REFUSAL_TEXTS
from labkit.core.pods.api_objects import EventObject, PodContainerState, PodObject
from tests.parity.cases import Case
from tests.parity.images import ParityImages

# Only what the shell itself can do, and an exit status of 1, for then the kubelet keeps the output in the pod's status.
_PROBE = (
    'while read -r name one rest; do case $name in Uid:) u=$one;; Gid:) g=$one;; Groups:) s="$one $rest";; esac; '
    'done < /proc/self/status; printf "%s|%s|%s|%s|" "$u" "$g" "$s" "${HOME-unset}"; exit 1'
)
_COMMAND = ["/bin/sh", "-c", _PROBE]
_CONTAINERS_IN_A_POD = 20
_PODS_AT_ONCE = 6
_RUNS_AT_ONCE = 4
DEADLINE_SECONDS = 60.0
_LOOK_SECONDS = 0.25
_SLOW_SECONDS = 1.5
_STUCK_SECONDS = 15.0
_LATE_SECONDS = 5.0
_RUNS_OF_A_SILENT_ONE = 3
"""On a busy machine the engine loses now and then what a program printed that ended at once, from its log, too."""
_OUTPUT = re.compile(r"(\d+)\|(\d+)\|([\d ]*)\|([^|]*)\|")


@dataclass(frozen=True)
class Seen:
    """What became of a case: an identity, or a cause with the words that came with it."""

    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] = ()
    home: str | None = None
    cause: Cause | None = None
    message: str = ""


@dataclass
class _Running:
    """A pod that was made: which container is which case, and what is decided of them."""

    wanted: dict[str, tuple[int, Case]]
    decided: dict[int, Seen] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)
    progress: float = field(default_factory=time.monotonic)

    def missing(self) -> list[tuple[int, Case]]:
        return [numbered for numbered in self.wanted.values() if numbered[0] not in self.decided]


class Observer:
    """Runs cases on the live kubelet and the live engine.

    Args:
        engine: runs the engine's.
        kube: runs the kubelet's.
        namespace: where its pods go.
        images: makes the images.
    """

    def __init__(self, engine: Engine, kube: Kube, namespace: str, images: ParityImages) -> None:
        self._engine, self._kube, self._namespace, self._images = engine, kube, namespace, images
        self._numbers = itertools.count()

    def observe(self, cases: Sequence[Case], seconds: float = DEADLINE_SECONDS) -> list[Seen]:
        """What became of cases, in their order; a container of which nothing is decided for so long is a timeout."""
        self._images.ensure(cases)
        seen: dict[int, Seen] = {}
        in_pods = [(index, case) for index, case in enumerate(cases) if "docker" not in case]
        on_engine = [(index, case) for index, case in enumerate(cases) if "docker" in case]
        seen |= self._in_pods(in_pods, seconds)
        with ThreadPoolExecutor(_RUNS_AT_ONCE) as pool:
            seen |= dict(zip([index for index, _ in on_engine], pool.map(self._run, on_engine), strict=True))
        return [_in_its_namespace(case, seen[index]) for index, case in enumerate(cases)]

    def _run(self, numbered: tuple[int, Case]) -> Seen:
        case = numbered[1]
        options = {"group_add": case["docker"]["group_add"], "network_mode": "none"}
        user = case["docker"]["user"]
        for _ in range(_RUNS_OF_A_SILENT_ONE):
            result = self._engine.run(self._images.reference(case), _COMMAND, user=user, options=options)
            if result.cause is not None or result.message:
                return Seen(cause=result.cause, message=result.message or "")
            if _OUTPUT.search(result.stdout):
                return _read(result.stdout)
        return Seen(message=f"unreadable, exit status {result.exit_status}: {result.stdout!r}")

    def _in_pods(self, cases: Sequence[tuple[int, Case]], seconds: float) -> dict[int, Seen]:
        """Some pods at a time, looked at together: a listing costs less than a look at each."""
        seen: dict[int, Seen] = {}
        to_come = list(_pods(cases))
        running: dict[str, _Running] = {}
        while to_come or running:
            while to_come and len(running) < _PODS_AT_ONCE:
                some = to_come.pop()
                name = f"parity-{next(self._numbers)}"
                outcome = self._kube.create_pod(self._manifest(name, some), name, self._namespace)
                assert outcome is None, outcome
                running[name] = _Running({f"c{numbered[0]}": numbered for numbered in some})
            time.sleep(_LOOK_SECONDS)
            pods = {pod["metadata"]["name"]: pod for pod in self._kube.pods(self._namespace)}
            for name in list(running):
                if self._look(name, pods.get(name), running[name], seconds):
                    done = running.pop(name)
                    seen |= done.decided
                    to_come += [[numbered] for numbered in done.missing()]
                    self._kube.delete_pod(name, self._namespace, wait=False)
        return seen

    def _look(self, name: str, pod: PodObject | None, running: _Running, seconds: float) -> bool:
        """Note what is decided of a pod; True once all is, or what is missing needs a pod of its own."""
        statuses = pod.get("status", {}).get("containerStatuses", ()) if pod is not None else ()
        states = {status["name"]: status.get("state", {}) for status in statuses}
        now = time.monotonic()
        for container, state in states.items():
            index = running.wanted[container][0]
            if index not in running.decided and (seen := decided(state)) is not None:
                if seen.uid is None and seen.cause is None:
                    seen = self._printed_late(name, container) or seen
                running.decided[index], running.progress = seen, now
        if running.missing() and now - running.since > _SLOW_SECONDS:
            self._look_beside(pod, running)
        missing = running.missing()
        alone = len(running.wanted) == 1
        stuck = now - running.progress > (seconds if alone else _STUCK_SECONDS)
        if missing and stuck and alone:
            last = next(iter(states.values()), "without a status")
            running.decided[missing[0][0]] = Seen(cause=Cause.TIMEOUT, message=f"last seen {last}")
        return not missing or stuck

    def _printed_late(self, pod: str, container: str) -> Seen | None:
        """What an ended container printed, where the kubelet read its log before the runtime had written it."""
        output = watch(
            lambda: self._kube.logs(pod, self._namespace, container),
            lambda text: bool(_OUTPUT.search(text)),
            _LATE_SECONDS,
        )
        return _read(output) if _OUTPUT.search(output) else None

    def _look_beside(self, pod: PodObject | None, running: _Running) -> None:
        """Note what a pod's status does not say: why it gets no sandbox, and what the API server does not take.

        The API server refuses a pod's status if an id of a container's user is above 2147483647
        (kubernetes/kubernetes:pkg/apis/core/validation/validation.go, validateContainerStatusUsers): all of the pod's
        containers seem to be at ContainerCreating for ever. What became of one that is alone in its pod stands in
        events and log; of many in a pod the kubelet leaves events out.
        """
        alone = len(running.wanted) == 1
        if pod is None or (running.decided and not alone):
            return
        events = self._kube.events(pod)
        seen = no_sandbox(events)
        if seen is None and alone:
            seen = without_status(events, self._kube.logs(pod["metadata"]["name"], self._namespace))
        if seen is not None:
            running.decided = {index: seen for index, _ in running.wanted.values()}

    def _manifest(self, name: str, cases: Sequence[tuple[int, Case]]) -> dict[str, Any]:
        containers = [
            {
                "name": f"c{index}",
                "image": self._images.reference(case),
                "imagePullPolicy": "Never",
                "command": _COMMAND,
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "securityContext": case["container"]["securityContext"],
            }
            for index, case in cases
        ]
        spec = {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": cases[0][1]["pod"]["securityContext"],
            "hostUsers": cases[0][1]["pod"].get("hostUsers", True),
            "containers": containers,
        }
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def _pods(cases: Sequence[tuple[int, Case]]) -> Iterator[list[tuple[int, Case]]]:
    """Put cases into pods: those with the same settings of the pod go together."""
    together: dict[str, list[tuple[int, Case]]] = defaultdict(list)
    for numbered in cases:
        together[json.dumps(numbered[1]["pod"], sort_keys=True)].append(numbered)
    for some in together.values():
        for start in range(0, len(some), _CONTAINERS_IN_A_POD):
            yield some[start : start + _CONTAINERS_IN_A_POD]


def decided(state: PodContainerState) -> Seen | None:
    """What a container's state says, None while it says nothing that lasts."""
    ended = state.get("terminated")
    if ended:
        message = ended.get("message") or ""
        if _OUTPUT.search(message):
            return _read(message)
        return Seen(cause=cause_of_engine_error(message), message=message or str(ended))
    return _refused(state.get("waiting", {}).get("message", ""))


def no_sandbox(events: Sequence[EventObject]) -> Seen | None:
    """Why a pod gets no sandbox, from its events."""
    messages = [event.get("message") or "" for event in events if event.get("reason") == "FailedCreatePodSandBox"]
    return next(filter(None, map(_refused, messages)), None)


def without_status(events: Sequence[EventObject], output: str) -> Seen | None:
    """What became of a pod's only container, from the pod's events and what it printed."""
    if _OUTPUT.search(output):
        return _read(output)
    messages = [event.get("message") or "" for event in events if event.get("reason") == "Failed"]
    return next(filter(None, map(_refused, messages)), None)


def _refused(message: str) -> Seen | None:
    """A no for good; the kubelet tries again after all else that it says, such as a name that is still reserved."""
    cause = next((cause for cause, text in REFUSAL_TEXTS.items() if text in message), None)
    cause = cause or cause_of_engine_error(message)
    return Seen(cause=cause, message=message) if cause else None


def _in_its_namespace(case: Case, seen: Seen) -> Seen:
    """The same words mean an id that is not mapped where the pod has a user namespace."""
    has_namespace = case.get("pod", {}).get("hostUsers") is False
    return replace(seen, cause=cause_in_user_namespace(seen.cause, seen.message, lambda: has_namespace))


def _read(output: str) -> Seen:
    match = _OUTPUT.search(output)
    if match is None:
        return Seen(message=f"unreadable: {output!r}")
    uid, gid, groups, home = match.groups()
    return Seen(int(uid), int(gid), tuple(sorted({int(group) for group in groups.split()})), home)
