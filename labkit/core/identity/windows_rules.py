"""Pods for Windows: who runs in them, and the one user that the kubelet there refuses.

Sources: kubernetes/kubernetes:pkg/kubelet/kuberuntime/security_context_windows.go (verifyRunAsNonRoot) and
pkg/securitycontext/util.go (DetermineEffectiveSecurityContext) at v1.37.2. Windows has no uids: runAsUser and its like
count for nothing there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from labkit.core.causes import Cause
from labkit.core.identity.kubelet_rules import cri_user, windows_options
from labkit.core.identity.model import Answer, DecidedBy, Image, Refusal

ADMINISTRATOR: Final = "ContainerAdministrator"
"""Who runs where neither the pod nor the image says a user; the kubelet takes this one for root."""

_IS_ROOT: Final = "which will be regarded as root identity and will break non-root policy"


def explain_on_windows(
    image: Image | None, spec: Mapping[str, Any], container: Mapping[str, Any], where: str = ""
) -> Answer:
    """As whom a container runs on Windows, or that the kubelet refuses it.

    Args:
        image: its image; None if nothing is known of it.
        spec: of its pod, decoded.
        container: the container in it, decoded.
        where: how the kubelet's message names pod and container.
    """
    own, of_pod = windows_options(container).get("runAsUserName"), windows_options(spec).get("runAsUserName")
    because = ["the pod is for Windows, which has user names instead of uids"]
    user, decided_by = _user(image, own, of_pod)
    if decided_by in ("container", "pod"):
        because.append(f"the {decided_by}'s windowsOptions.runAsUserName says {user}")
    elif user is None:
        because.append("the image is not known, and nothing sets windowsOptions.runAsUserName")
    elif decided_by == "image":
        because.append(f"the image's USER is {user}; no runAsUserName overrides it")
    else:
        because.append(f"neither runAsUserName nor the image's USER says anything: {ADMINISTRATOR}, the default there")
    by = "container" if "runAsNonRoot" in container.get("securityContext", {}) else "pod"
    non_root = (container if by == "container" else spec).get("securityContext", {}).get("runAsNonRoot")
    refusal = None
    kubelet_ok: bool | None = True
    if not non_root:
        because.append("runAsNonRoot is not true: the kubelet does not look at the user")
    elif user is None:
        because.append("runAsNonRoot is true, and whether the kubelet refuses depends on the image's USER")
        kubelet_ok = None
    elif decided_by != "default" and user.lower() == ADMINISTRATOR.lower():
        refusal = _refusal(user, decided_by, where)
        because.append(f"runAsNonRoot is true, says the {by}: the kubelet refuses: {refusal.message}")
    else:
        because.append(
            f"runAsNonRoot is true, says the {by}: the kubelet on Windows refuses {ADMINISTRATOR} by name only"
        )
    ok = False if refusal is not None else None if user is None else True
    return Answer(
        ok=ok,
        kubelet_ok=False if refusal is not None else kubelet_ok,
        kubelet_refusal=refusal,
        refusal=refusal,
        user_name=user if ok else None,
        is_administrator=user is not None and _is_administrator(user),
        is_for_windows=True,
        decided_by=decided_by,
        because=tuple(because),
    )


def _user(image: Image | None, own: str | None, of_pod: str | None) -> tuple[str | None, DecidedBy]:
    """Who runs, None if that is not known; and who decides it."""
    if own is not None:
        return own, "container"
    if of_pod is not None:
        return of_pod, "pod"
    if image is None:
        return None, "image"
    return (image.user, "image") if image.user else (ADMINISTRATOR, "default")


def _refusal(user: str, decided_by: DecidedBy, where: str) -> Refusal:
    if decided_by == "image":
        # As the CRI reports it: without what follows a colon.
        name = cri_user(user).name
        return Refusal(Cause.IMAGE_RUNS_AS_ROOT, f"container's runAsUser ({name}) {_IS_ROOT}{where}")
    return Refusal(Cause.RUN_AS_USER_IS_ROOT, f"container's runAsUserName ({user}) {_IS_ROOT}{where}")


def _is_administrator(user: str) -> bool:
    name = user.lower()
    return name == ADMINISTRATOR.lower() or name.rpartition("\\")[2] in ("system", "administrator")
