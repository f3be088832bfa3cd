"""What the checks of several lessons say of an image's user. Pure."""

from __future__ import annotations

from labkit.core.identity.kubelet_rules import cri_user, verify_run_as_non_root
from labkit.core.identity.model import Refusal, Settings


def why_not_non_root(user: str) -> str | None:
    """Why a kubelet could not let an image through as non-root, in words; None if its user is a number other than 0.

    Only the part before the colon says who it is (containerd/containerd:internal/cri/server/images/image_status.go).

    Args:
        user: Config.User, to the letter.
    """
    refusal, (name, colon, _) = kubelet_refusal(user), user.partition(":")
    if refusal is None:
        return None
    if not user:
        return "The image has no user, so it is root."
    if colon and not name:
        return f'Config.User is "{user}": there is nothing before the colon, and no user at all is root.'
    if name == "root":
        return f'Config.User is "{user}": the app would be root.'
    uid = cri_user(user).uid
    if uid is None:
        return f'Config.User is "{user}", a name; the kubelet cannot tell whether that is root.'
    if uid == 0:
        return f'Config.User is "{user}": a number, but the one of root.'
    return f'Config.User is "{user}": a number, and none that a kubelet takes. It says: {refusal.message}.'


def kubelet_refusal(user: str) -> Refusal | None:
    """The kubelet's no, by its rule, to a pod whose only setting is runAsNonRoot; None if it lets the image pass.

    Args:
        user: the image's Config.User, to the letter.
    """
    return verify_run_as_non_root(Settings(run_as_non_root=True), cri_user(user))
