"""Exercises of 09-pod-security-standards."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from labkit.core.admission.policy import ENFORCE_VERSION_LABEL
from labkit.core.identity.model import Identity
from labkit.core.pods.as_written import is_as_written
from labkit.course.exercise import Exercise, Wrong
from labkit.course.exercises.terminal_cells import AS_ROOT, NAMESPACE, debugged, typed
from labkit.course.judging.assessment import Assessment, not_right, passed
from labkit.course.judging.breaks import PodBreak, everywhere
from labkit.course.judging.demands import Demand, DemandCheck
from labkit.course.judging.judged_deployment import JudgedDeployment, deployment_named
from labkit.course.judging.judged_pod import JudgedPod, pod_named, with_references
from labkit.course.judging.pod_demands import (
    ANOTHER_PROGRAM,
    SampleApp,
    in_its_place,
    restricted_holds,
    runs,
    runs_app,
    weakened,
)
from labkit.course.pod_settings import own_settings
from labkit.course.world import World


def _named(violations: tuple[str, ...]) -> str:
    """The controls of Pod Security's message without their details."""
    return ", ".join(violation.partition(" (")[0] for violation in violations)


# --- to-restricted ---

_POD_GIVEN: dict[str, Any] = {
    "spec": {
        "containers": [
            {
                "name": "app",
                "image": "aspnetapp",
                "securityContext": {"capabilities": {"add": ["NET_RAW"]}},
                "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
            }
        ],
        "volumes": [{"name": "scratch", "hostPath": {"path": "/tmp"}}],
    }
}

_POD = '''
lab.enforce("restricted")
lab.apply("""
apiVersion: v1
kind: Pod
metadata:
  name: to-restricted
spec:
  securityContext:
    {pod}
  containers:
  - name: app
    image: {image}
    securityContext:
      {container}
    volumeMounts:
    - name: scratch
      mountPath: /scratch
  volumes:
  - name: scratch
    {volume}
""")
'''
_VOLUME = """    volumeMounts:
    - name: scratch
      mountPath: /scratch
  volumes:
  - name: scratch
    emptyDir: {}
"""
_FULL_POD = "{runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}"
_FULL_CONTAINER = "{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}"


def _pod(
    pod: str = _FULL_POD, container: str = _FULL_CONTAINER, volume: str = "emptyDir: {}", image: str = "aspnetapp"
) -> str:
    return _POD.format(pod=pod, container=container, volume=volume, image=image)


def _to_restricted_as_given(pod: JudgedPod) -> str | None:
    if not pod.violated or not pod.is_as_written(_POD_GIVEN):
        return None
    return "The API server still objects to the pod to-restricted as it was given to you."


_APP = SampleApp("/app/aspnetapp", ("aspnetapp", "aspnetapp-root", "aspnetapp-chiseled"))
_SCRATCH = "/scratch"
# Volumes that nothing can be written to (kubernetes/api:core/v1/types.go).
_READ_ONLY_VOLUMES = ("configMap", "secret", "projected", "downwardAPI", "image")


def _no_scratch(pod: JudgedPod) -> str | None:
    volumes = {volume["name"]: volume for volume in pod.spec.get("volumes") or []}
    for container in _APP.containers_in(pod):
        mounts = [mount for mount in container.get("volumeMounts") or [] if mount["mountPath"].rstrip("/") == _SCRATCH]
        if not mounts and not _image_has_scratch(pod, container):
            return "It runs, but the app has lost its folder /scratch."
        for mount in mounts:
            kind = next((kind for kind in _READ_ONLY_VOLUMES if kind in volumes[mount["name"]]), "")
            if mount.get("readOnly") or kind:
                return f"It runs, but its folder /scratch is read-only{f': a {kind}' if kind else ''}."
    return None


def _image_has_scratch(pod: JudgedPod, container: Mapping[str, Any]) -> bool:
    """Whether the folder is in the container's own image, and the app may write to it there."""
    image, process = pod.images[container["name"]], pod.identities.get(container["name"])
    if image is None or process is None or own_settings(container).get("readOnlyRootFilesystem"):
        return False
    folder = image.tree.resolve(_SCRATCH)
    identity = Identity(uid=process.uid, gid=process.gid, groups=process.groups, user=None, home=None)
    return folder is not None and folder.kind == "folder" and image.tree.may_write(identity, _SCRATCH)


def _lose_the_folder(_: dict[str, Any], spec: dict[str, Any]) -> None:
    for container in spec["containers"]:
        container.pop("volumeMounts", None)


