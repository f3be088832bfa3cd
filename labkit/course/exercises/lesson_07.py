"""Exercises of 07-run-as-non-root."""

from __future__ import annotations

from dataclasses import replace

from labkit.core.causes import Cause
from labkit.core.mappings import Manifest, ManifestPart
from labkit.core.pods.manifest import container_manifest, pod_manifest
from labkit.course.exercise import Exercise, Wrong
from labkit.course.exercises.terminal_cells import AS_ROOT, debugged, typed
from labkit.course.judging.assessment import Assessment, not_right, passed
from labkit.course.judging.breaks import PodBreak
from labkit.course.judging.demands import Demand, DemandCheck
from labkit.course.judging.judged_pod import JudgedPod, given_manifest, pod_named
from labkit.course.judging.pod_demands import (
    SampleApp,
    has_containers,
    has_image,
    has_images,
    insists,
    not_as_root,
    runs,
    runs_app,
    uids,
)
from labkit.course.pod_settings import own_settings
from labkit.course.world import World

_ASPNETAPP = SampleApp("/app/aspnetapp", ("aspnetapp",))
_APP_AS_ROOT = SampleApp("/app/aspnetapp", ("aspnetapp-root",))
_INSISTS = {"runAsNonRoot": True}


def _in_the_container_as_given(pod: JudgedPod) -> str | None:
    given = pod_manifest(pod.name, [container_manifest("aspnetapp-root", "aspnetapp-root")], security=_INSISTS)
    is_refused = pod.outcome is not None and pod.outcome.cause is Cause.IMAGE_RUNS_AS_ROOT
    if not is_refused or not pod.is_as_written(given):
        return None
    return "The pod in-the-container is still refused: its image runs as root."


def _no_setting_of_the_container(pod: JudgedPod) -> str | None:
    if all(own_settings(container).get("runAsUser") for container in pod.containers):
        return None
    if "runAsUser" in pod.settings:
        return "It runs, but by a setting of the pod; the task wants the container's own."
    return "It runs, but not by a setting of the container: its securityContext has no runAsUser."


def _move_to_the_pod(_: Manifest, spec: ManifestPart) -> None:
    for container in spec["containers"]:
        user = container["securityContext"].pop("runAsUser")
        spec.setdefault("securityContext", {})["runAsUser"] = user


def _sleep(_: Manifest, spec: ManifestPart) -> None:
    for container in spec["containers"]:
        container["command"] = ["sleep", "600"]


_CHECK_IN_THE_CONTAINER = DemandCheck(
    look=pod_named("in-the-container"),
    as_given=_in_the_container_as_given,
    demands=(
        runs("Make it run"),
        has_image("This pod", "aspnetapp-root"),
        insists("the pod as a whole must go on insisting"),
        Demand(
            "container's",
            "with a setting of the **container**",
            _no_setting_of_the_container,
            (PodBreak("the setting moved to the pod", _move_to_the_pod),),
        ),
        not_as_root("must go on insisting"),
        replace(runs_app("Make it run", _APP_AS_ROOT), breaks=(PodBreak("sleep in its place", _sleep),)),
    ),
    praise=lambda pod: f"The container runs as {uids(pod)}, by a setting of its own.",
)

_RIGHT_IN_THE_CONTAINER = """
lab.pod("aspnetapp-root", name="in-the-container", pod={"runAsNonRoot": True}, container={"runAsUser": 1654})
"""
_IN_THE_CONTAINER_AS_MANIFEST = '''
lab.apply("""
apiVersion: v1
kind: Pod
metadata:
  name: in-the-container
spec:
  securityContext:
    runAsNonRoot: true
  containers:
  - name: web
    image: aspnetapp-root
""")
'''

