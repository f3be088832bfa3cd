"""The exercises of 10-beyond-non-root that judge a pod."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from labkit.core.mappings import ManifestPart
from labkit.core.pods.manifest import container_manifest, pod_manifest
from labkit.course.exercise import Exercise, Wrong
from labkit.course.exercises.terminal_cells import debugged
from labkit.course.judging.breaks import another_image, container_setting, everywhere
from labkit.course.judging.demands import Demand, DemandCheck
from labkit.course.judging.judged_image import JudgedImage
from labkit.course.judging.judged_pod import JudgedPod, pod_named
from labkit.course.judging.pod_demands import ROOT, not_as_root, runs, uids

INSISTS = {"runAsNonRoot": True}
_ONLY_CAPABILITIES: ManifestPart = {"allowPrivilegeEscalation": None, "capabilities": {"drop": ["ALL"]}}
_SETUID = "/usr/local/bin/ids"


def _is_untouched(pod: JudgedPod, image: str, command: Sequence[str] | None = None) -> bool:
    """Whether it is as the cell gives it, and runs."""
    given = pod_manifest(pod.name, [container_manifest(image, image, command=command)], security=INSISTS)
    return pod.outcome is not None and pod.outcome.verdict == "running" and pod.is_as_written(given)


def _no_way_back_as_given(pod: JudgedPod) -> str | None:
    return f"{_SETUID} still acts as uid 0." if _is_untouched(pod, "setuid", ["sleep", "3600"]) else None


def _stands_elsewhere(pod: JudgedPod) -> str | None:
    setuid = pod.world.look.image("setuid")
    for container, image in pod.images.items():
        if image is not None and setuid is not None and not image.facts.stands_on(setuid):
            return f"The container {container} runs another image, so {_SETUID} is not there any more."
    return None


def _setuid_of_root(image: JudgedImage) -> list[str]:
    return [entry.path for entry in image.tree.setuid_files() if entry.is_setuid and entry.uid == 0]


def _has_way_back(pod: JudgedPod) -> str | None:
    for container, image in pod.images.items():
        status = pod.processes[container].status if container in pod.processes else {}
        left = _setuid_of_root(image) if image is not None else []
        # With no_new_privs no program's setuid bit counts (kernel.org: userspace-api/no_new_privs).
        if status.get("NoNewPrivs") == "1" or not left:
            continue
        if _SETUID not in left:
            return f"{_SETUID} gives root no more, but NoNewPrivs is 0, and other programs do: {', '.join(left)}."
        has_powers = int(status.get("CapBnd", "1"), 16) != 0
        powers = "root's capabilities" if has_powers else "no capabilities, but root's files are open to it"
        return f"{_SETUID} still acts as uid 0: the setuid bit counts as before, and the process has {powers}."
    return None


_CHECK_NO_WAY_BACK = DemandCheck(
    look=pod_named("no-way-back"),
    as_given=_no_way_back_as_given,
    demands=(
        runs("it must go on running", goes_on=True),
        not_as_root("as non-root"),
        Demand(
            "image",
            "a program of root's, `/usr/local/bin/ids`",
            _stands_elsewhere,
            (another_image("setuid", "aspnetapp"),),
        ),
        Demand(
            "locked",
            "nobody in it gets root by a setuid program",
            _has_way_back,
            (
                container_setting("no lock", allowPrivilegeEscalation=None),
                # Where the image has no setuid program any more there is nothing to lock.
                replace(container_setting("only capabilities", **_ONLY_CAPABILITIES), answers=(0,)),
            ),
        ),
    ),
    praise=lambda pod: f"It runs as {uids(pod)}, and no program's setuid bit gives anybody root in this pod.",
)


def _two(name: str, first: str, second: str, image: str, more: str) -> str:
    """A cell that makes a pod of two containers, each with settings of its own."""
    return f'''
lab.apply("""
apiVersion: v1
kind: Pod
metadata:
  name: {name}
spec:
  securityContext: {{runAsNonRoot: true}}
  containers:
  - name: first
    image: {image}
    {more}
    securityContext: {first}
  - name: second
    image: {image}
    {more}
    securityContext: {second}
