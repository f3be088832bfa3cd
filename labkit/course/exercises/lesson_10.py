"""Exercises of 10-beyond-non-root."""

from __future__ import annotations

import re
from typing import Any

from labkit.core.pods.manifest import container_manifest, pod_manifest
from labkit.core.pods.outcome import Outcome
from labkit.course.exercise import Assessment, Exercise, Wrong, not_right, not_yet, passed
from labkit.course.pod_settings import container_settings
from labkit.course.world import World
from labkit.threat.judge import Control

_BEGIN = {"runAsNonRoot": True}
_SETUID = "/usr/local/bin/ids"
_HERE = "--- the kernel:"


def _ask(world: World, pod: Outcome, command: str) -> tuple[list[str], dict[str, str]]:
    """What a command says in a pod, and what the kernel says of it there: NoNewPrivs, Seccomp and so on.

    Args:
        pod: it has a shell.
        command: for the shell.

    Returns:
        The command's lines, and the fields of /proc/self/status (proc_pid_status(5)).
    """
    script = f"{{ {command}; }} 2>&1; echo {_HERE}; cat /proc/self/status"
    printed, _, status = world.start.exec(pod, ["sh", "-c", script]).output.partition(_HERE)
    fields = (line.partition(":") for line in status.splitlines())
    return printed.strip().splitlines(), {name: value.strip() for name, _, value in fields}


def _does_not_run(pod: Outcome) -> Assessment:
    return not_right(f"The pod does not run: {pod.verdict}, {pod.cause or pod.message or 'its program has ended'}.")


def _is_untouched(world: World, pod: str) -> bool:
    return all(settings == _BEGIN for settings in container_settings(world.look.manifest(pod)).values())


def _check_no_way_back(world: World, _: Any) -> Assessment:
    pod = world.look.pod("no-way-back")
    if pod is None:
        return not_yet("There is no pod no-way-back yet.")
    if pod.verdict != "running":
        return _does_not_run(pod)
    lines, status = _ask(world, pod, f"{_SETUID}; find / -xdev -perm -4000 -user root 2>/dev/null")
    ids = lines[0] if lines else "nothing"
    uids = re.fullmatch(r"real uid (\d+), effective uid (\d+)", ids)
    if uids is None:
        return not_right(f"The pod has no program {_SETUID} that works; it prints: {ids}.")
    if uids[1] == "0":
        return not_right("The pod runs as root: there is no way back to go.")
    if uids[2] == "0" and _is_untouched(world, "no-way-back"):
        return not_yet(f"{_SETUID} still prints: {ids}.")
    if uids[2] == "0":
        powers = "no capabilities, but root's files are its own" if int(status["CapBnd"], 16) == 0 else "root's powers"
        return not_right(f"{_SETUID} still prints: {ids}. The setuid bit counts as before; what it gives has {powers}.")
    if status["NoNewPrivs"] == "1":
        return passed(f"{ids}. NoNewPrivs is 1: no program's setuid bit counts for this pod.")
    if len(lines) > 1:
        return not_right(
            f"{_SETUID} gives root no more, but NoNewPrivs is 0, and others are left: {', '.join(lines[1:])}."
        )
    return passed(f"{ids}, and the image has no setuid program of root's any more.")