def _close_the_folder(_: dict[str, Any], spec: dict[str, Any]) -> None:
    for container in spec["containers"]:
        for mount in container.get("volumeMounts") or []:
            mount["readOnly"] = True


_CHECK_TO_RESTRICTED = DemandCheck(
    look=pod_named("to-restricted"),
    as_given=_to_restricted_as_given,
    demands=(
        restricted_holds("where `restricted` is enforced"),
        runs("ends with the pod running", as_root=True, goes_on=True),
        runs_app("Its app", _APP),
        Demand(
            "scratch",
            "wants a folder /scratch to write to",
            _no_scratch,
            (PodBreak("no folder", _lose_the_folder), PodBreak("a read-only folder", _close_the_folder)),
        ),
    ),
    praise=lambda pod: "The API server lets it in, the kubelet starts it, and the app still has its folder.",
)


_AS_DEPLOYMENT = '''
lab.enforce("restricted")
lab.create("""
apiVersion: apps/v1
kind: Deployment
metadata:
  name: to-restricted
spec:
  selector:
    matchLabels: {app: to-restricted}
  template:
    metadata:
      labels: {app: to-restricted}
    spec:
      containers:
      - name: app
        image: aspnetapp
""")
'''

_TO_RESTRICTED = Exercise(
    name="to-restricted",
    kind="repair",
    hints=(
        "The API server's message is a list of what to do. Which of its items are about a container, which about the "
        "pod, and which about a volume?",
        "The folder is for scratch. Which type of volume is empty at the start and goes with the pod?",
        "Pod: runAsNonRoot, seccompProfile. Container: allowPrivilegeEscalation, capabilities.drop and no "
        "capabilities.add. Volume: emptyDir.",
    ),
    solution=_pod(),
    others=(
        _pod(
            "fsGroup: 2000",
            "{runAsNonRoot: true, runAsUser: 4242, allowPrivilegeEscalation: false, capabilities: {drop: [ALL], "
            "add: [NET_BIND_SERVICE]}, seccompProfile: {type: RuntimeDefault}}",
            "emptyDir: {medium: Memory}",
            "aspnetapp-root",
        ),
        _pod("{seccompProfile: {type: RuntimeDefault}}\n  hostUsers: false"),
        _pod().replace("mountPath: /scratch", "mountPath: /scratch/"),
        # The app's own program, named once more.
        _pod().replace("    image: aspnetapp", "    image: aspnetapp\n    command: [/app/aspnetapp]"),
        # Started by a shell, in a container of another name.
        _pod().replace(
            "- name: app\n    image: aspnetapp",
            '- name: web\n    image: aspnetapp\n    command: [sh, -c, "exec /app/aspnetapp"]',
        ),
        _pod(container="{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}"),
        # A version whose rules are today's.
        _pod() + typed("label", "namespace", NAMESPACE, f"{ENFORCE_VERSION_LABEL}=v1.35"),
        # The folder in an image of one's own.
        '''
lab.build("""
FROM aspnetapp
USER 0
RUN mkdir /scratch && chown 1654 /scratch
USER 1654
""", name="with-scratch:1")
'''
        + _pod(image="with-scratch:1").replace(_VOLUME, ""),
    ),
    wrong=(
        Wrong(_pod(volume="hostPath: {path: /tmp}"), "restricted volume types"),
        Wrong(
            _pod(
                container="{allowPrivilegeEscalation: false, capabilities: {drop: [ALL], add: [NET_RAW]}}",
            ),
            "unrestricted capabilities",
        ),
        Wrong(_pod("{runAsNonRoot: true, seccompProfile: {type: Unconfined}}"), "seccompProfile"),
        Wrong(_pod(image="aspnetapp-root"), "image-runs-as-root"),
        Wrong(_pod().replace('"restricted"', '"privileged"', 1), "does not enforce restricted"),
        Wrong(
            _pod().replace('lab.enforce("restricted")\n', "").replace(_FULL_CONTAINER, "{}") + "lab.enforce()\n",
            "let in before the label",
        ),
        # All is right but for who looks into it since, as root.
        Wrong(
            _pod().replace('lab.enforce("restricted")\n', "")
            + debugged("to-restricted", AS_ROOT)
            + 'lab.enforce("restricted")\n',
            "let in before the label; today the API server would name: allowPrivilegeEscalation",
        ),
        Wrong(_pod().replace("mountPath: /scratch", "mountPath: /scratch\n      readOnly: true"), "is read-only"),
        Wrong(
            _pod().replace("    image: aspnetapp", "    image: aspnetapp\n    command: [sleep, '60']"),
            "in place of its app",
        ),
        # Pinned to rules that ask for less.
        Wrong(
            _pod() + typed("label", "namespace", NAMESPACE, f"{ENFORCE_VERSION_LABEL}=v1.18"),
            "as it was in Kubernetes 1.18",
        ),
        Wrong(_pod(volume="configMap: {name: kube-root-ca.crt}"), "read-only: a configMap"),
        # Another program under the app's own name.
        Wrong(
            '''
lab.build("""
FROM aspnetapp
USER 0
COPY --from=debian /usr/bin/sleep /app/aspnetapp
USER 1654
ENTRYPOINT ["/app/aspnetapp", "600"]
""", name="sleeper:2")
'''
            + _pod(image="sleeper:2"),
            "another program of the name aspnetapp",
        ),
        # Something else of that name, which makes pods.
        Wrong(
            _AS_DEPLOYMENT,
            "There is a Deployment to-restricted, and no Pod of that name",
        ),
        # Another container has the folder, and the app has it no more.
        Wrong(
            _pod().replace(
                "    volumeMounts:",
                "  - name: helper\n    image: debian\n    command: [sleep, '600']\n    securityContext:\n"
                f"      {_FULL_CONTAINER[:-1]}, runAsUser: 4242}}\n    volumeMounts:",
            ),
            "has lost its folder",
        ),
        # Another program, by way of an image.
        Wrong(
            '''
lab.build("""
FROM debian
USER 1654
CMD ["sleep", "600"]
""", name="sleeper:1")
'''
            + _pod(image="sleeper:1"),
            "in place of its app",
        ),
        Wrong(_pod().replace("mountPath: /scratch", "mountPath: /tmp"), "has lost its folder"),
        # A container's setting, written one level too high.
        Wrong(
            _pod("{runAsNonRoot: true, allowPrivilegeEscalation: false, seccompProfile: {type: RuntimeDefault}}"),
            "allowPrivilegeEscalation",
        ),
    ),
    check=_CHECK_TO_RESTRICTED,
)


