"""Who says no: five that a container passes on its way, each with rules of its own. Pure."""

from __future__ import annotations

from enum import StrEnum


class Refuser(StrEnum):
    """Who refused; the order is that of the way from a manifest to a process.

    The API server decodes and validates the object. Admission is the plugins that it then asks, Pod Security among
    them. The kubelet has the pod on its node and looks at images and settings. The runtime (containerd and runc) makes
    the container. The engine (Docker) is not part of the cluster: it answers for `docker run`.
    """

    API_SERVER = "api-server"
    ADMISSION = "admission"
    KUBELET = "kubelet"
    RUNTIME = "runtime"
    ENGINE = "engine"

    @property
    def subject(self) -> str:
        """How a sentence about it begins."""
        return _SUBJECTS[self]


_SUBJECTS = {
    Refuser.API_SERVER: "the API server",
    Refuser.ADMISSION: "admission",
    Refuser.KUBELET: "the kubelet",
    Refuser.RUNTIME: "the runtime",
    Refuser.ENGINE: "the engine",
}
