"""Exercises of 07-run-as-non-root."""

from __future__ import annotations

from typing import Any

from labkit.core.causes import Cause
from labkit.course.exercise import Assessment, Exercise, Wrong, not_right, not_yet, passed
from labkit.course.pod_settings import container_settings, pod_settings
from labkit.course.world import World


def _check_in_the_container(world: World, _: Any) -> Assessment:
    pod = world.look.pod("in-the-container")
    if pod is None or pod.cause is Cause.IMAGE_RUNS_AS_ROOT:
        return not_yet("The pod in-the-container is still refused: its image runs as root.")
    if pod.cause is not None or pod.verdict != "running":
        return not_right(f"The pod does not run: {pod.verdict}, {pod.cause or pod.message}.")
    manifest = world.look.manifest("in-the-container")
    if not all(settings.get("runAsNonRoot") for settings in container_settings(manifest).values()):
        return not_right("The pod runs, but nobody insists any more: runAsNonRoot is not true for its container.")
    if "runAsUser" in pod_settings(manifest):
        return not_right("It runs, but by a setting of the pod; the task wants the container's own.")
    return passed(f"The container runs as {world.start.exec(pod, 'id -u').output}, by a setting of its own.")


_IN_THE_CONTAINER = Exercise(
    name="in-the-container",
    kind="repair",
    hints=(
        "Which setting overrides the other, the pod's or the container's?",
        "The container's securityContext may have a runAsUser, too; `lab.pod` takes it as `container={...}`.",
        'container={"runAsUser": 1654}',
    ),
    solution="""
lab.pod("aspnetapp-root", name="in-the-container", pod={"runAsNonRoot": True}, container={"runAsUser": 1654})
""",
    others=(
        """
lab.pod("aspnetapp-root", name="in-the-container", container={"runAsNonRoot": True, "runAsUser": 4242})
""",
    ),
    wrong=(
        Wrong(
            'lab.pod("aspnetapp-root", name="in-the-container", pod={"runAsNonRoot": True, "runAsUser": 1654})',
            "by a setting of the pod",
        ),
        Wrong(
            'lab.pod("aspnetapp-root", name="in-the-container", pod={"runAsNonRoot": True}, '
            'container={"runAsNonRoot": False})',
            "nobody insists any more",
        ),
        Wrong(
            'lab.pod("aspnetapp-root", name="in-the-container", pod={"runAsNonRoot": True}, '
            'container={"runAsUser": 0})',
            "run-as-user-is-root",
        ),
    ),
    check=_check_in_the_container,
)


def _check_which_cause(world: World, answer: str) -> Assessment:
    if answer not in set(Cause) and answer != "runs":
        return not_right(f"{answer!r} is neither one of the causes nor 'runs'.")
    pod = world.start.pod("named-user", pod={"runAsNonRoot": True}, container={"runAsUser": 0}, name="which-cause")
    if answer == "runs":
        return not_right("It does not run: the kubelet finds a contradiction in the pod itself.")
    if answer != pod.cause:
        return not_right(
            f"The kubelet does not say {answer}. With runAsUser set nobody looks at the image any more; "
            "what is left to compare?"
        )
    return passed(f"{pod.message}: the image's name is never looked at, because runAsUser replaces it.")


_WHICH_CAUSE = Exercise(
    name="which-cause",
    kind="predict",
    answers=str,
    hints=(
        "Two things are wrong with this pod. Which of them does the kubelet look at first?",
        "`runAsUser` replaces the image's user, also when the image's user is a name.",
        "So the kubelet compares runAsNonRoot with the number 0, and never sees `app`.",
    ),
    solution='prediction = "run-as-user-is-root"',
    wrong=(
        Wrong('prediction = "image-user-not-numeric"', "nobody looks at the image any more"),
        Wrong('prediction = "runs"', "contradiction"),
        Wrong("prediction = 0", "a text in quotes is expected"),
        Wrong('prediction = "it fails"', "neither one of the causes"),
    ),
    check=_check_which_cause,
)


def _check_all_of_them(world: World, _: Any) -> Assessment:
    pod = world.look.pod("all-of-them")
    if pod is None or (pod.cause is Cause.IMAGE_RUNS_AS_ROOT and pod.container == "init"):
        return not_yet("The pod all-of-them is still refused because of its init container.")
    if pod.verdict not in ("running", "succeeded"):
        return not_right(f"The pod does not run: {pod.verdict}, {pod.cause or pod.message}, container {pod.container}.")
    settings = container_settings(world.look.manifest("all-of-them"))
    if len(settings) < 2:
        return not_right("It runs, but its init container is gone; the app needs what that prepares.")
    if not all(in_force.get("runAsNonRoot") for in_force in settings.values()):
        return not_right("It runs, but not every container has to be non-root any more.")
    return passed("Both containers run, and each of them has to be non-root.")


_ALL_OF_THEM = Exercise(
    name="all-of-them",
    kind="repair",
    hints=(
        "Which of the two containers is refused, and what does its image say?",
        "A number for the pod as a whole holds for init containers, too.",
        "Put runAsUser: 1654 beside runAsNonRoot, in the securityContext of the pod.",
    ),
    solution='''
lab.apply("""
apiVersion: v1
kind: Pod
metadata:
  name: all-of-them
spec:
  securityContext:
    runAsNonRoot: true
    runAsUser: 1654
  initContainers:
  - name: init
    image: debian
    command: [id]
  containers:
  - name: app
    image: aspnetapp
""")
''',
    others=(
        '''
lab.apply("""
apiVersion: v1
kind: Pod
metadata:
  name: all-of-them
spec:
  securityContext:
    runAsNonRoot: true
  initContainers:
  - name: init
    image: debian
    command: [id]
    securityContext:
      runAsUser: 4242
  containers:
  - name: app
    image: aspnetapp
""")
''',
    ),
    wrong=(
        Wrong(
            '''
lab.apply("""
apiVersion: v1
kind: Pod
metadata:
  name: all-of-them
spec:
  securityContext:
    runAsNonRoot: true
  containers:
  - name: app
    image: aspnetapp
""")
''',
            "init container is gone",
        ),
        Wrong(
            '''
lab.apply("""
apiVersion: v1
kind: Pod
metadata:
  name: all-of-them
spec:
  initContainers:
  - name: init
    image: debian
    command: [id]
  containers:
  - name: app
    image: aspnetapp
""")
''',
            "not every container",
        ),
    ),
    check=_check_all_of_them,
)

EXERCISES = (_IN_THE_CONTAINER, _WHICH_CAUSE, _ALL_OF_THEM)
