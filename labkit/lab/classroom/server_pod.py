"""The pod of a participant's server, and the engine beside it where a cluster allows one. Pure.

The engine is rootless podman in a container of its own. What it needs of the pod was found by trying (podman 5.4.2,
Kubernetes 1.37, containerd 2.3). The server's own container keeps all its restrictions; both see the engine's socket,
the home and /tmp, so that a path means the same to both.
"""

from __future__ import annotations

from labkit.core.mappings import Manifest, ManifestPart
from labkit.lab.classroom.class_settings import HOME, SERVER_USER, ClassSettings

SERVICE_ACCOUNT = "participant"
SOCKET = "/run/labkit-engine/podman.sock"
"""Where the engine answers."""
_STORE = "/var/lib/labkit-engine"
_SMALL_IMAGE = "alpine"
"""The one with a shell that takes the least time."""


def server_level(settings: ClassSettings) -> str:
    """The Pod Security level of a server's namespace: an engine in the server's pod is nothing for restricted."""
    return "baseline" if settings.has_engine else "restricted"


def server_pod_settings(settings: ClassSettings) -> ManifestPart:
    """What a server's pod says of users, beside its containers: parts of a pod's spec.

    With an engine it has a user namespace, and the seccomp profile is each container's own.
    """
    security = {
        "runAsUser": SERVER_USER,
        "runAsGroup": SERVER_USER,
        "fsGroup": SERVER_USER,
        "fsGroupChangePolicy": "OnRootMismatch",
        "runAsNonRoot": True,
    }
    if settings.has_engine:
        return {"hostUsers": False, "securityContext": security}
    return {"securityContext": {**security, "seccompProfile": {"type": "RuntimeDefault"}}}


def server_container_settings() -> ManifestPart:
    """The securityContext of a server's container, which passes restricted."""
    return {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def server_environment(settings: ClassSettings, participant: str) -> dict[str, str]:
    """The variables by which the kit in a participant's server knows where it is.

    Args:
        settings: of the class.
        participant: their id.

    Raises:
        Misuse: it is not a participant's id.
    """
    return {
        "LABKIT_SANDBOX": settings.lab_namespace(participant),
        "JUPYTERHUB_ACTIVITY_INTERVAL": str(settings.look_seconds),
        **({"LABKIT_IMAGES": settings.images} if settings.images else {}),
        # CONTAINER_HOST is podman's own (podman(1)): what is typed goes there, too.
        **({"CONTAINER_HOST": f"unix://{SOCKET}"} if settings.has_engine else {"LABKIT_ENGINE": "none"}),
    }


def engine_settings() -> ManifestPart:
    """The securityContext of the engine's container.

    Rootless podman makes user namespaces of its own: it needs an unmasked /proc, which `baseline` lets a pod with a
    user namespace have, the two capabilities for newuidmap and newgidmap, which gain them by being executed
    (allowPrivilegeEscalation), and no seccomp profile, because RuntimeDefault forbids new user namespaces.
    """
    return {
        "runAsNonRoot": True,
        "readOnlyRootFilesystem": True,
        "procMount": "Unmasked",
        "capabilities": {"drop": ["ALL"], "add": ["SETUID", "SETGID"]},
    }


def engine_containers(settings: ClassSettings) -> list[ManifestPart]:
    """The containers beside a server's: the engine, if the class has one.

    Args:
        settings: of the class.
    """
    if not settings.has_engine:
        return []
    sizes = settings.sizes
    return [
        {
            "name": "engine",
            "image": settings.engine_image,
            "imagePullPolicy": "IfNotPresent",
            "env": [{"name": "LABKIT_IMAGES", "value": settings.images}],
            "securityContext": engine_settings(),
            "resources": {
                "requests": {"cpu": sizes.server_cpu_request, "memory": sizes.engine_memory_request},
                "limits": {"memory": sizes.engine_memory_limit},
            },
            "volumeMounts": [
                {"name": "engine", "mountPath": _STORE},
                *engine_mounts(settings),
                {"name": "home", "mountPath": HOME},
                {"name": "tmp", "mountPath": "/tmp"},
            ],
        }
    ]


def engine_mounts(settings: ClassSettings) -> list[ManifestPart]:
    """What the engine's container and the server's mount alike: the folder with the socket, and where builds write."""
    if not settings.has_engine:
        return []
    socket = {"name": "engine-socket", "mountPath": SOCKET.rpartition("/")[0]}
    return [socket, {"name": "tmp", "mountPath": "/var/tmp"}]


def engine_volumes(settings: ClassSettings) -> list[ManifestPart]:
    """The volumes of a server's pod that the engine needs; what is in them goes with the pod."""
    if not settings.has_engine:
        return []
    return [
        {"name": "engine", "emptyDir": {"sizeLimit": settings.sizes.engine_disk}},
        {"name": "engine-socket", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
    ]


def engine_trial_pod(settings: ClassSettings, name: str, namespace: str, claim: str) -> Manifest:
    """A pod like a server's with the engine alone, which tries itself and ends.

    Args:
        settings: of the class, with an engine.
        name: of the pod.
        namespace: where it is made.
        claim: the volume claim of its home, where the class has volumes.
    """
    (container,) = engine_containers(settings)
    home = {"persistentVolumeClaim": {"claimName": claim}} if settings.has_volumes else {"emptyDir": {}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            **server_pod_settings(settings),
            "automountServiceAccountToken": False,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "containers": [{**container, "args": ["try", _SMALL_IMAGE]}],
            "volumes": [{"name": "home", **home}, {"name": "tmp", "emptyDir": {}}, *engine_volumes(settings)],
        },
    }
