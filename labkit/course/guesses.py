"""What turned out to be so, for the questions that lessons have guessed before the cell that answers them.

It stands here and not in the notebooks, where it would be read before the guess; a test holds both together.
"""

from __future__ import annotations

ANSWERS: dict[str, dict[str, str]] = {
    "00-start-here": {
        "A pod that insists on non-root, an image that runs as root: what will happen?": "the pod is made, and waits",
    },
    "01-threat-model": {
        "A file in /, the password hashes, the app: how many can uid 1654 still get at?": "none",
        "A mount, tried by root in a container of the engine: what refuses it?": "seccomp",
        "A secret in the environment, /tmp, its volume, port 80, a setuid program: how many are open to uid 1654?": (
            "all five"
        ),
    },
    "02-root-by-default": {
        "Which of alpine, debian, ubuntu and runtime-deps run as root?": "all four",
        "What does Config.User of debian say?": "nothing at all",
    },
    "03-non-root-by-default": {
        "The base image runs as root. As whom does the published app run?": "app",
        "Where does the 1654 of my-app come from?": "a variable of the base",
        "noble-chiseled was asked for: which tag does the SDK take?": "10.0-noble-chiseled-extra",
        "APP_UID in the project, left empty: as whom does the image run?": "root",
        "ContainerUser=1654, and an empty APP_UID in the project: which one wins?": "ContainerUser",
    },
    "04-where-1654-comes-from": {
        'bash -c "echo uid=$APP_UID" at your prompt, without the backslash: what is printed?': "uid=",
        "64198, the number before 1654: in which range does it lie?": "services, while they run",
    },
    "05-dockerfile-user": {
        "USER $APP_UID on debian, which has no APP_UID: what comes of it?": "there is no user",
        "The build of my-image stopped: what does the name mean now?": "the image of before",
    },
    "06-chiseled-images": {
        "docker run --entrypoint /bin/sh of an image without a shell: with which exit status does it end?": (
            "127: not found"
        ),
        "kubectl debug adds a container of debian to the pod that insists on non-root: what becomes of it?": (
            "kubelet refuses it"
        ),
        "Whose is /data in the finished image?": "root's",
    },
    "07-run-as-non-root": {
        "Where will the refusal come from?": "the node",
        "USER app, which is uid 1654 in this image, in a pod that insists on non-root: what comes?": (
            "refused: that cannot be told"
        ),
        "runAsNonRoot: true and runAsUser: 0: which one wins?": "neither: it is refused",
    },
    "08-change-the-user": {
        "An app of uid 1654, started without any option: which capabilities are in force?": "none",
        "kubectl exec -u root app -- id: what comes?": "kubectl's error",
        "kubectl debug --profile=sysadmin where restricted is enforced: who refuses it?": "the API server",
        "Published with ContainerUser=root, then runAsNonRoot: what does the kubelet say?": (
            "the image has a non-numeric user"
        ),
        "Published with ContainerUser=4242, a number without a passwd line: what happens?": (
            "it runs, in the group of root"
        ),
        "The image says 1654, the pod runAsUser 2000, the container runAsUser 0: what is the process?": "0",
    },
    "09-pod-security-standards": {
        "Where baseline is enforced: which of a privileged pod and a pod that runs as root get in?": (
            "the root one alone"
        ),
        "restricted is enforced where pods run that violate it: what becomes of them?": "they go on running",
        "The image says USER 1654: is that enough for runAsNonRoot at admission?": "no",
        "A Deployment whose pods violate restricted, applied where it is enforced: what does kubectl apply say?": (
            "a warning, it is made"
        ),
    },
    "10-beyond-non-root": {
        "What stops a setuid program of root's?": "no_new_privs alone",
        "A file of root:root with mode 664: who may write to it?": "4242 alone",
        "Where may a process of uid 1654 make a user namespace, if nobody says anything?": "in a pod",
        "In which posture do more probes succeed: root-drop-all (no capability) or app-privileged (1654)?": (
            "root-drop-all"
        ),
    },
    "11-capstone": {
        "Does adding NET_BIND_SERVICE let uid 1654 listen on port 80 of this pod?": "no",
        "Of these six probes, how many still succeed in app-restricted?": "two",
        "runAsUser: 1654 and nothing else, so that the app breaks: does the gate let it pass?": "yes",
    },
}
"""By lesson and question: the option that is so."""
