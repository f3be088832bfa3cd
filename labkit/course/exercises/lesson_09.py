"""Exercises of 09-pod-security-standards."""

from __future__ import annotations

from typing import Any

from labkit.course.exercise import Assessment, Exercise, Wrong, not_right, not_yet, passed
from labkit.course.world import World

_PRIVILEGED = "the namespace does not enforce restricted any more, so anything would pass there"


def _named(violations: tuple[str, ...]) -> str:
    """The controls of Pod Security's message without their details."""
    return ", ".join(violation.partition(" (")[0] for violation in violations)


# --- to-restricted ---

_START = "allowPrivilegeEscalation != false, unrestricted capabilities, restricted volume types, runAsNonRoot != true"

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
_FULL_POD = "{runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}"
_FULL_CONTAINER = "{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}"


def _pod(
    pod: str = _FULL_POD, container: str = _FULL_CONTAINER, volume: str = "emptyDir: {}", image: str = "aspnetapp"
) -> str:
    return _POD.format(pod=pod, container=container, volume=volume, image=image)


def _check_to_restricted(world: World, _: Any) -> Assessment:
    pod = world.look.pod("to-restricted")
    if pod is None:
        return not_yet("There is no pod to-restricted yet.")
    if pod.verdict == "not admitted":
        named = _named(pod.violations)
        if named.startswith(_START):
            return not_yet("The API server still objects to the pod to-restricted as it was given to you.")
        return not_right(f"The API server does not let it in; it names: {named or pod.message}.")
    if world.look.enforced() != "restricted":
        return not_right(f"The pod is there, but {_PRIVILEGED}.")
    refusal = world.look.admission(world.look.manifest("to-restricted"))
    if refusal is not None:
        return not_right(
            f"The pod was let in before the label; today the API server would name: {_named(refusal.violations)}."
        )
    if pod.verdict != "running":
        return not_right(f"The API server let it in, but it does not run: {pod.cause or pod.message or pod.verdict}.")
    containers = world.look.manifest("to-restricted")["spec"]["containers"]
    mounts = [mount for container in containers for mount in container.get("volumeMounts") or []]
    if not any(mount.get("mountPath") == "/scratch" for mount in mounts):
        return not_right("It runs, but the app has lost its folder /scratch.")
    return passed("The API server lets it in, the kubelet starts it, and the app still has its folder.")


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
    ),
    check=_check_to_restricted,
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
    unknown = [control for control in answer if control not in _CONTROLS]
    if unknown:
        return not_right(f"{unknown[0]!r} is not one of the controls that the task lists.")
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
        Wrong("missing = []", "names 2 controls and you name 0"),
        Wrong('missing = ["root"]', "not one of the controls"),
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
_AS_GIVEN = "unrestricted capabilities, seccompProfile"


def _deployment(pod: str = _FULL_POD, container: str = _FULL_CONTAINER, image: str = "aspnetapp") -> str:
    return _DEPLOYMENT.replace("POD", pod).replace("CONTAINER", container).replace("IMAGE", image)


def _check_pods_come(world: World, _: Any) -> Assessment:
    rollout = world.look.rollout("pods-come")
    if rollout is None:
        return not_yet("There is no Deployment pods-come yet.")
    if _named(rollout.violations) == _AS_GIVEN:
        return not_yet("The Deployment pods-come is as it was: the API server takes it, and none of its pods.")
    if rollout.violations:
        return not_right(f"Its pods do not come: the API server names {_named(rollout.violations)}.")
    if world.look.enforced() != "restricted":
        return not_right(f"{rollout.ready} pods are ready, but {_PRIVILEGED}.")
    if rollout.wanted < 1:
        return not_right("The Deployment asks for no pods, so none is refused, and none comes.")
    if rollout.ready < rollout.wanted:
        waiting = next(
            (reason for name, _, reason in world.look.pods() if reason and name.startswith("pods-come-")), ""
        )
        return not_right(
            f"The API server lets the pods in now, but {rollout.ready} of {rollout.wanted} are ready; "
            f"a container of theirs waits for: {waiting or 'nothing that it says'}. That is another component's no."
        )
    return passed(f"{rollout.ready} of {rollout.wanted} pods are ready where restricted is enforced.")


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
        Wrong(_deployment().replace("replicas: 2", "replicas: 0"), "asks for no pods"),
    ),
    check=_check_pods_come,
)


# --- who-says-no ---

_WHO = ("the API server", "the kubelet", "nobody")


def _check_who_says_no(world: World, answer: str) -> Assessment:
    if answer not in _WHO:
        return not_right(f"{answer!r} is not one of {', '.join(map(repr, _WHO))}.")
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
    hints=(
        "Each of the two has a rule about runAsUser: 0. Does hostUsers count in both?",
        "Pod Security asks for no particular user where hostUsers is false. And the kubelet's first refusal in "
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
