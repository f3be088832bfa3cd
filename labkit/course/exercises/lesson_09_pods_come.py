"""The exercise pods-come of 09-pod-security-standards."""

from __future__ import annotations

import textwrap

from labkit.core.admission.policy import ENFORCE_VERSION_LABEL
from labkit.core.mappings import Manifest, ManifestPart
from labkit.core.pods.as_written import is_as_written
from labkit.course.exercise import Exercise, Wrong
from labkit.course.exercises.lesson_09_to_restricted import APP, FULL_CONTAINER, FULL_POD
from labkit.course.exercises.terminal_cells import NAMESPACE, typed
from labkit.course.judging.breaks import PodBreak, everywhere
from labkit.course.judging.demands import Demand, DemandCheck
from labkit.course.judging.judged_deployment import JudgedDeployment, deployment_named
from labkit.course.judging.judged_pod import controls_named, given_manifest, with_references
from labkit.course.judging.pod_demands import (
    ANOTHER_PROGRAM,
    in_its_place,
    weakened,
)

_DEPLOYMENT = '''
lab.enforce("restricted")
lab.create("""
apiVersion: apps/v1
kind: Deployment
metadata:
  name: pods-come
spec:
  replicas: 2
  selector:
    matchLabels: {app: pods-come}
  template:
    metadata:
      labels: {app: pods-come}
    spec:
      terminationGracePeriodSeconds: 0
      securityContext: POD
      containers:
      - name: app
        image: IMAGE
        securityContext: CONTAINER
""")
'''


def _deployment(pod: str = FULL_POD, container: str = FULL_CONTAINER, image: str = "aspnetapp") -> str:
    return _DEPLOYMENT.replace("POD", pod).replace("CONTAINER", container).replace("IMAGE", image)


_TEMPLATE = "template: {metadata: {labels: {app: a}}, spec: {containers: [{name: app, image: aspnetapp}]}}"
_SELECTED = f"selector: {{matchLabels: {{app: a}}}}, {_TEMPLATE}"
_OTHER_KINDS = {
    kind: f"{{apiVersion: {version}, kind: {kind}, metadata: {{name: pods-come}}, spec: {{{spec}}}}}"
    for kind, version, spec in (
        ("StatefulSet", "apps/v1", f"replicas: 2, serviceName: pods-come, {_SELECTED}"),
        ("DaemonSet", "apps/v1", _SELECTED),
        ("ReplicaSet", "apps/v1", f"replicas: 2, {_SELECTED}"),
        ("Job", "batch/v1", _TEMPLATE.replace("spec: {", "spec: {restartPolicy: Never, ")),
    )
}


def _refused(code: str) -> str:
    """A cell that ends in an error, and is not run again."""
    tried = textwrap.indent(code.strip(), "    ")
    return f"from labkit.base.errors import LabError\ntry:\n{tried}\nexcept LabError:\n    pass"


def _pods_come_as_given(deployment: JudgedDeployment) -> str | None:
    rollout = deployment.rollout_or_none
    if rollout is None or deployment.not_taken is not None or not rollout.violations:
        return None
    given = with_references(deployment.world, given_manifest("pods-come.yaml"))
    if not is_as_written(deployment.manifest["spec"], given["spec"]):
        return None
    return "The Deployment pods-come is as it was: the API server accepts it, but none of its pods."


def _is_weakened(deployment: JudgedDeployment) -> str | None:
    if (weaker := weakened(deployment.world)) is not None:
        return weaker
    refusal = deployment.world.look.admission(deployment.manifest)
    if refusal is None:
        return None
    return f"Its pods do not come: the API server names {controls_named(refusal.violations) or refusal.message}."


def _not_both(deployment: JudgedDeployment) -> str | None:
    wanted, ready = deployment.rollout.wanted, deployment.rollout.ready
    if wanted < 2:
        return f"The Deployment asks for {wanted} pod{'' if wanted == 1 else 's'}; the task wants two."
    if ready >= wanted:
        return None
    if deployment.manifest.get("spec", {}).get("paused"):
        return f"It is paused, so no pods are made from its template: {ready} of {wanted} are ready."
    reason = next((pod.headline for pod in deployment.pods if pod.verdict != "running"), "none of them says why")
    return (
        f"The API server lets the pods in now, but {ready} of {wanted} are ready: {reason}. "
        "The API server is not the last to decide."
    )


