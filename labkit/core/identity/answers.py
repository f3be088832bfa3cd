"""As whom will it run in a pod, who refuses, and why: the rules of kubelet and runtime put together."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.core.admission.api_server import NOT_LET_IN
from labkit.core.causes import Cause
from labkit.core.identity.kubelet_rules import (
    CriUser,
    EnvironmentHome,
    cri_user,
    effective_settings,
    invalid_settings,
    verify_run_as_non_root,
)
from labkit.core.identity.model import (
    IDS_IN_POD_NAMESPACE,
    ROOT_BY_NAME,
    SENTENCE_ON_ROOT,
    Answer,
    CannotResolve,
    DecidedBy,
    Identity,
    Image,
    Refusal,
    Resolution,
    Settings,
    Versions,
)
from labkit.core.identity.runtime_rules import check_mapped, check_sandbox, reason_of_home, resolve_in_pod

_NOTHING = Settings()
_NEWEST = Versions()
_NAMESPACE = f"hostUsers is false: the pod's user namespace maps the ids 0 to {IDS_IN_POD_NAMESPACE - 1} and no others"


def explain_in_pod(
    image: Image | None,
    pod: Settings = _NOTHING,
    container: Settings = _NOTHING,
    *,
    home: EnvironmentHome | None = None,
    where: str = "",
    versions: Versions = _NEWEST,
) -> Answer:
    """As whom a container of a pod will run, or who refuses it.

    Args:
        image: its image; None if nothing is known of it.
        pod: the pod's securityContext.
        container: the container's own.
        home: HOME as the pod's environment sets it, None if it does not.
        where: how the kubelet's message names pod and container.
        versions: of the kubelet.
    """
    settings = effective_settings(pod, container)
    decided_by: DecidedBy = _who_decides(pod, container)
    user = cri_user(image.user) if image is not None else None
    because = _reasons_for_user(image, user, settings, decided_by)
    refusal = verify_run_as_non_root(settings, user or CriUser(0), where, versions.kubernetes)
    if (flaw := _flaw_of_pod(pod, settings)) is not None:
        if user is None:
            refusal = None
        return Answer(
            ok=False,
            kubelet_ok=refusal is None,
            kubelet_refusal=refusal,
            refusal=flaw.refusal,
            decided_by=decided_by,
            because=(*because, *flaw.because),
        )
    if user is None and settings.run_as_non_root and settings.run_as_user is None:
        because.append("runAsNonRoot is true, and whether the kubelet refuses depends on the image's USER")
        return Answer(ok=None, kubelet_ok=None, decided_by=decided_by, because=tuple(because))
    because.append(_reason_of_kubelet(refusal, settings, pod, container))
    if refusal is not None:
        return Answer(
            ok=False,
            kubelet_ok=False,
            kubelet_refusal=refusal,
            refusal=refusal,
            decided_by=decided_by,
            because=tuple(because),
        )
    if user is None or image is None or not image.files_known:
        return _without_files(settings, user, home, decided_by, because)
    return _by_files(image, user, settings, home, decided_by, because)


def _without_files(
    settings: Settings,
    user: CriUser | None,
    home: EnvironmentHome | None,
    decided_by: DecidedBy,
    before: Sequence[str],
) -> Answer:
    """The runtime's answer as far as it is known without the image's passwd and group files.

    Args:
        settings: those in effect.
        user: the image's, as the kubelet has it; None if it is not known.
        home: HOME as the pod's environment sets it, None if it does not.
        decided_by: who named the user.
        before: what was decided before the runtime.
    """
    if settings.host_users is False and (unmapped := _unmapped(settings, user)) is not None:
        return Answer(
            ok=False,
            kubelet_ok=True,
            refusal=unmapped.refusal,
            decided_by=decided_by,
            because=(*before, *unmapped.because),
        )
    because = [*before]
    home_is_set = home is not None and home.value != ""
    uid = settings.run_as_user if settings.run_as_user is not None else (user.uid if user else None)
    if uid is None and user is not None and user.name == ROOT_BY_NAME:
        uid = 0
        because.append(SENTENCE_ON_ROOT)
    because.append(_reason_of_what_is_missing(user, uid, settings.run_as_group, home_is_set))
    because += [reason_of_home(home)] if home is not None and home_is_set else []
    return Answer(
        ok=True if uid is not None else None,
        kubelet_ok=True,
        uid=uid,
        gid=settings.run_as_group if uid is not None else None,
        home=home.value or None if home is not None and uid is not None else None,
        decided_by=decided_by,
        because=tuple(because),
    )


def _by_files(
    image: Image,
    user: CriUser,
    settings: Settings,
    home: EnvironmentHome | None,
    decided_by: DecidedBy,
    before: Sequence[str],
) -> Answer:
    """The runtime's answer, which has the image's passwd and group files.

    Args:
        image: its files are known.
        user: the image's, as the kubelet has it.
        settings: those in effect.
        home: HOME as the pod's environment sets it, None if it does not.
        decided_by: who named the user.
        before: what was decided before the runtime.
    """
    resolution = resolve_in_pod(image, user, settings, home)
    because = [*before, *resolution.because]
    identity = resolution.identity
    if resolution.refusal is not None:
        because += [_NAMESPACE] if resolution.refusal.cause is Cause.USER_NAMESPACE else []
        because.append(f"the runtime refuses: {resolution.refusal.message}")
    elif identity is not None:
        because += _reasons_of_namespace(identity, settings)
    return Answer(
        ok=identity is not None,
        kubelet_ok=True,
        refusal=resolution.refusal,
        runs_as=identity,
        uid=identity.uid if identity else None,
        decided_by=decided_by,
        because=tuple(because),
    )


def _flaw_of_pod(pod: Settings, settings: Settings) -> Resolution | None:
    """What stops the pod before the kubelet looks at any container: ids out of range, or its sandbox."""
    if (invalid := invalid_settings(settings)) is not None:
        because = f"{NOT_LET_IN}: {invalid}"
        return Resolution(refusal=Refusal(Cause.INVALID_MANIFEST, invalid), because=(because,))
    try:
        check_sandbox(pod)
    except CannotResolve as error:
        in_namespace = error.refusal.cause is Cause.USER_NAMESPACE
        why = _NAMESPACE if in_namespace else "the pod sets runAsGroup without runAsUser"
        because = f"{why}, so the pod gets no sandbox: the runtime refuses: {error}"
        return Resolution(refusal=error.refusal, because=(because,))
    return None


def _unmapped(settings: Settings, user: CriUser | None) -> Resolution | None:
    """Why a container does not start in its user namespace, as far as its ids are known without the image's files."""
    uid = settings.run_as_user if settings.run_as_user is not None else (user.uid if user is not None else None)
    of_volumes = () if settings.fs_group is None else (settings.fs_group,)
    try:
        check_mapped(uid, settings.run_as_group, (*settings.supplemental_groups, *of_volumes))
    except CannotResolve as error:
        return Resolution(refusal=error.refusal, because=(_NAMESPACE, f"the runtime refuses: {error}"))
    return None