_IN_THE_CONTAINER = Exercise(
    name="in-the-container",
    kind="repair",
    hints=(
        "Which setting overrides the other, the pod's or the container's?",
        "The container's securityContext may have a runAsUser, too; `lab.pod` takes it as `container={...}`.",
        'container={"runAsUser": 1654}',
    ),
    solution=_RIGHT_IN_THE_CONTAINER,
    others=(
        """
lab.pod("aspnetapp-root", name="in-the-container", container={"runAsNonRoot": True, "runAsUser": 4242})
""",
        """
lab.pod("aspnetapp-root", name="in-the-container", pod={"runAsNonRoot": True, "runAsUser": 0},
        container={"runAsUser": 1654})
""",
        # Three pods of one name, one after another; the last one counts.
        """
for uid in (0, 5, 1654):
    lab.pod("aspnetapp-root", name="in-the-container", pod={"runAsNonRoot": True}, container={"runAsUser": uid})
""",
        # As a manifest, with a container of another name.
        _IN_THE_CONTAINER_AS_MANIFEST.replace(
            "image: aspnetapp-root", "image: aspnetapp-root\n    securityContext: {runAsUser: 1654}"
        ),
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
            'lab.pod("aspnetapp", name="in-the-container", pod={"runAsNonRoot": True})',
            "no container of the pod is of it",
        ),
        Wrong(
            'lab.pod("aspnetapp-root", name="in-the-container", container={"runAsUser": 1654})',
            "nobody insists any more",
        ),
        Wrong(
            'lab.pod("aspnetapp-root", name="in-the-container", pod={"runAsNonRoot": True, "runAsuser": 1654})',
            "runAsuser",
        ),
        # The pod's sandbox has a group then, and no user: containerd makes none.
        Wrong(
            'lab.pod("aspnetapp-root", name="in-the-container", pod={"runAsNonRoot": True, "runAsGroup": 0}, '
            'container={"runAsUser": 1654})',
            "refused, bad-user-spec: ",
        ),
        Wrong(
            'lab.pod("aspnetapp-root", name="in-the-container", pod={"runAsNonRoot": True}, '
            'container={"runAsUser": 0})',
            "run-as-user-is-root",
        ),
        Wrong(
            'lab.pod("aspnetapp-root", name="in-the-container", pod={"runAsNonRoot": True}, '
            'container={"runAsGroup": 1654})',
            "image-runs-as-root",
        ),
        # Another program, which needs no root.
        Wrong(
            'lab.pod("aspnetapp-root", name="in-the-container", command="sleep 3600", pod={"runAsNonRoot": True}, '
            'container={"runAsUser": 1654})',
            "runs sleep in place of its app",
        ),
        # A user namespace makes no image non-root.
        Wrong(_IN_THE_CONTAINER_AS_MANIFEST.replace("spec:\n", "spec:\n  hostUsers: false\n"), "image-runs-as-root"),
        # An init container that opts out for itself.
        Wrong(
            _IN_THE_CONTAINER_AS_MANIFEST.replace(
                "  containers:",
                "  initContainers:\n  - name: first\n    image: debian\n    command: [id]\n"
                "    securityContext: {runAsUser: 0, runAsNonRoot: false}\n  containers:",
            ).replace("image: aspnetapp-root", "image: aspnetapp-root\n    securityContext: {runAsUser: 1654}"),
            "runAsNonRoot is not true for first",
        ),
        # The right pod, into which somebody looks as root.
        Wrong(_RIGHT_IN_THE_CONTAINER + debugged("in-the-container", AS_ROOT), "runAsNonRoot is not true for debugger"),
        # The right pod, which somebody deletes.
        Wrong(
            _RIGHT_IN_THE_CONTAINER + typed("delete", "pod", "in-the-container", "--wait=false", "--grace-period=30"),
            "is being deleted",
        ),
    ),
    check=_CHECK_IN_THE_CONTAINER,
)


_CAUSES = (
    *("image-runs-as-root", "image-user-not-numeric", "image-user-out-of-range", "run-as-user-is-root"),
    "runs",
)
"""The kubelet's four refusals, as the lesson shows them, or none."""


def _check_which_cause(world: World, answer: str) -> Assessment:
    pod = world.start.pod("named-user", pod={"runAsNonRoot": True}, container={"runAsUser": 0}, name="which-cause")
    if answer == "runs":
        return not_right("It does not run: the kubelet finds a contradiction in the pod itself.")
    if answer != pod.cause:
        return not_right(
            f"The kubelet does not say {answer}. With runAsUser set nobody looks at the image any more; "
            "what is left to compare?"
        )
    return passed(
        f"The kubelet says: {pod.sentence}. The image's name is never looked at, because runAsUser replaces it."
    )


_WHICH_CAUSE = Exercise(
    name="which-cause",
    kind="predict",
    answers=str,
    choices=_CAUSES,
    hints=(
        "Two things are wrong with this pod. Which of them does the kubelet look at first?",
        "`runAsUser` replaces the image's user, also when the image's user is a name.",
        "So the kubelet compares runAsNonRoot with the number 0, and never sees `app`.",
    ),
    solution='prediction = "run-as-user-is-root"',
    wrong=(
        Wrong('prediction = "image-user-not-numeric"', "nobody looks at the image any more"),
        Wrong('prediction = "runs"', "contradiction"),
        Wrong("prediction = 0", "a string in quotes is expected"),
        Wrong('prediction = "it fails"', "is not one of the five"),
    ),
    check=_check_which_cause,
)