# --- missing-controls ---

_CONTROLS = ("allowPrivilegeEscalation", "capabilities", "runAsNonRoot", "runAsUser", "seccompProfile", "privileged")

MISSING_CONTROLS = """\
apiVersion: v1
kind: Pod
metadata:
  name: missing-controls
spec:
  securityContext:
    runAsNonRoot: true
    seccompProfile: {type: RuntimeDefault}
  containers:
  - name: app
    image: aspnetapp
    securityContext:
      allowPrivilegeEscalation: false
      capabilities: {drop: [NET_RAW, SYS_ADMIN]}
  - name: sidecar
    image: aspnetapp
    securityContext:
      runAsNonRoot: false
      allowPrivilegeEscalation: false
      capabilities: {drop: [ALL]}
"""
"""The manifest that the task shows."""


def _check_missing_controls(world: World, answer: list[Any]) -> Assessment:
    world.start.enforce("restricted")
    refusal = world.look.admission(MISSING_CONTROLS)
    if refusal is None:
        return not_right("The API server lets it in here, so there is nothing to name.")
    violated = {name for name in _CONTROLS if any(name in _named((text,)) for text in refusal.violations)}
    if too_many := sorted(set(answer) - violated):
        return not_right(f"The API server has no objection as to {', '.join(too_many)}: look where else it is set.")
    if violated - set(answer):
        return not_right(
            f"These are right, but the API server names {len(violated)} controls and you name {len(set(answer))}."
        )
    return passed(f"In the API server's words: {'; '.join(refusal.violations)}.")


_MISSING_CONTROLS = Exercise(
    name="missing-controls",
    kind="choose",
    answers=list,
    choices=_CONTROLS,
    hints=(
        "For each control: is it set for the pod, for a container, or for both? Which one is in force for `sidecar`?",
        "Settings of a container override those of the pod, for the better or the worse. And which one capability "
        "must be in the list of those that are dropped?",
        "`app` drops two capabilities and keeps the others; `sidecar` opts out of runAsNonRoot.",
    ),
    solution='missing = ["capabilities", "runAsNonRoot"]',
    others=('missing = ["runAsNonRoot", "capabilities"]',),
    wrong=(
        Wrong('missing = ["capabilities"]', "names 2 controls and you name 1"),
        Wrong('missing = ["capabilities", "runAsNonRoot", "seccompProfile"]', "no objection as to seccompProfile"),
        Wrong("missing = []", "The list is empty"),
        Wrong('missing = ["root"]', "not one of the six"),
        Wrong('missing = "capabilities"', "a list is expected"),
    ),
    check=_check_missing_controls,
)


# --- pods-come ---

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


def _deployment(pod: str = _FULL_POD, container: str = _FULL_CONTAINER, image: str = "aspnetapp") -> str:
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


