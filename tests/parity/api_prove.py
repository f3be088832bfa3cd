"""What the API server says to objects by server dry run, compared with what `labkit explain` says it does."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from labkit.adapters.kube import Kube
from labkit.base.waiting import watch
from labkit.core.admission.api_server import judge, read_template
from labkit.core.admission.policy import ENFORCE_LABEL, Policy
from labkit.core.causes import Cause
from labkit.core.identity.model import read_version
from labkit.core.pods.objects import warning_texts
from tests.parity.api_cases import LEVELS, OBJECTS, TEMPLATES, Case
from tests.parity.cases import collect

API_VERDICTS = ("let in", "invalid-manifest", "pod-security")
_AT_ONCE = 4
_PATHS = {
    "Pod": "api/v1/namespaces/{}/pods",
    "Deployment": "apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "apis/apps/v1/namespaces/{}/statefulsets",
    "Job": "apis/batch/v1/namespaces/{}/jobs",
    "CronJob": "apis/batch/v1/namespaces/{}/cronjobs",
}
_CANNOT_BE_READ = re.compile(r"\w+ in version \"v1\" cannot be handled as a \w+: (.*)", re.DOTALL)
_FORBIDDEN = re.compile(r'(?:would )?(violates? PodSecurity ".*)', re.DOTALL)
_VERSION_SECONDS = 5.0
_STRUCTURE = re.compile(r"Invalid value: \{\"Capabilities\".*\}: ")


class ApiSeen(NamedTuple):
    """The API server's verdict: a cause, and its messages, those of validation sorted."""

    cause: Cause | None
    messages: tuple[str, ...] = ()


class ApiProof(NamedTuple):
    """What a comparison came to.

    Args:
        causes: how often each verdict was seen.
        disagreements: what differs, each to read.
    """

    causes: Counter[str]
    disagreements: Sequence[str]


def prove_api(kube: Kube, seed: int, count: int) -> ApiProof:
    """Ask the API server about objects, and compare; nothing is made but namespaces, which are removed."""
    cases = collect(OBJECTS, count, seed)
    newest = read_version(kube.version()) or (0, 0)
    with _namespaces(kube) as namespaces, ThreadPoolExecutor(_AT_ONCE) as pool:
        seen = list(pool.map(lambda case: _ask(kube, case, namespaces[case["level"]]), cases))
    differences = [
        f"predicted {predicted}\nseen {observed}\n{json.dumps(case)}"
        for case, observed in zip(cases, seen, strict=True)
        if (predicted := predict(case, newest)) != observed
    ]
    return ApiProof(Counter(str(observed.cause or "let in") for observed in seen), differences)


def predict(case: Case, newest: tuple[int, int]) -> ApiSeen:
    """What the rules say."""
    kind = case["object"]["kind"]
    template = read_template(case["object"], kind, TEMPLATES[kind])
    verdict = judge(template, Policy.parse(case["level"]), newest)
    if verdict.message is None:
        return ApiSeen(verdict.cause)
    if verdict.cause is Cause.POD_SECURITY:
        return ApiSeen(verdict.cause, (verdict.message.removeprefix("no pod is made: "),))
    return ApiSeen(verdict.cause, tuple(sorted(verdict.errors)) or (verdict.message,))


def _ask(kube: Kube, case: Case, namespace: str) -> ApiSeen:
    response = kube._raw.post(
        "/" + _PATHS[case["object"]["kind"]].format(namespace),
        # As kubectl sends it, which sorts the keys.
        content=json.dumps(case["object"], sort_keys=True),
        headers={"Content-Type": "application/json"},
        params={"dryRun": "All", "fieldValidation": "Strict"},
    )
    status = response.json()
    if response.is_success:
        warnings = [_FORBIDDEN.search(text) for text in warning_texts(response.headers.get_list("warning"))]
        violations = next((match[1].replace("violate ", "violates ", 1) for match in warnings if match), None)
        return ApiSeen(None) if violations is None else ApiSeen(Cause.POD_SECURITY, (violations,))
    return read_status(response.status_code, status)


def read_status(code: int, status: Mapping[str, Any]) -> ApiSeen:
    """The API server's no."""
    message = str(status.get("message", ""))
    if code == 403 and (match := _FORBIDDEN.search(message)):
        return ApiSeen(Cause.POD_SECURITY, (match[1],))
    if code == 400 and (match := _CANNOT_BE_READ.match(message)):
        return ApiSeen(Cause.INVALID_MANIFEST, (match[1],))
    causes = status.get("details", {}).get("causes", ()) if code == 422 else ()
    messages = {_STRUCTURE.sub("Invalid value: {...}: ", f"{cause['field']}: {cause['message']}") for cause in causes}
    return ApiSeen(Cause.INVALID_MANIFEST, tuple(sorted(messages)) or (message,))


def _refusal(kube: Kube, namespace: str) -> str:
    """What admission says to a pod that none but privileged lets in: the level and the version are in it."""
    spec = {"hostNetwork": True, "containers": [{"name": "a", "image": "a"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "asked"}, "spec": spec}
    return kube._send("POST", f"api/v1/namespaces/{namespace}/pods", body=pod, params={"dryRun": "All"}).text


def _names(level: str, message: str) -> bool:
    """Whether a message is that of a level, such as restricted:v1.24."""
    return level in message


@contextmanager
def _namespaces(kube: Kube) -> Iterator[dict[str, str]]:
    """A namespace for each level."""
    made: dict[str, str] = {}
    try:
        for text in LEVELS:
            level, _, version = text.partition(":")
            made[text] = kube.new_namespace("api")
            kube.enforce(made[text], level)
            if version:  # `enforce` has taken the version away.
                labels = {"metadata": {"labels": {f"{ENFORCE_LABEL}-version": version}}}
                path = f"/api/v1/namespaces/{made[text]}"
                kube._ask("PATCH", path, body=labels, kind="merge-patch+json")
                watch(partial(_refusal, kube, made[text]), partial(_names, text), _VERSION_SECONDS)
        yield made
    finally:
        for name in made.values():
            kube.delete_namespace(name)