""")
'''


_LOCKED = """
lab.pod("setuid", name="no-way-back", command="sleep 3600", pod={"runAsNonRoot": True},
        container={"allowPrivilegeEscalation": False})
"""

NO_WAY_BACK = Exercise(
    name="no-way-back",
    kind="repair",
    hints=(
        "Of the two settings that look like the lock, which one makes the kernel ignore the setuid bit?",
        "It is no_new_privs. Kubernetes has another name for it, and it is a setting of the container.",
        'container={"allowPrivilegeEscalation": False}',
    ),
    solution=_LOCKED,
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
        Wrong('lab.pod("setuid", name="no-way-back", command="sleep 3600", pod={"runAsUser": 0})', "runs as uid 0"),
        Wrong(
            'lab.pod("setuid", name="no-way-back", command="sleep 600", pod={"runAsNonRoot": True})',
            "still acts as uid 0",
        ),
        # One of two containers is open; a user namespace locks no setuid bit.
        Wrong(
            _two("no-way-back", "{allowPrivilegeEscalation: false}", "{}", "setuid", "command: [sleep, '600']"),
            "still acts as uid 0",
        ),
        Wrong(
            _two("no-way-back", "{}", "{}", "setuid", "command: [sleep, '600']").replace(
                "spec:\n", "spec:\n  hostUsers: false\n"
            ),
            "still acts as uid 0",
        ),
        # Who looks into it is not locked.
        Wrong(_LOCKED + debugged("no-way-back", "{}", "setuid"), "still acts as uid 0"),
        # Nobody gets root in a pod that has ended, and it was to go on.
        Wrong(
            'lab.pod("setuid", name="no-way-back", command="true", pod={"runAsNonRoot": True}, '
            'container={"allowPrivilegeEscalation": False})',
            "The pod does not run",
        ),
        # A setting of the container, written for the pod.
        Wrong(
            'lab.pod("setuid", name="no-way-back", command="sleep 3600", '
            'pod={"runAsNonRoot": True, "allowPrivilegeEscalation": False})',
            "allowPrivilegeEscalation",
        ),
        Wrong(
            'lab.pod("aspnetapp", name="no-way-back", container={"allowPrivilegeEscalation": False})',
            "runs another image",
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
            "other programs do",
        ),
    ),
    check=_CHECK_NO_WAY_BACK,
)

_FILTERED = "2"
_SYS_ADMIN = 1 << 21
"""CAP_SYS_ADMIN's bit (linux:include/uapi/linux/capability.h)."""


def _no_new_world_as_given(pod: JudgedPod) -> str | None:
    if not _is_untouched(pod, "aspnetapp"):
        return None
    return "The pod no-new-world does not stop anybody from making a user namespace yet."


def _has_another_uid(pod: JudgedPod) -> str | None:
    for container, identity in pod.identities.items():
        if identity.uid == 0:
            return f"The container {container} runs as root now."
        if identity.uid != 1654:
            return f"The container {container} runs as uid {identity.uid} now."
    return None


def _may_make_one(pod: JudgedPod) -> str | None:
    for container, settings in pod.settings_in_force.items():
        # Nobody can ask the kernel about one that has ended, as init containers have.
        profile = (settings.get("seccompProfile") or {}).get("type", "none")
        if container not in pod.processes and (profile in ("none", "Unconfined") or settings.get("privileged")):
            return f"The container {container} has ended, and ran without a filter: its seccompProfile is {profile}."
    for container, running in pod.processes.items():
        status = running.status
        if status.get("Seccomp") != _FILTERED:
            return (
                f"The kernel says Seccomp: {status.get('Seccomp')} for container {container}: no system call is "
                "filtered, whatever the manifest says."
            )
        # containerd/containerd:contrib/seccomp/seccomp_default.go, DefaultProfile
        if int(status.get("CapBnd", "0"), 16) & _SYS_ADMIN:
            return (
                "There is a filter (Seccomp: 2), and it lets unshare through. The runtime's profile depends on the "
                f"capabilities that the container was given: its bounding set is {status['CapBnd']}."
            )
        tried = pod.world.start.exec(pod.name, ["unshare", "--user", "true"], container=container)
        if tried.cause is None and tried.exit_status == 0:
            return f"There is a filter (Seccomp: 2), and unshare --user in container {container} works all the same."
    return None


