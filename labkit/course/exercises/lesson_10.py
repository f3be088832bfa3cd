"""Exercises of 10-beyond-non-root."""

from __future__ import annotations

from labkit.base.errors import NotInAClass
from labkit.core.causes import Cause
from labkit.core.pods.manifest import container_manifest, pod_manifest
from labkit.course.exercise import Exercise, Wrong
from labkit.course.exercises.lesson_10_pods import INSISTS, NO_NEW_WORLD, NO_WAY_BACK
from labkit.course.judging.assessment import Assessment, not_right, passed
from labkit.course.judging.given_answers import spelling_of
from labkit.course.world import World
from labkit.threat.judge import Control

_STOPPED = ("setuid-helper", "unshare-user", "raw-socket", "write-tmp")


def _check_which_control(world: World, answer: dict[object, object]) -> Assessment:
    answer = {spelling_of(name): control for name, control in answer.items()}
    unknown = [name for name in answer if name not in _STOPPED]
    controls = {spelling_of(control): control for control in Control}
    if unknown or len(answer) < len(_STOPPED):
        return not_right(f"A control for each of {', '.join(_STOPPED)} is expected, and for nothing else.")
    for name, control in answer.items():
        if spelling_of(control) not in controls:
            return not_right(f"{name}: {control!r} is not a control; they are {', '.join(Control)}.")
    for cell in world.start.probe("app-restricted", *_STOPPED):
        control = controls[spelling_of(answer[cell.probe])]
        if control != cell.control:
            return not_right(
                f"{cell.probe}: what came back was *{cell.reason}*, and that is not how {control} refuses."
            )
    return passed("Tried in app-restricted: four attempts, four controls.")


_WHICH_CONTROL = Exercise(
    name="which-control",
    kind="choose",
    answers=dict,
    hints=(
        "Each of the four was tried above in some other posture. Which setting made the difference there?",
        "Dropped capabilities did not stop the setuid program. And on which file system is /tmp?",
        "The four controls are capability, no_new_privs, read-only and seccomp, each once.",
    ),
    solution="""
controls = {"setuid-helper": "no_new_privs", "unshare-user": "seccomp", "raw-socket": "capability",
            "write-tmp": "read-only"}
""",
    others=(
        """
controls = {"Setuid-Helper ": "no-new-privs", " unshare_user": "Seccomp", "RAW-SOCKET": " capability",
            "write-tmp": "Read only"}
""",
    ),
    wrong=(
        Wrong(
            'controls = {"setuid-helper": "capability", "unshare-user": "seccomp", "raw-socket": "capability", '
            '"write-tmp": "read-only"}',
            "setuid-helper: what came back",
        ),
        Wrong(
            'controls = {"setuid-helper": "no_new_privs", "unshare-user": "capability", "raw-socket": "capability", '
            '"write-tmp": "read-only"}',
            "before the kernel had looked",
        ),
        Wrong(
            'controls = {"setuid-helper": "no_new_privs", "unshare-user": "seccomp", "raw-socket": "capability", '
            '"write-tmp": "DAC"}',
            "EROFS",
        ),
        Wrong('controls = {"setuid-helper": "no_new_privs"}', "for each of"),
        Wrong(
            'controls = {"setuid-helper": "non-root", "unshare-user": "seccomp", "raw-socket": "capability", '
            '"write-tmp": "read-only"}',
            "is not a control",
        ),
    ),
    check=_check_which_control,
)

_FOLDERS = ("/etc", "/srv", "/tmp", "/var/log", "/var/tmp")
_LOOK = "for folder in {}; do test -w /node$folder && echo $folder; done; true"


def _check_open_folders(world: World, answer: list[object]) -> Assessment:
    container = container_manifest("app", "aspnetapp")
    container["volumeMounts"] = [{"name": _volume(path), "mountPath": f"/node{path}"} for path in _FOLDERS]
    manifest = pod_manifest("open-folders", [container], security=INSISTS)
    manifest["spec"]["volumes"] = [
        {"name": _volume(path), "hostPath": {"path": path, "type": "Directory"}} for path in _FOLDERS
    ]
    pod = world.start.apply(manifest)
    if pod.cause is Cause.POD_SECURITY:
        came_back = "the pod of this check mounts folders of the node, and baseline, the level of a class, refuses that"
        raise NotInAClass("Asking uid 1654 in a pod", came_back, "try it in a lab of your own")
    if pod.verdict != "running":
        return not_right(f"The pod of the check does not run: {pod.headline}.")
    # Only asked, by access(2): nothing is written.
    writable = world.start.exec(pod, ["sh", "-c", _LOOK.format(" ".join(_FOLDERS))]).stdout.split()
    closed = [name for name in answer if name not in writable]
    if closed:
        return not_right(
            f"uid 1654 may not write to {closed[0]} of the node: the folder is root's, and closed to others."
        )
    if len(set(answer)) < len(writable):
        return not_right(
            f"uid 1654 may write to {len(writable) - len(set(answer))} more of these folders. "
            "The mode decides, and not every folder of a machine is root's alone."
        )
    return passed(f"uid 1654 may write to {' and '.join(writable)} of the node: mode 1777, open to everybody.")


def _volume(path: str) -> str:
    return path.strip("/").replace("/", "-")


_OPEN_FOLDERS = Exercise(
    name="open-folders",
    kind="predict",
    answers=list,
    choices=_FOLDERS,
    hints=(
        "Nothing about a hostPath is checked but the owner and mode of the folder. Which of the five are open to all?",
        "What mode has /tmp on your own machine? The node has the same folders for the same purposes.",
        "Two of the five have mode 1777; both are for what is temporary.",
    ),
    solution='prediction = ["/tmp", "/var/tmp"]',
    others=('prediction = ["/var/tmp", "/tmp"]',),
    wrong=(
        Wrong("prediction = []", "The list is empty"),
        Wrong('prediction = ["/tmp"]', "not every folder of a machine is root's alone"),
        Wrong('prediction = ["/tmp", "/var/tmp", "/var/log"]', "may not write to /var/log"),
        Wrong('prediction = ["tmp"]', "not one of the five"),
    ),
    check=_check_open_folders,
)

EXERCISES = (NO_WAY_BACK, NO_NEW_WORLD, _OPEN_FOLDERS, _WHICH_CONTROL)