def _all_of_them_as_given(pod: JudgedPod) -> str | None:
    outcome = pod.outcome
    if outcome is None or (outcome.cause, outcome.container) != (Cause.IMAGE_RUNS_AS_ROOT, "init"):
        return None
    if not pod.is_as_written(given_manifest("all-of-them.yaml")):
        return None
    return "The pod all-of-them is still refused because of its init container."


_CHECK_ALL_OF_THEM = DemandCheck(
    look=pod_named("all-of-them"),
    as_given=_all_of_them_as_given,
    demands=(
        has_containers("both containers must stay", init=("init",), main=("app",)),
        runs("Repair the manifest"),
        has_images("both containers", {"app": "aspnetapp"}),
        insists("both must have to be non-root"),
        runs_app("both containers", _ASPNETAPP),
        not_as_root("must have to be non-root"),
    ),
    praise=lambda pod: f"Both containers run, as {uids(pod)}, and each of them has to be non-root.",
)

_INSISTS_ONLY = "  securityContext:\n    runAsNonRoot: true\n"
_INSISTS_AND_CHOOSES = _INSISTS_ONLY + "    runAsUser: 1654\n"
_INIT = "  initContainers:\n  - name: init\n    image: debian\n    command: [id]\n"
_APP = "  - name: app\n    image: aspnetapp\n"
_HEAD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: all-of-them\nspec:\n"


def _all_of_them(settings: str = _INSISTS_ONLY, *, init: str = _INIT, containers: str = _APP) -> str:
    """A cell that makes the pod, with parts of its spec as they are given."""
    return f'\nlab.apply("""\n{_HEAD}{settings}{init}  containers:\n{containers}""")\n'


_ALL_OF_THEM = Exercise(
    name="all-of-them",
    kind="repair",
    file="all-of-them.yaml",
    hints=(
        "Which of the two containers is refused, and what does its image say?",
        "A number for the pod as a whole holds for init containers, too.",
        "Put runAsUser: 1654 beside runAsNonRoot, in the securityContext of the pod.",
    ),
    solution=_all_of_them(_INSISTS_AND_CHOOSES),
    others=(
        _all_of_them(init=_INIT + "    securityContext:\n      runAsUser: 4242\n"),
        # Somebody looks into it, and may not be root either.
        _all_of_them(_INSISTS_AND_CHOOSES) + debugged("all-of-them", "{}"),
        # The init container goes on beside the app, as a sidecar.
        _all_of_them(
            _INSISTS_AND_CHOOSES, init=_INIT.replace("[id]", "[sleep, '3600']") + "    restartPolicy: Always\n"
        ),
        # The app's own program, named once more.
        _all_of_them(
            "  securityContext: {runAsNonRoot: true, runAsUser: 1654}\n",
            containers=_APP + "    command: [/app/aspnetapp]\n",
        ),
    ),
    wrong=(
        Wrong(_all_of_them(init=""), "The container init is gone"),
        Wrong(
            _all_of_them(
                _INSISTS_AND_CHOOSES,
                init="",
                containers='  - name: init\n    image: debian\n    command: [sleep, "3600"]\n' + _APP,
            ),
            "not among initContainers",
        ),
        # A setting of a container that is written one level too high is no field of a container.
        Wrong(_all_of_them(init=_INIT + "    runAsUser: 1654\n"), "runAsUser"),
        Wrong(_all_of_them(settings=""), "nobody insists any more"),
        Wrong(
            _all_of_them(init=_INIT + "    securityContext: {runAsNonRoot: false}\n"),
            "runAsNonRoot is not true for init",
        ),
        Wrong(
            _all_of_them(_INSISTS_AND_CHOOSES) + debugged("all-of-them", AS_ROOT),
            "runAsNonRoot is not true for debugger",
        ),
        # A container more, which may be root.
        Wrong(
            _all_of_them(
                _INSISTS_AND_CHOOSES,
                containers=_APP + "  - name: more\n    image: debian\n    command: [sleep, '3600']\n"
                "    securityContext: {runAsUser: 0, runAsNonRoot: false}\n",
            ),
            "runAsNonRoot is not true for more",
        ),
    ),
    check=_CHECK_ALL_OF_THEM,
)

EXERCISES = (_IN_THE_CONTAINER, _WHICH_CAUSE, _ALL_OF_THEM)
