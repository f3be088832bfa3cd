"""As whom will `docker run` run it, or why does it not: the engine's rules, with the kubelet's verdict beside them."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.core.causes import Cause
from labkit.core.identity.engine_rules import resolve_in_engine
from labkit.core.identity.kubelet_rules import cri_user, effective_settings, verify_run_as_non_root
from labkit.core.identity.model import (
    ROOT_BY_NAME,
    SENTENCE_ON_ROOT,
    Answer,
    DecidedBy,
    Image,
    Refusal,
    Settings,
    Versions,
    read_number,
)

_NOTHING = Settings()
_NEWEST = Versions()


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
    decided_by: DecidedBy = "-u" if user else "image" if image.user else "default"
    if user:
        because = [f"docker run -u {user} overrides the image's USER ({image.user or 'empty'})"]
    elif image.user:
        because = [f"no -u is given: the image's USER {image.user} decides"]
    else:
        because = ["neither -u nor the image's USER says anything: uid 0 (root)"]
    settings = effective_settings(pod, container)
    kubelet_refusal = verify_run_as_non_root(settings, cri_user(image.user), kubernetes=versions.kubernetes)
    resolution = resolve_in_engine(image, user or image.user, group_add, versions.engine_runc, versions.engine_ids)
    if not image.files_known and (user or image.user).partition(":")[0] == ROOT_BY_NAME:
        return _unknown_in_engine(0, kubelet_refusal, decided_by, [*because, SENTENCE_ON_ROOT])
    if not image.files_known and _names(user or image.user, group_add):
        because.append("a name depends on the image's passwd and group files, which are not known")
        return _unknown_in_engine(None, kubelet_refusal, decided_by, because)
    if not image.files_known and resolution.identity is not None:
        because.append("group, groups and HOME depend on the image's passwd and group files, which are not known")
        return _unknown_in_engine(resolution.identity.uid, kubelet_refusal, decided_by, because)
    because += resolution.because
    identity = resolution.identity
    if identity is not None and identity.uid == 0:
        because.append("uid 0 is root")
    if resolution.refusal is not None and resolution.refusal.cause is Cause.USER_NAMESPACE:
        because.append(f"the engine runs containers in a user namespace that maps {versions.engine_ids} ids, from 0")
    if resolution.refusal is not None:
        because.append(f"the engine refuses: {resolution.refusal.message}")
    return Answer(
        ok=resolution.refusal is None,
        kubelet_ok=kubelet_refusal is None,
        kubelet_refusal=kubelet_refusal,
        refusal=resolution.refusal,
        runs_as=identity,
        uid=identity.uid if identity else None,
        decided_by=decided_by,
        because=tuple(because),
    )


def _names(user: str, group_add: Sequence[str]) -> bool:
    """Whether something is looked up by its name, for which the image's files are needed."""
    name, _, group = user.partition(":")
    return any(text and read_number(text) is None for text in (name, group, *group_add))


def _unknown_in_engine(
    uid: int | None, kubelet_refusal: Refusal | None, decided_by: DecidedBy, because: Sequence[str]
) -> Answer:
    """What the engine does with an image of which only the USER is known."""
    return Answer(
        ok=True if uid is not None else None,
        kubelet_ok=kubelet_refusal is None,
        kubelet_refusal=kubelet_refusal,
        uid=uid,
        decided_by=decided_by,
        because=tuple(because),
    )
