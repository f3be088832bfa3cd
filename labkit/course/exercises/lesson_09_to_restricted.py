"""The exercise to-restricted of 09-pod-security-standards."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from labkit.core.admission.policy import ENFORCE_VERSION_LABEL
from labkit.core.identity.model import Identity
from labkit.core.mappings import Manifest, ManifestPart
from labkit.course.exercise import Exercise, Wrong
from labkit.course.exercises.terminal_cells import AS_ROOT, NAMESPACE, debugged, typed
from labkit.course.judging.breaks import PodBreak
from labkit.course.judging.demands import Demand, DemandCheck
from labkit.course.judging.judged_pod import JudgedPod, given_manifest, pod_named
from labkit.course.judging.pod_demands import (
    SampleApp,
    restricted_holds,
    runs,
    runs_app,
)
from labkit.course.pod_settings import own_settings

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
FULL_POD = "{runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}"
FULL_CONTAINER = "{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}"


def _pod(
    pod: str = FULL_POD, container: str = FULL_CONTAINER, volume: str = "emptyDir: {}", image: str = "aspnetapp"
) -> str:
    return _POD.format(pod=pod, container=container, volume=volume, image=image)


def _to_restricted_as_given(pod: JudgedPod) -> str | None:
    if not pod.violated or not pod.is_as_written(given_manifest("to-restricted.yaml")):
        return None
    return "The API server still objects to the pod to-restricted as it was given to you."


APP = SampleApp("/app/aspnetapp", ("aspnetapp", "aspnetapp-root", "aspnetapp-chiseled"))
_SCRATCH = "/scratch"
# Volumes that nothing can be written to (kubernetes/api:core/v1/types.go).
_READ_ONLY_VOLUMES = ("configMap", "secret", "projected", "downwardAPI", "image")


def _no_scratch(pod: JudgedPod) -> str | None:
    volumes = {volume["name"]: volume for volume in pod.spec.get("volumes") or []}
    for container in APP.containers_in(pod):
        mounted = container.get("volumeMounts") or []
        mounts = [mount for mount in mounted if posixpath.normpath(mount["mountPath"]) == _SCRATCH]
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


def _lose_the_folder(_: Manifest, spec: ManifestPart) -> None:
    for container in spec["containers"]:
        container.pop("volumeMounts", None)


def _close_the_folder(_: Manifest, spec: ManifestPart) -> None:
    for container in spec["containers"]:
        for mount in container.get("volumeMounts") or []:
            mount["readOnly"] = True


_CHECK_TO_RESTRICTED = DemandCheck(
    look=pod_named("to-restricted"),
    as_given=_to_restricted_as_given,
    demands=(
        restricted_holds("where `restricted` is enforced"),
        runs("ends with the pod running", as_root=True, goes_on=True),
        runs_app("Its app", APP),
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

TO_RESTRICTED = Exercise(
    name="to-restricted",
    kind="repair",
    file="to-restricted.yaml",
    hints=(
        "The API server's message is a list of what to do. Which of its items are about a container, which about the "
        "pod, and which about a volume?",
        "The folder is for temporary files. Which type of volume is empty at the start and goes with the pod?",
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
        _pod().replace("mountPath: /scratch", "mountPath: /scratch/./"),
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
            _pod().replace('lab.enforce("restricted")\n', "").replace(FULL_CONTAINER, "{}") + "lab.enforce()\n",
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
                f"      {FULL_CONTAINER[:-1]}, runAsUser: 4242}}\n    volumeMounts:",
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