_NO_WAY_BACK = Exercise(
    name="no-way-back",
    kind="repair",
    hints=(
        "Of the two settings that look like the lock, which one makes the kernel ignore the setuid bit?",
        "It is no_new_privs. Kubernetes has another name for it, and it is a setting of the container.",
        'container={"allowPrivilegeEscalation": False}',
    ),
    solution="""
lab.pod("setuid", name="no-way-back", command="sleep 3600", pod={"runAsNonRoot": True},
        container={"allowPrivilegeEscalation": False})
""",
    others=(
        '''
lab.build("""
FROM setuid
USER 0
RUN find / -xdev -perm -4000 -exec chmod u-s {} +
USER 1654
""", name="without-setuid")
lab.pod("without-setuid", name="no-way-back", command="sleep 3600", pod={"runAsNonRoot": True})
''',
    ),
    wrong=(
        Wrong(
            'lab.pod("setuid", name="no-way-back", command="sleep 3600", pod={"runAsNonRoot": True}, '
            'container={"capabilities": {"drop": ["ALL"]}})',
            "no capabilities, but root's files",
        ),
        Wrong(
            'lab.pod("setuid", name="no-way-back", command="sleep 3600", pod={"runAsNonRoot": True}, '
            'container={"readOnlyRootFilesystem": True})',
            "counts as before",
        ),
        Wrong('lab.pod("setuid", name="no-way-back", command="sleep 3600", pod={"runAsUser": 0})', "runs as root"),
        Wrong(
            'lab.pod("aspnetapp", name="no-way-back", container={"allowPrivilegeEscalation": False})',
            "has no program",
        ),
        Wrong(
            '''
lab.build("""
FROM setuid
USER 0
RUN chmod u-s /usr/local/bin/ids
USER 1654
""", name="without-ids")
lab.pod("without-ids", name="no-way-back", command="sleep 3600", pod={"runAsNonRoot": True})
''',
            "others are left",
        ),
    ),
    check=_check_no_way_back,
)

_FILTERED = "2"


def _check_no_new_world(world: World, _: Any) -> Assessment:
    pod = world.look.pod("no-new-world")
    if pod is None or (pod.verdict == "running" and _is_untouched(world, "no-new-world")):
        return not_yet("The pod no-new-world does not stop anybody from making a user namespace yet.")
    if pod.verdict != "running":
        return _does_not_run(pod)
    lines, status = _ask(world, pod, "id -u; unshare --user echo it worked")
    uid, *tried = lines or ["?"]
    if uid == "0":
        return not_right("The pod runs as root now.")
    if status.get("Seccomp") != _FILTERED:
        return not_right(
            f"The kernel says Seccomp: {status.get('Seccomp')}, so no system call is filtered, whatever the manifest "
            f"says. unshare: {' '.join(tried)}."
        )
    if tried == ["it worked"]:
        return not_right(
            "There is a filter (Seccomp: 2), and it lets unshare through. The runtime's profile depends on the "
            f"capabilities that the container was given: its bounding set is {status['CapBnd']}."
        )
    return passed(f"uid {uid}, Seccomp: 2, and this is what trying it gives: {' '.join(tried)}.")


_NO_NEW_WORLD = Exercise(
    name="no-new-world",
    kind="build",
    hints=(
        "On the engine the same attempt failed. What does the engine do there that Kubernetes leaves out?",
        "It filters system calls. A pod asks for the runtime's own profile by a field of its securityContext.",
        'pod={"runAsNonRoot": True, "seccompProfile": {"type": ...}}: the type is named above, in the cell of '
        "app-restricted.",
    ),
    solution="""
lab.pod("aspnetapp", name="no-new-world",
        pod={"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}})
""",
    others=(
        """
lab.pod("aspnetapp", name="no-new-world", pod={"runAsNonRoot": True},
        container={"seccompProfile": {"type": "RuntimeDefault"}})
""",
    ),
    wrong=(
        Wrong(
            'lab.pod("aspnetapp", name="no-new-world", pod={"runAsNonRoot": True}, '
            'container={"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}})',
            "Seccomp: 0",
        ),
        # Privileged containers run unconfined, whatever profile the pod asks for.
        Wrong(
            'lab.pod("aspnetapp", name="no-new-world", pod={"seccompProfile": {"type": "RuntimeDefault"}}, '
            'container={"privileged": True})',
            "whatever the manifest says",
        ),
        Wrong(
            'lab.pod("aspnetapp", name="no-new-world", pod={"seccompProfile": {"type": "RuntimeDefault"}}, '
            'container={"capabilities": {"add": ["SYS_ADMIN"]}})',
            "lets unshare through",
        ),
        Wrong(
            'lab.pod("aspnetapp", name="no-new-world", pod={"runAsUser": 0, '
            '"seccompProfile": {"type": "RuntimeDefault"}})',
            "runs as root",
        ),
    ),
    check=_check_no_new_world,
)

_STOPPED = ("setuid-helper", "unshare-user", "raw-socket", "write-tmp")