def _who_decides(pod: Settings, container: Settings) -> DecidedBy:
    if container.run_as_user is not None:
        return "container"
    return "pod" if pod.run_as_user is not None else "image"


def _reasons_for_user(
    image: Image | None, user: CriUser | None, settings: Settings, decided_by: DecidedBy
) -> list[str]:
    """Whose user it is, and what is lost on the way."""
    if settings.run_as_user is not None:
        overridden = "an image that is not known" if image is None else f"the image's USER ({image.user or 'empty'})"
        return [f"the {decided_by}'s runAsUser {settings.run_as_user} overrides {overridden}"]
    if image is None or user is None:
        return ["the image is not known, and nothing sets runAsUser"]
    name, _, group = image.user.partition(":")
    if user.uid is None:
        reason = f"the image's USER is the name {user.name}; no runAsUser overrides it"
    elif not name:
        reason = "the image sets no USER, which means root (uid 0); no runAsUser overrides it"
    else:
        reason = f"the image's USER is the uid {user.uid}; no runAsUser overrides it"
    lost = f"the group in the image's USER ({group}) is lost: Kubernetes passes on only the user"
    return [reason, lost] if group else [reason]


def _reason_of_kubelet(refusal: Refusal | None, settings: Settings, pod: Settings, container: Settings) -> str:
    if settings.run_as_non_root is None:
        return "nothing sets runAsNonRoot: the kubelet does not look at the user"
    by = "container" if container.run_as_non_root is not None else "pod"
    if not settings.run_as_non_root:
        overrides = ", which overrides the pod's true" if by == "container" and pod.run_as_non_root else ""
        return f"runAsNonRoot is false, says the {by}{overrides}: the kubelet does not look at the user"
    if refusal is not None:
        return f"runAsNonRoot is true, says the {by}: the kubelet refuses: {refusal.message}"
    return f"runAsNonRoot is true, says the {by}: the kubelet sees a uid other than 0 and lets it pass"


def _reason_of_what_is_missing(user: CriUser | None, uid: int | None, gid: int | None, home_is_set: bool) -> str:
    """What is not known without the image, or without its passwd and group files."""
    if uid is not None:
        unknown = [*(["group"] if gid is None else []), "groups", *([] if home_is_set else ["HOME"])]
        listed = " and ".join(filter(None, [", ".join(unknown[:-1]), unknown[-1]]))
        return f"{listed} depend on the image's passwd and group files, which are not known"
    if user is None:
        return "as whom it runs depends on the image's USER, which is not known"
    return f"which uid {user.name} is, and whether there is one, depends on the image's passwd file, which is not known"


def _reasons_of_namespace(identity: Identity, settings: Settings) -> list[str]:
    if settings.host_users is False:
        return [
            f"hostUsers is false: uid {identity.uid} inside is an unprivileged uid of the node; "
            "what the kubelet refuses stays the same"
        ]
    return ["uid 0 is root, on the node as well (hostUsers is not false)"] if identity.uid == 0 else []