_CHECK_NO_NEW_WORLD = DemandCheck(
    look=pod_named("no-new-world"),
    as_given=_no_new_world_as_given,
    demands=(
        runs("still runs as 1654", goes_on=True),
        Demand("uid", "still runs as 1654", _has_another_uid, (everywhere("another uid", runAsUser=4242), ROOT)),
        Demand(
            "filtered",
            "nobody can make a user namespace",
            _may_make_one,
            (
                everywhere("no filter", seccompProfile=None),
                container_setting("unconfined", seccompProfile={"type": "Unconfined"}),
                container_setting("a capability more", capabilities={"add": ["SYS_ADMIN"]}),
            ),
        ),
    ),
    praise=lambda pod: f"It runs as {uids(pod)}, and the kernel filters its system calls (Seccomp: 2).",
)

_FILTERED_POD = """
lab.pod("aspnetapp", name="no-new-world",
        pod={"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}})
"""

NO_NEW_WORLD = Exercise(
    name="no-new-world",
    kind="build",
    hints=(
        "On the engine the same attempt failed. What does the engine do there that Kubernetes leaves out?",
        "It filters system calls. A pod asks for the runtime's own profile by a field of its securityContext.",
        'pod={"runAsNonRoot": True, "seccompProfile": {"type": ...}}: the type is named above, in the cell of '
        "app-restricted.",
    ),
    solution=_FILTERED_POD,
    others=(
        """
lab.pod("aspnetapp", name="no-new-world", pod={"runAsNonRoot": True},
        container={"seccompProfile": {"type": "RuntimeDefault"}})
""",
        # An image of root's, as somebody else.
        """
lab.pod("aspnetapp-root", name="no-new-world",
        pod={"runAsUser": 1654, "seccompProfile": {"type": "RuntimeDefault"}})
""",
        # Nothing is in this image that could try it.
        """
lab.pod("aspnetapp-chiseled", name="no-new-world",
        pod={"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}})
""",
    ),
    wrong=(
        Wrong(
            'lab.pod("aspnetapp", name="no-new-world", pod={"runAsNonRoot": True}, '
            'container={"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}})',
            "Seccomp: 0",
        ),
        Wrong('lab.pod("aspnetapp", name="no-new-world", command="true")', "The pod does not run"),
        # An init container without a filter.
        Wrong(
            '''
lab.apply("""
apiVersion: v1
kind: Pod
metadata:
  name: no-new-world
spec:
  initContainers:
  - name: before
    image: aspnetapp
    command: ["true"]
  containers:
  - name: app
    image: aspnetapp
    securityContext: {seccompProfile: {type: RuntimeDefault}}
""")
''',
            "ran without a filter",
        ),
        Wrong(
            _FILTERED_POD
            + debugged("no-new-world", '{"runAsUser": 1654, "seccompProfile": {"type": "Unconfined"}}', "aspnetapp"),
            "container debugger",
        ),
        # A second container without one, and a sidecar.
        Wrong(
            _two(
                "no-new-world", "{seccompProfile: {type: RuntimeDefault}}", "{}", "aspnetapp", "command: [sleep, '600']"
            ),
            "Seccomp: 0 for container second",
        ),
        Wrong(
            _two(
                "no-new-world", "{seccompProfile: {type: RuntimeDefault}}", "{}", "aspnetapp", "command: [sleep, '600']"
            ).replace("  - name: second", "  initContainers:\n  - name: second\n    restartPolicy: Always"),
            "Seccomp: 0 for container second",
        ),
        Wrong(
            'lab.pod("aspnetapp", name="no-new-world", pod={"seccompProfile": {"type": "RuntimeDefault"}}, '
            'container={"capabilities": {"add": ["ALL"]}})',
            "lets unshare through",
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
        Wrong(
            'lab.pod("aspnetapp", name="no-new-world", pod={"runAsUser": 4242, '
            '"seccompProfile": {"type": "RuntimeDefault"}})',
            "runs as uid 4242",
        ),
    ),
    check=_CHECK_NO_NEW_WORLD,
)