def _check_which_control(world: World, answer: dict[object, object]) -> Assessment:
    unknown = [name for name in answer if name not in _STOPPED]
    if unknown or len(answer) < len(_STOPPED):
        return not_right(f"A control for each of {', '.join(_STOPPED)} is expected, and for nothing else.")
    for name, control in answer.items():
        if control not in tuple(Control):
            return not_right(f"{name}: {control!r} is no control; they are {', '.join(Control)}.")
    for cell in world.start.probe("app-restricted", *_STOPPED):
        if answer[cell.probe] != cell.control:
            return not_right(
                f"{cell.probe}: what came back was *{cell.reason}*, and that is not how {answer[cell.probe]} refuses."
            )
    return passed("Tried just now in app-restricted: four attempts, four controls.")


_WHICH_CONTROL = Exercise(
    name="which-control",
    kind="choose",
    answers=dict,
    hints=(
        "Each of the four was tried above in some other posture. Which setting made the difference there?",
        "Dropped capabilities did not stop the setuid program. And whose file system is /tmp on?",
        "The four controls are capability, no_new_privs, read-only and seccomp, each once.",
    ),
    solution="""
controls = {"setuid-helper": "no_new_privs", "unshare-user": "seccomp", "raw-socket": "capability",
            "write-tmp": "read-only"}
""",
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
            "is no control",
        ),
    ),
    check=_check_which_control,
)

_FOLDERS = ("/etc", "/srv", "/tmp", "/var/log", "/var/tmp")
_LOOK = "for folder in {}; do test -w /node$folder && echo $folder; done; true"


def _check_open_folders(world: World, answer: list[object]) -> Assessment:
    unknown = [name for name in answer if name not in _FOLDERS]
    if unknown:
        return not_right(f"{unknown[0]!r} is not one of the five: {', '.join(_FOLDERS)}.")
    container = container_manifest("app", "aspnetapp")
    container["volumeMounts"] = [{"name": _volume(path), "mountPath": f"/node{path}"} for path in _FOLDERS]
    manifest = pod_manifest("open-folders", [container], security=_BEGIN)
    manifest["spec"]["volumes"] = [
        {"name": _volume(path), "hostPath": {"path": path, "type": "Directory"}} for path in _FOLDERS
    ]
    pod = world.start.apply(manifest)
    if pod.verdict != "running":
        return _does_not_run(pod)
    # Only asked, by access(2): nothing is written.
    writable = world.start.exec(pod, ["sh", "-c", _LOOK.format(" ".join(_FOLDERS))]).output.split()
    closed = [name for name in answer if name not in writable]
    if closed:
        return not_right(
            f"uid 1654 may not write to {closed[0]} of the node: the folder is root's, and shut to others."
        )
    if len(set(answer)) < len(writable):
        return not_right(
            f"{len(writable) - len(set(answer))} of the node's folders that 1654 may write to are not in your list. "
            "The mode decides, and not every folder of a machine is root's alone."
        )
    return passed(f"uid 1654 may write to {' and '.join(writable)} of the node: mode 1777, open to everybody.")


def _volume(path: str) -> str:
    return path.strip("/").replace("/", "-")


_OPEN_FOLDERS = Exercise(
    name="open-folders",
    kind="predict",
    answers=list,
    hints=(
        "Nothing about a hostPath is checked but the owner and mode of the folder. Which of the five are open to all?",
        "What mode has /tmp on your own machine? The node has the same folders for the same purposes.",
        "Two of the five have mode 1777; both are for what is temporary.",
    ),
    solution='prediction = ["/tmp", "/var/tmp"]',
    others=('prediction = ["/var/tmp", "/tmp"]',),
    wrong=(
        Wrong("prediction = []", "not every folder of a machine is root's alone"),
        Wrong('prediction = ["/tmp"]', "1 of the node's folders"),
        Wrong('prediction = ["/tmp", "/var/tmp", "/var/log"]', "may not write to /var/log"),
        Wrong('prediction = ["tmp"]', "not one of the five"),
    ),
    check=_check_open_folders,
)

EXERCISES = (_NO_WAY_BACK, _NO_NEW_WORLD, _WHICH_CONTROL, _OPEN_FOLDERS)
