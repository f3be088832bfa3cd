"""The exercise gate of 11-capstone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.core.mappings import Manifest, ManifestPart
from labkit.course.exercise import Exercise, Wrong
from labkit.course.judging.breaks import PodBreak, everywhere, without_container
from labkit.course.judging.demands import Demand, DemandCheck
from labkit.course.judging.judged_manifest import JudgedManifest
from labkit.course.judging.judged_pod import given_manifest
from labkit.course.pod_settings import container_settings

_GATED = '''
manifest = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: gated
spec:
  selector:
    matchLabels: {app: gated}
  template:
    metadata:
      labels: {app: gated}
    spec:
      securityContext: POD
      initContainers:
      - name: prepare
        image: debian
      containers:
      - name: app
        image: named-user
      - name: log
        image: aspnetapp
        securityContext: LOG
"""
'''


_ANOTHER_POD = """\
apiVersion: v1
kind: Pod
metadata: {name: other}
spec:
  securityContext: {runAsNonRoot: true, runAsUser: 1654}
  containers: [{name: other, image: debian}]
"""


def _gated(pod: str, log: str) -> str:
    return _GATED.replace("POD", pod).replace("LOG", log)


def _gate_as_given(manifest: JudgedManifest) -> str | None:
    # With a field more beside the pod's spec there are three objections as well, and other ones.
    given = given_manifest("gated.yaml")["spec"]["template"]["spec"]
    is_given = manifest.specs == [given] and not manifest.api_server_says
    return "The gate has three objections, as at the start." if is_given else None


def _stays_shut(manifest: JudgedManifest) -> str | None:
    if refusals := manifest.api_server_says:
        return f"The gate stays shut: the API server would not take it. It would say: {'; '.join(refusals)}."
    reasons = [f"{name}: {text}" for name, text in manifest.objections.items()]
    reasons += [*manifest.explanations.flaws, *manifest.explanations.unjudged]
    return f"The gate stays shut. It says: {'; '.join(reasons)}." if reasons else None


def _has_lost_one(manifest: JudgedManifest) -> str | None:
    lost = [_lost_from(spec) for spec in manifest.specs]
    if not all(lost) or not lost:
        return None
    field, names = min(filter(None, lost), key=lambda loss: len(loss[1]))
    return f"The gate opens, but {', '.join(sorted(names))} is gone from {field}, and was needed there."


def _lost_from(spec: Mapping[str, Any]) -> tuple[str, set[str]] | None:
    """From which field of a pod's spec which of the containers are gone; None if all are there."""
    for field, needed in (("initContainers", {"prepare"}), ("containers", {"app", "log"})):
        if gone := needed - {container["name"] for container in spec.get(field) or []}:
            return field, gone
    return None


def _nobody_insists(manifest: JudgedManifest) -> str | None:
    for spec in manifest.specs:
        for name, settings in container_settings({"spec": spec}).items():
            if not settings.get("runAsNonRoot"):
                return f"The gate opens, but nobody insists for {name}: a new image could be root."
    return None


def _move_prepare(_: Manifest, spec: ManifestPart) -> None:
    spec["containers"] += spec.pop("initContainers", [])


_CHECK_GATE = DemandCheck(
    look=lambda world, text: JudgedManifest(world, str(text)),
    as_given=lambda manifest: None if manifest.missing() else _gate_as_given(manifest),
    demands=(
        Demand(
            "opens", "Fix the text until it has none", _stays_shut, (everywhere("everything as uid 0", runAsUser=0),)
        ),
        Demand(
            "containers",
            "All three containers must stay",
            _has_lost_one,
            (without_container("prepare"), without_container("log"), PodBreak("init moved", _move_prepare)),
        ),
        Demand(
            "insists",
            "the manifest must go on insisting on non-root",
            _nobody_insists,
            (everywhere("nobody insists", runAsNonRoot=None),),
        ),
    ),
    praise=lambda manifest: "The gate opens: every container is non-root, and the manifest insists on it.",
)


GATE = Exercise(
    name="gate",
    kind="repair",
    file="gated.yaml",
    answers=str,
    hints=(
        "The gate's three objections have three causes. Which of them can one line for the whole pod remove?",
        "`runAsUser` for the pod replaces the user of each image. Which container says something else for itself?",
        "runAsUser: 1654 beside runAsNonRoot for the pod; and take away what `log` says for itself.",
    ),
    solution=_gated("{runAsNonRoot: true, runAsUser: 1654}", "{}"),
    others=(
        _gated("{runAsNonRoot: true, runAsUser: 1654}", "{runAsUser: 4242}"),
        # Documents without pods, before and after.
        _gated("{runAsNonRoot: true, runAsUser: 1654}", "{}")
        .replace(
            "apiVersion: apps/v1", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\napiVersion: apps/v1"
        )
        .replace("securityContext: {}\n", "securityContext: {}\n---\n"),
        # Among others: in a list, and behind a pod that is non-root, too.
        "import json, yaml\n"
        + _gated("{runAsNonRoot: true, runAsUser: 1654}", "{}")
        + 'manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": [yaml.safe_load(manifest)]})\n',
        _gated("{runAsNonRoot: true, runAsUser: 1654}", "{}").replace('"""\napi', f'"""\n{_ANOTHER_POD}---\napi'),
        _gated("{runAsUser: 1654}", "{runAsNonRoot: true, runAsUser: 1654}")
        .replace("image: debian", "image: debian\n        securityContext: {runAsNonRoot: true}")
        .replace("image: named-user", "image: named-user\n        securityContext: {runAsNonRoot: true}"),
    ),
    wrong=(
        Wrong(
            _gated("{runAsNonRoot: true, runAsUser: 1654}", "{runAsNonRoot: false, runAsUser: 0}"), "log: runs as root"
        ),
        Wrong(_gated("{runAsUser: 1654}", "{}"), "nobody insists"),
        Wrong(
            _gated("{runAsNonRoot: true, runAsUser: 1654}", "{}").replace(
                '"""\napi', f'"""\n{_ANOTHER_POD.replace("runAsNonRoot: true, ", "")}---\napi'
            ),
            "nobody insists for other",
        ),
        Wrong(
            _gated("{runAsNonRoot: true, runAsUser: 1654}", "{}").replace(
                "      initContainers:\n      - name: prepare\n        image: debian\n", ""
            ),
            "prepare is gone",
        ),
        Wrong(
            _gated("{runAsNonRoot: true, runAsUser: 1654}", "{}")
            .replace("      initContainers:\n      - name: prepare\n        image: debian\n", "")
            .replace("      - name: app\n", "      - name: prepare\n        image: debian\n      - name: app\n"),
            "prepare is gone from initContainers",
        ),
        Wrong('manifest = "kind: {"', "cannot be read"),
        Wrong(_gated('{runAsNonRoot: true, runAsUser: "1654"}', "{}"), "runAsUser"),
        Wrong(_gated('{runAsNonRoot: "true", runAsUser: 1654}', "{}"), "runAsNonRoot"),
        # A setting of the pod, written one level too high.
        Wrong(
            _gated("{runAsNonRoot: true}", "{}").replace(
                "    spec:\n      securityContext", "    spec:\n      runAsUser: 1654\n      securityContext"
            ),
            'unknown field "spec.template.spec.runAsUser"',
        ),
        Wrong(
            _gated("{runAsNonRoot: true, runAsUser: 1654}", "{}").replace("kind: Deployment", "kind: CronJob"),
            "jobTemplate",
        ),
        Wrong('manifest = "- a"', "no container"),
        # As it was given, and a field more.
        Wrong(
            _gated("{runAsNonRoot: true}", "{runAsNonRoot: false, runAsUser: 0}").replace(
                "  selector:", "  user: 1654\n  selector:"
            ),
            'unknown field "spec.user"',
        ),
    ),
    check=_CHECK_GATE,
)