def _runs_another(deployment: JudgedDeployment) -> str | None:
    pods = deployment.judged_pods
    return next((in_its_place(pod, APP) for pod in pods if not APP.containers_in(pod)), None)


def _only_one(manifest: Manifest, _: ManifestPart) -> None:
    manifest["spec"]["replicas"] = 1


_CHECK_PODS_COME = DemandCheck(
    look=deployment_named("pods-come"),
    as_given=_pods_come_as_given,
    demands=(
        Demand(
            "restricted",
            "without weakening the namespace",
            _is_weakened,
            (everywhere("nobody insists", runAsNonRoot=None), everywhere("no filter", seccompProfile=None)),
        ),
        Demand("both", "Make both of them ready", _not_both, (PodBreak("one replica", _only_one),)),
        Demand("program", "This Deployment", _runs_another, (ANOTHER_PROGRAM,)),
    ),
    praise=lambda deployment: (
        f"{deployment.rollout.ready} of {deployment.rollout.wanted} pods are ready where restricted is enforced."
    ),
)


PODS_COME = Exercise(
    name="pods-come",
    kind="repair",
    file="pods-come.yaml",
    hints=(
        "The API server took the Deployment. Who makes its pods, and where does it say why it cannot?",
        '`lab.rollout("pods-come")` shows the FailedCreate event of the ReplicaSet: two controls are named.',
        "Under `template.spec`: a seccompProfile for the pod, and capabilities with drop for the container.",
    ),
    solution=_deployment(),
    others=(
        _deployment(
            "{}",
            "{runAsNonRoot: true, runAsUser: 1654, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, "
            "seccompProfile: {type: RuntimeDefault}}",
            "aspnetapp-root",
        ),
    ),
    wrong=(
        Wrong(_deployment("{runAsNonRoot: true}"), "names seccompProfile"),
        Wrong(_deployment(container="{allowPrivilegeEscalation: false}"), "names unrestricted capabilities"),
        Wrong(
            _deployment("{runAsNonRoot: true}", "{allowPrivilegeEscalation: false}").replace(
                '"restricted"', '"baseline"', 1
            ),
            "does not enforce restricted",
        ),
        Wrong(_deployment().replace("replicas: 2", "replicas: 0"), "asks for 0 pods"),
        Wrong(_deployment().replace("replicas: 2", "replicas: 1"), "asks for 1 pod"),
        Wrong(_deployment(image="aspnetapp-root"), "not the last to decide"),
        # The right Deployment, and a change of it that does not run: the older ReplicaSet is still there.
        Wrong(
            _deployment() + 'lab.rollout("pods-come")' + _deployment(image="aspnetapp-root"),
            "not the last to decide",
        ),
        Wrong(_deployment().replace("replicas: 2", "replicas: 2\n  paused: true"), "It is paused"),
        # Let in before the label.
        Wrong(
            _deployment("{runAsNonRoot: true}").replace('"restricted"', '"baseline"', 1)
            + 'lab.rollout("pods-come")\nlab.enforce("restricted")',
            "the API server names seccompProfile",
        ),
        Wrong(
            _deployment() + typed("label", "namespace", NAMESPACE, f"{ENFORCE_VERSION_LABEL}=v1.0"),
            "These controls came later",
        ),
        # Another program, which needs nothing.
        Wrong(
            _deployment().replace("image: aspnetapp", "image: aspnetapp\n        command: [sleep, '600']"),
            "runs sleep in place of its app",
        ),
        # What makes pods, too, and is no Deployment; and what the API server does not take.
        *(
            Wrong(
                'lab.enforce("restricted")' + typed("apply", "--filename", "-", manifest=manifest),
                f"There is a {kind} pods-come",
            )
            for kind, manifest in _OTHER_KINDS.items()
        ),
        Wrong(_refused(_deployment().replace("replicas: 2", "replica: 2")), "was not taken, because the API server"),
        Wrong(_refused(_deployment().replace("kind: Deployment", "kind: StatefulSet")), "its kind is 'StatefulSet'"),
    ),
    check=_CHECK_PODS_COME,
)