_DEPLOYMENT_GIVEN: dict[str, Any] = {
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "pods-come"}},
        "template": {
            "metadata": {"labels": {"app": "pods-come"}},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "securityContext": {"runAsNonRoot": True},
                "containers": [
                    {"name": "app", "image": "aspnetapp", "securityContext": {"allowPrivilegeEscalation": False}}
                ],
            },
        },
    }
}


def _pods_come_as_given(deployment: JudgedDeployment) -> str | None:
    rollout = deployment.rollout_or_none
    if rollout is None or deployment.not_taken is not None or not rollout.violations:
        return None
    if not is_as_written(deployment.manifest["spec"], with_references(deployment.world, _DEPLOYMENT_GIVEN)["spec"]):
        return None
    return "The Deployment pods-come is as it was: the API server takes it, and none of its pods."


def _is_weakened(deployment: JudgedDeployment) -> str | None:
    if (weaker := weakened(deployment.world)) is not None:
        return weaker
    refusal = deployment.world.look.admission(deployment.manifest)
    if refusal is None:
        return None
    return f"Its pods do not come: the API server names {_named(refusal.violations) or refusal.message}."


def _not_both(deployment: JudgedDeployment) -> str | None:
    wanted, ready = deployment.rollout.wanted, deployment.rollout.ready
    if wanted < 2:
        return f"The Deployment asks for {wanted} pod{'' if wanted == 1 else 's'}; two is what it was given for."
    if ready >= wanted:
        return None
    if deployment.manifest.get("spec", {}).get("paused"):
        return f"It is paused, and {ready} of {wanted} pods are ready: nobody makes pods of its template meanwhile."
    reason = next((pod.headline for pod in deployment.pods if pod.verdict != "running"), "nothing that it says")
    return (
        f"The API server lets the pods in now, but {ready} of {wanted} are ready: {reason}. "
        "That is another component's no."
    )


def _runs_another(deployment: JudgedDeployment) -> str | None:
    pods = deployment.judged_pods
    return next((in_its_place(pod, _APP) for pod in pods if not _APP.containers_in(pod)), None)


def _only_one(manifest: dict[str, Any], _: dict[str, Any]) -> None:
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


_PODS_COME = Exercise(
    name="pods-come",
    kind="repair",
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
        Wrong(_deployment(image="aspnetapp-root"), "another component's no"),
        # The right Deployment, and a change of it that does not run: the older ReplicaSet is still there.
        Wrong(
            _deployment() + 'lab.rollout("pods-come")' + _deployment(image="aspnetapp-root"),
            "another component's no",
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


# --- who-says-no ---

_WHO = ("the API server", "the kubelet", "nobody")


def _check_who_says_no(world: World, answer: str) -> Assessment:
    world.start.enforce("restricted")
    manifest = {
        "kind": "Pod",
        "metadata": {"name": "who-says-no"},
        "spec": {
            "hostUsers": False,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "app",
                    "image": "aspnetapp",
                    "securityContext": {
                        "runAsUser": 0,
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }
    pod = world.start.apply(manifest)
    who = {"not admitted": _WHO[0], "refused": _WHO[1]}.get(pod.verdict, _WHO[2])
    if answer == who:
        return passed(f"{who} says: {pod.message or 'it runs'}.")
    if answer == "the API server":
        return not_right("The API server lets it in: in a pod with a user namespace of its own it does not ask.")
    if answer == "nobody":
        return not_right("Somebody does: the pod does not run. Two of its settings contradict each other.")
    return not_right(f"The kubelet is not the one; what was seen is: {pod.verdict}.")


_WHO_SAYS_NO = Exercise(
    name="who-says-no",
    kind="predict",
    answers=str,
    choices=_WHO,
    hints=(
        "Each of the two has a rule about runAsUser: 0. Does hostUsers count in both?",
        "Pod Security asks for no particular user where hostUsers is false. And the kubelet's third refusal in "
        "lesson 07, what did it compare?",
        "runAsNonRoot: true beside runAsUser: 0 is a contradiction to the kubelet, user namespace or not.",
    ),
    solution='prediction = "the kubelet"',
    wrong=(
        Wrong('prediction = "the API server"', "it does not ask"),
        Wrong('prediction = "nobody"', "contradict each other"),
        Wrong('prediction = "the registry"', "is not one of"),
        Wrong("prediction = False", "a text in quotes is expected"),
    ),
    check=_check_who_says_no,
)

EXERCISES = (_TO_RESTRICTED, _MISSING_CONTROLS, _PODS_COME, _WHO_SAYS_NO)
