"""As whom will it run, who refuses, and why: the rules of kubelet, runtime and engine put together."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.core.causes import Cause
from labkit.core.identity.engine_rules import resolve_in_engine
from labkit.core.identity.kubelet_rules import (
    CriUser,
    cri_user,
    effective_settings,
    invalid_settings,
    verify_run_as_non_root,
)
from labkit.core.identity.model import Answer, CannotResolve, DecidedBy, Identity, Image, Refusal, Settings, Versions
from labkit.core.identity.runtime_rules import check_sandbox, resolve_in_pod

_NOTHING = Settings()
_NEWEST = Versions()


def explain_in_pod(
    image: Image | None,
    pod: Settings = _NOTHING,
    container: Settings = _NOTHING,
    *,
    where: str = "",
    versions: Versions = _NEWEST,
) -> Answer:
    """As whom a container of a pod will run, or who refuses it.

    Args:
        image: its image; None if nothing is known of it.
        pod: the pod's securityContext.
        container: the container's own.
        where: how the kubelet's message names pod and container.
        versions: of the kubelet.
    """
    because: list[str] = []
    settings = effective_settings(pod, container)
    decided_by: DecidedBy = _who_decides(pod, container)
    user = cri_user(image.user) if image is not None else None
    _say_user(image, user, settings, decided_by, because)
    if (flaw := _flaw_of_pod(pod, settings, because)) is not None:
        no = verify_run_as_non_root(settings, user or CriUser(0), where, versions.kubernetes) if user else None
        return Answer(False, no is None, no, flaw, None, None, decided_by, tuple(because))
    if user is None and settings.run_as_non_root and settings.run_as_user is None:
        because.append("runAsNonRoot is true, and whether the kubelet refuses depends on the image's USER")
        return Answer(None, None, None, None, None, None, decided_by, tuple(because))
    no = verify_run_as_non_root(settings, user or CriUser(0), where, versions.kubernetes)
    _say_kubelet(no, settings, pod, container, because)
    if no is not None:
        return Answer(False, False, no, no, None, None, decided_by, tuple(because))
    if user is None or image is None or not image.files_known:
        uid = settings.run_as_user if settings.run_as_user is not None else (user.uid if user else None)
        because.append("group, groups and HOME depend on the image's passwd and group files, which are not known")
        return Answer(True, True, None, None, None, uid, decided_by, tuple(because))
    try:
        identity = resolve_in_pod(image, user, settings, because)
    except CannotResolve as error:
        because.append(f"the runtime refuses: {error}")
        return Answer(False, True, None, error.refusal, None, None, decided_by, tuple(because))
    _say_namespace(identity, settings, because)
    return Answer(True, True, None, None, identity, identity.uid, decided_by, tuple(because))


def explain_in_engine(
    image: Image,
    user: str | None = None,
    group_add: Sequence[str] = (),
    *,
    pod: Settings = _NOTHING,
    container: Settings = _NOTHING,
    versions: Versions = _NEWEST,
) -> Answer:
    """As whom `docker run` runs a container, or why it does not.

    Args:
        image: its image.
        user: as `docker run --user`; None or "" leaves it to the image's USER, as the engine does.
        group_add: as `docker run --group-add`, names or numbers.
        pod: a pod's securityContext, for the kubelet's verdict beside the engine's.
        container: likewise, a container's.
        versions: of the engine's runc.
    """
    because: list[str] = []
    spec = user or image.user
    decided_by: DecidedBy = "-u" if user else "image" if image.user else "default"
    if user:
        because.append(f"docker run -u {user} stands over the image's USER ({image.user or 'empty'})")
    elif image.user:
        because.append(f"no -u is given: the image's USER {image.user} decides")
    else:
        because.append("neither -u nor the image's USER says anything: uid 0 (root)")
    identity, refusal = None, None
    if image.files_known:
        try:
            identity = resolve_in_engine(image, spec, group_add, because, versions.engine_runc)
            if identity.uid == 0:
                because.append("uid 0 is root")
        except CannotResolve as error:
            refusal = error.refusal
            because.append(f"the engine refuses: {error}")
    uid = identity.uid if identity else None
    settings = effective_settings(pod, container)
    no = verify_run_as_non_root(settings, cri_user(image.user), kubernetes=versions.kubernetes)
    return Answer(refusal is None, no is None, no, refusal, identity, uid, decided_by, tuple(because))


def _flaw_of_pod(pod: Settings, settings: Settings, because: list[str]) -> Refusal | None:
    """What stops the pod before the kubelet looks at any container: ids out of range, or its sandbox."""
    if (invalid := invalid_settings(settings)) is not None:
        because.append(f"the API server does not let it in: {invalid}")
        return Refusal(Cause.BAD_USER_SPEC, invalid)
    try:
        check_sandbox(pod)
    except CannotResolve as error:
        because.append(
            f"the pod sets runAsGroup without runAsUser, so it gets no sandbox: the runtime refuses: {error}"
        )
        return error.refusal
    return None


def _who_decides(pod: Settings, container: Settings) -> DecidedBy:
    if container.run_as_user is not None:
        return "container"
    return "pod" if pod.run_as_user is not None else "image"


def _say_user(
    image: Image | None, user: CriUser | None, settings: Settings, decided_by: DecidedBy, because: list[str]
) -> None:
    """Whose user it is, and what is lost on the way."""
    if settings.run_as_user is not None:
        over = "an image that is not known" if image is None else f"the image's USER ({image.user or 'empty'})"
        because.append(f"the {decided_by}'s runAsUser {settings.run_as_user} stands over {over}")
    elif image is None or user is None:
        because.append("the image is not known, and nothing sets runAsUser")
    elif user.uid is None:
        because.append(f"the image's USER is the name {user.name}; no runAsUser stands over it")
    elif not image.user.partition(":")[0]:
        because.append("the image's USER names nobody, which means root (uid 0); no runAsUser stands over it")
    else:
        because.append(f"the image's USER is the uid {user.uid}; no runAsUser stands over it")
    if image is not None and settings.run_as_user is None:
        group = image.user.partition(":")[2]
        if group:
            because.append(f"the group in the image's USER ({group}) is lost: Kubernetes hands on the user alone")


def _say_kubelet(
    no: Refusal | None, settings: Settings, pod: Settings, container: Settings, because: list[str]
) -> None:
    if settings.run_as_non_root is None:
        because.append("nothing sets runAsNonRoot: the kubelet does not look at the user")
        return
    by = "container" if container.run_as_non_root is not None else "pod"
    if container.run_as_non_root is not None and pod.run_as_non_root is not None and not settings.run_as_non_root:
        by = "container, over the pod's true," if pod.run_as_non_root else by
    if not settings.run_as_non_root:
        because.append(f"runAsNonRoot is false, says the {by.rstrip(',')}: the kubelet does not look at the user")
    elif no is not None:
        because.append(f"runAsNonRoot is true, says the {by}: the kubelet refuses: {no.message}")
    else:
        because.append(f"runAsNonRoot is true, says the {by}: the kubelet sees a uid other than 0 and lets it pass")


def _say_namespace(identity: Identity, settings: Settings, because: list[str]) -> None:
    if settings.host_users is False:
        because.append(
            f"hostUsers is false: uid {identity.uid} inside is an unprivileged uid of the node; "
            "what the kubelet refuses stays the same"
        )
    elif identity.uid == 0:
        because.append("uid 0 is root, on the node as well (hostUsers is not false)")
