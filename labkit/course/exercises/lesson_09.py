"""Exercises of 09-pod-security-standards."""

from __future__ import annotations

from typing import Any

from labkit.course.exercise import Exercise, Wrong
from labkit.course.exercises.lesson_09_pods_come import PODS_COME
from labkit.course.exercises.lesson_09_to_restricted import TO_RESTRICTED
from labkit.course.judging.assessment import Assessment, not_right, passed
from labkit.course.judging.judged_pod import controls_named
from labkit.course.world import World
from labkit.show import counted

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
    violated = {name for name in _CONTROLS if any(name in controls_named((text,)) for text in refusal.violations)}
    if too_many := sorted(set(answer) - violated):
        names = ", ".join(too_many)
        return not_right(f"The API server does not object to {names}: is it set elsewhere, or not asked for?")
    if violated - set(answer):
        return not_right(
            f"These are right, but the API server names {counted(len(violated), 'control')}, "
            f"and you name {len(set(answer))}."
        )
    return passed(f"In the API server's words: {'; '.join(refusal.violations)}.")


_MISSING_CONTROLS = Exercise(
    name="missing-controls",
    kind="choose",
    answers=list,
    choices=_CONTROLS,
    hints=(
        "For each control: is it set for the pod, for a container, or for both? Which one is in force for `sidecar`?",
        "Settings of a container override those of the pod, for better or worse. And what does the list under `drop` "
        "have to hold?",
        "`app` drops two capabilities and keeps the others; `sidecar` opts out of runAsNonRoot.",
    ),
    solution='missing = ["capabilities", "runAsNonRoot"]',
    others=('missing = ["runAsNonRoot", "capabilities"]',),
    wrong=(
        Wrong('missing = ["capabilities"]', "names 2 controls, and you name 1"),
        Wrong('missing = ["capabilities", "runAsNonRoot", "seccompProfile"]', "does not object to seccompProfile"),
        Wrong("missing = []", "The list is empty"),
        Wrong('missing = ["root"]', "not one of the six"),
        Wrong('missing = "capabilities"', "a list is expected"),
    ),
    check=_check_missing_controls,
)


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
        return passed(f"{who} says: {pod.sentence or 'it runs'}.")
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
        Wrong("prediction = False", "a string in quotes is expected"),
    ),
    check=_check_who_says_no,
)

EXERCISES = (TO_RESTRICTED, _MISSING_CONTROLS, PODS_COME, _WHO_SAYS_NO)
